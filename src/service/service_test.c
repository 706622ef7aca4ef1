/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ring groups and echo, with phones on a virtual clock. */
#include "call/testing_transfer.h"
#include "service/service.h"

enum { GROUP = 7, OTHER_GROUP = 8 };

static int open_services(void **state)
{
	struct world *w;

	open_world(state);
	w = *state;
	assert_int_equal(services_register_all(w->calls), 0);
	return 0;
}

static void put_group(struct world *w, uint64_t id, const char *number, const char *members,
		      const char *no_answer)
{
	put(w, &resource_ring_group, TENANT, id,
	    "{'number':'%s','name':'Sales','ring_seconds':15,'members':%s,'no_answer':%s}", number,
	    members, no_answer);
}

#define MEMBERS_2_3 "[{'extension_id':'2'},{'extension_id':'3'}]"
#define HANGUP	    "{'kind':'hangup'}"

static void all_members_ring_and_one_answers(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	put_group(w, GROUP, "600", MEMBERS_2_3, HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_FROM),
			       STR("\"Sales: Anna No. 1\" <sip:101@")));
	rings(&c, &w->phone[3]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_cancelled(&b, "SIP;cause=200;text=\"Call completed elsewhere\"");
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	assert_string_equal(last_call(w)->callee, "600");
	hang_up(&c, &a);
	assert_string_equal(last_call(w)->final_dest, "103");
	assert_string_equal(last_call(w)->status, "answered");
	ua_done(&b);
}

/* EXT-14: in a group as when it is called itself. */
static void members_that_are_busy_are_passed_over(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d, e;

	put_group(w, GROUP, "600", MEMBERS_2_3, HANGUP);
	put(w, &resource_extension, TENANT, 2, "{'number':'102','busy_level':1}");
	put(w, &resource_extension, TENANT, 3, "{'number':'103','busy_level':1}");
	talk(w, &a, &b); /* 101 with 102 */
	calls_number(&d, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&c, &w->phone[3]);
	nothing(&w->phone[2]);
	registers(&w->phone[5], 102); /* another device of it is as busy */
	nothing(&w->phone[5]);
	calls_number(&e, &w->phone[1], "600", audio(&w->phone[1]));
	ua_got(&e, 486); /* now both are */
	ua_reply(&c, 486, "");
	ua_got(&d, 486);
	ua_request(&b, "BYE", "");
	ua_got(&b, 200);
	ua_asked_by_bye(&a);
	ua_done(&a);
	ua_done(&b);
	ua_done(&c);
}

static void members_that_cannot_ring_are_passed_over(void **state)
{
	struct world *w = *state;
	struct ua a, c = {0};

	put(w, &resource_extension, TENANT, 2, "{'number':'102','enabled':false}");
	put_group(w, GROUP, "600",
		  "[{'extension_id':'2'},{'extension_id':'3'},{'extension_id':'4'}]", HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&c, &w->phone[3]);
	nothing(&w->phone[2]);
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	ua_done(&c);
}

static void one_members_refusal_leaves_the_others_ringing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put_group(w, GROUP, "600", MEMBERS_2_3, HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[3]);
	ua_reply(&b, 603, "");
	nothing(a.p);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &c);
	ua_done(&b);
}

static void unanswered_it_hangs_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put_group(w, GROUP, "600", MEMBERS_2_3, HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[3]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 180, "");
	pass(w, 15050);
	ua_cancelled(&b, NULL);
	ua_cancelled(&c, NULL);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "no_answer");
	assert_string_equal(last_call(w)->status, "missed");
	ua_done(&b);
	ua_done(&c);
}

static void unanswered_it_goes_on_to_an_extension(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	put_group(w, GROUP, "600", "[{'extension_id':'2'}]", "{'kind':'extension','id':'3'}");
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	pass(w, 15050);
	ua_cancelled(&b, NULL);
	m = rings(&c, &w->phone[3]);
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_FROM),
			       STR("\"Anna No. 1\" <sip:101@"))); /* no group any more */
	assert_int_equal(heard(w, BUS_CALL_REROUTE), 1);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &c);
	assert_string_equal(last_call(w)->final_dest, "103");
	ua_done(&b);
}

static void without_members_it_goes_on_at_once(void **state)
{
	struct world *w = *state;
	struct ua a, c = {0};

	put_group(w, GROUP, "600", "[]", "{'kind':'extension','id':'3'}");
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&c, &w->phone[3]);
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	put_group(w, GROUP, "600", "[]", HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "unavailable");
	ua_done(&c);
}

