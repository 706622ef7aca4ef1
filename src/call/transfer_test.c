/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers: who hears what, who talks to whom afterwards, and what is written down. */
#include "call/testing_transfer.h"

/* `by` talks to `whom` and transfers it to c, who answers. */
static void transfers(struct world *w, struct ua *by, struct ua *whom, struct ua *c)
{
	refers(by, "sip:103@acme.example", "");
	accepted(by);
	rings(c, &w->phone[3]);
	ua_reply(c, 180, "");
	told(by, "SIP/2.0 180 Ringing", false);
	nothing(whom->p);
	ua_reply(c, 200, audio(c->p));
	ua_asked(c, SIP_ACK);
	told(by, "SIP/2.0 200 OK", true);
	is_introduced(whom, audio(whom->p));
	nothing(c->p);
	assert_hear_each_other(w, whom, c);
}

static void the_called_party_transfers_its_caller(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	const struct call_record *first, *second;

	talk(w, &a, &b);
	transfers(w, &b, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	nothing(a.p);
	nothing(c.p);
	hang_up(&a, &c);
	ua_done(&b);

	first = call_to(w, "102");
	second = call_to(w, "103");
	assert_string_equal(first->reason, "transferred");
	assert_string_equal(first->status, "answered");
	assert_string_equal(first->ended_by, "callee");
	assert_true(first->transferred_to == second->id);
	assert_true(second->transferred_from == first->id);
	assert_string_equal(second->transferred_by, "102");
	assert_string_equal(second->caller, "101");
	assert_string_equal(second->status, "answered");
	assert_string_equal(second->ended_by, "caller");
	assert_int_equal(w->nsegments, 4); /* two, each begun and ended */
}

static void the_caller_transfers_who_it_called(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	refers(&a, "sip:103@acme.example", "");
	accepted(&a);
	m = rings(&c, &w->phone[3]);
	assert_header(m, SIP_HDR_REFERRED_BY, "<sip:101@acme.example>");
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_FROM),
			       STR("\"Anna No. 2\" <sip:102@acme.example>")));
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&a, "SIP/2.0 200 OK", true);
	is_introduced(&b, audio(b.p));
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	assert_hear_each_other(w, &b, &c);
	hang_up(&c, &b);
	ua_done(&a);
}

/* EXT-16 */
static void a_call_that_is_transferred_has_a_failover_of_its_own(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','forwards':[{'cause':'always','origin':'transfer','destination':"
	    "{'kind':'extension','id':'4'}}]}");
	registers(&w->phone[4], 104);
	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[4]);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
	calls_number(&a, &w->phone[1], "103", audio(&w->phone[1])); /* not transferred */
	rings(&c, &w->phone[3]);
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	ua_done(&c);
}

static void who_does_not_hang_up_after_its_transfer_is_hung_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	transfers(w, &b, &a, &c);
	nothing(b.p);
	pass(w, 4000);
	ua_asked_by_bye(&b);
	nothing(a.p);
	hang_up(&c, &a);
	ua_done(&b);
}

static void the_transferor_may_hang_up_at_once_and_still_hears(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	got_status(b.p, 202);
	ua_asked(&b, SIP_NOTIFY); /* not answered before the BYE */
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	rings(&c, &w->phone[3]);
	nothing(a.p);
	ua_reply(&c, 180, "");
	told(&b, "SIP/2.0 180 Ringing", false);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	assert_hear_each_other(w, &a, &c);
	hang_up(&a, &c);
	ua_done(&b);
}

static void a_busy_target_gives_the_call_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	is_given_back(w, &a, &b, &c);
	assert_string_equal(call_to(w, "103")->status, "busy");
	assert_string_equal(call_to(w, "102")->status, "in_progress");
	assert_int_equal(call_to(w, "102")->ended_at, 0);
	/* and the next try works */
	transfers(w, &b, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

static void a_busy_target_and_nobody_left_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_reply(&c, 486, "");
	told(&b, "SIP/2.0 486 Busy Here", true);
	ua_asked_by_bye(&a);
	assert_string_equal(call_to(w, "102")->reason, "busy");
	ua_done(&a);
	ua_done(&b);
	ua_done(&c);
}

