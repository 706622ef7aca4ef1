/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream of numbered packets through delay, loss, disorder and drift; one is taken every 20 ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "audio/jitter.h"

enum { STEP = 160, CLOCK = 8000, STEP_US = 20000, MAX_PACKETS = 200000 };

struct run {
	struct jitter j;
	unsigned npackets, jitter_us, loss_percent;
	int drift_ppm; /* of the sender's clock */
	uint64_t rng;
	uint64_t arrives[MAX_PACKETS]; /* 0: lost */
	unsigned nlost_on_the_way;
	/* outcome */
	unsigned nplayed, nmade_up, nsilent, ndisorder;
	uint32_t most_wait_ms, wait_at_end_ms;
};

static struct run r;

static uint32_t draw(struct run *x, uint32_t below)
{
	x->rng ^= x->rng << 13, x->rng ^= x->rng >> 7, x->rng ^= x->rng << 17;
	return (uint32_t)(x->rng >> 16) % below;
}

static void plan(struct run *x)
{
	for (unsigned i = 0; i < x->npackets; i++) {
		uint64_t sent = 1000000 + (uint64_t)i * STEP_US;

		sent = (uint64_t)((double)sent * (1.0 - x->drift_ppm / 1e6));
		if (draw(x, 100) < x->loss_percent) {
			x->nlost_on_the_way++;
			continue;
		}
		x->arrives[i] = sent + (x->jitter_us ? draw(x, x->jitter_us) : 0);
	}
}

/* All that has come by now, in the order in which it came. */
static void deliver(struct run *x, unsigned *from, uint64_t now_us)
{
	for (unsigned k = *from; k < x->npackets && k < *from + 64; k++) {
		uint8_t p[4];

		if (!x->arrives[k] || x->arrives[k] > now_us)
			continue;
		memcpy(p, &k, 4);
		(void)jitter_put(&x->j, 7, (uint16_t)(65000 + k), 4294900000u + k * STEP, p, 4,
				 x->arrives[k]);
		x->arrives[k] = 0;
	}
	while (*from < x->npackets && !x->arrives[*from] &&
	       1000000 + (uint64_t)*from * STEP_US + 1000000 < now_us)
		(*from)++;
}

static void play(struct run *x)
{
	unsigned from = 0, last = 0;
	uint64_t end = 1000000 + (uint64_t)x->npackets * STEP_US;

	jitter_init(&x->j, CLOCK);
	plan(x);
	for (uint64_t now = 1000000; now < end; now += STEP_US) {
		const uint8_t *p;
		unsigned k;
		size_t n;

		deliver(x, &from, now);
		if (jitter_wait_ms(&x->j) > x->most_wait_ms)
			x->most_wait_ms = jitter_wait_ms(&x->j);
		switch (jitter_take(&x->j, &p, &n, now)) {
		case JITTER_PACKET:
			assert_int_equal(n, 4);
			memcpy(&k, p, 4);
			x->ndisorder += x->nplayed && k <= last;
			last = k;
			x->nplayed++;
			break;
		case JITTER_LOST:
			x->nmade_up++;
			break;
		case JITTER_NOTHING:
			x->nsilent++;
			break;
		}
	}
	x->wait_at_end_ms = jitter_wait_ms(&x->j);
}

static void begin(unsigned npackets)
{
	memset(&r, 0, sizeof(r));
	r.npackets = npackets;
	r.rng = 88172645463325252ull;
}

static void steady_stream_waits_one_packet(void **state)
{
	begin(500);
	play(&r);
	assert_in_range(r.nplayed, 495, 500);
	assert_int_equal(r.nmade_up, 0);
	assert_int_equal(r.ndisorder, 0);
	assert_int_equal(r.most_wait_ms, 20);
}

static void jitter_of_200_ms_costs_few_packets(void **state)
{
	begin(3000);
	r.jitter_us = 200000;
	play(&r);
	/* The beginning is learnt at the cost of some; after that none is late. */
	assert_in_range(r.nplayed, 2950, 3000);
	assert_int_equal(r.ndisorder, 0);
	assert_in_range(r.wait_at_end_ms, 180, 225);
}

