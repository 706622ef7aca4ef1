/* SPDX-License-Identifier: GPL-3.0-or-later */
/* INVITE with Replaces: who may take which call, and who talks to whom afterwards. */
#include "call/testing_transfer.h"

/* A phone asks for the place of a device in its call, which it knows as a lamp tells of it. */
static void wants(struct ua *u, struct phone *p, const struct ua *of, const char *params,
		  const char *body)
{
	char line[700];

	snprintf(line, sizeof(line), "Require: replaces\nReplaces: %s;to-tag=%s;from-tag=%s%s\n",
		 of->call_id, strstr(of->local, ";tag=") + 5, strstr(of->remote, ";tag=") + 5,
		 params);
	calls_number_h(u, p, "102", line, body);
}

/* a calls b, whose phone rings. */
static void calling(struct world *w, struct ua *a, struct ua *b, const char *body)
{
	calls_number(a, &w->phone[1], "102", body);
	rings(b, &w->phone[2]);
	ua_reply(b, 180, "");
	ua_got(a, 180);
}

static void answered(struct ua *u)
{
	ua_got(u, 200);
	ua_request(u, "ACK", "");
	run(u->p->w);
}

static void elsewhere(struct ua *b)
{
	ua_cancelled(b, "SIP;cause=200;text=\"Call completed elsewhere\"");
	ua_done(b);
}

static void a_ringing_call_is_picked_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &b, ";early-only", audio(&w->phone[3]));
	assert_true(says(ua_got(&c, 200), "m=audio"));
	ua_request(&c, "ACK", "");
	elsewhere(&b);
	assert_true(says(ua_got(&a, 200), "m=audio"));
	ua_request(&a, "ACK", "");
	nothing(a.p);
	nothing(c.p); /* no re-INVITE: both said all there is to say */
	assert_hear_each_other(w, &a, &c);
	hang_up(&a, &c);
	assert_int_equal(call_to(w, "102")->sip_code, 200);
	assert_string_equal(call_to(w, "102")->final_dest, "103");
	assert_string_equal(call_to(w, "102")->ended_by, "caller");
	assert_int_equal(calls_in_usage(w, 1) + calls_in_usage(w, 3), 0);
}

static void who_has_picked_up_may_hang_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &b, "", audio(&w->phone[3]));
	answered(&c);
	elsewhere(&b);
	answered(&a);
	assert_int_equal(calls_in_usage(w, 3), 1);
	assert_int_equal(calls_in_usage(w, 2), 0);
	hang_up(&c, &a);
	assert_string_equal(call_to(w, "102")->ended_by, "callee");
}

/* They mean different things by 96, so neither hears the other's words: what one offers is offered to the other. */
static void two_that_count_differently_are_introduced(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;
	struct sip_msg *m;

	calling(w, &a, &b,
		sdp_lines(&w->phone[1], 1,
			  "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n"));
	wants(&c, &w->phone[3], &b, "",
	      sdp_lines(&w->phone[3], 1,
			"m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n"));
	answered(&c);
	elsewhere(&b);
	nothing(a.p);
	m = ua_asked(&c, SIP_INVITE);
	assert_true(says(m, "telephone-event"));
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	answered(&a);
	assert_hear_each_other(w, &a, &c);
	hang_up(&a, &c);
}

static void who_picks_up_without_an_offer_is_offered_one(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &b, "", "");
	ua_got(&c, 200);
	nothing(a.p);
	nothing(b.p);
	ua_request(&c, "ACK", audio(c.p));
	elsewhere(&b);
	ua_asked(&c, SIP_INVITE);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	answered(&a);
	assert_hear_each_other(w, &a, &c);
	hang_up(&a, &c);
}

static void a_caller_who_offers_late_is_picked_up_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, "");
	wants(&c, &w->phone[3], &b, "", audio(&w->phone[3]));
	answered(&c);
	elsewhere(&b);
	assert_true(says(ua_got(&a, 200), "m=audio"));
	ua_request(&a, "ACK", audio(a.p));
	run(w);
	assert_hear_each_other(w, &a, &c);
	hang_up(&c, &a);
}

static void a_device_that_answers_first_keeps_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &b, "", "");
	ua_got(&c, 200); /* and has not acknowledged it yet */
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	answered(&a);
	ua_request(&c, "ACK", audio(c.p));
	ua_asked_by_bye(&c);
	assert_hear_each_other(w, &a, &b);
	hang_up(&a, &b);
	ua_done(&c);
}

static void who_gives_up_picking_up_leaves_it_ringing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &b, "", "");
	ua_got(&c, 200);
	ua_request(&c, "ACK", "");
	ua_asked_by_bye(&c); /* no answer to our offer: it broke the protocol */
	nothing(b.p);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	answered(&a);
	hang_up(&a, &b);
	ua_done(&c);
}

