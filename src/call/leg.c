/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The leg's state machine: leg.def carried out.  Each action is what happens on one row; what it means to the call is told
 * to conduct.c at its end, when this leg is already in its new state.
 */
#include <string.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/early.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/meter.h"
#include "call/leg_sip.h"
#include "call/negotiate.h"
#include "call/record.h"
#include "call/party.h"
#include "call/refer.h"

typedef void leg_action_h(struct leg *leg, const struct leg_msg *m);

static const struct {
	const char *name;
	uint32_t timeout_ms;
} states[LEG_NSTATES] = {
#define X(name, ms) [LEG_##name] = {#name, ms},
#include "call/leg_states.def"
#undef X
};

static const struct leg_msg nothing;

static void act_nothing(struct leg *leg, const struct leg_msg *m)
{
}

static void act_open(struct leg *leg, const struct leg_msg *m)
{
	if (leg_media_open(leg))
		leg_event(leg, LEV_MEDIA_FAILED, &nothing);
}

/* Its device and another one will describe themselves to each other. */
static void act_bare(struct leg *leg, const struct leg_msg *m)
{
	leg->is_direct = leg->has_been_direct = true;
	leg->nstreams = 0;
	if (!leg->is_caller)
		call_leg_opened(leg->call, leg);
}

static void act_opened(struct leg *leg, const struct leg_msg *m)
{
	memcpy(leg->local, m->media->u.local, sizeof(leg->local));
	call_leg_opened(leg->call, leg);
}

/* What the device still waits for: the ACK of a 200 that would be repeated into our BYE, the answer to its re-INVITE. */
static void settle(struct leg *leg)
{
	if (leg->owes == LEG_OWES_ACK)
		leg_ack(leg);
	if (leg->owes == LEG_OWES_RESPONSE)
		leg_end_offer(leg, 487); /* RFC 3261 15.1.2 */
}

static void close_media(struct leg *leg)
{
	if (leg->session == LEG_SESSION_NONE)
		leg_event(leg, LEV_MEDIA_CLOSED, &nothing);
	else
		leg_media_close(leg);
}

/* Both halves of the end.  What does not exist has ended already. */
static void close_both(struct leg *leg, unsigned status, struct str headers)
{
	settle(leg);
	close_media(leg);
	if (leg->inv)
		sip_invite_end(leg->inv, status, headers);
	else
		leg_event(leg, LEV_SIP_ENDED, &nothing);
}

static void act_close(struct leg *leg, const struct leg_msg *m)
{
	unsigned status = m->status ? m->status : reason_status(m->reason);

	record_leg_over(leg, m->reason, leg->rec.answered_at ? 0 : status, "system");
	close_both(leg, status, m->headers);
}

/* What the caller hears of it: a device's refusal is translated; what the stack made of its silence (408, 503), and what a phone
 * calls its own end of ringing, is the reason's. */
static unsigned status_told(const struct leg_msg *m)
{
	if (m->status && m->sip && m->sip->msg && m->reason != REASON_NO_ANSWER)
		return reason_status_for_caller(m->status);
	return reason_status(m->reason);
}

/* The peer, or the way to it, has ended the leg: SIP_ENDED follows by itself. */
static void act_gone(struct leg *leg, const struct leg_msg *m)
{
	record_leg_over(leg, m->reason, m->status, "peer");
	settle(leg);
	close_media(leg);
	if (!leg->inv)
		leg_event(leg, LEV_SIP_ENDED, &nothing);
	call_leg_gone(leg->call, leg, m->reason, status_told(m), m->headers);
}

/* We end it because something of ours failed. */
static void fail(struct leg *leg, enum reason reason)
{
	record_leg_over(leg, reason, reason_status(reason), "system");
	close_both(leg, reason_status(reason), STR_NONE);
	call_leg_gone(leg->call, leg, reason, 0, STR_NONE);
}

static void act_no_media(struct leg *leg, const struct leg_msg *m)
{
	if (m->media) /* FAILED: nothing was opened; TIMEOUT: it may yet be */
		leg->session = LEG_SESSION_NONE;
	fail(leg, REASON_MEDIA_FAILED);
}

