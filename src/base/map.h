/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hash map whose nodes live in the members; it grows a few buckets at a time, so no insert ever pays for a whole rehash.
 *
 * Keys from the network are hashed with SipHash under a random key (map_hash), so that nobody can make them collide.
 *
 * Thread     one owner
 * Ownership  none: the map never frees members
 * Errors     map_init ENOMEM; growing that fails leaves the map as it was, only slower
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **now, **old; /* old: being moved from */
	size_t nnow, nold, moved;     /* bucket counts are powers of two */
	size_t count;
};

typedef bool map_same_h(const struct map_node *node, const void *key);

int map_init(struct map *m) MUST_USE;
void map_close(struct map *m); /* the buckets only */
void map_add(struct map *m, struct map_node *node, uint64_t hash);
void map_remove(struct map *m, struct map_node *node);
struct map_node *map_find(const struct map *m, uint64_t hash, map_same_h *same, const void *key);
/* The next node with the same hash for which same() holds, after `node`. */
struct map_node *map_find_next(const struct map_node *node, map_same_h *same, const void *key);
/* Walk everything: it = NULL to start; stable as long as nothing is added; the node returned may be removed. */
struct map_iter {
	size_t bucket;
	struct map_node *next;
	bool started;
};
struct map_node *map_next(const struct map *m, struct map_iter *it);

/* SipHash-2-4 under a key drawn at start (map_seed: tests and the simulator fix it). */
uint64_t map_hash(const void *p, size_t n);
uint64_t map_hash_str(struct str s);
uint64_t map_hash_istr(struct str s);	      /* ASCII case folded */
uint64_t map_hash2(uint64_t a, struct str s); /* e.g. tenant and name */
/* Of ids and hashes, not of what strangers choose: multiplied under a secret key, many times faster; never show it. */
uint64_t map_hash_u64(uint64_t a, uint64_t b);
void map_seed(const uint8_t key[16]);

#endif
