/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures out of RTP payloads: H.264 and VP8, whole frames as a file takes them.  Pure: packets of one source come in, in order.
 *
 * H.264 comes out as a byte stream (start codes); a key frame has its parameter sets, if they were ever heard.  A frame of which a
 * packet is missing is left out.  RED (RFC 2198, as browsers wrap VP8 for its sake) is taken off by video_unwrap().
 *
 * Thread     the media thread of the stream
 * Units      ts: 90 kHz, as in the packets
 * Ownership  video_take() gives a frame away, for mem_free(); video_close() frees the rest
 * Errors     what cannot be read is as good as lost: `is_lossy` says that frames are missing since it was last cleared
 * Sources    RFC 6184 5 (H.264), RFC 7741 4 (VP8), RFC 6386 9.1, ITU-T H.264 7.3, RFC 2198 3
 */
#ifndef MEDIA_VIDEO_H
#define MEDIA_VIDEO_H

#include "media/media.h"

enum {
	VIDEO_MAX_FRAME = 2 << 20,
	VIDEO_MAX_WAITING = 8 << 20, /* bytes of frames not taken */
	VIDEO_MAX_SET = 256,	     /* of a parameter set that is kept */
	VIDEO_CLOCK_HZ = 90000,
};

struct video_frame {
	struct video_frame *next;
	uint8_t codec; /* enum media_picture */
	bool is_key;
	uint16_t width, height; /* of a key frame */
	uint32_t ts;
	uint64_t at_us; /* its last packet came */
	uint8_t track;	/* for a recording, as is */
	uint64_t slot;
	size_t n;
	uint8_t bytes[];
};
void video_frames_free(struct video_frame *list);

struct video_packet {
	uint8_t codec;
	bool marker;
	uint32_t ts;
	uint64_t at_us;
	const uint8_t *p;
	size_t n;
};

struct video_set { /* H.264: parameters that later frames name */
	size_t n;
	uint8_t bytes[VIDEO_MAX_SET];
};

struct video { /* zero: nothing heard */
	bool is_lossy;
	/* the frame that is being put together */
	bool is_open, is_broken, is_key, has_sequence_set, has_picture_set;
	bool is_in_unit; /* H.264: a fragmented unit has begun */
	uint8_t codec;
	uint16_t width, height;
	uint32_t ts;
	uint64_t at_us;
	uint8_t *bytes;
	size_t n, room;
	bool is_after_gap;
	struct video_set sequence_set, picture_set;
	/* whole ones */
	struct video_frame *first, *last;
	size_t nwaiting;
};

/* The block of `red` that is of one of `types`; false: none.  pkt->codec, p and n change. */
bool video_unwrap(struct video_packet *pkt, const struct media_pictures *types);
void video_add(struct video *v, const struct video_packet *pkt);
void video_know(struct video *v, const struct media_sets *sets); /* from the description */
void video_gap(struct video *v);		 /* packets before the next are missing */
struct video_frame *video_take(struct video *v); /* the oldest; NULL: none */
void video_close(struct video *v);

/* H.264: what a sequence parameter set says of the size; false: it cannot be read. */
bool video_set_size(const uint8_t *p, size_t n, uint16_t *width, uint16_t *height);

#endif
