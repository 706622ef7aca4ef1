/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls to and from the world: rules in order of priority, the routes of the first that matches; calls for help.
 */
#include <stdio.h>
#include <string.h>
#include "model/groups.h"
#include "route/index.h"
#include "route/inside.h"
#include "schema/did.h"

/* ---- routes ---- */

static const char *not_now(const struct route_query *q, uint64_t trunk_id, bool is_emergency)
{
	const struct trunk *t = model_trunk(q->model, trunk_id);

	if (!t)
		return "the trunk no longer exists";
	if (!t->enabled)
		return "the trunk is disabled";
	if (!caller_id_pool(q, trunk_id))
		return "the trunk is not given to this tenant";
	switch (q->facts->trunk ? q->facts->trunk(q->facts, trunk_id) : ROUTE_TRUNK_READY) {
	case ROUTE_TRUNK_OFFLINE:
		return is_emergency ? NULL : "the trunk is offline";
	case ROUTE_TRUNK_FULL:
		return is_emergency ? NULL : "the trunk is at its call limit";
	default:
		return NULL;
	}
}

static bool was_tried_over(const struct route_query *q, uint64_t trunk_id)
{
	for (size_t i = 0; i < q->nhistory; i++)
		if (q->history[i].trunk_id == trunk_id)
			return true;
	return false;
}

static void make_number(struct route_decision *d, struct str dialled,
			const struct outbound_route *route)
{
	size_t strip = (size_t)route->strip;

	if (strip > dialled.n)
		strip = dialled.n;
	(void)snprintf(d->number, sizeof(d->number), "%s%.*s", route->prepend,
		       (int)(dialled.n - strip), dialled.p + strip);
}

static void go(const struct route_query *q, struct route_decision *d, uint64_t trunk_id,
	       struct str rule)
{
	const struct trunk *t = model_trunk(q->model, trunk_id);

	d->action = ROUTE_TRUNK;
	d->trunk_id = trunk_id;
	(void)snprintf(d->rule, sizeof(d->rule), "%.*s", STR_ARG(rule));
	decision_step(d, true, rule, "%.32s over trunk %.32s", d->number, t ? t->name : "");
}

/* ---- money ---- */

bool outside_is_paid(const struct route_query *q, struct route_decision *d, struct str number,
		     uint64_t payer_id, enum call_direction direction)
{
	static const struct {
		enum route_refusal refusal;
		const char *text;
	} no[] = {
		[ROUTE_MONEY_BALANCE] = {ROUTE_REFUSAL_BALANCE, "the balance is used up"},
		[ROUTE_MONEY_SPEND_LIMIT] = {ROUTE_REFUSAL_SPEND_LIMIT,
					     "no more may be spent today"},
		[ROUTE_MONEY_CALLS_PER_MINUTE] = {ROUTE_REFUSAL_CALLS_PER_MINUTE,
						  "too many calls in one minute"},
	};
	struct route_payment pay = {
		.tenant_id = q->tenant_id,
		.extension_id = payer_id,
		.is_inbound = direction == CALL_DIRECTION_INBOUND,
		.is_first_try = direction == CALL_DIRECTION_OUTBOUND,
	};
	enum route_money money;

	for (size_t i = 0; i < q->nhistory; i++)
		if (q->history[i].trunk_id)
			pay.is_first_try = false;
	if (q->index)
		d->rate_id =
			route_index_rate(q->index, q->tenant_id, (int)direction, did_plain(number));
	d->payer_id = payer_id;
	pay.rate = (const struct call_rate *)model_object(q->model, &resource_call_rate,
							  q->tenant_id, d->rate_id);
	money = q->facts->money ? q->facts->money(q->facts, &pay) : ROUTE_MONEY_FINE;
	if (money == ROUTE_MONEY_FINE)
		return true;
	decision_step(d, true, STR("money"), "%s", no[money].text);
	decision_refuse(d, no[money].refusal);
	return false;
}

/* TRK-15 */
static void put_in_form(const struct route_query *q, struct route_decision *d, uint64_t trunk_id)
{
	const struct trunk *t = model_trunk(q->model, trunk_id);
	char as[sizeof(d->number)];

	if (!t || t->number_form == NUMBER_FORM_AS_IS)
		return;
	route_number_form(as, sizeof(as), model_tenant(q->model, q->tenant_id), str_of(d->number),
			  t->number_form);
	memcpy(d->number, as, sizeof(d->number));
}

