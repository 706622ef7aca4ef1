/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/latch.h"

enum { SSRC = 77, OTHER_SSRC = 88 };

static const struct addr none;

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

#define SDP	 at("192.0.2.1", 4000)	/* what the description says */
#define SDP_NAT	 at("192.0.2.1", 62000) /* its IP, another port */
#define NAT	 at("198.51.100.7", 1024)
#define STRANGER at("203.0.113.66", 6666)

static struct latch armed(struct addr expected)
{
	struct latch l = {0};

	latch_arm(&l, &expected, &none, &latch_rule_rtp);
	return l;
}

static enum latch_verdict hear(struct latch *l, struct addr src, uint32_t ssrc, uint16_t seq,
			       uint64_t now_ms)
{
	struct latch_mark mark = {.ssrc = ssrc, .seq = seq};

	return latch_hear(l, &src, &mark, now_ms);
}

static void hear_many(struct latch *l, struct addr src, uint32_t ssrc, uint16_t n, uint64_t *now_ms)
{
	for (uint16_t i = 0; i < n; i++, *now_ms += 20)
		assert_int_not_equal(hear(l, src, ssrc, i, *now_ms), LATCH_REFUSED);
}

static void nobody_is_heard_before_the_description(void **state)
{
	struct latch l = {0};

	assert_int_equal(hear(&l, SDP, SSRC, 1, 0), LATCH_REFUSED);
}

static void first_source_is_latched(void **state)
{
	struct latch l = armed(SDP);

	assert_int_equal(hear(&l, NAT, SSRC, 1, 0), LATCH_CHANGED);
	assert_int_equal(hear(&l, NAT, SSRC, 2, 20), LATCH_SAME);
	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 2, 20), LATCH_REFUSED);
	assert_int_equal(hear(&l, NAT, SSRC, 3, 40), LATCH_SAME);
}

static void described_address_displaces_the_first_source(void **state)
{
	struct latch l = armed(SDP);

	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 1, 0), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP, SSRC, 1, 20), LATCH_CHANGED);
	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 2, 20), LATCH_REFUSED);
	assert_int_equal(hear(&l, SDP, SSRC, 2, 40), LATCH_SAME);
}

static void described_ip_displaces_a_stranger_but_not_the_described_address(void **state)
{
	struct latch l = armed(SDP);

	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 1, 0), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP_NAT, SSRC, 1, 20), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP, SSRC, 1, 20), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP_NAT, SSRC, 1, 20), LATCH_REFUSED);
}

static void signalling_ip_displaces_a_stranger(void **state)
{
	struct addr sdp = at("10.0.0.5", 4000), sip = at("198.51.100.7", 5060);
	struct latch l = {0};

	latch_arm(&l, &sdp, &sip, &latch_rule_rtp);
	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 1, 0), LATCH_CHANGED);
	assert_int_equal(hear(&l, NAT, SSRC, 1, 20), LATCH_CHANGED);
	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 2, 20), LATCH_REFUSED);
}

static void same_sender_is_found_again_at_another_port(void **state)
{
	struct latch l = armed(SDP);
	uint64_t now = 0;
	uint16_t seq = 500;

	hear_many(&l, NAT, SSRC, 100, &now);
	now += latch_rule_rtp.rebind_ms;
	for (int i = 1; i < latch_rule_rtp.probation; i++, now += 20)
		assert_int_equal(hear(&l, at("198.51.100.7", 2048), SSRC, seq++, now),
				 LATCH_REFUSED);
	assert_int_equal(hear(&l, at("198.51.100.7", 2048), SSRC, seq, now), LATCH_CHANGED);
	assert_int_equal(hear(&l, NAT, SSRC, 100, now), LATCH_REFUSED);
}

static void sender_who_still_speaks_cannot_be_replaced(void **state)
{
	struct latch l = armed(SDP);
	uint64_t now = 0;

	hear_many(&l, NAT, SSRC, 100, &now);
	for (uint16_t i = 0; i < 1000; i++, now += 20) {
		assert_int_equal(hear(&l, NAT, SSRC, (uint16_t)(100 + i), now), LATCH_SAME);
		assert_int_equal(hear(&l, STRANGER, SSRC, i, now), LATCH_REFUSED);
	}
}

static void another_sender_never_replaces_a_silent_one(void **state)
{
	struct latch l = armed(SDP);
	uint64_t now = 0;

	hear_many(&l, SDP, SSRC, 100, &now);
	now += 3600000;
	for (uint16_t i = 0; i < 1000; i++, now += 20)
		assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, i, now), LATCH_REFUSED);
	assert_int_equal(hear(&l, SDP, SSRC, 100, now), LATCH_SAME);
}

static void gap_in_the_sequence_starts_probation_again(void **state)
{
	struct latch l = armed(SDP);
	uint64_t now = 0;

	hear_many(&l, NAT, SSRC, 100, &now);
	now += latch_rule_rtp.rebind_ms;
	for (uint16_t i = 0; i < 100; i++, now += 20)
		assert_int_equal(hear(&l, STRANGER, SSRC, (uint16_t)(2 * i), now), LATCH_REFUSED);
}

