/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/codec.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/mem.h"

enum { FORMAT_PCM = 1, FORMAT_PCMA = 6, FORMAT_PCMU = 7, FORMAT_EXTENSIBLE = 0xfffe };
enum { BLOCK = 4800 }; /* samples converted at once: 100 ms and more */

static uint32_t le(const char *p, size_t n)
{
	uint32_t x = 0;

	while (n--)
		x = x << 8 | (uint8_t)p[n];
	return x;
}

static bool is_chunk(const char *p, const char *name)
{
	return !memcmp(p, name, 4);
}

static const char *read_format(struct wav *w, const char *p, size_t n)
{
	if (n < 16)
		return "its fmt part is cut off";
	w->format = (uint16_t)le(p, 2);
	w->channels = (uint16_t)le(p + 2, 2);
	w->rate_hz = le(p + 4, 4);
	w->bits = (uint16_t)le(p + 14, 2);
	if (w->format == FORMAT_EXTENSIBLE && n >= 26)
		w->format = (uint16_t)le(p + 24, 2);
	if (w->format != FORMAT_PCM && w->format != FORMAT_PCMA && w->format != FORMAT_PCMU)
		return "it is neither PCM nor G.711";
	if (w->bits != (w->format == FORMAT_PCM ? 16 : 8))
		return "its samples have not 16 bits";
	if (w->channels != 1 && w->channels != 2)
		return "it has more than two channels";
	if (w->rate_hz != 8000 && w->rate_hz != 16000 && w->rate_hz != 32000 && w->rate_hz != 48000)
		return "its rate is not 8, 16, 32 or 48 kHz";
	return NULL;
}

/* Some writers leave the length open (0 or all ones) when they are cut off: then it goes to the end. */
static struct str data_of(const char *p, size_t said, size_t left)
{
	return (struct str){p, said && said <= left ? said : left};
}

static const char *read_chunks(struct wav *w, struct str bytes)
{
	size_t at = 12;
	bool has_format = false;

	if (bytes.n < 12 || !is_chunk(bytes.p, "RIFF") || !is_chunk(bytes.p + 8, "WAVE"))
		return "it is no WAV file";
	while (at + 8 <= bytes.n) {
		const char *p = bytes.p + at;
		size_t n = le(p + 4, 4), left = bytes.n - at - 8;
		const char *why = NULL;

		if (is_chunk(p, "data")) {
			if (!has_format)
				return "its fmt part is missing";
			w->data = data_of(p + 8, n, left);
			return NULL;
		}
		if (n > left)
			break;
		if (is_chunk(p, "fmt ")) {
			why = read_format(w, p + 8, n);
			has_format = true;
		}
		if (why)
			return why;
		at += 8 + n + n % 2;
	}
	return "its data part is missing";
}

int wav_read(struct wav *w, struct str bytes, const char **why)
{
	*w = (struct wav){0};
	*why = read_chunks(w, bytes);
	return *why ? EINVAL : 0;
}

/* Sample i of one channel after the other. */
static int32_t sample(const struct wav *w, struct decoder *law, size_t i)
{
	int16_t pcm[CODEC_MAX_SAMPLES];

	if (!law)
		return (int16_t)le(w->data.p + 2 * i, 2);
	(void)decoder_decode(law, (const uint8_t *)w->data.p + i, 1, pcm);
	return pcm[0];
}

static void mono(const struct wav *w, struct decoder *law, size_t from, size_t n, int16_t *out)
{
	for (size_t i = 0; i < n; i++) {
		int32_t x = sample(w, law, (from + i) * w->channels);

		if (w->channels == 2)
			x = (x + sample(w, law, (from + i) * 2 + 1)) / 2;
		out[i] = (int16_t)x;
	}
}

static void convert(const struct wav *w, struct decoder *law, struct resample *rate, size_t frames,
		    int16_t *pcm, size_t *np, size_t max)
{
	*np = 0;
	for (size_t i = 0; i < frames; i += BLOCK) {
		int16_t block[BLOCK];
		size_t n = frames - i < BLOCK ? frames - i : BLOCK;

		mono(w, law, i, n, block);
		*np += resample_run(rate, block, n, pcm + *np, max - *np);
	}
}

int wav_samples(const struct wav *w, uint32_t rate_hz, int16_t **pcmp, size_t *np)
{
	size_t frames = w->data.n / (w->bits / 8u * w->channels);
	size_t max = (size_t)((uint64_t)frames * rate_hz / w->rate_hz + 1);
	struct resample *rate = NULL;
	struct decoder *law = NULL;
	int16_t *pcm = mem_alloc(max * sizeof(*pcm));
	int err = pcm ? resample_make(&rate, w->rate_hz, rate_hz) : ENOMEM;

	if (!err && w->format != FORMAT_PCM)
		err = decoder_make(&law, w->format == FORMAT_PCMA ? CODEC_PCMA : CODEC_PCMU, 8000);
	if (!err)
		convert(w, law, rate, frames, pcm, np, max);
	resample_free(rate);
	decoder_free(law);
	if (err)
		mem_free(pcm);
	else
		*pcmp = pcm;
	return err;
}

static void put(uint8_t *p, uint32_t x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

void wav_head(uint8_t head[WAV_HEAD_BYTES], uint32_t rate_hz, uint16_t channels, uint64_t nbytes)
{
	uint32_t n = nbytes > UINT32_MAX - 36 ? UINT32_MAX - 36 : (uint32_t)nbytes;

	memcpy(head, "RIFF", 4);
	put(head + 4, n + 36, 4);
	memcpy(head + 8, "WAVEfmt ", 8);
	put(head + 16, 16, 4);
	put(head + 20, FORMAT_PCM, 2);
	put(head + 22, channels, 2);
	put(head + 24, rate_hz, 4);
	put(head + 28, rate_hz * channels * 2, 4);
	put(head + 32, channels * 2u, 2);
	put(head + 34, 16, 2);
	memcpy(head + 36, "data", 4);
	put(head + 40, n, 4);
}
