/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tones through each codec at each rate: what comes out is the tone, as long as it went in, and little else. */
#include <spandsp.h>
#include "audio/testing.h"
#include "audio/backend.h"
#include "base/mem.h"

enum { FRAMES = 50, FRAME_MS = 20 };

static const uint32_t rates[] = {8000, 16000, 48000};

#define EACH_CODEC(id) for (unsigned id = CODEC_NONE + 1; id < CODEC_COUNT; id++)

struct through {
	int16_t pcm[48 * FRAME_MS * FRAMES];
	size_t n;
	size_t bytes;
};

/* The tone encoded, packet by packet, and decoded; every lose-th packet is concealed. */
static void pass(struct through *t, enum codec_id id, uint32_t rate_hz, double hz, unsigned lose)
{
	size_t frame = rate_hz / 1000 * FRAME_MS;
	struct encoder *e;
	struct decoder *d;
	int16_t pcm[CODEC_MAX_SAMPLES];
	uint8_t p[CODEC_MAX_BYTES];

	t->n = t->bytes = 0;
	assert_int_equal(encoder_make(&e, id, rate_hz), 0);
	assert_int_equal(decoder_make(&d, id, rate_hz), 0);
	for (unsigned i = 0; i < FRAMES; i++) {
		size_t n, done;

		tone_fill(pcm, frame, rate_hz, hz, i * frame);
		n = encoder_encode(e, pcm, frame, p);
		assert_true(n > 0);
		t->bytes += n;
		if (lose && i % lose == lose - 1) {
			decoder_conceal(d, pcm, frame);
			done = frame;
		} else {
			done = decoder_decode(d, p, n, pcm);
		}
		assert_int_equal(done, frame);
		memcpy(t->pcm + t->n, pcm, done * sizeof(*pcm));
		t->n += done;
	}
	encoder_free(e);
	decoder_free(d);
}

/* The last half second: codecs have settled. */
static double heard(const struct through *t, uint32_t rate_hz, double hz)
{
	size_t n = rate_hz / 2;

	return share_at(t->pcm + t->n - n, n, rate_hz, hz);
}

static void tone_comes_through_each_codec_at_each_rate(void **state)
{
	static struct through t;

	EACH_CODEC(id)
	{
		for (size_t r = 0; r < 3; r++) {
			pass(&t, id, rates[r], 440, 0);
			if (heard(&t, rates[r], 440) < 0.95)
				fail_msg("codec %u at %u Hz: %.3f of the energy at 440 Hz", id,
					 rates[r], heard(&t, rates[r], 440));
			assert_true(heard(&t, rates[r], 880) < 0.05);
			assert_true(energy(t.pcm + t.n / 2, t.n / 2) >
				    0.5 * 32e6 * (double)(t.n / 2));
		}
	}
}

static void payloads_have_the_size_of_the_standard(void **state)
{
	static const struct {
		enum codec_id id;
		size_t bytes; /* of a second */
	} sizes[] = {{CODEC_PCMU, 8000}, {CODEC_PCMA, 8000}, {CODEC_G722, 8000},
		     {CODEC_G726, 4000}, {CODEC_G729, 1000}, {CODEC_GSM, 1650}};
	static struct through t;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		pass(&t, sizes[i].id, 8000, 440, 0);
		assert_int_equal(t.bytes, sizes[i].bytes);
	}
	pass(&t, CODEC_OPUS, 48000, 440, 0);
	assert_in_range(t.bytes, 500, 6000);
}

static void wide_codecs_keep_what_narrow_ones_lose(void **state)
{
	static struct through t;

	pass(&t, CODEC_G722, 16000, 6000, 0);
	assert_true(heard(&t, 16000, 6000) > 0.9);
	pass(&t, CODEC_OPUS, 16000, 6000, 0);
	assert_true(heard(&t, 16000, 6000) > 0.8);
	pass(&t, CODEC_PCMU, 16000, 6000, 0);
	assert_true(energy(t.pcm + t.n / 2, t.n / 2) < 0.01 * 32e6 * (double)(t.n / 2));
}

/* G.729 and Opus conceal as their standards say, which loses the phase of a pure tone. */
static void one_lost_packet_in_ten_is_concealed(void **state)
{
	static struct through t;

	EACH_CODEC(id)
	{
		pass(&t, id, 8000, 400, 10);
		if (heard(&t, 8000, 400) < (backend_get(id)->conceal ? 0.5 : 0.85))
			fail_msg("codec %u: %.3f", id, heard(&t, 8000, 400));
	}
}

static void long_loss_fades_to_silence(void **state)
{
	EACH_CODEC(id)
	{
		struct encoder *e;
		struct decoder *d;
		int16_t pcm[CODEC_MAX_SAMPLES];
		uint8_t p[CODEC_MAX_BYTES];
		size_t n;

		assert_int_equal(encoder_make(&e, id, 8000), 0);
		assert_int_equal(decoder_make(&d, id, 8000), 0);
		for (size_t i = 0; i < 25; i++) {
			tone_fill(pcm, 160, 8000, 400, i * 160);
			n = encoder_encode(e, pcm, 160, p);
			assert_int_equal(decoder_decode(d, p, n, pcm), 160);
		}
		for (size_t i = 0; i < 50; i++)
			decoder_conceal(d, pcm, 160);
		assert_true(energy(pcm, 160) < 0.01 * 32e6 * 160);
		encoder_free(e);
		decoder_free(d);
	}
}

