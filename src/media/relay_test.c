/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path of packets without sockets: two joined streams, time by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/relay.h"

#define SECOND 1000000ull

struct pair {
	struct stream a, b;
	struct addr phone_a, phone_b, stranger;
	uint64_t now_us;
	uint16_t seq;
};

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

static struct media_remote both_ways(struct addr rtp)
{
	return (struct media_remote){.rtp = rtp, .may_send = true, .may_receive = true};
}

static void set_remote(struct pair *p, struct stream *s, struct media_remote r)
{
	stream_remote(s, &r, p->now_us);
}

static void joined(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	p->phone_a = at("192.0.2.1", 4000);
	p->phone_b = at("192.0.2.2", 5000);
	p->stranger = at("203.0.113.6", 6000);
	p->now_us = 100 * SECOND;
	stream_init(&p->a, 0);
	stream_init(&p->b, 0);
	set_remote(p, &p->a, both_ways(p->phone_a));
	set_remote(p, &p->b, both_ways(p->phone_b));
	stream_join(&p->a, &p->b);
}

static struct stream_end *relay(struct stream_end *in, const struct addr *src, uint8_t *pkt,
				size_t n, uint64_t now_us)
{
	return relay_packet(in, src, pkt, &n, now_us);
}

static struct stream_end *rtp_of(struct pair *p, struct stream *s, struct addr from, uint32_t ssrc)
{
	uint8_t pkt[20] = {0x80, 0, (uint8_t)(p->seq >> 8), (uint8_t)p->seq, [11] = (uint8_t)ssrc};

	p->seq++;
	return relay(&s->rtp, &from, pkt, sizeof(pkt), p->now_us);
}

static struct stream_end *rtcp_of(struct pair *p, struct stream_end *in, struct addr from)
{
	uint8_t pkt[8] = {0x80, 201, 0, 1, 0, 0, 0, 1};

	return relay(in, &from, pkt, sizeof(pkt), p->now_us);
}

static bool goes_to(const struct stream_end *out, struct addr to)
{
	struct addr a;

	return out && out->nto && !addr_from_sockaddr(&a, &out->to.sa) && addr_eq(&a, &to);
}

static void packets_go_to_the_described_address_before_it_speaks(void **state)
{
	struct pair p;

	joined(&p);
	assert_true(goes_to(rtp_of(&p, &p.a, p.phone_a, 1), p.phone_b));
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), p.phone_a));
}

static void packets_go_where_the_phone_behind_a_nat_speaks_from(void **state)
{
	struct addr nat = at("198.51.100.7", 1024);
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.b, nat, 2);
	assert_true(goes_to(rtp_of(&p, &p.a, p.phone_a, 1), nat));
	nat.port++;
	assert_true(goes_to(rtcp_of(&p, &p.a.rtcp, at("192.0.2.1", 4001)), nat));
}

/* ACC-5, never: also when it sends from another port than it receives on. */
static void a_leg_that_is_believed_is_sent_to_where_it_says(void **state)
{
	struct media_remote r;
	struct pair p;

	joined(&p);
	r = both_ways(p.phone_a);
	r.hint = p.stranger;
	r.is_believed = true;
	set_remote(&p, &p.a, r);
	assert_null(rtp_of(&p, &p.a, p.stranger, 7));
	assert_non_null(rtp_of(&p, &p.a, at("192.0.2.1", 4444), 1));
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), p.phone_a));
	r.is_believed = false; /* it is found where it speaks from as soon as it is not */
	set_remote(&p, &p.a, r);
	assert_non_null(rtp_of(&p, &p.a, at("192.0.2.1", 4444), 1));
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), at("192.0.2.1", 4444)));
}

static void stranger_is_counted_and_goes_nowhere(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	assert_null(rtp_of(&p, &p.a, p.stranger, 1));
	assert_null(rtcp_of(&p, &p.a.rtcp, p.stranger));
	assert_int_equal(p.a.rtp.rx_refused, 1);
	assert_int_equal(p.a.rtcp.rx_refused, 1);
	assert_int_equal(p.a.rtp.rx_packets, 1);
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), p.phone_a));
}

