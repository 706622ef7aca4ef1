/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One stream connection, as its files share it: conn.c (life and deadlines), conn_tx.c (writing), conn_rx.c (reading),
 * conn_ws.c (what a WebSocket does otherwise).
 *
 *   CONNECTING ─────────────→ OPEN ──→ FLUSHING ──→ LINGERING ──→ (closed)
 *      ↓                      ↗ ↗ └───→ DRAINING ──────↗
 *   SECURING ─────────────────╱ ╱
 *      └──────→ UPGRADING ──────
 *
 * SECURING   the TLS hand-shake; of one that came in the core knows nothing yet
 * UPGRADING  a WebSocket's hand-shake; the core knows nothing of it yet
 * DRAINING   nothing more is taken from it: what came cannot be framed, or its peer has shut its side.  The core has been told,
 *            behind what was whole, and says when its answers to that are all queued
 * FLUSHING   the core is done with it; what is queued still leaves
 * LINGERING  all is written and our side shut.  Closing now, with bytes unread, would send a reset that can overtake our
 *            last message; so the peer gets a moment to close
 *
 * Thread     flow: the one that owns it
 */
#ifndef NET_CONN_PRIV_H
#define NET_CONN_PRIV_H

#include "net/flows_priv.h"
#include "net/frame.h"
#include "net/tls.h"
#include "web/websocket.h"

enum conn_state {
	CONN_CONNECTING,
	CONN_SECURING,
	CONN_UPGRADING,
	CONN_OPEN,
	CONN_DRAINING,
	CONN_FLUSHING,
	CONN_LINGERING
};

struct conn_ws {
	struct websocket socket;
	uint64_t second_ms; /* pings are counted since */
	unsigned npings;
	bool has_farewell; /* else 1000 */
	uint8_t farewell[WEBSOCKET_MAX_CONTROL];
	size_t nfarewell;
};

struct conn {
	struct map_node node;
	struct link all, paused;
	struct flows *f;
	oid id;
	enum conn_state st;
	enum flow_transport transport;
	uint32_t listener; /* 0: we connected */
	struct addr local, remote;
	int fd;
	struct tls *tls;    /* NULL: plain */
	struct conn_ws *ws; /* NULL: none */
	struct loop_fd *watch;
	unsigned watched;
	struct frame frame;
	uint8_t *rx; /* an unfinished message */
	size_t nrx, rx_cap;
	struct blob *tx_first, **tx_end;
	size_t ntx;
	bool is_congested;
	bool has_spoken;     /* a whole message has come */
	bool is_shut;	     /* the peer sends no more */
	bool is_held;	     /* something goes on over it: never idle */
	uint64_t since_ms;   /* in this state */
	uint64_t traffic_ms; /* last byte either way */
	uint64_t begun_ms;   /* first byte of the unfinished message; 0: none */
	uint64_t written_ms; /* last progress of writing */
	uint64_t keep_until_ms;
	struct timer deadline;
	struct flow_told *last_words; /* so that its end can always be told */
};

/* What is sent waits. */
static inline bool conn_is_beginning(const struct conn *c)
{
	return c->st == CONN_CONNECTING || c->st == CONN_SECURING;
}

/* conn.c */
struct flow_evt conn_about(const struct conn *c, enum flow_evt_kind kind);
void conn_enter(struct conn *c, enum conn_state st);
void conn_log_end(const struct conn *c, const char *why);
/* err 0: nothing was lost.  The connection is gone when this returns. */
void conn_end(struct conn *c, int err);
int conn_tell_opened(struct conn *c) MUST_USE; /* from now on the core knows it */
/* Watch the descriptor and the clock as the state wants it.  False: it has ended. */
bool conn_watch(struct conn *c);

/* conn_tx.c */
void conn_queue(struct conn *c, struct blob *b); /* takes b */
/* Write, and go on to what follows when all is written.  False: it has ended. */
bool conn_flush(struct conn *c);
/* Nothing more is taken; what is queued still leaves. */
void conn_flush_and_end(struct conn *c);

/* conn_rx.c */
void conn_read(struct conn *c); /* may end it */
/* Nothing more is taken, and the core is asked to close it. */
int conn_drain(struct conn *c) MUST_USE;
/* Hand a message to the core. */
int conn_deliver(struct conn *c, const void *p, size_t n) MUST_USE;

/* conn_ws.c */
int conn_ws_begin(struct conn *c) MUST_USE;
void conn_ws_free(struct conn *c);
/* Take what is whole of the n bytes at p: the hand-shake, then frames; *atp is moved behind it.  An errno ends c; EPROTO:
 * after what is queued has left. */
int conn_ws_consume(struct conn *c, uint8_t *p, size_t n, size_t *atp) MUST_USE;
/* The head of its frame goes before a message; the blob has room for it. */
void conn_ws_dress(struct blob *b);
void conn_ws_say_goodbye(struct conn *c);

#endif
