/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-16: 104 has no device, and sends who calls it to be asked for a number.  Trunk one brings calls from outside, over two 101 may call. */
#include "call/testing_trunk.h"
#include "call/testing_transfer.h"
#include "service/service.h"

#define ASKS "'forwards':[{'cause':'unavailable','destination':{'kind':'ask_number'}}]"

static int open_asking_world(void **state)
{
	struct world *w;

	open_trunk_world(state);
	w = *state;
	assert_int_equal(services_register_all(w->calls), 0);
	put(w, &resource_extension, TENANT, 4, "{'number':'104'," ASKS "}"); /* no device */
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','extensions':'101','routes':[{'trunk_id':'2'}]}");
	put(w, &resource_inbound_rule, TENANT, 52,
	    "{'name':'in','trunk_id':'1','did':'442070000104','destination':{'kind':'extension','"
	    "id':"
	    "'4'}}");
	return 0;
}

/* It is answered, and asked. */
static void is_asked(struct world *w, struct ua *a, struct phone *p, const char *number)
{
	calls_number(a, p, number, audio(p));
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
}

static void presses(struct world *w, struct ua *a, const char *keys)
{
	for (; *keys; keys++) {
		ua_presses(a, *keys);
		ua_got(a, 200);
	}
	run(w);
}

/* Who is called answers, the caller is introduced to it, they talk, and that is over. */
static void talks_to(struct world *w, struct ua *a, struct ua *b)
{
	ua_reply(b, 200, audio(b->p));
	ua_asked(b, SIP_ACK);
	ua_asked(a, SIP_INVITE);
	ua_reply(a, 200, audio(a->p));
	ua_asked(a, SIP_ACK);
	run(w);
	while (phone_next(b->p))
		;
	hang_up(a, b);
}

/* The last key, which ends the call. */
static void is_cut_by(struct ua *a, char key)
{
	ua_presses(a, key);
	ua_asked_by_bye(a);
	ua_got(a, 200);
	ua_done(a);
}

static void who_calls_from_inside_dials_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "103#");
	rings(&b, &w->phone[3]);
	talks_to(w, &a, &b);
	assert_string_equal(last_call(w)->callee, "104");
	assert_string_equal(last_call(w)->final_dest, "103");
	assert_string_equal(last_call(w)->forwards, "104 unavailable");
	assert_string_equal(last_call(w)->status, "answered");
}

static void silence_ends_a_number(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "103");
	nothing(&w->phone[3]);
	pass(w, 4100);
	rings(&b, &w->phone[3]);
	talks_to(w, &a, &b);
}

static void who_calls_from_inside_has_its_own_rights(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "0033123#");
	rings(&b, &w->phone[TWO]);
	talks_to(w, &a, &b);
	assert_string_equal(last_call(w)->final_dest, "0033123");
	is_asked(w, &a, &w->phone[2], "104"); /* the rule is not for 102 */
	presses(w, &a, "0033123#");
	nothing(&w->phone[TWO]);
	presses(w, &a, "0033123#");
	presses(w, &a, "0033123");
	is_cut_by(&a, '#');
	nothing(&w->phone[TWO]);
	assert_string_equal(last_call(w)->reason, "not_found");
}

/* EXT-19: as if it had dialled them. */
static void who_calls_from_inside_has_its_speed_dials(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','speed_dials':[{'key':'5','number':'103'},{'key':'07','number':"
	    "'0033123'}]}");
	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "5#");
	rings(&b, &w->phone[3]);
	talks_to(w, &a, &b);
	assert_string_equal(last_call(w)->final_dest, "103");
	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "*007#");
	rings(&b, &w->phone[TWO]);
	talks_to(w, &a, &b);
	is_asked(w, &a, &w->phone[2], "104"); /* has none */
	presses(w, &a, "5#");
	nothing(&w->phone[3]);
	presses(w, &a, "103#");
	rings(&b, &w->phone[3]);
	talks_to(w, &a, &b);
}

static void a_locked_extension_does_not_dial_out_by_that(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_extension, TENANT, 1, "{'number':'101','lock_mode':'code'}");
	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "0033123#");
	nothing(&w->phone[TWO]);
	presses(w, &a, "103#");
	rings(&b, &w->phone[3]);
	talks_to(w, &a, &b);
}

