/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SRTP of a stream, and what a relay does with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/relay.h"
#include "media/secure.h"

enum { NBYTES = 172 };

static struct media_key key_of(enum sdp_suite suite, uint8_t seed)
{
	struct media_key k = {.suite = suite};

	memset(k.bytes, seed, sdp_suite_bytes(suite));
	return k;
}

static size_t rtp_of(uint8_t p[NBYTES + SECURE_TRAILER_BYTES], uint16_t seq, uint8_t ssrc)
{
	memset(p, 0x55, NBYTES);
	memset(p, 0, RTP_HEAD_BYTES);
	p[0] = 0x80;
	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	p[11] = ssrc;
	return NBYTES;
}

struct two {
	struct secure *ours, *theirs;
	_Alignas(8) uint8_t p[NBYTES + SECURE_TRAILER_BYTES];
	size_t n;
};

static void set_keys(struct two *t, enum sdp_suite suite, uint8_t theirs, uint8_t ours)
{
	struct media_key a = key_of(suite, theirs), b = key_of(suite, ours);

	assert_int_equal(secure_key_in(t->ours, &a), 0);
	assert_int_equal(secure_key_out(t->ours, &b), 0);
	assert_int_equal(secure_key_in(t->theirs, &b), 0);
	assert_int_equal(secure_key_out(t->theirs, &a), 0);
}

static void begin(struct two *t, enum sdp_suite suite)
{
	memset(t, 0, sizeof(*t));
	assert_int_equal(secure_init(), 0);
	assert_int_equal(secure_alloc(&t->ours), 0);
	assert_int_equal(secure_alloc(&t->theirs), 0);
	set_keys(t, suite, 1, 2);
}

static void end(struct two *t)
{
	secure_free(t->ours);
	secure_free(t->theirs);
}

static int sealed(struct two *t, uint16_t seq, uint8_t ssrc)
{
	t->n = rtp_of(t->p, seq, ssrc);
	return secure_seal(t->theirs, false, t->p, &t->n);
}

static int opened(struct two *t)
{
	return secure_open(t->ours, false, t->p, &t->n);
}

static void every_suite_opens_what_the_other_side_sealed(void **state)
{
	uint8_t rtcp[64 + SECURE_TRAILER_BYTES]
		__attribute__((aligned(8))) = {0x80, 201, 0, 15, 0, 0, 0, 1};
	struct two t;

	for (unsigned suite = 1; suite < SDP_NSUITES; suite++) {
		size_t n = 64;

		begin(&t, (enum sdp_suite)suite);
		assert_int_equal(sealed(&t, 1, 1), 0);
		assert_true(t.n > NBYTES);
		assert_int_not_equal(t.p[20], 0x55);
		assert_int_equal(opened(&t), 0);
		assert_int_equal(t.n, NBYTES);
		assert_int_equal(t.p[20], 0x55);
		memset(rtcp, 0, sizeof(rtcp));
		rtcp[0] = 0x80;
		rtcp[1] = 201;
		rtcp[3] = 15;
		assert_int_equal(secure_seal(t.theirs, true, rtcp, &n), 0);
		assert_int_equal(secure_open(t.ours, true, rtcp, &n), 0);
		assert_int_equal(n, 64);
		end(&t);
	}
}

