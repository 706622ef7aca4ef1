/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One question is answered in order: may this caller call at all, where does the call lead, may it go there.
 * Each rule leaves a step in the decision, won or lost, which the simulator shows and the trace of a call keeps.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
	str_fit(s->rule, sizeof(s->rule), rule);
	va_start(ap, fmt);
	(void)vsnprintf(s->verdict, sizeof(s->verdict), fmt, ap);
	va_end(ap);
}

void decision_refuse(struct route_decision *d, enum route_refusal why)
{
	d->action = ROUTE_REFUSE;
	d->refusal = why;
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
	if (!q->from_trunk_id && !q->is_guest && (!ext || !ext->enabled)) {
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

/* EXT-18: whoever it talks to is sent there, with that code as the target of a transfer; dialled, it is called. */
static void to_own_mobile(const struct route_query *q, struct route_decision *d)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	d->on_behalf_id = q->caller_extension_id;
	d->dest = (struct dest){.kind = DEST_KIND_EXTERNAL_NUMBER};
	decision_to_dest(q, d, STR("own mobile"), x ? x->mobile : "");
}

/* May a service PIN stand behind that code? */
static bool takes_pin(const struct feature *f)
{
	return f->id == ROUTE_SWITCH_UNLOCK || f->id == ROUTE_SWITCH_NIGHT_ON ||
	       f->id == ROUTE_SWITCH_NIGHT_OFF || f->id == ROUTE_SWITCH_NIGHT_OTHER ||
	       !strcmp(f->service, "page");
}

/* EXT-12 */
static bool wants_pin(const struct extension *x, const struct feature *f)
{
	if (!takes_pin(f))
		return false;
	if (f->id == ROUTE_SWITCH_UNLOCK)
		return x->lock_mode == LOCK_MODE_PIN;
	return f->id ? x->pin_to_switch_night : x->pin_to_page;
}

struct str route_without_pin(struct str dialled)
{
	for (size_t i = 0; i < ARRAY_LEN(features); i++)
		if (takes_pin(&features[i]) && str_starts(dialled, str_of(features[i].code)))
			return str_of(features[i].code);
	return dialled;
}

/* False: it is wrong, or cannot be right.  Without one the caller is asked: `ask`. */
static bool is_pin(struct route_decision *d, const struct extension *x, struct str said, bool *ask)
{
	*ask = false;
	if (!*x->service_pin) {
		decision_step(d, true, STR("service PIN"), "extension %s has none", x->number);
		decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
		return false;
	}
	*ask = !said.n;
	if (!said.n || str_eq(said, str_of(x->service_pin)))
		return true;
	decision_step(d, true, STR("service PIN"), "is wrong");
	decision_refuse(d, ROUTE_REFUSAL_WRONG_PIN);
	return false;
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
	case ROUTE_SWITCH_UNLOCK:
		return x->lock_mode != LOCK_MODE_OPEN;
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
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	for (size_t i = 0; i < ARRAY_LEN(features); i++) {
		const struct feature *f = &features[i];
		struct str rest = q->dialled;
		bool has_pin, ask = false;

		if (!str_starts(rest, str_of(f->code)))
			continue;
		rest.p += strlen(f->code);
		rest.n -= strlen(f->code);
		has_pin = x && wants_pin(x, f);
		if (rest.n && !has_pin && !takes_more(f))
			continue;
		decision_number(d, f->code); /* without the PIN: it is shown in records */
		if (f->id && !may_switch(q, d, f->id, rest))
			return true;
		if (!strcmp(f->service, "page") && !may_page(q, d))
			return true;
		if (has_pin && !is_pin(d, x, rest, &ask))
			return true;
		decision_step(d, true, str_of(f->code), "feature code: %s", f->doc);
		if (!strcmp(f->service, "speed_dial")) { /* one that is set has been resolved */
			decision_step(d, true, str_of(f->code), "no number is set there");
			decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
			return true;
		}
		if (ask) {
			str_fit(d->argument, sizeof(d->argument), str_of(f->code));
			decision_to_service(d, "ask_pin", 0);
			return true;
		}
		if (!takes_pin(f))
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
	struct dest dest;

	if (is_feature(q, d) || pickup_code(q, d))
		return;
	decision_step(d, false, STR("feature codes"), "none of them");
	dest = dest_of_number(q, q->dialled);
	if (dest.kind == DEST_KIND_EXTERNAL_NUMBER) {
		outside_call(q, d);
		return;
	}
	d->dest = dest;
	decision_to_dest(q, d, q->dialled, "");
}

/* EXT-16: what somebody has keyed in who has the rights of no extension: without a PIN nobody dials out (RTE-11), or starts what
 * a feature code does. */
static void to_inside(const struct route_query *q, struct route_decision *d)
{
	d->dest = dest_of_number(q, q->dialled);
	if (d->dest.kind != DEST_KIND_EXTERNAL_NUMBER) {
		decision_to_dest(q, d, q->dialled, "");
		return;
	}
	decision_step(d, true, q->dialled, "nobody in the tenant has this number");
	decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
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
		char text[33];

		str_fit(text, sizeof(text), number);
		d->dest = dest_of_number(q, number);
		if (decision_was_tried(q, d)) {
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
	char number[33];

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
		str_fit(number, sizeof(number), q->dest_number);
		decision_to_dest(q, d, STR("sent on"), number);
		return;
	}
	if (q->nhistory)
		after_attempt(q, d);
	else if (q->is_guest)
		to_inside(q, d);
	else if (q->from_trunk_id)
		from_outside(q, d);
	else
		to_number(q, d);
}
