/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes next in a call.  Legs, forks and services report here; routing says where to; how it ends stands in ending.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "call/diverted.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/direct.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/meter.h"
#include "call/moved.h"
#include "call/negotiate.h"
#include "call/originate.h"
#include "call/party.h"
#include "call/pickup.h"
#include "call/record.h"
#include "call/recorder.h"
#include "call/ringing.h"
#include "call/services.h"
#include "call/transfer.h"
#include "call/usage.h"
#include "schema/enums.h"
#include "sip/shield.h"

static const enum reason refusal_reason[ROUTE_NREFUSALS] = {
#define X(name) [ROUTE_REFUSAL_##name] = REASON_##name,
#include "route/refusal.def"
#undef X
};

static void refuse(struct call *call, enum reason reason)
{
	call_end(call, reason, 0, "system", STR_NONE);
}

/* For the record: which trunk, by which rule. */
static void note_rule(struct call *call, const struct route_decision *d)
{
	uint64_t trunk_id = d->action == ROUTE_TRUNK ? d->trunk_id : call->from_trunk_id;
	const struct trunk *t = model_trunk(call->cs->conf.model, trunk_id);

	if (d->action == ROUTE_TRUNK && !call->from_trunk_id)
		(void)snprintf(call->rec.direction, sizeof(call->rec.direction), "outbound");
	if (d->action == ROUTE_TRUNK)
		str_fit(call->rec.outbound_caller_id, sizeof(call->rec.outbound_caller_id),
			str_of(d->caller_id));
	if (d->rule[0])
		str_fit(call->rec.rule, sizeof(call->rec.rule), str_of(d->rule));
	if (t)
		str_fit(call->rec.trunk, sizeof(call->rec.trunk), str_of(t->name));
}

/* EXT-19: as if the number had been dialled. */
static void resolve_speed_dial(struct call *call)
{
	const char *number =
		call->from_trunk_id || call->dialled[0] || call->nhistory
			? NULL
			: route_speed_dial(call->cs->conf.model, call->rec.tenant_id,
					   call->caller_extension_id, str_of(call->rec.callee));

	if (number)
		str_fit(call->rec.callee, sizeof(call->rec.callee), str_of(number));
}

/* What it has keyed in by itself, with the rights of no extension. */
static bool is_guest(const struct call *call)
{
	return call->dialled[0] && !call->caller_extension_id;
}

static void ask(const struct call *call, struct route_query *q)
{
	const struct leg *caller = leg_get(call->cs, call->caller);
	const struct party *asserted = caller ? caller->asserted : NULL;

	*q = (struct route_query){
		.model = call->cs->conf.model,
		.facts = &call->cs->facts,
		.index = call->cs->conf.route_index,
		.from_trunk_id = call->dialled[0] && !is_guest(call) ? 0 : call->from_trunk_id,
		.is_guest = is_guest(call),
		.nasked = call->nasked,
		.tenant_id = call->rec.tenant_id,
		.caller_extension_id = call->caller_extension_id,
		.caller = str_of(asserted ? asserted->number : call->rec.caller),
		.wanted_id = str_of(call->wanted_id),
		.wanted_on = str_of(call->wanted_on),
		.dialled = str_of(call->dialled[0] ? call->dialled : call->rec.callee),
		.outside = str_of(call->plan.outside),
		.on_behalf_id = call->plan.on_behalf_id,
		.wall_us = calls_wall_us(call->cs),
		.is_transfer = call->rec.transferred_by[0] != '\0',
		.onward_trunk_id = call->onward ? call->from_trunk_id : 0,
		.history = call->history,
		.nhistory = call->nhistory,
	};
}

static void decide(struct call *call, const struct dest *dest, const char *dest_number,
		   struct route_decision *d)
{
	struct str moved[CALL_MAX_MOVED];
	struct route_query q;

