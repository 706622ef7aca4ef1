/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "call/meter.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/mobile.h"
#include "call/negotiate.h"
#include "call/record.h"
#include "call/served.h"

int negotiate_follow_own(struct leg *leg, const struct sdp *theirs)
{
	struct sdp *ours = NULL;
	const char *why;
	int err = sdp_parse(&ours, buf_view(&leg->sent), &why);

	if (!err)
		err = leg_media_remote(leg, theirs, ours);
	sdp_free(ours);
	return err;
}

void negotiate_settled(struct call *call, struct leg *caller, struct leg *callee)
{
	leg_ack(callee);
	if (leg_is_over(caller) || leg_is_over(callee))
		return;
	record_leg_kept(callee);
	if (leg_send_sdp(caller, buf_view(&caller->sent)))
		call_end(call, REASON_OVERLOAD, 0, "system", STR_NONE);
}

void negotiate_reopen(struct leg *caller)
{
	if (caller->offered || !caller->theirs || caller->owes != LEG_OWES_FINAL)
		return;
	caller->offered = caller->theirs;
	caller->theirs = NULL;
}

void negotiate_watch(struct leg *caller, uint64_t version_before)
{
	if (caller->owes == LEG_OWES_FINAL && caller->inv && sip_invite_is_settled(caller->inv) &&
	    caller->sdp_version != version_before)
		caller->must_reoffer = true;
}

void negotiate_reoffer(struct leg *caller)
{
	struct log_ctx ctx = leg_log(caller);
	int err;

	if (leg_is_over(caller) || caller->owes != LEG_OWES_NOTHING)
		return;
	err = leg_send_sdp(caller, buf_view(&caller->sent));
	if (err)
		log_warn(&ctx, LOGID_CALL, "the device that answered could not be described: %s",
			 strerror(err));
}

/* Our description to the leg: the answer to what it offers, or an offer when it offers nothing. */
static int describe_own(struct leg *leg, struct str *sdp)
{
	uint64_t version = leg->sdp_version;
	int err;

	negotiate_reopen(leg);
	err = leg_sdp_own(leg, leg->offered, sdp);
	if (!err)
		negotiate_watch(leg, version);

	if (err || !leg->offered)
		return err;
	err = negotiate_follow_own(leg, leg->offered);
	if (err)
		return err;
	sdp_free(leg->theirs);
	leg->theirs = leg->offered;
	leg->offered = NULL;
	return 0;
}

int negotiate_own(struct call *call, struct leg *leg, const char *service)
{
	enum reason why;
	struct str sdp;
	int err = describe_own(leg, &sdp);

	if (err)
		return err;
	if (!meter_open_inbound(leg, 0, &why))
		return EDQUOT;
	meter_start(leg);
	record_call_answered(call, NULL);
	record_segment_begin(call, leg, NULL, service);
	return leg_send_sdp(leg, sdp);
}

int negotiate_own_early(struct leg *leg)
{
	struct str sdp;
	int err = describe_own(leg, &sdp);

	if (!err)
		leg_progress(leg, 183, sdp);
	return err;
}

int negotiate_describe(struct leg *leg)
{
	struct str sdp;
	int err = describe_own(leg, &sdp);

	return err ? err : leg_send_sdp(leg, sdp);
}

void negotiate_interrupt(struct leg *leg)
{
	if (leg->owes == LEG_OWES_RESPONSE)
		leg_end_offer(leg, 491);
	if (leg->owes == LEG_OWES_ACK)
		leg_ack(leg);
	if (!leg->theirs) {
		leg->theirs = leg->offered;
		leg->offered = NULL;
	}
	leg->offered = sdp_free(leg->offered);
}

/* Who only wanted to take part takes nothing with it. */
static void own_failed(struct call *call, struct leg *leg, enum reason reason)
{
	if (leg->replaces)
		leg_hangup(leg, reason, 0, STR_NONE);
	else
		call_end(call, reason, 0, "system", STR_NONE);
}