static void groups_that_send_calls_to_each_other_end_in_a_loop(void **state)
{
	struct world *w = *state;
	struct ua a;

	put_group(w, GROUP, "600", "[]", "{'kind':'hangup'}");
	put_group(w, OTHER_GROUP, "601", "[]", "{'kind':'ring_group','id':'7'}");
	put_group(w, GROUP, "600", "[]", "{'kind':'ring_group','id':'8'}");
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "loop");
}

static void a_caller_that_gives_up_stops_the_group(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put_group(w, GROUP, "600", MEMBERS_2_3, "{'kind':'extension','id':'1'}");
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[3]);
	ua_reply(&b, 180, "");
	ua_reply(&c, 180, "");
	ua_got(&a, 180);
	ua_request(&a, "CANCEL", "");
	got_status(a.p, 200);
	ua_got(&a, 487);
	ua_cancelled(&b, NULL);
	ua_cancelled(&c, NULL);
	assert_string_equal(last_call(w)->status, "cancelled");
	ua_done(&b);
	ua_done(&c);
}

static void a_member_that_registers_meanwhile_rings_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, d = {0};

	put_group(w, GROUP, "600", "[{'extension_id':'2'},{'extension_id':'4'}]", HANGUP);
	calls_number(&a, &w->phone[1], "600", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	registers(&w->phone[4], 104);
	rings(&d, &w->phone[4]);
	ua_reply(&b, 486, "");
	ua_reply(&d, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
	ua_done(&d);
}

/* ---- echo ---- */

static void echo_answers_and_sends_back(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct sip_msg *m;
	struct ua a;

	calls_number(&a, &w->phone[1], "*43", audio(&w->phone[1]));
	m = ua_got(&a, 200);
	assert_true(says(m, "RTP/AVP 0 8 101"));
	s = session_at(w, media_port(m, 0));
	assert_false(s->is_echo);
	assert_true(last_call(w)->answered_at != 0);
	ua_request(&a, "ACK", "");
	assert_true(s->is_echo);
	assert_true(s->remote[0].may_send && s->remote[0].may_receive);
	assert_int_equal(s->remote[0].rtp.port, 4000);
	assert_string_equal(w->segment[0].service, "echo");
	pass(w, 60000);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	run(w);
	assert_string_equal(last_call(w)->status, "answered");
	assert_string_equal(last_call(w)->final_dest, "*43");
	assert_true(w->segment[1].ended_at > 0);
}

static void echo_may_be_put_on_hold(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct sip_msg *m;
	struct ua a;
	uint64_t version;

	calls_number(&a, &w->phone[1], "*43", audio(&w->phone[1]));
	m = ua_got(&a, 200);
	version = sdp_version(m);
	s = session_at(w, media_port(m, 0));
	ua_request(&a, "ACK", "");
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	m = ua_got(&a, 200);
	assert_true(says(m, "a=recvonly"));
	assert_true(sdp_version(m) > version);
	assert_false(s->remote[0].may_receive);
	ua_request(&a, "ACK", "");
	ua_request(&a, "INVITE", ""); /* and asked for an offer of ours */
	m = ua_got(&a, 200);
	assert_true(says(m, "m=audio"));
	ua_request(&a, "ACK", audio_as(a.p, 3, "sendrecv"));
	assert_true(s->remote[0].may_receive);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
}

static void echo_offers_to_who_does_not(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct sip_msg *m;
	struct ua a;

	calls_number(&a, &w->phone[1], "%2A43", ""); /* as some phones escape it */
	m = ua_got(&a, 200);
	s = session_at(w, media_port(m, 0));
	ua_request(&a, "ACK", audio(a.p));
	assert_true(s->is_echo);
	assert_int_equal(s->remote[0].rtp.port, 4000);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
}

static void echo_of_video_alone_is_refused(void **state)
{
	struct world *w = *state;
	struct ua a;

	calls_number(
		&a, &w->phone[1], "*43",
		sdp_lines(&w->phone[1], 1, "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"));
	ua_got(&a, 488);
	assert_string_equal(last_call(w)->status, "failed");
	assert_int_equal(last_call(w)->answered_at, 0);
}

static void echo_takes_the_audio_line_wherever_it_stands(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct sip_msg *m;
	struct ua a;

	calls_number(&a, &w->phone[1], "*43",
		     sdp_lines(&w->phone[1], 1,
			       "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=audio 4000 "
			       "RTP/AVP 0\r\n"));
	m = ua_got(&a, 200);
	assert_int_equal(media_port(m, 0), 0);
	s = session_at(w, media_port(m, 1));
	ua_request(&a, "ACK", "");
	assert_int_equal(s->remote[1].rtp.port, 4000);
	assert_int_equal(s->remote[0].rtp.family, 0);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
}

static void an_echo_that_nobody_speaks_into_ends(void **state)
{
	struct world *w = *state;
	struct ua a;

	calls_number(&a, &w->phone[1], "*43", audio(&w->phone[1]));
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	calls_media_event(
		&(struct media_event){.type = MEDIA_SILENT, .session = w->engine.session[0].id},
		w->calls);
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "no_media");
	ua_done(&a);
}

