/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tones: one or two frequencies in a rhythm, and what they are in each country.
 *
 * Units      Hz, ms; samples 16 bit mono
 * Sources    ITU-T E.180 supplement 2
 */
#ifndef AUDIO_TONE_H
#define AUDIO_TONE_H

#include "base/str.h"

enum { TONE_STEPS = 6 };

struct tone { /* ms[]: on, off, on …; 0 ends them and it begins again; all 0: on for ever */
	uint16_t hz[2];
	uint16_t ms[TONE_STEPS];
};

enum tone_kind { TONE_DIAL, TONE_RING, TONE_BUSY, TONE_CONGESTION, TONE_KINDS };

struct tone_voice { /* where it is; zero: at its beginning */
	uint64_t at;
};

void tone_play(const struct tone *t, struct tone_voice *v, uint32_t rate_hz, int16_t *pcm,
	       size_t n);
/* country: ISO 3166 letters; NULL where there is none for it. */
const struct tone *tone_of(struct str country, enum tone_kind kind);

#endif
