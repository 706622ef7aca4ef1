/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One question is answered in order: may this caller call at all, where does the call lead, may it go there.
 * Each rule leaves a step in the decision, won or lost, which the simulator shows and the trace of a call keeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "model/groups.h"
#include "route/inside.h"
#include "schema/enums.h"
#include "schema/feature_codes.h"
#include "schema/syntax.h"

static const struct feature {
	const char *code, *service;
	uint64_t id;
	const char *doc;
} features[] = {
#define X(code, service, id, doc) {code, service, id, doc},
#include "schema/feature_codes.def"
#undef X
};

void decision_step(struct route_decision *d, bool has_won, struct str rule, const char *fmt, ...)
{
	struct route_step *s;
	va_list ap;

	if (d->nsteps == ROUTE_MAX_STEPS)
		return; /* the last steps are the least of a chain that long */
	s = &d->steps[d->nsteps++];
	s->has_won = has_won;
	(void)snprintf(s->rule, sizeof(s->rule), "%.*s", STR_ARG(rule));
	va_start(ap, fmt);
	(void)vsnprintf(s->verdict, sizeof(s->verdict), fmt, ap);
	va_end(ap);
}

void decision_refuse(struct route_decision *d, enum route_refusal why)
{
	d->action = ROUTE_REFUSE;
	d->refusal = why;
}

static bool is_a(const struct object *o, const struct resource *res)
{
	return o && o->res == res;
}

bool route_is_busy(const struct extension *ext, size_t ncalls)
{
	return (ext->max_calls && ncalls >= (uint64_t)ext->max_calls) ||
	       (ext->busy_level && ncalls >= (uint64_t)ext->busy_level);
}

/* EXT-14, for a call from it. */
static bool extension_may_call(const struct route_query *q, struct route_decision *d,
			       const struct extension *ext)
{
	size_t ncalls;

	if (!ext || !ext->max_calls)
		return true;
	ncalls = q->facts->calls(q->facts, q->tenant_id, ext->o.id);
	if (ncalls < (uint64_t)ext->max_calls)
		return true;
	decision_step(d, true, STR("caller"), "extension %s has %zu of %lld calls", ext->number,
		      ncalls, (long long)ext->max_calls);
	decision_refuse(d, ROUTE_REFUSAL_EXTENSION_LIMIT);
	return false;
}

/* May this caller call at all?  Asked once, before anything was tried. */
static bool caller_may_call(const struct route_query *q, struct route_decision *d)
{
	const struct tenant *t = model_tenant(q->model, q->tenant_id);
	const struct extension *ext =
		model_extension(q->model, q->tenant_id, q->caller_extension_id);
	size_t ncalls;

	if (!t || !t->enabled) {
		decision_step(d, true, STR("tenant"), "disabled or unknown");
		decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
		return false;
	}
	if (!q->from_trunk_id && (!ext || !ext->enabled)) {
		decision_step(d, true, STR("caller"),
			      ext ? "its extension is disabled" : "its account has no extension");
		decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
		return false;
	}
	if (!extension_may_call(q, d, ext))
		return false;
	if (!t->max_calls)
		return true;
	ncalls = q->facts->calls(q->facts, q->tenant_id, 0);
	if (ncalls >= (uint64_t)t->max_calls) {
		decision_step(d, true, STR("simultaneous calls"), "%zu of %lld in progress", ncalls,
			      (long long)t->max_calls);
		decision_refuse(d, ROUTE_REFUSAL_LIMIT);
		return false;
	}
	return true;
}

static bool same_dest(const struct dest *a, const struct dest *b)
{
	return a->kind == b->kind && a->id == b->id;
}

static bool was_tried(const struct route_query *q, const struct route_decision *d)
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

static void set_number(struct route_decision *d, const char *number)
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
	set_number(d, ext->number);
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
	if (q->from_trunk_id &&
	    !outside_is_paid(q, d, q->dialled, ext->o.id, CALL_DIRECTION_INBOUND))
		return;
	d->action = ROUTE_RING;
	d->extension_id = ext->o.id;
	d->ring_seconds = forward_patience(q, ext);
	decision_step(d, true, rule, "rings extension %s for %u s", ext->number, d->ring_seconds);
}

/* EXT-18: whoever it talks to is sent there, with that code as the target of a transfer; dialled, it is called. */
static void to_own_mobile(const struct route_query *q, struct route_decision *d)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	d->on_behalf_id = q->caller_extension_id;
	d->dest = (struct dest){.kind = DEST_KIND_EXTERNAL_NUMBER};
	decision_to_dest(q, d, STR("own mobile"), x ? x->mobile : "");
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
	set_number(d, g->number);
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

