/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"
#include "media/reports.h"

enum {
	SENDER = 200,
	RECEIVER = 201,
	DESCRIPTION = 202,
	GOODBYE = 203,
	CNAME = 1,
	CNAME_BYTES = 16,
	BLOCK_BYTES = 24,
	NTP_OF_1970 = 2208988800u
};

struct writer {
	uint8_t *p;
	size_t n;
};

static void put8(struct writer *w, uint8_t x)
{
	w->p[w->n++] = x;
}

static void put32(struct writer *w, uint32_t x)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put8(w, (uint8_t)(x >> shift));
}

/* The head of one packet; its length is known when it is finished. */
static size_t begin(struct writer *w, uint8_t count, uint8_t type)
{
	size_t at = w->n;

	put8(w, (uint8_t)(0x80 | count));
	put8(w, type);
	put8(w, 0);
	put8(w, 0);
	return at;
}

static void finish(struct writer *w, size_t at)
{
	size_t words = (w->n - at) / 4 - 1;

	w->p[at + 2] = (uint8_t)(words >> 8);
	w->p[at + 3] = (uint8_t)words;
}

static uint32_t expected_of(const struct rtp_source *s)
{
	return s->cycles + s->max_seq - s->base_seq + 1;
}

/* A.3 */
static void put_block(struct writer *w, struct reports *r, const struct stream *s, uint64_t now_us)
{
	const struct rtp_source *src = &s->source;
	uint32_t expected = expected_of(src), due = expected - r->expected;
	int64_t lost = (int64_t)expected - src->received;
	int64_t lately = (int64_t)due - (src->received - r->received);
	uint32_t fraction = due && due < INT32_MAX && lately > 0
				    ? (uint32_t)(((uint64_t)lately << 8) / due)
				    : 0;

	lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
	put32(w, src->ssrc);
	put32(w, (fraction > 255 ? 255 : fraction) << 24 | ((uint32_t)lost & 0xffffff));
	put32(w, src->cycles + src->max_seq);
	put32(w, src->jitter16 >> 4);
	put32(w, s->sr_time);
	put32(w, s->sr_time ? (uint32_t)((now_us - s->sr_us) * 65536 / 1000000) : 0);
	r->expected = expected;
	r->received = src->received;
}

static void put_description(struct writer *w, const struct reports_sent *sent)
{
	size_t at = begin(w, 1, DESCRIPTION);
	char name[CNAME_BYTES + 1];

	put32(w, sent->ssrc);
	put8(w, CNAME);
	put8(w, CNAME_BYTES);
	/* The same for all its reports, and telling nobody anything. */
	snprintf(name, sizeof(name), "%08x%08x", sent->ssrc * 2654435761u,
		 sent->ssrc ^ 0x5bd1e995u);
	memcpy(w->p + w->n, name, CNAME_BYTES);
	w->n += CNAME_BYTES;
	do
		put8(w, 0);
	while (w->n % 4);
	finish(w, at);
}

static void put_sent(struct writer *w, const struct reports_sent *sent)
{
	uint64_t wall_us = (uint64_t)clock_wall_us(clock_real());

	put32(w, (uint32_t)(wall_us / 1000000 + NTP_OF_1970));
	put32(w, (uint32_t)(((wall_us % 1000000) << 32) / 1000000));
	put32(w, sent->ts);
	put32(w, sent->packets);
	put32(w, sent->bytes);
}

static void put_report(struct writer *w, struct reports *r, const struct stream *s,
		       const struct reports_sent *sent, uint64_t now_us)
{
	bool has_heard = s->source.has_started;
	size_t at = begin(w, has_heard, sent->packets ? SENDER : RECEIVER);

	put32(w, sent->ssrc);
	if (sent->packets)
		put_sent(w, sent);
	if (has_heard)
		put_block(w, r, s, now_us);
	finish(w, at);
	put_description(w, sent);
}

/* Half to one and a half of the interval, so that those who joined together do not report together. */
static uint64_t pause_us(void)
{
	return REPORTS_EVERY_US / 2 + rng_below(rng_system(), REPORTS_EVERY_US);
}

size_t reports_due(struct reports *r, const struct stream *s, const struct reports_sent *sent,
		   uint64_t now_us, uint8_t *p)
{
	struct writer w = {p, 0};

	if (!r->next_us)
		r->next_us = now_us + pause_us() / 2;
	if (now_us < r->next_us)
		return 0;
	r->next_us = now_us + pause_us();
	r->has_sent = true;
	put_report(&w, r, s, sent, now_us);
	return w.n;
}

size_t reports_end(struct reports *r, const struct stream *s, const struct reports_sent *sent,
		   uint8_t *p)
{
	struct writer w = {p, 0};
	size_t at;

	if (!r->has_sent)
		return 0;
	r->has_sent = false;
	r->next_us = 0;
	put_report(&w, r, s, sent, s->sr_us);
	at = begin(&w, 1, GOODBYE);
	put32(&w, sent->ssrc);
	finish(&w, at);
	return w.n;
}
