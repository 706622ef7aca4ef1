/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulator: runs the registrar and calls of the real server with simulated phones on a virtual clock, from a seed, with
 * loss, delay, reordering, repetition and crashes; then looks whether anything is left that should not be.
 *
 * Usage: offhook-sim [--first SEED] [--count N] [--trace] [--break cancel|bye|session]
 * --break is for negative controls: something is made wrong on purpose, and the run must fail.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "forker.h"
#include "pbx.h"
#include "phone.h"

enum {
	PHONES = 7,
	FORKED = 4,
	TWIN_BYTES = 1024, /* what the tables of a phone take that is called for the first time */
	SECOND = 1000000,
	BUSY_S = 120, /* calls are placed for so long */
	SETTLE_S =
		150, /* rings end after 20 s, the longest call after 70, transactions linger 32 s */
	CRASH_SETTLE_S = 320, /* phones find out by themselves */
	UNREGISTER_S = 120,
};

struct simulation {
	struct world world;
	struct pbx pbx;
	struct phone phone[PHONES];
	struct forker forker; /* before phone FORKED and its twin, which is registered nowhere */
	struct phone twin;
	size_t base_bytes, base_timers;
	bool has_loss, has_crash;
	const char *failure;
	char detail[200];
};

struct options {
	uint64_t first, count;
	bool trace;
	const char *broken;
};

static const char *const users[PHONES] = {"100", "101", "101", "102", "103", "104", "105"};
static const char *const numbers[] = {"100", "101", "101", "102", "103", "104",
				      "105", "106", "600", "600", "*43", "999"};

#define EXPECT(s, cond, ...) expect(s, cond, #cond, __VA_ARGS__)

static void PRINTF_LIKE(4, 5)
	expect(struct simulation *s, bool holds, const char *what, const char *fmt, ...)
{
	va_list ap;

	if (holds || s->failure)
		return;
	s->failure = what;
	va_start(ap, fmt);
	vsnprintf(s->detail, sizeof(s->detail), fmt, ap);
	va_end(ap);
}

static void run_for(struct simulation *s, uint64_t seconds)
{
	world_run(&s->world, world_now(&s->world) + seconds * SECOND, NULL, NULL);
}

/* ---- scenario ---- */

static void choose_network(struct simulation *s)
{
	struct world *w = &s->world;

	w->quality =
		(struct network_quality){.delay_us = 1000, .jitter_us = world_between(w, 0, 20000)};
	s->has_loss = world_chance(w, 6000);
	if (!s->has_loss)
		return;
	w->quality.lost = (unsigned)world_between(w, 50, 800);
	w->quality.repeated = (unsigned)world_between(w, 0, 500);
	w->quality.late = (unsigned)world_between(w, 0, 500);
	w->quality.late_us = world_between(w, 20000, 900000);
}

/* What an account's first registration leaves in memory (its digest secret) is not a leak. */
static void sign_in_once(struct simulation *s)
{
	for (size_t i = 0; i < PHONES; i++)
		phone_register(&s->phone[i], 120);
	run_for(s, 2);
	for (size_t i = 0; i < PHONES; i++)
		phone_register(&s->phone[i], 0);
	run_for(s, UNREGISTER_S);
}

static bool put_forker(struct simulation *s)
{
	struct phone *p = &s->phone[FORKED];

	if (phone_init(&s->twin, &s->world, "10.0.2.2", p->user, p->password, p->domain,
		       &s->pbx.node.addr) ||
	    forker_init(&s->forker, &s->world, "10.0.2.1", &s->pbx.node.addr, &p->node.addr,
			&s->twin.node.addr))
		return false;
	p->patience_ms = s->twin.patience_ms = 60000; /* the proxy cancels nobody */
	snprintf(p->binding, sizeof(p->binding), "<sip:%s@10.0.2.1:5060>", p->user);
	return true;
}

