/* SPDX-License-Identifier: GPL-3.0-or-later */
/* G.729 with annex A, and comfort noise of annex B when it is received (a last frame of two bytes, RFC 3551 4.5.6). */
#include <bcg729/decoder.h>
#include <bcg729/encoder.h>
#include <string.h>
#include "audio/backend.h"

enum { FRAME_BYTES = 10, FRAME_SAMPLES = 80, NOISE_BYTES = 2 };

static void *make_decoder(uint32_t rate_hz)
{
	return initBcg729DecoderChannel();
}

static size_t decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	size_t done = 0;

	if (n % FRAME_BYTES != 0 && n % FRAME_BYTES != NOISE_BYTES)
		return 0;
	for (; n >= FRAME_BYTES; n -= FRAME_BYTES, p += FRAME_BYTES, done += FRAME_SAMPLES)
		bcg729Decoder(s, p, FRAME_BYTES, 0, 0, 0, pcm + done);
	if (n) {
		bcg729Decoder(s, p, NOISE_BYTES, 0, 1, 0, pcm + done);
		done += FRAME_SAMPLES;
	}
	return done;
}

static size_t conceal(void *s, int16_t *pcm, size_t nsamples)
{
	size_t done = 0;

	for (; done + FRAME_SAMPLES <= nsamples; done += FRAME_SAMPLES)
		bcg729Decoder(s, NULL, 0, 1, 0, 0, pcm + done);
	return done;
}

static void free_decoder(void *s)
{
	closeBcg729DecoderChannel(s);
}

static void *make_encoder(uint32_t rate_hz)
{
	return initBcg729EncoderChannel(0);
}

static size_t encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	size_t done = 0;

	if (nsamples % FRAME_SAMPLES)
		return 0;
	for (; nsamples; nsamples -= FRAME_SAMPLES, pcm += FRAME_SAMPLES) {
		uint8_t n = 0;

		bcg729Encoder(s, pcm, p + done, &n);
		done += n;
	}
	return done;
}

static void free_encoder(void *s)
{
	closeBcg729EncoderChannel(s);
}

const struct codec_backend backend_g729 = {
	.decoder = make_decoder,
	.decode = decode,
	.conceal = conceal,
	.decoder_free = free_decoder,
	.encoder = make_encoder,
	.encode = encode,
	.encoder_free = free_encoder,
};
