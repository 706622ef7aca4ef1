/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers of the store that are still true: who a token is, one object, a page of a list.
 *
 * The store counts the commits of its writer, and what it hears of other nodes (store_generation()).  What was asked for at some count, and is asked for again at
 * the same one, has the same answer; so no change waits for anything here, and none is seen late.  Calls, messages, events and
 * deliveries are written by others who are not counted: questions about them are not kept (cache_key()).  Who a token is, is believed for a
 * second at most, because sessions and keys also end by the clock.  Bounded: CACHE_BYTES of keys and answers together.
 *
 * Thread     web
 */
#ifndef API_CACHE_H
#define API_CACHE_H

#include "store/store.h"

enum { CACHE_BYTES = 16 << 20 };

struct cache;
int cache_alloc(struct cache **cp) MUST_USE;
struct cache *cache_free(struct cache *c);

size_t cache_bytes(const struct cache *c);
/* What an answer depends on, as bytes, and how long it lives at most in ms; 0: it is not kept. */
uint32_t cache_key(struct buf *key, const struct store_request *req);
/* Borrowed until the next call; NULL: it is not there. */
const struct store_reply *cache_get(struct cache *c, struct str key, uint64_t generation,
				    uint64_t now_ms);
/* Asked for at that generation, true until until_ms.  Copies. */
void cache_put(struct cache *c, struct str key, uint64_t generation, uint64_t until_ms,
	       const struct store_reply *reply);

#endif