	ask(call, &q);
	q.dest = dest;
	q.dest_number = str_of(dest_number);
	q.moved = moved;
	q.nmoved = call->nmoved;
	for (size_t i = 0; i < call->nmoved; i++)
		moved[i] = str_of(call->moved[i]);
	route_decide(&q, d);
	moved_used(call, d->nmoved);
	call->rec.config_revision = (int64_t)d->revision;
	note_rule(call, d);
	if (d->number[0] == '*' && !call->dialled[0])
		str_fit(call->rec.callee, sizeof(call->rec.callee), str_of(d->number));
	if (d->number[0])
		str_fit(call->rec.final_dest, sizeof(call->rec.final_dest), str_of(d->number));
}

const char *call_as_dialled(const struct call *call, uint64_t extension_id, const char *number)
{
	const char *behind = route_speed_dial(call->cs->conf.model, call->rec.tenant_id,
					      extension_id, str_of(number));

	return behind ? behind : number;
}

bool call_may_dial(const struct call *call, uint64_t extension_id, const char *number)
{
	struct route_query q;
	struct route_decision d;

	ask(call, &q);
	q.caller_extension_id = extension_id;
	q.is_guest = !extension_id;
	q.from_trunk_id = extension_id ? 0 : call->from_trunk_id;
	q.dialled = str_of(call_as_dialled(call, extension_id, number));
	q.outside = STR_NONE;
	q.nhistory = 0;
	route_decide(&q, &d);
	return d.action != ROUTE_REFUSE ||
	       (d.refusal != ROUTE_REFUSAL_NOT_FOUND && d.refusal != ROUTE_REFUSAL_FORBIDDEN &&
		d.refusal != ROUTE_REFUSAL_LOCKED && d.refusal != ROUTE_REFUSAL_NO_ROUTE);
}

size_t call_add_forwards(struct route_attempt history[ROUTE_MAX_HISTORY], size_t n,
			 const struct route_decision *d)
{
	for (size_t i = 0; i < d->nvia && n < ROUTE_MAX_HISTORY; i++) {
		const struct route_via *v = &d->via[i];

		if (n && history[n - 1].dest.kind == v->dest.kind &&
		    history[n - 1].dest.id == v->dest.id)
			continue; /* its devices were rung: that is there already */
		history[n++] = (struct route_attempt){.dest = v->dest, .outcome = v->outcome};
	}
	return n;
}

const char *calls_refusal_name(enum route_refusal why)
{
	return reason_name(refusal_reason[why]);
}

/* ---- sent on ---- */

static const char *const outcome_name[] = {
	[ROUTE_NO_ANSWER] = "no_answer",
	[ROUTE_BUSY] = "busy",
	[ROUTE_UNAVAILABLE] = "unavailable",
	[ROUTE_DECLINED] = "busy",
	[ROUTE_MOVED] = "moved",
};

/* EXT-21: the chain, in the record.  Where it got to stands at the end. */
static void note_forwards(struct call *call, const struct route_decision *d)
{
	char *text = call->rec.forwards;
	size_t n = strlen(text);

	for (size_t i = 0; i < d->nvia && n < sizeof(call->rec.forwards); i++)
		n += (size_t)snprintf(text + n, sizeof(call->rec.forwards) - n, "%s%s %s",
				      n ? ">" : "", d->via[i].number,
				      d->via[i].is_always ? "always"
							  : outcome_name[d->via[i].outcome]);
}

static void take_forwards(struct call *call, const struct route_decision *d)
{
	note_forwards(call, d);
	call->nhistory = call_add_forwards(call->history, call->nhistory, d);
	diverted_add(call, d->via, d->nvia);
}

static void log_steps(const struct call *call, const struct route_decision *d)
{
	struct log_ctx ctx = call_log(call);

	for (size_t i = 0; i < d->nsteps; i++)
		log_debug(&ctx, LOGID_CALL, "%s: %s%s", d->steps[i].rule, d->steps[i].verdict,
			  d->steps[i].has_won ? "" : " (passed over)");
}

