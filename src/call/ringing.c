/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "call/calls.h"
#include "call/early.h"
#include "call/events.h"
#include "call/leg_codecs.h"
#include "call/leg_media.h"
#include "call/meter.h"
#include "call/negotiate.h"
#include "call/party.h"
#include "call/record.h"
#include "call/ringing.h"

struct ringing_member {
	struct map_node node; /* in calls->ringing, by tenant and extension */
	struct ringing *ring;
	uint64_t extension_id;
	size_t ntrying; /* legs that may still answer */
	bool has_declined;
	bool converts; /* one of its devices knew none of the caller's codecs */
	bool is_busy;  /* it had as many calls as it may have: no device of it rings (EXT-14) */
};

struct ringing {
	struct call *call;
	struct timer timer;
	struct timer again; /* a device that was asked again has so long to say anything */
	char prefix[65];
	oid early;     /* the leg whose early media the caller hears */
	unsigned told; /* last provisional status the caller got */
	size_t nlegs;
	bool is_started;	  /* before that, legs that fail at once do not end it */
	struct call_failure best; /* so far; status 0: none yet */
	size_t nmembers;
	struct ringing_member member[];
};

/* The caller waits; one that is transferred has been answered before. */
static bool is_waiting(const struct leg *caller)
{
	return caller && (caller->st == LEG_READY || caller->st == LEG_UP);
}

static uint64_t member_hash(uint64_t tenant_id, uint64_t extension_id)
{
	return map_hash_u64(tenant_id, extension_id);
}

static size_t ntrying(const struct ringing *r)
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
	const char *name = is_hidden ? "Anonymous" : rec->caller_name;

	if (r && r->prefix[0])
		buf_printf(out, "%s: %s", r->prefix, *name ? name : rec->caller);
	else
		buf_cstr(out, name);
}

/* What the caller has said of itself: its offer, or its answer to a device that is gone; of one that is transferred what is in force. */
static const struct sdp *offer_of(const struct leg *caller)
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

/* One more device rings.  One that cannot be added is left out: the others ring on. */
static void add_contact(struct ringing_member *m, const struct contact *c,
			const struct account *acc, const struct extension *ext)
{
	struct ringing *r = m->ring;
	struct call *call = r->call;
	struct leg *caller = leg_get(call->cs, call->caller), *leg;
	struct log_ctx ctx = call_log(call);

	if (!caller || r->nlegs == RINGING_MAX_LEGS || is_caller_itself(call, c))
		return;
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
	registrar_way(call->cs->conf.registrar, c, &leg->flow, NULL);
	leg->extension_id = m->extension_id;
	leg->account_id = c->account_id;
	leg->nat = (enum nat_choice)acc->nat;
	leg->nstreams = offer_of(caller) ? leg_sdp_streams(offer_of(caller)) : 1;
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(ext->number));
	calls_bind_for(call->cs, &leg->flow, &leg->bind);
	events_target(leg, BUS_TARGET_ADD, NULL);
	leg_event(leg, LEV_OPEN, &(struct leg_msg){0});
}

/* EXT-16: the failure that weighs most is the fork's. */
static void weigh(struct ringing *r, enum reason reason, unsigned status, struct str lines)
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
	const struct extension *ext = model_extension(conf->model, tenant_id, m->extension_id);
	const struct account *acc;
	size_t at = 0;

	if (!ext || !ext->enabled)
		return;
	m->is_busy = route_is_busy(ext, facts->calls(facts, tenant_id, m->extension_id));
	if (m->is_busy) {
		weigh(m->ring, REASON_BUSY, reason_status(REASON_BUSY), STR_NONE);
		return;
	}
	while ((acc = model_extension_accounts(conf->model, tenant_id, m->extension_id, &at))) {
		const struct contact *c;
		size_t pos = 0;

		if (!acc->enabled)
			continue;
		while ((c = registrar_contacts(conf->registrar, tenant_id, acc->o.id, &pos)))
			add_contact(m, c, acc, ext);
	}
}

static void leave(struct leg *leg)
{
	struct ringing *r = leg->member->ring;

	leg->member->ntrying--;
	leg->member = NULL;
	if (r->early == leg->id)
		early_drop(r->call);
	if (r->early == leg->id)
		r->early = 0;
}

static void cancel(struct leg *leg, enum reason why, struct str headers)
{
	struct buf line = {0};

	leave(leg);
	if (!headers.n)
		reason_write_header(&line, why);
	leg_hangup(leg, why, 0, headers.n ? headers : buf_view(&line));
	buf_free(&line);
}

/* Last statement of its callers: a ring that is over is freed by who started it. */
static void fail_if_over(struct ringing *r)
{
	if (r->is_started && !ntrying(r))
		call_ring_failed(r->call, &r->best);
}

