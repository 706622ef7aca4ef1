/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PBX-1: the codes by which the call of another extension is taken, as the tenant has chosen them.  Whether there is such a call is
 * seen when the code is carried out (call/pickup_code.c).
 */
#include "model/groups.h"
#include "route/inside.h"

/* What is dialled behind a code; false: it is not that code, or there is none. */
static bool is_behind(const char *code, struct str dialled, struct str *rest)
{
	struct str c = str_of(code);

	if (!c.n || !str_starts(dialled, c))
		return false;
	*rest = (struct str){dialled.p + c.n, dialled.n - c.n};
	return true;
}

static void pick_up(const struct route_query *q, struct route_decision *d, const char *service,
		    struct str number)
{
	const struct extension *who =
		model_extension(q->model, q->tenant_id, q->caller_extension_id);
	const struct object *o = model_number(q->model, q->tenant_id, number);

	if (!o || o->res != &resource_extension) {
		decision_step(d, true, STR("pick-up"), "there is no extension %.*s",
			      STR_ARG(number));
		decision_refuse(d, ROUTE_REFUSAL_NOT_FOUND);
	} else if (!who || !model_may_pick_up(q->model, who, (const struct extension *)o)) {
		decision_step(d, true, STR("pick-up"), "no pickup group allows it");
		decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
	} else {
		decision_step(d, true, STR("pick-up"), "takes a call of extension %.*s",
			      STR_ARG(number));
		decision_to_service(d, service, o->id);
	}
}

static void pick_up_any(const struct route_query *q, struct route_decision *d)
{
	const struct tenant *t = model_tenant(q->model, q->tenant_id);

	if (!t->pickup || !q->caller_extension_id) {
		decision_step(d, true, STR("pick-up"), "is off, or no extension asks");
		decision_refuse(d, ROUTE_REFUSAL_FORBIDDEN);
		return;
	}
	decision_step(d, true, STR("pick-up"), "takes what rings longest");
	decision_to_service(d, "pickup_group", 0);
}

bool pickup_code(const struct route_query *q, struct route_decision *d)
{
	const struct tenant *t = model_tenant(q->model, q->tenant_id);
	struct str rest;

	if (is_behind(t->pickup_group_code, q->dialled, &rest) && !rest.n)
		pick_up_any(q, d);
	else if (is_behind(t->pickup_code, q->dialled, &rest))
		pick_up(q, d, "pickup", rest);
	else if (is_behind(t->pickup_held_code, q->dialled, &rest))
		pick_up(q, d, "pickup_held", rest);
	else
		return false;
	str_fit(d->number, sizeof(d->number), q->dialled);
	return true;
}
