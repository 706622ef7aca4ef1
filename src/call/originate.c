/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
#include "call/negotiate.h"
#include "call/originate.h"
#include "call/record.h"
#include "call/services.h"
#include "call/usage.h"

/* Devices of the caller that may still answer. */
static size_t nringing(const struct call *call)
{
	size_t n = 0;

	LIST_EACH (it, &call->legs) {
		const struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		n += leg->originates && !leg_is_over(leg);
	}
	return n;
}

static void on_no_answer(struct timer *t, void *arg)
{
	call_end(arg, REASON_NO_ANSWER, 0, "system", STR_NONE);
}

static void add_device(struct call *call, const struct contact *c, const struct account *acc,
		       const struct extension *ext)
{
	struct log_ctx ctx = call_log(call);
	struct leg *leg;

	if (leg_alloc(&leg, call, false)) {
		log_warn(&ctx, LOGID_OVERLOAD,
			 "no room for one more leg: a device of %s does not ring", ext->number);
		return;
	}
	leg->originates = true;
	leg->contact = c->id;
	registrar_way(call->cs->conf.registrar, c, &leg->flow, NULL);
	leg->extension_id = ext->o.id;
	leg->account_id = c->account_id;
	leg->nat = (enum nat_choice)acc->nat;
	leg->nstreams = 1;
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(ext->number));
	calls_bind_for(call->cs, &leg->flow, &leg->bind);
	leg_event(leg, LEV_OPEN, &(struct leg_msg){0});
}

static void add_devices(struct call *call, const struct extension *ext)
{
	const struct calls_conf *conf = &call->cs->conf;
	uint64_t tenant_id = ext->o.tenant_id;
	const struct account *acc;
	size_t at = 0;

	while ((acc = model_extension_accounts(conf->model, tenant_id, ext->o.id, &at))) {
		const struct contact *c;
		size_t pos = 0;

		while (acc->enabled &&
		       (c = registrar_contacts(conf->registrar, tenant_id, acc->o.id, &pos)))
			add_device(call, c, acc, ext);
	}
}

static struct call *make(struct calls *cs, const struct tenant *t, const struct extension *ext,
			 const char *number)
{
	struct call *call = call_alloc(cs, ext->o.tenant_id);

	if (!call)
		return NULL;
	call->caller_extension_id = ext->o.id;
	call->max_forwards = 70;
	str_fit(call->domain, sizeof(call->domain), str_of(t->domain));
	str_fit(call->rec.caller, sizeof(call->rec.caller), str_of(ext->number));
	calls_extension_name(cs, ext->o.tenant_id, ext->o.id, call->rec.caller_name,
			     sizeof(call->rec.caller_name));
	str_fit(call->rec.callee, sizeof(call->rec.callee), str_of(number));
	str_fit(call->rec.direction, sizeof(call->rec.direction), STR("internal"));
	return call;
}

static int why_not(struct calls *cs, const struct tenant *t, const struct extension *ext)
{
	const struct route_facts *facts = &cs->facts;

	if (cs->is_draining || cs->ncalls >= cs->conf.max_calls)
		return ENOSPC;
	if (!t || !t->enabled || !ext || !ext->enabled)
		return ENOENT;
	if (!facts->contacts(facts, t->o.id, ext->o.id))
		return EHOSTUNREACH;
	if (route_is_busy(ext, facts->calls(facts, t->o.id, ext->o.id)))
		return EBUSY;
	return 0;
}

int calls_originate(struct calls *cs, uint64_t tenant_id, uint64_t extension_id, const char *number,
		    uint64_t *idp)
{
	const struct tenant *t = model_tenant(cs->conf.model, tenant_id);
	const struct extension *ext = model_extension(cs->conf.model, tenant_id, extension_id);
	struct log_ctx ctx;
	struct call *call;
	int err;

	ON_THREAD(THREAD_CORE);
	err = why_not(cs, t, ext);
	if (err)
		return err;
	call = make(cs, t, ext, number);
	if (!call)
		return ENOMEM;
	ctx = call_log(call);
	log_info(&ctx, LOGID_CALL, "%s is rung to call %s", ext->number, number);
	record_call_begin(call);
	events_call(call, BUS_CALL_START, NULL);
	metric_add(METRIC_CALLS_TOTAL, 1);
	timer_start(cs->conf.env.wheel, &call->origin, (uint64_t)ext->ring_seconds * 1000,
		    on_no_answer, call);
	add_devices(call, ext);
	if (!nringing(call)) {
		call_end(call, REASON_OVERLOAD, 0, "system", STR_NONE);
		return ENOMEM;
	}
	*idp = call->rec.id;
	return 0;
}

