/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session timers: who refreshes, how, and what happens when nobody does (RFC 4028). */
#include "sip/invite_testing.h"

static int setup_timer(void **state)
{
	struct world *w;
	int err = setup(state);

	w = *state;
	sip_set_session_timer(w->net.sip, 120);
	return err;
}

#define KNOWS	"Supported: timer\n"
#define UPDATES "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n"

/* The INVITE comes with those lines and is answered: the 200 is the message looked at. */
static void called(struct world *w, const char *lines)
{
	struct sip_extra extra = sdp();
	char more[300];

	snprintf(more, sizeof(more), "%s" WITH_SDP, lines);
	in_request(w, "INVITE", 1, more);
	assert_non_null(w->inv);
	tn_clear(&w->net);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	in_request(w, "ACK", 1, "");
	w->nevents = 0;
}

static void answered(struct world *w, const char *lines)
{
	char more[300];

	call_out(w);
	snprintf(more, sizeof(more), "%s" WITH_SDP, lines);
	in_200(w, 200, "t1", more);
	tn_clear(&w->net);
	w->nevents = 0;
}

static void caller_who_says_who_refreshes_is_obeyed(void **state)
{
	struct world *w = *state;

	called(w, KNOWS "Session-Expires: 100;refresher=uac\n");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "100;refresher=uac");
	assert_string_equal(tn_header(&w->net, "Require"), "timer");
	tn_pass(&w->net, 66000);
	assert_int_equal(w->net.nsent, 0);
	in_request(w, "UPDATE", 2, KNOWS "Session-Expires: 100;refresher=uac\n");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "100;refresher=uac");
	assert_string_equal(tn_header(&w->net, "Require"), "timer");
	tn_pass(&w->net, 67900); /* 100 - min(32, 33) = 68 */
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 200);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
	assert_int_equal(w->events[0], SIP_INV_LOST);
}

static void we_refresh_with_update_at_half_the_time(void **state)
{
	struct world *w = *state;

	called(w, KNOWS UPDATES "Session-Expires: 90;refresher=uas\n");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "90;refresher=uas");
	assert_string_equal(tn_header(&w->net, "Require"), "");
	tn_pass(&w->net, 44900);
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 200);
	assert_string_equal(tn_out_line(&w->net), "UPDATE sip:alice@198.51.100.7:5070 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "90;refresher=uac");
	assert_string_equal(tn_header(&w->net, "Content-Length"), "0");
	tn_in(&w->net,
	      "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: %s\nCall-ID: c1@alice\nCSeq: 1 "
	      "UPDATE\nContact: <sip:alice@198.51.100.7:5070>\nSession-Expires: "
	      "90;refresher=uac\n",
	      tn_header(&w->net, "Via"), tn_header(&w->net, "From"), tn_header(&w->net, "To"));
	tn_pass(&w->net, 44900);
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 200);
	assert_string_equal(tn_out_line(&w->net), "UPDATE sip:alice@198.51.100.7:5070 SIP/2.0");
	tn_pass(&w->net, 33000); /* never answered */
	assert_int_equal(w->events[0], SIP_INV_LOST);
	assert_int_equal(w->nevents, 1);
}

static void without_update_our_user_refreshes(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	answered(w, "Require: timer\nSession-Expires: 120;refresher=uac\n");
	tn_pass(&w->net, 60001);
	assert_int_equal(last(w), SIP_INV_REFRESH);
	assert_int_equal(sip_invite_reinvite(w->inv, &extra), 0);
	assert_string_equal(tn_out_line(&w->net), "INVITE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "120;refresher=uac");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "200 OK", "t1", "2 INVITE", "Session-Expires: 120;refresher=uac\n" WITH_SDP);
	tn_clear(&w->net);
	tn_pass(&w->net, 59000);
	assert_int_equal(count(w, SIP_INV_REFRESH), 1);
	tn_pass(&w->net, 1001);
	assert_int_equal(count(w, SIP_INV_REFRESH), 2);
	tn_pass(&w->net, 28001); /* nothing was done about it */
	assert_int_equal(last(w), SIP_INV_LOST);
}

static void peer_without_the_extension_is_left_alone(void **state)
{
	struct world *w = *state;

	called(w, "");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "");
	tn_pass(&w->net, 3600000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(w->nevents, 0);
}

static void callee_without_the_extension_is_left_alone(void **state)
{
	struct world *w = *state;

	answered(w, "");
	tn_pass(&w->net, 3600000);
	assert_int_equal(w->net.nsent, 0);
}

static void proxy_may_ask_for_a_caller_who_does_not_know_it(void **state)
{
	struct world *w = *state;

	called(w, UPDATES "Session-Expires: 600\n");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "120;refresher=uas");
	assert_string_equal(tn_header(&w->net, "Require"), "");
	tn_pass(&w->net, 60001);
	assert_string_equal(tn_out_line(&w->net), "UPDATE sip:alice@198.51.100.7:5070 SIP/2.0");
}

