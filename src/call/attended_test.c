/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attended transfers: a REFER that names the call the transferor has with the target. */
#include "call/testing_transfer.h"
#include "call/testing_trunk.h"

/* b, who talks to a, calls c on a second line (which does not answer yet). */
static void consults(struct ua *b, struct ua *b2, struct ua *c)
{
	struct world *w = b->p->w;

	calls_number(b2, b->p, "103", audio(b->p));
	rings(c, &w->phone[3]);
	ua_reply(c, 180, "");
	ua_got(b2, 180);
}

static void consults_and_talks(struct ua *b, struct ua *b2, struct ua *c)
{
	consults(b, b2, c);
	ua_reply(c, 200, audio(c->p));
	ua_asked(c, SIP_ACK);
	ua_got(b2, 200);
	ua_request(b2, "ACK", "");
	run(b->p->w);
}

/* What it is told already is said again, and with whom it talks now. */
static void hears_of(struct ua *u, const char *who)
{
	struct sip_msg *m = ua_asked(u, SIP_INVITE);

	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, who);
	ua_reply(u, 200, audio(u->p));
	ua_asked(u, SIP_ACK);
}

/* The second call goes on between the other two; both of b's are over. */
static void put_through(struct world *w, struct ua *a, struct ua *b, struct ua *b2, struct ua *c)
{
	assert_hear_each_other(w, a, c);
	ua_request(b, "BYE", "");
	got_status(b->p, 200);
	ua_request(b2, "BYE", "");
	got_status(b->p, 200);
	nothing(a->p);
	nothing(c->p);
	ua_done(b);
	ua_done(b2);
}

static void who_was_consulted_gets_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};
	const struct call_record *first, *second;

	talk(w, &a, &b);
	consults_and_talks(&b, &b2, &c);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	put_through(w, &a, &b, &b2, &c);
	hang_up(&a, &c);

	first = call_to(w, "102");
	second = call_to(w, "103");
	assert_string_equal(first->reason, "transferred");
	assert_true(first->transferred_to == second->id);
	assert_true(second->transferred_from == first->id);
	assert_string_equal(second->transferred_by, "102");
	assert_string_equal(second->status, "answered");
	assert_string_equal(second->ended_by, "caller");
	assert_int_equal(w->nsegments, 6); /* three, each begun and ended */
}

/* b has heard the answer of c, and transfers before its ACK arrives; if it ever does. */
static void transfers_before_its_ack(struct world *w, struct ua *a, struct ua *b, struct ua *b2,
				     struct ua *c)
{
	talk(w, a, b);
	consults(b, b2, c);
	ua_reply(c, 200, audio(c->p));
	ua_asked(c, SIP_ACK);
	ua_got(b2, 200);
	refers_to_call(b, b2, "");
	accepted(b);
	nothing(a->p);
	nothing(c->p);
}

static void a_refer_that_is_faster_than_the_ack_waits_for_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	transfers_before_its_ack(w, &a, &b, &b2, &c);
	ua_request(&b2, "ACK", "");
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	put_through(w, &a, &b, &b2, &c);
	hang_up(&a, &c);
	assert_string_equal(call_to(w, "102")->reason, "transferred");
	assert_string_equal(call_to(w, "103")->transferred_by, "102");
}

static void who_hangs_up_before_its_ack_has_transferred_all_the_same(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	transfers_before_its_ack(w, &a, &b, &b2, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	nothing(c.p);
	ua_request(&b2, "ACK", "");
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_hear_each_other(w, &a, &c);
	ua_request(&b2, "BYE", "");
	got_status(b2.p, 200);
	ua_done(&b);
	ua_done(&b2);
	hang_up(&a, &c);
}

static void who_waits_for_an_ack_may_go_and_the_consulted_talks_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	transfers_before_its_ack(w, &a, &b, &b2, &c);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	told(&b, "SIP/2.0 487", true);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_request(&b2, "ACK", "");
	nothing(c.p);
	assert_hear_each_other(w, &b2, &c);
	ua_done(&a);
	ua_done(&b);
	hang_up(&b2, &c);
}

static void an_ack_that_never_comes_gives_the_call_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	transfers_before_its_ack(w, &a, &b, &b2, &c);
	ua_request(&c, "BYE", "");
	got_status(c.p, 200);
	told(&b, "SIP/2.0 ", true);
	ua_request(&b2, "ACK", "");
	ua_asked(&b2, SIP_BYE);
	ua_reply(&b2, 200, "");
	nothing(a.p);
	assert_hear_each_other(w, &a, &b);
	ua_done(&b2);
	ua_done(&c);
	hang_up(&a, &b);
}

