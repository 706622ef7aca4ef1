/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sip/stack.h"
#include "sip/testnet.h"

struct world {
	struct testnet net;
	oid last;	    /* the request the handler got last */
	unsigned nrequests; /* how many it got */
	unsigned answer;    /* what it answers at once; 0: later */
	bool refuse;
	unsigned ncancels;
	unsigned nresponses, status;
	int err;
};

static void on_cancel(struct sip_strans *st, const struct sip_msg *cancel, void *arg)
{
	struct world *w = arg;

	(void)cancel;
	w->ncancels++;
	sip_reply(st, 487, NULL, NULL);
}

static void on_request(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	w->last = sip_strans_id(st);
	w->nrequests++;
	if (req->method == SIP_INVITE)
		sip_strans_on_cancel(st, on_cancel, w);
	if (w->answer && w->refuse)
		sip_refuse(st, w->answer, NULL, NULL);
	else if (w->answer)
		sip_reply(st, w->answer, NULL, NULL);
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct world *w = arg;

	(void)trans;
	w->nresponses++;
	w->status = resp ? resp->status : 0;
	w->err = err;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	sip_on_request(w->net.sip, SIP_INVITE, on_request, w);
	sip_on_request(w->net.sip, SIP_MESSAGE, on_request, w);
	sip_on_request(w->net.sip, SIP_REGISTER, on_request, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	tn_shut(&w->net);
	free(w);
	return 0;
}

static void request(struct world *w, const char *method, const char *branch, const char *more)
{
	tn_in(&w->net,
	      "%s sip:bob@192.0.2.1 SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK%s;rport\n"
	      "Max-Forwards: 70\n"
	      "From: <sip:alice@example.com>;tag=a1\n"
	      "To: <sip:bob@example.com>\n"
	      "Call-ID: c1@alice\n"
	      "CSeq: 1 %s\n"
	      "Contact: <sip:alice@198.51.100.7:5070>\n%s",
	      method, branch, method, more);
}

static struct sip_counts counts(struct world *w)
{
	struct sip_counts c;

	sip_counts(w->net.sip, &c);
	return c;
}

static void invite_gets_100_at_once(void **state)
{
	struct world *w = *state;

	request(w, "INVITE", "1", "");
	assert_int_equal(w->nrequests, 1);
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 100 Trying");
	assert_string_equal(tn_header(&w->net, "To"), "<sip:bob@example.com>");
	assert_int_equal(w->net.nsent, 0);
}

static void invite_answered_at_once_gets_no_100(void **state)
{
	struct world *w = *state;

	w->answer = 486;
	request(w, "INVITE", "1", "");
	assert_int_equal(tn_out_status(&w->net), 486);
	assert_true(*tn_param(&w->net, "To", "tag"));
	assert_int_equal(w->net.nsent, 0);
}

static void retransmitted_invite_is_answered_with_the_last_provisional(void **state)
{
	struct world *w = *state;

	request(w, "INVITE", "1", "");
	assert_int_equal(sip_reply(sip_strans_get(w->net.sip, w->last), 180, NULL, NULL), 0);
	tn_clear(&w->net);
	request(w, "INVITE", "1", "");
	assert_int_equal(w->nrequests, 1);
	assert_int_equal(tn_out_status(&w->net), 180);
}

static void refused_invite_is_repeated_until_the_ack(void **state)
{
	struct world *w = *state;
	static const unsigned at[] = {0, 500, 1500, 3500, 7500, 11500};

	w->answer = 486;
	request(w, "INVITE", "1", "");
	tn_pass(&w->net, 12000);
	assert_int_equal(w->net.nsent, ARRAY_LEN(at));
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_int_equal(w->net.sent[i].at_ms - w->net.sent[0].at_ms, at[i]);
	tn_clear(&w->net);
	request(w, "ACK", "1", "");
	tn_pass(&w->net, 12000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(counts(w).server_transactions, 0); /* timer I */
}

static void ack_of_a_refusal_may_have_a_branch_of_its_own(void **state)
{
	struct world *w = *state;

	w->answer = 486;
	request(w, "INVITE", "1", "");
	tn_clear(&w->net);
	request(w, "ACK", "2", "");
	tn_pass(&w->net, 12000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(counts(w).server_transactions, 0);
}

static void refused_invite_without_ack_ends_after_64_t1(void **state)
{
	struct world *w = *state;

	w->answer = 486;
	request(w, "INVITE", "1", "");
	tn_pass(&w->net, 31990);
	assert_int_equal(counts(w).server_transactions, 1);
	assert_int_equal(counts(w).lingering, 1);
	tn_pass(&w->net, 20);
	assert_int_equal(counts(w).server_transactions, 0);
	assert_int_equal(counts(w).lingering, 0);
	assert_int_equal(w->net.nsent, 11);
}

static void request_refused_once_leaves_nothing_and_is_never_repeated(void **state)
{
	struct world *w = *state;

	w->answer = 407;
	w->refuse = true;
	request(w, "INVITE", "1", "");
	assert_int_equal(counts(w).server_transactions, 0);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 1);
	request(w, "ACK", "1", "");
	assert_int_equal(w->net.nsent, 1);
}

static void non_invite_answer_is_kept_for_retransmissions(void **state)
{
	struct world *w = *state;

	w->answer = 200;
	request(w, "MESSAGE", "1", "");
	request(w, "MESSAGE", "1", "");
	assert_int_equal(w->nrequests, 1);
	assert_int_equal(w->net.nsent, 2);
	assert_string_equal(w->net.sent[0].text, w->net.sent[1].text);
	tn_pass(&w->net, 31990);
	request(w, "MESSAGE", "1", "");
	assert_int_equal(w->nrequests, 1);
	assert_int_equal(w->net.nsent, 3);
	tn_pass(&w->net, 150);
	assert_int_equal(counts(w).server_transactions, 0);
	assert_int_equal(counts(w).lingering, 0);
	request(w, "MESSAGE", "1", "");
	assert_int_equal(w->nrequests, 2);
}

static void slow_non_invite_gets_100_when_timer_e_would_be_at_t2(void **state)
{
	struct world *w = *state;

	request(w, "MESSAGE", "1", "");
	tn_pass(&w->net, 3490);
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 10);
	assert_int_equal(tn_out_status(&w->net), 100);
}

static void non_invite_is_never_answered_with_408_nor_too_late(void **state)
{
	struct world *w = *state;

	request(w, "MESSAGE", "1", "");
	assert_int_equal(sip_reply(sip_strans_get(w->net.sip, w->last), 408, NULL, NULL), 0);
	assert_null(sip_strans_get(w->net.sip, w->last));
	assert_int_equal(w->net.nsent, 0);
	request(w, "REGISTER", "2", "");
	tn_pass(&w->net, 32000);
	assert_null(sip_strans_get(w->net.sip, w->last));
}

static void provisional_to_non_invite_is_a_mistake(void **state)
{
	struct world *w = *state;

	request(w, "MESSAGE", "1", "");
	assert_int_equal(sip_reply(sip_strans_get(w->net.sip, w->last), 183, NULL, NULL), EPROTO);
}

static void second_answer_is_refused(void **state)
{
	struct world *w = *state;
	struct sip_strans *st;

	request(w, "MESSAGE", "1", "");
	st = sip_strans_get(w->net.sip, w->last);
	assert_int_equal(sip_reply(st, 200, NULL, NULL), 0);
	assert_int_equal(sip_reply(st, 200, NULL, NULL), EALREADY);
	assert_null(sip_strans_get(w->net.sip, w->last));
}

static void merged_request_gets_482(void **state)
{
	struct world *w = *state;

	w->answer = 486;
	request(w, "INVITE", "1", "");
	tn_clear(&w->net);
	request(w, "INVITE", "2", "");
	assert_int_equal(w->nrequests, 1);
	assert_int_equal(tn_out_status(&w->net), 482);
}

static void cancel_is_answered_and_told(void **state)
{
	struct world *w = *state;

	request(w, "INVITE", "1", "");
	tn_clear(&w->net);
	request(w, "CANCEL", "1", "");
	assert_int_equal(w->ncancels, 1);
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 200 OK");
	assert_string_equal(tn_header(&w->net, "CSeq"), "1 CANCEL");
	assert_int_equal(tn_out_status(&w->net), 487);
	request(w, "CANCEL", "1", "");
	assert_int_equal(w->ncancels, 1);
	assert_int_equal(tn_out_status(&w->net), 200);
}

static void cancel_without_invite_gets_481(void **state)
{
	struct world *w = *state;

	request(w, "CANCEL", "9", "");
	assert_int_equal(tn_out_status(&w->net), 481);
}

static void cancel_from_elsewhere_cancels_nothing(void **state)
{
	struct world *w = *state;

	request(w, "INVITE", "1", "");
	tn_clear(&w->net);
	w->net.peer = tn_flow(FLOW_UDP, "203.0.113.66", 5070);
	request(w, "CANCEL", "1", "");
	assert_int_equal(w->ncancels, 0);
	assert_int_equal(tn_out_status(&w->net), 481);
}

static void rfc2543_branch_is_matched_by_call_and_cseq(void **state)
{
	struct world *w = *state;
	static const char text[] = "%s sip:bob@192.0.2.1 SIP/2.0\n"
				   "Via: SIP/2.0/UDP 198.51.100.7:5070\n"
				   "From: <sip:alice@example.com>;tag=a1\n"
				   "To: <sip:bob@example.com>%s\n"
				   "Call-ID: old\nCSeq: 7 %s\n"
				   "Contact: <sip:alice@198.51.100.7>\n";

	w->answer = 486;
	tn_in(&w->net, text, "INVITE", "", "INVITE");
	tn_in(&w->net, text, "INVITE", "", "INVITE");
	assert_int_equal(w->nrequests, 1);
	assert_int_equal(w->net.nsent, 2);
	tn_clear(&w->net);
	tn_in(&w->net, text, "ACK", ";tag=x", "ACK");
	tn_pass(&w->net, 6000);
	assert_int_equal(counts(w).server_transactions, 0);
	assert_int_equal(w->net.nsent, 0);
}

static void answer_goes_to_the_source_with_rport_else_to_the_via_port(void **state)
{
	struct world *w = *state;

	w->answer = 200;
	w->net.peer.remote.port = 61234;
	request(w, "MESSAGE", "1", "");
	assert_int_equal(w->net.sent[0].flow.remote.port, 61234);
	assert_non_null(strstr(tn_out(&w->net), ";received=198.51.100.7;rport=61234\r\n"));
	tn_in(&w->net, "MESSAGE sip:bob@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP pc.example.com:5077;branch=z9hG4bKx;maddr=203.0.113.9\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:b@example.com>\nCall-ID: q\n"
		       "CSeq: 1 MESSAGE\n");
	assert_int_equal(w->net.sent[0].flow.remote.port, 5077);
	assert_non_null(strstr(tn_out(&w->net), ";received=198.51.100.7\r\n"));
	tn_in(&w->net, "MESSAGE sip:bob@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP pc.example.com;branch=z9hG4bKy\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:b@example.com>\nCall-ID: r\n"
		       "CSeq: 1 MESSAGE\n");
	assert_int_equal(w->net.sent[0].flow.remote.port, 5060);
}

/* ---- gate ---- */

static void unknown_methods_are_501_and_known_without_handler_405(void **state)
{
	struct world *w = *state;

	request(w, "NEWMETHOD", "1", "");
	assert_int_equal(tn_out_status(&w->net), 501);
	assert_string_equal(tn_header(&w->net, "Allow"),
			    "INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, UPDATE, "
			    "INFO, MESSAGE");
	request(w, "PUBLISH", "2", "");
	assert_int_equal(tn_out_status(&w->net), 405);
	assert_true(*tn_header(&w->net, "Allow"));
	request(w, "BYE", "3", "");
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_int_equal(counts(w).server_transactions, 0);
}

static void options_is_answered_whatever_its_max_forwards(void **state)
{
	struct world *w = *state;

	tn_in(&w->net, "OPTIONS sip:192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo;rport\nMax-Forwards: 0\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 "
		       "OPTIONS\n");
	assert_int_equal(tn_out_status(&w->net), 200);
	assert_true(*tn_header(&w->net, "Allow"));
	assert_string_equal(tn_header(&w->net, "Accept"), "application/sdp");
	assert_non_null(strstr(w->net.last, "\r\nSupported:"));
	assert_true(*tn_param(&w->net, "To", "tag"));
}

static void request_without_hops_left_gets_483(void **state)
{
	struct world *w = *state;

	tn_in(&w->net, "MESSAGE sip:192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo;rport\nMax-Forwards: 0\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 "
		       "MESSAGE\n");
	assert_int_equal(tn_out_status(&w->net), 483);
	assert_int_equal(w->nrequests, 0);
}

static void unknown_options_required_are_listed_in_420(void **state)
{
	struct world *w = *state;

	assert_int_equal(sip_support(w->net.sip, "path"), 0);
	request(w, "INVITE", "1", "Require: 100rel, path\nRequire: tdialog\n");
	assert_int_equal(tn_out_status(&w->net), 420);
	assert_string_equal(tn_header(&w->net, "Unsupported"), "100rel, tdialog");
	request(w, "INVITE", "2", "Require: path\n");
	assert_int_equal(w->nrequests, 1);
}

static void foreign_uri_scheme_gets_416(void **state)
{
	struct world *w = *state;

	tn_in(&w->net, "MESSAGE mailto:bob@example.com SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo;rport\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 "
		       "MESSAGE\n");
	assert_int_equal(tn_out_status(&w->net), 416);
}

static void foreign_content_of_an_invite_gets_415_unless_optional(void **state)
{
	struct world *w = *state;

	request(w, "INVITE", "1", "Content-Type: application/x-odd\nContent-Length: 3\n\nabc");
	assert_int_equal(tn_out_status(&w->net), 415);
	assert_string_equal(tn_header(&w->net, "Accept"), "application/sdp");
	request(w, "INVITE", "2",
		"Content-Type: application/sdp\nContent-Encoding: gzip\nContent-Length: 3\n\nabc");
	assert_int_equal(tn_out_status(&w->net), 415);
	assert_string_equal(tn_header(&w->net, "Accept-Encoding"), "identity");
	request(w, "INVITE", "3",
		"Content-Type: application/x-odd\nContent-Disposition: render;handling=optional\n"
		"Content-Length: 3\n\nabc");
	assert_int_equal(w->nrequests, 1);
}

static void request_within_an_unknown_dialog_gets_481(void **state)
{
	struct world *w = *state;

	tn_in(&w->net, "INFO sip:192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo;rport\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>;tag=zz\nCall-ID: "
		       "o\nCSeq: 1 INFO\n");
	assert_int_equal(tn_out_status(&w->net), 481);
	assert_int_equal(counts(w).server_transactions, 0);
}

static void ack_without_transaction_is_never_answered(void **state)
{
	struct world *w = *state;

	request(w, "ACK", "1", "");
	assert_int_equal(w->net.nsent, 0);
}

static void malformed_request_is_answered_once_and_statelessly(void **state)
{
	struct world *w = *state;

	tn_in(&w->net, "INVITE sip:bob@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKo;rport\n"
		       "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: "
		       "abc INVITE\n");
	assert_int_equal(tn_out_status(&w->net), 400);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0);
	tn_in(&w->net, "hello\n");
	assert_int_equal(w->net.nsent, 0);
}

