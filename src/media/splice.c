/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media/splice.h"

enum {
	MIN_STEP_US = 20000, /* a packet's time: two shall not claim the same moment */
	SR = 200,
	RR = 201,
	RTPFB = 205,
	PSFB = 206,
	FMT_NACK = 1,
	BLOCK_BYTES = 24,
	MARKER = 0x80,
};

/* The next speaker goes on where the last one was cut off. */
static void turn(struct splice *sp, const struct rtp_head *h, uint32_t clock_hz, uint64_t now_us)
{
	uint64_t step_us = now_us - sp->sent_us;

	if (step_us < MIN_STEP_US)
		step_us = MIN_STEP_US;
	sp->from = h->ssrc;
	sp->seq_add = (uint16_t)(sp->seq + 1 - h->seq);
	sp->ts_add = sp->ts + (uint32_t)(step_us * clock_hz / 1000000) - h->ts;
	sp->is_shifted = true;
}

void splice_pass(struct splice *sp, uint8_t *p, uint32_t clock_hz, uint64_t now_us)
{
	struct rtp_head h = {
		.seq = rtp_get16(p + 2), .ts = rtp_get32(p + 4), .ssrc = rtp_get32(p + 8)};

	if (__builtin_expect(!sp->has_begun, 0)) {
		*sp = (struct splice){.has_begun = true,
				      .seq = (uint16_t)(h.seq - 1),
				      .ssrc = h.ssrc,
				      .from = h.ssrc};
	} else if (__builtin_expect(h.ssrc != sp->from, 0)) {
		turn(sp, &h, clock_hz, now_us);
		p[1] |= MARKER;
	}
	h.seq = (uint16_t)(h.seq + sp->seq_add);
	h.ts += sp->ts_add;
	if (__builtin_expect(sp->is_shifted, 0)) {
		rtp_put16(p + 2, h.seq);
		rtp_put32(p + 4, h.ts);
		rtp_put32(p + 8, sp->ssrc);
	}
	if ((int16_t)(h.seq - sp->seq) <= 0)
		return; /* late */
	sp->seq = h.seq;
	/* All packets of a key have the time at which it began. */
	if (h.ts != sp->ts || !sp->sent_us)
		sp->sent_us = now_us;
	sp->ts = h.ts;
}

void splice_skip(struct splice *sp, const struct rtp_head *h)
{
	if (!sp->has_begun || h->ssrc != sp->from ||
	    (uint16_t)(h->seq + sp->seq_add) != (uint16_t)(sp->seq + 1))
		return;
	sp->seq_add--;
	sp->is_shifted = true;
}

bool splice_is(const struct splice *sp, uint32_t ssrc)
{
	return sp->has_begun && sp->ssrc == ssrc;
}

/* Who speaks, as the one who hears it knows him. */
static void name_speaker(const struct splice *told, uint8_t *p)
{
	if (told->is_shifted && rtp_get32(p) == told->from)
		rtp_put32(p, told->ssrc);
}

/* Of whom a report speaks, as he knows himself. */
static bool name_subject(const struct splice *hears, uint8_t *p)
{
	if (!hears->is_shifted || rtp_get32(p) != hears->ssrc)
		return false;
	rtp_put32(p, hears->from);
	return true;
}

static void seq_back(const struct splice *hears, uint8_t *p)
{
	rtp_put16(p, (uint16_t)(rtp_get16(p) - hears->seq_add));
}

/* Its count of cycles began with the first who spoke: only the low half, the sequence itself, can be given back. */
static void blocks(const struct splice *hears, uint8_t *p, size_t n, unsigned count)
{
	for (; count && n >= BLOCK_BYTES; count--, p += BLOCK_BYTES, n -= BLOCK_BYTES)
		if (name_subject(hears, p))
			seq_back(hears, p + 10);
}

static void sender_report(const struct splice *hears, const struct splice *told, uint8_t *p,
			  size_t n)
{
	if (n < 28)
		return;
	if (told->is_shifted && rtp_get32(p + 4) == told->from)
		rtp_put32(p + 16, rtp_get32(p + 16) + told->ts_add);
	blocks(hears, p + 28, n - 28, p[0] & 31);
}

static void feedback(const struct splice *hears, uint8_t *p, size_t n)
{
	bool is_nack = p[1] == RTPFB && (p[0] & 31) == FMT_NACK;

	if (n < 12 || !name_subject(hears, p + 8) || !is_nack)
		return;
	for (size_t at = 12; at + 4 <= n; at += 4)
		seq_back(hears, p + at);
}

static void one(const struct splice *hears, const struct splice *told, uint8_t *p, size_t n)
{
	if (n < 8)
		return;
	if (p[1] == SR)
		sender_report(hears, told, p, n);
	else if (p[1] == RR)
		blocks(hears, p + 8, n - 8, p[0] & 31);
	else if (p[1] == RTPFB || p[1] == PSFB)
		feedback(hears, p, n);
	name_speaker(told, p + 4); /* SDES, BYE, APP and XR begin with him too */
}

void splice_reports(const struct splice *hears, const struct splice *told, uint8_t *p, size_t n)
{
	if (!hears->is_shifted && !told->is_shifted)
		return;
	while (n >= 4) {
		size_t bytes = 4 * ((size_t)rtp_get16(p + 2) + 1);

		if (bytes > n)
			return;
		one(hears, told, p, bytes);
		p += bytes;
		n -= bytes;
	}
}
