/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that wait until the core has applied what was committed.
 *
 * A ticket is taken by the writer, travels as the token of the changes, and is punched by the core once a change; the last
 * punch sends the answer.  No lock: a slot belongs to the writer until its changes are pushed, then to the core.
 *
 * Thread     ticket_take, ticket_retry: writer; ticket_punch: core
 * Ownership  the answer's JSON moves with it
 * Errors     ENOSPC: too many answers wait
 */
#ifndef STORE_TICKET_H
#define STORE_TICKET_H

#include <stdatomic.h>
#include "store/store.h"

enum { TICKETS = 1024 };

enum ticket_state { TICKET_FREE, TICKET_WAITS, TICKET_LATE /* the asker's ring was full */ };

struct ticket {
	_Atomic int state;
	_Atomic uint32_t left; /* changes to apply */
	uint32_t generation;
	struct ring *reply_to;
	struct store_reply reply;
};

struct tickets {
	struct ticket v[TICKETS];
	size_t next;
	_Atomic uint32_t nlate;
};

int ticket_take(struct tickets *ts, struct ring *reply_to, const struct store_reply *reply,
		uint32_t nchanges, uint64_t *tokenp) MUST_USE;
void ticket_punch(struct tickets *ts, uint64_t token);
void ticket_retry(struct tickets *ts); /* answers that found their ring full */
void ticket_drop_all(struct tickets *ts);

#endif