static void loss_of_5_percent_is_made_up_one_for_one(void **state)
{
	begin(3000);
	r.jitter_us = 200000;
	r.loss_percent = 5;
	play(&r);
	assert_in_range(r.nplayed, 3000 - r.nlost_on_the_way - 60, 3000 - r.nlost_on_the_way);
	assert_in_range(r.nmade_up, r.nlost_on_the_way - 20, r.nlost_on_the_way + 60);
	assert_int_equal(r.ndisorder, 0);
}

static void delay_shrinks_when_the_way_is_even_again(void **state)
{
	begin(2000);
	r.jitter_us = 150000;
	play(&r);
	assert_in_range(r.wait_at_end_ms, 120, 180);
	/* The same stream goes on without jitter. */
	for (unsigned k = 2000; k < 3000; k++) {
		uint64_t now = 1000000 + (uint64_t)k * STEP_US + 1;
		const uint8_t *p;
		size_t n;

		(void)jitter_put(&r.j, 7, (uint16_t)(65000 + k), 4294900000u + k * STEP,
				 (const uint8_t *)&k, 4, now);
		(void)jitter_take(&r.j, &p, &n, now);
	}
	assert_int_equal(jitter_wait_ms(&r.j), 20);
}

static void an_hour_of_drift(int ppm)
{
	begin(180000);
	r.drift_ppm = ppm;
	r.jitter_us = 20000;
	play(&r);
	/* 200 ppm of an hour are 36 packets. */
	assert_in_range(r.nplayed, 180000 - 60, 180000);
	assert_in_range(r.nmade_up, 0, 60);
	assert_int_equal(r.ndisorder, 0);
	assert_in_range(r.most_wait_ms, 20, 45);
}

static void fast_clock_for_an_hour(void **state)
{
	an_hour_of_drift(200);
}

static void slow_clock_for_an_hour(void **state)
{
	an_hour_of_drift(-200);
}

static void packets_in_disorder_are_played_in_order(void **state)
{
	struct jitter j;
	const uint8_t *p;
	size_t n;
	static const uint16_t order[] = {3, 1, 2, 0, 5, 4, 6, 9, 8, 7};

	jitter_init(&j, CLOCK);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(jitter_put(&j, 7, order[i], order[i] * STEP,
					    (const uint8_t *)&order[i], 2, 1000 * i),
				 0);
	for (uint16_t k = 0; k < 10; k++) {
		assert_int_equal(jitter_take(&j, &p, &n, 24000 + k * STEP_US), JITTER_PACKET);
		assert_memory_equal(p, &k, 2);
	}
}

static void same_packet_twice_is_played_once(void **state)
{
	struct jitter j;
	uint8_t x = 1;

	jitter_init(&j, CLOCK);
	assert_int_equal(jitter_put(&j, 7, 1, 0, &x, 1, 0), 0);
	assert_int_equal(jitter_put(&j, 7, 1, 0, &x, 1, 10), EALREADY);
}

static void silence_in_between_is_silence_not_loss(void **state)
{
	struct jitter j;
	const uint8_t *p;
	uint8_t x = 1;
	size_t n;
	unsigned lost = 0, silent = 0, played = 0;

	jitter_init(&j, CLOCK);
	for (unsigned k = 0; k < 200; k++) {
		uint64_t now = 1000000 + k * STEP_US;

		/* Speaks, is silent for two seconds with no packets, speaks again: the sequence goes on, time has passed. */
		if (k < 50)
			(void)jitter_put(&j, 7, (uint16_t)k, k * STEP, &x, 1, now);
		else if (k >= 150)
			(void)jitter_put(&j, 7, (uint16_t)(k - 100), k * STEP, &x, 1, now);
		switch (jitter_take(&j, &p, &n, now)) {
		case JITTER_PACKET:
			played++;
			break;
		case JITTER_LOST:
			lost++;
			break;
		case JITTER_NOTHING:
			silent++;
			break;
		}
	}
	assert_in_range(played, 97, 100);
	assert_in_range(lost, 0, 6);
	assert_in_range(silent, 90, 103);
}

