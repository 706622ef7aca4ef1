/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole calls, again and again, with allocation 1, 2, 3 … failing: each run ends, and leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sip/invite_usage.h"
#include "sip/testnet.h"

#ifdef OFFHOOK_TEST_BUILD /* elsewhere no allocation can be made to fail */

#define WITH_SDP "Content-Type: application/sdp\nContent-Length: 5\n\nv=0\r\n"

struct world {
	struct testnet net;
	struct sip_invite *inv;
	char tag[64], via[256], call_id[64];
};

static struct sip_extra sdp(void)
{
	return (struct sip_extra){.content_type = STR("application/sdp"), .body = STR("v=0\r\n")};
}

static void on_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct world *w = arg;
	struct sip_extra extra = sdp();

	if (ev->type == SIP_INV_ENDED)
		w->inv = NULL;
	if (ev->type == SIP_INV_REQUEST)
		sip_reply(ev->st, 200, NULL, NULL);
	if ((ev->type == SIP_INV_ANSWERED ||
	     (ev->type == SIP_INV_OFFER_DONE && ev->status < 300)) &&
	    sip_invite_ack(inv, STR("v=0\r\n")))
		sip_invite_end(inv, 0, STR_NONE);
	if (ev->type == SIP_INV_OFFER && sip_invite_respond(inv, 200, &extra))
		sip_invite_end(inv, 0, STR_NONE);
}

static void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	if (w->inv || sip_invite_uas(&w->inv, st, "<sip:us@192.0.2.1>", on_event, w)) {
		sip_reply(st, 500, NULL, NULL);
		return;
	}
	snprintf(w->tag, sizeof(w->tag), "%s", sip_strans_tag(st));
}

static void in_request(struct world *w, const char *method, unsigned cseq, const char *more)
{
	tn_in(&w->net,
	      "%s sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "198.51.100.7:5070;branch=z9hG4bK%s%u;rport\n"
	      "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>%s%s\nCall-ID: "
	      "c1\nCSeq: %u %s\n"
	      "Contact: <sip:alice@198.51.100.7:5070>\nRecord-Route: <sip:p;lr>\n%s",
	      method, method, cseq, *w->tag ? ";tag=" : "", w->tag, cseq, method, more);
}

/* Called: rung, answered, renegotiated, hung up by the peer. */
static void be_called(struct world *w)
{
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, WITH_SDP);
	if (w->inv && sip_invite_progress(w->inv, 180, NULL))
		sip_invite_end(w->inv, 500, STR_NONE);
	if (w->inv && sip_invite_accept(w->inv, &extra))
		sip_invite_end(w->inv, 500, STR_NONE);
	in_request(w, "ACK", 1, "");
	in_request(w, "INVITE", 2, WITH_SDP);
	in_request(w, "ACK", 2, "");
	in_request(w, "INFO", 3, "");
	in_request(w, "UPDATE", 4, "");
	in_request(w, "BYE", 5, "");
	in_request(w, "OPTIONS", 6, "");
}

static void in_response(struct world *w, unsigned status, const char *tag, const char *cseq,
			const char *more)
{
	tn_in(&w->net,
	      "SIP/2.0 %u X\nVia: %s\nFrom: <sip:bob@example.com>;tag=%s\nTo: "
	      "<sip:carol@example.com>;tag=%s\n"
	      "Call-ID: %s\nCSeq: %s\nContact: <sip:carol@203.0.113.5>\nRecord-Route: "
	      "<sip:p;lr>\n%s",
	      status, w->via, w->tag, tag, w->call_id, cseq, more);
}

static void look(struct world *w)
{
	tn_out(&w->net);
	snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
	snprintf(w->tag, sizeof(w->tag), "%s", tn_param(&w->net, "From", "tag"));
	snprintf(w->call_id, sizeof(w->call_id), "%s", tn_header(&w->net, "Call-ID"));
	tn_clear(&w->net);
}

/* Calling: two forks, an answer, a re-INVITE, a BYE. */
static void call(struct world *w)
{
	struct sip_extra extra = sdp();
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
	};

	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 180, "t1", "1 INVITE", "");
	in_response(w, 180, "t2", "1 INVITE", "");
	in_response(w, 200, "t1", "1 INVITE", WITH_SDP);
	in_response(w, 200, "t2", "1 INVITE", WITH_SDP);
	tn_clear(&w->net);
	if (!w->inv || sip_invite_reinvite(w->inv, &extra))
		return;
	look(w);
	in_response(w, 491, "t1", "2 INVITE", "");
	tn_clear(&w->net);
	tn_pass(&w->net, 4001);
	if (!w->net.nsent)
		return;
	look(w);
	in_response(w, 200, "t1", "3 INVITE", WITH_SDP);
}