static void ringing_timeout(struct timer *t, void *arg)
{
	struct ringing *r = arg;
	struct call *call = r->call;

	LIST_EACH_SAFE (it, tmp, &call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);
		bool has_rung = leg->rec.ringing_at != 0;
		enum reason why = has_rung ? REASON_NO_ANSWER : REASON_UNAVAILABLE;

		if (!leg->member)
			continue;
		weigh(r, why, reason_status(why), STR_NONE);
		events_target(leg, has_rung ? BUS_TARGET_NOANSWER : BUS_TARGET_FAIL,
			      reason_name(why));
		cancel(leg, why, STR_NONE);
	}
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
	if (conf->caller_prefix)
		str_fit(r->prefix, sizeof(r->prefix), str_of(conf->caller_prefix));
	*rp = r; /* a leg that fails at once must find its ring */
	for (size_t i = 0; i < conf->n; i++) {
		struct ringing_member *m = &r->member[i];

		m->ring = r;
		m->extension_id = conf->extension_ids[i];
		map_add(&cs->ringing, &m->node, member_hash(call->rec.tenant_id, m->extension_id));
		r->nmembers++;
		add_member(m);
	}
	if (!ntrying(r)) {
		int err = r->nlegs ? EIO : r->best.status ? EBUSY : ENOENT;

		*rp = ringing_free(r, REASON_UNAVAILABLE, STR_NONE);
		return err;
	}
	r->is_started = true;
	timer_start(cs->conf.env.wheel, &r->timer, (uint64_t)conf->ring_seconds * 1000,
		    ringing_timeout, r);
	return 0;
}

/* Whoever may ring long is called far away: what ends it is who calls, or the provider. */
enum { TRUNK_RING_SECONDS = 180 };
enum { AGAIN_MS = 2000 };

static uint64_t patience_ms(const struct call *call)
{
	const struct trunk *t = (const struct trunk *)model_object(
		call->cs->conf.model, &resource_trunk, 0, call->plan.trunk_id);

	return (t && t->answer_seconds ? (uint64_t)t->answer_seconds : TRUNK_RING_SECONDS) * 1000;
}

static int add_trunk_leg(struct ringing_member *m)
{
	struct call *call = m->ring->call;
	const struct calls_conf *conf = &call->cs->conf;
	struct leg *caller = leg_get(call->cs, call->caller), *leg;
	enum reason why;
	struct flow flow;
	int err;

	if (!caller || !trunks_flow(conf->trunks, call->plan.trunk_id, &flow))
		return ENOENT;
	err = leg_alloc(&leg, call, false);
	if (err)
		return err;
	LIST_EACH (it, &call->legs) { /* what it had reserved at another address pays here */
		struct leg *other = CONTAINER_OF(it, struct leg, in_call);

		if (other->member == m)
			meter_settle(other, true);
	}
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(call->plan.number));
	if (!meter_open(leg, &why)) {
		leg_free(leg);
		return EDQUOT; /* routing had found enough: nearly impossible */
	}
	m->ring->nlegs++;
	m->ntrying++;
	leg->member = m;
	leg->converts = m->converts;
	leg->trunk_id = call->plan.trunk_id;
	trunks_hold(conf->trunks, leg->trunk_id);
	leg->flow = flow;
	leg->nstreams = offer_of(caller) ? leg_sdp_streams(offer_of(caller)) : 1;
	calls_bind_for(call->cs, &flow, &leg->bind);
	events_target(leg, BUS_TARGET_ADD, NULL);
	leg_event(leg, LEV_OPEN, &(struct leg_msg){0});
	return 0;
}

/* A provider that does not answer at all is down, or thinks that we are nobody: the next route shall not wait for Timer B. */
static void trunk_silent(struct timer *t, void *arg)
{
	struct ringing *r = arg;

	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (!leg->member || (leg->inv && sip_invite_is_heard(leg->inv)))
			continue;
		leg->has_other_way =
			trunks_failed(r->call->cs->conf.trunks, leg->trunk_id, &leg->flow, NULL);
		events_target(leg, BUS_TARGET_FAIL, reason_name(REASON_UNAVAILABLE));
		if (leg->has_other_way && !add_trunk_leg(leg->member)) {
			cancel(leg, REASON_UNAVAILABLE, STR_NONE);
			timer_start(r->call->cs->conf.env.wheel, t, patience_ms(r->call),
				    trunk_silent, r);
			return;
		}
		weigh(r, REASON_UNAVAILABLE, 408, STR_NONE);
		cancel(leg, REASON_UNAVAILABLE, STR_NONE);
		call_ring_failed(r->call, &r->best);
		return;
	}
	timer_start(r->call->cs->conf.env.wheel, t, TRUNK_RING_SECONDS * 1000, ringing_timeout, r);
}

