/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that are only supposed (RTE-9): where one would go, by the function that decides of real ones, and what would follow.
 */
#include <string.h>

#include "base/mem.h"
#include "call/party.h"
#include "call/supposed.h"
#include "schema/enums.h"

/* A copy of what is looked at, and owns nothing. */
int calls_as_of(struct calls **cp, const struct calls *cs, struct model *m,
		struct route_index *index)
{
	struct calls *as_of = mem_alloc(sizeof(*as_of));

	if (!as_of)
		return ENOMEM;
	*as_of = *cs;
	as_of->conf.model = m;
	as_of->conf.route_index = index;
	*cp = as_of;
	return 0;
}

void calls_as_of_close(struct calls *cs)
{
	mem_free(cs);
}

uint64_t calls_would_be(const struct calls *cs, const struct calls_question *what)
{
	const char *number = what->transferred_by ? what->transferred_by : what->caller;
	const struct object *o =
		what->from_trunk_id && !what->transferred_by
			? NULL
			: model_number(cs->conf.model, what->tenant_id, str_of(number));

	return o && o->res == &resource_extension ? o->id : 0;
}

void calls_would_route(const struct calls *cs, const struct calls_question *what,
		       struct route_decision *d)
{
	const char *behind =
		what->is_guest || (what->from_trunk_id && !what->transferred_by)
			? NULL
			: route_speed_dial(cs->conf.model, what->tenant_id,
					   calls_would_be(cs, what), str_of(what->number));
	const struct party *asserted = what->who ? what->who->leg.asserted : NULL;
	struct route_query q = {
		.model = cs->conf.model,
		.facts = &cs->facts,
		.index = cs->conf.route_index,
		.from_trunk_id = what->transferred_by ? 0 : what->from_trunk_id,
		.tenant_id = what->tenant_id,
		.caller_extension_id = what->is_guest ? 0 : calls_would_be(cs, what),
		.is_guest = what->is_guest,
		.nasked = what->nasked,
		.dest = what->has_dest ? &what->dest : NULL,
		.dest_number = str_of(what->dest_number),
		.is_transfer = what->transferred_by != NULL,
		.caller = str_of(asserted ? asserted->number : what->caller),
		.wanted_id = str_of(what->who ? what->who->call.wanted_id : ""),
		.wanted_on = str_of(what->who ? what->who->call.wanted_on : ""),
		.dialled = str_of(behind ? behind : what->number),
		.outside = str_of(what->outside),
		.on_behalf_id = what->on_behalf_id,
		.wall_us = what->at_us ? what->at_us : calls_wall_us(cs),
		.history = what->history,
		.nhistory = what->nhistory,
	};

	route_decide(&q, d);
}

/* As owner_dial() has it. */
static bool would_dial(struct calls_question *what)
{
	if (!what->keyed)
		return false;
	what->number = what->keyed;
	what->keyed = NULL;
	what->is_guest = what->from_trunk_id || what->transferred_by;
	what->nasked++;
	what->nhistory = 0;
	what->outside[0] = '\0';
	what->on_behalf_id = 0;
	return true;
}

/* A group that nobody answers has somewhere else. */
static bool would_leave_group(const struct calls *cs, struct calls_question *what,
			      const struct route_decision *d)
{
	const struct ring_group *g =
		model_ring_group(cs->conf.model, what->tenant_id, d->service_id);

	if (d->dest.kind != DEST_KIND_RING_GROUP || !g || g->no_answer.kind == DEST_KIND_HANGUP)
		return false;
	what->has_dest = true;
	what->dest = g->no_answer;
	str_fit(what->dest_number, sizeof(what->dest_number), str_of(g->no_answer_number));
	return true;
}

bool calls_would_fail(const struct calls *cs, struct calls_question *what,
		      const struct route_decision *d, enum route_outcome outcome)
{
	bool is_trunk = d->action == ROUTE_TRUNK;

	what->has_dest = false;
	if (d->action == ROUTE_SERVICE && d->dest.kind == DEST_KIND_ASK_NUMBER)
		return would_dial(what);
	if (d->action == ROUTE_SERVICE && !would_leave_group(cs, what, d))
		return false;
	if (!is_trunk && d->action != ROUTE_RING && d->action != ROUTE_SERVICE)
		return false;
	for (size_t i = 0; i < d->nvia && what->nvia < ARRAY_LEN(what->via); i++)
		what->via[what->nvia++] = d->via[i];
	what->nhistory = call_add_forwards(what->history, what->nhistory, d);
	if (what->nhistory == ROUTE_MAX_HISTORY)
		return false;
	what->history[what->nhistory++] = (struct route_attempt){
		.dest = d->dest,
		.outcome = is_trunk ? ROUTE_UNAVAILABLE : outcome,
		.trunk_id = d->trunk_id,
		.may_retry = is_trunk,
	};
	memcpy(what->outside, d->outside, sizeof(what->outside));
	what->on_behalf_id = d->on_behalf_id;
	return true;
}
