/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the edge is told to drop, and when it is told to stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "sip/stack.h"
#include "sip/testnet.h"

struct world {
	struct testnet net; /* first */
	unsigned ntold, nasked;
	uint32_t share; /* CONGESTION_ALL: nothing is dropped */
	char mark[32], first[8];
	size_t nfirst, nnumbers;
	int err;
};

static int thin(struct flow_edge *e, const struct flow_thinning *t)
{
	struct world *w = (struct world *)e;

	w->nasked++;
	if (t && w->err)
		return w->err;
	w->ntold++;
	w->share = t ? t->share : CONGESTION_ALL;
	w->nfirst = t ? t->nfirst : 0;
	if (t) {
		str_fit(w->mark, sizeof(w->mark), t->mark);
		str_fit(w->first, sizeof(w->first), t->first[0]);
	}
	return 0;
}

static size_t numbers(struct str *at, size_t max, void *arg)
{
	const struct world *w = arg;

	for (size_t i = 0; i < w->nnumbers && i < max; i++)
		at[i] = STR("112");
	return w->nnumbers;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	tn_open(&w->net);
	w->net.edge.thin = thin;
	w->share = CONGESTION_ALL;
	w->nnumbers = 1;
	sip_on_urgent_numbers(w->net.sip, numbers, w);
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

/* Many messages, of which each has waited so long; those that have waited bring new calls. */
static void wait_for(struct world *w, unsigned seconds, uint64_t wait_ms)
{
	struct flow_sink *sink = sip_sink(w->net.sip);

	for (unsigned i = 0; i < seconds * 50; i++) {
		tn_pass(&w->net, 20);
		sink->waited(sink, wait_ms * 1000);
		for (int n = 0; wait_ms && n < 10; n++)
			(void)congestion_admits(&w->net.sip->congestion, CONGESTION_THINNED);
		sink->received(sink, &w->net.peer, (const uint8_t *)"?", 1);
		sink->received(sink, &w->net.peer, (const uint8_t *)"?", 1);
	}
}

static void under_overload_most_new_calls_are_dropped_unread(void **state)
{
	struct world *w = *state;
	char tag[SIP_TAG_BYTES];

	wait_for(w, 20, 500);
	assert_in_range(w->share, 1, CONGESTION_ALL / 4);
	assert_int_equal(w->nfirst, 1);
	assert_string_equal(w->first, "112");
	sip_make_tag(w->net.sip, tag, sizeof(tag));
	assert_int_equal(strlen(w->mark), FLOW_THIN_MARK);
	assert_memory_equal(tag, w->mark, FLOW_THIN_MARK);
	wait_for(w, 20, 0);
	assert_int_equal(w->share, CONGESTION_ALL);
}

/* All that still comes is dropped: nothing is read any more that could tell us so. */
static void silence_ends_it(void **state)
{
	struct world *w = *state;

	wait_for(w, 20, 500);
	assert_true(w->share < CONGESTION_ALL);
	tn_pass(&w->net, 20000);
	assert_int_equal(w->share, CONGESTION_ALL);
	assert_int_equal(wheel_count(w->net.wheel), 0);
}

static void other_numbers_for_help_are_told(void **state)
{
	struct world *w = *state;
	unsigned ntold;

	sip_urgent_changed(w->net.sip);
	assert_int_equal(w->ntold, 0);
	wait_for(w, 20, 500);
	ntold = w->ntold;
	w->nnumbers = 2;
	sip_urgent_changed(w->net.sip);
	assert_int_equal(w->ntold, ntold + 1);
	assert_int_equal(w->nfirst, 2);
}

/* Rather too much work than a call for help that is lost. */
static void with_more_numbers_than_can_be_told_nothing_is_dropped(void **state)
{
	struct world *w = *state;

	w->nnumbers = 1000;
	wait_for(w, 20, 500);
	assert_int_equal(w->share, CONGESTION_ALL);
	assert_int_equal(w->net.sip->congestion.passing, CONGESTION_ALL);
}

static void an_edge_that_cannot_drops_nothing(void **state)
{
	struct world *w = *state;

	w->err = ENOMEM;
	wait_for(w, 20, 500);
	assert_int_equal(w->net.sip->congestion.passing, CONGESTION_ALL);
	assert_int_equal(w->nasked, 1); /* once in an overload */
	w->net.edge.thin = NULL;
	wait_for(w, 20, 500);
	assert_int_equal(w->ntold, 0);
}

static void turned_off_it_drops_nothing(void **state)
{
	struct world *w = *state;

	wait_for(w, 20, 500);
	assert_true(w->share < CONGESTION_ALL);
	sip_tolerate(w->net.sip, 0);
	assert_int_equal(w->share, CONGESTION_ALL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(under_overload_most_new_calls_are_dropped_unread),
		TEST(silence_ends_it),
		TEST(other_numbers_for_help_are_told),
		TEST(with_more_numbers_than_can_be_told_nothing_is_dropped),
		TEST(an_edge_that_cannot_drops_nothing),
		TEST(turned_off_it_drops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
