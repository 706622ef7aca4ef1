/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/throttle.h"
#include "base/list.h"
#include "base/map.h"
#include <stdlib.h>
#include <string.h>

/* Keys are kept as 64 bits of SipHash under the process's own key: a collision cannot be made, and costs one shared window. */
struct window {
	struct map_node node;
	struct link used; /* least recently first */
	uint64_t start_ms;
	uint32_t count;
};

struct throttle {
	struct map map;
	struct link used;
};

int throttle_alloc(struct throttle **tp)
{
	struct throttle *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return ENOMEM;
	list_init(&t->used);
	err = map_init(&t->map);
	if (err)
		free(t);
	else
		*tp = t;
	return err;
}

static void forget(struct throttle *t, struct window *w)
{
	map_remove(&t->map, &w->node);
	list_remove(&w->used);
	free(w);
}

struct throttle *throttle_free(struct throttle *t)
{
	struct window *w;

	if (!t)
		return NULL;
	while ((w = LIST_FIRST(&t->used, struct window, used)))
		forget(t, w);
	map_close(&t->map);
	free(t);
	return NULL;
}

static uint64_t key_of(const struct addr *from, struct str user)
{
	uint8_t bytes[9] = {from->family};

	memcpy(bytes + 1, from->ip, from->family == 6 ? 8 : 4);
	return map_hash2(map_hash(bytes, sizeof(bytes)), user);
}

static bool same(const struct map_node *node, const void *key)
{
	return true; /* the hash is the key */
}

static struct window *find(const struct throttle *t, uint64_t key)
{
	struct map_node *n = map_find(&t->map, key, same, NULL);

	return n ? CONTAINER_OF(n, struct window, node) : NULL;
}

static struct window *window_of(struct throttle *t, uint64_t key, uint64_t now_ms)
{
	struct window *w = find(t, key);

	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return NULL;
		w->start_ms = now_ms;
		map_add(&t->map, &w->node, key);
	}
	list_remove(&w->used);
	list_append(&t->used, &w->used);
	if (now_ms - w->start_ms >= THROTTLE_WINDOW_MS) {
		w->start_ms = now_ms;
		w->count = 0;
	}
	if (t->map.count > THROTTLE_MAX_KEYS)
		forget(t, LIST_FIRST(&t->used, struct window, used));
	return w;
}

static uint32_t wait_s(const struct window *w, uint64_t now_ms)
{
	return (uint32_t)((w->start_ms + THROTTLE_WINDOW_MS - now_ms + 999) / 1000);
}

uint32_t throttle_try(struct throttle *t, const struct addr *from, struct str user, uint64_t now_ms)
{
	struct window *address = window_of(t, key_of(from, STR_NONE), now_ms);
	struct window *both = window_of(t, key_of(from, user), now_ms);

	if (!address || !both)
		return 1; /* no memory to count in: nobody guesses meanwhile */
	if (address->count >= THROTTLE_PER_ADDRESS)
		return wait_s(address, now_ms);
	if (both->count >= THROTTLE_PER_USER)
		return wait_s(both, now_ms);
	address->count++;
	both->count++;
	return 0;
}

uint32_t throttle_take(struct throttle *t, struct str who, uint32_t limit, uint64_t now_ms,
		       struct throttle_left *left)
{
	struct window *w = window_of(t, map_hash2(map_hash("rate", 4), who), now_ms);

	if (!w)
		return 1;
	left->reset_s = wait_s(w, now_ms);
	if (w->count >= limit) {
		left->left = 0;
		return left->reset_s;
	}
	left->left = limit - ++w->count;
	return 0;
}

void throttle_succeeded(struct throttle *t, const struct addr *from, struct str user)
{
	struct window *address = find(t, key_of(from, STR_NONE)),
		      *both = find(t, key_of(from, user));

	if (address && address->count)
		address->count--;
	if (both)
		both->count = 0;
}
