/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/spare.h"

struct head { /* before each object */
	size_t n;
	size_t pad; /* keeps what follows aligned for any type */
};
_Static_assert(sizeof(struct head) % _Alignof(max_align_t) == 0, "objects stay aligned");

/*
 * Each thread counts for itself, so that none waits for a cache line of another; what it gives back for another makes its
 * numbers wrap, and their sum is right all the same.  Threads beyond the last tally share the first.
 */
enum { NTALLIES = 64 };
static struct tally {
	_Alignas(64) _Atomic uint64_t bytes;
	_Atomic uint64_t objects;
} tallies[NTALLIES];
static _Atomic uint32_t nthreads;
static _Thread_local struct tally *mine;

#ifdef OFFHOOK_TEST_BUILD
static _Thread_local struct {
	uint64_t left; /* 0: no failure planned */
	bool forever, failed;
} plan;

void mem_fail(uint64_t nth, bool forever)
{
	plan.left = nth;
	plan.forever = forever;
	plan.failed = false;
}

bool mem_failed(void)
{
	return plan.failed;
}

bool mem_fault(void)
{
	if (!plan.left)
		return false;
	if (plan.left > 1) {
		plan.left--;
		return false;
	}
	plan.failed = true;
	if (!plan.forever)
		plan.left = 0;
	return true;
}
#endif

/* The address sanitizer is to see who uses what was given back, and who goes one byte too far. */
#ifdef __SANITIZE_ADDRESS__
#define room_for(n) (n)
#define take(n)	    malloc(n)
#define give(h, n)  free(h)
#else
#define room_for spare_size
#define take	 spare_take
#define give	 spare_give
#endif

static struct tally *my_tally(void)
{
	if (!mine) {
		uint32_t i = atomic_fetch_add_explicit(&nthreads, 1, memory_order_relaxed) + 1;

		mine = &tallies[i < NTALLIES ? i : 0];
	}
	return mine;
}

static void add_to(_Atomic uint64_t *n, uint64_t more, bool is_shared)
{
	if (is_shared)
		atomic_fetch_add_explicit(n, more, memory_order_relaxed);
	else
		atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + more,
				      memory_order_relaxed);
}

/* Modulo 2^64. */
static void count(uint64_t nbytes, uint64_t nobjects)
{
	struct tally *t = my_tally();

	add_to(&t->bytes, nbytes, t == tallies);
	add_to(&t->objects, nobjects, t == tallies);
}

static struct head *head_of(void *p)
{
	return (struct head *)p - 1;
}

static void *alloc(size_t n, bool is_zeroed)
{
	struct head *h;

	if (mem_fault() || n > SIZE_MAX / 2)
		return NULL;
	h = take(sizeof(*h) + n);
	if (!h)
		return NULL;
	if (is_zeroed)
		memset(h + 1, 0, n);
	h->n = n;
	count(n, 1);
	return h + 1;
}

void *mem_alloc(size_t n)
{
	return alloc(n, true);
}

void *mem_realloc(void *p, size_t n)
{
	struct head *h;
	size_t old;

	if (!p)
		return mem_alloc(n);
	if (mem_fault() || n > SIZE_MAX / 2)
		return NULL;
	old = head_of(p)->n;
	h = head_of(p);
	if (room_for(sizeof(*h) + n) != room_for(sizeof(*h) + old))
		h = realloc(h, room_for(sizeof(*h) + n));
	if (!h)
		return NULL;
	if (n > old)
		memset((char *)(h + 1) + old, 0, n - old);
	h->n = n;
	count(n - old, 0);
	return h + 1;
}

void *mem_dup(const void *p, size_t n)
{
	void *copy = alloc(n, false);

	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}

char *mem_str(struct str s)
{
	char *copy = s.n < SIZE_MAX ? alloc(s.n + 1, false) : NULL;

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void *mem_free(void *p)
{
	if (p) {
		struct head *h = head_of(p);

		count(-(uint64_t)h->n, -UINT64_C(1));
		give(h, sizeof(*h) + h->n);
	}
	return NULL;
}

uint64_t mem_bytes(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NTALLIES; i++)
		sum += atomic_load_explicit(&tallies[i].bytes, memory_order_relaxed);
	return sum;
}

uint64_t mem_objects(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NTALLIES; i++)
		sum += atomic_load_explicit(&tallies[i].objects, memory_order_relaxed);
	return sum;
}
