/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "store/db_worker.h"

int db_worker_start(struct db_worker *w, const char *name, enum thread_role role, size_t slots,
		    thread_main_h *fn, void *arg)
{
	int err;

	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->stop_fd < 0)
		return errno;
	err = ring_alloc(&w->queue, slots, sizeof(struct store_request));
	if (!err)
		err = thread_start(&w->thread, name, role, fn, arg);
	return err;
}

void db_worker_stop(struct db_worker *w)
{
	struct store_request req;

	if (!w->queue)
		return;
	atomic_store(&w->is_stopping, true);
	if (eventfd_write(w->stop_fd, 1)) {
		/* cannot fail: the counter is far from its limit */
	}
	w->thread = thread_join(w->thread);
	while (ring_pop(w->queue, &req))
		free(req.json);
	w->queue = ring_free(w->queue);
	close(w->stop_fd);
}

int db_worker_post(struct db_worker *w, const struct store_request *req)
{
	return ring_push(w->queue, req);
}

void db_worker_nudge(struct db_worker *w)
{
	static const struct store_request nothing;

	if (ring_push(w->queue, &nothing)) {
		/* full: it has been nudged */
	}
}

bool db_worker_stopping(const struct db_worker *w)
{
	return atomic_load_explicit(&w->is_stopping, memory_order_relaxed);
}

bool db_worker_next(struct db_worker *w, struct store_request *req, int idle_ms)
{
	struct pollfd fds[2] = {{.fd = ring_fd(w->queue), .events = POLLIN},
				{.fd = w->stop_fd, .events = POLLIN}};

	if (db_worker_stopping(w))
		return false;
	if (ring_pop(w->queue, req))
		return true;
	if (poll(fds, ARRAY_LEN(fds), idle_ms) <= 0)
		return false;
	ring_woken(w->queue);
	return !db_worker_stopping(w) && ring_pop(w->queue, req);
}

void db_worker_pause(struct db_worker *w, int ms)
{
	struct pollfd fd = {.fd = w->stop_fd, .events = POLLIN};

	(void)poll(&fd, 1, ms);
}