/* ---- transferred to a service ---- */

/* It is asked what it offers; nothing else comes meanwhile. */
static void is_asked(struct ua *whom)
{
	assert_int_equal(ua_asked(whom, SIP_INVITE)->body.n, 0);
}

static void transfers_to_echo(struct ua *by)
{
	refers(by, "sip:*43@acme.example", "");
	accepted(by);
	told(by, "SIP/2.0 200 OK", true);
}

/* Its answer has come, and it hears itself. */
static void echoes(struct world *w, struct ua *whom)
{
	assert_true(session_at(w, media_port(ua_asked(whom, SIP_ACK), 0))->is_echo);
}

static void leaves_both(struct ua *by, struct ua *whom)
{
	ua_request(by, "BYE", "");
	got_status(by->p, 200);
	ua_request(whom, "BYE", "");
	got_status(whom->p, 200);
	run(by->p->w);
	ua_done(by);
	ua_done(whom);
}

static void whose_media_went_past_us_hears_itself(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	for (unsigned i = 1; i <= 2; i++)
		put(w, &resource_account, TENANT, 100 + i,
		    "{'username':'10%u','extension_id':'%u','direct_media':true}", i, i);
	calls_and_talks(&a, &w->phone[1], "102", &b, &w->phone[2]);
	assert_int_equal(engine_sessions(&w->engine), 0);
	transfers_to_echo(&b);
	is_asked(&a);
	ua_reply(&a, 200, audio(a.p));
	echoes(w, &a);
	leaves_both(&b, &a);
}

static void who_is_in_the_middle_of_an_offer_is_asked_after_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *hold;

	talk(w, &a, &b);
	ua_request(&b, "INVITE", audio_as(b.p, 2, "sendonly"));
	hold = ua_asked(&a, SIP_INVITE);
	assert_true(says(hold, "a=sendonly"));
	refers(&b, "sip:*43@acme.example", "Refer-Sub: false\n");
	got_status(b.p, 202);
	ua_got(&b, 491);
	ua_request(&b, "ACK", "");
	ua_reply(&a, 200, audio_as(a.p, 2, "recvonly"));
	ua_asked(&a, SIP_ACK);
	wait_for_message(a.p, 1000);
	is_asked(&a);
	ua_reply(&a, 200, audio_as(a.p, 3, "sendrecv"));
	echoes(w, &a);
	leaves_both(&b, &a);
}

static void who_answers_with_nothing_is_hung_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	transfers_to_echo(&b);
	is_asked(&a);
	ua_reply(&a, 200, "");
	ua_asked(&a, SIP_ACK);
	ua_asked_by_bye(&a);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_done(&a);
	ua_done(&b);
}

static void a_group_that_nobody_answers_gives_the_call_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put_group(w, GROUP, "600", "[{'extension_id':'3'}]", HANGUP);
	talk(w, &a, &b);
	refers(&b, "sip:600@acme.example", "");
	accepted(&b);
	rings(&c, &w->phone[3]);
	is_given_back(w, &a, &b, &c);
	hang_up(&a, &b);
	ua_done(&c);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, open_services, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(all_members_ring_and_one_answers),
		SERVED(members_that_are_busy_are_passed_over),
		SERVED(members_that_cannot_ring_are_passed_over),
		SERVED(one_members_refusal_leaves_the_others_ringing),
		SERVED(unanswered_it_hangs_up),
		SERVED(unanswered_it_goes_on_to_an_extension),
		SERVED(without_members_it_goes_on_at_once),
		SERVED(groups_that_send_calls_to_each_other_end_in_a_loop),
		SERVED(a_caller_that_gives_up_stops_the_group),
		SERVED(a_member_that_registers_meanwhile_rings_too),
		SERVED(echo_answers_and_sends_back),
		SERVED(echo_may_be_put_on_hold),
		SERVED(echo_offers_to_who_does_not),
		SERVED(echo_of_video_alone_is_refused),
		SERVED(echo_takes_the_audio_line_wherever_it_stands),
		SERVED(an_echo_that_nobody_speaks_into_ends),
		SERVED(whose_media_went_past_us_hears_itself),
		SERVED(who_is_in_the_middle_of_an_offer_is_asked_after_it),
		SERVED(who_answers_with_nothing_is_hung_up),
		SERVED(a_group_that_nobody_answers_gives_the_call_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
