/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <spandsp.h>
#include "audio/backend.h"

static size_t mu_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = ulaw_to_linear(p[i]);
	return n;
}

static size_t mu_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++)
		p[i] = linear_to_ulaw(pcm[i]);
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
	for (size_t i = 0; i < nsamples; i++)
		p[i] = linear_to_alaw(pcm[i]);
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