static void too_short_gets_422_with_the_least(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, KNOWS "Session-Expires: 60\n" WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 422);
	assert_string_equal(tn_header(&w->net, "Min-SE"), "90");
	assert_null(w->inv);
	in_request(w, "INVITE", 2, "Require: timer\nSession-Expires: 60\n" WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 422);
	called(w, "Session-Expires: 60\n"); /* who would not understand that is given no timer */
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "");
	tn_clear(&w->net);
	tn_pass(&w->net, 3600000);
	assert_int_equal(w->net.nsent, 0);
}

static void min_se_of_the_caller_is_respected(void **state)
{
	struct world *w = *state;

	called(w, KNOWS "Session-Expires: 1800\nMin-SE: 900\n");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "900;refresher=uac");
}

static void refresh_refused_with_422_is_sent_again_with_more(void **state)
{
	struct world *w = *state;

	answered(w, UPDATES "Session-Expires: 120;refresher=uac\n");
	tn_pass(&w->net, 60001);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "422 Small", "t1", "2 UPDATE", "Min-SE: 300\n");
	tn_pass(&w->net, 1);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "300;refresher=uac");
	assert_string_equal(tn_header(&w->net, "Min-SE"), "300");
	assert_string_equal(tn_header(&w->net, "CSeq"), "3 UPDATE");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "200 OK", "t1", "3 UPDATE", "Session-Expires: 300;refresher=uas\n");
	tn_pass(&w->net, 150001);
	assert_int_equal(w->net.nsent, 0); /* it is theirs now */
	tn_pass(&w->net, 118000);	   /* 300 - 32 */
	assert_int_equal(last(w), SIP_INV_LOST);
}

static void invite_answers_a_422(void **state)
{
	struct world *w = *state;
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
		.min_se = 600,
	};

	assert_int_equal(sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w), 0);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "600");
	assert_string_equal(tn_header(&w->net, "Min-SE"), "600");
	assert_true(strstr(tn_header(&w->net, "Supported"), "timer"));
}

static void switched_off_nobody_is_asked_and_nothing_promised(void **state)
{
	struct world *w = *state;

	sip_set_session_timer(w->net.sip, 0);
	called(w, KNOWS "Session-Expires: 100\n");
	assert_string_equal(tn_header(&w->net, "Session-Expires"), "");
	assert_string_equal(tn_header(&w->net, "Supported"), "");
	tn_pass(&w->net, 200000);
	assert_int_equal(w->net.nsent, 0);
}

static void refresh_without_update_after_405(void **state)
{
	struct world *w = *state;

	answered(w, UPDATES "Session-Expires: 120;refresher=uac\n");
	tn_pass(&w->net, 60001);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "405 No", "t1", "2 UPDATE", "");
	tn_pass(&w->net, 2001);
	assert_int_equal(last(w), SIP_INV_REFRESH);
}

#define TIMED(f) cmocka_unit_test_setup_teardown(f, setup_timer, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIMED(caller_who_says_who_refreshes_is_obeyed),
		TIMED(we_refresh_with_update_at_half_the_time),
		TIMED(without_update_our_user_refreshes),
		TIMED(peer_without_the_extension_is_left_alone),
		TIMED(callee_without_the_extension_is_left_alone),
		TIMED(proxy_may_ask_for_a_caller_who_does_not_know_it),
		TIMED(too_short_gets_422_with_the_least),
		TIMED(min_se_of_the_caller_is_respected),
		TIMED(refresh_refused_with_422_is_sent_again_with_more),
		TIMED(invite_answers_a_422),
		TIMED(switched_off_nobody_is_asked_and_nothing_promised),
		TIMED(refresh_without_update_after_405),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
