/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures of a stream while it is recorded: its packets put in order, frames out of them, and asking for a key frame where one is
 * needed: to begin with, and after loss.
 *
 * A packet that is missing is waited for as long as a repeated one takes to come (FILM_PATIENCE_US), or until others fill the room.
 *
 * Thread     the media thread of the stream
 * Ownership  the stream's: film_free(); frames of film_take() are the caller's
 * Errors     film_alloc ENOMEM; later, without memory, frames are missing
 * Sources    RFC 3550 A.1 (order), RFC 4585 6.3.1 (PLI), RFC 5104 4.3.1 (FIR)
 */
#ifndef MEDIA_FILM_H
#define MEDIA_FILM_H

#include "media/rtp.h"
#include "media/video.h"

enum {
	FILM_PATIENCE_US = 200000,
	FILM_ASK_US = 1000000,	/* a key frame is asked for no more often */
	FILM_IDLE_US = 2000000, /* not taken for so long: nobody records it any more */
	FILM_ASK_BYTES = 40,
};

struct film;
int film_alloc(struct film **fp, uint64_t now_us) MUST_USE;
struct film *film_free(struct film *f); /* NULL allowed */
/* A packet that was let in; types: of the leg's description. */
void film_hear(struct film *f, const struct rtp_head *h, const uint8_t *packet,
	       const struct media_pictures *types, uint64_t now_us);
struct video_frame *film_take(struct film *f, uint64_t now_us); /* NULL: none */
void film_begin(struct film *f); /* who takes needs a key frame now */
/* RTCP for who sends, when it is due; 0: nothing to ask. */
size_t film_ask(struct film *f, uint64_t now_us, uint8_t p[FILM_ASK_BYTES]);
/* H.264 that has not come with the pictures. */
void film_know(struct film *f, const struct media_sets *sets);
bool film_is_idle(const struct film *f, uint64_t now_us);

#endif
