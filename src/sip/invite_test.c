/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/invite_testing.h"

static void on_answer(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct world *w = arg;

	(void)trans;
	(void)err;
	w->nanswers++;
	w->status = resp ? resp->status : 0;
}

static void crossing_byes_both_get_200(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(w->nevents, 0);
	tn_in(&w->net,
	      "SIP/2.0 481 Gone\nVia: %s\nFrom: <sip:bob@example.com>;tag=%s\nTo: "
	      "<sip:alice@example.com>;tag=a1\n"
	      "Call-ID: c1@alice\nCSeq: 1 BYE\n",
	      w->via, w->tag);
	tn_pass(&w->net, 1);
	assert_int_equal(count(w, SIP_INV_ENDED), 1);
	assert_nothing_is_left(w);
}

static void requests_with_an_old_cseq_get_500(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "INFO", 5, "");
	assert_int_equal(last(w), SIP_INV_REQUEST);
	assert_int_equal(sip_reply(sip_strans_get(w->net.sip, w->request), 200, NULL, NULL), 0);
	tn_clear(&w->net);
	in_request(w, "INFO", 4, "");
	assert_int_equal(tn_out_status(&w->net), 500);
	tn_clear(&w->net);
	in_request(w, "INFO", 5, "");
	assert_int_equal(tn_out_status(&w->net), 500);
	assert_int_equal(w->nevents, 1);
	tn_clear(&w->net);
	in_request(w, "BYE", 5, ""); /* another method: no copy of it, and not lower */
	assert_int_equal(tn_out_status(&w->net), 200);
}

static void options_within_the_dialog_gets_200(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "OPTIONS", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(w->nevents, 0);
	in_request(w, "BYE", 3, "");
	assert_int_equal(tn_out_status(&w->net), 200);
}