static void unreadable_packets_do_not_latch(void **state)
{
	uint8_t stun[20] = {0, 1}, empty[1];
	struct pair p;

	joined(&p);
	assert_null(relay(&p.a.rtp, &p.stranger, stun, sizeof(stun), p.now_us));
	assert_null(relay(&p.a.rtp, &p.stranger, empty, 0, p.now_us));
	assert_int_equal(p.a.rtp.rx_refused, 2);
	assert_int_equal(p.a.rtp.latch.source.family, 0);
}

static void forged_source_with_another_ssrc_waits_until_the_phone_is_silent(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	p.now_us += 20000;
	assert_null(rtp_of(&p, &p.a, p.phone_a, 9));
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 1));
	p.now_us += RELAY_SSRC_GUARD_US;
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 9));
}

static void video_may_have_several_ssrcs(void **state)
{
	struct media_remote video;
	struct pair p;

	joined(&p);
	video = both_ways(p.phone_a);
	video.kind = MEDIA_VIDEO;
	set_remote(&p, &p.a, video);
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 1));
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 9));
}

static void leg_on_hold_keeps_its_place_but_nothing_of_it_is_sent_on(void **state)
{
	struct media_remote hold;
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	hold = both_ways(p.phone_a);
	hold.may_send = false;
	set_remote(&p, &p.a, hold);
	assert_null(rtp_of(&p, &p.a, p.phone_a, 1));
	assert_int_equal(p.a.rtp.rx_packets, 2);
	assert_int_equal(p.a.rtp.rx_refused, 0);
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), p.phone_a));
	hold.may_send = true;
	hold.may_receive = false;
	set_remote(&p, &p.a, hold);
	assert_null(rtp_of(&p, &p.b, p.phone_b, 2));
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 1));
	/* Reports go on during hold. */
	assert_non_null(rtcp_of(&p, &p.b.rtcp, at("192.0.2.2", 5001)));
}

static void hold_by_address_zero_keeps_the_latch(void **state)
{
	struct addr nat = at("198.51.100.7", 1024);
	struct media_remote hold = {.may_send = true, .may_receive = true};
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, nat, 1);
	set_remote(&p, &p.a, hold);
	assert_null(rtp_of(&p, &p.b, p.phone_b, 2));
	assert_non_null(rtp_of(&p, &p.a, nat, 1));
	assert_null(rtp_of(&p, &p.b, p.phone_b, 2));
	assert_null(rtp_of(&p, &p.a, p.stranger, 1));
	set_remote(&p, &p.a, both_ways(p.phone_a));
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), nat));
}

static void same_description_again_keeps_the_latch(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	set_remote(&p, &p.a, both_ways(p.phone_a));
	assert_null(rtp_of(&p, &p.a, p.stranger, 3));
}

static void other_description_moves_the_leg(void **state)
{
	struct addr moved = at("192.0.2.50", 7000);
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	set_remote(&p, &p.a, both_ways(moved));
	assert_true(goes_to(rtp_of(&p, &p.b, p.phone_b, 2), moved));
	assert_non_null(rtp_of(&p, &p.a, moved, 8));
	assert_null(rtp_of(&p, &p.a, p.phone_a, 1));
}

static void rtcp_has_the_described_address(void **state)
{
	struct media_remote r;
	struct pair p;

	joined(&p);
	r = both_ways(p.phone_b);
	r.rtcp = at("192.0.2.2", 5999);
	set_remote(&p, &p.b, r);
	assert_true(goes_to(rtcp_of(&p, &p.a.rtcp, at("192.0.2.1", 4001)), r.rtcp));
	rtp_of(&p, &p.b, p.phone_b, 2);
	assert_true(goes_to(rtcp_of(&p, &p.a.rtcp, at("192.0.2.1", 4001)), r.rtcp));
	assert_non_null(rtcp_of(&p, &p.b.rtcp, r.rtcp));
}

static void muxed_rtcp_shares_the_rtp_socket(void **state)
{
	struct media_remote mux;
	struct pair p;

	joined(&p);
	mux = both_ways(p.phone_a);
	mux.rtcp_mux = true;
	set_remote(&p, &p.a, mux);
	rtp_of(&p, &p.a, p.phone_a, 1);
	assert_ptr_equal(rtcp_of(&p, &p.a.rtp, p.phone_a), &p.b.rtcp);
	assert_ptr_equal(rtcp_of(&p, &p.b.rtcp, at("192.0.2.2", 5001)), &p.a.rtp);
	assert_null(rtcp_of(&p, &p.a.rtp, p.stranger));
	/* Without mux it would be RTP, and is too short to be. */
	assert_null(rtcp_of(&p, &p.b.rtp, p.phone_b));
}

