/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nonces that nobody has to remember: time and a number, with a MAC over both and the realm.
 *
 * What is remembered are the nonce counts of nonces that were used, in a table of fixed size.  When a bucket is full its
 * oldest nonce is forgotten, and with it every nonce of that bucket that was issued no later: those are stale from then
 * on.  So a flood makes phones ask for a fresh nonce, and never lets a replay through.
 *
 * Thread     core
 * Units      _ms of the monotonic clock
 * Sources    RFC 7616 5.4, 5.5 (replay)
 */
#ifndef SIP_NONCE_H
#define SIP_NONCE_H

#include "base/rng.h"
#include "base/str.h"

enum { SIP_NONCE_CHARS = 56, SIP_NONCE_BUCKETS = 16384, SIP_NONCE_WAYS = 4 };

struct sip_nonces;
int sip_nonces_alloc(struct sip_nonces **np, struct rng *rng, uint64_t life_ms) MUST_USE;
struct sip_nonces *sip_nonces_free(struct sip_nonces *n);

void sip_nonce_make(struct sip_nonces *n, char dst[SIP_NONCE_CHARS + 1], struct str realm,
		    uint64_t now_ms);
/* Made by us for this realm, and still alive?  Looks only. */
bool sip_nonce_fresh(const struct sip_nonces *n, struct str nonce, struct str realm,
		     uint64_t now_ms);
/* Take the count for a fresh nonce; false: not above all counts taken before, or forgotten. */
bool sip_nonce_use(struct sip_nonces *n, struct str nonce, uint32_t count);

#endif
