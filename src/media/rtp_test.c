/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/rtp.h"

static const uint8_t plain[13] = {0x80, 0x88, 0x12, 0x34, 0, 0, 0, 9, 1, 2, 3, 4, 0xaa};

static void header_is_read(void **state)
{
	struct rtp_head h;

	assert_int_equal(rtp_read(&h, plain, sizeof(plain)), 0);
	assert_int_equal(h.pt, 8);
	assert_int_equal(h.seq, 0x1234);
	assert_int_equal(h.ts, 9);
	assert_int_equal(h.ssrc, 0x01020304);
}

static void header_alone_is_a_packet_but_not_a_byte_less(void **state)
{
	struct rtp_head h;

	assert_int_equal(rtp_read(&h, plain, 12), 0);
	for (size_t n = 0; n < 12; n++)
		assert_int_equal(rtp_read(&h, plain, n), EBADMSG);
}

static void other_versions_are_refused(void **state)
{
	struct rtp_head h;
	uint8_t p[13];

	memcpy(p, plain, sizeof(p));
	for (unsigned v = 0; v < 4; v++) {
		p[0] = (uint8_t)(v << 6);
		assert_int_equal(rtp_read(&h, p, sizeof(p)), v == 2 ? 0 : EBADMSG);
	}
}

static void sources_must_be_inside_the_packet(void **state)
{
	struct rtp_head h;
	uint8_t p[12 + 15 * 4] = {0x8f};

	assert_int_equal(rtp_read(&h, p, sizeof(p)), 0);
	assert_int_equal(rtp_read(&h, p, sizeof(p) - 1), EBADMSG);
	assert_int_equal(rtp_read(&h, p, 12), EBADMSG);
}

static void extension_must_be_inside_the_packet(void **state)
{
	struct rtp_head h;
	uint8_t p[12 + 4 + 8] = {0x90, [12] = 0xbe, 0xde, 0, 2};

	assert_int_equal(rtp_read(&h, p, sizeof(p)), 0);
	assert_int_equal(rtp_read(&h, p, sizeof(p) - 1), EBADMSG);
	assert_int_equal(rtp_read(&h, p, 15), EBADMSG);
	p[14] = p[15] = 0xff; /* 262,140 bytes */
	assert_int_equal(rtp_read(&h, p, sizeof(p)), EBADMSG);
}

static void padding_must_be_inside_the_payload(void **state)
{
	struct rtp_head h;
	uint8_t p[16] = {0xa0, [15] = 4};

	assert_int_equal(rtp_read(&h, p, sizeof(p)), 0);
	p[15] = 5;
	assert_int_equal(rtp_read(&h, p, sizeof(p)), EBADMSG);
	p[15] = 0;
	assert_int_equal(rtp_read(&h, p, sizeof(p)), EBADMSG);
	assert_int_equal(rtp_read(&h, p, 12), EBADMSG);
}

static void rtcp_compound_must_fill_the_datagram(void **state)
{
	uint8_t p[8 + 12] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 2};

	assert_int_equal(rtcp_check(p, sizeof(p)), 0);
	assert_int_equal(rtcp_check(p, 8), 0);
	assert_int_equal(rtcp_check(p, sizeof(p) - 1), EBADMSG);
	p[11] = 3; /* beyond */
	assert_int_equal(rtcp_check(p, sizeof(p)), EBADMSG);
	p[11] = 1; /* leaves four bytes that are no packet */
	assert_int_equal(rtcp_check(p, sizeof(p)), EBADMSG);
}

static void rtcp_of_four_bytes_or_another_type_is_refused(void **state)
{
	uint8_t p[8] = {0x80, 203, 0, 0, 0x80, 203, 0, 0};

	assert_int_equal(rtcp_check(p, 8), 0);
	assert_int_equal(rtcp_check(p, 4), EBADMSG);
	p[1] = 100;
	assert_int_equal(rtcp_check(p, 8), EBADMSG);
	p[1] = 203;
	p[0] = 0x40;
	assert_int_equal(rtcp_check(p, 8), EBADMSG);
}

static void muxed_types_64_to_95_are_rtcp(void **state)
{
	for (unsigned type = 0; type < 256; type++) {
		uint8_t p[2] = {0x80, (uint8_t)type};
		unsigned pt = type & 0x7f;

		assert_int_equal(rtp_is_rtcp(p, 2), pt >= 64 && pt <= 95);
	}
}

static void hear(struct rtp_source *s, uint32_t ssrc, uint16_t seq, uint64_t at_us)
{
	struct rtp_head h = {.seq = seq, .ts = (uint32_t)seq * 160, .ssrc = ssrc};

	rtp_source_hear(s, &h, 8000, at_us);
}

static void lost_is_expected_less_received(void **state)
{
	struct rtp_source s = {0};

	for (uint16_t i = 0; i < 100; i++)
		if (i % 10 != 5)
			hear(&s, 1, (uint16_t)(1000 + i), 20000u * i);
	assert_int_equal(rtp_source_lost(&s), 10);
	/* Late ones are not lost after all. */
	hear(&s, 1, 1095, 2100000);
	assert_int_equal(rtp_source_lost(&s), 9);
}

static void sequence_wraps_without_loss(void **state)
{
	struct rtp_source s = {0};

	for (uint32_t i = 0; i < 200000; i++)
		hear(&s, 1, (uint16_t)(65000 + i), 20000ull * i);
	assert_int_equal(rtp_source_lost(&s), 0);
	assert_int_equal(s.cycles, 4u << 16);
}

