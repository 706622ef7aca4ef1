/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/testing.h"
#include "audio/detect.h"
#include "audio/mix.h"
#include "audio/tone.h"
#include "audio/wav.h"
#include "base/mem.h"

static const char keys[] = "147*2580369#ABCD";
static const uint16_t low[] = {697, 770, 852, 941}, high[] = {1209, 1336, 1477, 1633};

static void play_key(struct detect *d, uint32_t rate_hz, size_t key, uint32_t on_ms,
		     uint32_t off_ms, char *heard, bool *fax)
{
	struct tone t = {.hz = {low[key % 4], high[key / 4]}, .ms = {(uint16_t)on_ms, 60000}};
	struct tone_voice v = {0};
	struct detected got;
	int16_t pcm[960];
	size_t frame = rate_hz / 100;

	for (uint32_t at = 0; at < on_ms + off_ms; at += 10) {
		tone_play(&t, &v, rate_hz, pcm, frame);
		detect_hear(d, DETECT_KEYS | DETECT_FAX, pcm, frame, &got);
		strcat(heard, got.digits);
		*fax |= got.is_fax;
	}
}

static void each_key_is_heard_once_at_each_rate(void **state)
{
	static const uint32_t rates[] = {8000, 16000, 48000};

	for (size_t r = 0; r < 3; r++) {
		struct detect *d;
		char heard[64] = "";
		bool fax = false;

		assert_int_equal(detect_make(&d, rates[r]), 0);
		for (size_t k = 0; k < 16; k++)
			play_key(d, rates[r], k, 60, 60, heard, &fax);
		assert_string_equal(heard, keys);
		assert_false(fax);
		detect_free(d);
	}
}

static void keys_are_heard_only_when_asked_for(void **state)
{
	struct tone t = {.hz = {low[0], high[0]}, .ms = {100, 100}};
	struct tone_voice v = {0};
	struct detected got;
	int16_t pcm[800];
	struct detect *d;

	assert_int_equal(detect_make(&d, 8000), 0);
	for (int i = 0; i < 10; i++) {
		tone_play(&t, &v, 8000, pcm, 800);
		detect_hear(d, DETECT_FAX, pcm, 800, &got);
		assert_string_equal(got.digits, "");
		assert_false(got.is_pressed);
	}
	detect_free(d);
}

static void key_held_long_is_one_key(void **state)
{
	struct detect *d;
	char heard[64] = "";
	bool fax = false;

	assert_int_equal(detect_make(&d, 8000), 0);
	play_key(d, 8000, 0, 3000, 100, heard, &fax);
	assert_string_equal(heard, "1");
	detect_free(d);
}

static void calling_tone_of_a_fax_is_heard_and_no_other(void **state)
{
	static const struct {
		uint16_t hz;
		unsigned what;
	} c[] = {{1100, DETECT_KEYS | DETECT_FAX},
		 {1100, DETECT_FAX},
		 {1100, DETECT_KEYS},
		 {1000, DETECT_FAX},
		 {440, DETECT_FAX},
		 {2100, DETECT_FAX}};

	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		struct tone t = {.hz = {c[i].hz}, .ms = {500, 3000}};
		struct tone_voice v = {0};
		struct detect *d;
		int fax = 0;

		assert_int_equal(detect_make(&d, 8000), 0);
		for (int at = 0; at < 8000; at += 20) {
			struct detected got;
			int16_t pcm[160];

			tone_play(&t, &v, 8000, pcm, 160);
			detect_hear(d, c[i].what, pcm, 160, &got);
			fax += got.is_fax;
		}
		assert_int_equal(fax > 0, i < 2);
		detect_free(d);
	}
}

