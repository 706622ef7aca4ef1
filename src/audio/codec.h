/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Audio codecs as functions over samples: 16 bit, mono, at the rate the user asks for (8, 16 or 48 kHz), whatever the codec's own.
 *
 * Thread     any, one at a time per decoder and encoder
 * Units      samples at the rate asked for; payloads are those of one RTP packet, of up to CODEC_MAX_MS
 * Ownership  the _free functions accept NULL and return it
 * Errors     _make ENOMEM; decode gives 0 samples for a payload that cannot be read
 * Sources    RFC 3551 (G.711, G.722, G.726-32, G.729, GSM), RFC 7587 (Opus), RFC 3389 (comfort noise is not decoded here)
 */
#ifndef AUDIO_CODEC_H
#define AUDIO_CODEC_H

#include "base/str.h"

enum codec_id {
	CODEC_NONE,
#define CODEC(id, name, pt, clock_hz, rate_hz, channels, samples, bytes) CODEC_##id,
#include "audio/codecs.def"
#undef CODEC
	CODEC_COUNT
};

enum {
	CODEC_DYNAMIC = 255,
	CODEC_MAX_MS = 120,
	CODEC_MAX_HZ = 48000,
	CODEC_MAX_SAMPLES = CODEC_MAX_HZ / 1000 * CODEC_MAX_MS,
	CODEC_MAX_BYTES = 1500,
};

struct codec { /* what never changes */
	struct str name;
	uint8_t pt;
	uint32_t clock_hz, rate_hz;
	uint8_t channels;
	uint16_t frame_samples, frame_bytes;
};

const struct codec *codec_get(enum codec_id id); /* never NULL but for CODEC_NONE */
/* By rtpmap: name without case, clock, channels (0 as 1). */
enum codec_id codec_find(struct str name, uint32_t clock_hz, unsigned channels);
enum codec_id codec_by_pt(uint8_t pt); /* the static ones */

struct decoder;
int decoder_make(struct decoder **dp, enum codec_id id, uint32_t rate_hz) MUST_USE;
struct decoder *decoder_free(struct decoder *d);
/* pcm has room for CODEC_MAX_SAMPLES. */
size_t decoder_decode(struct decoder *d, const uint8_t *p, size_t n, int16_t *pcm);
/* What was lost, made up from what came before; fades when it goes on. */
void decoder_conceal(struct decoder *d, int16_t *pcm, size_t nsamples);

struct encoder;
int encoder_make(struct encoder **ep, enum codec_id id, uint32_t rate_hz) MUST_USE;
struct encoder *encoder_free(struct encoder *e);
/* nsamples: a multiple of 10 ms that the codec can frame, at most CODEC_MAX_MS; p has room for CODEC_MAX_BYTES.  Bytes, 0: none. */
size_t encoder_encode(struct encoder *e, const int16_t *pcm, size_t nsamples, uint8_t *p);

#endif
