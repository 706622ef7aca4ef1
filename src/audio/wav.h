/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WAV: what we play and what we record.
 *
 * Reads PCM of 16 bit and G.711, mono or stereo (mixed to mono), at 8, 16, 32 or 48 kHz, RIFF only.  Writes PCM of 16 bit.
 *
 * Ownership  struct wav borrows from the bytes it was read from
 * Errors     wav_read EINVAL with *why, words for a person; wav_samples ENOMEM
 * Sources    IBM and Microsoft, Multimedia Programming Interface 1.0; RFC 2361
 */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H

#include "base/str.h"

enum { WAV_HEAD_BYTES = 44 };

struct wav {
	uint32_t rate_hz;
	uint16_t channels, bits, format; /* format: 1 PCM, 6 PCMA, 7 PCMU */
	struct str data;
};

int wav_read(struct wav *w, struct str bytes, const char **why) MUST_USE;
/* All of it as mono at rate_hz: *pcmp of *np samples, for mem_free(). */
int wav_samples(const struct wav *w, uint32_t rate_hz, int16_t **pcmp, size_t *np) MUST_USE;
/* The head of a file with this many bytes of samples; what would not fit into its 32 bits is written as their end. */
void wav_head(uint8_t head[WAV_HEAD_BYTES], uint32_t rate_hz, uint16_t channels, uint64_t nbytes);

#endif