static bool set_up(struct simulation *s, const struct options *o, uint64_t seed)
{
	char ip[32], password[32];

	*s = (struct simulation){.failure = NULL};
	if (world_init(&s->world, seed))
		return false;
	s->world.trace = o->trace;
	if (pbx_init(&s->pbx, &s->world))
		return false;
	for (size_t i = 0; i < PHONES; i++) {
		snprintf(ip, sizeof(ip), "10.0.1.%zu", i + 1);
		snprintf(password, sizeof(password), "secret-%s", users[i]);
		if (phone_init(&s->phone[i], &s->world, ip, users[i], password, PBX_DOMAIN,
			       &s->pbx.node.addr))
			return false;
	}
	if (!put_forker(s))
		return false;
	sign_in_once(s);
	choose_network(s);
	s->base_bytes = mem_bytes();
	s->base_timers = wheel_count(s->pbx.node.wheel);
	if (o->broken && !strcmp(o->broken, "session"))
		s->pbx.engine.leaks = true;
	else if (o->broken)
		s->world.dropped_method = !strcmp(o->broken, "cancel") ? "CANCEL" : "BYE";
	return true;
}

static void crash_and_restore(struct simulation *s)
{
	pbx_crash(&s->pbx);
	s->has_crash = true;
	world_run(&s->world, world_now(&s->world) + world_between(&s->world, 100000, 5000000), NULL,
		  NULL);
	EXPECT(s, pbx_restart(&s->pbx) == 0, "after %u crashes", s->pbx.crashes);
}

static void be_busy(struct simulation *s)
{
	struct world *w = &s->world;
	uint64_t end = world_now(w) + (uint64_t)BUSY_S * SECOND;
	uint64_t crash_at =
		world_chance(w, 4000)
			? world_now(w) + world_between(w, SECOND, (uint64_t)BUSY_S * SECOND)
			: UINT64_MAX;

	while (world_now(w) < end && !s->failure) {
		struct phone *p = &s->phone[rng_below(&w->rng.rng, PHONES)];
		uint64_t next = world_now(w) + world_between(w, 1000, 4000000);

		if (phone_call(p, numbers[rng_below(&w->rng.rng, ARRAY_LEN(numbers))]))
			EXPECT(s, false, "a phone could not place a call");
		if (crash_at < next) {
			world_run(w, crash_at, NULL, NULL);
			crash_at = UINT64_MAX;
			crash_and_restore(s);
		}
		world_run(w, next, NULL, NULL);
	}
}

/* ---- oracles ---- */

static void check_phones(struct simulation *s)
{
	for (size_t i = 0; i < PHONES; i++)
		EXPECT(s, phone_calls(&s->phone[i]) == 0, "phone %zu (%s) still has %zu calls", i,
		       users[i], phone_calls(&s->phone[i]));
	EXPECT(s, phone_calls(&s->twin) == 0, "the twin still has %zu calls",
	       phone_calls(&s->twin));
}

static void check_server(struct simulation *s)
{
	struct sip_counts sip;
	size_t timers = wheel_count(s->pbx.node.wheel);

	sip_counts(s->pbx.sip, &sip);
	EXPECT(s, calls_count(s->pbx.calls) == 0, "%zu calls are left", calls_count(s->pbx.calls));
	EXPECT(s, s->pbx.engine.nsessions == 0, "%zu media sessions are left",
	       s->pbx.engine.nsessions);
	EXPECT(s, sip.dialogs == 0, "%zu dialogs are left", sip.dialogs);
	EXPECT(s, sip.client_transactions + sip.server_transactions + sip.lingering == 0,
	       "%zu, %zu, %zu transactions are left", sip.client_transactions,
	       sip.server_transactions, sip.lingering);
	EXPECT(s, registrar_count(s->pbx.registrar) == 0, "%zu contacts are left",
	       registrar_count(s->pbx.registrar));
	EXPECT(s, timers <= s->base_timers, "%zu timers run, %zu at the start", timers,
	       s->base_timers);
}

static void check_memory(struct simulation *s)
{
	if (!s->has_crash) /* a restart has other boots and tables */
		EXPECT(s, mem_bytes() <= s->base_bytes + TWIN_BYTES,
		       "%" PRIu64 " bytes, %zu at the start", mem_bytes(), s->base_bytes);
}

