/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"
#include "bill/bill.h"

/* 0.10 to connect, 60 s at 0.30 a minute, then 30 s free, then 10 s each at 0.12 a minute, 10 % on top */
static const struct bill_rate rate = {
	.connect_fee = 100000,
	.price_1 = 300000,
	.price_n = 120000,
	.surcharge = 100000,
	.free_s = 30,
	.interval_1_s = 60,
	.interval_n_s = 10,
};

/* The guide's figure: four intervals N begun after interval 1 and the free seconds. */
static void the_figure_of_the_guide(void **state)
{
	/* (0.10 + 60*0.30/60 + 4*10*0.12/60) * 1.1 = 0.48 * 1.1 */
	assert_int_equal(bill_cost(&rate, 60 + 30 + 35), 528000);
	assert_int_equal(bill_cost(&rate, 60 + 30 + 31), 528000);
	assert_int_equal(bill_cost(&rate, 60 + 30 + 40), 528000);
	assert_int_equal(bill_cost(&rate, 60 + 30 + 41), 550000);
}

static void short_calls_cost_the_first_interval(void **state)
{
	assert_int_equal(bill_cost(&rate, 1), 440000);
	assert_int_equal(bill_cost(&rate, 60), 440000);
	assert_int_equal(bill_cost(&rate, 90), 440000); /* the free seconds come behind it */
	assert_int_equal(bill_cost(&rate, 91), 462000);
}

static void a_grace_period_of_one_second_frees_calls_of_none(void **state)
{
	struct bill_rate r = rate;

	assert_int_equal(bill_cost(&r, 0), 440000);
	r.grace_s = 1;
	assert_int_equal(bill_cost(&r, 0), 0);
	assert_int_equal(bill_cost(&r, 1), 440000);
	r.grace_s = 10;
	assert_int_equal(bill_cost(&r, 9), 0);
	assert_int_equal(bill_cost(&r, 10), 440000);
}

static void a_hundredth_is_one_percent(void **state)
{
	const struct bill_rate r = {.connect_fee = 1000000, .surcharge = 10000, .interval_n_s = 1};

	assert_int_equal(bill_cost(&r, 5), 1010000); /* the guide: 1 dollar becomes 1.01 */
}

static void it_is_rounded_once_at_the_end(void **state)
{
	struct bill_rate r = {.price_n = 1, .interval_n_s = 1};

	assert_int_equal(bill_cost(&r, 29), 0); /* 29/60 of a millionth */
	assert_int_equal(bill_cost(&r, 30), 1);
	assert_int_equal(bill_cost(&r, 60), 1);
	r.price_n =
		100000; /* 1 s of 0.10 a minute is no whole number of millionths; 60 of them are */
	assert_int_equal(bill_cost(&r, 60), 100000);
}

/* Any rate: longer never costs less, and each interval N costs the same. */
static void longer_never_costs_less(void **state)
{
	struct rng_seeded rng;

	rng_seeded_init(&rng, 6);
	for (int i = 0; i < 500; i++) {
		const struct bill_rate r = {
			.connect_fee = (int64_t)rng_below(&rng.rng, 1000000),
			.price_1 = (int64_t)rng_below(&rng.rng, 100000000),
			.price_n = (int64_t)rng_below(&rng.rng, 100000000),
			.surcharge = (int64_t)rng_below(&rng.rng, 1000000),
			.grace_s = (int64_t)rng_below(&rng.rng, 3),
			.free_s = (int64_t)rng_below(&rng.rng, 100),
			.interval_1_s = 1 + (int64_t)rng_below(&rng.rng, 100),
			.interval_n_s = 1 + (int64_t)rng_below(&rng.rng, 100),
		};
		int64_t before = 0;

		for (int64_t s = 0; s < 600; s += 7) {
			int64_t cost = bill_cost(&r, s);

			assert_true(cost >= before);
			before = cost;
		}
	}
}

static void the_largest_price_does_not_wrap(void **state)
{
	const struct bill_rate r = {
		.price_n = INT64_MAX, .interval_n_s = 1, .surcharge = 1000000000};

	assert_int_equal(bill_cost(&r, INT64_MAX / 1000000), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_figure_of_the_guide),
		cmocka_unit_test(short_calls_cost_the_first_interval),
		cmocka_unit_test(a_grace_period_of_one_second_frees_calls_of_none),
		cmocka_unit_test(a_hundredth_is_one_percent),
		cmocka_unit_test(it_is_rounded_once_at_the_end),
		cmocka_unit_test(longer_never_costs_less),
		cmocka_unit_test(the_largest_price_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
