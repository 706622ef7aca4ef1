/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/mem.h"
#include "media/rtp.h"
#include "media/video.h"

enum { /* H.264 */
       UNIT_SLICE_IDR = 5,
       UNIT_SEQUENCE_SET = 7,
       UNIT_PICTURE_SET = 8,
       UNIT_LAST_SINGLE = 23,
       UNIT_STAP_A = 24,
       UNIT_FU_A = 28,
       UNIT_TYPE = 0x1f,
       FU_START = 0x80,
       FU_END = 0x40,
};

void video_frames_free(struct video_frame *list)
{
	while (list) {
		struct video_frame *next = list->next;

		mem_free(list);
		list = next;
	}
}

bool video_unwrap(struct video_packet *pkt, const struct media_pictures *types)
{
	/* Older blocks before the main one are of no use for pictures: only a single block is taken. */
	if (pkt->codec != MEDIA_PICTURE_RED)
		return true;
	if (!pkt->n || pkt->p[0] & 0x80)
		return false;
	for (size_t i = 0; i < types->n; i++) {
		if (types->types[i].pt != pkt->p[0] || types->types[i].what == MEDIA_PICTURE_RED)
			continue;
		pkt->codec = types->types[i].what;
		pkt->p++;
		pkt->n--;
		return true;
	}
	return false;
}

/* --- putting a frame together ------------------------------------------------------------------------------------------ */

static void lose(struct video *v)
{
	v->is_broken = true;
	v->is_lossy = true;
}

static bool reserve(struct video *v, size_t n)
{
	size_t room = v->room ? v->room : 16384;
	uint8_t *more;

	if (n > VIDEO_MAX_FRAME - v->n)
		return false;
	while (room < v->n + n)
		room *= 2;
	if (room == v->room)
		return true;
	more = mem_realloc(v->bytes, room);
	if (!more)
		return false;
	v->bytes = more;
	v->room = room;
	return true;
}

static void append(struct video *v, const uint8_t *p, size_t n)
{
	if (!n || v->is_broken)
		return;
	if (!reserve(v, n)) {
		lose(v);
		return;
	}
	memcpy(v->bytes + v->n, p, n);
	v->n += n;
}

static void prepend(struct video *v, const uint8_t *p, size_t n)
{
	if (!reserve(v, n)) {
		lose(v);
		return;
	}
	memmove(v->bytes + n, v->bytes, v->n);
	memcpy(v->bytes, p, n);
	v->n += n;
}

static void emit(struct video *v)
{
	struct video_frame *f;

	if (v->nwaiting + v->n > VIDEO_MAX_WAITING) {
		v->is_lossy = true;
		return;
	}
	f = mem_alloc(sizeof(*f) + v->n);
	if (!f) {
		v->is_lossy = true;
		return;
	}
	f->codec = v->codec;
	f->is_key = v->is_key;
	f->width = v->width;
	f->height = v->height;
	f->ts = v->ts;
	f->at_us = v->at_us;
	f->n = v->n;
	memcpy(f->bytes, v->bytes, v->n);
	if (v->last)
		v->last->next = f;
	else
		v->first = f;
	v->last = f;
	v->nwaiting += v->n;
}

static const uint8_t start_code[] = {0, 0, 0, 1};

static void prepend_set(struct video *v, const struct video_set *set)
{
	if (!set->n)
		return;
	prepend(v, set->bytes, set->n);
	prepend(v, start_code, sizeof(start_code));
}

/* A file's key frame is whole by itself. */
static void complete_sets(struct video *v)
{
	if (v->codec != MEDIA_PICTURE_H264 || !v->is_key || v->is_broken)
		return;
	if (!v->has_picture_set)
		prepend_set(v, &v->picture_set);
	if (!v->has_sequence_set)
		prepend_set(v, &v->sequence_set);
	if (!v->sequence_set.n ||
	    !video_set_size(v->sequence_set.bytes, v->sequence_set.n, &v->width, &v->height))
		v->is_key = false; /* nothing can begin with it */
}

static void close_frame(struct video *v)
{
	if (!v->is_open)
		return;
	if (v->is_in_unit)
		lose(v);
	complete_sets(v);
	if (!v->is_broken && v->n)
		emit(v);
	v->is_open = v->is_broken = v->is_key = v->is_in_unit = false;
	v->has_sequence_set = v->has_picture_set = false;
	v->n = 0;
}

static void open_frame(struct video *v, const struct video_packet *pkt)
{
	v->is_open = true;
	v->codec = pkt->codec;
	v->ts = pkt->ts;
}

/* --- H.264 ------------------------------------------------------------------------------------------------------------- */

static void keep_set(struct video_set *set, const uint8_t *p, size_t n)
{
	if (n > sizeof(set->bytes))
		return;
	memcpy(set->bytes, p, n);
	set->n = n;
}

void video_know(struct video *v, const struct media_sets *sets)
{
	keep_set(&v->sequence_set, sets->bytes, sets->nsequence);
	keep_set(&v->picture_set, sets->bytes + sets->nsequence, sets->npicture);
}

static void begin_unit(struct video *v, uint8_t head)
{
	append(v, start_code, sizeof(start_code));
	append(v, &head, 1);
	v->is_key |= (head & UNIT_TYPE) == UNIT_SLICE_IDR;
}

