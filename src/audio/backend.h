/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One codec of one library, at its own rate; codec.h adds rate conversion and concealment.  Inside of audio/ only.
 *
 * Ownership  what decoder() and encoder() give goes to their _free; NULL: no memory
 */
#ifndef AUDIO_BACKEND_H
#define AUDIO_BACKEND_H

#include "audio/codec.h"

struct codec_backend {
	bool has_no_state; /* G.711 */
	bool any_rate;	   /* works at the user's rate: nothing to convert */
	uint32_t also_hz;  /* … at this one; 0: at its own alone */
	void *(*decoder)(uint32_t rate_hz);
	size_t (*decode)(void *s, const uint8_t *p, size_t n, int16_t *pcm);
	size_t (*conceal)(void *s, int16_t *pcm,
			  size_t nsamples); /* NULL: it cannot; samples made */
	void (*decoder_free)(void *s);
	void *(*encoder)(uint32_t rate_hz);
	size_t (*encode)(void *s, const int16_t *pcm, size_t nsamples, uint8_t *p);
	void (*encoder_free)(void *s);
};

extern const struct codec_backend backend_pcmu, backend_pcma, backend_g722, backend_g726,
	backend_gsm, backend_g729, backend_opus;
const struct codec_backend *backend_get(enum codec_id id);
/* At which it works for a user of this one. */
uint32_t backend_rate(enum codec_id id, uint32_t rate_hz);

#endif
