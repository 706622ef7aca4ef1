/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The controller alone, and before a server whose messages cost time: ten times the load, the server's own pace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sip/congestion.h"

static uint64_t now_ms;

/* One interval in which the shortest wait is this. */
static bool interval(struct congestion *c, uint64_t wait_ms)
{
	bool is_other = congestion_waited(c, now_ms, wait_ms * 1000);

	(void)congestion_waited(c, now_ms + 50, (wait_ms + 90) * 1000);
	for (int i = 0; i < 20; i++)
		congestion_received(c);
	(void)congestion_waited(c, now_ms + 90, wait_ms * 1000);
	now_ms += CONGESTION_INTERVAL_MS;
	return is_other;
}

static unsigned admitted_of(struct congestion *c, enum congestion_work work, unsigned n)
{
	unsigned admitted = 0;

	for (unsigned i = 0; i < n; i++)
		admitted += congestion_admits(c, work);
	return admitted;
}

static void open_at(struct congestion *c, uint64_t wait_ms)
{
	now_ms = 1000000;
	congestion_init(c);
	for (int i = 0; i < 3; i++)
		(void)interval(c, wait_ms);
}

static void up_to_80_percent_all_is_served(void **state)
{
	struct congestion c;

	open_at(&c, 63);
	assert_int_equal(c.level, CONGESTION_NONE);
	assert_int_equal(admitted_of(&c, CONGESTION_NEW, 1000), 1000);
}

static void few_messages_that_waited_are_no_congestion(void **state)
{
	struct congestion c;

	now_ms = 1000000;
	congestion_init(&c);
	for (int i = 0; i < 30; i++) {
		(void)congestion_waited(&c, now_ms + 20 * (uint64_t)i, 2000000);
		congestion_received(&c);
		assert_int_equal(c.level, CONGESTION_NONE);
		assert_true(congestion_admits(&c, CONGESTION_NEW));
	}
}

/* `n` new requests in each of so many intervals: how many are admitted. */
static unsigned offered_for(struct congestion *c, unsigned intervals, uint64_t wait_ms, unsigned n)
{
	unsigned admitted = 0;

	for (unsigned i = 0; i < intervals; i++) {
		(void)interval(c, wait_ms);
		admitted += admitted_of(c, CONGESTION_NEW, n);
	}
	return admitted;
}

static void from_80_percent_on_some_new_requests_are_refused(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	assert_int_equal(offered_for(&c, 10, 63, 100), 1000);
	(void)offered_for(&c, 2, 65, 100);
	assert_int_equal(c.level, CONGESTION_SOME);
	assert_in_range(offered_for(&c, 10, 65, 100), 500, 990);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 1000), 1000);
}

static void above_the_tolerance_all_that_is_new_is_refused(void **state)
{
	struct congestion c;

	open_at(&c, 81);
	assert_int_equal(c.level, CONGESTION_FULL);
	assert_int_equal(admitted_of(&c, CONGESTION_NEW, 1000), 0);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 1000), 1000);
}

static void what_is_half_done_is_refused_above_four_times_the_tolerance(void **state)
{
	struct congestion c;

	open_at(&c, 319);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 1000), 1000);
	open_at(&c, 321);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 1000), 0);
}

/* Not until the interval ends: then there would be nothing left to do. */
static void as_soon_as_the_queue_is_short_new_requests_are_taken_again(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	(void)offered_for(&c, 3, 200, 100);
	assert_int_equal(admitted_of(&c, CONGESTION_NEW, 100), 0);
	(void)congestion_waited(&c, now_ms - 50, 63000);
	assert_int_equal(c.level, CONGESTION_FULL);
	assert_in_range(admitted_of(&c, CONGESTION_NEW, 100), 1, 99);
}

/* Four hundred in eight intervals in which there was always something to do: fifty in each can be done. */
static void the_rate_is_what_was_sustained(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	(void)offered_for(&c, 2, 90, 400); /* admitted, before it is known */
	for (int i = 0; i < 6; i++)
		assert_int_equal(offered_for(&c, 1, 90 + 50 * (unsigned)i, 400), 0);
	(void)interval(&c, 10);
	assert_in_range(offered_for(&c, 1, 10, 400), 40, 60);
}

/* It is the shortest wait that counts: a queue that is emptied now and then is none. */
static void a_queue_that_is_emptied_is_no_congestion(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	for (int i = 0; i < 50; i++) {
		(void)congestion_waited(&c, now_ms, 95000);
		(void)congestion_waited(&c, now_ms + 5, 1000);
		now_ms += 100;
	}
	assert_int_equal(c.level, CONGESTION_NONE);
}

