/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What plays to a leg or to a room: clips one after the other, or a tone; so many times, or for so long.
 *
 * Thread     the media thread that has it
 * Units      frames of 20 ms at the rate of whoever hears it
 * Ownership  playing_stop() drops the clips
 */
#ifndef MEDIA_PLAYING_H
#define MEDIA_PLAYING_H

#include "audio/resample.h"
#include "audio/tone.h"
#include "media/files.h"
#include "media/media.h"

struct playing { /* zero: nothing */
	bool is_on, until_key;
	uint32_t seq;	  /* of the command */
	uint32_t left_ms; /* UINT32_MAX: no limit */
	uint32_t times;	  /* left, this one included; MEDIA_FOR_EVER */
	struct tone tone;
	struct tone_voice voice;
	struct clip_list *list; /* NULL: the tone */
	size_t clip, at;	/* where it is */
	struct resample *rate;	/* of the present clip; NULL: equal */
	uint32_t rate_from, rate_to;
};

void playing_start(struct playing *p, const struct media_play *what, struct clip_list *list,
		   uint32_t seq);
void playing_stop(struct playing *p);
/* The next frame, of n samples; false: it has come to its end (and pcm is silent from there on). */
bool playing_frame(struct playing *p, uint32_t rate_hz, int16_t *pcm, size_t n);

#endif
