/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 102 has a mobile that rings beside its telephone; its number there is 0033777, over trunk one. */
#include "call/testing_trunk.h"

#define MOBILE                                                                                     \
	"'number':'102','ring_seconds':20,'mobile':'0033777','fork_to_mobile':true,"               \
	"'outbound_caller_id':'442070000102'"

static int open_mobile_world(void **state)
{
	open_trunk_world(state);
	put(*state, &resource_extension, TENANT, 2, "{" MOBILE "}");
	return 0;
}

/* 101 calls: the telephone rings, and the mobile, which answers. */
static void answers(struct world *w, struct ua *a, struct ua *b, struct ua *one)
{
	calls_number(a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(b, &w->phone[2]);
	ua_reply(b, 180, "");
	ua_got(a, 180);
	rings(one, &w->phone[ONE]);
	assert_true(str_starts(one->req->uri, STR("sip:33777@")));
	assert_true(str_starts(sip_msg_header(one->req, SIP_HDR_FROM),
			       STR("\"Anna No. 1\" <sip:442070000102@")));
	ua_reply(one, 183, audio(one->p)); /* what the provider plays is for nobody */
	ua_reply(one, 200, audio(one->p));
	ua_asked(one, SIP_ACK);
	run(w);
	nothing(a->p);
	assert_string_equal(last_call(w)->status, "in_progress");
}

static void takes(struct world *w, struct ua *a, struct ua *b, struct ua *one)
{
	ua_presses(one, '1');
	ua_cancelled(b, "SIP;cause=200;text=\"Call completed elsewhere\"");
	ua_asked(one, SIP_INVITE); /* the two are introduced */
	ua_got(one, 200);	   /* of its INFO */
	ua_reply(one, 200, audio(one->p));
	ua_asked(one, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
}

static void its_key_takes_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	answers(w, &a, &b, &one);
	ua_presses(&one, '5');
	ua_got(&one, 200);
	nothing(a.p);
	takes(w, &a, &b, &one);
	hang_up(&a, &one);
	assert_string_equal(last_call(w)->status, "answered");
	assert_string_equal(last_call(w)->callee, "102");
	ua_done(&b);
	ua_done(&one);
}

static void a_mailbox_does_not_take_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	answers(w, &a, &b, &one);
	pass(w, 20000); /* ring_seconds */
	ua_cancelled(&b, NULL);
	ua_asked_by_bye(&one);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "no_answer");
	ua_done(&b);
	ua_done(&one);
}

static void the_telephone_answers_and_the_mobile_is_hung_up_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	answers(w, &a, &b, &one);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	ua_asked_by_bye(&one);
	run(w);
	hang_up(&b, &a);
	ua_done(&b);
	ua_done(&one);
}

static void who_hangs_up_the_mobile_has_not_answered(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	answers(w, &a, &b, &one);
	ua_request(&one, "BYE", "");
	ua_got(&one, 200);
	nothing(a.p); /* the telephone rings on */
	ua_reply(&b, 486, "");
	ua_got(&a, 480); /* rung and not answered weighs more than busy */
	ua_done(&b);
	ua_done(&one);
}

static void two_declines_for_the_telephone_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	answers(w, &a, &b, &one);
	ua_presses(&one, '2');
	ua_asked_by_bye(&one);
	ua_got(&one, 200);
	ua_cancelled(&b, NULL);
	ua_got(&a, 603);
	ua_done(&b);
	ua_done(&one);
}

static void without_a_telephone_the_mobile_rings_alone(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	put(w, &resource_extension, TENANT, 6,
	    "{'number':'106','mobile':'0033777','fork_to_mobile':true}");
	calls_number(&a, &w->phone[1], "106", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 486, "");
	ua_got(&a, 486);
	nothing(&w->phone[TWO]); /* it is no route that failed */
	ua_done(&one);
}

static void a_mobile_that_may_not_be_called_keeps_no_telephone_from_ringing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_disallowed_code, TENANT, 81, "{'code':'33777'}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	nothing(&w->phone[ONE]);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void the_extension_pays_for_its_mobile(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0};

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','bill_outbound':true}");
	put(w, &resource_call_rate, TENANT, 61,
	    "{'prefix':'33','price_1':600000,'price_n':600000,'interval_1_seconds':10,"
	    "'interval_n_seconds':10}");
	put(w, &resource_extension, TENANT, 2, "{" MOBILE ",'credit':200000}");
	answers(w, &a, &b, &one);
	takes(w, &a, &b, &one);
	pass(w, 20100);
	ua_asked_by_bye(&a);
	ua_asked_by_bye(&one);
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "balance");
	assert_string_equal(last_call(w)->paid_by, "102");
	assert_int_equal(last_call(w)->cost, 200000);
	ua_done(&b);
	ua_done(&one);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_mobile_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(its_key_takes_the_call),
		T(a_mailbox_does_not_take_the_call),
		T(the_telephone_answers_and_the_mobile_is_hung_up_on),
		T(who_hangs_up_the_mobile_has_not_answered),
		T(two_declines_for_the_telephone_too),
		T(without_a_telephone_the_mobile_rings_alone),
		T(a_mobile_that_may_not_be_called_keeps_no_telephone_from_ringing),
		T(the_extension_pays_for_its_mobile),
	};

	return cmocka_run_group_tests_name("mobile", tests, NULL, NULL);
}