static void a_transferee_that_hangs_up_ends_all(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	ua_reply(&c, 180, "");
	told(&b, "SIP/2.0 180 Ringing", false);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	ua_cancelled(&c, NULL);
	ua_asked(&b, SIP_NOTIFY);
	ua_reply(&b, 200, "");
	ua_asked_by_bye(&b);
	assert_string_equal(call_to(w, "103")->status, "cancelled");
	ua_done(&a);
	ua_done(&b);
	ua_done(&c);
}

static void a_transferee_that_waits_alone_may_hang_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "Refer-Sub: false\n");
	got_status(b.p, 202);
	rings(&c, &w->phone[3]);
	ua_reply(&c, 180, "");
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	ua_cancelled(&c, NULL);
	nothing(b.p);
	ua_done(&a);
	ua_done(&b);
	ua_done(&c);
}

static void who_wants_no_notify_gets_none(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "Require: norefersub\nRefer-Sub: false\n");
	m = got_status(b.p, 202);
	assert_true(str_eq(sip_msg_header_named(m, STR("Refer-Sub")), STR("false")));
	rings(&c, &w->phone[3]);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	is_introduced(&a, audio(a.p));
	nothing(b.p);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

static void a_transfer_to_nobody_says_so_and_changes_nothing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	refers(&b, "sip:999@acme.example", "");
	accepted(&b);
	told(&b, "SIP/2.0 404 Not Found", true);
	nothing(a.p);
	assert_hear_each_other(w, &a, &b);
	assert_string_equal(call_to(w, "999")->status, "failed");
	hang_up(&a, &b);
}

static void refused(struct ua *by, const char *refer_to, unsigned status)
{
	refers(by, refer_to, "");
	got_status(by->p, status);
	nothing(by->p);
}

static void what_cannot_be_called_is_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_tenant, 0, 10, "{'name':'other','domain':'other.example'}");
	talk(w, &a, &b);
	refused(&b, "sip:103@other.example", 403);
	refused(&b, "sip:103@acme.example;method=BYE", 603);
	refused(&b, "http://acme.example/", 416);
	refused(&b, "nonsense", 400);
	ua_request(&b, "REFER", "");
	got_status(b.p, 400);
	ua_request_h(&b, "REFER",
		     "Refer-To: <sip:103@acme.example>\nRefer-To: <sip:101@acme.example>\n", "");
	got_status(b.p, 400);
	nothing(a.p);
	nothing(&w->phone[3]);
	hang_up(&a, &b);
}

static void headers_in_the_target_are_not_obeyed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example?Route=%3csip:10.0.0.7%3e&X-Evil=1&From=%3csip:1%401%3e",
	       "");
	accepted(&b);
	m = rings(&c, &w->phone[3]);
	assert_false(sip_msg_has(m, SIP_HDR_ROUTE));
	assert_int_equal(sip_msg_header_named(m, STR("X-Evil")).n, 0);
	ua_reply(&c, 486, "");
	told(&b, "SIP/2.0 486", true);
	hang_up(&a, &b);
	ua_done(&c);
}

static void one_transfer_at_a_time(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	refused(&b, "sip:103@acme.example", 491);
	refused(&a, "sip:103@acme.example", 491);
	ua_reply(&c, 486, "");
	told(&b, "SIP/2.0 486", true);
	hang_up(&a, &b);
	ua_done(&c);
}