static void udptl_is_passed_on_as_it_is(void **state)
{
	uint8_t pkt[5] = {0, 1, 2, 3, 4};
	struct media_remote raw;
	struct pair p;

	joined(&p);
	raw = both_ways(p.phone_a);
	raw.kind = MEDIA_RAW;
	set_remote(&p, &p.a, raw);
	raw.rtp = p.phone_b;
	set_remote(&p, &p.b, raw);
	assert_true(goes_to(relay(&p.a.rtp, &p.phone_a, pkt, sizeof(pkt), p.now_us), p.phone_b));
	assert_null(relay(&p.a.rtp, &p.stranger, pkt, sizeof(pkt), p.now_us));
	assert_null(relay(&p.a.rtp, &p.phone_a, pkt, 0, p.now_us));
}

static void echo_has_an_ssrc_of_our_own(void **state)
{
	uint8_t pkt[14] = {0x80, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0xaa, 0xbb}, sent[14];
	struct pair p;

	joined(&p);
	memcpy(sent, pkt, sizeof(pkt));
	stream_part(&p.a);
	assert_int_equal(p.b.mode, RELAY_NOWHERE);
	stream_echo(&p.a, 0x10203040);
	assert_ptr_equal(relay(&p.a.rtp, &p.phone_a, pkt, sizeof(pkt), p.now_us), &p.a.rtp);
	assert_memory_equal(pkt, sent, 8);
	assert_memory_not_equal(pkt + 8, sent + 8, 4);
	assert_memory_equal(pkt + 12, sent + 12, 2);
	assert_null(rtcp_of(&p, &p.a.rtcp, at("192.0.2.1", 4001)));
	assert_null(rtp_of(&p, &p.b, p.phone_b, 1));
}

/* Each description names the other's port: the same packet would go round for ever. */
static void loop_ends(void **state)
{
	struct addr ours_a = at("192.0.2.9", 30000), ours_b = at("192.0.2.9", 30002);
	struct stream_end *out;
	unsigned hops = 0;
	uint8_t pkt[12] = {0x80};
	struct pair p;

	joined(&p);
	set_remote(&p, &p.a, both_ways(ours_b));
	set_remote(&p, &p.b, both_ways(ours_a));
	out = relay(&p.a.rtp, &ours_b, pkt, sizeof(pkt), p.now_us);
	while (out && hops < 1000000) {
		bool is_from_a = out == &p.a.rtp;

		hops++;
		out = relay(is_from_a ? &p.b.rtp : &p.a.rtp, is_from_a ? &ours_a : &ours_b, pkt,
			    sizeof(pkt), p.now_us);
	}
	assert_in_range(hops, 1, 2 * RELAY_BUDGET_AUDIO);
}

static void flood_of_a_stranger_does_not_use_up_the_phones_budget(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	for (int i = 0; i < 5 * RELAY_BUDGET_AUDIO; i++)
		assert_null(rtp_of(&p, &p.a, p.stranger, 9));
	assert_non_null(rtp_of(&p, &p.a, p.phone_a, 1));
}

static void silence_is_told_once_and_packets_end_it(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	assert_int_equal(p.a.news, RELAY_HEARD);
	p.a.news = 0;
	p.now_us += 9 * SECOND;
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, 0);
	p.now_us += SECOND;
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, RELAY_SILENT);
	p.a.news = 0;
	p.now_us += 60 * SECOND;
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, 0);
	rtp_of(&p, &p.a, p.phone_a, 1);
	assert_int_equal(p.a.news, RELAY_HEARD);
	p.a.news = 0;
	p.now_us += 10 * SECOND;
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, RELAY_SILENT);
}

static void leg_that_never_speaks_is_silent(void **state)
{
	struct pair p;

	joined(&p);
	stream_sweep(&p.a, 10 * SECOND, p.now_us + 10 * SECOND);
	assert_int_equal(p.a.news, RELAY_SILENT);
}