static void over_the_limit_new_requests_get_503_and_old_dialogs_go_on(void **state)
{
	struct world w = {0};
	char tag[64];

	(void)state;
	tn_open_conf(&w.net, &(struct sip_conf){.max_transactions = 1});
	sip_on_request(w.net.sip, SIP_INVITE, on_request, &w);
	request(&w, "INVITE", "1", "");
	tn_clear(&w.net);
	request(&w, "INVITE", "2", "");
	assert_int_equal(tn_out_status(&w.net), 503);
	assert_true(atoi(tn_header(&w.net, "Retry-After")) >= 5);
	sip_make_tag(w.net.sip, tag, sizeof(tag));
	tn_in(&w.net,
	      "BYE sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
	      "198.51.100.7:5070;branch=z9hG4bKo;rport\n"
	      "From: <sip:a@example.com>;tag=b\nTo: <sip:192.0.2.1>;tag=%s\nCall-ID: o\nCSeq: 1 "
	      "BYE\n",
	      tag);
	assert_int_equal(tn_out_status(&w.net), 481); /* not 503: a dialog might have been ours */
	tn_shut(&w.net);
}

/* ---- client ---- */

static oid send_out(struct world *w, enum sip_method method)
{
	struct sip_out out = {
		.method = method,
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:a@example.com>;tag=f1"),
		.to = STR("<sip:carol@example.com>"),
		.call_id = STR("out1"),
		.cseq = 5,
		.contact = STR("<sip:us@192.0.2.1>"),
		.routes = STR("Route: <sip:p.example.com;lr>\r\n"),
	};
	oid id;

	assert_int_equal(sip_send(w->net.sip, &out, on_response, w, &id), 0);
	return id;
}

