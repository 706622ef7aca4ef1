/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "call/calls.h"
#include "call/direct.h"
#include "call/early.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/lines.h"
#include "call/mobile.h"
#include "call/party.h"
#include "call/record.h"
#include "call/ringing_inside.h"

/* The caller waits; one that is transferred has been answered before. */
static bool is_waiting(const struct leg *caller)
{
	return caller && (caller->st == LEG_READY || caller->st == LEG_UP);
}

size_t ringing_ntrying(const struct ringing *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nmembers; i++)
		n += r->member[i].ntrying;
	return n;
}

void ringing_caller_name(const struct leg *leg, struct buf *out)
{
	const struct ringing *r = leg->member ? leg->member->ring : NULL;
	const struct call_record *rec = &leg->call->rec;
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);
	bool is_hidden = caller && caller->is_private;
	char known[128];
	const bool is_known =
		caller && party_known_name(leg, caller, rec->caller, known, sizeof(known));
	const char *name = is_hidden ? "Anonymous" : is_known ? known : rec->caller_name;

	if (r && r->prefix[0])
		buf_printf(out, "%s: %s", r->prefix, *name ? name : rec->caller);
	else
		buf_cstr(out, name);
}

const struct sdp *ringing_offer(const struct leg *caller)
{
	return caller->offered && caller->st != LEG_UP ? caller->offered : caller->theirs;
}

/* The very device that calls: by the flow its INVITE came from. */
static bool is_caller_itself(const struct call *call, const struct contact *c)
{
	const struct leg *caller = leg_get(call->cs, call->caller);

	const struct sip_dialog *d;

	if (!caller || c->account_id != caller->account_id)
		return false;
	if (*c->routes) { /* all devices behind an edge proxy share its flow */
		d = caller->inv ? sip_invite_dialog(caller->inv) : NULL;
		return d && !strcmp(d->remote_target, c->uri);
	}
	if (c->flow.conn || caller->flow.conn)
		return c->flow.conn == caller->flow.conn;
	return c->flow.transport == caller->flow.transport &&
	       addr_eq(&c->flow.remote, &caller->flow.remote);
}

void ringing_open_both(struct leg *caller, struct leg *leg)
{
	struct log_ctx ctx = leg_log(caller);

	if (caller->st == LEG_READY && leg_media_wake(caller))
		log_warn(&ctx, LOGID_OVERLOAD, "no media for the caller: it waits in vain");
	leg_event(leg, LEV_OPEN, &(struct leg_msg){0});
}

void ringing_add_contact(struct ringing_member *m, const struct contact *c,
			 const struct account *acc, const struct extension *ext)
{
	struct ringing *r = m->ring;
	struct call *call = r->call;
	struct leg *caller = leg_get(call->cs, call->caller), *leg;
	struct log_ctx ctx = call_log(call);
	struct flow flow;

	if (!caller || r->nlegs == RINGING_MAX_LEGS || is_caller_itself(call, c))
		return;
	registrar_way(call->cs->conf.registrar, c, &flow, NULL);
	if (call->is_secure && !flow_is_secure(flow.transport)) {
		ringing_weigh(r, REASON_NOT_SECURE, reason_status(REASON_NOT_SECURE), STR_NONE);
		return;
	}
	if (leg_alloc(&leg, call, false)) {
		log_warn(&ctx, LOGID_OVERLOAD,
			 "no room for one more leg: a device of %s does not ring", ext->number);
		return;
	}
	r->nlegs++;
	m->ntrying++;
	leg->member = m;
	leg->converts = m->converts;
	leg->contact = c->id;
	leg->flow = flow;
	leg->extension_id = m->key.id;
	leg->account_id = c->account_id;
	leg->nat = (enum nat_choice)acc->nat;
	leg->dtmf = (enum dtmf_choice)acc->dtmf;
	leg->nstreams = ringing_offer(caller) ? leg_sdp_streams(ringing_offer(caller)) : 1;
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(ext->number));
	calls_bind_for(call->cs, &leg->flow, &leg->bind);
	events_target(leg, BUS_TARGET_ADD, NULL);
	if (direct_may_ring(caller, leg, c))
		leg_event(leg, LEV_BARE, &(struct leg_msg){0});
	else
		ringing_open_both(caller, leg);
}

