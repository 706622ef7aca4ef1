/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of a flow thread share.
 *
 * Thread     flow: the one that owns it
 */
#ifndef NET_FLOWS_PRIV_H
#define NET_FLOWS_PRIV_H

#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "net/flows.h"

enum { SCRATCH_BYTES = 65536 };

struct acceptor;

struct flows {
	struct flows_shared *shared;
	unsigned index;
	struct loop *loop;
	struct ring *commands;
	struct loop_fd *commands_watch;
	struct thread *thread;
	struct map by_id; /* struct conn */
	struct link conns;
	struct link paused; /* connections not read until the core has caught up */
	struct link acceptors;
	unsigned next_thread; /* round robin for accepted connections */
	struct flow_told *told_first, **told_end;
	struct timer retry;
	size_t nended; /* connections since memory was given back to the system */
	struct timer give_back;
	uint8_t scratch[SCRATCH_BYTES];
};

uint64_t flows_now_ms(const struct flows *f);
/* Tell the core, in order, never lost: what finds the ring full waits in `spare` (taken; NULL: one is made).
 * ENOMEM: not told; the blob is still the caller's. */
int flows_tell(struct flows *f, const struct flow_evt *evt, struct flow_told *spare) MUST_USE;
/* A connection is gone with all it had. */
void flows_ended_one(struct flows *f);
/* The core does not keep up: read nothing more; flows_pause() brings the connection back when it does. */
bool flows_blocked(const struct flows *f);
void flows_pause(struct flows *f, struct link *paused);

int acceptor_open(struct flows *f, int fd, enum flow_transport t, uint32_t listener) MUST_USE;
void acceptor_close(struct flows *f, uint32_t listener);
void acceptors_close(struct flows *f);

/* conn.c.  Descriptor, spare and the guard's count are taken; on failure they are given back and, when a number was
 * promised, the core is told. */
void conn_adopt(struct flows *f, const struct flow_cmd *cmd);
void conn_connect(struct flows *f, const struct flow_cmd *cmd);
struct conn *conn_find(struct flows *f, oid id);
void conn_send(struct conn *c, struct blob *b); /* takes b; may end c */
void conn_finish(struct conn *c);		/* after what was sent has left; may end c */
void conn_keep(struct conn *c, uint32_t seconds);
void conn_hold(struct conn *c, bool is_held);
void conn_resume(struct conn *c); /* read again */
void conns_drop_all(struct flows *f);
struct conn *conn_of_paused(struct link *l);

#endif
