/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/invite_testing.h"

static void reinvite_is_asked_answered_and_acknowledged(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	uas_confirmed(w);
	in_request(w, "INVITE", 2, WITH_SDP);
	assert_int_equal(last(w), SIP_INV_OFFER);
	assert_string_equal(w->sdp, SDP);
	assert_int_equal(tn_out_status(&w->net), 100);
	assert_int_equal(sip_invite_respond(w->inv, 200, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "Contact"), "<sip:us@192.0.2.1>");
	tn_pass(&w->net, 500);
	assert_int_equal(tn_out_status(&w->net), 200); /* repeated */
	in_request(w, "ACK", 2, "");
	assert_int_equal(last(w), SIP_INV_OFFER_ACKED);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0);
}

static void reinvite_refused_keeps_the_session(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "INVITE", 2, WITH_SDP);
	tn_clear(&w->net);
	assert_int_equal(sip_invite_respond(w->inv, 488, NULL), 0);
	assert_int_equal(tn_out_status(&w->net), 488);
	assert_int_equal(sip_invite_respond(w->inv, 488, NULL), EPROTO);
	in_request(w, "INVITE", 3, WITH_SDP);
	assert_int_equal(count(w, SIP_INV_OFFER), 2);
}

static void reinvite_without_sdp_asks_us_to_offer(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	uas_confirmed(w);
	in_request(w, "INVITE", 2, "");
	assert_int_equal(last(w), SIP_INV_OFFER);
	assert_string_equal(w->sdp, "");
	assert_int_equal(sip_invite_respond(w->inv, 200, &extra), 0);
	tn_clear(&w->net);
	in_request(w, "INVITE", 3, WITH_SDP); /* our offer is open */
	assert_int_equal(tn_out_status(&w->net), 491);
	in_request(w, "ACK", 2, WITH_SDP);
	assert_int_equal(last(w), SIP_INV_OFFER_ACKED);
	assert_string_equal(w->sdp, SDP);
}

static void second_reinvite_before_the_answer_gets_500_with_retry_after(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "INVITE", 2, WITH_SDP);
	tn_clear(&w->net);
	in_request(w, "INVITE", 3, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 500);
	assert_true(*tn_header(&w->net, "Retry-After"));
	in_request(w, "UPDATE", 4, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 500);
	assert_int_equal(count(w, SIP_INV_OFFER), 1);
}

static void reinvite_before_the_first_answer_gets_500(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, WITH_SDP);
	tn_clear(&w->net);
	in_request(w, "INVITE", 2, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 500);
	assert_true(*tn_header(&w->net, "Retry-After"));
	in_request(w, "UPDATE", 3, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 500);
	assert_int_equal(w->nevents, 0);
}

static void reinvite_whose_first_ack_was_lost_is_taken_up(void **state)
{
	struct world *w = *state;

	accept_call(w);
	tn_clear(&w->net);
	in_request(w, "INVITE", 2, WITH_SDP);
	assert_int_equal(w->events[0], SIP_INV_ACKED);
	assert_int_equal(w->events[1], SIP_INV_OFFER);
}

static void cancelled_reinvite_gets_487_and_the_call_goes_on(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_with_branch(w, "INVITE", "re", w->tag, 2);
	tn_clear(&w->net);
	in_with_branch(w, "CANCEL", "re", w->tag, 2);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_int_equal(sip_invite_respond(w->inv, 200, NULL), EPROTO);
	in_request(w, "BYE", 3, "");
	assert_int_equal(last(w), SIP_INV_BYE);
}

static void bye_while_a_reinvite_is_open_ends_both(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "INVITE", 2, WITH_SDP);
	tn_clear(&w->net);
	in_request(w, "BYE", 3, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_nothing_is_left(w);
}

static void update_without_sdp_refreshes_the_target(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	tn_in(&w->net,
	      "UPDATE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "198.51.100.7:5070;branch=z9hG4bKup;rport\n"
	      "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "c1@alice\n"
	      "CSeq: 2 UPDATE\nContact: <sip:moved@198.51.100.9>\n",
	      w->tag);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(w->nevents, 0);
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:moved@198.51.100.9 SIP/2.0");
}

static void update_with_sdp_is_asked_and_answered_without_ack(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	uas_confirmed(w);
	in_request(w, "UPDATE", 2, WITH_SDP);
	assert_int_equal(last(w), SIP_INV_OFFER);
	assert_int_equal(sip_invite_respond(w->inv, 200, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_body(&w->net), SDP);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0);
	in_request(w, "INVITE", 3, WITH_SDP);
	assert_int_equal(count(w, SIP_INV_OFFER), 2);
}

