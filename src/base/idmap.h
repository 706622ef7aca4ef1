/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Members of a map that are found by their tenant and an id of ours: one way to say it for every table of that kind.
 *
 * What belongs to no tenant, or is the tenant itself, has 0 where it has no id.  Leave with map_remove(m, &x->key.node).
 *
 * Thread     one owner, as the map's
 * Ownership  none: the map never frees members
 * Errors     none
 */
#ifndef BASE_IDMAP_H
#define BASE_IDMAP_H

#include "base/map.h"

struct idmap_key {
	struct map_node node;
	uint64_t tenant_id, id;
};

/* NULL when there is none; of several, any: idmap_next() gives the others. */
struct idmap_key *idmap_find(const struct map *m, uint64_t tenant_id, uint64_t id);
/* The next of the same tenant and id, or NULL. */
struct idmap_key *idmap_next(const struct idmap_key *k);
void idmap_add(struct map *m, struct idmap_key *k, uint64_t tenant_id, uint64_t id);

/* The member of this type whose idmap_key is its field `key`, or NULL. */
#define IDMAP_FIND(type, m, tenant_id, id) IDMAP_OF(type, idmap_find(m, tenant_id, id))
#define IDMAP_OF(type, k)                                                                          \
	({                                                                                         \
		struct idmap_key *k_ = (k);                                                        \
		k_ ? CONTAINER_OF(k_, type, key) : NULL;                                           \
	})

#endif
