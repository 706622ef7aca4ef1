/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core and the flow threads say to each other: plain values through rings; bytes go as owned blobs.
 *
 * A connection is named by a number that is never used again, drawn from one counter: 0 is none.
 *
 * Ownership  who takes a message out of a ring owns its blob and its descriptor
 */
#ifndef NET_FLOW_MSGS_H
#define NET_FLOW_MSGS_H

#include "base/flow.h"

struct blob {
	struct blob *next;
	size_t n, off;	   /* off: how much has been written */
	uint64_t heard_ms; /* when it was complete: monotonic */
	uint8_t p[];
};

struct blob *blob_new(const void *p,
		      size_t n) MUST_USE; /* NULL without memory; p NULL: to be filled */
/* For a stream of this transport: with room before the bytes for what it wraps them in; off stands behind that. */
struct blob *blob_new_for(enum flow_transport t, const void *p, size_t n) MUST_USE;
struct blob *blob_free(struct blob *b);

enum { BLOB_ROOM = 4 }; /* a WebSocket frame of at most 65535 bytes */

/* clang-format off */
enum flow_cmd_kind { /* core → flow thread */
	FLOW_CMD_LISTEN,   /* fd, transport, listener */
	FLOW_CMD_UNLISTEN, /* listener */
	FLOW_CMD_ADOPT,    /* fd, transport, listener, remote, spare: an accepted connection, from another flow thread */
	FLOW_CMD_CONNECT,  /* conn, transport, local, remote, spare, whom */
	FLOW_CMD_SEND,     /* conn, blob */
	FLOW_CMD_CLOSE,    /* conn: after what was sent has left */
	FLOW_CMD_KEEP,     /* conn, seconds */
	FLOW_CMD_HOLD,     /* conn, is_held */
};
/* clang-format on */

struct flow_cmd {
	enum flow_cmd_kind kind;
	enum flow_transport transport;
	int fd;
	uint32_t listener, whom;
	uint32_t seconds;
	bool is_held;
	oid conn;
	struct addr local, remote;
	struct blob *blob;
	struct flow_told *spare; /* room to tell the connection's end, whatever the memory then */
};

enum flow_evt_kind {		      /* flow thread → core */
		     FLOW_EVT_OPENED, /* accepted, or connected: thread, transport, listener, local, remote */
		     FLOW_EVT_RECEIVED,	 /* blob: one message */
		     FLOW_EVT_CONGESTED, /* the peer does not read: send no more … */
		     FLOW_EVT_RELIEVED,	 /* … until now */
		     FLOW_EVT_DRAINING,	 /* nothing more comes: to be closed behind the answers */
		     FLOW_EVT_CLOSED, /* err: 0 when nothing was lost; the last that is heard of it */
};

struct flow_evt {
	enum flow_evt_kind kind;
	enum flow_transport transport;
	uint32_t listener;
	unsigned thread;
	int err;
	oid conn;
	struct addr local, remote;
	struct blob *blob;
};

struct flow_told { /* an event that found the ring full, in the list of those that wait */
	struct flow_told *next;
	struct flow_evt evt;
};

#endif