void ringing_weigh(struct ringing *r, enum reason reason, unsigned status, struct str lines)
{
	if (r->best.status && reason_rank(reason) <= reason_rank(r->best.reason))
		return;
	r->best.reason = reason;
	r->best.status = status;
	if (str_copy(r->best.lines, sizeof(r->best.lines), lines))
		r->best.lines[0] = '\0'; /* too long: half a header is worse than none */
}

static void add_member(struct ringing_member *m)
{
	struct call *call = m->ring->call;
	const struct calls_conf *conf = &call->cs->conf;
	const struct route_facts *facts = &call->cs->facts;
	uint64_t tenant_id = call->rec.tenant_id;
	const struct extension *ext = model_extension(conf->model, tenant_id, m->key.id);

	if (!ext || !ext->enabled)
		return;
	m->is_busy = route_is_busy(ext, facts->calls(facts, tenant_id, m->key.id));
	if (m->is_busy) {
		ringing_weigh(m->ring, REASON_BUSY, reason_status(REASON_BUSY), STR_NONE);
		return;
	}
	ringing_turns_begin(m);
	mobile_ring(m);
}

void ringing_leave(struct leg *leg)
{
	struct ringing *r = leg->member->ring;

	leg->member->ntrying--;
	leg->member = NULL;
	if (r->early == leg->id)
		early_drop(r->call);
	if (r->early == leg->id)
		r->early = 0;
}

void ringing_cancel(struct leg *leg, enum reason why, struct str headers)
{
	struct buf line = {0};

	ringing_leave(leg);
	if (!headers.n)
		reason_write_header(&line, why);
	leg_hangup(leg, why, 0, headers.n ? headers : buf_view(&line));
	buf_free(&line);
}

void ringing_fail_if_over(struct ringing *r)
{
	if (r->is_started && !ringing_ntrying(r))
		call_ring_failed(r->call, &r->best);
}

void ringing_leg_unanswered(struct ringing *r, struct leg *leg)
{
	bool has_rung = leg->rec.ringing_at != 0;
	enum reason why = has_rung ? REASON_NO_ANSWER : REASON_UNAVAILABLE;

	ringing_weigh(r, why, reason_status(why), STR_NONE);
	events_target(leg, has_rung ? BUS_TARGET_NOANSWER : BUS_TARGET_FAIL, reason_name(why));
	ringing_cancel(leg, why, STR_NONE);
}

void ringing_timeout(struct timer *t, void *arg)
{
	struct ringing *r = arg;
	struct call *call = r->call;

	LIST_EACH_SAFE (it, tmp, &call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member)
			ringing_leg_unanswered(r, leg);
	}
	for (size_t i = 0; i < r->nmembers; i++)
		timer_cancel(&r->member[i].turn);
	call_ring_failed(call, &r->best);
}

int ringing_start(struct ringing **rp, struct call *call, const struct owner_ring *conf)
{
	struct calls *cs = call->cs;
	struct ringing *r = mem_alloc(sizeof(*r) + conf->n * sizeof(r->member[0]));

	if (!r)
		return ENOMEM;
	r->call = call;
	r->best.reason = REASON_UNAVAILABLE;
	r->until_ms = clock_mono_ms(cs->conf.env.clock) + (uint64_t)conf->ring_seconds * 1000;
	if (conf->caller_prefix)
		str_fit(r->prefix, sizeof(r->prefix), str_of(conf->caller_prefix));
	*rp = r; /* a leg that fails at once must find its ring */
	for (size_t i = 0; i < conf->n; i++) {
		struct ringing_member *m = &r->member[i];

		m->ring = r;
		idmap_add(&cs->ringing, &m->key, call->rec.tenant_id, conf->extension_ids[i]);
		r->nmembers++;
		add_member(m);
	}
	if (!ringing_ntrying(r)) {
		int err = r->nlegs				? EIO
			  : r->best.reason == REASON_NOT_SECURE ? EPROTONOSUPPORT
			  : r->best.status			? EBUSY
								: ENOENT;

		*rp = ringing_free(r, REASON_UNAVAILABLE, STR_NONE);
		return err;
	}
	r->is_started = true;
	timer_start(cs->conf.env.wheel, &r->timer, (uint64_t)conf->ring_seconds * 1000,
		    ringing_timeout, r);
	return 0;
}