int ringing_start_trunk(struct ringing **rp, struct call *call)
{
	struct calls *cs = call->cs;
	struct ringing *r = mem_alloc(sizeof(*r) + sizeof(r->member[0]));
	struct ringing_member *m;
	int err;

	if (!r)
		return ENOMEM;
	r->call = call;
	r->best.reason = REASON_UNAVAILABLE;
	*rp = r; /* a leg that fails at once must find its ring */
	m = &r->member[0];
	m->ring = r;
	map_add(&cs->ringing, &m->node, member_hash(call->rec.tenant_id, 0));
	r->nmembers = 1;
	call->trunk_status = 0;
	err = add_trunk_leg(m);
	if (!err && !ntrying(r))
		err = EIO;
	if (err) {
		*rp = ringing_free(r, REASON_UNAVAILABLE, STR_NONE);
		return err;
	}
	r->is_started = true;
	timer_start(cs->conf.env.wheel, &r->timer, patience_ms(call), trunk_silent, r);
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
			cancel(leg, why, headers);
	}
	for (size_t i = 0; i < r->nmembers; i++)
		map_remove(&r->call->cs->ringing, &r->member[i].node);
	return mem_free(r);
}

/* It cannot be what the caller waits for: end it, let the others ring. */
static void give_up(struct ringing *r, struct leg *leg, enum reason why)
{
	leg_hangup(leg, why, 0, STR_NONE);
	ringing_leg_gone(r, leg, why, reason_status(why), STR_NONE);
}

static void dial(struct ringing *r, struct leg *caller, struct leg *leg)
{
	const struct sdp *offer = offer_of(caller);
	struct leg_msg m = {0};
	int err = 0;

	if (offer && caller->st == LEG_UP)
		err = leg_sdp_introduce(leg, offer, &m.sdp);
	else if (offer)
		err = leg_sdp_relay(leg, offer, NULL, &m.sdp);
	if (err) {
		give_up(r, leg, REASON_FAILED);
		return;
	}
	leg->noffered = offer ? (uint8_t)offer->nmedia : 0;
	party_was_told(leg, caller);
	leg_event(leg, LEV_DIAL, &m);
}

void ringing_opened(struct ringing *r, struct leg *leg)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (is_waiting(caller))
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

/* The caller hears this device before anybody has answered. */
static void hear_early(struct ringing *r, struct leg *caller, struct leg *leg, unsigned status)
{
	struct str sdp;
	const struct sdp *offer = offer_of(caller);
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

	if (r->early || leg->offered || leg->is_settled || offer_of(caller) ||
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
			give_up(r, leg, REASON_PROTOCOL);
		return;
	}
	if (!leg || !leg->offered) { /* that device is gone: it is what the next one is offered */
		sdp_free(caller->theirs);
		caller->theirs = s;
		return;
	}
	if (s->nmedia != leg->offered->nmedia) {
		sdp_free(s);
		give_up(r, leg, REASON_PROTOCOL);
		return;
	}
	if (settle(caller, leg, s))
		give_up(r, leg, REASON_OVERLOAD);
}

oid ringing_early(const struct ringing *r)
{
	return r->early;
}

bool ringing_is_alone(const struct leg *leg)
{
	return leg->member && leg->member->ring->nlegs == 1;
}

void ringing_provisional(struct ringing *r, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (!caller || caller->st != LEG_READY || ev->status < 180 || ev->status > 183)
		return; /* 199 and what may come are between us and the device */
	if (ev->is_offer) {
		pass_early_offer(r, caller, leg, ev);
		return;
	}
	if (take_early(leg, ev) && (!r->early || r->early == leg->id)) {
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
		give_up(r, leg, REASON_PROTOCOL);
		return false;
	}
	leave(leg);
	return true;
}

/* The device that the caller heard is gone: another one that has described itself may be heard now. */
static void hear_another(struct ringing *r)
{
	struct leg *caller = leg_get(r->call->cs, r->call->caller);

	if (!caller || caller->st != LEG_READY || leg_media_part(caller))
		return;
	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->member && leg->theirs) {
			hear_early(r, caller, leg, 183);
			return;
		}
	}
}

/* A device that refuses one call and has no ear for the next: its refusal was meant.  One at a time, as the last ends the ring. */
static void again_silent(struct timer *t, void *arg)
{
	struct ringing *r = arg;

	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (!leg->member || !leg->converts || (leg->inv && sip_invite_is_heard(leg->inv)))
			continue;
		timer_start(r->call->cs->conf.env.wheel, t, 1, again_silent, r);
		give_up(r, leg, REASON_UNAVAILABLE);
		return;
	}
}