static void act_stuck(struct leg *leg, const struct leg_msg *m)
{
	fail(leg, REASON_PEER_LOST);
}

static void act_released(struct leg *leg, const struct leg_msg *m)
{
	record_leg_over(leg, REASON_TRANSFERRED, 0, "system");
	close_both(leg, 0, STR_NONE);
}

static void act_fault(struct leg *leg, const struct leg_msg *m)
{
	fail(leg, REASON_OVERLOAD);
}

static void act_dial(struct leg *leg, const struct leg_msg *m)
{
	if (!leg_sip_dial(leg, m->sdp))
		return;
	leg_event(leg, LEV_REJECTED,
		  &(struct leg_msg){.reason = REASON_UNAVAILABLE, .status = 503});
}

static void act_provisional(struct leg *leg, const struct leg_msg *m)
{
	if (m->sip->status == 180 || m->sip->status == 183)
		record_leg_ringing(leg);
	call_leg_provisional(leg->call, leg, m->sip);
}

static void act_answered(struct leg *leg, const struct leg_msg *m)
{
	leg->owes = LEG_OWES_ACK;
	call_leg_answered(leg->call, leg, m->sip);
}

static void act_up(struct leg *leg, const struct leg_msg *m)
{
	leg->owes = LEG_OWES_NOTHING;
	if (sip_invite_ack(leg->inv, m->sdp))
		leg_event(leg, LEV_FAULT, &nothing);
}

static void act_accept(struct leg *leg, const struct leg_msg *m)
{
	struct buf lines = {0};
	struct sip_extra extra = {.content_type = STR("application/sdp"), .body = m->sdp};
	int err;

	leg->owes = LEG_OWES_NOTHING;
	record_leg_answered(leg);
	record_leg_kept(leg);
	buf_str(&lines, m->headers);
	party_tell_peer(&lines, leg);
	extra.headers = buf_view(&lines);
	err = lines.err ? lines.err : sip_invite_accept(leg->inv, &extra);
	buf_free(&lines);
	if (err)
		leg_event(leg, LEV_FAULT, &nothing);
}

static void act_pracked(struct leg *leg, const struct leg_msg *m)
{
	call_leg_pracked(leg->call, leg, m->sip->sdp);
}

static void act_acked(struct leg *leg, const struct leg_msg *m)
{
	call_leg_acked(leg->call, leg, m->sip->sdp);
}

static void act_not_now(struct leg *leg, const struct leg_msg *m)
{
	enum leg_owes owes =
		leg->owes; /* an offer refused changes nothing about the one before it */

	leg_end_offer(leg, 491);
	leg->owes = owes;
}

static void act_offer(struct leg *leg, const struct leg_msg *m)
{
	if (leg->owes != LEG_OWES_NOTHING) { /* it is in the middle of another one */
		act_not_now(leg, m);
		return;
	}
	leg->owes = LEG_OWES_RESPONSE;
	leg->is_by_update = m->sip->msg && m->sip->msg->method == SIP_UPDATE;
	negotiate_offer(leg->call, leg, m->sip);
}

static void act_early_offer(struct leg *leg, const struct leg_msg *m)
{
	if (!early_offer(leg->call, leg, m->sip))
		act_not_now(leg, m);
}

static void act_early_done(struct leg *leg, const struct leg_msg *m)
{
	early_answer(leg->call, leg, m->sip);
}

static void act_refresh(struct leg *leg, const struct leg_msg *m)
{
	negotiate_refresh(leg);
}

static void act_offer_done(struct leg *leg, const struct leg_msg *m)
{
	bool is_ok = m->sip->status >= 200 && m->sip->status < 300 &&
		     !(m->sip->msg && m->sip->msg->method == SIP_UPDATE); /* which has no ACK */

	leg->owes = is_ok ? LEG_OWES_ACK : LEG_OWES_NOTHING;
	negotiate_offer_done(leg->call, leg, m->sip);
}

static void act_offer_acked(struct leg *leg, const struct leg_msg *m)
{
	negotiate_acked(leg->call, leg, m->sip->sdp);
}

static void act_request(struct leg *leg, const struct leg_msg *m)
{
	leg_sip_request(leg, m->sip);
}

