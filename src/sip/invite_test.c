/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sip/invite_usage.h"
#include "sip/testnet.h"

#define SDP	 "v=0\r\n"
#define WITH_SDP "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\r\n"

struct world {
	struct testnet net;
	struct sip_invite *inv;
	enum sip_inv_event_type events[64];
	unsigned nevents;
	unsigned status, fork;
	char sdp[64];
	oid request;
	bool ack_at_once, end_at_once, busy;
	unsigned nanswers; /* of sip_invite_request */
	char tag[64];	   /* ours, in the dialog with the peer */
	char call_id[64];
	char via[256]; /* of our last request */
};

static void on_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct world *w = arg;

	assert_ptr_equal(inv, w->inv);
	assert_true(w->nevents < ARRAY_LEN(w->events));
	w->events[w->nevents++] = ev->type;
	w->status = ev->status;
	w->fork = ev->fork;
	snprintf(w->sdp, sizeof(w->sdp), "%.*s", STR_ARG(ev->sdp));
	if (ev->type == SIP_INV_REQUEST)
		w->request = sip_strans_id(ev->st);
	if (ev->type == SIP_INV_ANSWERED && w->ack_at_once)
		assert_int_equal(sip_invite_ack(inv, STR_NONE), 0);
	if (ev->type == SIP_INV_OFFER_DONE && ev->status < 300 && w->ack_at_once)
		assert_int_equal(sip_invite_ack(inv, STR_NONE), 0);
	if (w->end_at_once)
		sip_invite_end(inv, 486, STR_NONE);
	if (ev->type == SIP_INV_ENDED)
		w->inv = NULL;
}

static void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	assert_null(w->inv);
	assert_int_equal(sip_invite_uas(&w->inv, st, "<sip:us@192.0.2.1>", on_event, w), 0);
	snprintf(w->tag, sizeof(w->tag), "%s", sip_strans_tag(st));
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	sip_on_request(w->net.sip, SIP_INVITE, on_invite, w);
	w->ack_at_once = true;
	*state = w;
	return 0;
}

static void finish(struct world *w)
{
	inv_free(w->inv);
	tn_shut(&w->net);
	free(w);
}

static int teardown(void **state)
{
	finish(*state);
	return 0;
}

/* All is quiet: no transaction, dialog, timer or counted byte is left. */
static void assert_nothing_is_left(struct world *w)
{
	struct sip_counts c;

	tn_pass(&w->net, 70000);
	sip_counts(w->net.sip, &c);
	assert_null(w->inv);
	assert_int_equal(c.client_transactions + c.server_transactions + c.lingering + c.dialogs,
			 0);
	assert_int_equal(wheel_count(w->net.wheel), 0);
}

static unsigned count(const struct world *w, enum sip_inv_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->nevents; i++)
		n += w->events[i] == type;
	return n;
}

static enum sip_inv_event_type last(const struct world *w)
{
	assert_true(w->nevents);
	return w->events[w->nevents - 1];
}

/* ---- the peer calls us ---- */

static void in_request(struct world *w, const char *method, unsigned cseq, const char *more)
{
	static unsigned branch;
	bool is_first = !w->tag[0];

	tn_in(&w->net,
	      "%s sip:us@192.0.2.1 SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKin%u;rport\n"
	      "Max-Forwards: 70\n"
	      "From: \"Alice\" <sip:alice@example.com>;tag=a1\n"
	      "To: <sip:bob@example.com>%s%s\n"
	      "Call-ID: c1@alice\nCSeq: %u %s\n"
	      "Contact: <sip:alice@198.51.100.7:5070>\n%s",
	      method, ++branch, is_first ? "" : ";tag=", w->tag, cseq, method, more);
}

/* CANCEL and retransmissions need the INVITE's branch. */
static void in_with_branch(struct world *w, const char *method, const char *branch,
			   const char *to_tag, unsigned cseq)
{
	tn_in(&w->net,
	      "%s sip:us@192.0.2.1 SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK%s;rport\n"
	      "From: \"Alice\" <sip:alice@example.com>;tag=a1\n"
	      "To: <sip:bob@example.com>%s%s\n"
	      "Call-ID: c1@alice\nCSeq: %u %s\n"
	      "Contact: <sip:alice@198.51.100.7:5070>\n",
	      method, branch, *to_tag ? ";tag=" : "", to_tag, cseq, method);
}

static struct sip_extra sdp(void)
{
	return (struct sip_extra){.content_type = STR("application/sdp"), .body = STR(SDP)};
}

static void accept_call(struct world *w)
{
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, WITH_SDP);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
}