/* The device that has refused the caller's codecs is asked once more, with all that we can convert. */
static bool ask_again(struct ringing *r, struct leg *leg, unsigned status)
{
	struct calls *cs = r->call->cs;
	struct leg *caller = leg_get(cs, r->call->caller);
	struct ringing_member *m = leg->member;
	size_t before = m->ntrying, pos = 0;
	const struct contact *c;

	if (status != 488 || leg->converts || !caller || !offer_of(caller) ||
	    !leg_codecs_known(offer_of(caller)))
		return false;
	m->converts = caller->converts = true;
	weigh(r, REASON_NOT_ACCEPTABLE, status, STR_NONE);
	timer_start(cs->conf.env.wheel, &r->again, AGAIN_MS, again_silent, r);
	if (leg->trunk_id)
		return !add_trunk_leg(m);
	while ((c = registrar_contacts(cs->conf.registrar, leg->rec.tenant_id, leg->account_id,
				       &pos)))
		if (c->id == leg->contact)
			break;
	if (c)
		add_contact(m, c,
			    model_account(cs->conf.model, leg->rec.tenant_id, leg->account_id),
			    model_extension(cs->conf.model, leg->rec.tenant_id, leg->extension_id));
	return m->ntrying > before;
}

void ringing_leg_gone(struct ringing *r, struct leg *leg, enum reason reason, unsigned status,
		      struct str lines)
{
	struct ringing_member *m = leg->member;
	bool was_heard = r->early == leg->id;

	/* RFC 3263 4.3: the same call to the next address; the new leg stands before the old one leaves. */
	if (leg->has_other_way && !add_trunk_leg(m)) {
		leave(leg);
		events_target(leg, BUS_TARGET_FAIL, reason_name(reason));
		timer_start(r->call->cs->conf.env.wheel, &r->timer, patience_ms(r->call),
			    trunk_silent, r);
		return;
	}
	if (ask_again(r, leg, status)) {
		leave(leg);
		events_target(leg, BUS_TARGET_FAIL, reason_name(reason));
		return;
	}
	leave(leg);
	weigh(r, reason, status, lines);
	events_target(leg, reason == REASON_NO_ANSWER ? BUS_TARGET_NOANSWER : BUS_TARGET_FAIL,
		      reason_name(reason));
	if (status >= 600 && !m->has_declined) {
		m->has_declined = true;
		LIST_EACH_SAFE (it, tmp, &r->call->legs) {
			struct leg *other = CONTAINER_OF(it, struct leg, in_call);

			if (other->member == m)
				cancel(other, REASON_DECLINED, STR_NONE);
		}
	}
	if (r->call->has_moved) {
		LIST_EACH_SAFE (it, tmp, &r->call->legs) {
			struct leg *other = CONTAINER_OF(it, struct leg, in_call);

			if (other->member)
				cancel(other, REASON_CANCELLED, STR_NONE);
		}
	}
	if (was_heard)
		hear_another(r);
	fail_if_over(r);
}

struct member_key {
	uint64_t tenant_id, extension_id;
};

static bool same_member(const struct map_node *node, const void *key)
{
	const struct ringing_member *m = CONTAINER_OF(node, struct ringing_member, node);
	const struct member_key *k = key;

	return m->extension_id == k->extension_id && m->ring->call->rec.tenant_id == k->tenant_id;
}

size_t ringing_calls(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct member_key key = {tenant_id, extension_id};
	struct map_node *node =
		map_find(&cs->ringing, member_hash(tenant_id, extension_id), same_member, &key);
	size_t n = 0;

	for (; node; node = map_find_next(node, same_member, &key))
		n += CONTAINER_OF(node, struct ringing_member, node)->ntrying > 0;
	return n;
}

static void registered(const struct contact *c, bool is_added, void *arg)
{
	struct calls *cs = arg;
	const struct account *acc = model_account(cs->conf.model, c->tenant_id, c->account_id);
	const struct extension *ext;
	struct member_key key;
	struct map_node *node;

	if (!is_added || !acc || !acc->enabled || !acc->extension_id)
		return;
	ext = model_extension(cs->conf.model, c->tenant_id, acc->extension_id);
	if (!ext || !ext->enabled)
		return;
	key = (struct member_key){c->tenant_id, ext->o.id};
	node = map_find(&cs->ringing, member_hash(key.tenant_id, key.extension_id), same_member,
			&key);
	while (node) {
		struct ringing_member *m = CONTAINER_OF(node, struct ringing_member, node);

		node = map_find_next(node, same_member, &key);
		if (m->ring->is_started && !m->has_declined && !m->is_busy)
			add_contact(m, c, acc, ext);
	}
}

int rings_watch(struct calls *cs)
{
	return registrar_watch(cs->conf.registrar, registered, cs);
}