/* The first route that works and was not tried yet. */
static void take_route(const struct route_query *q, struct route_decision *d,
		       const struct outbound_rule *r)
{
	for (size_t i = 0; i < r->routes.n; i++) {
		const struct outbound_route *route = (const struct outbound_route *)r->routes.v[i];
		const char *why;

		if (was_tried_over(q, route->trunk_id))
			continue;
		/* what was dialled there; a number that somebody sends it on to may go back */
		if (route->trunk_id == q->from_trunk_id && !*d->outside) {
			decision_step(d, false, str_of(r->name), "route %zu: it came from there",
				      i + 1);
			continue;
		}
		why = not_now(q, route->trunk_id, false);
		if (why) {
			decision_step(d, false, str_of(r->name), "route %zu: %s", i + 1, why);
			continue;
		}
		make_number(d, q->dialled, route);
		put_in_form(q, d, route->trunk_id);
		if (country_is_barred(q, str_of(d->number)) || country_is_barred(q, q->dialled)) {
			decision_step(d, true, STR("disallowed codes"), "%.40s may not be called",
				      d->number);
			d->is_spoken = true;
			decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
			return;
		}
		if (!country_is_allowed(q, str_of(d->number))) {
			decision_step(d, true, STR("allowed countries"), "not that of %.40s",
				      d->number);
			d->is_spoken = true;
			decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
			return;
		}
		if (!outside_is_paid(q, d, str_of(d->number), q->caller_extension_id,
				     CALL_DIRECTION_OUTBOUND))
			return;
		go(q, d, route->trunk_id, str_of(r->name));
		caller_id_choose(q, d, NULL, r->caller_id);
		return;
	}
	decision_step(d, true, str_of(r->name), "no route of it works now");
	if (q->nhistory)
		d->action = ROUTE_GIVE_UP;
	else
		decision_refuse(d, ROUTE_REFUSAL_NO_ROUTE);
}

bool route_is_locked(const struct extension *ext, int64_t wall_us)
{
	return ext->lock_mode != LOCK_MODE_OPEN && wall_us >= ext->unlocked_until;
}

/* RTE-10, EXT-15: is the rule in the extension's class, or in that for when it is locked?  NULL: yes. */
static const char *not_in_class(const struct route_query *q, const struct extension *x,
				uint64_t rule_id)
{
	bool is_locked = x && route_is_locked(x, q->wall_us);
	uint64_t id = is_locked ? x->restricted_class_id : x ? x->routing_class_id : 0;
	const struct routing_class *c;

	if (!id)
		return is_locked ? "the extension is locked" : NULL;
	c = (const struct routing_class *)model_object(q->model, &resource_routing_class,
						       q->tenant_id, id);
	for (size_t i = 0; c && i < c->rules.n; i++)
		if (((const struct routing_class_rule *)c->rules.v[i])->outbound_rule_id == rule_id)
			return NULL;
	return is_locked ? "the extension is locked" : "not in the extension's routing class";
}

/* RTE-4: extensions, ranges and groups: any of them. */
static const char *not_for_caller(const struct extension *x, const struct outbound_rule *r)
{
	struct str rest = str_trim(str_of(r->extensions));
	struct did_list one;
	struct did_why why;

	if (!rest.n && !r->groups.n)
		return NULL;
	if (!x)
		return "not for calls of no extension";
	for (size_t i = 0; i < r->groups.n; i++)
		if (model_is_in_group(
			    x, ((const struct outbound_rule_group *)r->groups.v[i])->group_id))
			return NULL;
	while (rest.n)
		if (!did_extensions_parse(&one, str_cut(&rest, ';'), &why) &&
		    did_list_has(&one, str_of(x->number)))
			return NULL;
	return "not for this extension";
}

static const char *does_not_match(const struct route_query *q, const struct outbound_rule *r)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);
	const char *why_not = not_in_class(q, x, r->o.id);

	if (why_not)
		return why_not;
	if (r->number_length && (size_t)r->number_length != q->dialled.n)
		return "another length";
	return not_for_caller(x, r);
}

/* RTE-7: the rule has decided, although it lets nothing through now. */
static bool is_closed(const struct route_query *q, struct route_decision *d,
		      const struct outbound_rule *r)
{
	const struct holiday *day = NULL;

	if (!r->office_hours_id || model_office(q->model, q->tenant_id, r->office_hours_id,
						q->wall_us, &day) == OFFICE_OPEN)
		return false;
	decision_step(d, true, str_of(r->name), "%s%.40s",
		      day ? "holiday: " : "outside its office hours", day ? day->name : "");
	decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
	return true;
}

