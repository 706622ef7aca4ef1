/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Also meant for ThreadSanitizer: meson setup build-tsan -Db_sanitize=thread -Dtest_build=true. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sched.h>

#include "base/ring.h"
#include "base/thread.h"

enum { PUSHERS = 4, EACH = 50000 };

struct msg {
	uint32_t from, number;
	uint64_t check; /* tells a torn copy */
};

static bool readable(struct ring *r, int wait_ms)
{
	struct pollfd p = {.fd = ring_fd(r), .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

static void comes_out_in_order_and_refuses_when_full(void **state)
{
	struct ring *r;
	uint32_t v;

	assert_int_equal(ring_alloc(&r, 4, sizeof(v)), 0);
	assert_false(ring_pop(r, &v));
	for (uint32_t round = 0; round < 10; round++) {
		for (v = 0; v < 4; v++)
			assert_int_equal(ring_push(r, &v), 0);
		assert_int_equal(ring_push(r, &v), ENOBUFS);
		for (uint32_t want = 0; want < 4; want++) {
			assert_true(ring_pop(r, &v));
			assert_int_equal(v, want);
		}
		assert_false(ring_pop(r, &v));
	}
	ring_free(r);
}

static void sizes_that_cannot_work_are_refused(void **state)
{
	struct ring *r;

	assert_int_equal(ring_alloc(&r, 0, 8), EINVAL);
	assert_int_equal(ring_alloc(&r, 3, 8), EINVAL);
	assert_int_equal(ring_alloc(&r, 4, 0), EINVAL);
}

static void sleeping_reader_is_woken_once(void **state)
{
	struct ring *r;
	uint32_t v = 1;

	assert_int_equal(ring_alloc(&r, 8, sizeof(v)), 0);
	assert_false(readable(r, 0));
	assert_int_equal(ring_push(r, &v), 0);
	assert_true(readable(r, 0));
	ring_woken(r);
	assert_true(ring_pop(r, &v));
	assert_int_equal(ring_push(r, &v), 0);
	assert_true(ring_pop(r, &v));
	assert_false(ring_pop(r, &v));
	assert_false(readable(r, 0));
	assert_int_equal(ring_push(r, &v), 0);
	assert_true(readable(r, 0));
	ring_free(r);
}

static void reader_that_stops_early_is_called_again(void **state)
{
	struct ring *r;
	uint32_t v = 1;

	assert_int_equal(ring_alloc(&r, 8, sizeof(v)), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ring_push(r, &v), 0);
	for (int i = 0; i < 5; i++) {
		assert_true(readable(r, 0));
		ring_woken(r);
		assert_true(ring_pop(r, &v)); /* one message a turn */
	}
	ring_woken(r);
	assert_false(ring_pop(r, &v));
	assert_false(readable(r, 0));
	ring_free(r);
}

struct pusher {
	struct ring *ring;
	struct thread *thread;
	uint32_t number;
	uint64_t refused;
};

static void push_all(void *arg)
{
	struct pusher *p = arg;

	for (uint32_t i = 0; i < EACH; i++) {
		struct msg m = {p->number, i, ((uint64_t)p->number << 32 | i) * 0x9e3779b97f4a7c15};

		while (ring_push(p->ring, &m)) {
			p->refused++;
			sched_yield();
		}
	}
}

/* per_wake: how many messages the reader takes before it waits again. */
static void many_push(uint64_t per_wake)
{
	struct pusher pushers[PUSHERS] = {0};
	uint32_t next[PUSHERS] = {0};
	uint64_t got = 0, slept = 0;
	struct ring *r;

	assert_int_equal(ring_alloc(&r, 256, sizeof(struct msg)), 0);
	for (uint32_t i = 0; i < PUSHERS; i++) {
		pushers[i].ring = r;
		pushers[i].number = i;
		assert_int_equal(thread_start(&pushers[i].thread, "pusher", THREAD_ANY, push_all,
					      &pushers[i]),
				 0);
	}
	while (got < (uint64_t)PUSHERS * EACH) {
		struct msg m;

		assert_true(readable(r, 10000)); /* a lost wake-up would end here */
		slept++;
		ring_woken(r);
		for (uint64_t i = 0; i < per_wake && ring_pop(r, &m); i++) {
			assert_true(m.from < PUSHERS);
			assert_int_equal(m.number, next[m.from]++);
			assert_true(m.check ==
				    ((uint64_t)m.from << 32 | m.number) * 0x9e3779b97f4a7c15);
			got++;
		}
	}
	for (uint32_t i = 0; i < PUSHERS; i++) {
		thread_join(pushers[i].thread);
		assert_int_equal(next[i], EACH);
	}
	assert_true(slept <= 2 * got); /* some wake-ups are for nothing, not most */
	ring_free(r);
}

static void many_threads_push_and_nothing_is_lost_or_torn(void **state)
{
	many_push(UINT64_MAX);
}

static void reader_of_a_few_at_a_time_is_always_called_again(void **state)
{
	many_push(1);
	many_push(3);
}

static enum thread_role seen;

static void look(void *arg)
{
	seen = thread_role();
}

static void threads_know_their_role(void **state)
{
	struct thread *t;

	assert_int_equal(
		thread_start(&t, "a name longer than kernels keep", THREAD_MEDIA, look, NULL), 0);
	assert_null(thread_join(t));
	assert_int_equal(seen, THREAD_MEDIA);
	assert_int_equal(thread_role(), THREAD_ANY);
	assert_null(thread_join(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_in_order_and_refuses_when_full),
		cmocka_unit_test(sizes_that_cannot_work_are_refused),
		cmocka_unit_test(sleeping_reader_is_woken_once),
		cmocka_unit_test(reader_that_stops_early_is_called_again),
		cmocka_unit_test(many_threads_push_and_nothing_is_lost_or_torn),
		cmocka_unit_test(reader_of_a_few_at_a_time_is_always_called_again),
		cmocka_unit_test(threads_know_their_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
