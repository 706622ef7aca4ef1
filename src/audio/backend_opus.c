/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opus decodes and encodes at any of our rates, so nothing is converted.  Mono: what is sent in stereo is mixed down by the decoder. */
#include <opus/opus.h>
#include "audio/backend.h"

/* Good telephone speech; a multiple-party room of them is what the CPU is needed for. */
enum { BITRATE = 24000, COMPLEXITY = 5, EXPECTED_LOSS_PERCENT = 5 };

static void *make_decoder(uint32_t rate_hz)
{
	int err;

	return opus_decoder_create((opus_int32)rate_hz, 1, &err);
}

static size_t decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	int done = n ? opus_decode(s, p, (opus_int32)n, pcm, CODEC_MAX_SAMPLES, 0) : 0;

	return done > 0 ? (size_t)done : 0;
}

static size_t conceal(void *s, int16_t *pcm, size_t nsamples)
{
	int done = opus_decode(s, NULL, 0, pcm, (int)nsamples, 0);

	return done > 0 ? (size_t)done : 0;
}

static void free_decoder(void *s)
{
	opus_decoder_destroy(s);
}

static void *make_encoder(uint32_t rate_hz)
{
	int err;
	OpusEncoder *e = opus_encoder_create((opus_int32)rate_hz, 1, OPUS_APPLICATION_VOIP, &err);

	if (!e)
		return NULL;
	opus_encoder_ctl(e, OPUS_SET_BITRATE(BITRATE));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(COMPLEXITY));
	opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(EXPECTED_LOSS_PERCENT));
	return e;
}

static size_t encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	opus_int32 done = opus_encode(s, pcm, (int)nsamples, p, CODEC_MAX_BYTES);

	return done > 0 ? (size_t)done : 0;
}

static void free_encoder(void *s)
{
	opus_encoder_destroy(s);
}

const struct codec_backend backend_opus = {
	.any_rate = true,
	.decoder = make_decoder,
	.decode = decode,
	.conceal = conceal,
	.decoder_free = free_decoder,
	.encoder = make_encoder,
	.encode = encode,
	.encoder_free = free_encoder,
};
