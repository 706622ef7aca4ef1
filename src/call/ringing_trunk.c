/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/meter.h"
#include "call/ringing_inside.h"

/* Whoever may ring long is called far away: what ends it is who calls, or the provider. */
enum { TRUNK_RING_SECONDS = 180 };

uint64_t ringing_patience_ms(const struct call *call)
{
	const struct trunk *t = model_trunk(call->cs->conf.model, call->plan.trunk_id);

	return (t && t->answer_seconds ? (uint64_t)t->answer_seconds : TRUNK_RING_SECONDS) * 1000;
}

struct ringing_way ringing_planned_way(const struct call *call)
{
	return (struct ringing_way){.trunk_id = call->plan.trunk_id, .number = call->plan.number};
}

int ringing_add_trunk_leg(struct ringing_member *m, const struct ringing_way *way)
{
	struct call *call = m->ring->call;
	const struct calls_conf *conf = &call->cs->conf;
	struct leg *caller = leg_get(call->cs, call->caller), *leg;
	enum reason why;
	struct flow flow;
	int err;

	if (!caller || !trunks_flow(conf->trunks, way->trunk_id, &flow))
		return ENOENT;
	if (call->is_secure && !call->plan.is_emergency && !flow_is_secure(flow.transport))
		return EPROTONOSUPPORT;
	err = leg_alloc(&leg, call, false);
	if (err)
		return err;
	LIST_EACH (it, &call->legs) { /* what it had reserved at another address pays here */
		struct leg *other = CONTAINER_OF(it, struct leg, in_call);

		if (other->member == m)
			meter_settle(other, true);
	}
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(way->number));
	leg->mobile_of = way->mobile_of;
	if (!meter_open(leg, &why)) {
		leg_free(leg);
		return EDQUOT; /* routing had found enough: nearly impossible */
	}
	m->ring->nlegs++;
	m->ntrying++;
	leg->member = m;
	leg->converts = m->converts;
	leg->trunk_id = way->trunk_id;
	leg_press_on_trunk(leg, leg->trunk_id);
	trunks_hold(conf->trunks, leg->trunk_id);
	leg->flow = flow;
	leg->nstreams = ringing_offer(caller) && !way->mobile_of
				? leg_sdp_streams(ringing_offer(caller))
				: 1;
	calls_bind_for(call->cs, &flow, &leg->bind);
	events_target(leg, BUS_TARGET_ADD, NULL);
	ringing_open_both(caller, leg);
	return 0;
}

/* A provider that does not answer at all is down, or thinks that we are nobody: the next route shall not wait for Timer B. */
void ringing_trunk_silent(struct timer *t, void *arg)
{
	struct ringing *r = arg;
	struct ringing_way way = ringing_planned_way(r->call);

	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (!leg->member || (leg->inv && sip_invite_is_heard(leg->inv)))
			continue;
		leg->has_other_way =
			trunks_failed(r->call->cs->conf.trunks, leg->trunk_id, &leg->flow, NULL);
		events_target(leg, BUS_TARGET_FAIL, reason_name(REASON_UNAVAILABLE));
		if (leg->has_other_way && !ringing_add_trunk_leg(leg->member, &way)) {
			ringing_cancel(leg, REASON_UNAVAILABLE, STR_NONE);
			timer_start(r->call->cs->conf.env.wheel, t, ringing_patience_ms(r->call),
				    ringing_trunk_silent, r);
			return;
		}
		ringing_weigh(r, REASON_UNAVAILABLE, 408, STR_NONE);
		ringing_cancel(leg, REASON_UNAVAILABLE, STR_NONE);
		call_ring_failed(r->call, &r->best);
		return;
	}
	timer_start(r->call->cs->conf.env.wheel, t, TRUNK_RING_SECONDS * 1000, ringing_timeout, r);
}

int ringing_start_trunk(struct ringing **rp, struct call *call)
{
	struct calls *cs = call->cs;
	struct ringing *r = mem_alloc(sizeof(*r) + sizeof(r->member[0]));
	struct ringing_way way = ringing_planned_way(call);
	struct ringing_member *m;
	int err;

	if (!r)
		return ENOMEM;
	r->call = call;
	r->best.reason = REASON_UNAVAILABLE;
	*rp = r; /* a leg that fails at once must find its ring */
	m = &r->member[0];
	m->ring = r;
	idmap_add(&cs->ringing, &m->key, call->rec.tenant_id, 0);
	r->nmembers = 1;
	call->trunk_status = 0;
	err = ringing_add_trunk_leg(m, &way);
	if (!err && !ringing_ntrying(r))
		err = EIO;
	if (err) {
		*rp = ringing_free(r, REASON_UNAVAILABLE, STR_NONE);
		return err;
	}
	r->is_started = true;
	timer_start(cs->conf.env.wheel, &r->timer, ringing_patience_ms(call), ringing_trunk_silent,
		    r);
	return 0;
}