static void check_records(struct simulation *s)
{
	const struct keeper *k = &s->pbx.keeper;
	size_t authorized = 0, transferred = s->twin.transferred;

	for (size_t i = 0; i < PHONES; i++) {
		authorized += s->phone[i].authorized;
		transferred += s->phone[i].transferred;
	}
	/* A blind transfer is a call of its own; whose REFER's answer was lost does not know of it. */
	if (!s->has_loss && !s->has_crash) {
		EXPECT(s, k->ncalls <= authorized + transferred, "%zu records of %zu calls",
		       k->ncalls, authorized + transferred);
		EXPECT(s, k->ncalls >= authorized, "%zu records of %zu calls", k->ncalls,
		       authorized);
	}
	for (size_t i = 0; i < k->ncalls; i++) {
		const struct call_record *c = &k->calls[i];

		EXPECT(s, c->ended_at >= c->started_at,
		       "call %zu to %s: started %" PRId64 ", ended %" PRId64, i, c->callee,
		       c->started_at, c->ended_at);
		EXPECT(s, strcmp(c->status, "in_progress") != 0,
		       "call %zu to %s is in progress for ever", i, c->callee);
		EXPECT(s,
		       !c->answered_at ||
			       (c->answered_at >= c->started_at && c->answered_at <= c->ended_at),
		       "call %zu to %s was answered at no time of it", i, c->callee);
		EXPECT(s, strcmp(c->status, "answered") != 0 || c->answered_at,
		       "call %zu: answered when?", i);
	}
	for (size_t i = 0; i < k->nlegs; i++)
		EXPECT(s, k->legs[i].ended_at >= k->legs[i].started_at, "leg %zu (%s) has no end",
		       i, k->legs[i].number);
	for (size_t i = 0; i < k->nkept; i++)
		EXPECT(s, k->kept[i].head.is_ended, "leg %zu is kept for ever", i);
}

static void close_all(struct simulation *s)
{
	for (size_t i = 0; i < PHONES; i++)
		phone_close(&s->phone[i]);
	phone_close(&s->twin);
	forker_close(&s->forker);
	pbx_close(&s->pbx);
	world_close(&s->world);
}

static bool simulate(const struct options *o, uint64_t seed)
{
	static struct simulation s;

	if (!set_up(&s, o, seed)) {
		fprintf(stderr, "seed %" PRIu64 ": could not be set up\n", seed);
		return false;
	}
	for (size_t i = 0; i < PHONES; i++)
		phone_register(&s.phone[i], 120);
	run_for(&s, s.has_loss ? 40 : 2);
	for (size_t i = 0; !s.has_loss && i < PHONES; i++)
		EXPECT(&s, s.phone[i].is_registered, "phone %zu (%s) could not register", i,
		       users[i]);
	if (!s.failure)
		be_busy(&s);
	for (size_t i = 0; i < PHONES; i++)
		s.phone[i].is_quiet = true;
	s.twin.is_quiet = true;
	run_for(&s, s.has_crash ? CRASH_SETTLE_S : SETTLE_S);
	check_phones(&s);
	/* The network heals, so that no phone still tries to sign off when it is counted what is left. */
	s.world.quality.lost = 0;
	for (size_t i = 0; i < PHONES; i++)
		phone_register(&s.phone[i], 0);
	run_for(&s, UNREGISTER_S + 60);
	if (!s.failure) {
		check_server(&s);
		check_records(&s);
		check_memory(&s);
	}
	if (s.failure)
		printf("seed %" PRIu64 ": %s: %s (%s, crashes %u, %.1f s)\n", seed, s.failure,
		       s.detail, s.has_loss ? "loss" : "no loss", s.pbx.crashes,
		       (double)world_now(&s.world) / 1e6);
	bool ok = !s.failure;

	close_all(&s);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"first", required_argument, NULL, 'f'},
						{"count", required_argument, NULL, 'c'},
						{"trace", no_argument, NULL, 't'},
						{"break", required_argument, NULL, 'b'},
						{NULL, 0, NULL, 0}};
	struct options o = {.first = 1, .count = 100};
	uint64_t failed = 0;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f' && !str_u64(str_of(optarg), &o.first))
			continue;
		if (opt == 'c' && !str_u64(str_of(optarg), &o.count))
			continue;
		if (opt == 't')
			o.trace = true;
		else if (opt == 'b')
			o.broken = optarg;
		else {
			fputs("usage: offhook-sim [--first SEED] [--count N] [--trace] [--break "
			      "cancel|bye|session]\n",
			      stderr);
			return 2;
		}
	}
	log_set_level(o.trace ? LOG_DEBUG : LOG_ERROR);
	for (uint64_t i = 0; i < o.count; i++)
		failed += !simulate(&o, o.first + i);
	printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", o.count, failed);
	return failed ? 1 : 0;
}
