/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a leg hears over changes of who speaks: first the packets alone, then through joined streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/relay.h"

enum { PACKET = 20, HZ = 8000, PTIME_US = 20000 };

static const uint32_t first = 0x11111111, second = 0x22222222, third = 0x33333333;

static struct rtp_head passed(struct splice *sp, uint32_t ssrc, uint16_t seq, uint32_t ts,
			      uint64_t now_us)
{
	struct rtp_head h = {.seq = seq, .ts = ts, .ssrc = ssrc};
	uint8_t p[PACKET] = {0};

	rtp_write(&h, p);
	splice_pass(sp, p, HZ, now_us);
	assert_int_equal(rtp_read(&h, p, sizeof(p)), 0);
	return h;
}

static void assert_head(struct rtp_head h, uint32_t ssrc, uint16_t seq, uint32_t ts, bool marker)
{
	assert_int_equal(h.ssrc, ssrc);
	assert_int_equal(h.seq, seq);
	assert_int_equal(h.ts, ts);
	assert_int_equal(h.marker, marker);
}

static void who_speaks_first_passes_unchanged(void **state)
{
	struct splice sp = {0};

	assert_head(passed(&sp, first, 65535, 1000, 0), first, 65535, 1000, false);
	assert_head(passed(&sp, first, 0, 1160, PTIME_US), first, 0, 1160, false);
	/* Its jumps are its own: what is heard of them the phone decides. */
	assert_head(passed(&sp, first, 500, 9, 2 * PTIME_US), first, 500, 9, false);
	assert_false(sp.is_shifted);
}

static void the_next_goes_on_where_the_first_ended(void **state)
{
	struct splice sp = {0};

	passed(&sp, first, 10, 1000, 0);
	assert_head(passed(&sp, second, 40000, 7, PTIME_US), first, 11, 1160, true);
	assert_head(passed(&sp, second, 40001, 167, 2 * PTIME_US), first, 12, 1320, false);
	/* after two seconds of silence */
	assert_head(passed(&sp, third, 0, 5, 102 * PTIME_US), first, 13, 17320, true);
	/* and he who spoke first again */
	assert_head(passed(&sp, first, 99, 88, 103 * PTIME_US), first, 14, 17480, true);
}

static void what_comes_at_once_still_has_a_time_of_its_own(void **state)
{
	struct splice sp = {0};

	passed(&sp, first, 10, 1000, 0);
	assert_head(passed(&sp, second, 1, 0, 10), first, 11, 1160, true);
}

static void a_late_packet_keeps_its_place(void **state)
{
	struct splice sp = {0};

	passed(&sp, first, 10, 1000, 0);
	passed(&sp, second, 101, 160, 1 * PTIME_US);
	passed(&sp, second, 103, 480, 2 * PTIME_US);
	assert_head(passed(&sp, second, 102, 320, 3 * PTIME_US), first, 12, 1320, false);
	assert_head(passed(&sp, third, 5, 0, 4 * PTIME_US), first, 14, 1480 + 320, true);
}

/* Of a key all packets have the time of its beginning. */
static void the_next_goes_on_after_the_whole_key(void **state)
{
	struct splice sp = {0};

	passed(&sp, first, 10, 1000, 0);
	for (uint16_t i = 0; i < 5; i++)
		assert_head(passed(&sp, second, i, 7, (1 + i) * PTIME_US), first,
			    (uint16_t)(11 + i), 1160, !i);
	assert_head(passed(&sp, first, 16, 1960, 6 * PTIME_US), first, 16, 1160 + 800, true);
}

static void what_was_taken_out_does_not_look_lost(void **state)
{
	struct splice sp = {0};

	passed(&sp, first, 65534, 1000, 0);
	for (uint16_t i = 0; i < 3; i++)
		splice_skip(&sp, &(struct rtp_head){.ssrc = first, .seq = (uint16_t)(65535 + i)});
	assert_head(passed(&sp, first, 2, 1160, PTIME_US), first, 65535, 1160, false);
	/* Control: of another, or not the next. */
	splice_skip(&sp, &(struct rtp_head){.ssrc = second, .seq = 3});
	splice_skip(&sp, &(struct rtp_head){.ssrc = first, .seq = 5});
	assert_head(passed(&sp, first, 3, 1320, 2 * PTIME_US), first, 0, 1320, false);
}

