/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/invite_testing.h"

static void keep_request(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	w->request = sip_strans_id(st);
}

static void accepted_invite_is_answered_with_contact_allow_and_sdp(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, "Record-Route: <sip:p1;lr>, <sip:p2;lr>\n" WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 100);
	assert_int_equal(sip_invite_progress(w->inv, 180, NULL), 0);
	assert_int_equal(tn_out_status(&w->net), 180);
	assert_string_equal(tn_header(&w->net, "Contact"), "<sip:us@192.0.2.1>");
	assert_string_equal(tn_header(&w->net, "Record-Route"), "<sip:p1;lr>, <sip:p2;lr>");
	assert_string_equal(tn_param(&w->net, "To", "tag"), w->tag);
	struct sip_extra extra = sdp();
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_param(&w->net, "To", "tag"), w->tag);
	assert_true(*tn_header(&w->net, "Allow"));
	assert_string_equal(tn_header(&w->net, "Contact"), "<sip:us@192.0.2.1>");
	assert_string_equal(tn_body(&w->net), SDP);
	assert_int_equal(sip_invite_accept(w->inv, &extra), EPROTO);
	assert_int_equal(sip_invite_progress(w->inv, 180, NULL), EPROTO);
}

static void invite_of_rfc2543_without_contact_is_called_back_at_its_from(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	tn_in(&w->net, "INVITE sip:us@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=old\n"
		       "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>\n"
		       "Call-ID: c1@alice\nCSeq: 1 INVITE\n");
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	in_request(w, "ACK", 1, "");
	tn_clear(&w->net);
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@example.com SIP/2.0");
}

static void invite_without_contact_makes_no_dialog(void **state)
{
	struct world *w = *state;
	struct sip_invite *inv = NULL;

	sip_on_request(w->net.sip, SIP_INVITE, keep_request, w);
	tn_in(&w->net, "INVITE sip:us@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKnew\n"
		       "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>\n"
		       "Call-ID: c1@alice\nCSeq: 1 INVITE\n");
	assert_int_equal(sip_invite_uas(&inv, sip_strans_get(w->net.sip, w->request),
					"<sip:us@192.0.2.1>", on_event, w),
			 EPROTO);
	assert_null(inv);
}

static void invite_with_a_contact_that_cannot_be_read_makes_no_dialog(void **state)
{
	struct world *w = *state;
	struct sip_invite *inv = NULL;

	sip_on_request(w->net.sip, SIP_INVITE, keep_request, w);
	tn_in(&w->net, "INVITE sip:us@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKodd\n"
		       "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>\n"
		       "Call-ID: c1@alice\nCSeq: 1 INVITE\nContact: <http://example.com>\n");
	assert_int_equal(sip_invite_uas(&inv, sip_strans_get(w->net.sip, w->request),
					"<sip:us@192.0.2.1>", on_event, w),
			 EPROTO);
	assert_null(inv);
}

static void ok_is_repeated_until_the_ack_even_a_late_one(void **state)
{
	struct world *w = *state;
	static const unsigned at[] = {0, 500, 1500, 3500, 7500};

	accept_call(w);
	tn_out(&w->net); /* the 100 */
	tn_pass(&w->net, 10000);
	assert_int_equal(w->net.nsent, ARRAY_LEN(at));
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_int_equal(w->net.sent[i].at_ms - w->net.sent[0].at_ms, at[i]);
	assert_int_equal(w->nevents, 0);
	in_request(w, "ACK", 1, "");
	assert_int_equal(last(w), SIP_INV_ACKED);
	tn_clear(&w->net);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(w->nevents, 1);
}

static void ack_that_never_comes_loses_the_call_with_a_bye(void **state)
{
	struct world *w = *state;

	accept_call(w);
	tn_pass(&w->net, 31999);
	assert_int_equal(w->nevents, 0);
	tn_clear(&w->net);
	tn_pass(&w->net, 1);
	assert_int_equal(last(w), SIP_INV_LOST);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
	assert_string_equal(tn_param(&w->net, "From", "tag"), w->tag);
	tn_pass(&w->net, 32100);
	assert_int_equal(last(w), SIP_INV_ENDED);
	assert_nothing_is_left(w);
}

static void ack_may_carry_the_answer_to_our_offer(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, "");
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	in_request(w, "ACK", 1, WITH_SDP);
	assert_int_equal(last(w), SIP_INV_ACKED);
	assert_string_equal(w->sdp, SDP);
}

