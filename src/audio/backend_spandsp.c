/* SPDX-License-Identifier: GPL-3.0-or-later */
/* G.722 at 64 kbit/s, G.726 at 32 kbit/s with the first sample in the low half (RFC 3551 4.5.4), GSM full rate as in RFC 3551 4.5.8. */
#include <spandsp.h>
#include "audio/backend.h"

enum { GSM_BYTES = 33, GSM_SAMPLES = 160, NARROW_HZ = 8000 };

/* G.722 for somebody narrow: the lower of its two bands alone, which is half the work, and nothing to convert. */
static int wide_options(uint32_t rate_hz)
{
	return rate_hz == NARROW_HZ ? G722_SAMPLE_RATE_8000 : 0;
}

static void *wide_decoder(uint32_t rate_hz)
{
	return g722_decode_init(NULL, 64000, wide_options(rate_hz));
}

static size_t wide_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	int done = g722_decode(s, pcm, p, (int)n);

	return done > 0 ? (size_t)done : 0;
}

static void wide_decoder_free(void *s)
{
	g722_decode_free(s);
}

static void *wide_encoder(uint32_t rate_hz)
{
	return g722_encode_init(NULL, 64000, wide_options(rate_hz));
}

static size_t wide_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	int done = g722_encode(s, p, pcm, (int)nsamples);

	return done > 0 ? (size_t)done : 0;
}

static void wide_encoder_free(void *s)
{
	g722_encode_free(s);
}

static void *adpcm_make(uint32_t rate_hz)
{
	return g726_init(NULL, 32000, G726_ENCODING_LINEAR, G726_PACKING_RIGHT);
}

static size_t adpcm_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	int done = g726_decode(s, pcm, p, (int)n);

	return done > 0 ? (size_t)done : 0;
}

static size_t adpcm_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	int done = g726_encode(s, p, pcm, (int)nsamples);

	return done > 0 ? (size_t)done : 0;
}

static void adpcm_free(void *s)
{
	g726_free(s);
}

static void *gsm_make(uint32_t rate_hz)
{
	return gsm0610_init(NULL, GSM0610_PACKING_VOIP);
}

static size_t gsm_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	int done;

	if (n % GSM_BYTES)
		return 0;
	done = gsm0610_decode(s, pcm, p, (int)n);
	return done > 0 ? (size_t)done : 0;
}

static size_t gsm_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	int done;

	if (nsamples % GSM_SAMPLES)
		return 0;
	done = gsm0610_encode(s, p, pcm, (int)nsamples);
	return done > 0 ? (size_t)done : 0;
}

static void gsm_free(void *s)
{
	gsm0610_free(s);
}

const struct codec_backend backend_g722 = {
	.also_hz = NARROW_HZ,
	.decoder = wide_decoder,
	.decode = wide_decode,
	.decoder_free = wide_decoder_free,
	.encoder = wide_encoder,
	.encode = wide_encode,
	.encoder_free = wide_encoder_free,
};
const struct codec_backend backend_g726 = {
	.decoder = adpcm_make,
	.decode = adpcm_decode,
	.decoder_free = adpcm_free,
	.encoder = adpcm_make,
	.encode = adpcm_encode,
	.encoder_free = adpcm_free,
};
const struct codec_backend backend_gsm = {
	.decoder = gsm_make,
	.decode = gsm_decode,
	.decoder_free = gsm_free,
	.encoder = gsm_make,
	.encode = gsm_encode,
	.encoder_free = gsm_free,
};
