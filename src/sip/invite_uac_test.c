/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/invite_testing.h"

static void invite_carries_what_its_sender_gave(void **state)
{
	struct world *w = *state;

	call_out(w);
	assert_string_equal(tn_header(&w->net, "Max-Forwards"), "69");
	assert_string_equal(tn_header(&w->net, "X-A"), "b");
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 INVITE");
	assert_string_equal(tn_header(&w->net, "Contact"), "<sip:us@192.0.2.1>");
	assert_true(*tn_header(&w->net, "Allow"));
	assert_null(strstr(w->net.last, "100rel"));
	assert_string_equal(tn_body(&w->net), SDP);
}

static void answered_call_is_acknowledged_along_its_route(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 180, "t1", "Record-Route: <sip:old;lr>\n");
	assert_int_equal(last(w), SIP_INV_PROVISIONAL);
	assert_int_equal(w->status, 180);
	in_200(w, 200, "t1", "Record-Route: <sip:p1;lr>, <sip:p2;lr>\n" WITH_SDP);
	assert_int_equal(last(w), SIP_INV_ANSWERED);
	assert_string_equal(w->sdp, SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Route"), "<sip:p2;lr>");
	assert_string_equal(tn_header_nth(&w->net, "Route", 1), "<sip:p1;lr>");
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 ACK");
	assert_string_not_equal(tn_header(&w->net, "Via"), w->via);
	in_200(w, 200, "t1", WITH_SDP); /* our ACK was lost */
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_int_equal(count(w, SIP_INV_ANSWERED), 1);
}

static void strict_router_becomes_the_request_uri(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 200, "t1", "Record-Route: <sip:p1;lr>, <sip:strict.example.com>\n" WITH_SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:strict.example.com SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Route"), "<sip:p1;lr>");
	assert_string_equal(tn_header_nth(&w->net, "Route", 1), "<sip:carol-t1@203.0.113.5>");
}

static void forks_are_told_apart_and_the_first_answer_wins(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 183, "t1", WITH_SDP);
	assert_int_equal(w->fork, 0);
	in_200(w, 180, "t2", "");
	assert_int_equal(w->fork, 1);
	in_200(w, 180, "t1", "");
	assert_int_equal(w->fork, 0);
	in_200(w, 200, "t2", WITH_SDP);
	assert_int_equal(w->fork, 1);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t2@203.0.113.5 SIP/2.0");
	in_200(w, 200, "t1", WITH_SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_out_line(&w->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_param(&w->net, "To", "tag"), "t1");
	assert_int_equal(w->nevents, 4);
}

static void refusal_is_told_and_ends(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 302, "t1", "");
	assert_int_equal(last(w), SIP_INV_REJECTED);
	assert_int_equal(w->status, 302);
	assert_nothing_is_left(w);
	assert_int_equal(w->nevents, 2);
	assert_int_equal(last(w), SIP_INV_ENDED);
}

static void unknown_statuses_count_by_their_class(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 199, "t1", "");
	assert_int_equal(last(w), SIP_INV_PROVISIONAL);
	in_200(w, 299, "t1", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_ANSWERED);
	assert_int_equal(w->status, 299);
}

static void silence_counts_as_408_and_a_closed_port_as_503(void **state)
{
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	call_out(w);
	tn_pass(&w->net, 32000);
	assert_int_equal(last(w), SIP_INV_REJECTED);
	assert_int_equal(w->status, 408);
	tn_pass(&w->net, 1);
	assert_null(w->inv);
	tn_clear(&w->net);
	w->nevents = 0;
	call_out(w);
	sink->failed(sink, &w->net.peer, ECONNREFUSED);
	assert_int_equal(last(w), SIP_INV_REJECTED);
	assert_int_equal(w->status, 503);
	assert_nothing_is_left(w);
}

