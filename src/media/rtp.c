/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading of RTP and RTCP headers, and the statistics of RFC 3550's appendix A.
 *
 * The relay passes on what a receiver might discard (a jump of the sequence, a duplicate): judging that is the
 * phone's business.  Only the counting follows the RFC.
 */
#include <string.h>
#include "media/rtp.h"

enum { MAX_DROPOUT = 3000, MAX_MISORDER = 100, SEQ_MOD = 1 << 16 };

int rtp_read(struct rtp_head *h, const uint8_t *p, size_t n)
{
	size_t head = RTP_HEAD_BYTES, padding = 0;

	if (n < head || p[0] >> 6 != 2)
		return EBADMSG;
	head += 4u * (p[0] & 0x0f);
	if (n < head)
		return EBADMSG;
	if (p[0] & 0x10) { /* one extension: id, length in words */
		if (n < head + 4)
			return EBADMSG;
		head += 4 + 4u * rtp_get16(p + head + 2);
		if (n < head)
			return EBADMSG;
	}
	if (p[0] & 0x20) { /* the last octet counts the padding, itself included */
		if (n == head || !p[n - 1] || p[n - 1] > n - head)
			return EBADMSG;
		padding = p[n - 1];
	}
	h->pt = p[1] & 0x7f;
	h->marker = p[1] & 0x80;
	h->at = head;
	h->n = n - head - padding;
	h->seq = rtp_get16(p + 2);
	h->ts = rtp_get32(p + 4);
	h->ssrc = rtp_get32(p + 8);
	return 0;
}

void rtp_write(const struct rtp_head *h, uint8_t p[RTP_HEAD_BYTES])
{
	p[0] = 2 << 6;
	p[1] = (uint8_t)(h->pt | (h->marker ? 0x80 : 0));
	rtp_put16(p + 2, h->seq);
	rtp_put32(p + 4, h->ts);
	rtp_put32(p + 8, h->ssrc);
}

int rtcp_check(const uint8_t *p, size_t n)
{
	if (n < RTCP_MIN_BYTES)
		return EBADMSG;
	while (n) {
		size_t bytes;

		if (n < 4 || p[0] >> 6 != 2 || p[1] < 192 || p[1] > 223)
			return EBADMSG;
		bytes = 4u * (rtp_get16(p + 2) + 1u);
		if (bytes > n)
			return EBADMSG;
		p += bytes;
		n -= bytes;
	}
	return 0;
}

uint32_t rtp_static_clock_hz(uint8_t pt)
{
	switch (pt) {
	case 6:
		return 16000; /* DVI4 */
	case 10:
	case 11:
		return 44100; /* L16 */
	case 14:
	case 25:
	case 26:
	case 28:
	case 31:
	case 32:
	case 33:
	case 34:
		return 90000; /* MPA and video */
	case 16:
		return 11025;
	case 17:
		return 22050;
	default: /* G.722 says 8000 although it samples at 16000 (RFC 3551 4.5.2) */
		return pt <= 18 ? 8000 : 0;
	}
}

static uint32_t run_expected(const struct rtp_source *s)
{
	return s->cycles + s->max_seq - s->base_seq + 1;
}

/* Duplicates can make more arrive than was expected: then nothing is lost. */
static uint32_t run_lost(const struct rtp_source *s)
{
	uint32_t expected = run_expected(s);

	return s->has_started && expected > s->received ? expected - s->received : 0;
}

static void run_start(struct rtp_source *s, uint16_t seq)
{
	s->lost_before += run_lost(s);
	s->base_seq = seq;
	s->max_seq = seq;
	s->bad_seq = SEQ_MOD + 1; /* so that seq == bad_seq is false */
	s->cycles = 0;
	s->received = 1;
	s->has_started = true;
}

static void count_seq(struct rtp_source *s, uint16_t seq)
{
	uint16_t delta = (uint16_t)(seq - s->max_seq);

	if (delta < MAX_DROPOUT) {
		if (seq < s->max_seq)
			s->cycles += SEQ_MOD;
		s->max_seq = seq;
	} else if (delta <= SEQ_MOD - MAX_MISORDER) {
		/* A jump: believed only when the next packet continues it. */
		if (seq != s->bad_seq) {
			s->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
			return;
		}
		run_start(s, seq);
		return;
	}
	s->received++;
}

/* Packets that share a timestamp (one digit, one picture) would count how long the sender took, not the network. */
static void count_jitter(struct rtp_source *s, const struct rtp_head *h, uint32_t clock_hz,
			 uint64_t now_us)
{
	uint32_t arrival, transit;
	int32_t d;

	if (!clock_hz || (s->has_transit && h->ts == s->ts))
		return;
	arrival = (uint32_t)(now_us * clock_hz / 1000000);
	transit = arrival - h->ts;
	if (s->has_transit && s->clock_hz == clock_hz) {
		d = (int32_t)(transit - s->transit);
		if (d < 0)
			d = d == INT32_MIN ? INT32_MAX : -d;
		/* A timestamp that starts anew is no jitter. */
		if ((uint32_t)d < 10 * clock_hz)
			s->jitter16 += (uint32_t)d - ((s->jitter16 + 8) >> 4);
	} else if (s->clock_hz != clock_hz) {
		s->jitter16 = 0;
	}
	s->clock_hz = clock_hz;
	s->transit = transit;
	s->ts = h->ts;
	s->has_transit = true;
}

void rtp_source_hear(struct rtp_source *s, const struct rtp_head *h, uint32_t clock_hz,
		     uint64_t now_us)
{
	if (!s->has_started || s->ssrc != h->ssrc) {
		run_start(s, h->seq);
		s->ssrc = h->ssrc;
		s->has_transit = false;
	} else {
		count_seq(s, h->seq);
	}
	count_jitter(s, h, clock_hz, now_us);
}

uint32_t rtp_source_lost(const struct rtp_source *s)
{
	uint64_t lost = s->lost_before + run_lost(s);

	return lost > UINT32_MAX ? UINT32_MAX : (uint32_t)lost;
}

uint32_t rtp_source_jitter_us(const struct rtp_source *s)
{
	if (!s->clock_hz)
		return 0;
	return (uint32_t)((uint64_t)(s->jitter16 >> 4) * 1000000 / s->clock_hz);
}
