/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a relay must know of RTP and RTCP: is it one, which source and sequence, and the receiver's arithmetic of loss
 * and jitter.  Pure: bytes and time come in as arguments.
 *
 * Thread     any; one owner of a struct rtp_source
 * Units      arrival in microseconds; jitter kept in clock ticks times 16, as RFC 3550 A.8 does
 * Errors     EBADMSG: not readable as RTP or RTCP
 * Sources    RFC 3550 5.1, 6.4, A.1 (sequence), A.3 (loss), A.8 (jitter); RFC 3551 6 (clocks); RFC 5761 4 (mux)
 */
#ifndef MEDIA_RTP_H
#define MEDIA_RTP_H

#include "base/defs.h"

enum { RTP_HEAD_BYTES = 12, RTCP_MIN_BYTES = 8 };

struct rtp_head {
	uint8_t pt;
	bool marker;
	uint16_t seq;
	uint32_t ts, ssrc;
	size_t at, n; /* the payload: without header, extension, padding */
};

static inline uint16_t rtp_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t rtp_get32(const uint8_t *p)
{
	return (uint32_t)rtp_get16(p) << 16 | rtp_get16(p + 2);
}

static inline void rtp_put16(uint8_t *p, uint16_t x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static inline void rtp_put32(uint8_t *p, uint32_t x)
{
	rtp_put16(p, (uint16_t)(x >> 16));
	rtp_put16(p + 2, (uint16_t)x);
}

/* A packet of header alone is one (phones keep a hole in the NAT open with it). */
int rtp_read(struct rtp_head *h, const uint8_t *p, size_t n) MUST_USE;
void rtp_write(const struct rtp_head *h, uint8_t p[RTP_HEAD_BYTES]); /* at and n do not matter */
/* Every packet of the compound has version 2 and ends inside the datagram. */
int rtcp_check(const uint8_t *p, size_t n) MUST_USE;

/* On a socket that carries both: payload types 64 to 95 (second byte 192 to 223) are RTCP. */
static inline bool rtp_is_rtcp(const uint8_t *p, size_t n)
{
	return n >= 2 && (p[1] & 0x7f) >= 64 && (p[1] & 0x7f) <= 95;
}

/* Clock of a static payload type; 0 for dynamic ones and those of no use. */
uint32_t rtp_static_clock_hz(uint8_t pt);

struct rtp_source { /* zeroed: nothing heard */
	bool has_started, has_transit;
	uint16_t max_seq;
	uint32_t ssrc;
	uint32_t cycles, base_seq, bad_seq, received;
	uint32_t transit, ts, jitter16;
	uint32_t clock_hz;    /* of the packet before */
	uint64_t lost_before; /* of sources and runs that ended */
};

/* clock_hz 0: unknown, the packet does not count for jitter. */
void rtp_source_hear(struct rtp_source *s, const struct rtp_head *h, uint32_t clock_hz,
		     uint64_t now_us);
uint32_t rtp_source_lost(const struct rtp_source *s);
uint32_t rtp_source_jitter_us(const struct rtp_source *s);

#endif
