/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/mem.h"
#include "media/film.h"

enum {
	WAITING = 256,
	WAITING_BYTES = 1 << 20,
	MAX_STEP = 3000
}; /* packets; further away: the source has begun anew */
enum { RTCP_RR = 201, RTCP_PSFB = 206, PSFB_PLI = 1, PSFB_FIR = 4 };

struct waiting { /* came before one that is missing */
	uint8_t codec;
	bool marker;
	uint32_t ts;
	uint64_t at_us;
	size_t n;
	uint8_t *bytes; /* NULL: free */
};

struct film {
	struct video video;
	bool has_started, needs_key;
	uint16_t next; /* seq */
	uint32_t ssrc;
	uint8_t firs;
	uint64_t gap_us; /* the next is missing since then; 0: it is not */
	uint64_t asked_us, taken_us;
	size_t nwaiting, nbytes;
	struct waiting waiting[WAITING]; /* by seq */
};

int film_alloc(struct film **fp, uint64_t now_us)
{
	struct film *f = mem_alloc(sizeof(*f));

	if (!f)
		return ENOMEM;
	f->needs_key = true;
	f->taken_us = now_us;
	*fp = f;
	return 0;
}

static void forget(struct film *f)
{
	for (size_t i = 0; i < WAITING && f->nwaiting; i++) {
		f->nwaiting -= f->waiting[i].bytes != NULL;
		f->waiting[i].bytes = mem_free(f->waiting[i].bytes);
	}
	f->nbytes = 0;
}

void film_know(struct film *f, const struct media_sets *sets)
{
	if (!f->video.sequence_set.n)
		video_know(&f->video, sets);
}

struct film *film_free(struct film *f)
{
	if (!f)
		return NULL;
	forget(f);
	video_close(&f->video);
	return mem_free(f);
}

/* Without a codec only its number counts: probing of the path, what stands in for other packets. */
static void deliver(struct film *f, const struct video_packet *pkt)
{
	if (pkt->codec)
		video_add(&f->video, pkt);
	f->next++;
}

static void drain(struct film *f)
{
	struct waiting *w = &f->waiting[f->next % WAITING];

	while (w->bytes) {
		deliver(f, &(struct video_packet){.codec = w->codec,
						  .marker = w->marker,
						  .ts = w->ts,
						  .at_us = w->at_us,
						  .p = w->bytes,
						  .n = w->n});
		w->bytes = mem_free(w->bytes);
		f->nbytes -= w->n;
		f->nwaiting--;
		w = &f->waiting[f->next % WAITING];
	}
}

/* On to the first of those that wait. */
static void give_up(struct film *f)
{
	video_gap(&f->video);
	while (f->nwaiting && !f->waiting[f->next % WAITING].bytes)
		f->next++;
	drain(f);
}

static void check_gap(struct film *f, uint64_t now_us)
{
	while (f->nwaiting && now_us - f->gap_us >= FILM_PATIENCE_US) {
		give_up(f);
		f->gap_us = now_us;
	}
}

static void keep(struct film *f, const struct video_packet *pkt, uint16_t seq, uint64_t now_us)
{
	struct waiting *w = &f->waiting[seq % WAITING];

	if (w->bytes || f->nbytes + pkt->n > WAITING_BYTES)
		return; /* it came twice, or there is no room: as good as lost */
	w->bytes = mem_alloc(pkt->n + 1);
	if (!w->bytes)
		return;
	memcpy(w->bytes, pkt->p, pkt->n);
	if (!f->nwaiting++)
		f->gap_us = now_us;
	w->codec = pkt->codec;
	w->marker = pkt->marker;
	w->ts = pkt->ts;
	w->at_us = pkt->at_us;
	w->n = pkt->n;
	f->nbytes += pkt->n;
}

static void begin_source(struct film *f, const struct rtp_head *h)
{
	forget(f);
	if (f->has_started)
		video_gap(&f->video);
	f->video.is_after_gap = false; /* its first packet is the first of a frame */
	f->has_started = true;
	f->ssrc = h->ssrc;
	f->next = h->seq;
	f->needs_key = true;
	f->asked_us = 0;
}

static void take_in(struct film *f, const struct video_packet *pkt, uint16_t seq, uint64_t now_us)
{
	int16_t ahead = (int16_t)(seq - f->next);

	if (ahead < 0)
		return; /* too late, or twice */
	while (ahead >= WAITING && f->nwaiting) {
		give_up(f);
		ahead = (int16_t)(seq - f->next);
	}
	if (ahead >= WAITING) {
		video_gap(&f->video);
		f->next = seq;
		ahead = 0;
	}
	if (ahead) {
		keep(f, pkt, seq, now_us);
		return;
	}
	deliver(f, pkt);
	drain(f);
	f->gap_us = now_us;
}

static uint8_t codec_of(const struct media_pictures *types, uint8_t pt)
{
	for (size_t i = 0; i < types->n; i++)
		if (types->types[i].pt == pt)
			return types->types[i].what;
	return MEDIA_PICTURE_NONE;
}

void film_hear(struct film *f, const struct rtp_head *h, const uint8_t *packet,
	       const struct media_pictures *types, uint64_t now_us)
{
	struct video_packet pkt = {.codec = codec_of(types, h->pt),
				   .marker = h->marker,
				   .ts = h->ts,
				   .at_us = now_us,
				   .p = packet + h->at,
				   .n = h->n};
	int16_t ahead = (int16_t)(h->seq - f->next);

	bool is_ours = f->has_started && h->ssrc == f->ssrc;

	if (!pkt.codec && !is_ours)
		return; /* packets that are sent again have a source of their own */
	if (!is_ours || ahead > MAX_STEP || ahead < -MAX_STEP)
		begin_source(f, h);
	check_gap(f, now_us);
	if (!pkt.n || !video_unwrap(&pkt, types))
		pkt.codec = MEDIA_PICTURE_NONE;
	take_in(f, &pkt, h->seq, now_us);
}

struct video_frame *film_take(struct film *f, uint64_t now_us)
{
	struct video_frame *frame;

	f->taken_us = now_us;
	check_gap(f, now_us);
	frame = video_take(&f->video);
	if (frame && frame->is_key)
		f->needs_key = false;
	if (!frame && f->video.is_lossy) {
		f->needs_key = true;
		f->video.is_lossy = false;
	}
	return frame;
}

void film_begin(struct film *f)
{
	f->needs_key = true;
}

size_t film_ask(struct film *f, uint64_t now_us, uint8_t p[FILM_ASK_BYTES])
{
	if (!f->needs_key || !f->has_started || (f->asked_us && now_us - f->asked_us < FILM_ASK_US))
		return 0;
	f->asked_us = now_us;
	memset(p, 0, FILM_ASK_BYTES);
	rtp_put32(p, 0x80u << 24 | RTCP_RR << 16 | 1);
	rtp_put32(p + 4, ~f->ssrc);
	rtp_put32(p + 8, (0x80u | PSFB_PLI) << 24 | RTCP_PSFB << 16 | 2);
	rtp_put32(p + 12, ~f->ssrc);
	rtp_put32(p + 16, f->ssrc);
	rtp_put32(p + 20, (0x80u | PSFB_FIR) << 24 | RTCP_PSFB << 16 | 4);
	rtp_put32(p + 24, ~f->ssrc);
	rtp_put32(p + 32, f->ssrc);
	p[36] = f->firs++;
	return FILM_ASK_BYTES;
}

bool film_is_idle(const struct film *f, uint64_t now_us)
{
	return now_us - f->taken_us > FILM_IDLE_US;
}
