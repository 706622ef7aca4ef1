/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spandsp says what each sample becomes; tables of it, made once, say it again at a tenth of the price.  Both laws treat a value by
 * its size, in steps of 4 (mu-law) and 16 (A-law), and its sign by itself.
 */
#include <pthread.h>
#include <spandsp.h>
#include "audio/backend.h"

enum { MU_STEP = 4, A_STEP = 16, SIGN = 0x80, SIZES = 32768 };

static struct {
	pthread_once_t once;
	int16_t mu_pcm[256], a_pcm[256];
	uint8_t mu[SIZES / MU_STEP + 1], a[SIZES / A_STEP];
} tables = {.once = PTHREAD_ONCE_INIT};

static void make_tables(void)
{
	for (int i = 0; i < 256; i++) {
		tables.mu_pcm[i] = ulaw_to_linear((uint8_t)i);
		tables.a_pcm[i] = alaw_to_linear((uint8_t)i);
	}
	for (int i = 0; i < SIZES; i += MU_STEP)
		tables.mu[i / MU_STEP] = linear_to_ulaw(i);
	tables.mu[SIZES / MU_STEP] = linear_to_ulaw(SIZES); /* of the largest negative one */
	for (int i = 0; i < SIZES; i += A_STEP)
		tables.a[i / A_STEP] = linear_to_alaw(i);
}

static void *get_tables(uint32_t rate_hz)
{
	pthread_once(&tables.once, make_tables);
	return &tables;
}

static void leave_tables(void *s)
{
}

static size_t mu_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = tables.mu_pcm[p[i]];
	return n;
}

static size_t mu_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		int x = pcm[i];

		p[i] = (uint8_t)(x < 0 ? tables.mu[-x / MU_STEP] ^ SIGN : tables.mu[x / MU_STEP]);
	}
	return nsamples;
}

static size_t a_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = tables.a_pcm[p[i]];
	return n;
}

static size_t a_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		int x = pcm[i];

		p[i] = (uint8_t)(x < 0 ? tables.a[~x / A_STEP] ^ SIGN : tables.a[x / A_STEP]);
	}
	return nsamples;
}

const struct codec_backend backend_pcmu = {
	.decoder = get_tables,
	.decode = mu_decode,
	.decoder_free = leave_tables,
	.encoder = get_tables,
	.encode = mu_encode,
	.encoder_free = leave_tables,
};
const struct codec_backend backend_pcma = {
	.decoder = get_tables,
	.decode = a_decode,
	.decoder_free = leave_tables,
	.encoder = get_tables,
	.encode = a_encode,
	.encoder_free = leave_tables,
};
