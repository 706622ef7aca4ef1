/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "call/reason.h"

static void meaning_is_kept_from_device_to_caller(void **state)
{
	static const unsigned same[] = {403, 404, 408, 480, 484, 486, 488, 600, 603, 606};

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_int_equal(reason_status_for_caller(same[i]), same[i]);
}

static void what_is_between_us_and_the_device_stays_there(void **state)
{
	static const unsigned ours[] = {300, 302, 305, 380, 401, 407, 487, 491, 503, 504};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		assert_int_equal(reason_status_for_caller(ours[i]), 480);
}

static void unknown_statuses_go_by_their_class(void **state)
{
	assert_int_equal(reason_status_for_caller(499), 500);
	assert_int_equal(reason_status_for_caller(599), 500);
	assert_int_equal(reason_status_for_caller(699), 603);
	assert_int_equal(reason_from_status(399), REASON_UNAVAILABLE);
	assert_int_equal(reason_from_status(699), REASON_DECLINED);
	assert_int_equal(reason_from_status(200), REASON_NORMAL);
}

static void every_caller_status_is_a_final_failure(void **state)
{
	for (unsigned s = 300; s < 700; s++) {
		assert_in_range(reason_status_for_caller(s), 400, 699);
		assert_int_not_equal(reason_status_for_caller(s), 503);
		assert_int_not_equal(reason_status_for_caller(s), 487);
	}
	for (int r = 0; r < REASON_COUNT; r++) {
		assert_in_range(reason_status((enum reason)r), 400, 699);
		assert_true(strlen(reason_name((enum reason)r)) > 0);
		assert_true(strlen(reason_name((enum reason)r)) <= 31);
	}
}

static void unanswered_beats_busy_beats_unavailable(void **state)
{
	assert_true(reason_rank(REASON_NO_ANSWER) > reason_rank(REASON_BUSY));
	assert_true(reason_rank(REASON_BUSY) > reason_rank(REASON_UNAVAILABLE));
	assert_true(reason_rank(REASON_UNAVAILABLE) > reason_rank(REASON_FAILED));
}

static void losers_of_a_fork_hear_that_it_was_answered(void **state)
{
	struct buf b = {0};

	reason_write_header(&b, REASON_ANSWERED_ELSEWHERE);
	assert_string_equal(b.p, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
	buf_reset(&b);
	reason_write_header(&b, REASON_NORMAL);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning_is_kept_from_device_to_caller),
		cmocka_unit_test(what_is_between_us_and_the_device_stays_there),
		cmocka_unit_test(unknown_statuses_go_by_their_class),
		cmocka_unit_test(every_caller_status_is_a_final_failure),
		cmocka_unit_test(unanswered_beats_busy_beats_unavailable),
		cmocka_unit_test(losers_of_a_fork_hear_that_it_was_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
