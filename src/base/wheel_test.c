/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/wheel.h"

struct probe {
	struct timer timer;
	struct wheel *wheel;
	uint64_t fired;	   /* how often */
	uint64_t order;	   /* the how-manieth of all */
	uint64_t again_ms; /* restart itself with this delay */
	struct probe *cancels, *frees;
};

static uint64_t nfired;

static void note(struct timer *t, void *arg)
{
	struct probe *p = arg;

	assert_ptr_equal(t, &p->timer);
	assert_false(timer_running(t));
	p->fired++;
	p->order = ++nfired;
	if (p->again_ms)
		timer_start(p->wheel, t, p->again_ms, note, p);
	if (p->cancels)
		timer_cancel(&p->cancels->timer);
	if (p->frees) {
		timer_cancel(&p->frees->timer);
		free(p->frees);
		p->frees = NULL;
	}
}

static void start(struct wheel *w, struct probe *p, uint64_t delay_ms)
{
	p->wheel = w;
	timer_start(w, &p->timer, delay_ms, note, p);
}

static int setup(void **state)
{
	struct wheel *w;

	nfired = 0;
	if (wheel_alloc(&w, 1000))
		return -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	wheel_free(*state);
	return 0;
}

static void timer_fires_when_due_and_not_before(void **state)
{
	struct wheel *w = *state;
	static const uint64_t delays[] = {1,	2,    63,    64,     65,      500,
					  4095, 4096, 32000, 262144, 86400000};

	for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
		struct probe p = {0};
		struct wheel *own;

		assert_int_equal(wheel_alloc(&own, 12345), 0);
		start(own, &p, delays[i]);
		wheel_advance(own, 12345 + delays[i] - 1);
		assert_int_equal(p.fired, 0);
		assert_true(timer_running(&p.timer));
		wheel_advance(own, 12345 + delays[i]);
		assert_int_equal(p.fired, 1);
		assert_false(timer_running(&p.timer));
		wheel_free(own);
	}
	assert_int_equal(wheel_count(w), 0);
}

static void timers_fire_in_order_of_due_time_then_of_start(void **state)
{
	struct wheel *w = *state;
	struct probe late = {0}, early = {0}, same_a = {0}, same_b = {0};

	start(w, &late, 70000);
	start(w, &same_a, 5000);
	start(w, &early, 3);
	start(w, &same_b, 5000);
	wheel_advance(w, 1000000);
	assert_int_equal(early.order, 1);
	assert_int_equal(same_a.order, 2);
	assert_int_equal(same_b.order, 3);
	assert_int_equal(late.order, 4);
}

static void restart_in_a_handler_runs_within_the_same_advance(void **state)
{
	struct wheel *w = *state;
	struct probe p = {.again_ms = 100};

	start(w, &p, 100);
	wheel_advance(w, 2000);
	assert_int_equal(p.fired, 10);
	timer_cancel(&p.timer);
}

static void delays_count_from_the_time_that_was_set(void **state)
{
	struct wheel *w = *state;
	struct probe p = {0};

	wheel_set_now(w, 1500); /* slept in poll since 1000 */
	start(w, &p, 100);
	wheel_advance(w, 1599);
	assert_int_equal(p.fired, 0);
	wheel_advance(w, 1600);
	assert_int_equal(p.fired, 1);
}

static void handler_restarting_itself_at_once_does_not_hang(void **state)
{
	struct wheel *w = *state;
	struct probe p = {0}, zero = {0};

	p.again_ms = 0;
	start(w, &zero, 0);
	wheel_advance(w, 1000);
	assert_int_equal(zero.fired, 1);
	p.again_ms = 1;
	start(w, &p, 0);
	wheel_advance(w, 1009);
	assert_int_equal(p.fired, 10);
	timer_cancel(&p.timer);
}

static void cancelled_timer_never_fires(void **state)
{
	struct wheel *w = *state;
	struct probe p = {0};

	start(w, &p, 700);
	wheel_advance(w, 1600);
	timer_cancel(&p.timer);
	timer_cancel(&p.timer); /* once more is fine */
	wheel_advance(w, 5000);
	assert_int_equal(p.fired, 0);
	assert_int_equal(wheel_count(w), 0);
	assert_true(wheel_next_ms(w) == UINT64_MAX);
}