/* GRP-2: none of its groups lets it. */
static bool may_not_call_out(const struct route_query *q, struct route_decision *d)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);

	if (!x || (model_rights(q->model, x) & MODEL_MAY_CALL_OUT))
		return false;
	decision_step(d, true, STR("extension groups"), "none lets %.32s call out", x->number);
	decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
	return true;
}

void outside_call(const struct route_query *q, struct route_decision *d)
{
	const struct extension *x;
	struct route_index_walk w;
	bool was_passed_over = false;
	uint64_t id;

	if (q->index)
		route_index_outbound(&w, q->index, q->tenant_id, q->dialled);
	while (q->index && (id = route_index_next(&w))) {
		const struct outbound_rule *r = (const struct outbound_rule *)model_object(
			q->model, &resource_outbound_rule, q->tenant_id, id);
		const char *why = r ? does_not_match(q, r) : "it is being removed";

		if (why) {
			decision_step(d, false, r ? str_of(r->name) : STR("rule"), "%s", why);
			was_passed_over = true;
			continue;
		}
		if (may_not_call_out(q, d) || is_closed(q, d, r))
			return;
		take_route(q, d, r);
		return;
	}
	decision_step(d, true, q->dialled, "nobody has this number, and no outbound rule takes it");
	x = model_extension(q->model, q->tenant_id, q->caller_extension_id);
	decision_refuse(d, x && was_passed_over && route_is_locked(x, q->wall_us)
				   ? ROUTE_REFUSAL_LOCKED
				   : ROUTE_REFUSAL_NOT_FOUND);
}

/* ---- PBXs ---- */

bool outside_is_pbx(const struct route_query *q)
{
	const struct did_pool *p = q->from_trunk_id ? caller_id_pool(q, q->from_trunk_id) : NULL;

	return p && p->is_pbx;
}

void outside_to_pbx(const struct route_query *q, struct route_decision *d, uint64_t trunk_id,
		    struct str rule)
{
	const char *why = not_now(q, trunk_id, false);

	if (why) {
		decision_step(d, true, rule, "%s", why);
		decision_refuse(d, ROUTE_REFUSAL_UNAVAILABLE);
		return;
	}
	(void)snprintf(d->number, sizeof(d->number), "%.*s", STR_ARG(q->dialled));
	go(q, d, trunk_id, rule);
	(void)snprintf(d->caller_id, sizeof(d->caller_id), "%.*s",
		       q->caller.n > 32 ? 32 : (int)q->caller.n, q->caller.p);
}

/* ---- emergency ---- */

bool route_is_sos(struct str dialled)
{
	const struct str sos = STR("urn:service:sos");

	return dialled.n >= sos.n && str_ieq((struct str){dialled.p, sos.n}, sos) &&
	       (dialled.n == sos.n || dialled.p[sos.n] == '.');
}

static const struct object *number_of(const struct model *m, uint64_t tenant_id, struct str number)
{
	return model_find(m, &resource_emergency_number.fields[0], tenant_id, number);
}

/* Which of a tenant's numbers brings help, whatever for: those meant for all kinds first. */
static const struct object *any_number(const struct model *m, uint64_t tenant_id)
{
	static const char *const known[] = {"112", "911", "999", "000", "111",
					    "110", "119", "115", "113", "100"};
	const struct object *o = NULL;

	for (size_t i = 0; i < ARRAY_LEN(known) && !o; i++)
		o = number_of(m, tenant_id, str_of(known[i]));
	return o;
}

static const struct object *emergency_number(const struct model *m, uint64_t tenant_id,
					     struct str dialled)
{
	return route_is_sos(dialled) ? any_number(m, tenant_id) : number_of(m, tenant_id, dialled);
}

bool route_is_emergency(const struct model *m, uint64_t tenant_id, struct str dialled)
{
	return emergency_number(m, tenant_id, dialled) != NULL;
}

const struct emergency_number *outside_emergency(const struct route_query *q)
{
	if (q->from_trunk_id && !outside_is_pbx(q))
		return NULL;
	return (const struct emergency_number *)emergency_number(q->model, q->tenant_id,
								 q->dialled);
}