static void a_transfer_takes_no_more_of_the_limit_than_the_call_had(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':1}");
	talk(w, &a, &b);
	transfers(w, &b, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_done(&b);
	calls_number(&b, &w->phone[2], "103", audio(&w->phone[2]));
	ua_got(&b, 503);
	hang_up(&a, &c);
	ua_done(&b);
}

/* It was on hold, and is not any more. */
static void a_transferee_on_hold_is_taken_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	ua_request(&b, "INVITE", audio_as(b.p, 2, "sendonly"));
	ua_asked(&a, SIP_INVITE);
	ua_reply(&a, 200, audio_as(a.p, 2, "recvonly"));
	ua_asked(&a, SIP_ACK);
	ua_got(&b, 200);
	ua_request(&b, "ACK", "");
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	m = rings(&c, &w->phone[3]);
	assert_false(says(m, "recvonly") || says(m, "sendonly") || says(m, "inactive"));
	ua_reply(&c, 200, audio_as(c.p, 1, "sendrecv"));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio_as(a.p, 3, "sendrecv"));
	nothing(c.p);
	assert_hear_each_other(w, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

/* What the transferee answers is less than the target expects: the target hears of it. */
static void the_target_hears_what_the_transferee_can_do(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	ua_reply(&c, 200, audio(c.p)); /* three formats */
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio_as(a.p, 2, "sendonly")); /* one, and it holds */
	m = ua_asked(&c, SIP_INVITE);
	assert_true(says(m, "a=sendonly"));
	ua_reply(&c, 200, audio_as(c.p, 2, "recvonly"));
	ua_asked(&c, SIP_ACK);
	nothing(a.p);
	nothing(c.p);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

/* The transferee offers something in the very moment: one of the two has to come again. */
static void glare_with_the_transferee_is_settled(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly")); /* goes to b … */
	ua_asked(&b, SIP_INVITE);
	ua_reply(&c, 200, audio(c.p)); /* … which is out of it now */
	ua_got(&a, 491);
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	assert_hear_each_other(w, &a, &c);
	b.cseq = 500;
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

/* Our re-INVITE to the transferee is under way when the target answers. */
static void a_busy_transferee_is_introduced_later(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	ua_request(&b, "INVITE", audio_as(b.p, 2, "sendonly"));
	ua_asked(&a, SIP_INVITE);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_got(&b, 491);
	told(&b, "SIP/2.0 200 OK", true);
	ua_reply(&a, 200, audio_as(a.p, 2, "recvonly"));
	ua_asked(&a, SIP_ACK);
	pass(w, 300);
	is_introduced(&a, audio(a.p));
	assert_hear_each_other(w, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

static void who_has_no_call_cannot_transfer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	refused(&a, "sip:103@acme.example", 403);
	ua_reply(&b, 486, "");
	a.cseq = 1;
	ua_got(&a, 486);
	ua_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_called_party_transfers_its_caller),
		STORY(the_caller_transfers_who_it_called),
		STORY(a_call_that_is_transferred_has_a_failover_of_its_own),
		STORY(who_does_not_hang_up_after_its_transfer_is_hung_up),
		STORY(the_transferor_may_hang_up_at_once_and_still_hears),
		STORY(a_busy_target_gives_the_call_back),
		STORY(a_busy_target_and_nobody_left_ends_the_call),
		STORY(a_transferee_that_hangs_up_ends_all),
		STORY(a_transferee_that_waits_alone_may_hang_up),
		STORY(who_wants_no_notify_gets_none),
		STORY(a_transfer_to_nobody_says_so_and_changes_nothing),
		STORY(what_cannot_be_called_is_refused),
		STORY(headers_in_the_target_are_not_obeyed),
		STORY(one_transfer_at_a_time),
		STORY(a_transfer_takes_no_more_of_the_limit_than_the_call_had),
		STORY(a_transferee_on_hold_is_taken_back),
		STORY(the_target_hears_what_the_transferee_can_do),
		STORY(glare_with_the_transferee_is_settled),
		STORY(a_busy_transferee_is_introduced_later),
		STORY(who_has_no_call_cannot_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