/* RFC 5630 8.2: what it was that could not be had. */
#define NO_TLS "Warning: 380 offhook \"SIPS Not Allowed\"\r\n"

static void not_rung(struct call *call, int err)
{
	struct call_failure how = {.reason = owner_reason(err)};

	if (how.reason == REASON_OVERLOAD) {
		refuse(call, REASON_OVERLOAD);
		return;
	}
	if (how.reason == REASON_NOT_SECURE)
		str_fit(how.lines, sizeof(how.lines), STR(NO_TLS));
	call_ring_failed(call, &how);
}

static void ring_plan(struct call *call)
{
	struct owner_ring conf = {
		.extension_ids = &call->plan.extension_id,
		.n = 1,
		.ring_seconds = call->plan.ring_seconds,
	};
	int err = ringing_start(&call->ring, call, &conf);

	if (!err)
		call->st = CALL_RINGING;
	else
		not_rung(call, err);
}

/* EXT-15: unlocked for one call, and this is it. */
static void lock_again(struct call *call)
{
	const struct calls_conf *conf = &call->cs->conf;
	const struct extension *x =
		model_extension(conf->model, call->rec.tenant_id, call->caller_extension_id);

	if (x && conf->writer && x->lock_policy == LOCK_POLICY_PER_CALL && x->unlocked_until &&
	    x->lock_mode != LOCK_MODE_OPEN && !call->plan.is_emergency &&
	    conf->writer->set(conf->writer, call->rec.tenant_id, &resource_extension, x->o.id,
			      "{\"unlocked_until\":null}"))
		log_warn(NULL, LOGID_CALL, "extension %s could not be locked again", x->number);
}

static void trunk_plan(struct call *call)
{
	int err = ringing_start_trunk(&call->ring, call);

	if (!err)
		lock_again(call);
	if (!err)
		call->st = CALL_RINGING;
	else
		not_rung(call, err);
}

static void carry_out(struct call *call)
{
	if (call->plan.action == ROUTE_RING)
		ring_plan(call);
	else if (call->plan.action == ROUTE_TRUNK)
		trunk_plan(call);
	else if (services_start(call))
		refuse(call, REASON_FAILED);
}

static bool is_open(const struct leg *caller)
{
	return caller->st == LEG_READY && caller->nstreams;
}

/* Nothing is opened for a call between two devices that may talk directly, as long as that is all that is tried. */
static void open_caller(struct call *call, struct leg *caller)
{
	if (caller->st == LEG_NEW)
		leg_event(caller,
			  call->plan.action == ROUTE_RING && direct_may_begin(caller) ? LEV_BARE
										      : LEV_OPEN,
			  &(struct leg_msg){0});
	else if (call->plan.action == ROUTE_SERVICE && caller->st == LEG_READY &&
		 !caller->nstreams) {
		call->st = CALL_OPENING;
		if (leg_media_wake(caller))
			refuse(call, REASON_OVERLOAD);
	}
}

static void start_service(struct timer *t, void *arg)
{
	carry_out(arg);
}

/* RTE-5: who can hear it before the refusal is told why. */
static bool may_be_told(const struct call *call, const struct leg *caller,
			const struct route_decision *d)
{
	return d->is_spoken && !call->from_trunk_id && !call->is_originated && !call->nhistory &&
	       (caller->st == LEG_NEW || caller->st == LEG_READY) && caller->offered &&
	       !transfer_is_for(call, caller) && call->cs->conf.sounds && *call->cs->conf.sounds &&
	       calls_service(call->cs, "refusal");
}

static void tell_refusal(struct route_decision *d)
{
	d->action = ROUTE_SERVICE;
	d->service_id = refusal_reason[d->refusal];
	str_fit(d->service, sizeof(d->service), STR("refusal"));
}

/* Ask routing what is to be done now.  The caller's media is opened with the first thing tried, and for that only: an extension's
 * devices open theirs alongside (each round to the media threads and back costs two wake-ups); a service may want to
 * answer at once, so it starts when the caller's is open. */
