/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_codecs.h"
#include "call/mobile.h"
#include "call/ringing_inside.h"

enum { AGAIN_MS = 2000 };

/* A device that refuses one call and has no ear for the next: its refusal was meant.  One at a time, as the last ends the ring. */
static void again_silent(struct timer *t, void *arg)
{
	struct ringing *r = arg;

	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (!leg->member || !leg->converts || (leg->inv && sip_invite_is_heard(leg->inv)))
			continue;
		timer_start(r->call->cs->conf.env.wheel, t, 1, again_silent, r);
		ringing_give_up(r, leg, REASON_UNAVAILABLE);
		return;
	}
}

/* The device that has refused the caller's codecs is asked once more, with all that we can convert. */
static bool ask_again(struct ringing *r, struct leg *leg, unsigned status)
{
	struct calls *cs = r->call->cs;
	struct leg *caller = leg_get(cs, r->call->caller);
	struct ringing_member *m = leg->member;
	struct ringing_way way = ringing_planned_way(r->call);
	size_t before = m->ntrying, pos = 0;
	const struct contact *c;

	if (status != 488 || mobile_is(leg) || leg->converts || !caller || !ringing_offer(caller) ||
	    !leg_codecs_known(ringing_offer(caller)))
		return false;
	m->converts = caller->converts = true;
	ringing_weigh(r, REASON_NOT_ACCEPTABLE, status, STR_NONE);
	timer_start(cs->conf.env.wheel, &r->again, AGAIN_MS, again_silent, r);
	if (leg->trunk_id)
		return !ringing_add_trunk_leg(m, &way);
	while ((c = registrar_contacts(cs->conf.registrar, leg->rec.tenant_id, leg->account_id,
				       &pos)))
		if (c->id == leg->contact)
			break;
	if (c)
		ringing_add_contact(
			m, c, model_account(cs->conf.model, leg->rec.tenant_id, leg->account_id),
			model_extension(cs->conf.model, leg->rec.tenant_id, leg->extension_id));
	return m->ntrying > before;
}

static void ring_over(struct ringing_member *m, const struct contact *c)
{
	const struct model *model = m->ring->call->cs->conf.model;
	const struct account *a = model_account(model, c->tenant_id, c->account_id);
	const struct extension *x =
		a && a->enabled ? model_extension(model, c->tenant_id, a->extension_id) : NULL;

	if (x && x->enabled)
		ringing_add_contact(m, c, a, x);
}

/* RFC 5626 5.3: the leg has left; the same device over its other flow, when it has one. */
static bool goes_over_other_flow(struct ringing_member *m, const struct leg *leg)
{
	const size_t before = m->ntrying;
	const struct contact *other =
		leg->has_lost_flow ? registrar_flow_failed(leg->cs->conf.registrar, leg->contact)
				   : NULL;

	if (other && !m->has_declined)
		ring_over(m, other);
	return m->ntrying > before;
}

/* Who has been heard rings on, whatever becomes of its contact. */
static struct leg *unheard_leg(const struct ringing_member *m, oid contact)
{
	LIST_EACH (it, &m->ring->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member == m && leg->contact == contact &&
		    !(leg->inv && sip_invite_is_heard(leg->inv)))
			return leg;
	}
	return NULL;
}

void ringing_contact_gone(struct ringing_member *m, const struct contact *c)
{
	const struct contact *other = registrar_other_flow(c);
	struct leg *leg = other ? unheard_leg(m, c->id) : NULL;
	const size_t before = m->ntrying;

	if (!leg)
		return;
	ring_over(m, other);
	if (m->ntrying == before)
		return;
	events_target(leg, BUS_TARGET_FAIL, reason_name(REASON_UNAVAILABLE));
	ringing_cancel(leg, REASON_UNAVAILABLE, STR_NONE);
}

static void cancel_others(struct ringing *r, const struct ringing_member *only, enum reason why)
{
	LIST_EACH_SAFE (it, tmp, &r->call->legs) {
		struct leg *other = CONTAINER_OF(it, struct leg, in_call);

		if (other->member && (!only || other->member == only))
			ringing_cancel(other, why, STR_NONE);
	}
}

/* A person who declines has spoken for all his devices; who refuses otherwise, for those with his q. */
static void who_is_next(struct ringing_member *m, unsigned status)
{
	struct ringing *r = m->ring;

	if (status >= 600 && !m->has_declined) {
		m->has_declined = true;
		timer_cancel(&m->turn);
		cancel_others(r, m, REASON_DECLINED);
	}
	if (r->call->has_moved)
		cancel_others(r, NULL, REASON_CANCELLED);
	if (r->is_started && ringing_turn_is_due(m))
		(void)ringing_next_turn(m);
}

void ringing_leg_gone(struct ringing *r, struct leg *leg, enum reason reason, unsigned status,
		      struct str lines)
{
	struct ringing_member *m = leg->member;
	bool was_heard = r->early == leg->id;
	struct ringing_way way = ringing_planned_way(r->call);

	if (mobile_is(
		    leg)) { /* the devices ring on; hung up on before its key, it was not answered */
		leg->has_other_way = false;
		if (reason == REASON_NORMAL)
			reason = REASON_NO_ANSWER;
		status = status ? status : reason_status(reason);
	}
	/* RFC 3263 4.3: the same call to the next address; the new leg stands before the old one leaves. */
	if (leg->has_other_way && !ringing_add_trunk_leg(m, &way)) {
		ringing_leave(leg);
		events_target(leg, BUS_TARGET_FAIL, reason_name(reason));
		timer_start(r->call->cs->conf.env.wheel, &r->timer, ringing_patience_ms(r->call),
			    ringing_trunk_silent, r);
		return;
	}
	if (ask_again(r, leg, status)) {
		ringing_leave(leg);
		events_target(leg, BUS_TARGET_FAIL, reason_name(reason));
		return;
	}
	ringing_leave(leg);
	m->ntrying++; /* held: a device that fails at once must not end the ring in here */
	if (goes_over_other_flow(m, leg)) {
		events_target(leg, BUS_TARGET_FAIL, reason_name(reason));
	} else {
		ringing_weigh(r, reason, status, lines);
		events_target(leg,
			      reason == REASON_NO_ANSWER ? BUS_TARGET_NOANSWER : BUS_TARGET_FAIL,
			      reason_name(reason));
		who_is_next(m, status);
	}
	m->ntrying--;
	if (was_heard && !r->early)
		ringing_hear_another(r);
	ringing_fail_if_over(r);
}
