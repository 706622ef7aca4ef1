/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of WebSocket as pure functions over bytes: the hand-shake, and messages in frames.  Strict where the RFC
 * lets a server be: what it must not send is refused at its first bytes, not when all of it has come.
 *
 * Thread     any; one struct websocket per connection
 * Ownership  a message's payload lies in the bytes it was read from (unmasked there), or in `joined` until the next call
 * Errors     WEBSOCKET_BAD with close_code and why: tell the peer (websocket_close_payload) and end the connection
 * Sources    RFC 6455 4.2, 5, 7.4
 */
#ifndef WEB_WEBSOCKET_H
#define WEB_WEBSOCKET_H

#include "web/http.h"

enum websocket_op {
	WEBSOCKET_OP_MORE = 0x0,
	WEBSOCKET_OP_TEXT = 0x1,
	WEBSOCKET_OP_BINARY = 0x2,
	WEBSOCKET_OP_CLOSE = 0x8,
	WEBSOCKET_OP_PING = 0x9,
	WEBSOCKET_OP_PONG = 0xa,
};

enum { WEBSOCKET_HEAD_BYTES = 10, WEBSOCKET_MAX_CONTROL = 125 };

enum websocket_kind {
	WEBSOCKET_WAIT,	   /* nothing whole yet: call again with more behind the same bytes */
	WEBSOCKET_PART,	   /* a part of a message */
	WEBSOCKET_MESSAGE, /* payload: a whole message */
	WEBSOCKET_PING,	   /* payload: what the pong says */
	WEBSOCKET_PONG,
	WEBSOCKET_CLOSE, /* payload: what our close says in return; close_code what the peer said, or 1005 */
	WEBSOCKET_BAD,
};

struct websocket {	 /* zeroed to start, but for max */
	size_t max;	 /* bytes of a message */
	bool in_message; /* parts have come, the last one has not */
	bool is_text;
	struct buf joined; /* the parts */
	uint16_t close_code;
	const char *why; /* of WEBSOCKET_BAD */
};

/* Answer a request to become a WebSocket; subprotocol empty: none is spoken.  0: out holds the 101.  EBADMSG: out holds the refusal, *statusp its status. */
int websocket_accept(const struct http_head *h, struct str subprotocol, struct buf *out,
		     unsigned *statusp) MUST_USE;
/* A refusal for reasons of the caller's. */
void websocket_refuse(struct buf *out, unsigned status, const char *why);
/* The next frame of the n bytes at p; *take: how many bytes it took. */
enum websocket_kind websocket_next(struct websocket *w, uint8_t *p, size_t n, size_t *take,
				   struct str *payload);
void websocket_free(struct websocket *w); /* what it holds, not itself */

/* The head of a frame of ours; returns its length. */
size_t websocket_head(uint8_t head[WEBSOCKET_HEAD_BYTES], enum websocket_op op, size_t n);
/* The payload of a close; returns its length. */
size_t websocket_close_payload(uint8_t payload[WEBSOCKET_MAX_CONTROL], uint16_t code,
			       const char *why);

#endif