void call_route(struct call *call, const struct dest *dest, const char *number)
{
	struct leg *caller = leg_get(call->cs, call->caller);
	struct log_ctx ctx = call_log(call);
	struct route_decision d;

	if (call->st == CALL_OVER || !caller)
		return;
	resolve_speed_dial(call);
	decide(call, dest, number, &d);
	log_steps(call, &d);
	take_forwards(call, &d);
	if (d.action == ROUTE_REFUSE && may_be_told(call, caller, &d))
		tell_refusal(&d);
	if (d.action == ROUTE_REFUSE && d.refusal == ROUTE_REFUSAL_WRONG_PIN)
		shield_failed(sip_shield(call->cs->conf.sip), &caller->flow.remote,
			      str_of(caller->rec.number), str_of(call->dialled));
	if (d.action == ROUTE_REFUSE) {
		refuse(call, refusal_reason[d.refusal]);
		return;
	}
	if (d.action == ROUTE_GIVE_UP) {
		call_end(call, call->failure.reason, call->failure.status, "system",
			 str_of(call->failure.lines));
		return;
	}
	if (d.nmoved)
		leg_progress(caller, 181, STR_NONE);
	call->plan = (struct call_plan){.action = d.action,
					.dest = d.dest,
					.extension_id = d.extension_id,
					.service_id = d.service_id,
					.ring_seconds = d.ring_seconds,
					.trunk_id = d.trunk_id,
					.on_behalf_id = d.on_behalf_id,
					.mobile = d.mobile,
					.is_emergency = d.is_emergency};
	memcpy(call->plan.service, d.service, sizeof(call->plan.service));
	memcpy(call->plan.argument, d.argument, sizeof(call->plan.argument));
	memcpy(call->plan.number, d.number, sizeof(call->plan.number));
	memcpy(call->plan.caller_id, d.mobile.trunk_id ? d.mobile.caller_id : d.caller_id,
	       sizeof(call->plan.caller_id));
	memcpy(call->plan.outside, d.outside, sizeof(call->plan.outside));
	if (d.action == ROUTE_TRUNK && d.refused_id[0])
		log_warn(&ctx, LOGID_CALL, "%s is no number of the tenant: %s is shown instead",
			 d.refused_id, d.caller_id);
	open_caller(call, caller);
	if (call->st == CALL_OVER)
		return;
	if (d.action == ROUTE_SERVICE &&
	    transfer_is_for(call, caller)) /* its REFER is answered first */
		timer_start(call->cs->conf.env.wheel, &call->origin, 0, start_service, call);
	else if (is_open(caller) || call->is_originated || d.action == ROUTE_RING ||
		 d.action == ROUTE_TRUNK)
		carry_out(call);
}

void call_reroute(struct call *call, const struct dest *dest, const char *number)
{
	events_call(call, BUS_CALL_REROUTE, reason_name(call->failure.reason));
	call->st = CALL_OPENING;
	call_route(call, dest, number);
}

/* EXT-12: records and events show the code alone. */
static void hide_pin(struct call *call)
{
	const struct str dialled = str_of(call->rec.callee), shown = route_without_pin(dialled);

	if (!call->caller_extension_id || shown.n == dialled.n)
		return;
	str_fit(call->dialled, sizeof(call->dialled), dialled);
	str_fit(call->rec.callee, sizeof(call->rec.callee), shown);
}

void call_begin(struct call *call)
{
	hide_pin(call);
	record_call_begin(call);
	events_call(call, BUS_CALL_START, NULL);
	metric_add(METRIC_CALLS_TOTAL, 1);
	call_route(call, NULL, NULL);
	if (call->st != CALL_OVER)
		usage_add(call); /* after routing: the call asked about does not count itself */
}

void call_leg_opened(struct call *call, struct leg *leg)
{
	if (leg->member)
		ringing_opened(call->ring, leg);
	else if (pickup_opened(leg) || originate_opened(leg))
		return;
	else if (leg->id == call->caller && call->ring)
		ringing_caller_opened(call->ring);
	else if (leg->id == call->caller && call->st == CALL_OPENING)
		carry_out(call);
}