static void a_changed_bit_and_a_replay_are_refused(void **state)
{
	uint8_t copy[NBYTES + SECURE_TRAILER_BYTES] __attribute__((aligned(8)));
	struct two t;
	size_t n;

	begin(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(sealed(&t, 1, 1), 0);
	memcpy(copy, t.p, sizeof(copy));
	n = t.n;
	t.p[30] ^= 1;
	assert_int_equal(opened(&t), EBADMSG);
	memcpy(t.p, copy, sizeof(copy));
	t.n = n;
	assert_int_equal(opened(&t), 0);
	assert_int_equal(secure_open(t.ours, false, copy, &n), EALREADY);
	t.n = rtp_of(t.p, 2, 1); /* never sealed */
	assert_int_equal(opened(&t), EBADMSG);
	t.n = 3;
	assert_int_equal(opened(&t), EBADMSG);
	end(&t);
}

static void sequence_numbers_may_wrap_three_times(void **state)
{
	struct two t;

	begin(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint32_t i = 0; i < 200000; i++) {
		assert_int_equal(sealed(&t, (uint16_t)(65000 + i), 1), 0);
		assert_int_equal(opened(&t), 0);
	}
	end(&t);
}

static void a_new_key_is_taken_and_the_old_one_works_until_it_speaks(void **state)
{
	struct two t;
	struct media_key next = key_of(SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 7);

	begin(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	assert_int_equal(sealed(&t, 1, 1), 0);
	assert_int_equal(opened(&t), 0);
	assert_int_equal(secure_key_in(t.ours, &next), 0);
	assert_int_equal(sealed(&t, 2, 1), 0);
	assert_int_equal(opened(&t), 0); /* still under way */
	assert_int_equal(secure_key_out(t.theirs, &next), 0);
	assert_int_equal(sealed(&t, 3, 1), 0);
	assert_int_equal(opened(&t), 0);
	set_keys(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 7, 2);
	assert_int_equal(sealed(&t, 4, 1), 0);
	assert_int_equal(opened(&t), 0);
	next = key_of(SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 1); /* the first one again */
	assert_int_equal(secure_key_out(t.theirs, &next), 0);
	assert_int_equal(sealed(&t, 5, 1), 0);
	assert_int_equal(opened(&t), EBADMSG);
	end(&t);
}

static void the_same_key_again_forgets_no_replay(void **state)
{
	uint8_t copy[NBYTES + SECURE_TRAILER_BYTES] __attribute__((aligned(8)));
	struct two t;
	size_t n;

	begin(&t, SDP_SUITE_AEAD_AES_128_GCM);
	assert_int_equal(sealed(&t, 1, 1), 0);
	memcpy(copy, t.p, sizeof(copy));
	n = t.n;
	assert_int_equal(opened(&t), 0);
	set_keys(&t, SDP_SUITE_AEAD_AES_128_GCM, 1, 2);
	assert_int_equal(secure_open(t.ours, false, copy, &n), EALREADY);
	assert_int_equal(sealed(&t, 1, 1), EALREADY); /* nor does the sender seal an index twice */
	end(&t);
}

static void sources_are_bounded(void **state)
{
	struct two t;

	begin(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	for (uint8_t i = 0; i < SECURE_MAX_SOURCES; i++) {
		assert_int_equal(sealed(&t, 1, i), 0);
		assert_int_equal(opened(&t), 0);
	}
	assert_int_equal(sealed(&t, 1, 200), ENOSPC);
	assert_int_equal(sealed(&t, 2, 3), 0);
	assert_int_equal(opened(&t), 0);
	end(&t);
}

static void the_index_of_a_key_may_stand_in_the_packet(void **state)
{
	struct media_key k = key_of(SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 9);
	struct two t;

	begin(&t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	k.nmki = 4;
	k.mki[3] = 1;
	assert_int_equal(secure_key_in(t.ours, &k), 0);
	assert_int_equal(secure_key_out(t.theirs, &k), 0);
	assert_int_equal(sealed(&t, 1, 1), 0);
	assert_int_equal(t.n, NBYTES + 10 + 4);
	assert_int_equal(opened(&t), 0);
	assert_int_equal(t.n, NBYTES);
	end(&t);
}

/* ---- in the relay: leg A protected, leg B plain ---- */

struct relayed {
	struct two t; /* .theirs: the phone at A */
	struct stream a, b;
	struct addr phone_a, phone_b;
};

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

static void join(struct relayed *r)
{
	struct media_remote ra = {.may_send = true, .may_receive = true}, rb = ra;
	struct media_key in = key_of(SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 1),
			 out = key_of(SDP_SUITE_AES_CM_128_HMAC_SHA1_80, 2);

	memset(r, 0, sizeof(*r));
	begin(&r->t, SDP_SUITE_AES_CM_128_HMAC_SHA1_80);
	r->phone_a = ra.rtp = at("192.0.2.1", 4000);
	r->phone_b = rb.rtp = at("192.0.2.2", 5000);
	stream_init(&r->a, 0);
	stream_init(&r->b, 0);
	assert_int_equal(stream_keys(&r->a, true, &in, &out), 0);
	stream_remote(&r->a, &ra, 1);
	stream_remote(&r->b, &rb, 1);
	stream_join(&r->a, &r->b);
}

static void part(struct relayed *r)
{
	stream_close(&r->a);
	stream_close(&r->b);
	end(&r->t);
}

static void a_protected_leg_talks_to_a_plain_one(void **state)
{
	struct relayed r;

	join(&r);
	assert_int_equal(sealed(&r.t, 1, 1), 0);
	assert_ptr_equal(relay_packet(&r.a.rtp, &r.phone_a, r.t.p, &r.t.n, 2), &r.b.rtp);
	assert_int_equal(r.t.n, NBYTES);
	assert_int_equal(r.t.p[20], 0x55);
	r.t.n = rtp_of(r.t.p, 1, 2);
	assert_ptr_equal(relay_packet(&r.b.rtp, &r.phone_b, r.t.p, &r.t.n, 2), &r.a.rtp);
	assert_int_not_equal(r.t.p[20], 0x55);
	assert_int_equal(secure_open(r.t.theirs, false, r.t.p, &r.t.n), 0);
	assert_int_equal(r.t.p[20], 0x55);
	part(&r);
}

static void plain_rtp_to_a_protected_leg_is_dropped_counted_and_latches_nobody(void **state)
{
	struct addr stranger = at("203.0.113.6", 6000);
	struct relayed r;

	join(&r);
	for (uint16_t i = 0; i < 1000; i++) {
		r.t.n = rtp_of(r.t.p, i, 1);
		assert_null(
			relay_packet(&r.a.rtp, i % 2 ? &stranger : &r.phone_a, r.t.p, &r.t.n, i));
	}
	assert_int_equal(r.a.rtp.rx_forged, 1000);
	assert_int_equal(r.a.rtp.rx_refused, 1000);
	assert_int_equal(r.a.rtp.latch.source.family, 0);
	assert_int_equal(sealed(&r.t, 1, 1), 0); /* and the call goes on */
	assert_ptr_equal(relay_packet(&r.a.rtp, &r.phone_a, r.t.p, &r.t.n, 2000), &r.b.rtp);
	part(&r);
}

static void a_protected_leg_without_keys_passes_nothing(void **state)
{
	struct media_key none = {0};
	struct relayed r;

	join(&r);
	assert_int_equal(stream_keys(&r.a, true, &none, &none), EINVAL);
	assert_int_equal(sealed(&r.t, 1, 1), 0);
	assert_null(relay_packet(&r.a.rtp, &r.phone_a, r.t.p, &r.t.n, 2));
	r.t.n = rtp_of(r.t.p, 1, 2);
	assert_null(relay_packet(&r.b.rtp, &r.phone_b, r.t.p, &r.t.n, 2));
	part(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite_opens_what_the_other_side_sealed),
		cmocka_unit_test(a_changed_bit_and_a_replay_are_refused),
		cmocka_unit_test(sequence_numbers_may_wrap_three_times),
		cmocka_unit_test(a_new_key_is_taken_and_the_old_one_works_until_it_speaks),
		cmocka_unit_test(the_same_key_again_forgets_no_replay),
		cmocka_unit_test(sources_are_bounded),
		cmocka_unit_test(the_index_of_a_key_may_stand_in_the_packet),
		cmocka_unit_test(a_protected_leg_talks_to_a_plain_one),
		cmocka_unit_test(
			plain_rtp_to_a_protected_leg_is_dropped_counted_and_latches_nobody),
		cmocka_unit_test(a_protected_leg_without_keys_passes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