static void refused(struct ua *u, unsigned status)
{
	ua_got(u, status);
	nothing(u->p);
	ua_done(u);
}

static void what_one_may_not_take_is_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c, none = {.local = "x;tag=1", .remote = "x;tag=2"};

	COPY_TEXT(none.call_id, "nobody@nowhere");
	wants(&c, &w->phone[3], &none, "", audio(&w->phone[3]));
	refused(&c, 481);
	calls_number_h(&c, &w->phone[3], "102", "Replaces: x;to-tag=1\n", audio(&w->phone[3]));
	refused(&c, 400);
	talk(w, &a, &b);
	wants(&c, &w->phone[3], &b, ";early-only", audio(&w->phone[3]));
	refused(&c, 486);
	wants(&c, &w->phone[3], &b, "", audio(&w->phone[3])); /* others' call */
	refused(&c, 403);
	nothing(a.p);
	nothing(b.p);
	assert_hear_each_other(w, &a, &b);
	hang_up(&a, &b);
}

/* The caller's own side of it is not what rings. */
static void a_call_that_is_being_made_is_not_picked_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	wants(&c, &w->phone[3], &a, "", audio(&w->phone[3]));
	refused(&c, 481);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void who_has_enough_calls_picks_up_none(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c, d;

	put(w, &resource_extension, TENANT, 3, "{'number':'103','max_calls':1}");
	calls_number(&d, &w->phone[3], "102", audio(&w->phone[3]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	answered(&d);
	calls_number(&a, &w->phone[1], "104", audio(&w->phone[1]));
	ua_got(&a, 480); /* nobody there; 102's second line then */
	{
		struct ua b2 = {0};

		calling(w, &a, &b2, audio(&w->phone[1]));
		wants(&c, &w->phone[3], &b2, "", audio(&w->phone[3]));
		refused(&c, 403);
		ua_reply(&b2, 486, "");
		ua_got(&a, 486);
		ua_done(&b2);
	}
	hang_up(&d, &b);
}

/* The desk phone's call goes on at the mobile, without asking who talks. */
static void a_call_moves_to_another_device_of_its_extension(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	talk(w, &a, &b);
	COPY_TEXT(w->phone[4].user, "102");
	wants(&c, &w->phone[4], &b, "", audio(&w->phone[4]));
	answered(&c);
	ua_asked_by_bye(&b);
	is_introduced(&a, audio(a.p));
	nothing(c.p);
	assert_hear_each_other(w, &a, &c);
	hang_up(&c, &a);
	ua_done(&b);
	assert_string_equal(call_to(w, "102")->ended_by, "callee");
	assert_int_equal(w->nsegments, 4);
}

static void a_callers_call_moves_as_well(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	talk(w, &a, &b);
	COPY_TEXT(w->phone[4].user, "101");
	wants(&c, &w->phone[4], &a, "", "");
	ua_got(&c, 200);
	nothing(a.p);
	ua_request(&c, "ACK", audio(&w->phone[4]));
	ua_asked_by_bye(&a);
	is_introduced(&b, audio(b.p));
	assert_hear_each_other(w, &b, &c);
	hang_up(&c, &b);
	ua_done(&a);
	assert_string_equal(call_to(w, "102")->ended_by, "caller");
}

/* b transfers a to 103, and 104 picks that up. */
static void a_call_being_transferred_is_picked_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d;

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	got_status(b.p, 202);
	told(&b, "SIP/2.0 100 Trying", false);
	rings(&c, &w->phone[3]);
	ua_reply(&c, 180, "");
	told(&b, "SIP/2.0 180 Ringing", false);
	wants(&d, &w->phone[4], &c, "", audio(&w->phone[4]));
	answered(&d);
	ua_cancelled(&c, "SIP;cause=200;text=\"Call completed elsewhere\"");
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	assert_hear_each_other(w, &a, &d);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &d);
	ua_done(&b);
	ua_done(&c);
	assert_string_equal(call_to(w, "103")->final_dest, "104");
}

/* ---- by code ---- */

static void dials(struct ua *u, struct phone *p, const char *code)
{
	calls_number(u, p, code, audio(p));
}

static void a_code_takes_what_rings(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	dials(&c, &w->phone[3], "**102");
	answered(&c);
	elsewhere(&b);
	answered(&a);
	assert_hear_each_other(w, &a, &c);
	assert_int_equal(calls_in_usage(w, 3), 1);
	hang_up(&c, &a);
	assert_string_equal(call_to(w, "102")->final_dest, "103");
	assert_string_equal(call_to(w, "**102")->reason, "picked_up");
	assert_string_equal(call_to(w, "**102")->status, "cancelled");
	assert_true(call_to(w, "**102")->transferred_to == call_to(w, "102")->id);
	assert_int_equal(calls_in_usage(w, 1) + calls_in_usage(w, 3), 0);
}