void call_leg_provisional(struct call *call, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *caller = leg_get(call->cs, call->caller);

	if (!leg->member)
		return;
	if (leg->rec.ringing_at && !leg->is_ringing_told) {
		leg->is_ringing_told = true;
		record_call_ringing(call);
		if (caller)
			lines_changed(caller); /* what it calls rings */
		events_target(leg, BUS_TARGET_RINGING, NULL);
		services_event(call, OWNER_RINGING, leg->id, REASON_NORMAL);
	}
	ringing_provisional(call->ring, leg, ev);
	transfer_progress(call, ev->status);
}

/* 3pcc (RFC 3725). */
void call_introduce(struct call *call, struct leg *caller, struct leg *callee)
{
	/* else it has answered what we said of the caller, or all that was long ago */
	bool is_offer = callee->owes == LEG_OWES_ACK && !callee->noffered && !callee->is_settled;
	struct sdp *s;
	int err;

	if (!is_offer)
		leg_ack(callee);
	if (call->st == CALL_OVER)
		return;
	caller->is_direct = callee->is_direct = false;
	if (leg_is_over(callee)) { /* no memory for the ACK, and no bridge yet to end the call by */
		refuse(call, REASON_OVERLOAD);
		return;
	}
	err = leg_media_join(caller, callee);
	if (!err)
		err = bridge_alloc(&call->bridge, call, caller, callee,
				   is_offer ? BRIDGE_ASKED : BRIDGE_STABLE);
	if (err) {
		refuse(call, REASON_OVERLOAD);
		return;
	}
	call->st = CALL_TALKING;
	record_segment_begin(call, caller, callee, NULL);
	if (caller->st == LEG_READY)
		negotiate_reopen(caller);
	if (caller->st == LEG_READY && caller->offered) {
		s = caller->offered;
		caller->offered = NULL;
		bridge_offer(call->bridge, caller, &s);
		return;
	}
	s = callee->theirs;
	callee->theirs = NULL;
	bridge_offer(call->bridge, callee, &s);
}

/* The fork's winner and the caller: from here on the bridge passes descriptions. */
static void join(struct call *call, struct leg *caller, struct leg *callee)
{
	struct sdp *s = callee->is_settled ? NULL : callee->theirs;
	bool is_offered;
	int err;

	if (s)
		callee->theirs = NULL;
	if (!callee->is_settled)
		negotiate_reopen(caller);
	is_offered = caller->offered != NULL;
	caller->is_direct = callee->is_direct;
	if (caller->is_direct)
		leg_media_drop(caller); /* opened for other devices, which have not answered */
	err = leg_media_join(caller, callee);
	if (!err)
		err = bridge_alloc(&call->bridge, call, caller, callee,
				   callee->is_settled ? BRIDGE_STABLE
				   : is_offered	      ? BRIDGE_OFFERED
						      : BRIDGE_ASKED);
	if (err) {
		sdp_free(s);
		refuse(call, REASON_OVERLOAD);
		return;
	}
	call->st = CALL_TALKING;
	record_segment_begin(call, caller, callee, NULL);
	if (callee->is_settled)
		negotiate_settled(call, caller, callee);
	else if (is_offered)
		bridge_answer(call->bridge, callee, &s);
	else
		bridge_offer(call->bridge, callee, &s);
}

/* Both as they are can talk to each other: through us, or directly. */
static bool can_join(const struct leg *caller, const struct leg *callee)
{
	if (caller->st == LEG_UP || callee->st == LEG_UP)
		return false;
	return callee->is_direct ? direct_fits(caller, caller->offered, callee, callee->theirs)
				 : is_open(caller);
}

