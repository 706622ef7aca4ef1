/* SPDX-License-Identifier: GPL-3.0-or-later */
/* R and MOS against values of G.107 and G.113. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "media/quality.h"

static void a_clean_call_is_as_good_as_the_codec(void **state)
{
	struct quality q = quality_of(1000, 0, 0, 0);

	assert_in_range(q.r, 92, 93);
	assert_in_range(q.mos_x100, 437, 441);
	q = quality_of(1000, 0, 0, 18);
	assert_in_range(q.r, 80, 82);
	assert_in_range(q.mos_x100, 400, 411);
}

static void loss_costs_what_g113_says(void **state)
{
	/* G.711 with concealment, 5 % lost at random: Ie,eff 15.8 */
	struct quality q = quality_of(950, 50, 0, 0);

	assert_in_range(q.r, 75, 77);
	q = quality_of(500, 500, 0, 0);
	assert_in_range(q.r, 25, 31);
	assert_true(q.mos_x100 < 200);
}

static void jitter_costs_delay(void **state)
{
	assert_true(quality_of(1000, 0, 150000, 0).r < quality_of(1000, 0, 10000, 0).r - 15);
}

static void nothing_heard_is_not_judged_and_the_worst_is_one(void **state)
{
	assert_int_equal(quality_of(0, 100, 0, 0).mos_x100, 0);
	assert_int_equal(quality_of(1, 100000, 4000000, 18).mos_x100, 100);
	assert_int_equal(quality_of(1, 100000, 4000000, 18).r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_call_is_as_good_as_the_codec),
		cmocka_unit_test(loss_costs_what_g113_says),
		cmocka_unit_test(jitter_costs_delay),
		cmocka_unit_test(nothing_heard_is_not_judged_and_the_worst_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
