/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One INVITE usage, its user and the peer it talks to: what the tests of invite_*.c share.
 *
 * The peer calls us (in_request) or we call it (call_out, in_200); the user notes what it is told.
 */
#ifndef SIP_INVITE_TESTING_H
#define SIP_INVITE_TESTING_H

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

static inline void on_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
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

static inline void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	assert_null(w->inv);
	assert_int_equal(sip_invite_uas(&w->inv, st, "<sip:us@192.0.2.1>", on_event, w), 0);
	snprintf(w->tag, sizeof(w->tag), "%s", sip_strans_tag(st));
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	sip_on_request(w->net.sip, SIP_INVITE, on_invite, w);
	w->ack_at_once = true;
	*state = w;
	return 0;
}

static inline void finish(struct world *w)
{
	inv_free(w->inv);
	tn_shut(&w->net);
	free(w);
}

static inline int teardown(void **state)
{
	finish(*state);
	return 0;
}

/* All is quiet: no transaction, dialog, timer or counted byte is left. */
static inline void assert_nothing_is_left(struct world *w)
{
	struct sip_counts c;

	tn_pass(&w->net, 70000);
	sip_counts(w->net.sip, &c);
	assert_null(w->inv);
	assert_int_equal(c.client_transactions + c.server_transactions + c.lingering + c.dialogs,
			 0);
	assert_int_equal(wheel_count(w->net.wheel), 0);
}

static inline unsigned count(const struct world *w, enum sip_inv_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->nevents; i++)
		n += w->events[i] == type;
	return n;
}

static inline enum sip_inv_event_type last(const struct world *w)
{
	assert_true(w->nevents);
	return w->events[w->nevents - 1];
}

static inline void in_request(struct world *w, const char *method, unsigned cseq, const char *more)
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
static inline void in_with_branch(struct world *w, const char *method, const char *branch,
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

static inline struct sip_extra sdp(void)
{
	return (struct sip_extra){.content_type = STR("application/sdp"), .body = STR(SDP)};
}

static inline void accept_call(struct world *w)
{
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, WITH_SDP);
	assert_int_equal(sip_invite_accept(w->inv, &extra), 0);
}

static inline void uas_confirmed(struct world *w)
{
	accept_call(w);
	in_request(w, "ACK", 1, "");
	assert_int_equal(last(w), SIP_INV_ACKED);
	tn_clear(&w->net);
	w->nevents = 0;
}

static inline void call_out(struct world *w)
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

static inline void in_response(struct world *w, const char *line, const char *to_tag,
			       const char *cseq, const char *more)
{
	tn_in(&w->net,
	      "SIP/2.0 %s\nVia: %s\nFrom: \"Bob\" <sip:bob@example.com>;tag=%s\nTo: "
	      "<sip:carol@example.com>;tag=%s\n"
	      "Call-ID: %s\nCSeq: %s\nContact: <sip:carol-%s@203.0.113.5>\n%s",
	      line, w->via, w->tag, to_tag, w->call_id, cseq, to_tag, more);
}

static inline void in_200(struct world *w, unsigned status, const char *to_tag, const char *more)
{
	char line[40];

	snprintf(line, sizeof(line), "%u X", status);
	in_response(w, line, to_tag, "1 INVITE", more);
}

static inline void uac_confirmed(struct world *w)
{
	call_out(w);
	in_200(w, 200, "t1", WITH_SDP);
	assert_int_equal(last(w), SIP_INV_ANSWERED);
	tn_clear(&w->net);
	w->nevents = 0;
}

static inline void reinvite(struct world *w)
{
	struct sip_extra extra = sdp();

	assert_int_equal(sip_invite_reinvite(w->inv, &extra), 0);
	assert_string_equal(tn_out_line(&w->net), "INVITE sip:carol-t1@203.0.113.5 SIP/2.0");
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