/* Its answer to the offer in our 200 (a service offered, because the leg had not). */
static void own_answered(struct call *call, struct leg *leg, struct str sdp)
{
	struct sdp *s = NULL;
	unsigned status;

	if (!sdp.n && leg->theirs)
		return; /* nothing was due */
	if (!sdp.n || leg_sdp_parse(leg, &s, sdp, true, &status)) {
		own_failed(call, leg, REASON_PROTOCOL);
		return;
	}
	sdp_free(leg->theirs);
	leg->theirs = s;
	if (negotiate_follow_own(leg, leg->theirs))
		own_failed(call, leg, REASON_OVERLOAD);
}

void negotiate_acked(struct call *call, struct leg *leg, struct str sdp)
{
	struct sdp *s = NULL;
	unsigned status;

	if (!bridge_has(call->bridge, leg)) {
		own_answered(call, leg, sdp);
		return;
	}
	if (!bridge_waits_for(call->bridge, leg))
		return; /* an ordinary ACK; a description in it answers nothing */
	if (sdp.n && !leg_sdp_parse(leg, &s, sdp, true, &status))
		bridge_answer(call->bridge, leg, &s);
	else
		bridge_broken(call->bridge, leg);
}

void negotiate_refresh(struct leg *leg)
{
	struct sip_extra extra = {.content_type = STR("application/sdp"),
				  .body = buf_view(&leg->sent)};

	if (!leg->sent.n || leg->owes != LEG_OWES_NOTHING)
		return; /* what is under way refreshes as well */
	leg->is_refreshing = !sip_invite_reinvite(leg->inv, &extra);
}

int negotiate_tell(struct leg *leg, struct str headers)
{
	bool is_update = sip_invite_takes_update(leg->inv);
	struct sip_extra extra = {.headers = headers};
	int err;

	if (leg->owes != LEG_OWES_NOTHING || (!is_update && !leg->sent.n))
		return EBUSY;
	if (!is_update) {
		extra.content_type = STR("application/sdp");
		extra.body = buf_view(&leg->sent);
	}
	err = is_update ? sip_invite_update(leg->inv, &extra)
			: sip_invite_reinvite(leg->inv, &extra);
	if (!err)
		leg->is_refreshing = true;
	return err;
}

/* The answer to that; a device that takes the occasion to move is followed. */
static void refreshed(struct call *call, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *peer = bridge_peer(call->bridge, leg);
	struct sdp *s = NULL;
	unsigned status;
	int err = 0;

	leg->is_refreshing = false;
	if (ev->status >= 300)
		return;
	leg_ack(leg);
	if (leg_is_over(leg) || !ev->sdp.n || leg_sdp_parse(leg, &s, ev->sdp, true, &status))
		return;
	if (!leg->theirs || sdp_same(leg->theirs, s) || s->nmedia != leg->theirs->nmedia) {
		sdp_free(s);
		return;
	}
	sdp_free(leg->theirs);
	leg->theirs = s;
	if (!peer)
		err = negotiate_follow_own(leg, leg->theirs);
	else if (leg->is_direct)
		bridge_move(call->bridge, true); /* the other must hear of it */
	else if (peer->theirs) {
		err = leg_media_remote(leg, leg->theirs, peer->theirs);
		if (!err)
			err = leg_media_remote(peer, peer->theirs, leg->theirs);
	}
	if (err)
		call_end(call, REASON_OVERLOAD, 0, "system", STR_NONE);
}

/* It only refreshes its session: what we last said is the answer, and the other side need not hear of it. */
static bool is_refresh(const struct leg *leg, const struct sip_inv_event *ev, const struct sdp *s)
{
	return ev->msg && sip_msg_has(ev->msg, SIP_HDR_SESSION_EXPIRES) && s && leg->theirs &&
	       leg->sent.n && sdp_same(leg->theirs, s);
}

