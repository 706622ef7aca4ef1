/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Media past us: who may, what each device hears of the other, and the way back. */
#include "call/testing_phone.h"

static void allow(struct world *w, unsigned i, const char *more)
{
	put(w, &resource_account, TENANT, 100 + i,
	    "{'username':'10%u','extension_id':'%u','direct_media':true%s}", i, i, more);
}

static const char *audio_of(const struct phone *p, unsigned version, unsigned port,
			    const char *direction)
{
	char lines[160];

	snprintf(lines, sizeof(lines),
		 "m=audio %u RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n", port,
		 direction);
	return sdp_lines(p, version, lines);
}

static bool shows(const struct sip_msg *m, const struct phone *p, unsigned port)
{
	char text[80], ip[ADDR_STR_BYTES];

	snprintf(text, sizeof(text), "c=IN IP4 %s\r\n", addr_ip_str(ip, &p->flow.remote));
	return says(m, text) && media_port(m, 0) == port;
}

/* a calls b, who answers with `answer`; what is shown to each is checked by the caller of this. */
static struct sip_msg *answered(struct world *w, struct ua *a, struct ua *b, const char *answer)
{
	struct sip_msg *m;

	ua_reply(b, 180, "");
	ua_got(a, 180);
	ua_reply(b, 200, answer);
	ua_asked(b, SIP_ACK);
	m = ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
	return m;
}

static void talk_directly(struct world *w, struct ua *a, struct ua *b)
{
	allow(w, 1, "");
	allow(w, 2, "");
	calls_number(a, &w->phone[1], "102", audio_of(&w->phone[1], 1, 4000, "sendrecv"));
	assert_true(shows(rings(b, &w->phone[2]), &w->phone[1], 4000));
	assert_true(shows(answered(w, a, b, audio_of(&w->phone[2], 1, 5000, "sendrecv")),
			  &w->phone[2], 5000));
	assert_int_equal(engine_sessions(&w->engine), 0);
}

static void two_devices_that_ask_for_it_talk_directly(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	assert_string_equal(last_call(w)->status, "in_progress");
	hang_up(&a, &b);
	assert_string_equal(last_call(w)->media_fault, "");
}

/* It rings, and its offer shows our address: media goes through us. */
static void rings_relayed(struct world *w, struct ua *a, struct ua *b, const char *offer)
{
	calls_number(a, &w->phone[1], "102", offer);
	assert_true(media_port(rings(b, &w->phone[2]), 0) >= 20000);
	assert_true(media_port(answered(w, a, b, audio(&w->phone[2])), 0) >= 20000);
	assert_int_equal(engine_sessions(&w->engine), 2);
	nothing(a->p);
	nothing(b->p);
	hang_up(a, b);
}

static void one_that_does_not_ask_is_relayed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	rings_relayed(w, &a, &b, audio(&w->phone[1]));
	allow(w, 1, "");
	rings_relayed(w, &a, &b, audio(&w->phone[1]));
	allow(w, 2, ",'nat':'always'");
	rings_relayed(w, &a, &b, audio(&w->phone[1]));
	allow(w, 2, ",'srtp':'required'");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	assert_true(says(rings(&b, &w->phone[2]), "RTP/SAVP"));
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_request(&a, "CANCEL", "");
	got_status(a.p, 200);
	ua_got(&a, 487);
	ua_cancelled(&b, NULL);
	ua_done(&b);
}

static void an_address_behind_a_nat_is_relayed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	allow(w, 1, "");
	allow(w, 2, "");
	rings_relayed(w, &a, &b, audio(&w->phone[4])); /* elsewhere than its signalling */
}

/* What the callee answers shows that it is behind a NAT: both are told to come to us. */
static void an_answer_from_behind_a_nat_brings_the_call_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	allow(w, 1, "");
	allow(w, 2, "");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	assert_true(shows(rings(&b, &w->phone[2]), &w->phone[1], 4000));
	ua_reply(&b, 200, audio(&w->phone[4]));
	ua_asked(&b, SIP_ACK);
	m = ua_asked(&b, SIP_INVITE);
	assert_true(media_port(m, 0) >= 20000);
	nothing(a.p);
	ua_reply(&b, 200, audio(&w->phone[4]));
	ua_asked(&b, SIP_ACK);
	assert_true(media_port(ua_got(&a, 200), 0) >= 20000);
	ua_request(&a, "ACK", "");
	assert_int_equal(engine_sessions(&w->engine), 2);
	nothing(a.p);
	nothing(b.p);
	hang_up(&a, &b);
}