static void uas_confirmed(struct world *w)
{
	accept_call(w);
	in_request(w, "ACK", 1, "");
	assert_int_equal(last(w), SIP_INV_ACKED);
	tn_clear(&w->net);
	w->nevents = 0;
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
	assert_int_equal(w->nevents, 1);
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

/* ---- offers of the peer ---- */

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
	assert_int_equal(tn_out_status(&w->net), 487);
	assert_int_equal(tn_out_status(&w->net), 200);
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

/* ---- we call ---- */

static void call_out(struct world *w)
{
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("\"Bob\" <sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
		.max_forwards = 69,
		.extra = {.headers = STR("X-A: b\r\n"),
			  .content_type = STR("application/sdp"),
			  .body = STR(SDP)},
	};

	w->net.peer = tn_flow(FLOW_UDP, "203.0.113.5", 5060);
	assert_int_equal(sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w), 0);
	assert_string_equal(tn_out_line(&w->net), "INVITE sip:carol@203.0.113.5 SIP/2.0");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	snprintf(w->tag, sizeof(w->tag), "%s", tn_param(&w->net, "From", "tag"));
	snprintf(w->call_id, sizeof(w->call_id), "%s", tn_header(&w->net, "Call-ID"));
}

static void in_response(struct world *w, const char *line, const char *to_tag, const char *cseq,
			const char *more)
{
	tn_in(&w->net,
	      "SIP/2.0 %s\nVia: %s\nFrom: \"Bob\" <sip:bob@example.com>;tag=%s\nTo: "
	      "<sip:carol@example.com>;tag=%s\n"
	      "Call-ID: %s\nCSeq: %s\nContact: <sip:carol-%s@203.0.113.5>\n%s",
	      line, w->via, w->tag, to_tag, w->call_id, cseq, to_tag, more);
}

static void in_200(struct world *w, unsigned status, const char *to_tag, const char *more)
{
	char line[40];

	snprintf(line, sizeof(line), "%u X", status);
	in_response(w, line, to_tag, "1 INVITE", more);
}

static void uac_confirmed(struct world *w)
{
	call_out(w);
	in_200(w, 200, "t1", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_ANSWERED);
	tn_clear(&w->net);
	w->nevents = 0;
}

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

/* ---- our offers ---- */

static void reinvite(struct world *w)
{
	struct sip_extra extra = sdp();

	assert_int_equal(sip_invite_reinvite(w->inv, &extra), 0);
	assert_string_equal(tn_out_line(&w->net), "INVITE sip:carol-t1@203.0.113.5 SIP/2.0");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
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

static void on_answer(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct world *w = arg;

	(void)trans;
	(void)err;
	w->nanswers++;
	w->status = resp ? resp->status : 0;
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

static void reinvite_that_is_never_answered_goes_with_its_call(void **state)
{
	struct world *w = *state;

	uac_confirmed(w);
	reinvite(w);
	in_response(w, "180 Ringing", "t1", "2 INVITE", "");
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_nothing_is_left(w);
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

/* ---- kept ---- */

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

/* ---- transports ---- */

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

static void dialog_whose_connection_is_gone_is_continued_at_the_contact(void **state)
{
	struct world *w = *state;

	w->net.peer = tn_flow(FLOW_TCP, "198.51.100.7", 40000);
	w->net.peer.conn = 7;
	uas_confirmed(w);
	w->net.dead_conn = 7;
	sip_invite_end(w->inv, 0, STR_NONE);
	assert_int_equal(w->net.nsent, 1);
	assert_int_equal(w->net.sent[0].flow.remote.port, 5070);
	assert_int_not_equal(w->net.sent[0].flow.conn, 7);
	assert_string_equal(tn_out_line(&w->net), "BYE sip:alice@198.51.100.7:5070 SIP/2.0");
}

static void prack_that_means_nothing_gets_481(void **state)
{
	struct world *w = *state;

	uas_confirmed(w);
	in_request(w, "PRACK", 2, "");
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_int_equal(w->nevents, 0);
}

/* ---- memory ---- */

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

/* ---- tables ---- */

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepted_invite_is_answered_with_contact_allow_and_sdp),
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
		TEST(crossing_byes_both_get_200),
		TEST(requests_with_an_old_cseq_get_500),
		TEST(options_within_the_dialog_gets_200),
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
		TEST(our_reinvite_is_acknowledged_and_told),
		TEST(refused_reinvite_keeps_the_call),
		TEST(reinvite_meeting_theirs_says_491_and_is_tried_again_later),
		TEST(side_that_was_called_retries_within_two_seconds),
		TEST(request_answered_481_loses_the_dialog),
		TEST(request_of_our_user_is_answered_and_its_silence_loses_the_dialog),
		TEST(requests_in_flight_are_forgotten_at_the_end),
		TEST(reinvite_that_is_never_answered_goes_with_its_call),
		TEST(response_under_a_foreign_from_tag_makes_no_dialog),
		TEST(user_may_end_the_call_inside_of_any_event),
		TEST(kept_dialog_continues_after_a_restart),
		TEST(empty_kept_value_restores_nothing),
		TEST(dialog_over_tls_hears_nobody_in_clear),
		TEST(dialog_whose_connection_is_gone_is_continued_at_the_contact),
		TEST(prack_that_means_nothing_gets_481),
		TEST(finished_call_lingers_in_less_than_1500_bytes),
		TEST(unlisted_events_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