bool originate_opened(struct leg *leg)
{
	if (!leg->originates)
		return false;
	leg_event(leg, LEV_DIAL, &(struct leg_msg){0});
	return true;
}

/* None is left that may answer. */
static void give_up(struct call *call, enum reason reason, unsigned status, struct str headers)
{
	if (!nringing(call))
		call_end(call, reason, status, "caller", headers);
}

/* European ringing tone (ITU-T E.180): it hears that the other is rung. */
static void play_ringing(struct leg *leg)
{
	static const struct owner_play tone = {.hz = {425}, .ms = {1000, 4000}};
	struct log_ctx ctx = leg_log(leg);
	int err = leg_sound_play(leg, &tone);

	if (err) /* it waits in silence */
		log_debug(&ctx, LOGID_MEDIA, "no ringing tone: %s", strerror(err));
}

void originate_wait(struct call *call, struct leg *caller)
{
	call->is_originated = true;
	play_ringing(caller);
}

static void win(struct call *call, struct leg *leg)
{
	timer_cancel(&call->origin);
	leg->originates = false;
	leg->is_caller = true;
	call->caller = leg->id;
	call->caller_account_id = leg->account_id;
	str_fit(leg->rec.side, sizeof(leg->rec.side), STR("caller"));
	str_fit(call->rec.sip_call_id, sizeof(call->rec.sip_call_id), str_of(leg->rec.sip_call_id));
	LIST_EACH_SAFE (it, tmp, &call->legs) {
		struct leg *other = CONTAINER_OF(it, struct leg, in_call);

		if (other->originates)
			leg_hangup(other, REASON_ANSWERED_ELSEWHERE, 0, STR_NONE);
	}
	record_leg_answered(leg);
	record_leg_kept(leg);
	originate_wait(call, leg);
	call_route(call, NULL, NULL);
	if (call->st != CALL_OVER)
		usage_add(call);
}

bool originate_answered(struct leg *leg, const struct sip_inv_event *ev)
{
	struct call *call = leg->call;
	unsigned status;
	int err;

	if (!leg->originates)
		return false;
	err = ev->sdp.n ? leg_sdp_parse(leg, &leg->offered, ev->sdp, false, &status) : EPROTO;
	if (!err)
		err = negotiate_describe(leg);
	if (!err && !leg_is_over(leg)) {
		win(call, leg);
		return true;
	}
	leg_hangup(leg, err == ENOMEM ? REASON_OVERLOAD : REASON_PROTOCOL, 0, STR_NONE);
	give_up(call, REASON_NOT_ACCEPTABLE, 488, STR_NONE);
	return true;
}

bool originate_gone(struct leg *leg, enum reason reason, unsigned status, struct str headers)
{
	if (!leg->originates)
		return false;
	give_up(leg->call, reason, status, headers);
	return true;
}

void originate_joined(struct call *call, struct leg *caller)
{
	struct log_ctx ctx = leg_log(caller);
	int err;

	if (!call->is_originated)
		return;
	call->is_originated = false;
	err = leg_sound_hush(caller);
	if (err)
		log_warn(&ctx, LOGID_MEDIA, "the ringing tone does not end: %s", strerror(err));
	events_call(call, BUS_CALL_ESTABLISHED, NULL);
}

static void on_served(struct timer *t, void *arg)
{
	struct call *call = arg;

	services_event(call, OWNER_ANSWERED, call->caller, REASON_NORMAL);
}

int originate_serve(struct call *call, struct leg *caller)
{
	originate_joined(call, caller);
	record_call_answered(call, NULL);
	record_segment_begin(call, caller, NULL, call->service->kind->name);
	timer_start(call->cs->conf.env.wheel, &call->origin, 0, on_served, call);
	return 0;
}

const char *originate_shown(const struct leg *leg)
{
	return leg->originates ? leg->call->rec.callee : NULL;
}