static void act_grown(struct leg *leg, const struct leg_msg *m)
{
	bool is_first = !leg->nstreams;

	if (leg->session != LEG_SESSION_OPEN)
		return; /* not needed any more */
	memcpy(leg->local, m->media->u.local, sizeof(leg->local));
	leg->nstreams = leg->nasked;
	if (is_first && leg->st == LEG_READY && !leg->call->bridge)
		call_leg_opened(leg->call, leg);
	else
		negotiate_grown(leg->call, leg, 0);
}

static void act_not_grown(struct leg *leg, const struct leg_msg *m)
{
	if (!leg->nstreams)
		leg->session = LEG_SESSION_NONE;
	if (leg->session == LEG_SESSION_NONE && leg->st == LEG_READY && !leg->call->bridge)
		call_end(leg->call, REASON_MEDIA_FAILED, 0, "system", STR_NONE);
	else
		negotiate_grown(leg->call, leg, m->media && m->media->err ? m->media->err : EIO);
}

/* The session of a leg that goes on without, or needs one again already. */
static void act_shut(struct leg *leg, const struct leg_msg *m)
{
	leg->session = LEG_SESSION_NONE;
	if (m->media)
		record_leg_counters(leg, &m->media->u.counters);
	if (leg->nasked && leg_media_grow(leg, leg->nasked))
		negotiate_grown(leg->call, leg, ENOBUFS);
}

static void act_silent(struct leg *leg, const struct leg_msg *m)
{
	call_leg_silent(leg->call, leg);
}

static void act_broken(struct leg *leg, const struct leg_msg *m)
{
	call_leg_broken(leg->call, leg, m->media->err);
}

static void act_heard(struct leg *leg, const struct leg_msg *m)
{
	call_leg_heard(leg->call, leg);
}

static void act_counted(struct leg *leg, const struct leg_msg *m)
{
	leg->session = LEG_SESSION_NONE;
	if (m->media)
		record_leg_counters(leg, &m->media->u.counters);
}

static void act_over(struct leg *leg, const struct leg_msg *m)
{
	record_leg_closed(leg);
	call_leg_closed(leg->call, leg);
}

static void act_counted_over(struct leg *leg, const struct leg_msg *m)
{
	act_counted(leg, m);
	act_over(leg, m);
}

static void act_media_stuck(struct leg *leg, const struct leg_msg *m)
{
	struct log_ctx ctx = leg_log(leg);

	log_error(&ctx, LOGID_MEDIA,
		  "the media engine does not close a session: going on without its counters");
	leg->session = LEG_SESSION_NONE;
}

/* Our CANCEL or BYE could not be sent, for want of memory: no timer of the stack runs for what was never sent. */
static void act_sip_stuck(struct leg *leg, const struct leg_msg *m)
{
	struct log_ctx ctx = leg_log(leg);

	log_warn(&ctx, LOGID_CALL,
		 "the device still has not been told that its call is over: telling it again");
	timer_start(leg->cs->conf.env.wheel, &leg->timer, states[leg->st].timeout_ms, leg->timer.fn,
		    leg->timer.arg);
	sip_invite_end(leg->inv, reason_status(REASON_OVERLOAD), STR_NONE);
}

static const struct edge {
	bool is_legal;
	enum leg_state to;
	leg_action_h *act;
} edges[LEG_NSTATES][LEV_NEVENTS] = {
#define X(from, ev, to, act) [LEG_##from][LEV_##ev] = {true, LEG_##to, act},
#include "call/leg.def"
#undef X
};

static const char *const event_names[LEV_NEVENTS] = {
#define X(name) #name,
#include "call/leg_events.def"
#undef X
};

const char *leg_state_name(enum leg_state st)
{
	return states[st].name;
}

static void leg_timeout(struct timer *t, void *arg)
{
	leg_event(arg, LEV_TIMEOUT, &nothing);
}

/* A peer's request is owed an answer even where it has no place. */
static void leg_unexpected(struct leg *leg, enum leg_ev ev, const struct leg_msg *m)
{
	struct log_ctx ctx = leg_log(leg);

	log_debug(&ctx, LOGID_CALL, "%s in state %s: ignored", event_names[ev],
		  leg_state_name(leg->st));
	if (ev == LEV_REQUEST)
		(void)sip_reply(m->sip->st, 481, NULL, &(struct sip_extra){0});
	else if (ev == LEV_OFFER)
		leg_end_offer(leg, 481);
}