static void ended_before_any_answer_cancels_after_the_first_provisional(void **state)
{
	struct world *w = *state;

	call_out(w);
	sip_invite_end(w->inv, 0,
		       STR("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
	assert_int_equal(w->net.nsent, 0);
	in_200(w, 180, "t1", "");
	assert_string_equal(tn_out_line(&w->net), "CANCEL sip:carol@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Reason"),
			    "SIP;cause=200;text=\"Call completed elsewhere\"");
	in_response(w, "200 OK", "t1", "1 CANCEL", "");
	in_200(w, 487, "t1", "");
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol@203.0.113.5 SIP/2.0");
	assert_nothing_is_left(w);
	assert_int_equal(w->nevents, 1);
}

static void ok_that_crosses_our_cancel_is_acknowledged_and_hung_up(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_200(w, 180, "t1", "");
	sip_invite_end(w->inv, 0, STR_NONE);
	tn_clear(&w->net);
	w->nevents = 0;
	in_200(w, 200, "t1", WITH_SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_out_line(&w->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 BYE");
	assert_int_equal(w->nevents, 0);
	assert_nothing_is_left(w);
	assert_int_equal(w->nevents, 1);
}

static void answer_after_we_gave_up_is_acknowledged_and_hung_up(void **state)
{
	struct world *w = *state;

	call_out(w);
	tn_pass(&w->net, 32100);
	assert_null(w->inv);
	tn_clear(&w->net);
	in_200(w, 200, "t1", WITH_SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_out_line(&w->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	snprintf(w->tag, sizeof(w->tag), "not-ours");
	in_200(w, 200, "t2", WITH_SDP);
	assert_int_equal(w->net.nsent, 0);
}

static void hang_up_sends_bye_and_waits_for_its_answer(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	sip_invite_end(w->inv, 0, STR("Reason: Q.850;cause=16\r\n"));
	assert_string_equal(tn_out_line(&w->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Reason"), "Q.850;cause=16");
	assert_string_equal(tn_param(&w->net, "From", "tag"), w->tag);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	tn_pass(&w->net, 100);
	assert_int_equal(w->nevents, 0);
	in_response(w, "200 OK", "t1", "2 BYE", "");
	tn_pass(&w->net, 1);
	assert_int_equal(last(w), SIP_INV_ENDED);
	assert_nothing_is_left(w);
}

static void late_offer_is_answered_in_the_ack_and_in_its_repetitions(void **state)
{
	struct world *w = *state;

	w->ack_at_once = false;
	call_out(w);
	in_200(w, 200, "t1", WITH_SDP);
	in_200(w, 200, "t1", WITH_SDP);
	assert_int_equal(w->net.nsent, 0); /* not before our user has said what it carries */
	assert_int_equal(sip_invite_ack(w->inv, STR(SDP)), 0);
	tn_out(&w->net);
	assert_string_equal(tn_body(&w->net), SDP);
	in_200(w, 200, "t1", WITH_SDP);
	tn_out(&w->net);
	assert_string_equal(tn_body(&w->net), SDP);
	assert_int_equal(sip_invite_ack(w->inv, STR(SDP)), EPROTO);
}

static void response_under_a_foreign_from_tag_makes_no_dialog(void **state)
{
	struct world *w = *state;

	call_out(w);
	snprintf(w->tag, sizeof(w->tag), "changed");
	in_200(w, 180, "t1", "");
	assert_int_equal(w->nevents, 0);
	in_200(w, 200, "t1", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_REJECTED);
	assert_int_equal(w->status, 503);
	assert_int_equal(w->net.nsent, 0);
	assert_nothing_is_left(w);
}

static void user_may_end_the_call_inside_of_any_event(void **state)
{
	struct world *w = *state;

	w->end_at_once = true;
	call_out(w);
	in_200(w, 180, "t1", "");
	assert_string_equal(tn_out_line(&w->net), "CANCEL sip:carol@203.0.113.5 SIP/2.0");
	in_200(w, 200, "t1", WITH_SDP);
	assert_nothing_is_left(w);
	tn_clear(&w->net);
	w->nevents = 0;
	call_out(w);
	in_200(w, 200, "t1", WITH_SDP);
	assert_nothing_is_left(w);
	assert_int_equal(count(w, SIP_INV_ENDED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(invite_carries_what_its_sender_gave),
		TEST(answered_call_is_acknowledged_along_its_route),
		TEST(strict_router_becomes_the_request_uri),
		TEST(forks_are_told_apart_and_the_first_answer_wins),
		TEST(refusal_is_told_and_ends),
		TEST(unknown_statuses_count_by_their_class),
		TEST(silence_counts_as_408_and_a_closed_port_as_503),
		TEST(ended_before_any_answer_cancels_after_the_first_provisional),
		TEST(ok_that_crosses_our_cancel_is_acknowledged_and_hung_up),
		TEST(answer_after_we_gave_up_is_acknowledged_and_hung_up),
		TEST(hang_up_sends_bye_and_waits_for_its_answer),
		TEST(late_offer_is_answered_in_the_ack_and_in_its_repetitions),
		TEST(response_under_a_foreign_from_tag_makes_no_dialog),
		TEST(user_may_end_the_call_inside_of_any_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
