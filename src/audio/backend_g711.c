/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What samples become is as spandsp says; but it searches for the highest bit of each in thirty instructions, and these loops stand in
 * every room and every conversion.  A float has that bit as its exponent and what follows as its fraction, and the compiler makes them of
 * several samples at once.  The test compares all 65,536.
 *
 * Sources    ITU-T G.711, IEEE 754
 */
#include <spandsp.h>
#include "audio/backend.h"
#include "audio/wide.h"

enum { MU_BIAS = 0x84, MU_MOST = 0x7fff - MU_BIAS, A_LINEAR = 0x100, SIGN = 0x80, MU_FLIP = 0xff };
enum { FLOAT_FRACTION = 23, FLOAT_BIAS = 127, FIRST_BIT = 7, STEPS = 4 };

/* The part of the curve, and the four bits behind the highest: x is 2^7 at least. */
static inline unsigned part_and_step(int x)
{
	union {
		float f;
		uint32_t bits;
	} u = {.f = (float)x};

	return (u.bits >> (FLOAT_FRACTION - STEPS)) - ((FLOAT_BIAS + FIRST_BIT) << STEPS);
}

/* The middle of a step: 2^(7 + part) with its four bits and one behind them.  Bits of a code that are not part or step are not looked at. */
static inline int middle_of(unsigned part_and_step)
{
	union {
		uint32_t bits;
		float f;
	} u = {.bits = (((FLOAT_BIAS + FIRST_BIT) << STEPS) + part_and_step)
			       << (FLOAT_FRACTION - STEPS) |
		       1u << (FLOAT_FRACTION - STEPS - 1)};

	return (int)u.f;
}

WIDE static size_t mu_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++) {
		unsigned code = p[i] ^ MU_FLIP;
		int size = middle_of(code & ~SIGN) - MU_BIAS;

		pcm[i] = (int16_t)(code & SIGN ? -size : size);
	}
	return n;
}

WIDE static size_t mu_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		int x = pcm[i], size = x < 0 ? -x : x;
		unsigned code = part_and_step((size > MU_MOST ? MU_MOST : size) + MU_BIAS);

		p[i] = (uint8_t)((code | (x < 0 ? SIGN : 0)) ^ MU_FLIP);
	}
	return nsamples;
}

/* The first part is a line as steep as the second. */
WIDE static size_t a_decode(void *s, const uint8_t *p, size_t n, int16_t *pcm)
{
	for (size_t i = 0; i < n; i++) {
		unsigned code = p[i] ^ G711_ALAW_AMI_MASK, curve = code & ~SIGN;
		bool is_line = curve < 1u << STEPS;
		int size = middle_of(is_line ? curve + (1u << STEPS) : curve);

		size -= is_line ? A_LINEAR : 0;
		pcm[i] = (int16_t)(code & SIGN ? size : -size);
	}
	return n;
}

WIDE static size_t a_encode(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	for (size_t i = 0; i < nsamples; i++) {
		int x = pcm[i], size = x < 0 ? ~x : x;
		unsigned line = (unsigned)size >> STEPS, curve = part_and_step(size);
		unsigned code = size < A_LINEAR ? line : curve;

		p[i] = (uint8_t)((code | (x < 0 ? 0 : SIGN)) ^ G711_ALAW_AMI_MASK);
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