void call_taken(struct call *call, struct leg *caller, struct leg *leg)
{
	uint64_t callee_id = leg->mobile_of ? leg->mobile_of : leg->extension_id;
	enum reason why;

	call->ring = ringing_free(call->ring, REASON_ANSWERED_ELSEWHERE, STR_NONE);
	meter_start(leg);
	if (!meter_open_inbound(caller, callee_id, &why)) {
		call_end(call, why, 0, "system", STR_NONE);
		return;
	}
	meter_start(caller);
	/* In the journal before the caller hears of it: an answered call never vanishes. */
	record_call_answered(call, leg);
	if (!leg->rec.answered_at)
		record_leg_answered(leg);
	if (!caller->offered)
		record_leg_kept(leg); /* else when its answer is in force, a moment later */
	usage_add_extension(call, callee_id);
	events_target(leg, BUS_TARGET_ANSWERED, NULL);
	transfer_answered(call);
	originate_joined(call, caller);
	if (can_join(caller, leg))
		join(call, caller, leg);
	else
		call_introduce(call, caller, leg);
	if (call->st == CALL_TALKING)
		services_event(call, OWNER_ANSWERED, leg->id, REASON_NORMAL);
}

void call_leg_answered(struct call *call, struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *caller = leg_get(call->cs, call->caller);

	if (originate_answered(leg, ev) || !leg->member || !ringing_answered(call->ring, leg, ev))
		return;
	BUG(!caller);
	call_taken(call, caller, leg);
}

void call_leg_pracked(struct call *call, struct leg *leg, struct str sdp)
{
	if (call->ring && leg->id == call->caller)
		ringing_pracked(call->ring, leg, sdp);
}

void call_leg_acked(struct call *call, struct leg *leg, struct str sdp)
{
	if (leg->id == call->caller)
		events_call(call, BUS_CALL_ESTABLISHED, NULL);
	negotiate_acked(call, leg, sdp);
	if (pickup_acked(leg) || transfer_acked(leg))
		return;
	if (leg->must_reoffer)
		negotiate_reoffer(leg);
	if (call->st == CALL_SERVED)
		services_event(call, OWNER_ANSWERED, leg->id, REASON_NORMAL);
	recorder_follow(call);
	direct_consider(call);
}

static enum route_outcome outcome(enum reason reason)
{
	switch (reason) {
	case REASON_NO_ANSWER:
		return ROUTE_NO_ANSWER;
	case REASON_BUSY:
		return ROUTE_BUSY;
	case REASON_DECLINED:
		return ROUTE_DECLINED;
	default:
		return ROUTE_UNAVAILABLE;
	}
}

/* RTE-4: 408, 5xx or no answer of any kind is a route that does not work; all else is what the called party says. */
static bool may_take_next_route(const struct call *call)
{
	unsigned status = call->trunk_status;

	if (call->plan.action != ROUTE_TRUNK)
		return false;
	return status ? status == 408 || (status >= 500 && status < 600)
		      : call->failure.reason == REASON_UNAVAILABLE ||
				call->failure.reason == REASON_NOT_SECURE;
}

void call_tried(struct call *call)
{
	if (call->nhistory < ROUTE_MAX_HISTORY)
		call->history[call->nhistory++] = (struct route_attempt){
			.dest = call->plan.dest,
			.outcome = call->has_moved ? ROUTE_MOVED : outcome(call->failure.reason),
			.trunk_id = call->plan.trunk_id,
			.may_retry = may_take_next_route(call)};
	call->has_moved = false;
}

void call_ring_failed(struct call *call, const struct call_failure *how)
{
	call->failure = *how; /* of the ring, which ends here */
	call->ring = ringing_free(call->ring, call->failure.reason, STR_NONE);
	LIST_EACH (it, &call->legs) { /* what it had reserved may pay for the next */
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (leg->id != call->caller)
			meter_settle(leg, true);
	}
	if (call->service) {
		services_event(call, OWNER_FAILED, call->caller, call->failure.reason);
		return;
	}
	call_tried(call);
	call_route(call, NULL, NULL);
}