bool leg_event(struct leg *leg, enum leg_ev ev, const struct leg_msg *m)
{
	const struct edge *e = &edges[leg->st][ev];
	enum leg_state from = leg->st;

	ON_THREAD(THREAD_CORE);
	if (!e->is_legal) {
		leg_unexpected(leg, ev, m);
		return false;
	}
	/* State first, action second: an action that comes back here (a failed send reports at once) must see the new state. */
	leg->st = e->to;
	if (from != e->to) {
		timer_cancel(&leg->timer);
		if (states[e->to].timeout_ms)
			timer_start(leg->cs->conf.env.wheel, &leg->timer, states[e->to].timeout_ms,
				    leg_timeout, leg);
	}
	e->act(leg, m);
	if (from != leg->st)
		lines_changed(leg);
	return true;
}

struct log_ctx leg_log(const struct leg *leg)
{
	return (struct log_ctx){leg->rec.tenant_id, leg->rec.call_id, leg->rec.id};
}

bool leg_is_over(const struct leg *leg)
{
	return leg->st >= LEG_CLOSING;
}

void leg_hangup(struct leg *leg, enum reason reason, unsigned status, struct str headers)
{
	if (!leg_is_over(leg))
		leg_event(
			leg, LEV_HANGUP,
			&(struct leg_msg){.reason = reason, .status = status, .headers = headers});
}

void leg_move(struct leg *leg, struct call *to)
{
	struct party p;

	if (!leg->extension_id) { /* who it is stands in the call it leaves */
		party_of(&p, leg);
		party_keep(leg, &p);
	}
	meter_settle(leg, false);
	leg->call->nalive--;
	list_remove(&leg->in_call);
	record_leg_moved(leg, to);
	leg->call = to;
	list_append(&to->legs, &leg->in_call);
	to->nalive++;
	lines_changed(leg); /* it talks to somebody else */
}

const struct trunk *leg_trunk(const struct leg *leg)
{
	return model_trunk(leg->cs->conf.model, leg->trunk_id);
}

struct leg *leg_get(const struct calls *cs, oid id)
{
	return ids_get(cs->legs, id);
}

int leg_alloc(struct leg **lp, struct call *call, bool is_caller)
{
	struct calls *cs = call->cs;
	struct leg *leg = mem_alloc(sizeof(*leg));
	int err;

	if (!leg)
		return ENOMEM;
	leg->cs = cs;
	leg->call = call;
	list_init(&leg->relayed);
	leg->is_caller = is_caller;
	leg->owes = is_caller ? LEG_OWES_FINAL : LEG_OWES_NOTHING;
	leg->sent.max = SDP_MAX_BYTES;
	leg->sdp_version = 1;
	cs->conf.env.rng->fill(cs->conf.env.rng, leg->secret, sizeof(leg->secret));
	err = ids_add(cs->legs, leg, &leg->id);
	if (err)
		goto out;
	list_append(&call->legs, &leg->in_call);
	call->nalive++;
	record_leg_begin(leg);
	leg->sdp_id = leg->rec.id; /* RFC 8866 5.2: a number that no other session of ours has */
	*lp = leg;
out:
	if (err)
		mem_free(leg);
	return err;
}

struct leg *leg_free(struct leg *leg)
{
	if (!leg)
		return NULL;
	timer_cancel(&leg->timer);
	lines_forget(leg);
	leg_sip_forget_requests(leg);
	refer_lose(leg);
	leg_press_free(leg);
	meter_free(leg);
	if (leg->trunk_id)
		trunks_release(leg->cs->conf.trunks, leg->trunk_id);
	list_remove(&leg->in_call);
	ids_remove(leg->cs->legs, leg->id);
	leg->call->nalive--;
	buf_free(&leg->sent);
	sdp_free(leg->offered);
	sdp_free(leg->theirs);
	mem_free(leg->asserted);
	return mem_free(leg);
}
