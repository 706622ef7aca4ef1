/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/log.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/pickup.h"
#include "call/pickup_code.h"
#include "call/ringing_inside.h"
#include "model/groups.h"

/* Nobody takes a call from himself. */
static bool is_with(const struct leg *leg, uint64_t extension_id)
{
	const struct leg *other = leg_get(leg->cs, leg->call->caller);

	if (leg->st == LEG_UP)
		other = bridge_peer(leg->call->bridge, leg);
	return other && other->extension_id == extension_id;
}

/* The oldest of the extension's. */
static struct leg *of_extension(const struct leg *by, uint64_t extension_id,
				bool (*is_it)(const struct leg *leg))
{
	const struct leg *pos = NULL;
	struct line_view view;

	while (lines_next(by->cs, by->rec.tenant_id, extension_id, &pos, &view))
		if (is_it(pos) && !is_with(pos, by->extension_id))
			return leg_get(by->cs, pos->id);
	return NULL;
}

static bool is_within_reach(const struct leg *by, uint64_t extension_id)
{
	const struct model *m = by->cs->conf.model;
	const struct extension *who = model_extension(m, by->rec.tenant_id, by->extension_id);
	const struct extension *x = model_extension(m, by->rec.tenant_id, extension_id);

	return who && x && model_may_pick_up(m, who, x);
}

/* Of all extensions that ring now. */
static struct leg *of_any(const struct leg *by)
{
	struct map_iter it = {0};
	struct map_node *node;
	struct leg *oldest = NULL;

	while ((node = map_next(&by->cs->ringing, &it))) {
		const struct ringing_member *m =
			CONTAINER_OF(node, struct ringing_member, key.node);
		struct leg *leg;

		if (m->key.tenant_id != by->rec.tenant_id || !is_within_reach(by, m->key.id))
			continue;
		leg = of_extension(by, m->key.id, pickup_is_ringing);
		if (leg && (!oldest || leg->call->rec.id < oldest->call->rec.id))
			oldest = leg;
	}
	return oldest;
}

static struct leg *wanted(const struct leg *by, const char *how, uint64_t extension_id)
{
	struct leg *leg = NULL;

	if (!strcmp(how, "pickup_group"))
		return of_any(by);
	if (!strcmp(how, "pickup"))
		leg = of_extension(by, extension_id, pickup_is_ringing);
	return leg ? leg : of_extension(by, extension_id, pickup_is_held);
}

static int start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct call *from = s->call;
	struct leg *by = leg_get(from->cs, s->caller), *leg = NULL;

	if (by && by->call == from && by->st == LEG_READY)
		leg = wanted(by, k->name, s->id);
	if (!leg) {
		owner_hangup(from, s->caller, REASON_UNAVAILABLE);
		return 0;
	}
	from->rec.transferred_to = leg->call->rec.id;
	leg_move(by, leg->call);
	call_end(from, REASON_PICKED_UP, 0, "caller", STR_NONE);
	pickup_by_code(by, leg);
	return 0;
}

/* It has let go of the call before it could hear anything. */
static void event(void *state, const struct owner_event *ev)
{
}

static void stop(void *state)
{
}

int pickup_code_register(struct calls *cs)
{
	static const struct owner_kind kinds[] = {
		{.name = "pickup",
		 .takes_any_codec = true,
		 .start = start,
		 .event = event,
		 .stop = stop},
		{.name = "pickup_held",
		 .takes_any_codec = true,
		 .start = start,
		 .event = event,
		 .stop = stop},
		{.name = "pickup_group",
		 .takes_any_codec = true,
		 .start = start,
		 .event = event,
		 .stop = stop},
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(kinds); i++)
		err = calls_register_service(cs, &kinds[i]);
	return err;
}
