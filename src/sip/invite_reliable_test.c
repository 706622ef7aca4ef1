/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reliable provisional responses and their PRACK, both ways (RFC 3262). */
#include "sip/invite_testing.h"

#define RELIABLE "Require: 100rel\nRSeq: "

static int setup_100rel(void **state)
{
	struct world *w;
	int err = setup(state);

	w = *state;
	return err ? err : sip_support(w->net.sip, "100rel");
}

/* The INVITE comes with that, we send 183 with a description: its RSeq. */
static unsigned progress(struct world *w, const char *more, unsigned status, bool has_sdp)
{
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, more);
	tn_clear(&w->net);
	assert_int_equal(sip_invite_progress(w->inv, status, has_sdp ? &extra : NULL), 0);
	assert_int_equal(tn_out_status(&w->net), status);
	return (unsigned)strtoul(tn_header(&w->net, "RSeq"), NULL, 10);
}

static void in_prack(struct world *w, unsigned rseq, unsigned cseq, const char *more)
{
	char lines[160];

	snprintf(lines, sizeof(lines), "RAck: %u 1 INVITE\n%s", rseq, more);
	in_request(w, "PRACK", cseq, lines);
}

static void caller_who_asks_for_it_gets_reliable_ones(void **state)
{
	struct world *w = *state;
	unsigned rseq = progress(w, "Require: 100rel\n" WITH_SDP, 180, false);

	assert_true(rseq);
	assert_string_equal(tn_header(&w->net, "Require"), "100rel");
	assert_true(strstr(tn_header(&w->net, "Allow"), "PRACK"));
	assert_true(*tn_header(&w->net, "Contact"));
	in_prack(w, rseq, 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 PRACK");
	tn_pass(&w->net, 40000);
	assert_int_equal(w->net.nsent, 0);
}

static void caller_who_does_not_know_it_gets_plain_ones(void **state)
{
	struct world *w = *state;

	assert_int_equal(progress(w, WITH_SDP, 183, true), 0);
	assert_string_equal(tn_header(&w->net, "Require"), "");
	tn_pass(&w->net, 10000);
	assert_int_equal(w->net.nsent, 0);
}

static void switched_off_a_caller_who_requires_it_is_refused(void **state)
{
	struct world *w = *state;

	sip_unsupport(w->net.sip, "100rel");
	in_request(w, "INVITE", 1, "Require: 100rel\n" WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 420);
	assert_string_equal(tn_header(&w->net, "Unsupported"), "100rel");
	in_request(w, "INVITE", 2, "Supported: 100rel\n" WITH_SDP);
	tn_clear(&w->net);
	assert_int_equal(sip_invite_progress(w->inv, 180, NULL), 0);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "RSeq"), "");
}

static void next_one_waits_for_the_prack_of_the_first(void **state)
{
	struct world *w = *state;
	unsigned rseq = progress(w, "Supported: 100rel\n" WITH_SDP, 180, false);

	assert_int_equal(sip_invite_progress(w->inv, 182, NULL), 0);
	assert_int_equal(sip_invite_progress(w->inv, 181, NULL), 0);
	assert_int_equal(w->net.nsent, 0);
	in_prack(w, rseq, 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 182);
	assert_int_equal(strtoul(tn_header(&w->net, "RSeq"), NULL, 10), rseq + 1);
	assert_int_equal(w->net.nsent, 0);
	in_prack(w, rseq + 1, 3, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 181);
}

static void it_is_repeated_with_doubling_and_ends_in_504(void **state)
{
	struct world *w = *state;
	uint64_t start, at = 500;
	unsigned n = 0;

	progress(w, "Supported: 100rel\n" WITH_SDP, 180, false);
	start = clock_mono_ms(&w->net.clock.clock);
	for (; at < 32000; at = 2 * at + 500, n++) {
		tn_pass(&w->net, start + at - clock_mono_ms(&w->net.clock.clock));
		assert_int_equal(tn_out_status(&w->net), 180);
	}
	assert_int_equal(n, 6); /* 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 */
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 500);
	assert_int_equal(tn_out_status(&w->net), 504);
	assert_int_equal(w->events[0], SIP_INV_LOST);
}

