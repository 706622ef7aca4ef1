/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where SIP messages begin and end in a stream of bytes.  A pure function: the caller keeps the bytes.
 *
 * Thread     any; one struct frame per stream
 * Errors     FRAME_BAD with frame.why; the stream cannot go on
 * Sources    RFC 3261 7.5, 18.3, 20.14; RFC 5626 3.5.1 (CRLF keep-alive)
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/str.h"

enum { FRAME_MAX_BYTES = 65535 };

enum frame_kind {
	FRAME_MORE,    /* nothing whole yet: call again with more behind the same bytes */
	FRAME_SKIP,    /* *take bytes mean nothing (CRLF between messages) */
	FRAME_PING,    /* *take bytes: CRLFCRLF, to be answered with CRLF */
	FRAME_MESSAGE, /* *take bytes are one message */
	FRAME_LAST, /* *take bytes are a header that does not say, or says twice, how long its body is, or one of more than
			* FRAME_MAX_BYTES: hand it over to be refused, then end the stream, for nobody knows where the next message
			* begins, or wants to wait for it */
	FRAME_BAD,  /* not SIP, or a header larger than FRAME_MAX_BYTES */
};

struct frame {		 /* zeroed to start */
	size_t seen;	 /* bytes looked at */
	size_t line;	 /* where the current line begins */
	bool is_sip;	 /* the first line has been checked */
	size_t total;	 /* once the header is complete: its length and the body's; 0 before */
	const char *why; /* of FRAME_BAD */
};

/* Look at the n bytes at p, which begin where the last one ended. */
enum frame_kind frame_next(struct frame *f, const uint8_t *p, size_t n, size_t *take);
/* Do these bytes (after FRAME_MORE) begin a message, rather than being half a keep-alive? */
static inline bool frame_begun(const uint8_t *p, size_t n)
{
	return n && p[0] != '\r';
}

#endif