static void unreadable_payloads_give_nothing(void **state)
{
	static const uint8_t odd[CODEC_MAX_BYTES] = {0x33};
	int16_t pcm[CODEC_MAX_SAMPLES];
	struct decoder *d;

	assert_int_equal(decoder_make(&d, CODEC_G729, 8000), 0);
	assert_int_equal(decoder_decode(d, odd, 7, pcm), 0);
	assert_int_equal(decoder_decode(d, odd, 12, pcm), 160); /* a frame and comfort noise */
	decoder_free(d);
	assert_int_equal(decoder_make(&d, CODEC_GSM, 8000), 0);
	assert_int_equal(decoder_decode(d, odd, 34, pcm), 0);
	decoder_free(d);
	assert_int_equal(decoder_make(&d, CODEC_PCMU, 48000), 0);
	assert_int_equal(decoder_decode(d, odd, 961, pcm), 0); /* longer than CODEC_MAX_MS */
	assert_int_equal(decoder_decode(d, odd, 960, pcm), CODEC_MAX_SAMPLES);
	decoder_free(d);
}

static void random_payloads_never_overflow(void **state)
{
	uint64_t x = 88172645463325252ull;

	EACH_CODEC(id)
	{
		struct decoder *d;
		int16_t pcm[CODEC_MAX_SAMPLES];

		assert_int_equal(decoder_make(&d, id, 48000), 0);
		for (int i = 0; i < 300; i++) {
			uint8_t p[CODEC_MAX_BYTES];
			size_t n;

			for (size_t k = 0; k < sizeof(p); k++) {
				x ^= x << 13, x ^= x >> 7, x ^= x << 17;
				p[k] = (uint8_t)x;
			}
			n = (size_t)(x >> 20) % sizeof(p);
			assert_in_range(decoder_decode(d, p, n, pcm), 0, CODEC_MAX_SAMPLES);
		}
		decoder_free(d);
	}
}

static void codecs_are_found_by_what_sdp_says(void **state)
{
	assert_int_equal(codec_find(STR("pcmu"), 8000, 0), CODEC_PCMU);
	assert_int_equal(codec_find(STR("PCMU"), 16000, 1), CODEC_NONE);
	assert_int_equal(codec_find(STR("OPUS"), 48000, 2), CODEC_OPUS);
	assert_int_equal(codec_find(STR("opus"), 48000, 1), CODEC_NONE); /* RFC 7587 7: always 2 */
	assert_int_equal(codec_find(STR("G726-32"), 8000, 1), CODEC_G726);
	assert_int_equal(codec_find(STR("AAL2-G726-32"), 8000, 1), CODEC_NONE);
	assert_int_equal(codec_by_pt(9), CODEC_G722);
	assert_int_equal(codec_by_pt(255), CODEC_NONE);
}

static void every_failed_allocation_is_survived(void **state)
{
	uint64_t before = mem_bytes();

	EACH_CODEC(id)
	{
		struct encoder *e;
		struct decoder *d;

		mem_fail(1, false);
		assert_int_equal(encoder_make(&e, id, 8000), ENOMEM);
		mem_fail(1, false);
		assert_int_equal(decoder_make(&d, id, 8000), ENOMEM);
	}
	mem_fail(0, false);
	assert_int_equal(mem_bytes(), before);
}

/* Every sample there is, beside the library's own functions. */
static void g711_is_what_the_library_makes_of_it(void **state)
{
	static int16_t pcm[1 << 16], made[1 << 8];
	static uint8_t by_mu[1 << 16], by_a[1 << 16], code[1 << 8];

	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		pcm[i] = (int16_t)i;
	for (size_t i = 0; i < ARRAY_LEN(code); i++)
		code[i] = (uint8_t)i;
	/* As many at once as are not done eight at a time too. */
	for (size_t at = 0, n = 1; at < ARRAY_LEN(pcm); at += n, n = n % 21 + 1) {
		n = n < ARRAY_LEN(pcm) - at ? n : ARRAY_LEN(pcm) - at;
		assert_int_equal(backend_pcmu.encode(NULL, pcm + at, n, by_mu + at), n);
		assert_int_equal(backend_pcma.encode(NULL, pcm + at, n, by_a + at), n);
	}
	for (size_t i = 0; i < ARRAY_LEN(pcm); i++)
		if (by_mu[i] != linear_to_ulaw(pcm[i]) || by_a[i] != linear_to_alaw(pcm[i]))
			fail_msg("%d: %u, %u", pcm[i], by_mu[i], by_a[i]);
	for (unsigned is_a = 0; is_a < 2; is_a++) {
		(is_a ? backend_pcma : backend_pcmu).decode(NULL, code, ARRAY_LEN(code), made);
		for (size_t i = 0; i < ARRAY_LEN(code); i++)
			assert_int_equal(made[i],
					 is_a ? alaw_to_linear(code[i]) : ulaw_to_linear(code[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g711_is_what_the_library_makes_of_it),
		cmocka_unit_test(tone_comes_through_each_codec_at_each_rate),
		cmocka_unit_test(payloads_have_the_size_of_the_standard),
		cmocka_unit_test(wide_codecs_keep_what_narrow_ones_lose),
		cmocka_unit_test(one_lost_packet_in_ten_is_concealed),
		cmocka_unit_test(long_loss_fades_to_silence),
		cmocka_unit_test(unreadable_payloads_give_nothing),
		cmocka_unit_test(random_payloads_never_overflow),
		cmocka_unit_test(codecs_are_found_by_what_sdp_says),
		cmocka_unit_test(every_failed_allocation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
