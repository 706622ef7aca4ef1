/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A media thread from inside: its loop and its packets (worker.c), and the messages that it carries out (orders.c).
 *
 * Thread     the worker's, but for what is marked
 * Ownership  a session that is taken in is the worker's; what a message carries is taken
 */
#ifndef MEDIA_WORKER_IMPL_H
#define MEDIA_WORKER_IMPL_H

#include "media/secure.h"
#include "media/session.h"
#include "media/sound.h"

enum { PACKET_BYTES = 65536 };

struct worker {
	struct worker_shared *shared;
	struct thread *thread;
	struct ring *ring;
	int epfd;
	bool is_stopping, has_more; /* messages left from this turn */
	bool is_packets_turn;	    /* the last one was for messages, and packets waited */
	struct map sessions;
	struct link all;
	uint64_t now_us, sweep_us, tick_us;
	uint64_t wall_us; /* now, as the kernel stamps packets: of the last tick */
	struct sounds sounds;
	uint64_t swept_us, cpu_us; /* of the last sweep */
	_Atomic unsigned busy_permille;
	uint64_t relayed, refused;		     /* since the last sweep */
	bool is_unwoken __attribute__((aligned(8))); /* core: something was posted quietly */
	_Atomic unsigned nnew;			     /* sessions given and not yet taken in */
	uint8_t packet[PACKET_BYTES + SECURE_TRAILER_BYTES] __attribute__((aligned(8)));
};

/* worker.c: what is new of a stream is told, sent, or done. */
void worker_report(struct worker *w, struct stream *st);

/* orders.c */
void worker_command(struct worker *w, const struct worker_msg *msg);
void worker_loaded(struct worker *w, const struct files_done *done);
void worker_move_out(struct worker *w, oid id);
void worker_adopt(struct worker *w, struct worker_session *s);

#endif