static void cancel(struct world *w)
{
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
	};

	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	sip_invite_end(w->inv, 0, STR("Reason: SIP;cause=200\r\n"));
	in_response(w, 180, "t1", "1 INVITE", "");
	in_response(w, 200, "t1", "1 INVITE", WITH_SDP);
}

static struct sip_invite_conf to_carol(void)
{
	return (struct sip_invite_conf){
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
	};
}

/* Called, rung reliably, a second offer before the answer. */
static void be_rung_reliably(struct world *w)
{
	struct sip_extra extra = sdp();

	in_request(w, "INVITE", 1, "Require: 100rel\nAllow: UPDATE\n" WITH_SDP);
	if (w->inv && sip_invite_progress(w->inv, 183, &extra))
		sip_invite_end(w->inv, 500, STR_NONE);
	in_request(w, "PRACK", 2, "RAck: 1 1 INVITE\n");
	in_request(w, "UPDATE", 3, WITH_SDP);
	if (w->inv && sip_invite_update_early(w->inv, 0, &extra))
		sip_invite_end(w->inv, 500, STR_NONE);
	if (w->inv && sip_invite_accept(w->inv, &extra))
		sip_invite_end(w->inv, 500, STR_NONE);
	in_request(w, "ACK", 1, "");
	in_request(w, "BYE", 9, "");
}

static void be_called_and_refuse(struct world *w)
{
	in_request(w, "INVITE", 1, WITH_SDP);
	if (w->inv)
		sip_invite_end(w->inv, 486, STR("Reason: Q.850;cause=17\r\n"));
	in_request(w, "INVITE", 1, WITH_SDP);
}

static void be_cancelled(struct world *w)
{
	in_request(w, "INVITE", 1, WITH_SDP);
	if (w->inv && sip_invite_progress(w->inv, 180, NULL))
		sip_invite_end(w->inv, 500, STR_NONE);
	tn_in(&w->net, "CANCEL sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
		       "198.51.100.7:5070;branch=z9hG4bKINVITE1;rport\nFrom: "
		       "<sip:alice@example.com>;tag=a1\n"
		       "To: <sip:bob@example.com>\nCall-ID: c1\nCSeq: 1 CANCEL\n");
}

/* What has no place: refused by the gate, out of any dialog. */
static void strangers(struct world *w)
{
	in_request(w, "OPTIONS", 1, "Require: foo, bar\n");
	in_request(w, "FROBNICATE", 2, "");
	in_request(w, "INVITE", 3, "Content-Type: text/plain\nContent-Length: 1\n\nx");
	in_request(w, "INVITE", 4, "Max-Forwards: 0\n");
	in_request(w, "BYE", 5, "");
	in_request(w, "OPTIONS", 6, "");
	tn_in(&w->net, "OPTIONS sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP x\nFrom: <\n");
}

static void call_without_offer(struct world *w)
{
	struct sip_invite_conf conf = to_carol();

	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 183, "t1", "1 INVITE", "Require: 100rel\nRSeq: 5\n" WITH_SDP);
	if (w->inv && sip_invite_prack(w->inv, 0, STR("v=0\r\n")))
		sip_invite_end(w->inv, 0, STR_NONE);
	in_response(w, 200, "t1", "1 INVITE", WITH_SDP);
	in_response(w, 200, "t1", "1 INVITE", WITH_SDP); /* our ACK was lost */
}

static void call_and_update_early(struct world *w)
{
	struct sip_extra extra = sdp();
	struct sip_invite_conf conf = to_carol();

	conf.extra = sdp();
	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 183, "t1", "1 INVITE",
		    "Require: 100rel\nRSeq: 5\nAllow: UPDATE, PRACK\n" WITH_SDP);
	if (w->inv && sip_invite_update_early(w->inv, 0, &extra))
		sip_invite_end(w->inv, 0, STR_NONE);
	in_response(w, 200, "t1", "1 INVITE", "");
}

