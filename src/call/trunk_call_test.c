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

/* ---- sent on (EXT-6, EXT-21) ---- */

#define BUSY_TO_WORLD                                                                              \
	"'forwards':[{'cause':'busy','destination':{'kind':'external_number'},"                    \
	"'destination_number':'0033123'}]"

static void a_forward_to_the_world_says_who_diverted_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, one = {0}, two = {0};
	struct sip_msg *m;

	put(w, &resource_extension, TENANT, 2, "{'number':'102'," BUSY_TO_WORLD "}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 486, "");
	ua_done(&b);
	m = rings(&one, &w->phone[ONE]);
	assert_header(m, SIP_HDR_DIVERSION,
		      "<sip:442070000100@10.0.0.6>;reason=user-busy;counter=1");
	ua_reply(&one, 503, "");
	rings(&two, &w->phone[TWO]); /* the second route, of the same number */
	ua_reply(&two, 404, "");
	ua_got(&a, 404);
	assert_string_equal(last_call(w)->forwards, "102 busy");
	assert_string_equal(last_call(w)->final_dest, "33123");
	assert_string_equal(last_call(w)->trunk, "two");
	ua_done(&one);
	ua_done(&two);
}

static void a_device_is_told_who_sent_the_call_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','forwards':[{'cause':'no_answer','seconds':5,'destination':{'kind':'"
	    "extension','id':'3'}}]}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	pass(w, 5000);
	ua_cancelled(&b, NULL);
	m = rings(&c, &w->phone[3]);
	assert_header(m, SIP_HDR_DIVERSION, "<sip:102@acme.example>;reason=no-answer;counter=1");
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	assert_string_equal(last_call(w)->forwards, "102 no_answer");
	ua_done(&b);
	ua_done(&c);
}

static void a_circle_of_forwards_ends_with_480_and_is_in_the_record(void **state)
{
	struct world *w = *state;
	struct ua a;

	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','forwards':[{'destination':{'kind':'extension','id':'3'}}]}");
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','forwards':[{'destination':{'kind':'extension','id':'2'}}]}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "loop");
	assert_string_equal(last_call(w)->forwards, "102 always>103 always");
}

/* TRK-1: behind a NAT the provider reaches us over the connection that we registered by, and no other. */
static void register_answered(struct world *w, oid conn, const char *lines)
{
	struct flow flow = tn_flow(FLOW_TCP, "10.0.0.8", 5060);
	const struct tn_sent *sent = &w->net.sent[0];
	char via[256], call_id[256], from[256];

	assert_int_equal(w->net.nsent, 1);
	assert_int_equal(sent->flow.conn, conn);
	assert_true(str_starts(str_of(tn_out(&w->net)), STR("REGISTER sip:10.0.0.8")));
	(void)snprintf(via, sizeof(via), "%s", tn_header(&w->net, "Via"));
	(void)snprintf(call_id, sizeof(call_id), "%s", tn_header(&w->net, "Call-ID"));
	(void)snprintf(from, sizeof(from), "%s", tn_header(&w->net, "From"));
	flow.conn = conn;
	w->net.peer = flow;
	tn_in(&w->net,
	      "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: <sip:us@10.0.0.8>;tag=1\nCall-ID: %s\n"
	      "CSeq: %s\n%s",
	      via, from, call_id, tn_header(&w->net, "CSeq"), lines);
}

static void connection_lost(struct world *w, oid conn)
{
	struct flow_sink *sink = sip_sink(w->net.sip);

	sink->closed(sink, conn);
}

static void a_registration_keeps_its_connection_and_follows_its_end(void **state)
{
	struct world *w = *state;
	oid conn = w->net.next_conn + 1;

	put(w, &resource_trunk, 0, 3,
	    "{'name':'three','host':'10.0.0.8','kind':'register','transport':'tcp','username':'us',"
	    "'password':'secret','keep_alive':false}");
	pass(w, 100);
	register_answered(w, conn, "Expires: 600\n");
	assert_int_equal(w->net.kept[conn], 660);
	pass(w, 400000);
	assert_int_equal(w->net.nsent, 0);
	connection_lost(w, conn + 7); /* another's */
	pass(w, 10000);
	assert_int_equal(w->net.nsent, 0);
	connection_lost(w, conn);
	pass(w, 2000);
	register_answered(w, conn + 1, "Expires: 600\n");
	/* A provider that closes at once is not asked at once each time. */
	for (unsigned i = 1; i <= 8; i++) {
		pass(w, 1000);
		connection_lost(w, conn + i);
		pass(w, (1000u << i) - 50); /* the wheel is that exact */
		assert_int_equal(w->net.nsent, 0);
		pass(w, 1100);
		register_answered(w, conn + 1 + i, "Expires: 600\n");
	}
	/* With the ninth it is time anyway. */
	pass(w, 1000);
	connection_lost(w, conn + 9);
	pass(w, 478800);
	assert_int_equal(w->net.nsent, 0);
	pass(w, 200);
	register_answered(w, conn + 10, "Expires: 600\n");
	put(w, &resource_trunk, 0, 3, "{'name':'three','host':'10.0.0.8','enabled':false}");
	tn_clear(&w->net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(a_silent_provider_costs_four_seconds),
		TRUNK_STORY(a_provider_that_says_trying_is_waited_for),
		TRUNK_STORY(with_zero_a_silent_provider_is_waited_for),
		TRUNK_STORY(a_forward_to_the_world_says_who_diverted_it),
		TRUNK_STORY(a_device_is_told_who_sent_the_call_on),
		TRUNK_STORY(a_circle_of_forwards_ends_with_480_and_is_in_the_record),
		TRUNK_STORY(a_registration_keeps_its_connection_and_follows_its_end),
	};

	return cmocka_run_group_tests_name("trunk_call", tests, NULL, NULL);
}