/* Keys would be converted: events that the callee has not answered are pressed into its ear. */
static void keys_that_must_be_converted_keep_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	allow(w, 1, "");
	allow(w, 2, "");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio_as(&w->phone[2], 1, "sendrecv"));
	ua_asked(&b, SIP_ACK);
	assert_true(media_port(ua_asked(&b, SIP_INVITE), 0) >= 20000);
	ua_reply(&b, 200, audio_as(&w->phone[2], 2, "sendrecv"));
	ua_asked(&b, SIP_ACK);
	assert_true(media_port(ua_got(&a, 200), 0) >= 20000);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
	allow(w, 2, ",'dtmf':'info'");
	rings_relayed(w, &a, &b, audio(&w->phone[1]));
}

/* Each is offered the other's own address, first `first`. */
static void both_move(struct ua *first, unsigned first_port, struct ua *second,
		      unsigned second_port)
{
	wait_for_message(first->p, 5000);
	assert_true(shows(ua_asked(first, SIP_INVITE), second->p, second_port));
	ua_reply(first, 200, audio_of(first->p, 9, first_port, "sendrecv"));
	ua_asked(first, SIP_ACK);
	assert_true(shows(ua_asked(second, SIP_INVITE), first->p, first_port));
	ua_reply(second, 200, audio_of(second->p, 9, second_port, "sendrecv"));
	ua_asked(second, SIP_ACK);
}

static void hold(struct ua *by, unsigned by_port, struct ua *other, unsigned other_port)
{
	struct sip_msg *m;

	ua_request(by, "INVITE", audio_of(by->p, 2, by_port, "sendonly"));
	m = ua_asked(other, SIP_INVITE);
	assert_true(media_port(m, 0) >= 20000 && says(m, "a=sendonly"));
	ua_reply(other, 200, audio_of(other->p, 2, other_port, "recvonly"));
	ua_asked(other, SIP_ACK);
	m = ua_got(by, 200);
	assert_true(media_port(m, 0) >= 20000 && says(m, "a=recvonly"));
	ua_request(by, "ACK", "");
}

static void hold_brings_the_call_back_and_its_end_lets_it_go_again(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	for (int i = 0; i < 2; i++) {
		hold(&a, 4000, &b, 5000);
		assert_int_equal(engine_sessions(&w->engine), 2);
		ua_request(&a, "INVITE", audio_of(a.p, 3, 4000, "sendrecv"));
		assert_true(says(ua_asked(&b, SIP_INVITE), "a=sendrecv"));
		ua_reply(&b, 200, audio_of(b.p, 3, 5000, "sendrecv"));
		ua_asked(&b, SIP_ACK);
		ua_got(&a, 200);
		ua_request(&a, "ACK", "");
		both_move(&b, 5000, &a, 4000);
		assert_int_equal(engine_sessions(&w->engine), 0);
	}
	hang_up(&a, &b);
}

static void who_is_called_may_hold_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	hold(&b, 5000, &a, 4000);
	assert_int_equal(engine_sessions(&w->engine), 2);
	hang_up(&b, &a);
}

