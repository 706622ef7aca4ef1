/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Money while calls run: a rate of 0.10 to connect, 60 s at 0.60 a minute, then 10 s each at 0.60 a minute. */
#include "call/testing_trunk.h"

enum { FIRST = 700000, NEXT = 100000 };

static void bill(struct world *w, const char *tenant, int64_t credit)
{
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example',%s}", tenant);
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','first_name':'Anna','ring_seconds':20,'credit':%lld}",
	    (long long)credit);
	put(w, &resource_call_rate, TENANT, 61,
	    "{'prefix':'33','connect_fee':100000,'price_1':600000,'price_n':600000,"
	    "'interval_1_seconds':60,'interval_n_seconds':10}");
}

static int64_t left(struct world *w, uint64_t id)
{
	struct purse_view v;

	purses_look(w->purses, TENANT, id, clock_wall_us(w->net.conf.env.clock), &v);
	return v.balance;
}

static void over_one(struct world *w, struct ua *a, struct ua *one, struct phone *from)
{
	calls_number(a, from, "0033123", audio(from));
	rings(one, &w->phone[ONE]);
	ua_reply(one, 200, audio(one->p));
	ua_asked(one, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
}

static void cut(struct ua *a, struct ua *one)
{
	ua_asked_by_bye(a);
	ua_asked_by_bye(one);
	ua_done(a);
	ua_done(one);
}

static void the_first_interval_is_reserved_while_it_rings(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'bill_outbound':true", 1000000);
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	assert_int_equal(left(w, 1), 1000000 - FIRST);
	ua_reply(&one, 486, "");
	ua_got(&a, 486);
	assert_int_equal(left(w, 1), 1000000);
	assert_int_equal(last_call(w)->cost, 0);
	assert_string_equal(last_call(w)->rate, "");
	ua_done(&one);
}

static void a_call_is_cut_at_the_second_the_money_ends(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'bill_outbound':true", FIRST + 2 * NEXT + NEXT - 1);
	over_one(w, &a, &one, &w->phone[1]);
	pass(w, 79900);
	nothing(&w->phone[1]);
	pass(w, 200);
	cut(&a, &one);
	assert_string_equal(last_call(w)->reason, "balance");
	assert_string_equal(last_call(w)->ended_by, "system");
	assert_string_equal(last_call(w)->paid_by, "101");
	assert_string_equal(last_call(w)->rate, "33");
	assert_int_equal(last_call(w)->cost, FIRST + 2 * NEXT);
	assert_int_equal(left(w, 1), NEXT - 1);
	assert_int_equal(heard(w, BUS_MONEY_ENDED), 1);
	assert_int_equal(w->spending.spent, FIRST + 2 * NEXT);
}

static void hung_up_earlier_the_rest_comes_back(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'bill_outbound':true", 10000000);
	over_one(w, &a, &one, &w->phone[1]);
	pass(w, 65000);
	assert_int_equal(left(w, 1), 10000000 - FIRST - NEXT); /* the second is under way */
	hang_up(&a, &one);
	assert_int_equal(last_call(w)->cost, FIRST + NEXT);
	assert_int_equal(left(w, 1), 10000000 - FIRST - NEXT);
}

static void two_calls_do_not_spend_the_same_money(void **state)
{
	struct world *w = *state;
	struct ua a, b, one = {0}, other = {0};

	put(w, &resource_account, TENANT, 102, "{'username':'102','extension_id':'1'}");
	bill(w, "'bill_outbound':true", 2 * FIRST + NEXT);
	over_one(w, &a, &one, &w->phone[1]);
	over_one(w, &b, &other, &w->phone[2]);
	assert_int_equal(left(w, 1), NEXT);
	pass(w, 60100); /* the first takes what is left, the second ends */
	cut(&b, &other);
	assert_int_equal(last_call(w)->cost, FIRST);
	pass(w, 10000);
	cut(&a, &one);
	assert_int_equal(last_call(w)->cost, FIRST + NEXT);
	assert_int_equal(left(w, 1), 0);
}

/* A call that may start, and gets as far as the provider. */
static void finds_it_busy(struct world *w)
{
	struct ua a, one = {0};

	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 486, "");
	ua_got(&a, 486);
	ua_done(&one);
}

static void without_money_no_call_starts(void **state)
{
	struct world *w = *state;
	struct ua a;

	bill(w, "'bill_outbound':true", FIRST - 1);
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	ua_got(&a, 403);
	nothing(&w->phone[ONE]);
	assert_string_equal(last_call(w)->reason, "balance");
	bill(w, "'bill_outbound':false", 0);
	finds_it_busy(w);
}