static void call_with_a_session_timer(struct world *w)
{
	struct sip_invite_conf conf = to_carol();

	sip_set_session_timer(w->net.sip, 90);
	conf.extra = sdp();
	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 200, "t1", "1 INVITE",
		    "Session-Expires: 90;refresher=uac\nAllow: UPDATE\n" WITH_SDP);
	tn_clear(&w->net);
	tn_pass(&w->net, 46000);
}

static void call_and_ask(struct world *w)
{
	struct sip_invite_conf conf = to_carol();

	conf.extra = sdp();
	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 200, "t1", "1 INVITE", WITH_SDP);
	if (w->inv && sip_invite_request(w->inv, SIP_INFO, NULL, NULL, NULL))
		sip_invite_end(w->inv, 0, STR_NONE);
	in_response(w, 481, "t1", "2 INFO", "");
}

static void call_refused(struct world *w)
{
	struct sip_invite_conf conf = to_carol();

	if (sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w))
		return;
	look(w);
	in_response(w, 302, "t1", "1 INVITE", "");
}

typedef void story_h(struct world *w);

static void tell(story_h *story, bool forever)
{
	unsigned nth = 1;
	bool failed;

	do {
		struct world w = {0};
		struct sip_counts c;
		uint64_t bytes;

		tn_open(&w.net);
		sip_on_request(w.net.sip, SIP_INVITE, on_invite, &w);
		assert_int_equal(sip_support(w.net.sip, "100rel"), 0);
		sip_set_session_timer(w.net.sip, 1800);
		bytes = mem_bytes();
		mem_fail(nth, forever);
		story(&w);
		failed = mem_failed();
		mem_fail(0, false);
		/* memory is back: what still lives can be ended */
		if (w.inv)
			sip_invite_end(w.inv, 480, STR_NONE);
		tn_pass(&w.net, 140000);
		sip_counts(w.net.sip, &c);
		assert_null(w.inv);
		assert_int_equal(
			c.client_transactions + c.server_transactions + c.lingering + c.dialogs, 0);
		assert_int_equal(wheel_count(w.net.wheel), 0);
		assert_int_equal(mem_bytes(), bytes);
		tn_shut(&w.net);
		assert_true(nth < 2000);
	} while (nth++, failed);
	assert_true(nth > 10); /* some did fail */
}

#define STORY(name)                                                                                \
	static void name##_survives_each_failed_allocation(void **state)                           \
	{                                                                                          \
		(void)state;                                                                       \
		tell(name, false);                                                                 \
	}                                                                                          \
	static void name##_survives_running_out_of_memory(void **state)                            \
	{                                                                                          \
		(void)state;                                                                       \
		tell(name, true);                                                                  \
	}

STORY(be_called)
STORY(be_rung_reliably)
STORY(be_called_and_refuse)
STORY(be_cancelled)
STORY(strangers)
STORY(call)
STORY(call_without_offer)
STORY(call_and_update_early)
STORY(call_with_a_session_timer)
STORY(call_and_ask)
STORY(call_refused)
STORY(cancel)

#define BOTH(name)                                                                                 \
	cmocka_unit_test(name##_survives_each_failed_allocation),                                  \
		cmocka_unit_test(name##_survives_running_out_of_memory)

static void stack_that_cannot_be_made_leaves_nothing(void **state)
{
	struct testnet net;
	uint64_t bytes = mem_bytes();
	struct sip *s = NULL;
	unsigned nth = 1;

	(void)state;
	tn_open(&net);
	bytes = mem_bytes();
	for (;; nth++) {
		mem_fail(nth, false);
		if (!sip_alloc(&s, &net.conf))
			break;
		mem_fail(0, false);
		assert_null(s);
		assert_int_equal(mem_bytes(), bytes);
	}
	mem_fail(0, false);
	assert_true(nth > 3);
	sip_free(s);
	tn_shut(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(be_called),
		BOTH(be_rung_reliably),
		BOTH(be_called_and_refuse),
		BOTH(be_cancelled),
		BOTH(strangers),
		BOTH(call),
		BOTH(call_without_offer),
		BOTH(call_and_update_early),
		BOTH(call_with_a_session_timer),
		BOTH(call_and_ask),
		BOTH(call_refused),
		BOTH(cancel),
		cmocka_unit_test(stack_that_cannot_be_made_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
int main(void)
{
	return 77; /* skipped */
}
#endif