static void request_answered_481_loses_the_dialog(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	reinvite(w);
	in_response(w, "481 Gone", "t1", "2 INVITE", "");
	assert_int_equal(w->events[0], SIP_INV_OFFER_DONE);
	assert_int_equal(w->events[1], SIP_INV_LOST);
	tn_out(&w->net); /* ACK */
	assert_string_equal(tn_out_line(&w->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_nothing_is_left(w);
	assert_int_equal(count(w, SIP_INV_ENDED), 1);
}

static void request_of_our_user_is_answered_and_its_silence_loses_the_dialog(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	assert_int_equal(sip_invite_request(w->inv, SIP_INFO, NULL, on_answer, w), 0);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "200 OK", "t1", "2 INFO", "");
	assert_int_equal(w->nanswers, 1);
	assert_int_equal(w->status, 200);
	assert_int_equal(sip_invite_request(w->inv, SIP_INFO, NULL, on_answer, w), 0);
	tn_pass(&w->net, 32000);
	assert_int_equal(w->nanswers, 2);
	assert_int_equal(w->events[0], SIP_INV_LOST);
	assert_nothing_is_left(w);
}

static void requests_in_flight_are_forgotten_at_the_end(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	assert_int_equal(sip_invite_request(w->inv, SIP_INFO, NULL, on_answer, w), 0);
	tn_in(&w->net,
	      "BYE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKbye;rport\n"
	      "From: <sip:carol@example.com>;tag=t1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "%s\nCSeq: 9 BYE\n",
	      w->tag, w->call_id);
	assert_int_equal(last(w), SIP_INV_BYE);
	assert_nothing_is_left(w);
	assert_int_equal(w->nanswers, 0);
}

/* A BYE and the answer to what was asked before, in one packet: who asked has gone with the BYE. */
static void an_answer_behind_the_bye_is_told_to_nobody(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	assert_int_equal(sip_invite_request(w->inv, SIP_INFO, NULL, on_answer, w), 0);
	snprintf(w->via, sizeof(w->via), "%s", (tn_out(&w->net), tn_header(&w->net, "Via")));
	tn_in(&w->net,
	      "BYE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKbye;rport\n"
	      "From: <sip:carol@example.com>;tag=t1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "%s\nCSeq: 9 BYE\n",
	      w->tag, w->call_id);
	in_response(w, "200 OK", "t1", "2 INFO", "");
	assert_int_equal(w->nanswers, 0);
	assert_int_equal(last(w), SIP_INV_BYE);
	assert_nothing_is_left(w);
}

static void kept_dialog_continues_after_a_restart(void **state)
{
	struct world *w = *state;
	struct world *again = calloc(1, sizeof(*again));
	struct sip_dialog_kept kept, same;

	call_out(w);
	in_200(w, 200, "t1", "Record-Route: <sip:p1;lr>, <sip:p2;lr>\n" WITH_SDP);
	sip_invite_kept(w->inv, &kept);
	tn_open(&again->net);
	assert_int_equal(sip_invite_restore(&again->inv, again->net.sip, &kept, on_event, again),
			 0);
	sip_invite_kept(again->inv, &same);
	assert_memory_equal(&kept, &same, sizeof(kept));
	tn_in(&again->net,
	      "INFO sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "203.0.113.5;branch=z9hG4bKinfo;rport\n"
	      "From: <sip:carol@example.com>;tag=t1\nTo: <sip:bob@example.com>;tag=%s\nCall-ID: "
	      "%s\nCSeq: 9 INFO\n",
	      w->tag, w->call_id);
	assert_int_equal(last(again), SIP_INV_REQUEST);
	tn_clear(&again->net);
	sip_invite_end(again->inv, 0, STR_NONE);
	assert_string_equal(tn_out_line(&again->net), "BYE sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&again->net, "Route"), "<sip:p2;lr>");
	assert_string_equal(tn_header(&again->net, "CSeq"), "2 BYE");
	assert_true(str_starts(str_of(tn_header(&again->net, "From")),
			       STR("\"Bob\" <sip:bob@example.com>;tag=")));
	assert_string_equal(tn_param(&again->net, "From", "tag"), w->tag);
	finish(again);
}

static void empty_kept_value_restores_nothing(void **state)
{
	struct world *w = *state;
	struct sip_dialog_kept kept = {0};

	assert_int_equal(sip_invite_restore(&w->inv, w->net.sip, &kept, on_event, w), EINVAL);
	assert_null(w->inv);
}

static void dialog_over_tls_hears_nobody_in_clear(void **state)
{
	struct world *w = *state;

	w->net.peer = tn_flow(FLOW_TLS, "198.51.100.7", 40000);
	w->net.peer.conn = 7;
	uas_confirmed(w);
	w->net.peer = tn_flow(FLOW_UDP, "198.51.100.7", 40000);
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 403);
	in_request(w, "INVITE", 3, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 403);
	assert_int_equal(w->nevents, 0);
	w->net.peer = tn_flow(FLOW_TLS, "198.51.100.7", 40001); /* it has connected anew */
	w->net.peer.conn = 8;
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
}

static void call_holds_its_connection_until_it_ends(void **state)
{
	struct world *w = *state;

	w->net.peer = tn_flow(FLOW_WS, "198.51.100.7", 40000);
	w->net.peer.conn = 7;
	uas_confirmed(w);
	assert_int_equal(w->net.held[7], 1);
	tn_pass(&w->net, 3600000);
	assert_int_equal(w->net.held[7], 1);
	w->net.peer.conn = 8; /* it has connected anew, and refreshes its target */
	in_request(w, "UPDATE", 2, "");
	assert_int_equal(w->net.held[7], 0);
	assert_int_equal(w->net.held[8], 1);
	in_request(w, "BYE", 3, "");
	assert_nothing_is_left(w);
	assert_int_equal(w->net.held[8], 0);
}

static void dialog_whose_connection_is_gone_is_continued_at_the_contact(void **state)
{
	struct world *w = *state;

	w->net.peer = tn_flow(FLOW_TCP, "198.51.100.7", 40000);
	w->net.peer.conn = 7;
	uas_confirmed(w);
	assert_int_equal(w->net.held[7], 1);
	w->net.dead_conn = 7;
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_int_equal(w->net.held[7], 0);
	assert_int_equal(w->net.nsent, 1);
	assert_int_equal(w->net.sent[0].flow.remote.port, 5070);
	assert_int_not_equal(w->net.sent[0].flow.conn, 7);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
}

static void dialog_goes_on_over_the_connection_that_its_device_registered(void **state)
{
	struct flow flow = tn_flow(FLOW_WSS, "198.51.100.7", 40001);
	struct str its = STR("sip:alice@198.51.100.7:5070;transport=ws");
	struct world *w = *state;

	w->net.peer = tn_flow(FLOW_WSS, "198.51.100.7", 40000);
	w->net.peer.conn = 7;
	uas_confirmed(w);
	assert_false(sip_invite_moved(w->inv, its, &flow, false)); /* on no connection */
	flow.conn = 8;
	assert_false(sip_invite_moved(w->inv, STR("sip:bob@198.51.100.7:5070"), &flow, false));
	assert_false(sip_invite_moved(w->inv, STR("sip:alice@198.51.100.7"), &flow, false));
	flow.transport = FLOW_WS;
	assert_false(sip_invite_moved(w->inv, its, &flow, false)); /* in clear */
	flow.transport = FLOW_WSS;
	assert_int_equal(w->net.held[7], 1);
	assert_true(sip_invite_moved(w->inv, its, &flow, false));
	assert_int_equal(w->net.held[7], 0);
	assert_int_equal(w->net.held[8], 1);
	w->net.dead_conn = 7;
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_int_equal(w->net.nsent, 1);
	assert_int_equal(w->net.sent[0].flow.conn, 8);
}

static void prack_that_means_nothing_gets_481(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "PRACK", 2, "RAck: 1 1 INVITE\n");
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_int_equal(w->nevents, 0);
}

