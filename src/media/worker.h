/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A media thread: its sessions, their sockets in one epoll set, and the loop that relays.  Messages come through a ring and
 * each is answered by one event through the ring that all workers share.
 *
 * One turn: wait → read the clock → messages, a bounded number, or else relay what is readable → sweep when due.
 * Messages come first, since a packet may be what they are about (its session, whom it is joined with).  They may close a
 * socket that is readable, so packets wait for the next turn, which is theirs.
 *
 * Thread     worker_post: core; all else behind it runs on the worker's own thread
 * Ownership  a moved session belongs to the message that carries it
 * Errors     worker_post never fails: media.c bounds the commands under way to less than the ring holds
 */
#ifndef MEDIA_WORKER_H
#define MEDIA_WORKER_H

#include <stdatomic.h>
#include "base/ring.h"
#include "media/files.h"
#include "media/media.h"

enum {
	WORKER_MAX_UNANSWERED = 2048, /* commands under way, in all */
	WORKER_MAX_NOTICES =
		1024, /* HEARD and SILENT not yet read by the core; more wait for the next sweep */
	WORKER_MAX_NEW =
		1024, /* sessions and drops given to a worker that it has not yet taken in */
	WORKER_RING_SLOTS =
		4096, /* no less than the first two above; nor, of a worker's, than the first and the last */
};

struct worker;
struct worker_session;
struct stream;

enum worker_msg_type {
	WORKER_COMMAND, /* as posted; ports for GROW.  No OPEN: the core makes the session and gives it */
	WORKER_MOVE_OUT, /* give up the session cmd.session → WORKER_MOVED */
	WORKER_ADOPT,	 /* take it in, new or moved; no answer */
	WORKER_DROP,	 /* close `spare`; no answer */
	WORKER_LOADED,	 /* from the file thread: what a PLAY waits for */
	WORKER_STOP,	 /* close all sessions and end */
};

struct worker_msg { /* core → worker */
	enum worker_msg_type type;
	struct media_cmd cmd;
	uint16_t ports[MEDIA_MAX_STREAMS];
	struct worker_session *adopted;
	struct stream *spare;
	struct files_done loaded;
};

enum worker_event_type {
	WORKER_ANSWER, /* ev answers a command */
	WORKER_NONE,   /* ev answers a command that the core refused: no worker knows of it */
	WORKER_NOTICE, /* ev says something unasked */
	WORKER_CLASH,  /* ports[clash] of a GROW is used by another program */
	WORKER_MOVED,  /* the session has left its thread; moved NULL: it was closed before */
};

struct worker_event { /* worker → core */
	enum worker_event_type type;
	struct media_event ev;
	uint8_t clash;
	struct worker_session *moved;
	uint8_t nspares; /* ANSWER to a CLOSE: sockets left open, still watched by the worker */
	struct stream *spares[MEDIA_MAX_STREAMS];
};

struct worker_shared { /* by all workers and the core */
	struct ring *events;
	_Atomic unsigned notices; /* in the ring */
	_Atomic unsigned
		nspares; /* pairs of sockets left open, with those that the core has not heard of yet */
	unsigned max_spares;
	struct dtls_identity *identity;
	bool is_polled; /* the core looks into the ring each turn: see media_turn() */
	struct files *files;
};

int worker_start(struct worker **wp, struct worker_shared *shared, unsigned number) MUST_USE;
struct worker *worker_stop(struct worker *w); /* waits for its end; NULL allowed */
void worker_post(struct worker *w, const struct worker_msg *msg);
/* The same without waking it: it is woken by worker_wake(), by the next worker_post(), or by a packet, and then takes
 * messages before packets. */
void worker_post_quietly(struct worker *w, const struct worker_msg *msg);
/* The file thread: as many as PLAYs wait for it, so there is room. */
void worker_deliver(struct worker *w, const struct files_done *loaded);
bool worker_notice(struct worker_shared *shared,
		   const struct media_event *ev); /* any thread; false: too many unread */
void worker_wake(struct worker *w);		  /* when anything was posted quietly */
bool worker_has_room(const struct worker *w);	  /* for one new session more */
unsigned
worker_busy_permille(const struct worker *w); /* any thread: of one CPU, over the last sweep */
void worker_session_free(struct worker_session *s); /* one that no worker has: closes its sockets */

#endif