static void ack_with_another_cseq_acknowledges_nothing(void **state)
{
	struct world *w = *state;

	accept_call(w);
	in_request(w, "ACK", 7, "");
	assert_int_equal(w->nevents, 0);
}

static void retransmitted_invite_after_the_ack_is_no_new_call(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	in_with_branch(w, "INVITE", "one", "", 1);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	in_request(w, "ACK", 1, "");
	tn_clear(&w->net);
	in_with_branch(w, "INVITE", "one", "", 1); /* on_invite would assert */
	assert_int_equal(w->net.nsent, 0);
	in_with_branch(w, "INVITE", "other", "", 1);
	assert_int_equal(tn_out_status(&w->net), 482);
}

static void cancel_before_the_answer_ends_with_487(void **state)
{
	struct world *w = *state;

	in_with_branch(w, "INVITE", "one", "", 1);
	tn_clear(&w->net);
	in_with_branch(w, "CANCEL", "one", "", 1);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 CANCEL");
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_int_equal(last(w), SIP_INV_CANCELLED);
	in_with_branch(w, "ACK", "one", w->tag, 1);
	tn_pass(&w->net, 1);
	assert_int_equal(last(w), SIP_INV_ENDED);
	assert_nothing_is_left(w);
}

static void cancel_after_the_answer_changes_nothing(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	in_with_branch(w, "INVITE", "one", "", 1);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	tn_clear(&w->net);
	in_with_branch(w, "CANCEL", "one", "", 1);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(w->net.nsent + w->nevents, 0);
	in_request(w, "ACK", 1, "");
	assert_int_equal(last(w), SIP_INV_ACKED);
}

static void bye_before_the_answer_ends_with_487(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, WITH_SDP);
	assert_int_equal(sip_invite_progress(w->inv, 180, NULL), 0);
	tn_clear(&w->net);
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_int_equal(last(w), SIP_INV_CANCELLED);
	assert_nothing_is_left(w);
}

static void ended_before_the_answer_is_refused_with_the_status_and_reason(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, WITH_SDP);
	tn_clear(&w->net);
	sip_invite_end(w->inv, 486, STR("Reason: Q.850;cause=17\r\n"));
	assert_int_equal(tn_out_status(&w->net), 486);
	assert_string_equal(tn_header(&w->net, "Reason"), "Q.850;cause=17");
	assert_int_equal(w->nevents, 0);
	assert_nothing_is_left(w);
	assert_int_equal(count(w, SIP_INV_ENDED), 1);
}

static void ended_before_the_ack_waits_for_it_with_the_bye(void **state)
{
	struct world *w = *state;

	accept_call(w);
	tn_clear(&w->net);
	sip_invite_end(w->inv, 0, STR("Reason: Q.850;cause=16\r\n"));
	assert_int_equal(w->net.nsent, 0);
	in_request(w, "ACK", 1, "");
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Reason"), "Q.850;cause=16");
	assert_int_equal(w->nevents, 0);
	assert_nothing_is_left(w);
}

static void bye_of_the_peer_is_answered_and_told(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(last(w), SIP_INV_BYE);
	in_request(w, "INVITE", 3, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 481);
	tn_pass(&w->net, 1);
	assert_int_equal(last(w), SIP_INV_ENDED);
	in_request(w, "INVITE", 4, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_nothing_is_left(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepted_invite_is_answered_with_contact_allow_and_sdp),
		TEST(invite_without_contact_makes_no_dialog),
		TEST(invite_of_rfc2543_without_contact_is_called_back_at_its_from),
		TEST(invite_with_a_contact_that_cannot_be_read_makes_no_dialog),
		TEST(ok_is_repeated_until_the_ack_even_a_late_one),
		TEST(ack_that_never_comes_loses_the_call_with_a_bye),
		TEST(ack_may_carry_the_answer_to_our_offer),
		TEST(ack_with_another_cseq_acknowledges_nothing),
		TEST(retransmitted_invite_after_the_ack_is_no_new_call),
		TEST(cancel_before_the_answer_ends_with_487),
		TEST(cancel_after_the_answer_changes_nothing),
		TEST(bye_before_the_answer_ends_with_487),
		TEST(ended_before_the_answer_is_refused_with_the_status_and_reason),
		TEST(ended_before_the_ack_waits_for_it_with_the_bye),
		TEST(bye_of_the_peer_is_answered_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
