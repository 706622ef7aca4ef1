/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/cache.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/map.h"
#include "schema/schema.h"

enum {
	SETS = 1024, /* each key has its place in one */
	WAYS = 4,
	SLOTS = SETS * WAYS,
	MOST_BYTES = 64 << 10, /* of one key or answer */
	LIFE_MS = 60000,
	IDENTITY_MS = 1000,
};

struct slot {
	char *key;
	size_t nkey;
	uint64_t generation, until_ms;
	struct store_reply reply;
};

struct cache {
	struct slot slots[SLOTS];
	size_t bytes; /* of keys and answers */
	size_t hand;  /* the slot that is emptied next when there are too many */
};

int cache_alloc(struct cache **cp)
{
	*cp = calloc(1, sizeof(**cp));
	return *cp ? 0 : ENOMEM;
}

static void forget(struct cache *c, struct slot *s)
{
	if (!s->key)
		return;
	c->bytes -= s->nkey + s->reply.njson;
	free(s->key);
	free(s->reply.json);
	*s = (struct slot){.key = NULL};
}

struct cache *cache_free(struct cache *c)
{
	for (size_t i = 0; c && i < SLOTS; i++)
		forget(c, &c->slots[i]);
	free(c);
	return NULL;
}

size_t cache_bytes(const struct cache *c)
{
	return c->bytes;
}

uint32_t cache_key(struct buf *key, const struct store_request *req)
{
	const bool is_query = req->op == STORE_QUERY;

	if (is_query ? strcmp(req->query, "identity") && strcmp(req->query, "members")
		     : req->op != STORE_GET && req->op != STORE_LIST)
		return 0;
	buf_printf(key, "%d %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %d ", req->op,
		   is_query ? req->query : req->res->name, req->tenant_id, req->id, req->owner_id,
		   req->is_admin, req->is_own);
	buf_add(key, req->json ? req->json : "", req->njson);
	if (key->err)
		return 0;
	return is_query && !strcmp(req->query, "identity") ? IDENTITY_MS : LIFE_MS;
}

static struct slot *set_of(struct cache *c, struct str key)
{
	return &c->slots[map_hash(key.p, key.n) % SETS * WAYS];
}

static bool is_of(const struct slot *s, struct str key)
{
	return s->key && s->nkey == key.n && !memcmp(s->key, key.p, key.n);
}

const struct store_reply *cache_get(struct cache *c, struct str key, uint64_t generation,
				    uint64_t now_ms)
{
	const struct slot *set = set_of(c, key);

	for (size_t i = 0; i < WAYS; i++)
		if (is_of(&set[i], key))
			return set[i].generation == generation && now_ms < set[i].until_ms
				       ? &set[i].reply
				       : NULL;
	return NULL;
}

/* Its own place, or else of the set the one that ends first; an empty one ended long ago. */
static struct slot *place_for(struct slot *set, struct str key)
{
	struct slot *first = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (is_of(&set[i], key))
			return &set[i];
		if (set[i].generation < first->generation ||
		    (set[i].generation == first->generation && set[i].until_ms < first->until_ms))
			first = &set[i];
	}
	return first;
}

static bool copy_into(struct slot *s, struct str key, const struct store_reply *reply)
{
	s->key = malloc(key.n);
	s->reply = *reply;
	s->reply.json = malloc(reply->njson);
	if (!s->key || !s->reply.json) {
		free(s->key);
		free(s->reply.json);
		*s = (struct slot){.key = NULL};
		return false;
	}
	memcpy(s->key, key.p, key.n);
	memcpy(s->reply.json, reply->json, reply->njson);
	s->nkey = key.n;
	return true;
}

void cache_put(struct cache *c, struct str key, uint64_t generation, uint64_t until_ms,
	       const struct store_reply *reply)
{
	struct slot *s = place_for(set_of(c, key), key);

	if (reply->err || !reply->njson || reply->njson > MOST_BYTES || key.n > MOST_BYTES)
		return;
	forget(c, s);
	while (c->bytes + key.n + reply->njson > CACHE_BYTES)
		forget(c, &c->slots[c->hand++ % SLOTS]);
	if (!copy_into(s, key, reply))
		return;
	c->bytes += key.n + reply->njson;
	s->generation = generation;
	s->until_ms = until_ms;
}