void decision_to_dest(const struct route_query *q, struct route_decision *d, struct str rule,
		      const char *outside)
{
	if (d->dest.kind == DEST_KIND_EXTERNAL_NUMBER)
		d->dest.id = map_hash_str(str_of(outside));
	if (d->dest.kind == DEST_KIND_HANGUP) {
		decision_step(d, true, rule, "hangs up");
		decision_refuse(d, ROUTE_REFUSAL_NORMAL);
		return;
	}
	if (nforwards(q, d) > ROUTE_MAX_FORWARDS || was_tried(q, d)) {
		decision_step(d, true, rule, "%s",
			      was_tried(q, d) ? "it has been there already" : "sent on too often");
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
	else if (d->dest.kind == DEST_KIND_TRUNK)
		outside_to_pbx(q, d, d->dest.id, rule);
	else
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
}

/* May the caller switch that?  Else the decision says why not. */
static bool is_allowed(const struct extension *x, enum route_switch what, struct str said)
{
	struct str key, number;

	switch (what) {
	case ROUTE_SWITCH_NIGHT_ON:
	case ROUTE_SWITCH_NIGHT_OFF:
	case ROUTE_SWITCH_NIGHT_OTHER:
		return x->may_switch_night;
	case ROUTE_SWITCH_LOCK:
		return x->lock_mode != LOCK_MODE_OPEN;
	case ROUTE_SWITCH_UNLOCK:
		return x->lock_mode == LOCK_MODE_CODE ||
		       (x->lock_mode == LOCK_MODE_PIN && *x->service_pin &&
			str_eq(said, str_of(x->service_pin)));
	case ROUTE_SWITCH_SPEED_DIAL_8:
	case ROUTE_SWITCH_SPEED_DIAL_100:
		return route_speed_dial_set(said, what, &key, &number);
	case ROUTE_SWITCH_DND_ON:
	case ROUTE_SWITCH_DND_OFF:
	case ROUTE_SWITCH_CALLBACK_OFF:
		return true;
	case ROUTE_SWITCH_CALLBACK:
		return !said.n || syntax_number(said);
	case ROUTE_SWITCH_NONE:
		break;
	}
	return false;
}

static bool may_switch(const struct route_query *q, struct route_decision *d, uint64_t what,
		       struct str said)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	if (x && is_allowed(x, (enum route_switch)what, said))
		return true;
	decision_step(d, true, STR("feature codes"),
		      "this extension may not, or what follows the code is wrong");
	decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
	return false;
}

/* Codes behind which something stands. */
static bool takes_more(const struct feature *f)
{
	return f->id == ROUTE_SWITCH_UNLOCK || f->id == ROUTE_SWITCH_SPEED_DIAL_8 ||
	       f->id == ROUTE_SWITCH_SPEED_DIAL_100 || f->id == ROUTE_SWITCH_CALLBACK ||
	       !strcmp(f->service, "speed_dial");
}

/* GRP-2 */
static bool may_page(const struct route_query *q, struct route_decision *d)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	if (x && (model_rights(q->model, x) & MODEL_MAY_PAGE))
		return true;
	decision_step(d, true, STR("feature codes"), "no group of this extension may page");
	decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
	return false;
}

static bool is_feature(const struct route_query *q, struct route_decision *d)
{
	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		const struct feature *f = &features[i];
		struct str rest = q->dialled;

		if (!str_starts(rest, str_of(f->code)))
			continue;
		rest.p += strlen(f->code);
		rest.n -= strlen(f->code);
		if (rest.n && !takes_more(f))
			continue;
		set_number(d, f->code); /* without the PIN: it is shown in records */
		if (f->id && !may_switch(q, d, f->id, rest))
			return true;
		if (!strcmp(f->service, "page") && !may_page(q, d))
			return true;
		decision_step(d, true, str_of(f->code), "feature code: %s", f->doc);
		if (!strcmp(f->service, "speed_dial")) { /* one that is set has been resolved */
			decision_step(d, true, str_of(f->code), "no number is set there");
			decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
			return true;
		}
		if (f->id != ROUTE_SWITCH_UNLOCK)
			str_fit(d->argument, sizeof(d->argument), rest);
		if (!strcmp(f->service, "own_mobile")) {
			to_own_mobile(q, d);
			return true;
		}
		decision_to_service(d, f->service, f->id);
		return true;
	}
	return false;
}

static void to_number(const struct route_query *q, struct route_decision *d)
{
	const struct object *o;

	if (is_feature(q, d) || pickup_code(q, d))
		return;
	decision_step(d, false, STR("feature codes"), "none of them");
	o = model_number(q->model, q->tenant_id, q->dialled);
	if (is_a(o, &resource_extension)) {
		d->dest = (struct dest){DEST_KIND_EXTENSION, o->id};
	} else if (is_a(o, &resource_ring_group)) {
		d->dest = (struct dest){DEST_KIND_RING_GROUP, o->id};
	} else {
		outside_call(q, d);
		return;
	}
	decision_to_dest(q, d, q->dialled, "");
}