static void duplicates_do_not_make_loss_negative(void **state)
{
	struct rtp_source s = {0};

	for (uint16_t i = 0; i < 20; i++) {
		hear(&s, 1, i, 20000u * i);
		hear(&s, 1, i, 20000u * i);
	}
	assert_int_equal(rtp_source_lost(&s), 0);
}

static void reordering_is_no_loss(void **state)
{
	static const uint16_t order[] = {1, 3, 2, 4, 7, 6, 5, 8};
	struct rtp_source s = {0};

	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		hear(&s, 1, order[i], 20000u * i);
	assert_int_equal(rtp_source_lost(&s), 0);
}

/* RFC 3550 A.1: a jump beyond MAX_DROPOUT counts only when the next packet continues it. */
static void one_stray_sequence_number_changes_nothing(void **state)
{
	struct rtp_source s = {0};

	hear(&s, 1, 10, 0);
	hear(&s, 1, 30000, 20000);
	hear(&s, 1, 11, 40000);
	assert_int_equal(s.max_seq, 11);
	assert_int_equal(rtp_source_lost(&s), 0);
}

static void sequence_that_starts_anew_keeps_what_was_lost(void **state)
{
	struct rtp_source s = {0};

	hear(&s, 1, 10, 0);
	hear(&s, 1, 12, 20000);
	hear(&s, 1, 30000, 40000);
	hear(&s, 1, 30001, 60000);
	hear(&s, 1, 30003, 80000);
	assert_int_equal(rtp_source_lost(&s), 2);
}

static void new_source_keeps_what_the_old_one_lost(void **state)
{
	struct rtp_source s = {0};

	hear(&s, 1, 10, 0);
	hear(&s, 1, 14, 20000);
	hear(&s, 2, 40000, 40000);
	hear(&s, 2, 40001, 60000);
	assert_int_equal(rtp_source_lost(&s), 3);
}

/* A.8 by hand: J += (|D| - J) / 16, in clock ticks; |D| = 8 ms = 64 ticks each time. */
static void jitter_follows_the_rfc(void **state)
{
	struct rtp_source s = {0};
	double j = 0;

	hear(&s, 1, 0, 0);
	for (uint16_t i = 1; i <= 400; i++) {
		hear(&s, 1, i, 20000ull * i + (i & 1 ? 8000 : 0));
		j += (64 - j) / 16;
		if (i == 1)
			assert_int_equal(rtp_source_jitter_us(&s), 4 * 1000000 / 8000);
	}
	assert_in_range(rtp_source_jitter_us(&s), (uint64_t)(j * 125) - 250,
			(uint64_t)(j * 125) + 250);
}

static void even_packets_have_no_jitter(void **state)
{
	struct rtp_source s = {0};

	for (uint32_t i = 0; i < 70000; i++)
		hear(&s, 1, (uint16_t)i, 5000000000ull + 20000ull * i);
	assert_true(rtp_source_jitter_us(&s) <= 125);
}

static void unknown_clock_gives_no_jitter(void **state)
{
	struct rtp_source s = {0};

	for (uint16_t i = 0; i < 100; i++) {
		struct rtp_head h = {.pt = 111, .seq = i, .ts = 7u * i, .ssrc = 1};

		rtp_source_hear(&s, &h, 0, 20000u * i);
	}
	assert_int_equal(rtp_source_jitter_us(&s), 0);
	assert_int_equal(rtp_source_lost(&s), 0);
}

static void packets_of_one_digit_are_no_jitter(void **state)
{
	struct rtp_source s = {0};

	for (uint16_t i = 0; i < 100; i++) {
		struct rtp_head h = {.pt = 101, .seq = i, .ts = 160u * (i / 10), .ssrc = 1};

		rtp_source_hear(&s, &h, 8000, 20000u * (i / 10) + 2000u * (i % 10));
	}
	assert_int_equal(rtp_source_jitter_us(&s), 0);
}

static void static_types_have_their_clocks(void **state)
{
	assert_int_equal(rtp_static_clock_hz(0), 8000);
	assert_int_equal(rtp_static_clock_hz(9), 8000); /* G.722 */
	assert_int_equal(rtp_static_clock_hz(31), 90000);
	assert_int_equal(rtp_static_clock_hz(96), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_read),
		cmocka_unit_test(header_alone_is_a_packet_but_not_a_byte_less),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(sources_must_be_inside_the_packet),
		cmocka_unit_test(extension_must_be_inside_the_packet),
		cmocka_unit_test(padding_must_be_inside_the_payload),
		cmocka_unit_test(rtcp_compound_must_fill_the_datagram),
		cmocka_unit_test(rtcp_of_four_bytes_or_another_type_is_refused),
		cmocka_unit_test(muxed_types_64_to_95_are_rtcp),
		cmocka_unit_test(lost_is_expected_less_received),
		cmocka_unit_test(sequence_wraps_without_loss),
		cmocka_unit_test(duplicates_do_not_make_loss_negative),
		cmocka_unit_test(reordering_is_no_loss),
		cmocka_unit_test(one_stray_sequence_number_changes_nothing),
		cmocka_unit_test(sequence_that_starts_anew_keeps_what_was_lost),
		cmocka_unit_test(new_source_keeps_what_the_old_one_lost),
		cmocka_unit_test(jitter_follows_the_rfc),
		cmocka_unit_test(even_packets_have_no_jitter),
		cmocka_unit_test(unknown_clock_gives_no_jitter),
		cmocka_unit_test(packets_of_one_digit_are_no_jitter),
		cmocka_unit_test(static_types_have_their_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