static void tones_have_their_rhythm(void **state)
{
	const struct tone *t = tone_of(STR("GB"), TONE_RING);
	static const bool sounds[] = {true,  true,  false, true,  true,	 false, false, false,
				      false, false, false, false, false, false, false, true};
	struct tone_voice v = {0};

	assert_non_null(t);
	for (size_t i = 0; i < ARRAY_LEN(sounds); i++) {
		int16_t pcm[1600];

		tone_play(t, &v, 8000, pcm, 1600);
		assert_int_equal(energy(pcm, 1600) > 0, sounds[i]);
		if (sounds[i])
			assert_true(share_at(pcm, 1600, 8000, 400) +
					    share_at(pcm, 1600, 8000, 450) >
				    0.95);
	}
	assert_null(tone_of(STR("xx"), TONE_RING));
}

static void voices_are_summed_without_the_own_one(void **state)
{
	int16_t a[160], b[160], out[160];
	int32_t sum[160] = {0};

	tone_fill(a, 160, 8000, 400, 0);
	tone_fill(b, 160, 8000, 1000, 0);
	mix_add(sum, a, 160);
	mix_add(sum, b, 160);
	mix_minus(sum, a, out, 160);
	assert_memory_equal(out, b, sizeof(b));
	for (int i = 0; i < 8; i++)
		mix_add(sum, a, 160);
	mix_minus(sum, NULL, out, 160);
	for (size_t i = 0; i < 160; i++) { /* held at the end, never turned round */
		int32_t x = 9 * a[i] + b[i];

		assert_int_equal(out[i], x > 32767 ? 32767 : x < -32768 ? -32768 : x);
	}
	assert_true(mix_level(a, 160) > 4000);
	memset(a, 0, sizeof(a));
	assert_int_equal(mix_level(a, 160), 0);
}

static void what_is_written_is_read(void **state)
{
	static char file[WAV_HEAD_BYTES + 16000];
	int16_t tone[8000], *pcm = NULL;
	const char *why;
	struct wav w;
	size_t n = 0;

	tone_fill(tone, 8000, 8000, 440, 0);
	wav_head((uint8_t *)file, 8000, 1, sizeof(tone));
	memcpy(file + WAV_HEAD_BYTES, tone, sizeof(tone));
	assert_int_equal(wav_read(&w, (struct str){file, sizeof(file)}, &why), 0);
	assert_int_equal(w.rate_hz, 8000);
	assert_int_equal(wav_samples(&w, 8000, &pcm, &n), 0);
	assert_int_equal(n, 8000);
	assert_memory_equal(pcm, tone, sizeof(tone));
	mem_free(pcm);
	assert_int_equal(wav_samples(&w, 16000, &pcm, &n), 0);
	assert_in_range(n, 15900, 16000);
	assert_true(share_at(pcm, n, 16000, 440) > 0.95);
	mem_free(pcm);
}

static void bad_files_are_refused_with_a_reason(void **state)
{
	char file[WAV_HEAD_BYTES + 4] = {0};
	const char *why;
	struct wav w;

	assert_int_equal(wav_read(&w, STR("ID3 and so on"), &why), EINVAL);
	assert_string_equal(why, "it is no WAV file");
	wav_head((uint8_t *)file, 44100, 1, 4);
	assert_int_equal(wav_read(&w, (struct str){file, sizeof(file)}, &why), EINVAL);
	assert_string_equal(why, "its rate is not 8, 16, 32 or 48 kHz");
	wav_head((uint8_t *)file, 8000, 3, 4);
	assert_int_equal(wav_read(&w, (struct str){file, sizeof(file)}, &why), EINVAL);
	wav_head((uint8_t *)file, 8000, 1, 4);
	for (size_t n = 0; n < WAV_HEAD_BYTES - 1; n++) {
		char *cut = mem_dup(file, n + 1); /* sanitizers see a read beyond */

		assert_int_equal(wav_read(&w, (struct str){cut, n}, &why), EINVAL);
		mem_free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_heard_once_at_each_rate),
		cmocka_unit_test(key_held_long_is_one_key),
		cmocka_unit_test(keys_are_heard_only_when_asked_for),
		cmocka_unit_test(calling_tone_of_a_fax_is_heard_and_no_other),
		cmocka_unit_test(tones_have_their_rhythm),
		cmocka_unit_test(voices_are_summed_without_the_own_one),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(bad_files_are_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