/* --- reports ---------------------------------------------------------------------------------------------------------- */

enum { SR = 200, RR = 201, SDES = 202, RTPFB = 205 };

static void put_block(uint8_t *p, uint32_t ssrc, uint32_t highest)
{
	rtp_put32(p, ssrc);
	rtp_put32(p + 8, highest);
}

static struct splice turned(uint32_t to, uint32_t by, uint16_t seq_add, uint32_t ts_add)
{
	return (struct splice){.has_begun = true,
			       .is_shifted = true,
			       .ssrc = to,
			       .from = by,
			       .seq_add = seq_add,
			       .ts_add = ts_add};
}

static void a_report_speaks_of_those_who_know_themselves_by_it(void **state)
{
	uint8_t p[28 + 24 + 12] = {0x81, SR, 0, 12};
	struct splice hears = turned(first, second, 100, 0), told = turned(third, 0x44, 0, 1000);

	rtp_put32(p + 4, 0x44);
	rtp_put32(p + 16, 5);
	put_block(p + 28, first, 0x20003);
	memcpy(p + 52, (uint8_t[]){0x81, SDES, 0, 2}, 4);
	rtp_put32(p + 56, 0x44);
	splice_reports(&hears, &told, p, sizeof(p));
	assert_int_equal(rtp_get32(p + 4), third);
	assert_int_equal(rtp_get32(p + 16), 1005);
	assert_int_equal(rtp_get32(p + 28), second);
	assert_int_equal(rtp_get32(p + 36), 0x2ff9f); /* 3 - 100, its cycles as they were */
	assert_int_equal(rtp_get32(p + 56), third);
}

static void a_report_of_others_is_left_alone(void **state)
{
	struct splice hears = turned(first, second, 100, 0), told = turned(third, 0x44, 0, 1000);
	uint8_t p[32] = {0x81, RR, 0, 7}, before[32];

	rtp_put32(p + 4, 0x55);
	put_block(p + 8, second, 7);
	memcpy(before, p, sizeof(p));
	splice_reports(&hears, &told, p, sizeof(p));
	assert_memory_equal(p, before, sizeof(p));
}

static void the_count_of_blocks_is_not_believed(void **state)
{
	struct splice hears = turned(first, second, 100, 0), told = {0};
	uint8_t p[12] = {0x9f, RR, 0, 1, 0, 0, 0, 9, 0x11, 0x11, 0x11, 0x11};

	splice_reports(&hears, &told, p, 8);
	assert_int_equal(rtp_get32(p + 8), first); /* beyond its end */
}

static void what_is_asked_for_again_is_asked_by_its_own_number(void **state)
{
	struct splice hears = turned(first, second, 100, 0), told = {0};
	uint8_t p[20] = {0x81, RTPFB, 0, 4};

	rtp_put32(p + 8, first);
	rtp_put16(p + 12, 105);
	rtp_put16(p + 16, 99);
	splice_reports(&hears, &told, p, sizeof(p));
	assert_int_equal(rtp_get32(p + 8), second);
	assert_int_equal(rtp_get16(p + 12), 5);
	assert_int_equal(rtp_get16(p + 16), 65535);
}

/* --- through streams -------------------------------------------------------------------------------------------------- */

struct party {
	struct stream stream;
	struct addr phone;
	uint32_t ssrc;
};

static void ready(struct party *p, const char *ip, uint32_t ssrc, enum media_kind kind)
{
	struct media_remote r = {.may_send = true, .may_receive = true, .kind = kind};

	memset(p, 0, sizeof(*p));
	p->ssrc = ssrc;
	assert_int_equal(addr_parse(&p->phone, str_of(ip), 4000), 0);
	r.rtp = p->phone;
	stream_init(&p->stream, 0);
	stream_remote(&p->stream, &r, 0);
}

/* What the other one hears of it. */
static struct rtp_head says(struct party *from, uint16_t seq, uint64_t now_us)
{
	struct rtp_head h = {.seq = seq, .ts = 160u * seq, .ssrc = from->ssrc};
	uint8_t p[PACKET] = {0};
	size_t n = sizeof(p);