static void it_ends_with_the_wait(void **state)
{
	struct congestion c;
	int i;

	open_at(&c, 500);
	for (i = 0; i < 60 && c.level != CONGESTION_NONE; i++)
		(void)interval(&c, 0);
	assert_in_range(i, 2, 59);
	assert_int_equal(admitted_of(&c, CONGESTION_NEW, 1000), 1000);
	open_at(&c, 500);
	now_ms += 60000; /* or when nothing came for long */
	(void)interval(&c, 0);
	assert_int_equal(c.level, CONGESTION_NONE);
}

static void changes_of_the_level_are_told(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	(void)interval(&c, 70);
	assert_true(interval(&c, 70));
	assert_false(interval(&c, 70));
	(void)interval(&c, 200);
	assert_true(interval(&c, 200));
}

static void off_it_refuses_nothing(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	congestion_set(&c, 0);
	for (int i = 0; i < 10; i++)
		(void)interval(&c, 10000);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 10), 10);
	congestion_set(&c, 80);
	for (int i = 0; i < 3; i++)
		(void)interval(&c, 10000);
	assert_int_equal(admitted_of(&c, CONGESTION_PROVEN, 10), 0);
}

/* The load has gone, but who is left is heard only now and then: silence is calm too. */
static void it_ends_with_silence(void **state)
{
	struct congestion c;
	int i;

	open_at(&c, 500);
	for (i = 0; i < 6; i++) {
		(void)congestion_waited(&c, now_ms, 1000);
		now_ms += 3000;
	}
	assert_int_equal(c.level, CONGESTION_NONE);
}

static void so_many_come_through_that_a_third_is_refused(void **state)
{
	struct congestion c;

	open_at(&c, 0);
	c.mean_offered = 8000000;
	c.rate = 4800000;
	assert_int_equal(congestion_passing(&c), CONGESTION_ALL);
	c.rate = 1000000;
	assert_int_equal(congestion_passing(&c), CONGESTION_ALL / 16 * 3);
	congestion_thinned(&c, CONGESTION_ALL / 16 * 3);
	c.rate = 1100000; /* not for every little change */
	assert_int_equal(congestion_passing(&c), CONGESTION_ALL / 16 * 3);
	c.rate = 0;
	assert_int_equal(congestion_passing(&c), CONGESTION_ALL);
}

static void what_is_not_thinned_out_before_has_no_better_chances(void **state)
{
	struct congestion c;
	unsigned n;

	open_at(&c, 0);
	c.level = CONGESTION_SOME;
	c.rate = c.budget = UINT64_C(1000) * 4096;
	congestion_thinned(&c, CONGESTION_ALL / 8);
	n = admitted_of(&c, CONGESTION_NEW, 800);
	assert_int_equal(n, 100);
	assert_int_equal(admitted_of(&c, CONGESTION_THINNED, 100), 100);
}

/* Who was let through by the lot and is too much is dropped as the others were, but for every fourth. */
static void of_those_thinned_out_few_are_told(void **state)
{
	struct congestion c;
	unsigned nnew = 0, nthinned = 0;

	open_at(&c, 0);
	assert_true(congestion_tells(&c, CONGESTION_THINNED)); /* all come through */
	congestion_thinned(&c, CONGESTION_ALL / 8);
	for (int i = 0; i < 100; i++) {
		nthinned += congestion_tells(&c, CONGESTION_THINNED);
		nnew += congestion_tells(&c, CONGESTION_NEW);
	}
	assert_int_equal(nthinned, 25);
	assert_int_equal(nnew, 100);
}

/*
 * A server with a cost model: one queue, `calls` new requests arrive in each millisecond (hundredths), an admitted call costs
 * 605 us in eleven messages over two seconds, of which the second brings credentials.  Its process runs 10 ms of each 100.
 */
enum { COST_PART = 55, COST_DROPPED = 5, PARTS = 10, PART_EVERY_MS = 200, SECONDS = 60 };

struct model {
	unsigned cost_refused; /* us */
	uint32_t tolerance_ms;
	bool can_thin;
};
struct served {
	unsigned calls;
	uint64_t longest_ms; /* that a part of a call waited, the first five seconds left out */
};

static uint64_t
	queue[1 << 20]; /* when it arrived, and what: 0 new, else the part, in the low byte */
static size_t head, tail;
static uint64_t later[PARTS * PART_EVERY_MS + 1][2000];
static unsigned nlater[PARTS * PART_EVERY_MS + 1];

static void arrive(uint64_t at_ms, unsigned part)
{
	queue[tail++ % (1 << 20)] = at_ms << 8 | part;
}

static void come_later(uint64_t at_ms, unsigned part)
{
	unsigned slot = (unsigned)(at_ms % ARRAY_LEN(later));

	assert_true(nlater[slot] < 2000);
	later[slot][nlater[slot]++] = part;
}