/* An answer to the last message that went out, which t->last holds. */
static void answer(struct world *w, const char *status_line, const char *method)
{
	char via[600], from[300], call_id[100];

	snprintf(via, sizeof(via), "%s", tn_header(&w->net, "Via"));
	snprintf(from, sizeof(from), "%s", tn_header(&w->net, "From"));
	snprintf(call_id, sizeof(call_id), "%s", tn_header(&w->net, "Call-ID"));
	tn_in(&w->net,
	      "SIP/2.0 %s\nVia: %s\nFrom: %s\nTo: <sip:carol@example.com>;tag=t1\nCall-ID: "
	      "%s\nCSeq: 5 %s\n",
	      status_line, via, from, call_id, method);
}

static void invite_is_repeated_doubling_then_times_out(void **state)
{
	struct world *w = *state;
	static const unsigned at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};

	send_out(w, SIP_INVITE);
	tn_pass(&w->net, 31999);
	assert_int_equal(w->net.nsent, ARRAY_LEN(at));
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_int_equal(w->net.sent[i].at_ms - w->net.sent[0].at_ms, at[i]);
	assert_int_equal(w->nresponses, 0);
	tn_pass(&w->net, 1);
	assert_int_equal(w->nresponses, 1);
	assert_int_equal(w->err, ETIMEDOUT);
	assert_int_equal(counts(w).client_transactions, 0);
}