/* RTE-1, RTE-12: does it go to the destination for outside office hours? */
static bool is_outside_hours(const struct route_query *q, struct route_decision *d,
			     const struct inbound_rule *r)
{
	const struct tenant *t = model_tenant(q->model, q->tenant_id);
	const struct holiday *day = NULL;
	enum office_state office;

	if (r->night_mode || (t && t->night_mode && r->by_office_hours)) {
		decision_step(d, false, STR("office hours"), "%s night mode",
			      r->night_mode ? "the rule's" : "the tenant's");
		return true;
	}
	if (!r->by_office_hours)
		return false;
	office = model_office(q->model, q->tenant_id, r->office_hours_id, q->wall_us, &day);
	decision_step(d, false, STR("office hours"), "%s%.40s",
		      day		      ? "holiday: "
		      : office == OFFICE_OPEN ? "open"
					      : "closed",
		      day ? day->name : "");
	return office != OFFICE_OPEN;
}

static void from_outside(const struct route_query *q, struct route_decision *d)
{
	const struct inbound_rule *r;
	bool is_outside;

	if (!outside_is_welcome(q, d))
		return;
	r = outside_inbound(q, d);
	if (!r && outside_is_pbx(q)) {
		to_number(q, d);
		return;
	}
	if (!r) {
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
		return;
	}
	(void)snprintf(d->rule, sizeof(d->rule), "%s", r->name);
	is_outside = is_outside_hours(q, d, r);
	d->dest = is_outside ? r->outside_destination : r->destination;
	decision_to_dest(q, d, str_of(r->name),
			 is_outside ? r->outside_destination_number : r->destination_number);
}

/* The numbers that a device has named instead of its own, one after the other.  Feature codes are none: who is called shall not
 * choose what the caller starts. */
static bool moved_on(const struct route_query *q, struct route_decision *d)
{
	const struct extension *by = NULL;

	for (size_t i = q->nhistory; i-- && !by;)
		if (q->history[i].outcome == ROUTE_MOVED)
			by = model_extension(q->model, q->tenant_id,
					     q->history[i].trunk_id ? q->caller_extension_id
								    : q->history[i].dest.id);
	while (by && d->nmoved < q->nmoved) {
		struct str number = q->moved[d->nmoved++];
		const struct object *o = model_number(q->model, q->tenant_id, number);
		char text[33];

		str_fit(text, sizeof(text), number);
		d->dest = is_a(o, &resource_extension) ? (struct dest){DEST_KIND_EXTENSION, o->id}
			  : is_a(o, &resource_ring_group)
				  ? (struct dest){DEST_KIND_RING_GROUP, o->id}
				  : (struct dest){DEST_KIND_EXTERNAL_NUMBER, map_hash_str(number)};
		if (was_tried(q, d)) {
			decision_step(d, false, number, "it has been there already");
			continue;
		}
		decision_step(d, true, number, "where a device of %.32s sends it", by->number);
		forward_moved(q, d, by, text);
		return true;
	}
	return false;
}

/* What was tried last has failed. */
static void after_attempt(const struct route_query *q, struct route_decision *d)
{
	const struct route_attempt *last = &q->history[q->nhistory - 1];
	const struct extension *ext = NULL;

	if (q->nhistory >= ROUTE_MAX_HISTORY) {
		decision_step(d, true, STR("after the attempt"), "too much was tried");
		d->action = ROUTE_GIVE_UP;
		return;
	}
	if (last->may_retry && q->outside.n) {
		struct route_query as = *q;

		as.dialled = q->outside;
		as.caller_extension_id = d->on_behalf_id = q->on_behalf_id;
		d->dest = last->dest;
		(void)snprintf(d->outside, sizeof(d->outside), "%.*s", STR_ARG(q->outside));
		outside_call(&as, d);
		return;
	}
	if (last->may_retry) {
		outside_call(q, d);
		return;
	}
	if (last->outcome == ROUTE_MOVED && moved_on(q, d))
		return;
	if (last->dest.kind == DEST_KIND_EXTENSION && !last->trunk_id)
		ext = model_extension(q->model, q->tenant_id, last->dest.id);
	if (ext && forward_after(q, d, ext, last->outcome))
		return;
	if (moved_on(q, d))
		return;
	decision_step(d, true, STR("after the attempt"), "nothing else is set");
	d->action = ROUTE_GIVE_UP;
}

void route_decide(const struct route_query *q, struct route_decision *d)
{
	const struct emergency_number *emergency =
		q->dest || q->outside.n ? NULL : outside_emergency(q);

	memset(d, 0, sizeof(*d));
	d->revision = model_revision(q->model, q->tenant_id);
	if (emergency) {
		outside_emergency_call(q, d, emergency);
		return;
	}
	if (!q->nhistory && !q->dest && !caller_may_call(q, d))
		return;
	if (q->onward_trunk_id && !q->dest) {
		outside_onward(q, d);
		return;
	}
	if (q->dest) {
		d->dest = *q->dest;
		decision_to_dest(q, d, STR("sent on"), "");
		return;
	}
	if (q->nhistory)
		after_attempt(q, d);
	else if (q->from_trunk_id)
		from_outside(q, d);
	else
		to_number(q, d);
}
