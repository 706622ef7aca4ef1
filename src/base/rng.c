/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources: Blackman & Vigna, "Scrambled Linear Pseudorandom Number Generators" (xoshiro256**; seeded by splitmix64). */
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#include "base/rng.h"

/* The kernel's randomness, fetched for about a hundred values together instead of by a system call each: a call draws
 * fifteen.  What was given out is wiped; a forked child starts with an empty pool. */
enum { POOL_BYTES = 1024 };

static _Thread_local struct {
	uint8_t p[POOL_BYTES];
	size_t left;
	unsigned forks;
} pool;
static _Atomic unsigned forks;

static void count_fork(void)
{
	forks++;
}

static void __attribute__((constructor)) watch_forks(void)
{
	BUG(pthread_atfork(NULL, NULL, count_fork));
}

/* By one system call: libsodium asks for 256 bytes at a time. */
static void refill(void)
{
	if (getrandom(pool.p, POOL_BYTES, 0) != POOL_BYTES)
		randombytes_buf(pool.p, POOL_BYTES);
}

static void system_fill(struct rng *r, void *p, size_t n)
{
	uint8_t *at;

	if (n > POOL_BYTES / 4) {
		randombytes_buf(p, n);
		return;
	}
	if (pool.left < n || pool.forks != forks) {
		refill();
		pool.left = POOL_BYTES;
		pool.forks = forks;
	}
	pool.left -= n;
	at = pool.p + pool.left;
	memcpy(p, at, n);
	sodium_memzero(at, n);
}

struct rng *rng_system(void)
{
	static struct rng system = {system_fill};

	return &system;
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t seeded_next(uint64_t s[4])
{
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

static void seeded_fill(struct rng *r, void *p, size_t n)
{
	struct rng_seeded *seeded = (struct rng_seeded *)r;
	char *dst = p;

	while (n) {
		uint64_t v = seeded_next(seeded->s);
		size_t part = n < sizeof(v) ? n : sizeof(v);

		memcpy(dst, &v, part);
		dst += part;
		n -= part;
	}
}

void rng_seeded_init(struct rng_seeded *r, uint64_t seed)
{
	r->rng.fill = seeded_fill;
	for (size_t i = 0; i < ARRAY_LEN(r->s); i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		r->s[i] = z ^ z >> 31;
	}
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t v;

	r->fill(r, &v, sizeof(v));
	return v;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	uint64_t v, unfair = n ? (0 - n) % n : 0; /* 2^64 mod n */

	if (n < 2)
		return 0;
	do
		v = rng_u64(r);
	while (v < unfair);
	return v % n;
}

void rng_token(struct rng *r, char *dst, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned nset = sizeof(set) - 1, fair = 256 / nset * nset;
	uint8_t bytes[32];
	size_t have = 0;

	for (size_t i = 0; i < n;) {
		if (!have) {
			have = n - i + 4 < sizeof(bytes) ? n - i + 4 : sizeof(bytes);
			r->fill(r, bytes, have);
		}
		if (bytes[--have] < fair)
			dst[i++] = set[bytes[have] % nset];
	}
	dst[n] = '\0';
}