/* docs/testing.md: what a finished call costs until its transactions are over. */
static void finished_call_lingers_in_less_than_1500_bytes(void **state)
{
	struct world *w = *state;
	uint64_t before = mem_bytes();

	uas_confirmed(w);
	in_request(w, "BYE", 2, "");
	tn_pass(&w->net, 10);
	assert_null(w->inv);
	tn_clear(&w->net);
	w->tag[0] = '\0';
	uac_confirmed(w);
	sip_invite_end(w->inv, 0, STR_NONE);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	in_response(w, "200 OK", "t1", "2 BYE", "");
	tn_pass(&w->net, 10);
	assert_null(w->inv);
	assert_in_range(mem_bytes() - before, 1, 1500);
	assert_nothing_is_left(w);
	assert_int_equal(mem_bytes(), before);
}

static void unlisted_events_change_nothing(void **state)
{
	static const bool listed[INV_NSTATES][INV_NEVENTS] = {
#define X(from, ev, to, act) [INV_##from][INV_EV_##ev] = true,
#include "sip/invite.def"
#undef X
	};
	static const bool offers[OFFER_NSTATES][OFFER_NEVENTS] = {
#define X(from, ev, to, act) [OFFER_##from][OFFER_EV_##ev] = true,
#include "sip/offer.def"
#undef X
	};
	struct world *w = *state;
	struct inv_in in = {0};
	struct sip_invite before;

	uas_confirmed(w);
	for (unsigned s = 0; s < INV_NSTATES; s++) {
		for (unsigned e = 0; e < INV_NEVENTS; e++) {
			w->inv->state = (enum inv_state)s;
			before = *w->inv;
			if (listed[s][e])
				continue;
			assert_int_equal(inv_event(w->inv, (enum inv_event)e, &in), EPROTO);
			assert_memory_equal(w->inv, &before, sizeof(before));
		}
	}
	w->inv->state = INV_CONFIRMED;
	for (unsigned s = 0; s < OFFER_NSTATES; s++) {
		for (unsigned e = 0; e < OFFER_NEVENTS; e++) {
			w->inv->offer = (enum offer_state)s;
			before = *w->inv;
			if (offers[s][e])
				continue;
			assert_int_equal(offer_event(w->inv, (enum offer_event)e, &in), EPROTO);
			assert_memory_equal(w->inv, &before, sizeof(before));
		}
	}
	w->inv->offer = OFFER_IDLE;
	assert_int_equal(w->nevents + w->net.nsent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(crossing_byes_both_get_200),
		TEST(requests_with_an_old_cseq_get_500),
		TEST(options_within_the_dialog_gets_200),
		TEST(request_answered_481_loses_the_dialog),
		TEST(request_of_our_user_is_answered_and_its_silence_loses_the_dialog),
		TEST(requests_in_flight_are_forgotten_at_the_end),
		TEST(an_answer_behind_the_bye_is_told_to_nobody),
		TEST(kept_dialog_continues_after_a_restart),
		TEST(empty_kept_value_restores_nothing),
		TEST(dialog_over_tls_hears_nobody_in_clear),
		TEST(call_holds_its_connection_until_it_ends),
		TEST(dialog_whose_connection_is_gone_is_continued_at_the_contact),
		TEST(dialog_goes_on_over_the_connection_that_its_device_registered),
		TEST(prack_that_means_nothing_gets_481),
		TEST(finished_call_lingers_in_less_than_1500_bytes),
		TEST(unlisted_events_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