static bool may_help(const struct route_query *q, struct route_decision *d, uint64_t trunk_id)
{
	const char *why = was_tried_over(q, trunk_id) ? "it was tried" : not_now(q, trunk_id, true);
	const struct trunk *t = model_trunk(q->model, trunk_id);

	if (why)
		decision_step(d, false, STR("emergency"), "trunk %.32s: %s", t ? t->name : "", why);
	return !why;
}

/* Its own trunk; when that is of no use, whichever of the rules that take the number has one, whoever they are for.  0: none. */
static uint64_t helping_trunk(const struct route_query *q, struct route_decision *d,
			      const struct emergency_number *n)
{
	struct route_index_walk w;
	uint64_t id;

	if (q->nhistory >= ROUTE_MAX_HISTORY)
		return 0; /* what was tried since is not known */
	if (may_help(q, d, n->trunk_id))
		return n->trunk_id;
	if (q->index)
		route_index_outbound(&w, q->index, q->tenant_id, str_of(n->number));
	while (q->index && (id = route_index_next(&w))) {
		const struct outbound_rule *r = (const struct outbound_rule *)model_object(
			q->model, &resource_outbound_rule, q->tenant_id, id);

		for (size_t i = 0; r && i < r->routes.n; i++) {
			id = ((const struct outbound_route *)r->routes.v[i])->trunk_id;
			if (id != n->trunk_id && may_help(q, d, id))
				return id;
		}
	}
	return 0;
}

void outside_emergency_call(const struct route_query *q, struct route_decision *d,
			    const struct emergency_number *n)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);
	uint64_t trunk_id = helping_trunk(q, d, n);

	if (!trunk_id) {
		decision_step(d, true, STR("emergency"), "no trunk is left");
		if (q->nhistory)
			d->action = ROUTE_GIVE_UP;
		else
			decision_refuse(d, ROUTE_REFUSAL_NO_ROUTE);
		return;
	}
	(void)snprintf(d->number, sizeof(d->number), "%s", n->number);
	d->is_emergency = true;
	go(q, d, trunk_id, STR("emergency"));
	caller_id_choose(q, d, NULL, NULL);
	if (x && *x->emergency_caller_id &&
	    caller_id_may_show(q, caller_id_pool(q, trunk_id), x->emergency_caller_id))
		(void)snprintf(d->caller_id, sizeof(d->caller_id), "%s", x->emergency_caller_id);
	else if (*n->caller_id)
		(void)snprintf(d->caller_id, sizeof(d->caller_id), "%s", n->caller_id);
}

/* ---- inbound ---- */

bool outside_is_welcome(const struct route_query *q, struct route_decision *d)
{
	const struct field *f = &resource_blacklisted_number.fields[0];
	struct str plain = did_plain(q->caller);

	if (!model_find(q->model, f, q->tenant_id, plain) && !model_find(q->model, f, 0, plain))
		return true;
	decision_step(d, true, STR("blacklist"), "%.*s is on it", plain.n > 40 ? 40 : (int)plain.n,
		      plain.p);
	decision_refuse(d, ROUTE_REFUSAL_BLACKLISTED);
	return false;
}

const struct inbound_rule *outside_inbound(const struct route_query *q, struct route_decision *d)
{
	struct str did = did_plain(q->dialled), caller = did_plain(q->caller);
	uint64_t id = 0;

	if (q->index)
		id = route_index_inbound(q->index, q->tenant_id, q->from_trunk_id, did, caller);
	if (q->index && !id) {
		decision_step(d, false, did, "no inbound rule for this caller");
		id = route_index_inbound(q->index, q->tenant_id, q->from_trunk_id, STR("*"),
					 caller);
	}
	if (!id) {
		decision_step(d, true, did, "no inbound rule takes it");
		return NULL;
	}
	return (const struct inbound_rule *)model_object(q->model, &resource_inbound_rule,
							 q->tenant_id, id);
}

void outside_onward(const struct route_query *q, struct route_decision *d)
{
	const char *why = not_now(q, q->onward_trunk_id, false);

	if (q->nhistory) {
		d->action = ROUTE_GIVE_UP;
		return;
	}
	if (why) {
		decision_step(d, true, STR("transfer"), "%.60s", why);
		decision_refuse(d, ROUTE_REFUSAL_NO_ROUTE);
		return;
	}
	str_fit(d->number, sizeof(d->number), q->dialled);
	go(q, d, q->onward_trunk_id, STR("transfer"));
	caller_id_choose(q, d, NULL, NULL);
}
