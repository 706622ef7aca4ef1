/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is over and comes again: RFC 3261 17.2.2 (J), RFC 6026 7.1 (L). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sip/stack.h"
#include "sip/testnet.h"

struct world {
	struct testnet net;
	unsigned nrequests;
};

static void on_request(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	w->nrequests++;
	assert_int_equal(sip_reply(st, 200, NULL, NULL), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	sip_on_request(w->net.sip, SIP_MESSAGE, on_request, w);
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

static struct sip_counts counts(struct world *w)
{
	struct sip_counts c;

	sip_counts(w->net.sip, &c);
	return c;
}

static void text(struct world *w, unsigned i)
{
	tn_in(&w->net,
	      "MESSAGE sip:bob@192.0.2.1 SIP/2.0\n"
	      "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK%u;rport\n"
	      "Max-Forwards: 70\n"
	      "From: <sip:alice@example.com>;tag=a1\n"
	      "To: <sip:bob@example.com>\n"
	      "Call-ID: c%u@alice\n"
	      "CSeq: 1 MESSAGE\n",
	      i, i);
}

/* In the order in which they came, whatever their size and however many blocks they fill. */
static void many_answers_are_kept_and_forgotten_one_by_one(void **state)
{
	enum { MANY = 400 };
	struct world *w = *state;

	for (unsigned i = 1; i <= MANY; i++) {
		text(w, i);
		tn_clear(&w->net);
		tn_pass(&w->net, 50);
	}
	assert_int_equal(w->nrequests, MANY);
	assert_int_equal(counts(w).lingering, MANY);
	tn_pass(&w->net, 32000 - 50 * MANY / 2);
	assert_in_range(counts(w).lingering, MANY / 2 - 1, MANY / 2 + 1); /* 100 ms at a time */
	text(w, 400);
	text(w, 202);
	assert_int_equal(w->nrequests, MANY);
	assert_int_equal(w->net.nsent, 2);
	text(w, 190);
	assert_int_equal(w->nrequests, MANY + 1);
	tn_pass(&w->net, 40000);
	assert_int_equal(counts(w).lingering, 0);
	assert_int_equal(counts(w).server_transactions, 0);
}

static void another_copy_that_came_another_way_is_still_merged(void **state)
{
	struct world *w = *state;

	text(w, 1);
	tn_clear(&w->net);
	tn_pass(&w->net, 1000);
	tn_in(&w->net, "MESSAGE sip:bob@192.0.2.1 SIP/2.0\n"
		       "Via: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKother;rport\n"
		       "Max-Forwards: 69\n"
		       "From: <sip:alice@example.com>;tag=a1\n"
		       "To: <sip:bob@example.com>\n"
		       "Call-ID: c1@alice\n"
		       "CSeq: 1 MESSAGE\n");
	assert_int_equal(tn_out_status(&w->net), 482);
	assert_int_equal(w->nrequests, 1);
}

static void on_large(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	static char body[40000];
	struct world *w = arg;

	(void)req;
	w->nrequests++;
	memset(body, 'x', sizeof(body));
	assert_int_equal(sip_reply(st, 200, NULL,
				   &(struct sip_extra){.content_type = STR("text/plain"),
						       .body = {body, sizeof(body)}}),
			 0);
}

/* The block is made for it. */
static void an_answer_larger_than_a_block_is_kept(void **state)
{
	struct world *w = *state;

	sip_on_request(w->net.sip, SIP_MESSAGE, on_large, w);
	text(w, 1);
	text(w, 2);
	tn_pass(&w->net, 1000);
	text(w, 1);
	assert_int_equal(w->nrequests, 2);
	assert_int_equal(w->net.nsent, 3);
	assert_string_equal(w->net.sent[0].text, w->net.sent[2].text);
	tn_pass(&w->net, 33000);
	assert_int_equal(counts(w).lingering, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_answers_are_kept_and_forgotten_one_by_one),
		TEST(another_copy_that_came_another_way_is_still_merged),
		TEST(an_answer_larger_than_a_block_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