static void offer_to_service(struct leg *leg, struct sdp *offer)
{
	bool was_held = leg->theirs && leg_sdp_is_held(leg->theirs);
	struct str sdp;
	int err;

	sdp_free(leg->offered);
	leg->offered = offer;
	err = describe_own(leg, &sdp);
	if (err) {
		leg->offered = sdp_free(leg->offered);
		leg_end_offer(leg, err == ENOMEM || err == ENOBUFS ? 500 : 488);
		return;
	}
	err = leg_send_sdp(leg, sdp);
	if (err) {
		call_end(leg->call, REASON_OVERLOAD, 0, "system", STR_NONE);
		return;
	}
	record_leg_kept(leg);
	if (offer && leg_sdp_is_held(leg->theirs) != was_held)
		call_leg_held(leg->call, leg, !was_held);
}

void negotiate_offer(struct call *call, struct leg *leg, const struct sip_inv_event *ev)
{
	struct sdp *s = NULL;
	unsigned status;

	if (ev->sdp.n && leg_sdp_parse(leg, &s, ev->sdp, false, &status)) {
		leg_end_offer(leg, status);
		return;
	}
	if (!s && ev->msg && ev->msg->method == SIP_UPDATE) {
		/* RFC 3311 5.1: without description it only refreshes the target */
		leg_end_offer(leg, 200);
		record_leg_kept(leg);
		return;
	}
	if (is_refresh(leg, ev, s)) {
		sdp_free(s);
		if (leg_send_sdp(leg, buf_view(&leg->sent)))
			call_end(call, REASON_OVERLOAD, 0, "system", STR_NONE);
		return;
	}
	if (!bridge_has(call->bridge, leg)) {
		if (call->service || mobile_is(leg))
			offer_to_service(leg, s);
		else {
			sdp_free(s);
			leg_end_offer(leg, 491);
		}
		return;
	}
	if (s)
		bridge_offer(call->bridge, leg, &s);
	else
		bridge_ask(call->bridge, leg);
}

/* What the other device hears of a refusal.  The session goes on: a status that would end its dialog (RFC 5057 5.1), or
 * that is between us and the one that refused, is not passed. */
static unsigned refusal_for_peer(const struct sip_inv_event *ev)
{
	switch (ev->status) {
	case 403:
	case 415:
	case 486:
	case 488:
	case 491:
	case 603:
	case 606:
		return ev->msg ? ev->status : 500;
	default:
		return ev->status >= 400 && ev->status < 500 ? 488 : 500;
	}
}

void negotiate_offer_done(struct call *call, struct leg *leg, const struct sip_inv_event *ev)
{
	struct sdp *s = NULL;
	unsigned status;
	bool is_answer;

	if (leg->is_refreshing) {
		refreshed(call, leg, ev);
		return;
	}
	if (served_described(leg, ev))
		return;
	if (ev->status >= 300) {
		if (call->bridge)
			bridge_refusal(call->bridge, leg, refusal_for_peer(ev));
		return;
	}
	is_answer = !bridge_has(call->bridge, leg) || bridge_state(call->bridge) != BRIDGE_ASKED;
	if (ev->sdp.n && leg_sdp_parse(leg, &s, ev->sdp, is_answer, &status))
		s = NULL;
	if (!bridge_has(call->bridge, leg) || !bridge_waits_for(call->bridge, leg))
		s = sdp_free(s); /* too late: its negotiation was given up */
	else if (!s) /* RFC 3261 14.1: what does not come about leaves the session as it was */
		bridge_refusal(call->bridge, leg, 488);
	else if (bridge_state(call->bridge) == BRIDGE_ASKED)
		bridge_offer(call->bridge, leg, &s);
	else
		bridge_answer(call->bridge, leg, &s);
	/* A 2xx is acknowledged in any case; the ACK that carries an answer comes with that. */
	if (!bridge_has(call->bridge, leg) || !bridge_owes(call->bridge, leg))
		leg_ack(leg);
}

void negotiate_grown(struct call *call, struct leg *leg, int err)
{
	if (!served_grown(leg, err) && bridge_has(call->bridge, leg))
		bridge_grown(call->bridge, leg, err);
}
