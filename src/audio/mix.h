/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums of voices.  What is too loud for 16 bits is held at their end.
 *
 * Units      samples 16 bit mono, sums 32 bit: of up to 65,536 voices
 */
#ifndef AUDIO_MIX_H
#define AUDIO_MIX_H

#include "base/str.h"

void mix_add(int32_t *sum, const int16_t *pcm, size_t n);
/* The sum without one voice that is in it (NULL: none). */
void mix_minus(const int32_t *sum, const int16_t *own, int16_t *out, size_t n);
/* Loudness of a frame (at most 131,072 samples): mean of the absolute samples, 0 to 32767. */
uint32_t mix_level(const int16_t *pcm, size_t n);

#endif