static void add_unit(struct video *v, const uint8_t *p, size_t n)
{
	uint8_t type = n ? p[0] & UNIT_TYPE : 0;

	if (!type || type > UNIT_LAST_SINGLE) {
		lose(v);
		return;
	}
	if (type == UNIT_SEQUENCE_SET) {
		keep_set(&v->sequence_set, p, n);
		v->has_sequence_set = true;
	} else if (type == UNIT_PICTURE_SET) {
		keep_set(&v->picture_set, p, n);
		v->has_picture_set = true;
	}
	begin_unit(v, p[0]);
	append(v, p + 1, n - 1);
}

static void add_units(struct video *v, const uint8_t *p, size_t n)
{
	while (n >= 2) {
		size_t unit = rtp_get16(p);

		if (unit > n - 2) {
			lose(v);
			return;
		}
		add_unit(v, p + 2, unit);
		p += 2 + unit;
		n -= 2 + unit;
	}
}

static void add_fragment(struct video *v, const uint8_t *p, size_t n)
{
	if (n < 2 || !(p[1] & UNIT_TYPE) || (p[1] & UNIT_TYPE) > UNIT_LAST_SINGLE) {
		lose(v);
		return;
	}
	if (!(p[1] & FU_START) != v->is_in_unit)
		lose(v); /* the end of the one before, or the beginning of this one */
	if (p[1] & FU_START)
		begin_unit(v, (uint8_t)((p[0] & ~UNIT_TYPE) | (p[1] & UNIT_TYPE)));
	v->is_in_unit = !(p[1] & FU_END);
	append(v, p + 2, n - 2);
}

static void add_h264(struct video *v, const struct video_packet *pkt)
{
	uint8_t type = pkt->n ? pkt->p[0] & UNIT_TYPE : 0;

	/* Nothing in a packet says that it is the first of its frame. */
	if (v->is_after_gap)
		lose(v);
	if (v->is_in_unit && type != UNIT_FU_A)
		lose(v);
	if (type == UNIT_STAP_A)
		add_units(v, pkt->p + 1, pkt->n - 1);
	else if (type == UNIT_FU_A)
		add_fragment(v, pkt->p, pkt->n);
	else
		add_unit(v, pkt->p, pkt->n);
}

/* --- VP8 --------------------------------------------------------------------------------------------------------------- */

/* How long the descriptor is; 0: it cannot be read, or nothing is behind it. */
static size_t vp8_descriptor(const uint8_t *p, size_t n)
{
	size_t at = 1;
	uint8_t more;

	if (n < 2)
		return 0;
	if (p[0] & 0x80) {
		more = p[at++];
		if (more & 0x80 && at < n)
			at += p[at] & 0x80 ? 2 : 1;
		at += !!(more & 0x40) + !!(more & 0x30);
	}
	return at < n ? at : 0;
}

static void vp8_head(struct video *v, const uint8_t *p, size_t n)
{
	static const uint8_t code[] = {0x9d, 0x01, 0x2a};

	if (p[0] & 1)
		return;
	if (n < 10 || memcmp(p + 3, code, sizeof(code))) {
		lose(v);
		return;
	}
	v->is_key = true;
	v->width = (uint16_t)((p[6] | p[7] << 8) & 0x3fff);
	v->height = (uint16_t)((p[8] | p[9] << 8) & 0x3fff);
}

static void add_vp8(struct video *v, const struct video_packet *pkt)
{
	size_t at = vp8_descriptor(pkt->p, pkt->n);
	bool is_first = at && (pkt->p[0] & 0x1f) == 0x10; /* S, of partition 0 */

	if (!at || is_first != !v->n) {
		lose(v);
		return;
	}
	if (is_first)
		vp8_head(v, pkt->p + at, pkt->n - at);
	append(v, pkt->p + at, pkt->n - at);
}

/* ----------------------------------------------------------------------------------------------------------------------- */

void video_add(struct video *v, const struct video_packet *pkt)
{
	/* Without a marker the next frame ends it. */
	if (v->is_open && (pkt->ts != v->ts || pkt->codec != v->codec))
		close_frame(v);
	if (!v->is_open)
		open_frame(v, pkt);
	v->at_us = pkt->at_us;
	if (pkt->codec == MEDIA_PICTURE_H264)
		add_h264(v, pkt);
	else if (pkt->codec == MEDIA_PICTURE_VP8)
		add_vp8(v, pkt);
	v->is_after_gap = false;
	if (pkt->marker)
		close_frame(v);
}

void video_gap(struct video *v)
{
	if (v->is_open)
		lose(v);
	close_frame(v);
	v->is_lossy = true;
	v->is_after_gap = true;
}

struct video_frame *video_take(struct video *v)
{
	struct video_frame *f = v->first;

	if (!f)
		return NULL;
	v->first = f->next;
	if (!v->first)
		v->last = NULL;
	v->nwaiting -= f->n;
	f->next = NULL;
	return f;
}

void video_close(struct video *v)
{
	video_frames_free(v->first);
	mem_free(v->bytes);
	*v = (struct video){0};
}
