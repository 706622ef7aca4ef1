/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a leg hears is one RTP stream, whoever speaks: the other phone, music, the phone it was transferred to.  The SSRC stays, the
 * sequence and the clock go on.  Phones that lose the voice when the SSRC changes are in use everywhere (a jitter buffer that takes
 * the new sequence for a late one), and SRTP keeps one roll-over counter.
 *
 * As long as the first who spoke speaks, packets pass unchanged.
 *
 * Thread     that of the stream that owns it
 * Units      _us since any start; timestamps in ticks of clock_hz
 * Errors     none: what is not RTP does not come here
 * Sources    RFC 3550 7.3 (a mixer's own source), RFC 6828 (splicing), 6.4 and RFC 4585 6.2.1 (reports speak of it)
 */
#ifndef MEDIA_SPLICE_H
#define MEDIA_SPLICE_H

#include "media/rtp.h"

struct splice { /* zeroed: nothing was sent */
	bool has_begun, is_shifted;
	uint16_t seq, seq_add; /* the highest sent; what is added to those of `from` */
	uint32_t ssrc;	       /* that the leg hears */
	uint32_t from;	       /* that speaks */
	uint32_t ts, ts_add;
	uint64_t sent_us; /* the first packet of that ts */
};

/* An RTP packet on its way to the leg; it is changed in place. */
void splice_pass(struct splice *sp, uint8_t *p, uint32_t clock_hz, uint64_t now_us);

/* A packet that does not go to the leg after all: it shall not look lost. */
void splice_skip(struct splice *sp, const struct rtp_head *h);

/* A compound that rtcp_check() let in, of a leg that hears `hears`, on its way to one that hears `told`.  A change in place. */
void splice_reports(const struct splice *hears, const struct splice *told, uint8_t *p, size_t n);

/* Does the leg know what it hears by this SSRC? */
bool splice_is(const struct splice *sp, uint32_t ssrc);

#endif
