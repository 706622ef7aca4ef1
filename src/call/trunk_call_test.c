/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/testing_trunk.h"

/* ---- which trunk ---- */

static void a_silent_provider_costs_four_seconds(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0}, two = {0};

	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	pass(w, 3500);
	while (phone_next(&w->phone[ONE])) /* our retransmissions */
		;
	nothing(&w->phone[TWO]);
	pass(w, 600);
	rings(&two, &w->phone[TWO]);
	ua_reply(&two, 486, "");
	ua_got(&a, 486);
	ua_reply(&one, 200, audio(one.p)); /* far too late: it is acknowledged and hung up on */
	ua_asked(&one, SIP_ACK);
	ua_asked_by_bye(&one);
	assert_string_equal(last_call(w)->trunk, "two");
	ua_done(&one);
	ua_done(&two);
}

static void a_provider_that_says_trying_is_waited_for(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 100, "");
	pass(w, 20000);
	nothing(&w->phone[TWO]);
	ua_reply(&one, 486, "");
	ua_got(&a, 486);
	ua_done(&one);
}

static void with_zero_a_silent_provider_is_waited_for(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6','answer_seconds':0}");
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	pass(w, 20000);
	nothing(&w->phone[TWO]);
	while (phone_next(&w->phone[ONE]))
		;
	ua_reply(&one, 404, "");
	ua_got(&a, 404);
	ua_done(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(a_silent_provider_costs_four_seconds),
		TRUNK_STORY(a_provider_that_says_trying_is_waited_for),
		TRUNK_STORY(with_zero_a_silent_provider_is_waited_for),
	};

	return cmocka_run_group_tests_name("trunk_call", tests, NULL, NULL);
}
