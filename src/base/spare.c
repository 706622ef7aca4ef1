/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdlib.h>

#include "base/spare.h"

enum {
	STEP = 64,
	NSTEPS = 128,
	KEPT_BYTES = 65536,
};

struct spare {
	struct spare *next;
};

struct shelf {
	struct spare *first;
	size_t bytes;
};

static _Thread_local struct {
	bool is_known; /* to be cleared when the thread ends */
	struct shelf shelves[NSTEPS + 1];
} mine;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ending;
static bool has_key;

/* ---- the end of a thread ---- */

static void clear(void *arg)
{
	struct shelf *shelves = arg;

	for (size_t i = 0; i <= NSTEPS; i++) {
		struct spare *s = shelves[i].first, *next;

		for (; s; s = next) {
			next = s->next;
			free(s);
		}
		shelves[i] = (struct shelf){0};
	}
}

static void make_key(void)
{
	has_key = !pthread_key_create(&ending, clear);
}

/* False: nobody would clear what this thread keeps. */
static bool may_keep(void)
{
	if (mine.is_known)
		return true;
	pthread_once(&once, make_key);
	mine.is_known = has_key && !pthread_setspecific(ending, mine.shelves);
	return mine.is_known;
}

/* ---- blocks ---- */

static size_t steps(size_t n)
{
	return n / STEP + !!(n % STEP);
}

size_t spare_size(size_t n)
{
	return steps(n) * STEP;
}

void *spare_take(size_t n)
{
	struct shelf *shelf = &mine.shelves[steps(n) <= NSTEPS ? steps(n) : 0];
	struct spare *s = shelf->first;

	if (!s)
		return malloc(spare_size(n));
	shelf->first = s->next;
	shelf->bytes -= spare_size(n);
	return s;
}

void spare_give(void *p, size_t n)
{
	struct shelf *shelf = &mine.shelves[steps(n) <= NSTEPS ? steps(n) : 0];
	struct spare *s = p;

	if (steps(n) > NSTEPS || shelf->bytes + spare_size(n) > KEPT_BYTES || !may_keep()) {
		free(p);
		return;
	}
	s->next = shelf->first;
	shelf->first = s;
	shelf->bytes += spare_size(n);
}
