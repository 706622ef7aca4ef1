/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures taken out of RTP: what any sequence of packets makes of them, in any order.
 *
 * Input: packets, each a head of five bytes (payload type 96 to 99: H.264, VP8, RED, unknown, with the marker; step of the sequence; step of
 * the timestamp in ms; length, two bytes) and so much payload.
 */
#include <string.h>
#include "base/mem.h"
#include "fuzz.h"
#include "media/film.h"

enum { HEAD = 5, PT = 96 };

static const struct media_pictures types = {.n = 3,
					    .types = {{PT, MEDIA_PICTURE_H264},
						      {PT + 1, MEDIA_PICTURE_VP8},
						      {PT + 2, MEDIA_PICTURE_RED}}};

static void check(const struct video_frame *f)
{
	static const uint8_t start[] = {0, 0, 0, 1};

	MUST(f->n > 0 && f->n <= VIDEO_MAX_FRAME);
	MUST(f->codec == MEDIA_PICTURE_H264 || f->codec == MEDIA_PICTURE_VP8);
	if (f->codec == MEDIA_PICTURE_H264)
		MUST(f->n > sizeof(start) && !memcmp(f->bytes, start, sizeof(start)));
	else
		MUST(f->is_key == !(f->bytes[0] & 1));
	if (f->is_key && f->codec == MEDIA_PICTURE_H264)
		MUST(f->width && f->height);
}

static void take_all(struct film *film, uint64_t now_us)
{
	struct video_frame *f;

	while ((f = film_take(film, now_us))) {
		check(f);
		mem_free(f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct rtp_head h = {.ssrc = 1, .seq = 65530, .ts = 0xfffff000};
	uint8_t ask[FILM_ASK_BYTES];
	uint16_t width, height;
	struct film *film;
	uint64_t now_us = 1;
	size_t nask;

	if (video_set_size(p, n, &width, &height))
		MUST(width && height);
	MUST(!film_alloc(&film, now_us));
	while (n >= HEAD) {
		size_t len = (size_t)(p[3] << 8 | p[4]);
		uint8_t *exact;

		h.pt = (uint8_t)(PT + (p[0] & 3));
		h.marker = p[0] & 0x80;
		h.seq = (uint16_t)(h.seq + (int8_t)p[1]);
		h.ts += p[2] * 90u;
		now_us += (p[0] >> 2 & 0x1f) * 10000u;
		p += HEAD;
		n -= HEAD;
		len = len < n ? len : n;
		exact = malloc(len ? len : 1);
		MUST(exact);
		memcpy(exact, p, len);
		h.n = len;
		film_hear(film, &h, exact, &types, now_us);
		free(exact);
		p += len;
		n -= len;
		if (h.marker)
			take_all(film, now_us);
		nask = film_ask(film, now_us, ask);
		MUST(!nask || !rtcp_check(ask, nask));
	}
	take_all(film, now_us + FILM_PATIENCE_US);
	film_free(film);
	MUST(!mem_objects());
	return 0;
}