static void our_reinvite_is_acknowledged_and_told(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	uac_confirmed(w);
	reinvite(w);
	assert_int_equal(sip_invite_reinvite(w->inv, &extra), EBUSY);
	in_response(w, "100 Trying", "t1", "2 INVITE", "");
	in_response(w, "200 OK", "t1", "2 INVITE", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_OFFER_DONE);
	assert_int_equal(w->status, 200);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 ACK");
	in_response(w, "200 OK", "t1", "2 INVITE", WITH_SDP);
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 ACK");
	assert_int_equal(w->net.nsent, 1);
	assert_int_equal(w->nevents, 1);
	tn_clear(&w->net);
	reinvite(w);
}

static void refused_reinvite_keeps_the_call(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	reinvite(w);
	in_response(w, "488 No", "t1", "2 INVITE", "");
	assert_int_equal(last(w), SIP_INV_OFFER_DONE);
	assert_int_equal(w->status, 488);
	assert_int_equal(w->inv->state, INV_CONFIRMED);
	tn_clear(&w->net);
	reinvite(w);
}

static void reinvite_meeting_theirs_says_491_and_is_tried_again_later(void **state)
{
	struct world *w = *state;
	uint64_t at;

	uac_confirmed(w);
	reinvite(w);
	tn_in(&w->net,
	      "INVITE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "203.0.113.5;branch=z9hG4bKglare;rport\n"
	      "From: <sip:carol@example.com>;tag=t1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "%s\nCSeq: 9 INVITE\n"
	      "Contact: <sip:carol-t1@203.0.113.5>\n" WITH_SDP,
	      w->tag, w->call_id);
	assert_int_equal(tn_out_status(&w->net), 491);
	in_response(w, "491 Request Pending", "t1", "2 INVITE", "");
	assert_string_equal(tn_header(&w->net, "CSeq"), "9 INVITE");
	assert_int_equal(w->nevents, 0);
	tn_clear(&w->net);
	at = clock_mono_ms(&w->net.clock.clock);
	tn_in(&w->net,
	      "ACK sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "203.0.113.5;branch=z9hG4bKglare;rport\n"
	      "From: <sip:carol@example.com>;tag=t1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "%s\nCSeq: 9 ACK\n",
	      w->tag, w->call_id);
	tn_pass(&w->net, 4000);
	assert_true(w->net.nsent >= 1);
	/* we own the Call-ID: 2.1 to 4 s */
	assert_in_range(w->net.sent[0].at_ms - at, 2100, 4000);
	assert_string_equal(tn_out_line(&w->net), "INVITE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "CSeq"), "3 INVITE");
	assert_string_equal(tn_body(&w->net), SDP);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "200 OK", "t1", "3 INVITE", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_OFFER_DONE);
	assert_int_equal(w->status, 200);
}

static void side_that_was_called_retries_within_two_seconds(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();
	uint64_t at;

	uas_confirmed(w);
	assert_int_equal(sip_invite_reinvite(w->inv, &extra), 0);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	tn_in(&w->net,
	      "SIP/2.0 491 Pending\nVia: %s\nFrom: <sip:bob@example.com>;tag=%s\nTo: "
	      "<sip:alice@example.com>;tag=a1\n"
	      "Call-ID: c1@alice\nCSeq: 1 INVITE\n",
	      w->via, w->tag);
	tn_clear(&w->net);
	at = clock_mono_ms(&w->net.clock.clock);
	tn_pass(&w->net, 2001);
	assert_true(w->net.nsent >= 1);
	assert_true(w->net.sent[0].at_ms - at <= 2000);
	assert_int_equal(w->nevents, 0);
}

static void reinvite_that_is_never_answered_goes_with_its_call(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	reinvite(w);
	in_response(w, "180 Ringing", "t1", "2 INVITE", "");
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_nothing_is_left(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reinvite_is_asked_answered_and_acknowledged),
		TEST(reinvite_refused_keeps_the_session),
		TEST(reinvite_without_sdp_asks_us_to_offer),
		TEST(second_reinvite_before_the_answer_gets_500_with_retry_after),
		TEST(reinvite_before_the_first_answer_gets_500),
		TEST(reinvite_whose_first_ack_was_lost_is_taken_up),
		TEST(cancelled_reinvite_gets_487_and_the_call_goes_on),
		TEST(bye_while_a_reinvite_is_open_ends_both),
		TEST(update_without_sdp_refreshes_the_target),
		TEST(update_with_sdp_is_asked_and_answered_without_ack),
		TEST(our_reinvite_is_acknowledged_and_told),
		TEST(refused_reinvite_keeps_the_call),
		TEST(reinvite_meeting_theirs_says_491_and_is_tried_again_later),
		TEST(side_that_was_called_retries_within_two_seconds),
		TEST(reinvite_that_is_never_answered_goes_with_its_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
