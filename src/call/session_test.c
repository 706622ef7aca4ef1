/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session timers of both legs of a call, each for itself (RFC 4028), and UPDATE between them (RFC 3311). */
#include "call/testing_phone.h"

#define KNOWS	"Supported: timer\n"
#define UPDATES "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n"

static void talk_with(struct world *w, struct ua *a, struct ua *b, const char *of_a,
		      const char *of_b)
{
	calls_number_h(a, &w->phone[1], "102", of_a, audio(&w->phone[1]));
	rings(b, &w->phone[2]);
	ua_reply_h(b, 200, of_b, audio(&w->phone[2]));
	ua_asked(b, SIP_ACK);
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
}

static void callee_that_wants_longer_sessions_is_asked_again(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_header(m, SIP_HDR_SESSION_EXPIRES, "120");
	ua_reply_h(&b, 422, "Min-SE: 1800\n", "");
	m = rings(&b, &w->phone[2]);
	assert_header(m, SIP_HDR_SESSION_EXPIRES, "1800");
	assert_header(m, SIP_HDR_MIN_SE, "1800");
	assert_int_equal(m->cseq, 2);
	assert_true(says(m, "m=audio"));
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void callee_that_is_never_satisfied_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply_h(&b, 422, "Min-SE: 1800\n", "");
	rings(&b, &w->phone[2]);
	ua_reply_h(&b, 422, "Min-SE: 3600\n", "");
	ua_got(&a, 500);
	ua_done(&b);
}

static void device_without_update_is_refreshed_with_its_session(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk_with(w, &a, &b, "", "Require: timer\nSession-Expires: 120;refresher=uac\n");
	for (int i = 0; i < 3; i++) {
		pass(w, 59000);
		nothing(b.p);
		pass(w, 1100);
		m = ua_asked(&b, SIP_INVITE);
		assert_header(m, SIP_HDR_SESSION_EXPIRES, "120;refresher=uac");
		assert_true(says(m, "m=audio"));
		assert_int_equal(sdp_version(m), 1);
		ua_reply_h(&b, 200, "Require: timer\nSession-Expires: 120;refresher=uac\n",
			   audio(b.p));
		ua_asked(&b, SIP_ACK);
		nothing(a.p);
	}
	hang_up(&a, &b);
}

static void device_that_moves_at_a_refresh_is_followed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;
	struct session *s;

	talk_with(w, &a, &b, "", "Require: timer\nSession-Expires: 120;refresher=uac\n");
	pass(w, 60100);
	m = ua_asked(&b, SIP_INVITE);
	s = session_at(w, media_port(m, 0));
	ua_reply_h(&b, 200, "Session-Expires: 120;refresher=uac\n",
		   sdp_lines(b.p, 2, "m=audio 7000 RTP/AVP 0\r\n"));
	ua_asked(&b, SIP_ACK);
	assert_int_equal(s->remote[0].rtp.port, 7000);
	hang_up(&a, &b);
}

static void silent_device_ends_the_call_for_both(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk_with(w, &a, &b, KNOWS "Session-Expires: 90;refresher=uac\n", "");
	pass(w, 60100); /* 90 - 30: it should have refreshed */
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_asked(&a, SIP_BYE);
	ua_reply(&a, 200, "");
	run(w);
	assert_string_equal(last_call(w)->reason, "peer_lost");
	ua_done(&a);
	ua_done(&b);
}

static void refresh_of_one_side_does_not_trouble_the_other(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk_with(w, &a, &b, KNOWS "Session-Expires: 90;refresher=uac\n", "");
	pass(w, 45000);
	ua_request_h(&a, "INVITE", KNOWS "Session-Expires: 90;refresher=uac\n", audio(a.p));
	m = ua_got(&a, 200);
	assert_header(m, SIP_HDR_SESSION_EXPIRES, "90;refresher=uac");
	assert_int_equal(sdp_version(m), 1);
	ua_request(&a, "ACK", "");
	pass(w, 45000);
	ua_request_h(&a, "UPDATE", KNOWS "Session-Expires: 90;refresher=uac\n", "");
	ua_got(&a, 200);
	pass(w, 50000);
	nothing(b.p);
	hang_up(&a, &b);
}

static void provider_that_refreshes_without_a_description_is_offered_to(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk_with(w, &a, &b, KNOWS "Session-Expires: 90;refresher=uac\n", "");
	ua_request_h(&a, "INVITE", KNOWS "Session-Expires: 90;refresher=uac\n", "");
	m = ua_asked(&b, SIP_INVITE);
	assert_int_equal(m->body.n, 0);
	ua_reply(&b, 200, audio(b.p));
	m = ua_got(&a, 200);
	assert_true(says(m, "m=audio"));
	assert_header(m, SIP_HDR_SESSION_EXPIRES, "90;refresher=uac");
	ua_request(&a, "ACK", audio(a.p));
	ua_asked(&b, SIP_ACK);
	hang_up(&a, &b);
}

static void settings_are_obeyed_at_once(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	put(w, &resource_sip_setting, 0, 1, "{'session_seconds':300,'reliable':false}");
	calls_number_h(&a, &w->phone[1], "102", "Require: 100rel\n", audio(&w->phone[1]));
	m = ua_got(&a, 420);
	assert_header(m, SIP_HDR_UNSUPPORTED, "100rel");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_header(m, SIP_HDR_SESSION_EXPIRES, "300");
	assert_false(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100rel")));
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	put(w, &resource_sip_setting, 0, 1, "{'session_timer':false}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_false(sip_msg_has(m, SIP_HDR_SESSION_EXPIRES));
	assert_true(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100rel")));
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void update_is_passed_as_update_to_who_takes_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk_with(w, &a, &b, UPDATES, UPDATES);
	ua_request(&a, "UPDATE", audio_as(a.p, 2, "sendonly"));
	m = ua_asked(&b, SIP_UPDATE);
	assert_true(says(m, "a=sendonly"));
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	nothing(b.p); /* no ACK */
	m = ua_got(&a, 200);
	assert_true(says(m, "a=recvonly"));
	nothing(a.p);
	ua_request(&b, "UPDATE", audio_as(b.p, 3, "sendrecv"));
	m = ua_asked(&a, SIP_UPDATE);
	ua_reply(&a, 488, "");
	ua_got(&b, 488);
	hang_up(&a, &b);
}

static void update_goes_as_reinvite_to_who_does_not(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk_with(w, &a, &b, UPDATES, "Allow: INVITE, ACK, BYE\n");
	ua_request(&a, "UPDATE", audio_as(a.p, 2, "sendonly"));
	m = ua_asked(&b, SIP_INVITE);
	assert_true(says(m, "a=sendonly"));
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	hang_up(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(callee_that_wants_longer_sessions_is_asked_again),
		STORY(callee_that_is_never_satisfied_ends_the_call),
		STORY(device_without_update_is_refreshed_with_its_session),
		STORY(device_that_moves_at_a_refresh_is_followed),
		STORY(silent_device_ends_the_call_for_both),
		STORY(refresh_of_one_side_does_not_trouble_the_other),
		STORY(provider_that_refreshes_without_a_description_is_offered_to),
		STORY(settings_are_obeyed_at_once),
		STORY(update_is_passed_as_update_to_who_takes_it),
		STORY(update_goes_as_reinvite_to_who_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
