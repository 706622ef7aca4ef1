/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A number of the tenant that leads to a DISA: from trunk one, whose callers key in a PIN and then a number. */
#include "call/testing_trunk.h"
#include "service/service.h"

#define DISA "'name':'in','extension_id':'3','pin':'471147'"

static int open_disa_world(void **state)
{
	struct world *w;

	open_trunk_world(state);
	w = *state;
	assert_int_equal(services_register_all(w->calls), 0);
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','outbound_caller_id':'442070000103'}");
	put(w, &resource_disa, TENANT, 51, "{" DISA "}");
	put(w, &resource_inbound_rule, TENANT, 52,
	    "{'name':'disa','trunk_id':'1','did':'442070000150','destination':{'kind':'disa',"
	    "'id':'51'}}");
	return 0;
}

static void calls_in(struct world *w, struct ua *one)
{
	calls_number(one, &w->phone[ONE], "442070000150", audio(&w->phone[ONE]));
	ua_got(one, 200);
	ua_request(one, "ACK", "");
	run(w);
}

static void presses(struct world *w, struct ua *one, const char *keys)
{
	for (; *keys; keys++) {
		ua_presses(one, *keys);
		ua_got(one, 200);
	}
	run(w);
}

/* ... and # behind them, which is the last straw. */
static void is_cut_after(struct world *w, struct ua *one, const char *keys)
{
	presses(w, one, keys);
	ua_presses(one, '#');
	ua_asked_by_bye(one);
	ua_got(one, 200);
	ua_done(one);
}

static void who_knows_the_pin_dials_as_the_extension(void **state)
{
	struct world *w = *state;
	struct ua one, two = {0};

	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','extensions':'103','routes':[{'trunk_id':'2'}]}");
	calls_in(w, &one);
	presses(w, &one, "471147#");
	nothing(&w->phone[TWO]);
	presses(w, &one, "0033123#");
	rings(&two, &w->phone[TWO]);
	assert_true(str_starts(sip_msg_header(two.req, SIP_HDR_FROM),
			       STR("\"Faked\" <sip:442070000103@")));
	ua_reply(&two, 200, audio(two.p));
	ua_asked(&two, SIP_ACK);
	ua_asked(&one, SIP_INVITE); /* introduced to who answered */
	ua_reply(&one, 200, audio(one.p));
	ua_asked(&one, SIP_ACK);
	run(w);
	while (phone_next(&w->phone[TWO]))
		;
	hang_up(&one, &two);
	assert_string_equal(last_call(w)->final_dest, "0033123");
	assert_string_equal(last_call(w)->status, "answered");
	ua_done(&one);
	ua_done(&two);
}

static void silence_ends_what_is_keyed_in(void **state)
{
	struct world *w = *state;
	struct ua one, b = {0};

	calls_in(w, &one);
	presses(w, &one, "471147");
	pass(w, 4100);
	presses(w, &one, "102");
	pass(w, 4100);
	rings(&b, &w->phone[2]);
	ua_reply(&b, 486, "");
	ua_asked_by_bye(&one);
	assert_string_equal(last_call(w)->reason, "busy");
	ua_done(&one);
	ua_done(&b);
}

static void three_wrong_pins_and_it_is_over(void **state)
{
	struct world *w = *state;
	struct ua one;

	calls_in(w, &one);
	presses(w, &one, "471148#");
	presses(w, &one, "47114#");
	nothing(&w->phone[ONE]);
	is_cut_after(w, &one, "4711470");
	assert_string_equal(w->written, "{\"wrong_calls\":1}");
	nothing(&w->phone[2]);
}

static void after_three_such_calls_it_is_closed(void **state)
{
	struct world *w = *state;
	struct ua one;

	put(w, &resource_disa, TENANT, 51, "{" DISA ",'wrong_calls':2}");
	calls_in(w, &one);
	is_cut_after(w, &one, "1#2#3");
	assert_non_null(strstr(w->written, "\"wrong_calls\":0,\"closed_until\":\""));
	put(w, &resource_disa, TENANT, 51, "{" DISA ",'closed_until':'2099-01-01T00:00:00Z'}");
	calls_number(&one, &w->phone[ONE], "442070000150", audio(&w->phone[ONE]));
	ua_got(&one, 403);
	put(w, &resource_disa, TENANT, 51, "{" DISA ",'closed_until':'2001-01-01T00:00:00Z'}");
	calls_in(w, &one); /* an hour is over */
	is_cut_after(w, &one, "1#2#3");
	assert_string_equal(w->written, "{\"wrong_calls\":1}");
}

static void the_right_pin_forgets_the_wrong_calls(void **state)
{
	struct world *w = *state;
	struct ua one;

	put(w, &resource_disa, TENANT, 51, "{" DISA ",'wrong_calls':2}");
	calls_in(w, &one);
	presses(w, &one, "471147#");
	assert_string_equal(w->written, "{\"wrong_calls\":0}");
	pass(w, 15100); /* it dials nothing */
	ua_asked_by_bye(&one);
	ua_done(&one);
}

static void the_limits_are_those_of_the_extension(void **state)
{
	struct world *w = *state;
	struct ua one;

	put(w, &resource_disallowed_code, TENANT, 53, "{'code':'33'}");
	calls_in(w, &one);
	presses(w, &one, "471147#");
	is_cut_after(w, &one, "0033123");
	nothing(&w->phone[TWO]);
	assert_string_equal(last_call(w)->reason, "forbidden");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_disa_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_knows_the_pin_dials_as_the_extension),
		T(silence_ends_what_is_keyed_in),
		T(three_wrong_pins_and_it_is_over),
		T(after_three_such_calls_it_is_closed),
		T(the_right_pin_forgets_the_wrong_calls),
		T(the_limits_are_those_of_the_extension),
	};

	return cmocka_run_group_tests_name("disa", tests, NULL, NULL);
}
