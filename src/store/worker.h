/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread of the store with its queue of requests.  It sleeps until there is one, or until `idle_ms` have passed.
 *
 * Thread     worker_start, worker_stop: main; worker_post: any; worker_next, worker_stopping: the worker
 * Ownership  a request posted is the worker's; those left at stop are freed unanswered
 * Errors     ENOBUFS: the queue is full
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include <stdatomic.h>
#include "base/thread.h"
#include "store/store.h"

struct worker {
	struct ring *queue;
	struct thread *thread;
	int stop_fd;
	_Atomic bool is_stopping;
};

int worker_start(struct worker *w, const char *name, enum thread_role role, size_t slots,
		 thread_main_h *fn, void *arg) MUST_USE;
void worker_stop(struct worker *w); /* waits for the thread; fine when never started */
int worker_post(struct worker *w, const struct store_request *req) MUST_USE;

/* Waits for a request.  false: none (idle_ms have passed, or the worker stops). */
bool worker_next(struct worker *w, struct store_request *req, int idle_ms);
/* Sleeps, but not through a stop. */
void worker_pause(struct worker *w, int ms);
bool worker_stopping(const struct worker *w);

#endif
