/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Randomness, as logic sees it: the system's in the server, a seed's in the simulator.
 *
 * Thread     rng_system(): any; a seeded one: one owner
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/defs.h"

struct rng {
	void (*fill)(struct rng *r, void *p, size_t n);
};

struct rng_seeded {
	struct rng rng; /* first */
	uint64_t s[4];
};

struct rng *rng_system(void); /* libsodium's randombytes */
void rng_seeded_init(struct rng_seeded *r, uint64_t seed); /* xoshiro256**: for the simulator, never for secrets */

uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 … n-1, unbiased */
/* n characters of [A-Za-z0-9] and a terminator. */
void rng_token(struct rng *r, char *dst, size_t n);

#endif