static void wrong_prack_gets_481_and_acknowledges_nothing(void **state)
{
	struct world *w = *state;
	unsigned rseq = progress(w, "Supported: 100rel\n" WITH_SDP, 180, false);

	in_prack(w, rseq + 1, 2, "");
	assert_int_equal(tn_out_status(&w->net), 481);
	in_request(w, "PRACK", 3, "RAck: nonsense\n");
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 400 Malformed RAck");
	in_request(w, "PRACK", 4, "");
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 400 Missing RAck");
	tn_pass(&w->net, 500);
	assert_int_equal(tn_out_status(&w->net), 180);
	in_prack(w, rseq, 5, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	in_prack(w, rseq, 6, ""); /* a second one, for what is acknowledged already */
	assert_int_equal(tn_out_status(&w->net), 481);
}

static void answer_waits_for_the_prack_of_a_description(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();
	unsigned rseq = progress(w, "Supported: 100rel\n" WITH_SDP, 183, true);

	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	assert_int_equal(w->net.nsent, 0);
	in_prack(w, rseq, 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 PRACK");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 INVITE");
	in_request(w, "ACK", 1, "");
	assert_int_equal(last(w), SIP_INV_ACKED);
}

static void answer_does_not_wait_for_the_prack_of_a_plain_ringing(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();
	unsigned rseq = progress(w, "Supported: 100rel\n" WITH_SDP, 180, false);

	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	in_request(w, "ACK", 1, "");
	in_prack(w, rseq, 2, ""); /* they crossed */
	assert_int_equal(tn_out_status(&w->net), 200);
	tn_pass(&w->net, 40000);
	assert_int_equal(w->net.nsent, 0);
}

static void call_may_end_while_its_answer_waits(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	progress(w, "Supported: 100rel\n" WITH_SDP, 183, true);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	in_request(w, "BYE", 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_int_equal(last(w), SIP_INV_CANCELLED);
	assert_nothing_is_left(w);
}

static void answer_that_waits_in_vain_ends_the_call(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();

	progress(w, "Supported: 100rel\n" WITH_SDP, 183, true);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	tn_pass(&w->net, 32001);
	assert_int_equal(w->events[0], SIP_INV_LOST);
	assert_nothing_is_left(w);
}

static void prack_that_crosses_a_refusal_is_answered(void **state)
{
	struct world *w = *state;
	unsigned rseq = progress(w, "Supported: 100rel\n" WITH_SDP, 180, false);

	sip_invite_end(w->inv, 486, STR_NONE);
	assert_int_equal(tn_out_status(&w->net), 486);
	tn_pass(&w->net, 10);
	assert_int_equal(last(w), SIP_INV_ENDED);
	in_prack(w, rseq, 2, "");
	assert_int_equal(tn_out_status(&w->net), 200);
	in_prack(w, rseq + 1, 3, "");
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_nothing_is_left(w);
}

static void offer_in_our_183_is_answered_in_the_prack(void **state)
{
	struct world *w = *state;
	struct sip_extra extra = sdp();
	unsigned rseq = progress(w, "Require: 100rel\n", 183, true);

	assert_true(sip_invite_is_settled(w->inv));
	in_prack(w, rseq, 2, WITH_SDP);
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_int_equal(last(w), SIP_INV_PRACKED);
	assert_string_equal(w->sdp, SDP);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
	assert_int_equal(tn_out_status(&w->net), 200);
	in_request(w, "INVITE", 3, WITH_SDP); /* no offer is open: the ACK was lost */
	assert_int_equal(last(w), SIP_INV_OFFER);
}

static void what_must_offer_and_has_nothing_is_left_out(void **state)
{
	struct world *w = *state;

	in_request(w, "INVITE", 1, "Require: 100rel\n");
	tn_clear(&w->net);
	assert_int_equal(sip_invite_progress(w->inv, 180, NULL), 0);
	assert_int_equal(w->net.nsent, 0);
}

static void caller_without_an_offer_who_only_supports_it_is_told_plainly(void **state)
{
	struct world *w = *state;

	assert_int_equal(progress(w, "Supported: 100rel\n", 180, false), 0);
}

/* ---- as caller ---- */

static void in_1xx(struct world *w, unsigned status, const char *tag, unsigned rseq,
		   const char *more)
{
	char lines[200];

	snprintf(lines, sizeof(lines), RELIABLE "%u\n%s", rseq, more);
	in_200(w, status, tag, lines);
}

static void reliable_ringing_is_acknowledged_in_order_and_once(void **state)
{
	struct world *w = *state;

	call_out(w);
	assert_true(strstr(tn_header(&w->net, "Supported"), "100rel"));
	in_1xx(w, 180, "t1", 700, "");
	assert_string_equal(tn_out_line(&w->net), "PRACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "RAck"), "700 1 INVITE");
	assert_string_equal(tn_header(&w->net, "CSeq"), "2 PRACK");
	assert_int_equal(w->nevents, 1);
	in_1xx(w, 180, "t1", 700, ""); /* repeated */
	in_1xx(w, 183, "t1", 702, ""); /* one is missing */
	assert_int_equal(w->nevents, 1);
	assert_int_equal(w->net.nsent, 0);
	in_1xx(w, 183, "t1", 701, WITH_SDP);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "RAck"), "701 1 INVITE");
	assert_string_equal(w->sdp, SDP);
	in_200(w, 200, "t1", WITH_SDP);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 ACK");
	sip_invite_end(w->inv, 0, STR_NONE);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "CSeq"), "4 BYE");
}

