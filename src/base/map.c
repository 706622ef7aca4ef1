/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Growing doubles the buckets: what is in old bucket i goes to new bucket i or i + nold and nowhere else.  So a new
 * bucket needs no value before its old one is moved, the new array is not even cleared, and starting to grow costs
 * one malloc.  A key lives in `old` while its old bucket is not yet moved (index >= moved), in `now` afterwards: lookups
 * look in exactly one place and never have to move anything, which keeps them const.
 *
 * Refused: a table that is moved as a whole.  With a million contacts that is tens of milliseconds in the middle of a call.
 */
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

enum { FIRST_BUCKETS = 16, MOVED_PER_ADD = 4 };

int map_init(struct map *m)
{
	*m = (struct map){0};
	m->now = mem_fault() ? NULL : calloc(FIRST_BUCKETS, sizeof(struct map_node *));
	if (!m->now)
		return ENOMEM;
	m->nnow = FIRST_BUCKETS;
	return 0;
}

void map_close(struct map *m)
{
	free(m->now);
	free(m->old);
	*m = (struct map){0};
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
	if (m->old && (hash & (m->nold - 1)) >= m->moved)
		return &m->old[hash & (m->nold - 1)];
	return &m->now[hash & (m->nnow - 1)];
}

static void move_one(struct map *m)
{
	struct map_node *node = m->old[m->moved], *next;
	struct map_node **low = &m->now[m->moved], **high = &m->now[m->moved + m->nold];

	/* Appended, so that nodes of equal hash keep their order. */
	for (; node; node = next) {
		next = node->next;
		if (node->hash & m->nold) {
			*high = node;
			high = &node->next;
		} else {
			*low = node;
			low = &node->next;
		}
	}
	*low = NULL;
	*high = NULL;
	m->moved++;
}

static void grow(struct map *m)
{
	if (!m->old) {
		struct map_node **bigger;

		if (m->count < m->nnow || m->nnow > SIZE_MAX / 2 / sizeof(*bigger))
			return;
		bigger = mem_fault() ? NULL : malloc(2 * m->nnow * sizeof(*bigger));
		if (!bigger)
			return; /* tried again at the next add */
		m->old = m->now;
		m->nold = m->nnow;
		m->moved = 0;
		m->now = bigger;
		m->nnow *= 2;
	}
	for (int i = 0; i < MOVED_PER_ADD && m->moved < m->nold; i++)
		move_one(m);
	if (m->moved == m->nold) {
		free(m->old);
		m->old = NULL;
		m->nold = 0;
	}
}

void map_add(struct map *m, struct map_node *node, uint64_t hash)
{
	struct map_node **bucket;

	grow(m);
	bucket = bucket_of(m, hash);
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
	m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **at = bucket_of(m, node->hash);

	while (*at && *at != node)
		at = &(*at)->next;
	BUG(!*at);
	*at = node->next;
	node->next = NULL;
	m->count--;
}

static struct map_node *first_same(struct map_node *node, uint64_t hash, map_same_h *same,
				   const void *key)
{
	for (; node; node = node->next)
		if (node->hash == hash && same(node, key))
			return node;
	return NULL;
}

struct map_node *map_find(const struct map *m, uint64_t hash, map_same_h *same, const void *key)
{
	return first_same(*bucket_of(m, hash), hash, same, key);
}

struct map_node *map_find_next(const struct map_node *node, map_same_h *same, const void *key)
{
	return first_same(node->next, node->hash, same, key);
}

/* Bucket i of the walk: the old array first, then the new one; NULL where nothing can be. */
static struct map_node *walk_bucket(const struct map *m, size_t i)
{
	if (i < m->nold)
		return i < m->moved ? NULL : m->old[i];
	i -= m->nold;
	if (m->old && (i & (m->nold - 1)) >= m->moved)
		return NULL; /* not yet written */
	return m->now[i];
}

struct map_node *map_next(const struct map *m, struct map_iter *it)
{
	struct map_node *node;

	if (!it->started)
		*it = (struct map_iter){.started = true};
	while (!it->next && it->bucket < m->nold + m->nnow)
		it->next = walk_bucket(m, it->bucket++);
	node = it->next;
	it->next = node ? node->next : NULL;
	return node;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t hash_key[crypto_shorthash_KEYBYTES];
static uint64_t mix_key[3]; /* made from hash_key */
_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");

static void make_mix_key(void)
{
	for (uint8_t i = 0; i < ARRAY_LEN(mix_key); i++)
		crypto_shorthash((uint8_t *)&mix_key[i], &i, sizeof(i), hash_key);
}

static void draw_key(void)
{
	randombytes_buf(hash_key, sizeof(hash_key));
	make_mix_key();
}

static void keep_key(void)
{
}

void map_seed(const uint8_t key[16])
{
	pthread_once(&once, keep_key);
	memcpy(hash_key, key, sizeof(hash_key));
	make_mix_key();
}

uint64_t map_hash(const void *p, size_t n)
{
	uint64_t hash;

	pthread_once(&once, draw_key);
	crypto_shorthash((uint8_t *)&hash, n ? p : "", n, hash_key);
	return hash;
}

uint64_t map_hash_str(struct str s)
{
	return map_hash(s.p, s.n);
}

uint64_t map_hash_istr(struct str s)
{
	struct {
		uint64_t chain;
		char text[248];
	} part = {0};

	/* Longer names in chained parts, so that no length needs memory. */
	do {
		size_t n = s.n < sizeof(part.text) ? s.n : sizeof(part.text);

		for (size_t i = 0; i < n; i++)
			part.text[i] =
				(char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
		part.chain = map_hash(&part, sizeof(part.chain) + n);
		s.p += n;
		s.n -= n;
	} while (s.n);
	return part.chain;
}

uint64_t map_hash2(uint64_t a, struct str s)
{
	return map_hash_u64(a, map_hash_str(s));
}

static uint64_t folded_product(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t map_hash_u64(uint64_t a, uint64_t b)
{
	pthread_once(&once, draw_key);
	return folded_product(folded_product(a ^ mix_key[0], b ^ mix_key[1]) ^ mix_key[2],
			      mix_key[1] | 1);
}