/* Left over from the call that had the port before. */
static void few_stray_packets_do_not_lock_the_phone_out(void **state)
{
	struct latch l = armed(SDP);
	uint64_t now = 0;

	hear_many(&l, STRANGER, OTHER_SSRC, 3, &now);
	assert_int_equal(hear(&l, NAT, SSRC, 0, now), LATCH_REFUSED);
	now += latch_rule_rtp.rebind_ms;
	for (uint16_t i = 1; i < latch_rule_rtp.probation; i++, now += 20)
		assert_int_equal(hear(&l, NAT, SSRC, i, now), LATCH_REFUSED);
	assert_int_equal(hear(&l, NAT, SSRC, latch_rule_rtp.probation, now), LATCH_CHANGED);
}

static void other_description_lets_in_the_new_address(void **state)
{
	struct latch l = armed(SDP);
	struct addr now_at = at("192.0.2.200", 5000);
	uint64_t now = 0;

	hear_many(&l, SDP, SSRC, 100, &now);
	latch_arm(&l, &now_at, &none, &latch_rule_rtp);
	assert_int_equal(hear(&l, now_at, OTHER_SSRC, 1, now), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP, SSRC, 101, now), LATCH_REFUSED);
}

/* Packets still under way from the old address must not keep the new one out, even if that is behind a NAT. */
static void old_source_gives_way_to_anybody(void **state)
{
	struct latch l = armed(SDP);
	struct addr now_at = at("10.1.1.1", 5000);
	uint64_t now = 0;

	hear_many(&l, SDP, SSRC, 100, &now);
	latch_arm(&l, &now_at, &none, &latch_rule_rtp);
	assert_int_equal(hear(&l, SDP, SSRC, 100, now), LATCH_CHANGED);
	assert_int_equal(l.rank, LATCH_OLD);
	assert_int_equal(hear(&l, NAT, OTHER_SSRC, 1, now), LATCH_CHANGED);
	assert_int_equal(hear(&l, SDP, SSRC, 101, now), LATCH_REFUSED);
}

static void old_source_of_the_right_ip_does_not_give_way_to_strangers(void **state)
{
	struct addr sip = at("198.51.100.7", 5060), now_at = at("10.1.1.1", 5000);
	struct latch l = {0};
	struct addr sdp = at("10.1.1.1", 4000);
	uint64_t now = 0;

	latch_arm(&l, &sdp, &sip, &latch_rule_rtp);
	hear_many(&l, NAT, SSRC, 100, &now);
	latch_arm(&l, &now_at, &sip, &latch_rule_rtp);
	assert_int_equal(hear(&l, NAT, SSRC, 100, now), LATCH_CHANGED);
	assert_int_equal(hear(&l, STRANGER, OTHER_SSRC, 1, now), LATCH_REFUSED);
	assert_int_equal(hear(&l, at("198.51.100.7", 3333), SSRC, 101, now), LATCH_CHANGED);
}

static void strict_latch_takes_only_the_known_ip(void **state)
{
	struct addr expected = at("192.0.2.1", 4001);
	struct latch l = {0};

	latch_arm(&l, &expected, &none, &latch_rule_rtcp);
	l.is_strict = true;
	assert_int_equal(latch_hear(&l, &(struct addr){.family = 4, .ip = {1, 2, 3, 4}}, NULL, 0),
			 LATCH_REFUSED);
	assert_int_equal(latch_hear(&l, &expected, NULL, 0), LATCH_CHANGED);
}

static void random_packets_never_break_the_rule(void **state)
{
	const struct addr who[] = {SDP, SDP_NAT, NAT, STRANGER};
	struct latch l = armed(SDP);
	uint64_t now = 0, r = 12345;
	bool has_sdp_spoken = false;

	for (int i = 0; i < 200000; i++) {
		size_t k;
		enum latch_verdict v;

		r = r * 6364136223846793005u + 1442695040888963407u;
		k = (r >> 33) % ARRAY_LEN(who);
		now += (r >> 40) % 30;
		v = hear(&l, who[k], (uint32_t)(100 + k), (uint16_t)i, now);
		if (has_sdp_spoken && k)
			assert_int_equal(v, LATCH_REFUSED);
		if (!k) {
			assert_int_not_equal(v, LATCH_REFUSED);
			has_sdp_spoken = true;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_heard_before_the_description),
		cmocka_unit_test(first_source_is_latched),
		cmocka_unit_test(described_address_displaces_the_first_source),
		cmocka_unit_test(described_ip_displaces_a_stranger_but_not_the_described_address),
		cmocka_unit_test(signalling_ip_displaces_a_stranger),
		cmocka_unit_test(same_sender_is_found_again_at_another_port),
		cmocka_unit_test(sender_who_still_speaks_cannot_be_replaced),
		cmocka_unit_test(another_sender_never_replaces_a_silent_one),
		cmocka_unit_test(gap_in_the_sequence_starts_probation_again),
		cmocka_unit_test(few_stray_packets_do_not_lock_the_phone_out),
		cmocka_unit_test(other_description_lets_in_the_new_address),
		cmocka_unit_test(old_source_gives_way_to_anybody),
		cmocka_unit_test(old_source_of_the_right_ip_does_not_give_way_to_strangers),
		cmocka_unit_test(strict_latch_takes_only_the_known_ip),
		cmocka_unit_test(random_packets_never_break_the_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