static unsigned serve_one(struct congestion *c, uint64_t at_ms, const struct model *m,
			  struct served *s)
{
	uint64_t item = queue[head++ % (1 << 20)], waited_ms = at_ms - (item >> 8);
	unsigned part = item & 255;
	enum congestion_work work = part ? CONGESTION_PROVEN : CONGESTION_THINNED;

	(void)congestion_waited(c, at_ms, waited_ms * 1000);
	congestion_received(c);
	if (m->can_thin)
		congestion_thinned(c, congestion_passing(c));
	if (part < 2 && !congestion_admits(c, work))
		return congestion_tells(c, work) ? m->cost_refused : COST_DROPPED;
	if (part && at_ms > 1005000 && waited_ms > s->longest_ms)
		s->longest_ms = waited_ms;
	if (part == PARTS)
		s->calls++;
	else
		come_later(at_ms + PART_EVERY_MS, part + 1);
	return COST_PART;
}

/* One in so many comes through. */
static bool is_let_through(const struct congestion *c)
{
	static uint32_t remainder;

	remainder += c->passing;
	if (remainder < CONGESTION_ALL)
		return false;
	remainder -= CONGESTION_ALL;
	return true;
}

static struct served serve(unsigned calls_in_100ms, const struct model *m)
{
	struct served s = {0};
	struct congestion c;
	unsigned owed = 0;
	int budget = 0;

	congestion_init(&c);
	congestion_set(&c, m->tolerance_ms);
	head = tail = 0;
	memset(nlater, 0, sizeof(nlater));
	for (uint64_t ms = 1000000; ms < 1000000 + SECONDS * 1000; ms++) {
		unsigned slot = (unsigned)(ms % ARRAY_LEN(later)), n = nlater[slot];

		for (owed += calls_in_100ms; owed >= 100; owed -= 100)
			if (is_let_through(&c))
				arrive(ms, 0);
		nlater[slot] = 0;
		for (unsigned i = 0; i < n; i++)
			arrive(ms, (unsigned)later[slot][i]);
		if (ms % 100 < 10)
			budget += 1000;
		while (budget > 0 && head < tail)
			budget -= (int)serve_one(&c, ms, m, &s);
		if (budget > 0)
			budget = 0; /* idle time is not saved up */
	}
	return s;
}

static unsigned capacity(const struct model *m)
{
	unsigned most = 0;

	for (unsigned load = 10; load <= 18; load++) {
		unsigned n = serve(load, m).calls;

		if (n > most)
			most = n;
	}
	return most;
}

/* At most 165 calls a second; 1450 refusals take 7 of the 100 ms. */
static void ten_times_the_load_completes_nine_tenths_of_capacity(void **state)
{
	const struct model m = {5, CONGESTION_TOLERANCE_MS, false}, off = {5, 0, false};
	struct served s = serve(160, &m);
	unsigned most = capacity(&m);

	assert_true(s.calls * 10 >= most * 9);
	assert_in_range(s.longest_ms, 0, 500);
	s = serve(160, &off); /* without it next to nothing is completed */
	assert_true(s.calls * 10 < most);
}

/* As measured: 1450 refusals would take 38 of the 100 ms.  A share instead of a rate, and credentials refused with the rest, give 93 %. */
static void so_it_does_when_refusing_is_expensive(void **state)
{
	const struct model m = {26, CONGESTION_TOLERANCE_MS, true},
			   control = {26, CONGESTION_TOLERANCE_MS, false};
	unsigned most = capacity(&m);

	assert_true(serve(160, &m).calls * 100 >= most * 95);
	assert_true(serve(160, &control).calls * 10 < most * 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_80_percent_all_is_served),
		cmocka_unit_test(few_messages_that_waited_are_no_congestion),
		cmocka_unit_test(from_80_percent_on_some_new_requests_are_refused),
		cmocka_unit_test(above_the_tolerance_all_that_is_new_is_refused),
		cmocka_unit_test(what_is_half_done_is_refused_above_four_times_the_tolerance),
		cmocka_unit_test(as_soon_as_the_queue_is_short_new_requests_are_taken_again),
		cmocka_unit_test(the_rate_is_what_was_sustained),
		cmocka_unit_test(a_queue_that_is_emptied_is_no_congestion),
		cmocka_unit_test(it_ends_with_the_wait),
		cmocka_unit_test(it_ends_with_silence),
		cmocka_unit_test(so_many_come_through_that_a_third_is_refused),
		cmocka_unit_test(what_is_not_thinned_out_before_has_no_better_chances),
		cmocka_unit_test(of_those_thinned_out_few_are_told),
		cmocka_unit_test(changes_of_the_level_are_told),
		cmocka_unit_test(off_it_refuses_nothing),
		cmocka_unit_test(ten_times_the_load_completes_nine_tenths_of_capacity),
		cmocka_unit_test(so_it_does_when_refusing_is_expensive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
