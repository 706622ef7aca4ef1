/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests of audio: tones, and what share of a sound's energy lies at a frequency. */
#ifndef AUDIO_TESTING_H
#define AUDIO_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static inline void tone_fill(int16_t *pcm, size_t n, uint32_t rate_hz, double hz, size_t from)
{
	for (size_t i = 0; i < n; i++)
		pcm[i] = (int16_t)lrint(8000 * sin(2 * M_PI * hz * (double)(from + i) / rate_hz));
}

static inline double energy(const int16_t *pcm, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)pcm[i] * pcm[i];
	return sum;
}

/* 0 to 1; hz should fit whole periods into n samples. */
static inline double share_at(const int16_t *pcm, size_t n, uint32_t rate_hz, double hz)
{
	double re = 0, im = 0, all = energy(pcm, n);

	for (size_t i = 0; i < n; i++) {
		re += pcm[i] * cos(2 * M_PI * hz * (double)i / rate_hz);
		im += pcm[i] * sin(2 * M_PI * hz * (double)i / rate_hz);
	}
	return all > 0 ? 2 * (re * re + im * im) / ((double)n * all) : 0;
}

#endif