/* Whoever called whom: a is called by b here, and c has called b. */
static void it_does_not_matter_who_called(void **state)
{
	struct world *w = *state;
	struct ua a = {0}, b, b2 = {0}, c;

	calls_and_talks(&b, &w->phone[2], "101", &a, &w->phone[1]);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	rings(&b2, b.p);
	ua_reply(&b2, 200, audio(b.p));
	ua_asked(&b2, SIP_ACK);
	ua_got(&c, 200);
	ua_request(&c, "ACK", "");
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	put_through(w, &a, &b, &b2, &c);
	hang_up(&c, &a);
	assert_string_equal(last_call(w)->ended_by, "caller");
}

/* Both of b's calls are on hold, as phones do it before they transfer. */
static void both_calls_on_hold_are_taken_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	holds(&b, &a);
	consults_and_talks(&b, &b2, &c);
	holds(&b2, &c);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio_as(a.p, 3, "sendrecv"));
	m = is_introduced(&c, audio_as(c.p, 3, "sendrecv"));
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_false(says(m, "a=sendonly") || says(m, "a=recvonly"));
	put_through(w, &a, &b, &b2, &c);
	hang_up(&a, &c);
}

static void a_target_that_still_rings_rings_on_for_the_transferee(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};
	const struct call_record *second;

	talk(w, &a, &b);
	consults(&b, &b2, &c);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	ua_got(&b2, 487);
	told(&b, "SIP/2.0 180 Ringing", false);
	nothing(c.p);
	nothing(a.p);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_hear_each_other(w, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	nothing(c.p);
	hang_up(&c, &a);
	second = call_to(w, "103");
	assert_string_equal(second->status, "answered");
	assert_string_equal(second->transferred_by, "102");
	assert_true(second->transferred_from == call_to(w, "102")->id);
	ua_done(&b);
}

/* The transferor hangs up both at once: the call it has with the transferee ends for it, not for the other. */
static void a_transferor_that_is_gone_while_it_rings_is_not_missed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	talk(w, &a, &b);
	consults(&b, &b2, &c);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	ua_got(&b2, 487);
	ua_asked(&b, SIP_NOTIFY);
	ua_reply(&b, 200, "");
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	nothing(a.p);
	nothing(c.p);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_hear_each_other(w, &a, &c);
	hang_up(&a, &c);
	ua_done(&b);
}

static void a_ringing_target_that_declines_gives_the_call_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	talk(w, &a, &b);
	consults(&b, &b2, &c);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	ua_got(&b2, 487);
	told(&b, "SIP/2.0 180 Ringing", false);
	is_given_back(w, &a, &b, &c);
	hang_up(&a, &b);
	ua_done(&c);
}

static void a_call_that_answers_meanwhile_is_not_replaced_early_only(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	talk(w, &a, &b);
	consults_and_talks(&b, &b2, &c);
	refers_to_call(&b, &b2, "%3Bearly-only");
	accepted(&b);
	told(&b, "SIP/2.0 486 Busy Here", true);
	nothing(a.p);
	nothing(c.p);
	assert_hear_each_other(w, &a, &b);
	hang_up(&b2, &c);
	hang_up(&a, &b);
}

/* Nobody puts through into the call of two others, not even when it knows all names of it. */
static void calls_of_others_cannot_be_taken_over(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, d, c = {0};

	talk(w, &a, &b);
	calls_and_talks(&d, &w->phone[4], "103", &c, &w->phone[3]);
	refers_to_call(&b, &d, "");
	got_status(b.p, 403);
	nothing(b.p);
	refers_to_call(&b, &c, "");
	got_status(b.p, 403);
	nothing(a.p);
	nothing(c.p);
	assert_hear_each_other(w, &a, &b);
	assert_hear_each_other(w, &d, &c);
	hang_up(&d, &c);
	hang_up(&a, &b);
}

