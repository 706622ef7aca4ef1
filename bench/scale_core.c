/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does it cost the same whatever there is?  Registrations, dialogs and timers, by CPU time (and by instructions under callgrind:
 * --toggle-collect=bed_inside), and the memory of each, all of which must come back.
 *
 * Each line printed is a figure as JSON.  Usage: scale_core registrations|calls|timers [COUNT]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench/core_bed.h"

/* Transactions linger 32 s; the flood guard knows a source that has proved itself for an hour. */
enum { LINGER_MS = 40000, FORGOTTEN_MS = 3700 * 1000, SAMPLE = 2000 };

static struct bed bed;

static double us_per(uint64_t ns, size_t n)
{
	return (double)ns / 1000 / (double)n;
}

static long long per(size_t now, size_t before, size_t n)
{
	return ((long long)now - (long long)before) / (long long)n;
}

/* ---- registrations ---- */

static void refresh_some(size_t n)
{
	bed_begin(&bed);
	for (size_t i = 0; i < SAMPLE; i++)
		bed_register(&bed, (i * 7919) % n, 3600);
}

static void registrations(size_t most)
{
	size_t before, now, n = 0;

	bed_open(&bed, most);
	bed_register(&bed, 0, 3600); /* what the first one makes for all */
	bed_register(&bed, 0, 0);
	bed_pass(&bed, LINGER_MS);
	before = bed_bytes();
	for (size_t size = 100; size <= most; size *= 10) {
		uint64_t ns;

		bed_begin(&bed);
		for (size_t first = n; n < size; n++)
			if (n - first == 20000)
				bed_pass(&bed, LINGER_MS), first = n, bed_register(&bed, n, 3600);
			else
				bed_register(&bed, n, 3600);
		bed_pass(&bed, LINGER_MS);
		now = bed_bytes();
		refresh_some(n);
		ns = bed.cpu_ns;
		printf("{\"figure\": \"registrations\", \"registered\": %zu, \"cpu_us\": %.2f, "
		       "\"bytes_each\": %lld}\n",
		       n, us_per(ns, SAMPLE), per(now, before, n));
		fflush(stdout);
		bed_pass(&bed, LINGER_MS);
	}
	for (size_t i = 0; i < n; i++) {
		bed_register(&bed, i, 0);
		if (i % 20000 == 0)
			bed_pass(&bed, LINGER_MS);
	}
	bed_pass(&bed, FORGOTTEN_MS);
	now = bed_bytes();
	printf("{\"figure\": \"registrations_gone\", \"bytes_each_left\": %lld}\n",
	       per(now, before, n));
	bed_close(&bed);
}

/* ---- calls ---- */

static void calls(size_t most)
{
	size_t next = 2 * most + 2, before, n = 0;
	struct bed_call *up = calloc(most, sizeof(*up)), one;
	uint64_t number = 0;

	bed_open(&bed, next);
	for (size_t i = 0; i < next; i++)
		bed_register(&bed, i, 3600);
	bed_call(&bed, &one, next - 1, next - 2, ++number);
	bed_hang_up(&bed, &one);
	bed_pass(&bed, LINGER_MS);
	before = bed_bytes();
	for (size_t size = 10; size <= most; size *= 10) {
		for (; n < size; n++)
			bed_call(&bed, &up[n], n, most + n, ++number);
		bed_pass(&bed, LINGER_MS);
		printf("{\"figure\": \"calls\", \"up\": %zu, \"bytes_each\": %lld, ", n,
		       per(bed_bytes(), before, n));
		bed_begin(&bed);
		for (size_t i = 0; i < SAMPLE; i++) {
			bed_call(&bed, &one, next - 1, next - 2, ++number);
			bed_hang_up(&bed, &one);
		}
		printf("\"cpu_us\": %.2f, \"messages_each\": %.1f}\n", us_per(bed.cpu_ns, SAMPLE),
		       (double)bed.nmessages / SAMPLE);
		fflush(stdout);
		bed_pass(&bed, LINGER_MS);
	}
	for (size_t i = 0; i < n; i++)
		bed_hang_up(&bed, &up[i]);
	bed_pass(&bed, LINGER_MS);
	printf("{\"figure\": \"calls_gone\", \"bytes_each_left\": %lld}\n",
	       per(bed_bytes(), before, n));
	bed_close(&bed);
	free(up);
}

/* ---- timers ---- */

static void fired(struct timer *t, void *arg)
{
	++*(size_t *)arg;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Starting, starting anew and firing while so many run; the ones measured are spread over the 32 s of a transaction. */
void timers_inside(struct wheel *w, struct timer *t, size_t n, uint64_t *now_ms, size_t *nfired);
__attribute__((noinline)) void timers_inside(struct wheel *w, struct timer *t, size_t n,
					     uint64_t *now_ms, size_t *nfired)
{
	for (size_t i = 0; i < n; i++)
		timer_start(w, &t[i], 500 + (i * 7919) % 31000, fired, nfired);
	for (size_t i = 0; i < n; i++)
		timer_start(w, &t[i], 1 + (i * 7919) % 4000, fired, nfired);
	for (uint64_t end = *now_ms + 4001; *now_ms < end;)
		wheel_advance(w, ++*now_ms);
}

static void timers(size_t most)
{
	enum { MEASURED = 20000 };
	struct timer *all = calloc(most, sizeof(*all)), *some = calloc(MEASURED, sizeof(*some));

	for (size_t size = 10; size <= most; size *= 10) {
		struct wheel *w;
		uint64_t now_ms = 0, ns;
		size_t nfired = 0, nothers = 0;

		if (wheel_alloc(&w, 0))
			exit(1);
		/* Those that only stand there come due later than all that is measured. */
		for (size_t i = 0; i < size; i++)
			timer_start(w, &all[i], 60000 + (i * 104729) % 3540000, fired, &nothers);
		timers_inside(w, some, MEASURED, &now_ms, &nfired);
		nfired = 0;
		ns = now_ns();
		timers_inside(w, some, MEASURED, &now_ms, &nfired);
		ns = now_ns() - ns;
		printf("{\"figure\": \"timers\", \"running\": %zu, \"cpu_ns\": %.1f}\n", size,
		       (double)ns / (3.0 * MEASURED));
		if (nfired != MEASURED || nothers)
			exit(1);
		wheel_free(w);
		memset(all, 0, most * sizeof(*all));
	}
	free(all);
	free(some);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(size_t most);
		size_t most;
	} figures[] = {{"registrations", registrations, 100000},
		       {"calls", calls, 10000},
		       {"timers", timers, 1000000}};
	const char *name = argc > 1 ? argv[1] : "";

	mallopt(M_MMAP_THRESHOLD, 1 << 30); /* all of it is counted the same way */
	for (size_t i = 0; i < ARRAY_LEN(figures); i++)
		if (!strcmp(name, figures[i].name)) {
			figures[i].run(argc > 2 ? strtoul(argv[2], NULL, 10) : figures[i].most);
			return 0;
		}
	fprintf(stderr, "usage: scale_core registrations|calls|timers [COUNT]\n");
	return 2;
}
