/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "net/guard.h"

struct guarded {
	struct map_node node;
	struct addr who;
	size_t count;
};

struct guard {
	_Atomic size_t count;
	size_t max, max_per_address;
	pthread_mutex_t lock;
	struct map by_addr;
};

/* A household or a single host has at least a /64 of IPv6: its addresses are one peer. */
static struct addr peer_of(const struct addr *from)
{
	struct addr who = *from;

	who.port = 0;
	who.pad = 0;
	if (who.family == 6)
		memset(who.ip + 8, 0, 8);
	return who;
}

static bool same_peer(const struct map_node *node, const void *key)
{
	return addr_eq(&((const struct guarded *)node)->who, key);
}

int guard_alloc(struct guard **gp, size_t max, size_t max_per_address)
{
	struct guard *g = mem_fault() ? NULL : calloc(1, sizeof(*g));
	int err;

	if (!g)
		return ENOMEM;
	g->max = max;
	g->max_per_address = max_per_address;
	err = map_init(&g->by_addr);
	if (!err)
		err = pthread_mutex_init(&g->lock, NULL);
	if (err) {
		map_close(&g->by_addr);
		free(g);
		return err;
	}
	*gp = g;
	return 0;
}

struct guard *guard_free(struct guard *g)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!g)
		return NULL;
	while ((node = map_next(&g->by_addr, &it)) != NULL)
		free(node);
	map_close(&g->by_addr);
	pthread_mutex_destroy(&g->lock);
	free(g);
	return NULL;
}

int guard_add(struct guard *g)
{
	if (atomic_fetch_add(&g->count, 1) >= g->max) {
		atomic_fetch_sub(&g->count, 1);
		return EMFILE;
	}
	return 0;
}

void guard_sub(struct guard *g)
{
	size_t before = atomic_fetch_sub(&g->count, 1);

	BUG(!before);
}

static int enter_locked(struct guard *g, const struct addr *who)
{
	uint64_t hash = addr_hash(who);
	struct guarded *peer = (struct guarded *)map_find(&g->by_addr, hash, same_peer, who);

	if (!peer) {
		peer = mem_fault() ? NULL : calloc(1, sizeof(*peer));
		if (!peer)
			return ENOMEM;
		peer->who = *who;
		map_add(&g->by_addr, &peer->node, hash);
	}
	if (peer->count >= g->max_per_address)
		return EUSERS;
	peer->count++;
	return 0;
}

int guard_enter(struct guard *g, const struct addr *from)
{
	struct addr who = peer_of(from);
	int err = guard_add(g);

	if (err)
		return err;
	pthread_mutex_lock(&g->lock);
	err = enter_locked(g, &who);
	pthread_mutex_unlock(&g->lock);
	if (err)
		guard_sub(g);
	return err;
}

void guard_leave(struct guard *g, const struct addr *from)
{
	struct addr who = peer_of(from);
	struct guarded *peer;

	pthread_mutex_lock(&g->lock);
	peer = (struct guarded *)map_find(&g->by_addr, addr_hash(&who), same_peer, &who);
	BUG(!peer || !peer->count);
	if (!--peer->count) {
		map_remove(&g->by_addr, &peer->node);
		free(peer);
	}
	pthread_mutex_unlock(&g->lock);
	guard_sub(g);
}

size_t guard_count(const struct guard *g)
{
	return atomic_load(&g->count);
}