static void each_fork_counts_for_itself(void **state)
{
	struct world *w = *state;

	call_out(w);
	in_1xx(w, 180, "t1", 5, "");
	assert_string_equal(tn_out_line(&w->net), "PRACK sip:carol-t1@203.0.113.5 SIP/2.0");
	in_1xx(w, 180, "t2", 9, "");
	assert_string_equal(tn_out_line(&w->net), "PRACK sip:carol-t2@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "RAck"), "9 1 INVITE");
	in_1xx(w, 180, "t1", 6, "");
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "RAck"), "6 1 INVITE");
	in_200(w, 180, "t3", ""); /* and one that is not reliable */
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(w->nevents, 4);
}

static void offer_in_their_183_is_answered_by_our_user(void **state)
{
	struct world *w = *state;
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("\"Bob\" <sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
	};

	w->net.peer = tn_flow(FLOW_UDP, "203.0.113.5", 5060);
	assert_int_equal(sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w), 0);
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	snprintf(w->tag, sizeof(w->tag), "%s", tn_param(&w->net, "From", "tag"));
	snprintf(w->call_id, sizeof(w->call_id), "%s", tn_header(&w->net, "Call-ID"));
	in_1xx(w, 183, "t1", 7, WITH_SDP);
	assert_int_equal(w->net.nsent, 0);
	assert_string_equal(w->sdp, SDP);
	assert_int_equal(sip_invite_prack(w->inv, 1, STR(SDP)), EPROTO);
	assert_int_equal(sip_invite_prack(w->inv, 0, STR(SDP)), 0);
	assert_string_equal(tn_out_line(&w->net), "PRACK sip:carol-t1@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_body(&w->net), SDP);
	in_200(w, 200, "t1", "");
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol-t1@203.0.113.5 SIP/2.0");
}

static void call_where_nobody_could_answer_does_not_offer_it(void **state)
{
	struct world *w = *state;
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
		.is_plain = true,
	};

	assert_int_equal(sip_support(w->net.sip, "path"), 0);
	assert_int_equal(sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w), 0);
	tn_out(&w->net);
	assert_string_equal(tn_header(&w->net, "Supported"), "path");
}

#define TEST100(f) cmocka_unit_test_setup_teardown(f, setup_100rel, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST100(caller_who_asks_for_it_gets_reliable_ones),
		TEST100(caller_who_does_not_know_it_gets_plain_ones),
		TEST100(switched_off_a_caller_who_requires_it_is_refused),
		TEST100(next_one_waits_for_the_prack_of_the_first),
		TEST100(it_is_repeated_with_doubling_and_ends_in_504),
		TEST100(wrong_prack_gets_481_and_acknowledges_nothing),
		TEST100(answer_waits_for_the_prack_of_a_description),
		TEST100(answer_does_not_wait_for_the_prack_of_a_plain_ringing),
		TEST100(call_may_end_while_its_answer_waits),
		TEST100(answer_that_waits_in_vain_ends_the_call),
		TEST100(prack_that_crosses_a_refusal_is_answered),
		TEST100(offer_in_our_183_is_answered_in_the_prack),
		TEST100(what_must_offer_and_has_nothing_is_left_out),
		TEST100(caller_without_an_offer_who_only_supports_it_is_told_plainly),
		TEST100(reliable_ringing_is_acknowledged_in_order_and_once),
		TEST100(each_fork_counts_for_itself),
		TEST100(offer_in_their_183_is_answered_by_our_user),
		TEST100(call_where_nobody_could_answer_does_not_offer_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