static void a_code_takes_what_rings_longest_within_reach(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c, d, e = {0};

	put(w, &resource_pickup_group, TENANT, 1, "{'name':'desk'}");
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','pickup_groups':[{'group_id':'1'}]}");
	calling(w, &a, &b, audio(&w->phone[1]));
	dials(&c, &w->phone[3], "*8"); /* 102 is in no group */
	refused(&c, 480);
	COPY_TEXT(w->phone[4].user, "101");
	calls_number(&d, &w->phone[4], "103", audio(&w->phone[4]));
	rings(&e, &w->phone[3]);
	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','pickup_groups':[{'group_id':'1'}]}");
	dials(&c, &w->phone[3], "*8"); /* and not its own, which rings since later */
	answered(&c);
	elsewhere(&b);
	answered(&a);
	hang_up(&a, &c);
	ua_reply(&e, 486, "");
	ua_got(&d, 486);
	ua_done(&e);
}

static void nothing_rings_there(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	dials(&c, &w->phone[3], "**102");
	refused(&c, 480);
	talk(w, &a, &b);
	dials(&c, &w->phone[3], "**102"); /* who talks is not on hold */
	refused(&c, 480);
	dials(&c, &w->phone[3], "##102");
	refused(&c, 480);
	dials(&c, &w->phone[3], "*8");
	refused(&c, 480);
	hang_up(&a, &b);
	assert_string_equal(call_to(w, "##102")->reason, "unavailable");
}

static void a_held_call_is_taken(struct world *w, const char *code)
{
	struct ua a, b = {0}, c;
	struct sip_msg *m;

	talk(w, &a, &b);
	holds(&b, &a);
	dials(&c, &w->phone[3], code);
	m = ua_got(&c, 200);
	assert_true(says(m, "m=audio"));
	ua_request(&c, "ACK", "");
	ua_asked_by_bye(&b);
	m = ua_asked(&a, SIP_INVITE);
	assert_false(says(m, "a=sendonly") || says(m, "a=recvonly") || says(m, "a=inactive"));
	ua_reply(&a, 200, audio_as(a.p, 3, "sendrecv"));
	ua_asked(&a, SIP_ACK);
	m = ua_asked(&c, SIP_INVITE); /* it was answered as who is on hold had described itself */
	assert_false(says(m, "a=sendonly") || says(m, "a=recvonly") || says(m, "a=inactive"));
	ua_reply(&c, 200, audio_as(c.p, 2, "sendrecv"));
	ua_asked(&c, SIP_ACK);
	assert_hear_each_other(w, &a, &c);
	assert_int_equal(calls_in_usage(w, 2), 0);
	assert_int_equal(calls_in_usage(w, 3), 1);
	hang_up(&c, &a);
	ua_done(&b);
	assert_string_equal(call_to(w, code)->reason, "picked_up");
}

static void a_code_takes_what_is_held(void **state)
{
	a_held_call_is_taken(*state, "##102");
}

static void a_code_takes_what_is_held_when_nothing_rings(void **state)
{
	a_held_call_is_taken(*state, "**102");
}

static void who_gives_up_by_code_leaves_it_ringing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	calling(w, &a, &b, audio(&w->phone[1]));
	calls_number(&c, &w->phone[3], "**102", "");
	ua_got(&c, 200);
	ua_request(&c, "ACK", "");
	ua_asked_by_bye(&c); /* no answer to our offer */
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	answered(&a);
	assert_hear_each_other(w, &a, &b);
	hang_up(&a, &b);
	ua_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_ringing_call_is_picked_up),
		STORY(who_has_picked_up_may_hang_up),
		STORY(two_that_count_differently_are_introduced),
		STORY(who_picks_up_without_an_offer_is_offered_one),
		STORY(a_caller_who_offers_late_is_picked_up_too),
		STORY(a_device_that_answers_first_keeps_the_call),
		STORY(who_gives_up_picking_up_leaves_it_ringing),
		STORY(what_one_may_not_take_is_refused),
		STORY(a_call_that_is_being_made_is_not_picked_up),
		STORY(who_has_enough_calls_picks_up_none),
		STORY(a_call_moves_to_another_device_of_its_extension),
		STORY(a_callers_call_moves_as_well),
		STORY(a_call_being_transferred_is_picked_up),
		STORY(a_code_takes_what_rings),
		STORY(a_code_takes_what_rings_longest_within_reach),
		STORY(nothing_rings_there),
		STORY(a_code_takes_what_is_held),
		STORY(a_code_takes_what_is_held_when_nothing_rings),
		STORY(who_gives_up_by_code_leaves_it_ringing),
	};

	return cmocka_run_group_tests_name("pickup", tests, NULL, NULL);
}
