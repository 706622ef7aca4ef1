/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ring group, all members at once (RNG-1, RNG-2): the first to answer has the call; when nobody does, it goes on to the
 * group's no-answer destination.  Members that are disabled or have no device are passed over; one that registers while the
 * others ring is rung too.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "service/service.h"

struct group_call {
	struct call *call;
	oid caller;
	uint64_t tenant_id, group_id;
};

/* Nobody answered.  The group is read again: it may have been changed while it rang. */
static void go_on(struct group_call *g, enum reason reason)
{
	const struct ring_group *group =
		model_ring_group(owner_model(g->call), g->tenant_id, g->group_id);

	if (!group || group->no_answer.kind == DEST_KIND_HANGUP ||
	    owner_continue(g->call, g->caller, &group->no_answer, group->no_answer_number))
		owner_hangup(g->call, g->caller, reason);
}

static size_t members(const struct ring_group *group, uint64_t *ids)
{
	for (size_t i = 0; i < group->members.n; i++)
		ids[i] = ((const struct ring_group_member *)group->members.v[i])->extension_id;
	return group->members.n;
}

static void ring(struct group_call *g, const struct ring_group *group)
{
	struct owner_ring conf = {.ring_seconds = (uint32_t)group->ring_seconds,
				  .caller_prefix = group->name};
	uint64_t *ids = mem_alloc((group->members.n + 1) * sizeof(*ids));
	int err = ENOMEM;

	if (ids) {
		conf.extension_ids = ids;
		conf.n = members(group, ids);
		err = owner_ring(g->call, g->caller, &conf);
		mem_free(ids);
	}
	if (err)
		go_on(g, owner_reason(err));
}

static int group_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	const struct ring_group *group =
		model_ring_group(owner_model(s->call), s->tenant_id, s->id);
	struct group_call *g;

	if (!group)
		return ENOENT;
	g = mem_alloc(sizeof(*g));
	if (!g)
		return ENOMEM;
	*g = (struct group_call){s->call, s->caller, s->tenant_id, s->id};
	*statep = g;
	ring(g, group);
	return 0;
}

static void group_event(void *state, const struct owner_event *ev)
{
	if (ev->type == OWNER_FAILED)
		go_on(state, ev->reason);
}

static void group_stop(void *state)
{
	mem_free(state);
}

const struct owner_kind service_ring_group = {
	.name = "ring_group", .start = group_start, .event = group_event, .stop = group_stop};
