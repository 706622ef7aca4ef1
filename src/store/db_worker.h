/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread of the store with its queue of requests.  It sleeps until there is one, or until `idle_ms` have passed.
 *
 * Thread     db_worker_start, db_worker_stop: main; db_db_worker_post: any; db_worker_next, db_worker_stopping: the worker
 * Ownership  a request posted is the worker's; those left at stop are freed unanswered
 * Errors     ENOBUFS: the queue is full
 */
#ifndef STORE_DB_WORKER_H
#define STORE_DB_WORKER_H

#include <stdatomic.h>
#include "base/thread.h"
#include "store/store.h"

struct db_worker {
	struct ring *queue;
	struct thread *thread;
	int stop_fd;
	_Atomic bool is_stopping;
};

int db_worker_start(struct db_worker *w, const char *name, enum thread_role role, size_t slots,
		    thread_main_h *fn, void *arg) MUST_USE;
void db_worker_stop(struct db_worker *w); /* waits for the thread; fine when never started */
int db_worker_post(struct db_worker *w, const struct store_request *req) MUST_USE;
/* For one that takes no requests: db_worker_next() ends its sleep. */
void db_worker_nudge(struct db_worker *w);

/* Waits for a request.  false: none (idle_ms have passed, or the worker stops). */
bool db_worker_next(struct db_worker *w, struct store_request *req, int idle_ms);
/* Sleeps, but not through a stop. */
void db_worker_pause(struct db_worker *w, int ms);
bool db_worker_stopping(const struct db_worker *w);

#endif
