/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What we report of what we heard and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/reports.h"

#define SECOND 1000000ull

static struct stream s;
static struct reports r;
static uint8_t p[REPORTS_MAX_BYTES + 128];

static uint32_t at(size_t i)
{
	return (uint32_t)p[i] << 24 | (uint32_t)p[i + 1] << 16 | (uint32_t)p[i + 2] << 8 | p[i + 3];
}

static void begin(void)
{
	memset(&r, 0, sizeof(r));
	stream_init(&s, 0);
}

/* Packets with these numbers, 20 ms apart. */
static void hears(uint16_t from, uint16_t to, uint16_t without)
{
	for (uint32_t seq = from; seq <= to; seq++) {
		struct rtp_head h = {.seq = (uint16_t)seq, .ts = seq * 160, .ssrc = 0xabcd};

		if (seq != without)
			rtp_source_hear(&s.source, &h, 8000, seq * 20000ull);
	}
}

static size_t next(const struct reports_sent *sent, uint64_t now_us)
{
	(void)reports_due(&r, &s, sent, now_us, p);
	return reports_due(&r, &s, sent, now_us + 10 * SECOND, p);
}

static void who_has_sent_says_how_much(void **state)
{
	struct reports_sent sent = {.ssrc = 7, .ts = 99, .packets = 50, .bytes = 8000};
	size_t n;

	begin();
	n = next(&sent, SECOND);
	assert_int_equal(rtcp_check(p, n), 0);
	assert_int_equal(p[0], 0x80);
	assert_int_equal(p[1], 200);
	assert_int_equal(at(4), 7);
	assert_int_equal(at(16), 99);
	assert_int_equal(at(20), 50);
	assert_int_equal(at(24), 8000);
	assert_int_equal(p[29], 202); /* a CNAME goes with every report */
	assert_int_equal(p[36], 1);
}

static void loss_is_told_of_all_and_of_late(void **state)
{
	struct reports_sent sent = {.ssrc = 7};
	size_t n;

	begin();
	hears(100, 199, 150);
	n = next(&sent, SECOND);
	assert_int_equal(rtcp_check(p, n), 0);
	assert_int_equal(p[0], 0x81);
	assert_int_equal(p[1], 201);
	assert_int_equal(at(8), 0xabcd);
	assert_int_equal(p[12], 256 / 100);
	assert_int_equal(at(12) & 0xffffff, 1);
	assert_int_equal(at(16), 199);
	hears(200, 299, 0);
	(void)next(&sent, 40 * SECOND);
	assert_int_equal(p[12], 0);
	assert_int_equal(at(12) & 0xffffff, 1);
}

static void the_age_of_their_report_is_told(void **state)
{
	struct reports_sent sent = {.ssrc = 7};

	begin();
	hears(1, 20, 0);
	s.sr_time = 0x11223344;
	s.sr_us = 9 * SECOND;
	(void)next(&sent, SECOND);
	assert_int_equal(at(24), 0x11223344);
	assert_int_equal(at(28), 2 * 65536);
}

static void reports_are_seldom(void **state)
{
	struct reports_sent sent = {.ssrc = 7};
	unsigned n = 0;

	begin();
	for (uint64_t t = SECOND; t < 301 * SECOND; t += SECOND / 50)
		n += reports_due(&r, &s, &sent, t, p) > 0;
	assert_in_range(n, 40, 90);
}

static void the_end_is_told_once_and_only_to_who_heard_of_us(void **state)
{
	struct reports_sent sent = {.ssrc = 7};
	size_t n;

	begin();
	assert_int_equal(reports_end(&r, &s, &sent, p), 0);
	(void)next(&sent, SECOND);
	n = reports_end(&r, &s, &sent, p);
	assert_int_equal(rtcp_check(p, n), 0);
	assert_int_equal(p[n - 7], 203);
	assert_int_equal(at(n - 4), 7);
	assert_int_equal(reports_end(&r, &s, &sent, p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_sent_says_how_much),
		cmocka_unit_test(loss_is_told_of_all_and_of_late),
		cmocka_unit_test(the_age_of_their_report_is_told),
		cmocka_unit_test(reports_are_seldom),
		cmocka_unit_test(the_end_is_told_once_and_only_to_who_heard_of_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