static void a_refused_hold_leaves_the_call_direct(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	ua_request(&a, "INVITE", audio_of(a.p, 2, 4000, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 488, "");
	ua_got(&a, 488);
	run(w);
	assert_int_equal(engine_sessions(&w->engine), 0);
	ua_request(&a, "INVITE", audio_of(a.p, 3, 4002, "sendrecv"));
	assert_true(shows(ua_asked(&b, SIP_INVITE), a.p, 4002));
	ua_reply(&b, 200, audio_of(b.p, 3, 5002, "sendrecv"));
	ua_asked(&b, SIP_ACK);
	assert_true(shows(ua_got(&a, 200), b.p, 5002));
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

/* After the hold: `a` has taken the call back, which is to go direct. */
static void hold_and_take_back(struct ua *a, struct ua *b)
{
	hold(a, 4000, b, 5000);
	ua_request(a, "INVITE", audio_of(a->p, 3, 4000, "sendrecv"));
	ua_asked(b, SIP_INVITE);
	ua_reply(b, 200, audio_of(b->p, 3, 5000, "sendrecv"));
	ua_asked(b, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	wait_for_message(b->p, 1000);
	assert_true(shows(ua_asked(b, SIP_INVITE), a->p, 4000));
}

static void who_refuses_to_move_stays(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	hold_and_take_back(&a, &b);
	ua_reply(&b, 488, "");
	nothing(a.p);
	nothing(b.p);
	assert_int_equal(engine_sessions(&w->engine), 2);
	hang_up(&a, &b);
}

static void the_first_comes_back_when_the_second_refuses_to_move(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	hold_and_take_back(&a, &b);
	ua_reply(&b, 200, audio_of(b.p, 4, 5000, "sendrecv"));
	ua_asked(&b, SIP_ACK);
	ua_asked(&a, SIP_INVITE);
	ua_reply(&a, 488, "");
	assert_true(media_port(ua_asked(&b, SIP_INVITE), 0) >= 20000);
	ua_reply(&b, 200, audio_of(b.p, 5, 5000, "sendrecv"));
	ua_asked(&b, SIP_ACK);
	nothing(a.p);
	nothing(b.p);
	assert_int_equal(engine_sessions(&w->engine), 2);
	hang_up(&a, &b);
}

static void a_move_that_meets_an_offer_is_tried_again(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	hold_and_take_back(&a, &b);
	ua_reply(&b, 491, "");
	both_move(&b, 5000, &a, 4000);
	assert_int_equal(engine_sessions(&w->engine), 0);
	hang_up(&a, &b);
}

static void a_call_may_end_while_it_moves(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *invite;

	talk_directly(w, &a, &b);
	hold_and_take_back(&a, &b);
	invite = sip_msg_ref(b.req);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_done(&b);
	b.req = invite;
	ua_reply(&b, 487, "");
	ua_done(&a);
	ua_done(&b);
}

/* One of its devices asks for it and one does not: whoever answers is heard. */
static void a_fork_of_both_kinds_works(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	for (int direct = 0; direct < 2; direct++) {
		struct ua *winner = direct ? &b : &c, *loser = direct ? &c : &b;

		allow(w, 1, "");
		allow(w, 2, "");
		put(w, &resource_account, TENANT, 103, "{'username':'103','extension_id':'2'}");
		calls_number(&a, &w->phone[1], "102", audio_of(&w->phone[1], 1, 4000, "sendrecv"));
		assert_true(shows(rings(&b, &w->phone[2]), &w->phone[1], 4000));
		assert_true(media_port(rings(&c, &w->phone[3]), 0) >= 20000);
		ua_reply(&b, 180, "");
		ua_got(&a, 180);
		ua_reply(&c, 180, "");
		ua_reply(winner, 200, audio_of(winner->p, 1, 5000, "sendrecv"));
		ua_asked(winner, SIP_ACK);
		ua_cancelled(loser, ELSEWHERE);
		ua_got(&a, 200);
		ua_request(&a, "ACK", "");
		run(w);
		assert_int_equal(engine_sessions(&w->engine), direct ? 0 : 2);
		hang_up(&a, winner);
		ua_done(loser);
	}
}

static void no_answer_is_followed_by_what_needs_media(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	allow(w, 1, "");
	allow(w, 2, "");
	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','first_name':'B','ring_seconds':20,'forwards':[{'status':'any',"
	    "'origin':'any','cause':'busy','destination':{'kind':'extension','id':'3'}}]}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 486, "");
	assert_true(media_port(rings(&c, &w->phone[3]), 0) >= 20000);
	ua_reply(&c, 200, audio(&w->phone[3]));
	ua_asked(&c, SIP_ACK);
	assert_true(media_port(ua_got(&a, 200), 0) >= 20000);
	ua_request(&a, "ACK", "");
	ua_done(&b);
	hang_up(&a, &c);
}

static void without_ports_a_hold_is_refused_and_the_call_goes_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_directly(w, &a, &b);
	w->engine.open_err = ENOSPC;
	ua_request(&a, "INVITE", audio_of(a.p, 2, 4000, "sendonly"));
	ua_got(&a, 500);
	nothing(b.p);
	w->engine.open_err = 0;
	hang_up(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(two_devices_that_ask_for_it_talk_directly),
		STORY(one_that_does_not_ask_is_relayed),
		STORY(an_address_behind_a_nat_is_relayed),
		STORY(an_answer_from_behind_a_nat_brings_the_call_back),
		STORY(keys_that_must_be_converted_keep_the_call),
		STORY(hold_brings_the_call_back_and_its_end_lets_it_go_again),
		STORY(who_is_called_may_hold_too),
		STORY(a_refused_hold_leaves_the_call_direct),
		STORY(who_refuses_to_move_stays),
		STORY(the_first_comes_back_when_the_second_refuses_to_move),
		STORY(a_move_that_meets_an_offer_is_tried_again),
		STORY(a_call_may_end_while_it_moves),
		STORY(a_fork_of_both_kinds_works),
		STORY(no_answer_is_followed_by_what_needs_media),
		STORY(without_ports_a_hold_is_refused_and_the_call_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
