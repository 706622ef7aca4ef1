/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A busy turn makes the timer wheel lag behind the clock, and a timer started then fires early by the lag.  No transaction
 * may take that for its end, and none may be left without a timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sip/stack.h"
#include "sip/testnet.h"

enum { LAG_MS = 50, ALL_MS = 64 * 500 };

static void answer(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	sip_reply(st, 200, NULL, NULL);
}

static void hear(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	++*(unsigned *)arg;
}

static int setup(void **state)
{
	struct testnet *t = calloc(1, sizeof(*t));

	tn_open(t);
	sip_on_request(t->sip, SIP_MESSAGE, answer, NULL);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tn_shut(*state);
	free(*state);
	return 0;
}

static void lag(struct testnet *t)
{
	t->clock.now_us += LAG_MS * 1000;
}

static size_t transactions(struct testnet *t)
{
	struct sip_counts c;

	sip_counts(t->sip, &c);
	return c.client_transactions + c.server_transactions;
}

static void answered_request_is_forgotten_after_timer_j_all_the_same(void **state)
{
	struct testnet *t = *state;

	lag(t);
	tn_in(t, "MESSAGE sip:bob@192.0.2.1 SIP/2.0\n"
		 "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1;rport\n"
		 "Max-Forwards: 70\n"
		 "From: <sip:alice@example.com>;tag=a1\n"
		 "To: <sip:bob@example.com>\n"
		 "Call-ID: c1@alice\n"
		 "CSeq: 1 MESSAGE\n");
	assert_string_equal(tn_out_line(t), "SIP/2.0 200 OK");
	tn_pass(t, ALL_MS - 1);
	assert_int_equal(transactions(t), 1);
	tn_pass(t, 1 + LAG_MS);
	assert_int_equal(transactions(t), 0);
}

static void own_request_is_given_up_after_timer_f_all_the_same(void **state)
{
	struct testnet *t = *state;
	struct sip_out out = {
		.method = SIP_MESSAGE,
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:a@example.com>;tag=f1"),
		.to = STR("<sip:carol@example.com>"),
		.call_id = STR("out1"),
		.cseq = 5,
	};
	unsigned heard = 0;
	oid id;

	lag(t);
	assert_int_equal(sip_send(t->sip, &out, hear, &heard, &id), 0);
	tn_pass(t, ALL_MS - 1);
	assert_int_equal(heard, 0);
	tn_pass(t, 1 + LAG_MS);
	assert_int_equal(heard, 1);
	assert_int_equal(transactions(t), 0);
}

/* Over a stream nothing is sent again, so only the deadline has a timer. */
static void the_same_over_a_stream(void **state)
{
	struct testnet *t = *state;
	struct sip_out out = {
		.method = SIP_MESSAGE,
		.uri = STR("sip:carol@203.0.113.5;transport=tcp"),
		.flow = tn_flow(FLOW_TCP, "203.0.113.5", 5060),
		.from = STR("<sip:a@example.com>;tag=f1"),
		.to = STR("<sip:carol@example.com>"),
		.call_id = STR("out2"),
		.cseq = 5,
	};
	unsigned heard = 0;
	oid id;

	lag(t);
	assert_int_equal(sip_send(t->sip, &out, hear, &heard, &id), 0);
	tn_pass(t, ALL_MS + LAG_MS);
	assert_int_equal(heard, 1);
	assert_int_equal(transactions(t), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answered_request_is_forgotten_after_timer_j_all_the_same),
		TEST(own_request_is_given_up_after_timer_f_all_the_same),
		TEST(the_same_over_a_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