static void who_calls_from_outside_reaches_numbers_of_the_tenant_only(void **state)
{
	struct world *w = *state;
	struct ua one, b = {0};

	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','routes':[{'trunk_id':'2'}]}"); /* for everybody */
	is_asked(w, &one, &w->phone[ONE], "442070000104");
	presses(w, &one, "0033123#");
	nothing(&w->phone[TWO]);
	presses(w, &one, "*43#");
	presses(w, &one, "103#");
	rings(&b, &w->phone[3]);
	talks_to(w, &one, &b);
	assert_string_equal(last_call(w)->callee, "442070000104");
	assert_string_equal(last_call(w)->final_dest, "103");
	assert_string_equal(last_call(w)->direction, "inbound");
}

static void who_was_transferred_does_not_dial_with_the_rights_of_who_did_it(void **state)
{
	struct world *w = *state;
	struct ua one, a = {0}, b = {0};

	put(w, &resource_inbound_rule, TENANT, 53,
	    "{'name':'a','trunk_id':'1','did':'442070000101','destination':{'kind':'extension','id'"
	    ":"
	    "'1'}}");
	calls_and_talks(&one, &w->phone[ONE], "442070000101", &a, &w->phone[1]);
	run(w);
	refers(&a, "sip:104@acme.example", "Refer-Sub: false\n");
	got_status(a.p, 202);
	ua_asked(&one, SIP_INVITE);
	ua_reply(&one, 200, audio(one.p));
	ua_asked(&one, SIP_ACK);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	run(w);
	presses(w, &one, "0033123#"); /* 101 may, this one may not */
	nothing(&w->phone[TWO]);
	presses(w, &one, "103#");
	rings(&b, &w->phone[3]);
	talks_to(w, &one, &b);
	ua_done(&a);
}

static void nobody_is_asked_more_than_three_times(void **state)
{
	struct world *w = *state;
	struct ua a;

	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "999#");
	pass(w, 15100); /* nothing is keyed in */
	presses(w, &a, "12345678901234567890123456789012345");
	is_cut_by(&a, '#');
	assert_string_equal(last_call(w)->reason, "not_found");
	is_asked(w, &a, &w->phone[1], "104");
	pass(w, 46000);
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "no_answer");
	ua_done(&a);
}

/* EXT-14: it is the same call that dials on. */
static void a_limit_of_one_call_is_no_obstacle(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_extension, TENANT, 1, "{'number':'101','max_calls':1}");
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':1}");
	is_asked(w, &a, &w->phone[1], "104");
	assert_int_equal(calls_in_usage(w, 1), 1);
	presses(w, &a, "103#");
	rings(&b, &w->phone[3]);
	assert_int_equal(calls_in_usage(w, 1), 1);
	talks_to(w, &a, &b);
	assert_int_equal(calls_in_usage(w, 1), 0);
}

static void who_is_called_by_that_may_send_it_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','forwards':[{'cause':'busy','destination':{'kind':'custom_dial'},"
	    "'destination_number':'102'}]}");
	is_asked(w, &a, &w->phone[1], "104");
	presses(w, &a, "103#");
	rings(&b, &w->phone[3]);
	ua_reply(&b, 486, "");
	ua_done(&b);
	rings(&b, &w->phone[2]);
	talks_to(w, &a, &b);
	assert_string_equal(last_call(w)->final_dest, "102");
}

static void a_group_that_nobody_answers_has_a_number_outside(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','routes':[{'trunk_id':'2'}]}");
	put(w, &resource_ring_group, TENANT, 7,
	    "{'number':'600','name':'Sales','members':[{'extension_id':'4'}],'no_answer':{'kind':"
	    "'external_number'},'no_answer_number':'0033123'}");
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[TWO]);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&a);
	ua_done(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_asking_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_calls_from_inside_dials_on),
		T(silence_ends_a_number),
		T(who_calls_from_inside_has_its_own_rights),
		T(who_calls_from_inside_has_its_speed_dials),
		T(a_locked_extension_does_not_dial_out_by_that),
		T(who_calls_from_outside_reaches_numbers_of_the_tenant_only),
		T(who_was_transferred_does_not_dial_with_the_rights_of_who_did_it),
		T(nobody_is_asked_more_than_three_times),
		T(a_limit_of_one_call_is_no_obstacle),
		T(who_is_called_by_that_may_send_it_on),
		T(a_group_that_nobody_answers_has_a_number_outside),
	};

	return cmocka_run_group_tests_name("ask_number", tests, NULL, NULL);
}
