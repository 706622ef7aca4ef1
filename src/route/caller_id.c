/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TRK-13: the number that is shown on a trunk: what is wanted when it is the tenant's, else the next that may be shown. */
#include <stdio.h>
#include <string.h>
#include "route/index.h"
#include "route/inside.h"
#include "schema/did.h"

const struct did_pool *caller_id_pool(const struct route_query *q, uint64_t trunk_id)
{
	const struct field *f = &resource_did_pool.fields[0]; /* trunk_id */
	size_t pos = 0;

	return (const struct did_pool *)model_referrer(q->model, f, q->tenant_id, trunk_id, &pos);
}

static bool is_listed(const char *pool, struct str number)
{
	struct str rest = str_of(pool);
	struct did_list one;
	struct did_why why;

	while (rest.p) {
		struct str part = str_cut(&rest, ';');

		if (!did_pool_parse(&one, part, &why) && did_list_has(&one, number))
			return true;
	}
	return false;
}

bool caller_id_may_show(const struct route_query *q, const struct did_pool *p, const char *number)
{
	struct str plain = did_plain(str_of(number));

	if (!p || !plain.n)
		return false;
	return str_eq(plain, did_plain(str_of(p->caller_id))) ||
	       (q->index && route_index_did(q->index, p->trunk_id, plain) == q->tenant_id) ||
	       (*p->more_caller_ids && is_listed(p->more_caller_ids, plain));
}

/* TRK-13: a PBX of the tenant shows whom it says, within the tenant's numbers unless the administrator has lifted that there. */
static bool is_of_pbx(const struct route_query *q, bool *is_anyp)
{
	const struct did_pool *p = q->from_trunk_id ? caller_id_pool(q, q->from_trunk_id) : NULL;
	struct str plain = did_plain(q->caller);

	if (!p || !p->is_pbx || q->caller.n > 32 || !str_is_digits(plain))
		return false;
	*is_anyp = p->any_caller_id;
	return true;
}

/* RNG-1: a group that nobody answered has sent the call there, on behalf of nobody; "": it was not so. */
static const char *of_group(const struct route_query *q)
{
	size_t i = q->nhistory;
	const struct ring_group *g;

	while (i && q->history[i - 1].trunk_id)
		i--; /* routes that did not work */
	if (!i || q->caller_extension_id || q->history[i - 1].dest.kind != DEST_KIND_RING_GROUP)
		return "";
	g = model_ring_group(q->model, q->tenant_id, q->history[i - 1].dest.id);
	return g ? g->outbound_caller_id : "";
}

void caller_id_choose(const struct route_query *q, struct route_decision *d, const char *wanted,
		      const char *of_rule)
{
	const struct extension *x = model_extension(q->model, q->tenant_id, q->caller_extension_id);
	const struct did_pool *p = caller_id_pool(q, d->trunk_id);
	const struct trunk *t = model_trunk(q->model, d->trunk_id);
	char asked[33];
	const char *id = wanted && *wanted ? wanted : asked;
	bool is_any = false;

	str_fit(asked, sizeof(asked),
		!q->wanted_on.n || (t && str_eq(q->wanted_on, str_of(t->name))) ? q->wanted_id
										: STR_NONE);
	if (id == asked && !*asked && x)
		id = x->outbound_caller_id;
	else if (id == asked && !*asked && *of_group(q))
		id = of_group(q);
	else if (id == asked && !*asked && is_of_pbx(q, &is_any))
		str_fit(asked, sizeof(asked), q->caller);
	if (*id && !is_any && !caller_id_may_show(q, p, id)) {
		decision_step(d, false, STR("caller ID"), "%s is not the tenant's", id);
		(void)snprintf(d->refused_id, sizeof(d->refused_id), "%s", id);
		id = "";
	}
	if (!*id && of_rule && caller_id_may_show(q, p, of_rule))
		id = of_rule;
	if (!*id && p && *p->caller_id)
		id = p->caller_id;
	if (!*id && t)
		id = t->username;
	(void)snprintf(d->caller_id, sizeof(d->caller_id), "%s", id);
}

void route_caller_id(const struct route_query *q, uint64_t trunk_id, const char *wanted,
		     char dst[33])
{
	struct route_decision d = {.trunk_id = trunk_id};

	caller_id_choose(q, &d, wanted, NULL);
	memcpy(dst, d.caller_id, sizeof(d.caller_id));
}