static void what_is_no_call_of_ours_is_said_to_be_none(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2", "");
	accepted(&b);
	told(&b, "SIP/2.0 481", true);
	refers(&b, "sip:103@acme.example?Replaces=x%40y%3Bto-tag%3D1", "");
	got_status(b.p, 400);
	refers_to_call(&b, &b, ""); /* the very call it is in */
	accepted(&b);
	told(&b, "SIP/2.0 603", true);
	nothing(a.p);
	assert_hear_each_other(w, &a, &b);
	hang_up(&a, &b);
}

static void after_it_each_counts_the_call_it_is_in(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':2}");
	talk(w, &a, &b);
	consults_and_talks(&b, &b2, &c);
	assert_int_equal(calls_in_usage(w, 2), 2);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	put_through(w, &a, &b, &b2, &c);
	assert_int_equal(calls_in_usage(w, 1), 1);
	assert_int_equal(calls_in_usage(w, 2), 0);
	assert_int_equal(calls_in_usage(w, 3), 1);
	hang_up(&a, &c);
	assert_int_equal(calls_in_usage(w, 1), 0);
	assert_int_equal(calls_in_usage(w, 3), 0);
}

/* The far end of a trunk, whose two calls with us it joins; and another trunk's, which it may not. */
static void a_trunk_puts_its_own_calls_through(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0}, c, one2 = {0}, d, two = {0};

	calls_and_talks(&a, &w->phone[1], "0033123", &one, &w->phone[ONE]);
	calls_and_talks(&c, &w->phone[3], "0033124", &one2, &w->phone[ONE]);
	put(w, &resource_outbound_rule, TENANT, 42,
	    "{'name':'two','prefixes':'99','routes':[{'trunk_id':'2','strip':2}]}");
	calls_and_talks(&d, &w->phone[2], "99123", &two, &w->phone[TWO]);
	refers_to_call(&one, &two, "");
	got_status(one.p, 403);
	refers(&one, "sip:0033999@x", ""); /* it may not call the world on our account */
	got_status(one.p, 403);
	refers_to_call(&one, &one2, "");
	accepted(&one);
	told(&one, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	hears_of(&c, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_hear_each_other(w, &a, &c);
	ua_request(&one, "BYE", "");
	got_status(one.p, 200);
	ua_request(&one2, "BYE", "");
	got_status(one.p, 200);
	hang_up(&a, &c);
	hang_up(&d, &two);
	ua_done(&one);
	ua_done(&one2);
}

/* A REFER to a number of ours is the call that it may make by an INVITE as well. */
static void a_trunk_transfers_to_numbers_of_ours(void **state)
{
	struct world *w = *state;
	struct ua a, one = {0}, c = {0};

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'desk','trunk_id':'1','did':'442070000103','destination':{'kind':'extension',"
	    "'id':'3'}}");
	calls_and_talks(&a, &w->phone[1], "0033123", &one, &w->phone[ONE]);
	refers(&one, "sip:442070000103@x", "");
	got_status(one.p, 202);
	told(&one, "SIP/2.0 100 Trying", false);
	rings(&c, &w->phone[3]);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&one, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	assert_hear_each_other(w, &a, &c);
	ua_request(&one, "BYE", "");
	got_status(one.p, 200);
	hang_up(&a, &c);
	ua_done(&one);
	assert_string_equal(call_to(w, "442070000103")->direction, "inbound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(who_was_consulted_gets_the_call),
		STORY(a_refer_that_is_faster_than_the_ack_waits_for_it),
		STORY(who_hangs_up_before_its_ack_has_transferred_all_the_same),
		STORY(who_waits_for_an_ack_may_go_and_the_consulted_talks_on),
		STORY(an_ack_that_never_comes_gives_the_call_back),
		STORY(it_does_not_matter_who_called),
		STORY(both_calls_on_hold_are_taken_back),
		STORY(a_target_that_still_rings_rings_on_for_the_transferee),
		STORY(a_transferor_that_is_gone_while_it_rings_is_not_missed),
		STORY(a_ringing_target_that_declines_gives_the_call_back),
		STORY(a_call_that_answers_meanwhile_is_not_replaced_early_only),
		STORY(calls_of_others_cannot_be_taken_over),
		STORY(what_is_no_call_of_ours_is_said_to_be_none),
		TRUNK_STORY(a_trunk_puts_its_own_calls_through),
		TRUNK_STORY(a_trunk_transfers_to_numbers_of_ours),
		STORY(after_it_each_counts_the_call_it_is_in),
	};

	return cmocka_run_group_tests_name("attended", tests, NULL, NULL);
}
