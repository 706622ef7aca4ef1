/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/idmap.h"

static bool same(const struct map_node *node, const void *key)
{
	const struct idmap_key *a = CONTAINER_OF(node, struct idmap_key, node), *b = key;

	return a->id == b->id && a->tenant_id == b->tenant_id;
}

static struct idmap_key *key_of(struct map_node *node)
{
	return node ? CONTAINER_OF(node, struct idmap_key, node) : NULL;
}

struct idmap_key *idmap_find(const struct map *m, uint64_t tenant_id, uint64_t id)
{
	struct idmap_key key = {.tenant_id = tenant_id, .id = id};

	return key_of(map_find(m, map_hash_u64(tenant_id, id), same, &key));
}

struct idmap_key *idmap_next(const struct idmap_key *k)
{
	return key_of(map_find_next(&k->node, same, k));
}

void idmap_add(struct map *m, struct idmap_key *k, uint64_t tenant_id, uint64_t id)
{
	k->tenant_id = tenant_id;
	k->id = id;
	map_add(m, &k->node, map_hash_u64(tenant_id, id));
}
