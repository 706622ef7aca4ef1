/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/thread.h"

struct world {
	struct loop *loop;
	struct loop_fd *watch;
	int pair[2];
	unsigned nread, nturns, events;
	uint64_t started_us, fired_us;
	struct timer timer;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	if (!w || loop_alloc(&w->loop, clock_real()))
		return -1;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->pair);
}

static int teardown(void **state)
{
	struct world *w = *state;

	loop_unwatch(w->watch);
	loop_free(w->loop);
	close(w->pair[0]);
	close(w->pair[1]);
	free(w);
	return 0;
}

static void stop_by_timer(struct timer *t, void *arg)
{
	struct world *w = arg;

	w->fired_us = clock_mono_us(clock_real());
	loop_stop(w->loop);
}

static void nothing_due(struct timer *t, void *arg)
{
}

static void timer_wakes_the_loop_and_never_early(void **state)
{
	struct world *w = *state;

	for (uint64_t delay = 1; delay < 8; delay++) {
		w->started_us = clock_mono_us(clock_real());
		wheel_set_now(loop_wheel(w->loop), (w->started_us + 999) / 1000);
		timer_start(loop_wheel(w->loop), &w->timer, delay, stop_by_timer, w);
		loop_run(w->loop);
		assert_true(w->fired_us - w->started_us >= delay * 1000);
	}
}

static void count_one(void *arg)
{
	(*(unsigned *)arg)++;
}

static void timers_may_wait_for_one_another(void **state)
{
	struct world *w = *state;
	struct timer others[40] = {0}; /* by themselves as many turns */
	unsigned nturns = 0;

	loop_slack(w->loop, 100);
	assert_int_equal(loop_each_turn(w->loop, count_one, &nturns), 0);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		timer_start(loop_wheel(w->loop), &others[i], 1 + i, nothing_due, NULL);
	w->started_us = clock_mono_us(clock_real());
	timer_start(loop_wheel(w->loop), &w->timer, ARRAY_LEN(others) + 1, stop_by_timer, w);
	loop_run(w->loop);
	assert_true(w->fired_us - w->started_us >= 1000 * (ARRAY_LEN(others) + 1));
	assert_true(nturns <= 10); /* more than one only where the thread did not run for a while */
}

static void read_some(int fd, unsigned events, void *arg)
{
	struct world *w = arg;
	char buf[16];
	ssize_t n;

	w->events = events;
	n = read(fd, buf, sizeof(buf));
	w->nread += n > 0 ? (unsigned)n : 0;
	/* The time of this turn is set before handlers run: a delay counts from now, not from before the sleep. */
	w->started_us = clock_mono_us(clock_real());
	timer_start(loop_wheel(w->loop), &w->timer, 5, stop_by_timer, w);
}

static void say(void *arg)
{
	struct world *w = arg;
	ssize_t n;

	usleep(30000); /* long enough for a stale clock to show */
	n = write(w->pair[1], "hello", 5);
	(void)n;
}

static void descriptor_wakes_the_loop_and_delays_count_from_then(void **state)
{
	struct world *w = *state;
	struct thread *t;

	assert_int_equal(loop_watch(&w->watch, w->loop, w->pair[0], LOOP_READ, read_some, w), 0);
	assert_int_equal(thread_start(&t, "say", THREAD_ANY, say, w), 0);
	loop_run(w->loop);
	thread_join(t);
	assert_int_equal(w->nread, 5);
	assert_int_equal(w->events, LOOP_READ);
	assert_true(w->fired_us - w->started_us >= 5000);
}

static void unwatch_self(int fd, unsigned events, void *arg)
{
	struct world *w = arg;

	w->nread++;
	w->watch = loop_unwatch(w->watch);
	loop_stop(w->loop);
}

static void handler_may_unwatch_itself(void **state)
{
	struct world *w = *state;

	assert_int_equal(write(w->pair[1], "x", 1), 1);
	assert_int_equal(loop_watch(&w->watch, w->loop, w->pair[0], LOOP_READ, unwatch_self, w), 0);
	loop_run(w->loop);
	loop_turn(w->loop, 0); /* still readable, nobody called */
	assert_int_equal(w->nread, 1);
	assert_null(w->watch);
}

static void count_turn(void *arg)
{
	((struct world *)arg)->nturns++;
}

static void turn_handlers_run_once_a_turn_up_to_their_limit(void **state)
{
	struct world *w = *state;
	int n = 0;

	while (loop_each_turn(w->loop, count_turn, w) == 0)
		n++;
	assert_int_equal(n, 16);
	loop_turn(w->loop, 0);
	assert_int_equal(w->nturns, 16);
}

static void stop_soon(void *arg)
{
	loop_stop(((struct world *)arg)->loop);
}

static void another_thread_may_stop_it(void **state)
{
	struct world *w = *state;
	struct thread *t;

	assert_int_equal(thread_start(&t, "stop", THREAD_ANY, stop_soon, w), 0);
	loop_run(w->loop); /* asleep for ever otherwise; also when the stop came first */
	thread_join(t);
}

static void watching_may_pause_and_change(void **state)
{
	struct world *w = *state;

	assert_int_equal(write(w->pair[1], "x", 1), 1);
	assert_int_equal(loop_watch(&w->watch, w->loop, w->pair[0], 0, read_some, w), 0);
	loop_turn(w->loop, 0);
	assert_int_equal(w->nread, 0);
	assert_int_equal(loop_watch_change(w->watch, LOOP_READ | LOOP_WRITE), 0);
	loop_turn(w->loop, 0);
	assert_int_equal(w->nread, 1);
	assert_int_equal(w->events, LOOP_READ | LOOP_WRITE);
	timer_cancel(&w->timer);
}

static void making_one_fails_cleanly_without_memory(void **state)
{
#ifdef OFFHOOK_TEST_BUILD
	struct loop *l = NULL;

	for (uint64_t nth = 1; nth <= 2; nth++) {
		mem_fail(nth, false);
		assert_int_equal(loop_alloc(&l, clock_real()), ENOMEM);
		assert_null(l);
	}
	mem_fail(0, false);
#endif
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(timers_may_wait_for_one_another),
		T(timer_wakes_the_loop_and_never_early),
		T(descriptor_wakes_the_loop_and_delays_count_from_then),
		T(handler_may_unwatch_itself),
		T(turn_handlers_run_once_a_turn_up_to_their_limit),
		T(another_thread_may_stop_it),
		T(watching_may_pause_and_change),
		T(making_one_fails_cleanly_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
