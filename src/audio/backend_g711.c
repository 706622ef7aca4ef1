/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What samples become is as spandsp says; but it searches for the highest bit of each in thirty instructions, and these loops stand in
 * every room and every conversion.  The test compares all 65,536 samples.
 *
 * Sources    ITU-T G.711
 */
#include <spandsp.h>
#include "audio/backend.h"

enum { MU_BIAS = 0x84, MU_MOST = 0x7fff - MU_BIAS, A_LEAST = 0xff, SIGN = 0x80, MU_FLIP = 0xff };

static unsigned highest_bit(unsigned x)
{
	return 31u - (unsigned)__builtin_clz(x);
}

static size_t mu_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = ulaw_to_linear(p[i]);
	return n;
}

static size_t mu_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		int size = pcm[i] < 0 ? -pcm[i] : pcm[i];
		unsigned x = (unsigned)(size > MU_MOST ? MU_MOST : size) + MU_BIAS;
		unsigned part = highest_bit(x) - 7;
		unsigned sign = pcm[i] < 0 ? SIGN : 0;

		p[i] = (uint8_t)((sign | part << 4 | (x >> (part + 3) & 0xf)) ^ MU_FLIP);
	}
	return nsamples;
}

static size_t a_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = alaw_to_linear(p[i]);
	return n;
}

static size_t a_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		unsigned x = (unsigned)(pcm[i] < 0 ? ~pcm[i] : pcm[i]);
		unsigned part = highest_bit(x | A_LEAST) - 7;
		unsigned sign = pcm[i] < 0 ? 0 : SIGN;

		p[i] = (uint8_t)((sign | part << 4 | (x >> (part ? part + 3 : 4) & 0xf)) ^
				 G711_ALAW_AMI_MASK);
	}
	return nsamples;
}

const struct codec_backend backend_pcmu = {
	.has_no_state = true,
	.decode = mu_decode,
	.encode = mu_encode,
};
const struct codec_backend backend_pcma = {
	.has_no_state = true,
	.decode = a_decode,
	.encode = a_encode,
};