static void handler_may_cancel_and_free_its_neighbours(void **state)
{
	struct wheel *w = *state;
	struct probe first = {0}, second = {0};
	struct probe *third = calloc(1, sizeof(*third));

	assert_non_null(third);
	first.cancels = &second;
	first.frees = third;
	start(w, &first, 10);
	start(w, &second, 10);
	start(w, third, 10);
	wheel_advance(w, 1010);
	assert_int_equal(first.fired, 1);
	assert_int_equal(second.fired, 0);
	assert_int_equal(wheel_count(w), 0);
}

static void next_is_never_after_the_earliest(void **state)
{
	struct wheel *w = *state;
	struct rng_seeded rng;
	struct probe p[64] = {0};

	rng_seeded_init(&rng, 7);
	for (int round = 0; round < 200; round++) {
		uint64_t earliest = UINT64_MAX, steps = 0;

		for (size_t i = 0; i < ARRAY_LEN(p); i++) {
			start(w, &p[i], rng_below(&rng.rng, 1u << rng_below(&rng.rng, 20)) + 1);
			if (p[i].timer.due_ms < earliest)
				earliest = p[i].timer.due_ms;
		}
		nfired = 0;
		while (!nfired) {
			uint64_t next = wheel_next_ms(w);

			assert_true(next <= earliest);
			assert_true(++steps <= 11); /* few wake-ups for nothing */
			wheel_advance(w, next);
		}
		wheel_advance(w, earliest + rng_below(&rng.rng, 100000));
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		timer_cancel(&p[i].timer);
	assert_int_equal(wheel_count(w), 0);
}

static void a_few_timers_wake_nobody_before_they_are_due(void **state)
{
	struct wheel *w = *state;
	struct probe p[8] = {0};

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		start(w, &p[i], 100000 + i);
	assert_true(wheel_next_ms(w) == p[0].timer.due_ms);
	wheel_advance(w, p[0].timer.due_ms);
	assert_int_equal(p[0].fired, 1);
	assert_int_equal(wheel_count(w), ARRAY_LEN(p) - 1);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		timer_cancel(&p[i].timer);
}

static void freed_wheel_leaves_timers_not_running(void **state)
{
	struct probe p = {0};
	struct wheel *w;

	assert_int_equal(wheel_alloc(&w, 0), 0);
	start(w, &p, 5000);
	wheel_free(w);
	assert_false(timer_running(&p.timer));
	timer_cancel(&p.timer);
}

static void million_timers_fire_once_each_in_order(void **state)
{
	enum { N = 1000000 };
	struct wheel *w = *state;
	struct probe *p = calloc(N, sizeof(*p));
	struct rng_seeded rng;
	uint64_t cancelled = 0;

	assert_non_null(p);
	rng_seeded_init(&rng, 1);
	for (size_t i = 0; i < N; i++)
		start(w, &p[i], rng_below(&rng.rng, 3600000));
	for (size_t i = 0; i < N; i += 3, cancelled++)
		timer_cancel(&p[i].timer);
	assert_int_equal(wheel_count(w), N - cancelled);
	for (uint64_t now = 1000; now <= 1000 + 3600000; now += 997) {
		uint64_t before = nfired;

		wheel_advance(w, now);
		(void)before;
	}
	wheel_advance(w, 1000 + 3600000);
	assert_int_equal(nfired, N - cancelled);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(p[i].fired, i % 3 ? 1 : 0);
	free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(timer_fires_when_due_and_not_before),
		T(timers_fire_in_order_of_due_time_then_of_start),
		T(restart_in_a_handler_runs_within_the_same_advance),
		T(delays_count_from_the_time_that_was_set),
		T(handler_restarting_itself_at_once_does_not_hang),
		T(cancelled_timer_never_fires),
		T(handler_may_cancel_and_free_its_neighbours),
		T(next_is_never_after_the_earliest),
		T(a_few_timers_wake_nobody_before_they_are_due),
		T(freed_wheel_leaves_timers_not_running),
		T(million_timers_fire_once_each_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
