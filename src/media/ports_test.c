/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "media/ports.h"

static struct ports *range(uint16_t min, uint16_t max)
{
	struct ports *p;

	assert_int_equal(ports_alloc(&p, min, max, rng_system()), 0);
	return p;
}

static uint16_t take(struct ports *p, uint64_t now_ms)
{
	uint16_t port;

	assert_int_equal(ports_take(p, now_ms, &port), 0);
	return port;
}

static void range_without_a_pair_is_refused(void **state)
{
	struct ports *p;

	assert_int_equal(ports_alloc(&p, 0, 100, rng_system()), EINVAL);
	assert_int_equal(ports_alloc(&p, 30000, 30000, rng_system()), EINVAL);
	assert_int_equal(ports_alloc(&p, 30001, 30002, rng_system()), EINVAL);
	assert_int_equal(ports_alloc(&p, 40000, 30000, rng_system()), EINVAL);
	assert_int_equal(ports_alloc(&p, 65535, 65535, rng_system()), EINVAL);
}

static void pairs_stay_inside_the_range(void **state)
{
	struct ports *p = range(30001, 30004); /* 30002 and 30003 */

	assert_int_equal(ports_total(p), 1);
	assert_int_equal(take(p, 0), 30002);
	ports_free(p);
	p = range(65534, 65535);
	assert_int_equal(take(p, 0), 65534);
	ports_free(p);
}

static void each_port_is_given_once_and_then_there_is_none(void **state)
{
	struct ports *p = range(30000, 39999);
	static bool seen[65536];
	uint16_t port;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < 5000; i++) {
		port = take(p, 0);
		assert_int_equal(port & 1, 0);
		assert_in_range(port, 30000, 39998);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_int_equal(ports_take(p, 0, &port), ENOSPC);
	assert_int_equal(ports_in_use(p), 5000);
	ports_return(p, 31234, 0);
	assert_int_equal(ports_in_use(p), 4999);
	/* The only one there is, so it is given at once. */
	assert_int_equal(take(p, 0), 31234);
	ports_free(p);
}

static void order_is_not_predictable(void **state)
{
	struct ports *p = range(10000, 59999), *q = range(10000, 59999);
	unsigned same = 0, next = 0;
	uint16_t before = 0;

	for (int i = 0; i < 1000; i++) {
		uint16_t a = take(p, 0), b = take(q, 0);

		same += a == b;
		next += a == before + 2 || a + 2 == before;
		before = a;
	}
	assert_true(same < 10);
	assert_true(next < 10);
	ports_free(p);
	ports_free(q);
}

static void returned_port_rests(void **state)
{
	struct ports *p = range(30000, 30019);
	uint16_t port = take(p, 0);

	ports_return(p, port, 0);
	for (int i = 0; i < 9; i++)
		assert_int_not_equal(take(p, PORTS_COOL_MS - 1), port);
	assert_int_equal(take(p, PORTS_COOL_MS - 1), port);
	ports_free(p);
}

static void rested_ports_are_drawn_again(void **state)
{
	struct ports *p = range(30000, 30999);
	bool seen[500] = {0};
	unsigned n = 0;
	uint64_t now = 0;

	for (int i = 0; i < 20000; i++, now += PORTS_COOL_MS) {
		uint16_t port = take(p, now);

		n += !seen[(port - 30000) / 2];
		seen[(port - 30000) / 2] = true;
		ports_return(p, port, now);
	}
	assert_int_equal(n, 500);
	assert_int_equal(ports_in_use(p), 0);
	ports_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_without_a_pair_is_refused),
		cmocka_unit_test(pairs_stay_inside_the_range),
		cmocka_unit_test(each_port_is_given_once_and_then_there_is_none),
		cmocka_unit_test(order_is_not_predictable),
		cmocka_unit_test(returned_port_rests),
		cmocka_unit_test(rested_ports_are_drawn_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
