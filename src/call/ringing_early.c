/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/calls.h"
#include "call/early.h"
#include "call/leg_media.h"
#include "call/mobile.h"
#include "call/negotiate.h"
#include "call/ringing_inside.h"

/* The caller hears this device before anybody has answered. */
static void hear_early(struct ringing *r, struct leg *caller, struct leg *leg, unsigned status)
{
	struct str sdp;
	const struct sdp *offer = ringing_offer(caller);
	uint64_t version = caller->sdp_version;
	int err = leg_media_remote(caller, offer, leg->theirs);

	if (!err)
		err = leg_media_remote(leg, leg->theirs, offer);
	if (!err)
		err = leg_media_join(caller, leg);
	if (!err)
		err = leg_sdp_relay(caller, leg->theirs, offer, &sdp);
	if (err)
		return; /* then the caller's own ringing tone will do */
	r->early = leg->id;
	r->told = status;
	negotiate_watch(caller, version);
	leg_progress(caller, status, caller->must_reoffer ? STR_NONE : sdp);
}

/* A description in a 1xx, when it is an answer to what was offered; else it is left out. */
static bool take_early(struct leg *leg, const struct sip_inv_event *ev)
{
	struct sdp *s = NULL;
	unsigned status;

	if (!ev->sdp.n || !leg->noffered || leg->is_settled ||
	    leg_sdp_parse(leg, &s, ev->sdp, true, &status))
		return false;
	if (s->nmedia != leg->noffered) {
		sdp_free(s);
		return false;
	}
	sdp_free(leg->theirs);
	leg->theirs = s;
	leg->theirs_fork = ev->fork;
	return true;
}

/* The caller made no offer, the device makes one before it answers.  Not passed on, it is not acknowledged either: the device
 * says it again, and gives up in the end. */
static void pass_early_offer(struct ringing *r, struct leg *caller, struct leg *leg,
			     const struct sip_inv_event *ev)
{
	struct sdp *s = NULL;
	unsigned status;
	struct str sdp;

	if (r->early || leg->offered || leg->is_settled || ringing_offer(caller) ||
	    leg_sdp_parse(leg, &s, ev->sdp, false, &status))
		return;
	if (leg_sdp_relay(caller, s, NULL, &sdp)) {
		sdp_free(s);
		return;
	}
	leg->offered = s;
	leg->theirs_fork = ev->fork;
	r->early = leg->id;
	r->told = ev->status;
	leg_progress(caller, ev->status, sdp);
}

static int settle(struct leg *caller, struct leg *leg, struct sdp *answer)
{
	struct str sdp;
	int err;

	sdp_free(caller->theirs);
	caller->theirs = answer;
	sdp_free(leg->theirs);
	leg->theirs = leg->offered;
	leg->offered = NULL;
	err = leg_media_remote(caller, caller->theirs, leg->theirs);
	if (!err)
		err = leg_media_remote(leg, leg->theirs, caller->theirs);
	if (!err)
		err = leg_media_join(caller, leg);
	if (!err)
		err = leg_sdp_relay(leg, caller->theirs, leg->theirs, &sdp);
	if (!err)
		err = sip_invite_prack(leg->inv, leg->theirs_fork, sdp);
	leg->is_settled = !err;
	return err;
}

void ringing_pracked(struct ringing *r, struct leg *caller, struct str sdp)
{
	struct leg *leg = leg_get(r->call->cs, r->early);
	struct sdp *s = NULL;
	unsigned status;

	if (leg_sdp_parse(caller, &s, sdp, true, &status)) {
		if (leg && leg->offered)
			ringing_give_up(r, leg, REASON_PROTOCOL);
		return;
	}
	if (!leg || !leg->offered) { /* that device is gone: it is what the next one is offered */
		sdp_free(caller->theirs);
		caller->theirs = s;
		return;
	}
	if (s->nmedia != leg->offered->nmedia) {
		sdp_free(s);
		ringing_give_up(r, leg, REASON_PROTOCOL);
		return;
	}
	if (settle(caller, leg, s))
		ringing_give_up(r, leg, REASON_OVERLOAD);
}

oid ringing_early(const struct ringing *r)
{
	return r->early;
}

bool ringing_is_alone(const struct leg *leg)
{
	return leg->member && leg->member->ring->nlegs == 1;
}

/* What the provider plays is for nobody: the caller hears that something rings. */
static void mobile_rings(struct ringing *r, struct leg *caller, struct leg *leg,
			 const struct sip_inv_event *ev)
{
	(void)take_early(leg, ev); /* the 200 may not say it again */
	if (r->told)
		return;
	r->told = 180;
	leg_progress(caller, 180, STR_NONE);
}

void ringing_provisional(struct ringing *r, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (!caller || caller->st != LEG_READY || ev->status < 180 || ev->status > 183)
		return; /* 199 and what may come are between us and the device */
	if (mobile_is(leg)) {
		mobile_rings(r, caller, leg, ev);
		return;
	}
	if (ev->is_offer) {
		pass_early_offer(r, caller, leg, ev);
		return;
	}
	/* What is heard before the answer goes through us: a description cannot be taken back for another device's. */
	if (take_early(leg, ev) && !leg->is_direct && (!r->early || r->early == leg->id)) {
		hear_early(r, caller, leg, ev->status);
	} else if (ev->status != r->told && (!r->early || r->early == leg->id)) {
		/* a 180 of another device would silence what the caller hears of the first */
		r->told = ev->status;
		leg_progress(caller, ev->status, STR_NONE);
	}
}

/* RFC 3261 13.2.1: the answer may have come in a 1xx of the same early dialog, and not again in the 200. */
static bool take_answer(struct leg *leg, const struct sip_inv_event *ev)
{
	struct sdp *s = NULL;
	unsigned status;

	if (leg->is_settled) /* in another early dialog it would offer anew, which nobody awaits */
		return leg->theirs_fork == ev->fork;
	if (!ev->sdp.n || leg->is_updated) /* what a 200 repeats then is out of date */
		return leg->noffered && leg->theirs && leg->theirs_fork == ev->fork;
	if (leg_sdp_parse(leg, &s, ev->sdp, leg->noffered != 0, &status))
		return false;
	if (leg->noffered && s->nmedia != leg->noffered) {
		sdp_free(s);
		return false;
	}
	sdp_free(leg->theirs);
	leg->theirs = s;
	return true;
}

bool ringing_answered(struct ringing *r, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (!caller || !take_answer(leg, ev)) {
		ringing_give_up(r, leg, REASON_PROTOCOL);
		return false;
	}
	if (mobile_is(leg)) {
		mobile_answered(leg);
		return false;
	}
	ringing_leave(leg);
	return true;
}

void ringing_hear_another(struct ringing *r)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (!caller || caller->st != LEG_READY || leg_media_part(caller))
		return;
	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member && leg->theirs && !leg->is_direct && !mobile_is(leg)) {
			hear_early(r, caller, leg, 183);
			return;
		}
	}
}