static void other_requests_are_repeated_up_to_t2(void **state)
{
	struct world *w = *state;
	static const unsigned at[] = {0,     500,   1500,  3500,  7500, 11500,
				      15500, 19500, 23500, 27500, 31500};

	send_out(w, SIP_MESSAGE);
	tn_pass(&w->net, 32000);
	assert_int_equal(w->net.nsent, ARRAY_LEN(at));
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_int_equal(w->net.sent[i].at_ms - w->net.sent[0].at_ms, at[i]);
	assert_int_equal(w->err, ETIMEDOUT);
}

static void refused_invite_is_acknowledged_each_time_it_is_refused(void **state)
{
	struct world *w = *state;
	char via[256];

	send_out(w, SIP_INVITE);
	tn_out(&w->net);
	snprintf(via, sizeof(via), "%s", tn_header(&w->net, "Via"));
	answer(w, "486 Busy Here", "INVITE");
	assert_int_equal(w->status, 486);
	assert_string_equal(tn_out_line(&w->net), "ACK sip:carol@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "CSeq"), "5 ACK");
	assert_string_equal(tn_header(&w->net, "To"), "<sip:carol@example.com>;tag=t1");
	assert_string_equal(tn_header(&w->net, "Route"), "<sip:p.example.com;lr>");
	assert_string_equal(tn_header(&w->net, "Via"), via);
	answer(w, "486 Busy Here", "INVITE");
	assert_int_equal(w->nresponses, 1);
	assert_int_equal(w->net.nsent, 1);
	tn_pass(&w->net, 32000);
	assert_int_equal(counts(w).client_transactions, 0);
}

static void cancel_waits_for_the_first_provisional(void **state)
{
	struct world *w = *state;
	oid id = send_out(w, SIP_INVITE);

	tn_out(&w->net);
	assert_int_equal(sip_cancel(w->net.sip, id, STR("Reason: SIP;cause=200\r\n")), 0);
	assert_int_equal(w->net.nsent, 0);
	answer(w, "100 Trying", "INVITE");
	assert_string_equal(tn_out_line(&w->net), "CANCEL sip:carol@203.0.113.5 SIP/2.0");
	assert_string_equal(tn_header(&w->net, "Reason"), "SIP;cause=200");
	assert_string_equal(tn_header(&w->net, "CSeq"), "5 CANCEL");
	assert_string_equal(tn_header(&w->net, "To"), "<sip:carol@example.com>");
	assert_int_equal(sip_cancel(w->net.sip, id, STR_NONE), EALREADY);
	answer(w, "200 OK", "CANCEL");
	assert_int_equal(w->nresponses, 1); /* the 100 */
	answer(w, "487 Request Terminated", "INVITE");
	assert_int_equal(w->status, 487);
}

static void cancelled_invite_without_final_answer_times_out(void **state)
{
	struct world *w = *state;
	oid id = send_out(w, SIP_INVITE);

	tn_out(&w->net);
	answer(w, "180 Ringing", "INVITE");
	tn_pass(&w->net, 100000);
	assert_int_equal(counts(w).client_transactions, 1);
	assert_int_equal(sip_cancel(w->net.sip, id, STR_NONE), 0);
	tn_pass(&w->net, 32000);
	assert_int_equal(w->err, ETIMEDOUT);
	assert_int_equal(counts(w).client_transactions, 0);
}

static void response_with_a_branch_that_is_not_ours_is_dropped(void **state)
{
	struct world *w = *state;

	send_out(w, SIP_MESSAGE);
	tn_out(&w->net);
	char *branch = strstr(w->net.last, "branch=z9hG4bK") + 14 + 31;
	*branch = *branch == '0' ? '1' : '0';
	answer(w, "200 OK", "MESSAGE");
	assert_int_equal(w->nresponses, 0);
}

static void refused_datagram_fails_what_waits_for_an_answer_from_there(void **state)
{
	struct world *w = *state;
	struct flow to = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		    other = tn_flow(FLOW_UDP, "203.0.113.6", 5060);
	struct flow_sink *sink = sip_sink(w->net.sip);

	send_out(w, SIP_INVITE);
	send_out(w, SIP_MESSAGE);
	sink->failed(sink, &other, ECONNREFUSED);
	assert_int_equal(w->nresponses, 0);
	sink->failed(sink, &to, ECONNREFUSED);
	assert_int_equal(w->nresponses, 2);
	assert_int_equal(w->err, ECONNREFUSED);
	assert_int_equal(counts(w).client_transactions, 0);
}

static void forgotten_transaction_calls_nobody(void **state)
{
	struct world *w = *state;
	oid id = send_out(w, SIP_MESSAGE);

	sip_forget(w->net.sip, id);
	tn_pass(&w->net, 40000);
	assert_int_equal(w->nresponses, 0);
	assert_int_equal(counts(w).client_transactions, 0);
}

/* ---- tables: what is not listed changes nothing ---- */

static void unlisted_server_events_change_nothing(void **state)
{
	static const bool listed[STRANS_NSTATES][STRANS_NEVENTS] = {
#define X(from, ev, to, act) [STRANS_##from][STRANS_EV_##ev] = true,
#include "sip/strans.def"
#undef X
	};
	struct world *w = *state;
	struct sip_strans *st;
	unsigned tried = 0;

	request(w, "INVITE", "1", "");
	st = sip_strans_get(w->net.sip, w->last);
	tn_clear(&w->net);
	for (unsigned s = 0; s < STRANS_NSTATES; s++) {
		for (unsigned e = 0; e < STRANS_NEVENTS; e++) {
			struct sip_strans before;

			if (listed[s][e])
				continue;
			st->state = (uint8_t)s;
			before = *st;
			assert_false(strans_event(st, (enum strans_event)e));
			assert_memory_equal(st, &before, sizeof(before));
			tried++;
		}
	}
	assert_true(tried > 20);
	assert_int_equal(w->net.nsent, 0);
	st->state = STRANS_I_PROCEEDING;
}

static void unlisted_client_events_change_nothing(void **state)
{
	static const bool listed[CTRANS_NSTATES][CTRANS_NEVENTS] = {
#define X(from, ev, to, act) [CTRANS_##from][CTRANS_EV_##ev] = true,
#include "sip/ctrans.def"
#undef X
	};
	struct world *w = *state;
	oid id = send_out(w, SIP_INVITE);
	struct ctrans *t = ids_get(w->net.sip->clients, id);
	unsigned tried = 0;

	tn_clear(&w->net);
	for (unsigned s = 0; s < CTRANS_NSTATES; s++) {
		for (unsigned e = 0; e < CTRANS_NEVENTS; e++) {
			struct ctrans before;

			if (listed[s][e])
				continue;
			t->state = (uint8_t)s;
			before = *t;
			assert_false(ctrans_event(t, (enum ctrans_event)e, NULL));
			assert_memory_equal(t, &before, sizeof(before));
			tried++;
		}
	}
	assert_true(tried > 15);
	assert_int_equal(w->net.nsent + w->nresponses, 0);
	t->state = CTRANS_I_CALLING;
}

/* ---- tags ---- */

static void our_tags_are_known_and_changed_ones_are_not(void **state)
{
	struct world *w = *state;
	char a[64], b[64];

	sip_make_tag(w->net.sip, a, sizeof(a));
	sip_make_tag(w->net.sip, b, sizeof(b));
	assert_string_not_equal(a, b);
	assert_true(tag_is_ours(w->net.sip, str_of(a)));
	a[20] = a[20] == 'A' ? 'B' : 'A';
	assert_false(tag_is_ours(w->net.sip, str_of(a)));
	assert_false(tag_is_ours(w->net.sip, STR("x")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(invite_gets_100_at_once),
		TEST(invite_answered_at_once_gets_no_100),
		TEST(retransmitted_invite_is_answered_with_the_last_provisional),
		TEST(refused_invite_is_repeated_until_the_ack),
		TEST(ack_of_a_refusal_may_have_a_branch_of_its_own),
		TEST(refused_invite_without_ack_ends_after_64_t1),
		TEST(request_refused_once_leaves_nothing_and_is_never_repeated),
		TEST(non_invite_answer_is_kept_for_retransmissions),
		TEST(slow_non_invite_gets_100_when_timer_e_would_be_at_t2),
		TEST(non_invite_is_never_answered_with_408_nor_too_late),
		TEST(provisional_to_non_invite_is_a_mistake),
		TEST(second_answer_is_refused),
		TEST(merged_request_gets_482),
		TEST(cancel_is_answered_and_told),
		TEST(cancel_without_invite_gets_481),
		TEST(cancel_from_elsewhere_cancels_nothing),
		TEST(rfc2543_branch_is_matched_by_call_and_cseq),
		TEST(answer_goes_to_the_source_with_rport_else_to_the_via_port),
		TEST(unknown_methods_are_501_and_known_without_handler_405),
		TEST(options_is_answered_whatever_its_max_forwards),
		TEST(request_without_hops_left_gets_483),
		TEST(unknown_options_required_are_listed_in_420),
		TEST(foreign_uri_scheme_gets_416),
		TEST(foreign_content_of_an_invite_gets_415_unless_optional),
		TEST(request_within_an_unknown_dialog_gets_481),
		TEST(ack_without_transaction_is_never_answered),
		TEST(malformed_request_is_answered_once_and_statelessly),
		TEST(over_the_limit_new_requests_get_503_and_old_dialogs_go_on),
		TEST(invite_is_repeated_doubling_then_times_out),
		TEST(other_requests_are_repeated_up_to_t2),
		TEST(refused_invite_is_acknowledged_each_time_it_is_refused),
		TEST(cancel_waits_for_the_first_provisional),
		TEST(cancelled_invite_without_final_answer_times_out),
		TEST(response_with_a_branch_that_is_not_ours_is_dropped),
		TEST(refused_datagram_fails_what_waits_for_an_answer_from_there),
		TEST(forgotten_transaction_calls_nobody),
		TEST(unlisted_server_events_change_nothing),
		TEST(unlisted_client_events_change_nothing),
		TEST(our_tags_are_known_and_changed_ones_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
