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
	unsigned nresponses, status;
	int err;
	char branch[80];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
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

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct world *w = arg;

	(void)trans;
	if (resp && resp->status < 200)
		return;
	w->nresponses++;
	w->status = resp ? resp->status : 0;
	w->err = err;
}

static int send_to(struct world *w, const char *uri, enum sip_method method, size_t nbody)
{
	static char body[4000];
	struct sip_out out = {
		.method = method,
		.uri = str_of(uri),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:a@example.com>;tag=f1"),
		.to = STR("<sip:carol@example.com>"),
		.call_id = STR("out1"),
		.cseq = 5,
		.extra = {.content_type = STR("text/plain"), .body = {body, nbody}},
	};

	memset(body, 'x', sizeof(body));
	return sip_send(w->net.sip, &out, on_response, w, NULL);
}

/* The next message sent goes this way, and its Via says so. */
static void sent_by(struct world *w, enum flow_transport t)
{
	assert_true(w->net.nsent > 0);
	assert_int_equal(w->net.sent[0].flow.transport, t);
	tn_out(&w->net);
	assert_int_equal(strncmp(tn_header(&w->net, "Via"),
				 t == FLOW_TCP ? "SIP/2.0/TCP " : "SIP/2.0/UDP ", 12),
			 0);
	snprintf(w->branch, sizeof(w->branch), "%s", tn_param(&w->net, "Via", "branch"));
}

static void no_tcp(struct world *w, int err)
{
	struct flow to = w->net.sent[0].flow;
	struct flow_sink *sink = sip_sink(w->net.sip);

	if (to.conn && err == ENOTCONN)
		sink->closed(sink, to.conn);
	else
		sink->failed(sink, &to, err);
}

static void answer(struct world *w, const char *status_line, const char *method)
{
	char via[600], from[300];

	snprintf(via, sizeof(via), "%s", tn_header(&w->net, "Via"));
	snprintf(from, sizeof(from), "%s", tn_header(&w->net, "From"));
	tn_in(&w->net,
	      "SIP/2.0 %s\nVia: %s\nFrom: %s\nTo: <sip:carol@example.com>;tag=t1\nCall-ID: "
	      "out1\nCSeq: 5 %s\n",
	      status_line, via, from, method);
}

#define THERE "sip:carol@203.0.113.5"

static void what_fits_is_a_datagram(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 900), 0);
	sent_by(w, FLOW_UDP);
}

static void what_does_not_fit_goes_over_tcp_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0);
	sent_by(w, FLOW_TCP);
	answer(w, "200 OK", "MESSAGE");
	assert_int_equal(w->status, 200);
	tn_pass(&w->net, 40000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(w->nresponses, 1);
}

static void where_tcp_is_refused_the_same_request_goes_as_a_datagram(void **state)
{
	struct world *w = *state;
	char branch[80];

	assert_int_equal(send_to(w, THERE, SIP_INVITE, 1400), 0);
	no_tcp(w, ECONNREFUSED);
	sent_by(w, FLOW_TCP);
	snprintf(branch, sizeof(branch), "%s", w->branch);
	sent_by(w, FLOW_UDP);
	assert_string_equal(w->branch, branch);
	assert_int_equal(strlen(tn_body(&w->net)), 1400);
	tn_pass(&w->net, 600); /* timer A runs again */
	sent_by(w, FLOW_UDP);
	answer(w, "486 Busy Here", "INVITE");
	assert_int_equal(w->status, 486);
	sent_by(w, FLOW_UDP); /* the ACK, with the Via of what was answered */
	assert_string_equal(w->branch, branch);
	assert_int_equal(w->nresponses, 1);
}

static void who_refused_tcp_is_not_asked_again_for_an_hour(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0);
	no_tcp(w, ECONNREFUSED);
	tn_clear(&w->net);
	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0);
	sent_by(w, FLOW_UDP);
	tn_pass(&w->net, 3700 * 1000);
	tn_clear(&w->net);
	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0);
	sent_by(w, FLOW_TCP);
}

static void a_connection_closed_before_the_answer_is_no_tcp(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0);
	no_tcp(w, ENOTCONN);
	sent_by(w, FLOW_TCP);
	sent_by(w, FLOW_UDP);
	assert_int_equal(w->nresponses, 0);
}

static void silence_for_two_seconds_is_no_tcp(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_INVITE, 1400), 0);
	sent_by(w, FLOW_TCP);
	tn_pass(&w->net, 1900);
	assert_int_equal(w->net.nsent, 0);
	tn_pass(&w->net, 200);
	sent_by(w, FLOW_UDP);
	tn_pass(&w->net, 40000);
	assert_int_equal(w->err, ETIMEDOUT);
}

static void who_says_trying_over_tcp_is_waited_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, THERE, SIP_INVITE, 1400), 0);
	sent_by(w, FLOW_TCP);
	answer(w, "100 Trying", "INVITE");
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0);
	assert_int_equal(w->nresponses, 0);
}

static void what_cannot_even_be_tried_is_a_datagram_at_once(void **state)
{
	struct world *w = *state;

	w->net.send_err = ECONNREFUSED;
	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), ECONNREFUSED); /* neither works */
	w->net.send_err = 0;
	assert_int_equal(send_to(w, THERE, SIP_MESSAGE, 1400), 0); /* but TCP is known not to */
	sent_by(w, FLOW_UDP);
}

static void a_device_behind_a_nat_gets_its_datagram(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_to(w, "sip:carol@192.168.1.20", SIP_MESSAGE, 1400), 0);
	sent_by(w, FLOW_UDP);
	assert_int_equal(send_to(w, "sip:carol@203.0.113.5:5062", SIP_MESSAGE, 1400), 0);
	sent_by(w, FLOW_UDP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_fits_is_a_datagram),
		TEST(what_does_not_fit_goes_over_tcp_once),
		TEST(where_tcp_is_refused_the_same_request_goes_as_a_datagram),
		TEST(who_refused_tcp_is_not_asked_again_for_an_hour),
		TEST(a_connection_closed_before_the_answer_is_no_tcp),
		TEST(silence_for_two_seconds_is_no_tcp),
		TEST(who_says_trying_over_tcp_is_waited_for),
		TEST(what_cannot_even_be_tried_is_a_datagram_at_once),
		TEST(a_device_behind_a_nat_gets_its_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
