/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a destination leads to: an extension with all that is set for calls to it, a group, a number outside, a service.
 *
 * DESIGN  Nothing is gone to twice, and nothing is sent on more than ROUTE_MAX_FORWARDS times: so whatever refers to whatever, a
 * decision ends.
 */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "route/inside.h"
#include "schema/enums.h"

static bool is_a(const struct object *o, const struct resource *res)
{
	return o && o->res == res;
}

struct dest dest_of_number(const struct route_query *q, struct str number)
{
	const struct object *o = model_number(q->model, q->tenant_id, number);

	return is_a(o, &resource_extension) ? (struct dest){DEST_KIND_EXTENSION, o->id}
	       : is_a(o, &resource_ring_group)
		       ? (struct dest){DEST_KIND_RING_GROUP, o->id}
		       : (struct dest){DEST_KIND_EXTERNAL_NUMBER, map_hash_str(number)};
}

static bool same_dest(const struct dest *a, const struct dest *b)
{
	return a->kind == b->kind && a->id == b->id;
}

bool decision_was_tried(const struct route_query *q, const struct route_decision *d)
{
	for (size_t i = 0; i < q->nhistory; i++)
		if (same_dest(&q->history[i].dest, &d->dest))
			return true;
	for (size_t i = 0; i < d->nvia; i++)
		if (same_dest(&d->via[i].dest, &d->dest))
			return true;
	return false;
}

/* How often it was sent on: attempts over a second or third trunk are none. */
static size_t nforwards(const struct route_query *q, const struct route_decision *d)
{
	size_t n = d->nvia;

	for (size_t i = 0; i < q->nhistory; i++)
		n += !q->history[i].trunk_id;
	return n;
}

void decision_number(struct route_decision *d, const char *number)
{
	(void)snprintf(d->number, sizeof(d->number), "%s", number);
}

/* EXT-14, EXT-19, for a call to it: no device rings. */
static bool is_busy(const struct route_query *q, struct route_decision *d,
		    const struct extension *ext, struct str rule)
{
	bool is_left_alone = ext->status == EXTENSION_STATUS_DO_NOT_DISTURB;
	size_t ncalls = 0;

	if (!is_left_alone && !ext->max_calls && !ext->busy_level)
		return false;
	if (!is_left_alone)
		ncalls = q->facts->calls(q->facts, q->tenant_id, ext->o.id);
	if (!is_left_alone && !route_is_busy(ext, ncalls))
		return false;
	if (is_left_alone)
		decision_step(d, true, rule, "extension %s does not want to be disturbed",
			      ext->number);
	else
		decision_step(d, true, rule, "extension %s is busy: it has %zu calls", ext->number,
			      ncalls);
	if (!forward_after(q, d, ext, ROUTE_BUSY))
		decision_refuse(d, ROUTE_REFUSAL_BUSY);
	return true;
}

/* EXT-18: by its own rules, as if it called there itself. */
static void fork_to_mobile(const struct route_query *q, struct route_decision *d,
			   const struct extension *ext)
{
	struct route_query as = *q;
	struct route_decision over = {.action = ROUTE_REFUSE};

	if (!ext->fork_to_mobile || !*ext->mobile)
		return;
	as.dialled = str_of(ext->mobile);
	as.caller_extension_id = ext->o.id;
	as.from_trunk_id = 0;
	as.nhistory = 0;
	as.wanted_id = STR_NONE;
	outside_call(&as, &over);
	if (over.action != ROUTE_TRUNK) {
		decision_step(d, false, STR("mobile"), "%.32s: %.40s", ext->mobile,
			      over.nsteps ? over.steps[over.nsteps - 1].verdict : "");
		return;
	}
	d->mobile.trunk_id = over.trunk_id;
	memcpy(d->mobile.number, over.number, sizeof(d->mobile.number));
	memcpy(d->mobile.caller_id, over.caller_id, sizeof(d->mobile.caller_id));
	decision_step(d, false, STR("mobile"), "%.40s rings too, by rule %.30s", over.number,
		      over.rule);
}

static void to_extension(const struct route_query *q, struct route_decision *d, struct str rule)
{
	const struct extension *ext = model_extension(q->model, q->tenant_id, d->dest.id);

	if (!ext) {
		decision_step(d, true, rule, "the extension no longer exists");
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
		return;
	}
	decision_number(d, ext->number);
	if (!ext->enabled) {
		decision_step(d, true, rule, "extension %s is disabled", ext->number);
		decision_refuse(d, ROUTE_REFUSAL_DISABLED);
		return;
	}
	if (forward_first(q, d, ext) || is_busy(q, d, ext, rule))
		return;
	fork_to_mobile(q, d, ext);
	if (q->facts->contacts(q->facts, q->tenant_id, ext->o.id) == 0 && !d->mobile.trunk_id) {
		decision_step(d, true, rule, "extension %s: no device is registered", ext->number);
		if (!forward_after(q, d, ext, ROUTE_UNAVAILABLE))
			decision_refuse(d, ROUTE_REFUSAL_UNAVAILABLE);
		return;
	}
	if (q->from_trunk_id && !q->is_guest && /* it was paid for when it was asked */
	    !outside_is_paid(q, d, q->dialled, ext->o.id, CALL_DIRECTION_INBOUND))
		return;
	d->action = ROUTE_RING;
	d->extension_id = ext->o.id;
	d->ring_seconds = forward_patience(q, ext);
	decision_step(d, true, rule, "rings extension %s for %u s", ext->number, d->ring_seconds);
}

void decision_to_service(struct route_decision *d, const char *service, uint64_t id)
{
	d->action = ROUTE_SERVICE;
	(void)snprintf(d->service, sizeof(d->service), "%s", service);
	d->service_id = id;
}

