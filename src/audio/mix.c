/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/mix.h"
#include "audio/wide.h"

WIDE void mix_add(int32_t *sum, const int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += pcm[i];
}

static int16_t held(int32_t x)
{
	return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

WIDE void mix_minus(const int32_t *sum, const int16_t *own, int16_t *out, size_t n)
{
	if (!own) {
		for (size_t i = 0; i < n; i++)
			out[i] = held(sum[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = held(sum[i] - own[i]);
}

WIDE uint32_t mix_level(const int16_t *pcm, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)(pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i]);
	return n ? (uint32_t)(sum / n) : 0;
}