	rtp_write(&h, p);
	assert_non_null(relay_packet(&from->stream.rtp, &from->phone, p, &n, now_us));
	assert_int_equal(rtp_read(&h, p, n), 0);
	return h;
}

static void whom_it_was_transferred_to_is_heard_as_the_same_stream(void **state)
{
	struct party a, b, c;
	struct rtp_head h = {.seq = 500, .ts = 3, .ssrc = third};
	uint8_t p[PACKET] = {0};
	size_t n = sizeof(p);

	ready(&a, "192.0.2.1", 0xa, MEDIA_AUDIO);
	ready(&b, "192.0.2.2", 0xb, MEDIA_AUDIO);
	ready(&c, "192.0.2.3", 0xc, MEDIA_AUDIO);
	stream_join(&a.stream, &b.stream);
	assert_head(says(&b, 10, PTIME_US), 0xb, 10, 1600, false);
	stream_part(&a.stream);
	stream_speak(&a.stream);
	rtp_write(&h, p);
	assert_non_null(relay_speak(&a.stream, p, &n, 2 * PTIME_US)); /* music */
	assert_int_equal(rtp_read(&h, p, n), 0);
	assert_head(h, 0xb, 11, 1760, true);
	stream_part(&a.stream);
	stream_join(&a.stream, &c.stream);
	assert_head(says(&c, 0, 3 * PTIME_US), 0xb, 12, 1920, true);
	assert_head(says(&a, 7, 3 * PTIME_US), 0xa, 7, 1120, false);
}

static void a_report_on_the_transferred_reaches_him_under_his_name(void **state)
{
	struct party a, b, c;
	uint8_t p[32] = {0x81, RR, 0, 7};
	struct addr from;
	size_t n = 32;

	ready(&a, "192.0.2.1", 0xa, MEDIA_AUDIO);
	ready(&b, "192.0.2.2", 0xb, MEDIA_AUDIO);
	ready(&c, "192.0.2.3", 0xc, MEDIA_AUDIO);
	stream_join(&a.stream, &b.stream);
	says(&b, 10, PTIME_US);
	stream_part(&a.stream);
	stream_join(&a.stream, &c.stream);
	says(&c, 3, 2 * PTIME_US);
	rtp_put32(p + 4, 0xa);
	put_block(p + 8, 0xb, 11);
	from = a.phone;
	from.port++;
	assert_non_null(relay_packet(&a.stream.rtcp, &from, p, &n, 3 * PTIME_US));
	assert_int_equal(rtp_get32(p + 4), 0xa);
	assert_int_equal(rtp_get32(p + 8), 0xc);
	assert_int_equal(rtp_get32(p + 16), 3);
}

static void video_keeps_its_ssrcs(void **state)
{
	struct party a, b;

	ready(&a, "192.0.2.1", 0xa, MEDIA_VIDEO);
	ready(&b, "192.0.2.2", 0xb, MEDIA_VIDEO);
	stream_join(&a.stream, &b.stream);
	says(&b, 10, PTIME_US);
	b.ssrc = 0xbb;
	assert_head(says(&b, 90, 2 * PTIME_US), 0xbb, 90, 14400, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_speaks_first_passes_unchanged),
		cmocka_unit_test(the_next_goes_on_where_the_first_ended),
		cmocka_unit_test(what_comes_at_once_still_has_a_time_of_its_own),
		cmocka_unit_test(a_late_packet_keeps_its_place),
		cmocka_unit_test(the_next_goes_on_after_the_whole_key),
		cmocka_unit_test(what_was_taken_out_does_not_look_lost),
		cmocka_unit_test(a_report_speaks_of_those_who_know_themselves_by_it),
		cmocka_unit_test(a_report_of_others_is_left_alone),
		cmocka_unit_test(the_count_of_blocks_is_not_believed),
		cmocka_unit_test(what_is_asked_for_again_is_asked_by_its_own_number),
		cmocka_unit_test(whom_it_was_transferred_to_is_heard_as_the_same_stream),
		cmocka_unit_test(a_report_on_the_transferred_reaches_him_under_his_name),
		cmocka_unit_test(video_keeps_its_ssrcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