static void new_source_begins_anew(void **state)
{
	struct jitter j;
	const uint8_t *p;
	size_t n;

	jitter_init(&j, CLOCK);
	for (uint16_t k = 0; k < 20; k++) {
		(void)jitter_put(&j, 7, k, k * STEP, (const uint8_t *)"a", 1, k * STEP_US);
		(void)jitter_take(&j, &p, &n, k * STEP_US);
	}
	for (uint16_t k = 20; k < 40; k++) {
		(void)jitter_put(&j, 8, (uint16_t)(k + 30000), 77777777 + k * STEP,
				 (const uint8_t *)"b", 1, k * STEP_US);
		if (jitter_take(&j, &p, &n, k * STEP_US) == JITTER_PACKET)
			assert_int_equal(*p, 'b');
	}
	assert_in_range(j.next_seq, 30035, 30040);
}

/* Packets of n bytes go on coming; nobody takes one for so long, then each 20 ms.  How many of the last 20 takes got one? */
static unsigned taken_after_pause(unsigned pause_ms, size_t n)
{
	static struct jitter j;
	uint8_t p[400] = {0};
	const uint8_t *got;
	unsigned taken = 0, npackets = 50 + pause_ms / 20 + 30;

	jitter_init(&j, CLOCK);
	for (unsigned k = 0; k < npackets; k++) {
		uint64_t now = 1000000 + (uint64_t)k * STEP_US;
		bool is_paused = k >= 50 && k < 50 + pause_ms / 20;

		(void)jitter_put(&j, 7, (uint16_t)k, k * STEP, p, n, now);
		if (!is_paused && jitter_take(&j, &got, &n, now) == JITTER_PACKET)
			taken += k >= npackets - 20;
	}
	return taken;
}

static void who_took_nothing_for_a_while_goes_on_with_what_is_due(void **state)
{
	assert_true(taken_after_pause(0, 320) >= 19);
	assert_true(taken_after_pause(700, 320) >= 19);
	assert_true(taken_after_pause(1000, 320) >= 19);
	assert_true(taken_after_pause(1500, 160) >= 19);
	assert_true(taken_after_pause(5000, 160) >= 19);
}

static void large_payloads_do_not_overwrite_what_waits(void **state)
{
	static uint8_t big[1000];
	struct jitter j;
	const uint8_t *p;
	size_t n;

	jitter_init(&j, CLOCK);
	assert_int_equal(jitter_put(&j, 7, 0, 0, big, sizeof(j.arena) / 4 + 1, 0), EMSGSIZE);
	for (uint16_t k = 0; k < 40; k++) {
		memset(big, k, sizeof(big));
		(void)jitter_put(&j, 7, k, k * STEP, big, sizeof(big), 0);
	}
	/* Only the last 8 kB are there: what is handed out is whole, the rest is lost. */
	for (unsigned k = 0; k < 40; k++) {
		if (jitter_take(&j, &p, &n, 1000000 + k * STEP_US) != JITTER_PACKET)
			continue;
		assert_int_equal(n, sizeof(big));
		for (size_t i = 1; i < n; i++)
			assert_int_equal(p[i], p[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steady_stream_waits_one_packet),
		cmocka_unit_test(jitter_of_200_ms_costs_few_packets),
		cmocka_unit_test(loss_of_5_percent_is_made_up_one_for_one),
		cmocka_unit_test(delay_shrinks_when_the_way_is_even_again),
		cmocka_unit_test(fast_clock_for_an_hour),
		cmocka_unit_test(slow_clock_for_an_hour),
		cmocka_unit_test(packets_in_disorder_are_played_in_order),
		cmocka_unit_test(same_packet_twice_is_played_once),
		cmocka_unit_test(silence_in_between_is_silence_not_loss),
		cmocka_unit_test(new_source_begins_anew),
		cmocka_unit_test(who_took_nothing_for_a_while_goes_on_with_what_is_due),
		cmocka_unit_test(large_payloads_do_not_overwrite_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