struct ringing *ringing_free(struct ringing *r, enum reason why, struct str headers)
{
	if (!r)
		return NULL;
	timer_cancel(&r->timer);
	timer_cancel(&r->again);
	LIST_EACH_SAFE (it, tmp, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member)
			ringing_cancel(leg, why, headers);
	}
	for (size_t i = 0; i < r->nmembers; i++) {
		timer_cancel(&r->member[i].turn);
		map_remove(&r->call->cs->ringing, &r->member[i].key.node);
	}
	return mem_free(r);
}

void ringing_give_up(struct ringing *r, struct leg *leg, enum reason why)
{
	leg_hangup(leg, why, 0, STR_NONE);
	ringing_leg_gone(r, leg, why, reason_status(why), STR_NONE);
}

static void dial(struct ringing *r, struct leg *caller, struct leg *leg)
{
	const struct sdp *offer = ringing_offer(caller);
	struct leg_msg m = {0};
	int err = 0;

	if (mobile_is(leg))
		err = mobile_offer(leg, &m.sdp);
	else if (offer && caller->st == LEG_UP)
		err = leg_sdp_introduce(leg, offer, &m.sdp);
	else if (offer)
		err = leg_sdp_relay(leg, offer, NULL, &m.sdp);
	if (err) {
		ringing_give_up(r, leg, REASON_FAILED);
		return;
	}
	if (!mobile_is(leg))
		leg->noffered = offer ? (uint8_t)offer->nmedia : 0;
	party_was_told(leg, caller);
	leg_event(leg, LEV_DIAL, &m);
}

void ringing_opened(struct ringing *r, struct leg *leg)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (is_waiting(caller) && (leg->is_direct || caller->st == LEG_UP || caller->nstreams))
		dial(r, caller, leg);
}

/* The last device that cannot be dialled ends the ring, and with it what is walked here: so ids, not the list. */
void ringing_caller_opened(struct ringing *r)
{
	struct call *call = r->call;
	oid waiting[RINGING_MAX_LEGS];
	size_t n = 0;

	LIST_EACH (it, &call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member && leg->st == LEG_READY && n < RINGING_MAX_LEGS)
			waiting[n++] = leg->id;
	}
	for (size_t i = 0; i < n; i++) {
		struct leg *leg = leg_get(call->cs, waiting[i]);

		if (leg && leg->member && leg->st == LEG_READY)
			ringing_opened(leg->member->ring, leg);
	}
}

size_t ringing_calls(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct ringing_member *m =
		IDMAP_FIND(struct ringing_member, &cs->ringing, tenant_id, extension_id);
	size_t n = 0;

	for (; m; m = IDMAP_OF(struct ringing_member, idmap_next(&m->key)))
		n += m->ntrying > 0;
	return n;
}

static void registered(struct calls *cs, const struct contact *c, bool is_added)
{
	const struct account *acc = model_account(cs->conf.model, c->tenant_id, c->account_id);
	const struct extension *ext;
	struct ringing_member *m;

	if (!acc || !acc->enabled || !acc->extension_id)
		return;
	ext = model_extension(cs->conf.model, c->tenant_id, acc->extension_id);
	if (!ext || !ext->enabled)
		return;
	m = IDMAP_FIND(struct ringing_member, &cs->ringing, c->tenant_id, ext->o.id);
	while (m) {
		struct ringing_member *next = IDMAP_OF(struct ringing_member, idmap_next(&m->key));

		if (!is_added)
			ringing_contact_gone(m, c);
		else if (m->ring->is_started && !m->has_declined && !m->is_busy)
			ringing_came_late(m, c, acc, ext);
		m = next;
	}
}

/* A device whose network was away for a moment registers again, and its call is still there. */
static void connected(const struct calls *cs, const struct contact *c, oid was)
{
	const struct account *acc = model_account(cs->conf.model, c->tenant_id, c->account_id);

	if (acc)
		lines_moved(cs, acc->extension_id, c, was);
}

static void contact_changed(const struct contact *c, enum registrar_change what, oid was, void *arg)
{
	switch (what) {
	case REGISTRAR_ADDED:
	case REGISTRAR_REMOVED:
		registered(arg, c, what == REGISTRAR_ADDED);
		break;
	case REGISTRAR_CONNECTED:
		connected(arg, c, was);
		break;
	case REGISTRAR_REFRESHED:
		break;
	}
}

int rings_watch(struct calls *cs)
{
	return registrar_watch(cs->conf.registrar, contact_changed, cs);
}
