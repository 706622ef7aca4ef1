/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/idmap.h"
#include "base/mem.h"
#include "call/callback.h"
#include "call/calls.h"
#include "call/usage.h"

struct usage {		      /* there while its count is not zero */
	struct idmap_key key; /* tenant and extension; 0: the tenant's own */
	size_t count;
};

static struct usage *find(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	return IDMAP_FIND(struct usage, &cs->usage, tenant_id, extension_id);
}

static bool add(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct usage *u = find(cs, tenant_id, extension_id);

	if (!u) {
		u = mem_alloc(sizeof(*u));
		if (!u)
			return false;
		idmap_add(&cs->usage, &u->key, tenant_id, extension_id);
	}
	u->count++;
	return true;
}

static void take(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct usage *u = find(cs, tenant_id, extension_id);

	BUG(!u || !u->count);
	if (--u->count)
		return;
	map_remove(&cs->usage, &u->key.node);
	mem_free(u);
	if (extension_id)
		callback_free(cs, tenant_id, extension_id);
}

void usage_add(struct call *call)
{
	uint64_t tenant_id = call->rec.tenant_id;

	if (call->is_counted || !add(call->cs, tenant_id, 0))
		return;
	call->counted_caller_id = call->caller_extension_id;
	if (!call->caller_extension_id || /* it came from a trunk */
	    add(call->cs, tenant_id, call->caller_extension_id))
		call->is_counted = true;
	else
		take(call->cs, tenant_id, 0);
}

void usage_replace(struct call *call, uint64_t extension_id, uint64_t by)
{
	uint64_t *slot = call->counted_caller_id == extension_id      ? &call->counted_caller_id
			 : call->counted_extension_id == extension_id ? &call->counted_extension_id
								      : NULL;

	if (!call->is_counted || !by || !slot || *slot == by ||
	    !add(call->cs, call->rec.tenant_id, by))
		return;
	if (*slot)
		take(call->cs, call->rec.tenant_id, *slot);
	*slot = by;
}

void usage_add_extension(struct call *call, uint64_t extension_id)
{
	if (call->is_counted && extension_id && !call->counted_extension_id &&
	    add(call->cs, call->rec.tenant_id, extension_id))
		call->counted_extension_id = extension_id;
}

void usage_remove(struct call *call)
{
	if (!call->is_counted)
		return;
	call->is_counted = false;
	take(call->cs, call->rec.tenant_id, 0);
	if (call->counted_caller_id)
		take(call->cs, call->rec.tenant_id, call->counted_caller_id);
	if (call->counted_extension_id)
		take(call->cs, call->rec.tenant_id, call->counted_extension_id);
	call->counted_extension_id = 0;
}

size_t usage_calls(const struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	const struct usage *u = find(cs, tenant_id, extension_id);

	return u ? u->count : 0;
}

void usage_close(struct calls *cs)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&cs->usage, &it))) {
		map_remove(&cs->usage, node);
		mem_free(CONTAINER_OF(node, struct usage, key.node));
	}
	map_close(&cs->usage);
}