static void emergency_calls_ask_for_no_money(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'bill_outbound':true,'max_calls_per_minute':1,'max_spend_per_day':1", 0);
	put(w, &resource_emergency_number, TENANT, 51, "{'number':'112','trunk_id':'1'}");
	put(w, &resource_call_rate, TENANT, 62, "{'prefix':'1','price_1':100}");
	calls_number(&a, &w->phone[1], "112", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 200, audio(one.p));
	ua_asked(&one, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	pass(w, 300000);
	nothing(&w->phone[1]);
	assert_int_equal(heard(w, BUS_EMERGENCY_CALL), 1);
	hang_up(&a, &one);
	assert_int_equal(last_call(w)->cost, 0);
}

static void a_day_limit_acts_in_mid_call(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'max_spend_per_day':1000000", 0); /* nobody pays, the limit holds */
	over_one(w, &a, &one, &w->phone[1]);
	pass(w, 89900);
	nothing(&w->phone[1]);
	pass(w, 200);
	cut(&a, &one);
	assert_string_equal(last_call(w)->reason, "spend_limit");
	assert_int_equal(last_call(w)->cost, 1000000);
	assert_int_equal(heard(w, BUS_FRAUD_LIMIT), 1);
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	ua_got(&a, 403);
}

static void a_minute_has_its_calls(void **state)
{
	struct world *w = *state;
	struct ua a;

	bill(w, "'max_calls_per_minute':2", 0);
	for (int i = 0; i < 2; i++)
		finds_it_busy(w);
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	ua_got(&a, 403);
	assert_string_equal(last_call(w)->reason, "calls_per_minute");
	pass(w, 61000);
	finds_it_busy(w);
}

static void the_next_route_costs_no_second_call_of_the_minute(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0}, two = {0};

	bill(w, "'max_calls_per_minute':1,'bill_outbound':true", FIRST);
	calls_number(&a, &w->phone[1], "0033123", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 503, "");
	ua_done(&one);
	rings(&two, &w->phone[TWO]); /* what the first route had reserved is there again */
	ua_reply(&two, 200, audio(two.p));
	ua_asked(&two, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	pass(w, 1000);
	hang_up(&a, &two);
	assert_int_equal(last_call(w)->cost, FIRST);
}

static void the_forwarder_pays(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0};

	bill(w, "'bill_outbound':true", 0);
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','credit':%d,'forwards':[{'destination':{'kind':'external_number'},"
	    "'destination_number':'0033123'}]}",
	    FIRST + NEXT);
	calls_number(&a, &w->phone[1], "103", audio(&w->phone[1]));
	rings(&one, &w->phone[ONE]);
	ua_reply(&one, 200, audio(one.p));
	ua_asked(&one, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	pass(w, 70100);
	cut(&a, &one);
	assert_string_equal(last_call(w)->paid_by, "103");
	assert_int_equal(left(w, 3), 0);
}

static void who_takes_a_call_pays_for_it(void **state)
{
	struct world *w = *state;
	struct ua p, b = {0};

	bill(w, "'bill_inbound':true", 0);
	put(w, &resource_extension, TENANT, 2, "{'number':'102','credit':500}");
	put(w, &resource_call_rate, TENANT, 63,
	    "{'prefix':'44','direction':'inbound','price_1':250,'price_n':250,"
	    "'interval_1_seconds':60,'interval_n_seconds':60}");
	put(w, &resource_inbound_rule, TENANT, 71,
	    "{'name':'in','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'2'}}");
	calls_number(&p, &w->phone[ONE], "442070000101", audio(&w->phone[ONE]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	ua_got(&p, 200);
	ua_request(&p, "ACK", "");
	assert_int_equal(left(w, 2), 250);
	pass(w, 120100);
	cut(&p, &b);
	assert_int_equal(last_call(w)->cost, 500);
	assert_string_equal(last_call(w)->paid_by, "102");
	calls_number(&p, &w->phone[ONE], "442070000101", audio(&w->phone[ONE]));
	ua_got(&p, 403);
	nothing(&w->phone[2]);
}

static void a_new_country_is_told_once(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++)
		finds_it_busy(w);
	assert_int_equal(heard(w, BUS_NEW_COUNTRY), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(the_first_interval_is_reserved_while_it_rings),
		TRUNK_STORY(a_call_is_cut_at_the_second_the_money_ends),
		TRUNK_STORY(hung_up_earlier_the_rest_comes_back),
		TRUNK_STORY(two_calls_do_not_spend_the_same_money),
		TRUNK_STORY(without_money_no_call_starts),
		TRUNK_STORY(emergency_calls_ask_for_no_money),
		TRUNK_STORY(a_day_limit_acts_in_mid_call),
		TRUNK_STORY(a_minute_has_its_calls),
		TRUNK_STORY(the_next_route_costs_no_second_call_of_the_minute),
		TRUNK_STORY(the_forwarder_pays),
		TRUNK_STORY(who_takes_a_call_pays_for_it),
		TRUNK_STORY(a_new_country_is_told_once),
	};

	return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