static void to_ring_group(const struct route_query *q, struct route_decision *d, struct str rule)
{
	const struct ring_group *g = model_ring_group(q->model, q->tenant_id, d->dest.id);

	if (!g) {
		decision_step(d, true, rule, "the ring group no longer exists");
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
		return;
	}
	decision_number(d, g->number);
	decision_step(d, true, rule, "ring group %s", g->number);
	decision_to_service(d, "ring_group", g->o.id);
}

static void to_disa(const struct route_query *q, struct route_decision *d, struct str rule)
{
	const struct disa *o = (const struct disa *)model_object(q->model, &resource_disa,
								 q->tenant_id, d->dest.id);

	if (!o || !o->enabled) {
		decision_step(d, true, rule, "the DISA is %s", o ? "disabled" : "gone");
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
		return;
	}
	decision_step(d, true, rule, "DISA %.48s", o->name);
	decision_to_service(d, "disa", o->o.id);
}

/* A number outside, dialled for who has sent the call there: by that extension's rules, shown with its caller ID. */
static void to_outside(const struct route_query *q, struct route_decision *d, struct str rule,
		       const char *number)
{
	struct route_query as = *q;

	if (!*number) {
		decision_step(d, true, rule, "no number is set");
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
		return;
	}
	(void)snprintf(d->outside, sizeof(d->outside), "%s", number);
	as.dialled = str_of(number);
	as.caller_extension_id = d->on_behalf_id;
	outside_call(&as, d);
}

/* EXT-16: who calls is asked for a number, and dials it by himself. */
static void to_asking(const struct route_query *q, struct route_decision *d, struct str rule)
{
	if (q->nasked >= ROUTE_MAX_FORWARDS) {
		decision_step(d, true, rule, "it was asked for a number too often");
		decision_refuse(d, ROUTE_REFUSAL_LOOP);
		return;
	}
	decision_step(d, true, rule, "asks for a number");
	decision_to_service(d, "ask_number", 0);
}

/* EXT-16: on to what a time check leads to now; number: of that.  False: the decision is made. */
static bool check_time(const struct route_query *q, struct route_decision *d, struct str rule,
		       const char **numberp)
{
	const struct tenant *tenant = model_tenant(q->model, q->tenant_id);
	const struct holiday *day = NULL;
	const struct time_check *t;
	bool is_open;

	for (unsigned n = 0; d->dest.kind == DEST_KIND_TIME_CHECK; n++) {
		t = (const struct time_check *)model_object(q->model, &resource_time_check,
							    q->tenant_id, d->dest.id);
		if (!t || n == ROUTE_MAX_FORWARDS) {
			decision_step(d, true, rule, "%s",
				      t ? "time checks lead to each other"
					: "the time check no longer exists");
			decision_refuse(d, t ? ROUTE_REFUSAL_LOOP : ROUTE_REFUSAL_NOT_FOUND);
			return false;
		}
		is_open = !(tenant && tenant->night_mode) &&
			  model_office(q->model, q->tenant_id, t->office_hours_id, q->wall_us,
				       &day) == OFFICE_OPEN;
		decision_step(d, false, rule, "time check %.32s: %s%.24s", t->name,
			      is_open			     ? "open"
			      : tenant && tenant->night_mode ? "night mode"
			      : day			     ? "holiday: "
							     : "closed",
			      !is_open && day ? day->name : "");
		d->dest = is_open ? t->open_destination : t->closed_destination;
		*numberp = is_open ? t->open_destination_number : t->closed_destination_number;
	}
	return true;
}

/* EXT-16, EXT-19: what the extension that sends the call there would reach by dialling it. */
static const char *as_dialled(const struct route_query *q, struct route_decision *d,
			      struct str rule, const char *number)
{
	const char *behind =
		route_speed_dial(q->model, q->tenant_id, d->on_behalf_id, str_of(number));

	if (!behind)
		return number;
	decision_step(d, false, rule, "speed dial %.8s: %.40s", number, behind);
	return behind;
}

void decision_to_dest(const struct route_query *q, struct route_decision *d, struct str rule,
		      const char *outside)
{
	if (!check_time(q, d, rule, &outside))
		return;
	if (d->dest.kind == DEST_KIND_CUSTOM_DIAL) {
		outside = as_dialled(q, d, rule, outside);
		d->dest = dest_of_number(q, str_of(outside));
	}
	if (d->dest.kind == DEST_KIND_EXTERNAL_NUMBER)
		d->dest.id = map_hash_str(str_of(outside));
	if (d->dest.kind == DEST_KIND_HANGUP) {
		decision_step(d, true, rule, "hangs up");
		decision_refuse(d, ROUTE_REFUSAL_NORMAL);
		return;
	}
	if (nforwards(q, d) > ROUTE_MAX_FORWARDS || decision_was_tried(q, d)) {
		decision_step(d, true, rule, "%s",
			      decision_was_tried(q, d) ? "it has been there already"
						       : "sent on too often");
		decision_refuse(d, ROUTE_REFUSAL_LOOP);
		return;
	}
	if (d->dest.kind == DEST_KIND_EXTENSION)
		to_extension(q, d, rule);
	else if (d->dest.kind == DEST_KIND_RING_GROUP)
		to_ring_group(q, d, rule);
	else if (d->dest.kind == DEST_KIND_EXTERNAL_NUMBER)
		to_outside(q, d, rule, outside);
	else if (d->dest.kind == DEST_KIND_DISA)
		to_disa(q, d, rule);
	else if (d->dest.kind == DEST_KIND_ASK_NUMBER)
		to_asking(q, d, rule);
	else if (d->dest.kind == DEST_KIND_TRUNK)
		outside_to_pbx(q, d, d->dest.id, rule);
	else
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
}
