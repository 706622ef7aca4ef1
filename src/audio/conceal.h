/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was lost, made up: the last period of the voice goes on, joined without a click at both ends, and fades.
 * For codecs that cannot do it themselves.  (spandsp's own copies overlapping memory with memcpy.)
 *
 * Units      samples at 8 or 16 kHz
 * Sources    the method of ITU-T G.711 appendix I, shortened
 */
#ifndef AUDIO_CONCEAL_H
#define AUDIO_CONCEAL_H

#include "base/str.h"

enum { CONCEAL_MAX_HZ = 16000, CONCEAL_HISTORY = CONCEAL_MAX_HZ / 1000 * 35 };

struct conceal {
	uint32_t rate_hz;
	size_t nhistory; /* at most 35 ms, the newest last */
	size_t period,
		lost; /* samples made up since the last good one; the period that is repeated */
	int16_t history[CONCEAL_HISTORY];
};

void conceal_init(struct conceal *c, uint32_t rate_hz);
void conceal_heard(struct conceal *c, int16_t *pcm, size_t n); /* its beginning may be changed */
void conceal_fill(struct conceal *c, int16_t *pcm, size_t n);

#endif
