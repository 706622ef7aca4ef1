/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our own RTCP, towards legs that we speak to ourselves: how they are received, what was sent to them, and a BYE at the end.  What is
 * only relayed brings its own.
 *
 * Thread     the media thread that has the stream
 * Units      _us; NTP time in what is sent
 * Sources    RFC 3550 6.2 (when), 6.4 (reports), 6.5 (CNAME), 6.6, A.3; RFC 7022 (a CNAME of no meaning)
 */
#ifndef MEDIA_REPORTS_H
#define MEDIA_REPORTS_H

#include "media/relay.h"

enum { REPORTS_MAX_BYTES = 128, REPORTS_EVERY_US = 5000000 };

struct reports { /* zero: none was sent */
	uint64_t next_us;
	uint32_t received, expected; /* at the last one */
	bool has_sent;
};

struct reports_sent { /* by us */
	uint32_t ssrc, ts, packets, bytes;
};

/* One that is due goes into p (room for SECURE_TRAILER_BYTES more behind it); 0: none is. */
size_t reports_due(struct reports *r, const struct stream *s, const struct reports_sent *sent,
		   uint64_t now_us, uint8_t *p);
/* The last word; 0: nothing was ever said. */
size_t reports_end(struct reports *r, const struct stream *s, const struct reports_sent *sent,
		   uint8_t *p);

#endif