static void stranger_does_not_end_silence(void **state)
{
	struct pair p;

	joined(&p);
	rtp_of(&p, &p.a, p.phone_a, 1);
	p.a.news = 0;
	p.now_us += 10 * SECOND;
	rtp_of(&p, &p.a, p.stranger, 9);
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, RELAY_SILENT);
}

static void held_leg_may_be_silent_and_has_its_time_again_after(void **state)
{
	struct media_remote hold;
	struct pair p;

	joined(&p);
	hold = both_ways(p.phone_a);
	hold.may_send = false;
	set_remote(&p, &p.a, hold);
	p.now_us += 3600 * SECOND;
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news, 0);
	set_remote(&p, &p.a, both_ways(p.phone_a));
	stream_sweep(&p.a, 10 * SECOND, p.now_us + 9 * SECOND);
	assert_int_equal(p.a.news, 0);
	stream_sweep(&p.a, 10 * SECOND, p.now_us + 10 * SECOND);
	assert_int_equal(p.a.news, RELAY_SILENT);
}

static void settled_pair_can_be_handed_to_another_relay(void **state)
{
	struct relay_path path;
	struct media_counters sum = {0};
	struct pair p;

	joined(&p);
	p.a.rtp.local = at("192.0.2.9", 30000);
	p.b.rtp.local = at("192.0.2.9", 30002);
	assert_int_equal(stream_path(&p.a, &path), EAGAIN);
	rtp_of(&p, &p.a, p.phone_a, 1);
	rtp_of(&p, &p.b, p.phone_b, 2);
	assert_int_equal(stream_path(&p.a, &path), 0);
	assert_true(addr_eq(&path.from, &p.phone_a) && addr_eq(&path.at, &p.a.rtp.local));
	assert_true(addr_eq(&path.leave, &p.b.rtp.local) && addr_eq(&path.to, &p.phone_b));
	p.now_us += 30 * SECOND;
	stream_path_counted(&p.a, 1000, 172000, p.now_us);
	stream_sweep(&p.a, 10 * SECOND, p.now_us);
	assert_int_equal(p.a.news & RELAY_SILENT, 0);
	stream_count(&p.a, &sum);
	assert_int_equal(sum.rx_packets, 1001);
	assert_true(addr_eq(&sum.latched, &p.phone_a));
}

static void two_streams_take_less_than_a_few_kilobytes(void **state)
{
	assert_true(2 * sizeof(struct stream) < 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_to_the_described_address_before_it_speaks),
		cmocka_unit_test(packets_go_where_the_phone_behind_a_nat_speaks_from),
		cmocka_unit_test(a_leg_that_is_believed_is_sent_to_where_it_says),
		cmocka_unit_test(stranger_is_counted_and_goes_nowhere),
		cmocka_unit_test(unreadable_packets_do_not_latch),
		cmocka_unit_test(forged_source_with_another_ssrc_waits_until_the_phone_is_silent),
		cmocka_unit_test(video_may_have_several_ssrcs),
		cmocka_unit_test(leg_on_hold_keeps_its_place_but_nothing_of_it_is_sent_on),
		cmocka_unit_test(hold_by_address_zero_keeps_the_latch),
		cmocka_unit_test(same_description_again_keeps_the_latch),
		cmocka_unit_test(other_description_moves_the_leg),
		cmocka_unit_test(rtcp_has_the_described_address),
		cmocka_unit_test(muxed_rtcp_shares_the_rtp_socket),
		cmocka_unit_test(udptl_is_passed_on_as_it_is),
		cmocka_unit_test(echo_has_an_ssrc_of_our_own),
		cmocka_unit_test(loop_ends),
		cmocka_unit_test(flood_of_a_stranger_does_not_use_up_the_phones_budget),
		cmocka_unit_test(silence_is_told_once_and_packets_end_it),
		cmocka_unit_test(leg_that_never_speaks_is_silent),
		cmocka_unit_test(stranger_does_not_end_silence),
		cmocka_unit_test(held_leg_may_be_silent_and_has_its_time_again_after),
		cmocka_unit_test(settled_pair_can_be_handed_to_another_relay),
		cmocka_unit_test(two_streams_take_less_than_a_few_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
