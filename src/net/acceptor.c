/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets of a flow thread.  What is accepted goes round robin to all flow threads.
 *
 * DESIGN  Over a limit, or without descriptors, the newest is refused and those that are here stay.  Without descriptors the
 * connection cannot even be taken to be closed, and the socket stays readable: so it is left alone for a moment.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "net/flows_priv.h"
#include "net/sock.h"

enum { PER_WAKE = 64, PAUSE_MS = 200 };

struct acceptor {
	struct link link;
	struct flows *f;
	int fd;
	enum flow_transport transport;
	uint32_t listener;
	struct loop_fd *watch;
	struct timer pause;
};

static void go_on(struct timer *t, void *arg)
{
	struct acceptor *a = arg;

	if (loop_watch_change(a->watch, LOOP_READ))
		timer_start(loop_wheel(a->f->loop), t, PAUSE_MS, go_on, a);
}

static void pause_for_a_moment(struct acceptor *a, int err)
{
	log_error(NULL, LOGID_NET,
		  "no connection can be accepted (error %d), trying again in %d ms", err, PAUSE_MS);
	if (loop_watch_change(a->watch, 0))
		return; /* still watched: we are called again, only sooner */
	timer_start(loop_wheel(a->f->loop), &a->pause, PAUSE_MS, go_on, a);
}

static void refuse(const struct addr *from, const char *why)
{
	char text[ADDR_STR_BYTES];

	metric_add(METRIC_CONNECTIONS_REFUSED, 1);
	log_warn(NULL, LOGID_OVERLOAD, "connection from %s refused: %s", addr_ip_str(text, from),
		 why);
}

/* Takes fd. */
static void welcome(struct acceptor *a, int fd, const struct addr *from)
{
	struct flows_shared *shared = a->f->shared;
	struct flow_cmd cmd = {.kind = FLOW_CMD_ADOPT,
			       .fd = fd,
			       .transport = a->transport,
			       .listener = a->listener,
			       .remote = *from};
	int err = guard_enter(shared->guard, from);

	if (err) {
		refuse(from, err == EUSERS ? "as many as one address may have"
					   : "as many as there may be");
		close(fd);
		return;
	}
	cmd.spare = mem_fault() ? NULL : malloc(sizeof(*cmd.spare));
	if (!cmd.spare) {
		refuse(from, "no memory");
		guard_leave(shared->guard, from);
		close(fd);
		return;
	}
	sock_stream_options(fd);
	a->f->next_thread = (a->f->next_thread + 1) % shared->nthreads;
	if (a->f->next_thread == a->f->index) {
		conn_adopt(a->f, &cmd);
	} else if (flows_command(shared->threads[a->f->next_thread], &cmd)) {
		refuse(from, "a flow thread does not keep up");
		guard_leave(shared->guard, from);
		free(cmd.spare);
		close(fd);
	}
}

static void ready(int listening, unsigned events, void *arg)
{
	struct acceptor *a = arg;

	for (int i = 0; i < PER_WAKE; i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		struct addr from;
		int fd = accept4(a->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				return pause_for_a_moment(a, errno);
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			continue; /* gone before it was accepted */
		}
		if (addr_from_sockaddr(&from, (struct sockaddr *)&ss))
			close(fd);
		else
			welcome(a, fd, &from);
	}
}

int acceptor_open(struct flows *f, int fd, enum flow_transport t, uint32_t listener)
{
	struct acceptor *a = mem_fault() ? NULL : calloc(1, sizeof(*a));
	int err;

	if (!a)
		return ENOMEM;
	a->f = f;
	a->fd = fd;
	a->transport = t;
	a->listener = listener;
	err = loop_watch(&a->watch, f->loop, fd, LOOP_READ, ready, a);
	if (err)
		free(a);
	else
		list_append(&f->acceptors, &a->link);
	return err;
}

static void finish(struct acceptor *a)
{
	list_remove(&a->link);
	timer_cancel(&a->pause);
	loop_unwatch(a->watch);
	close(a->fd);
	free(a);
}

void acceptor_close(struct flows *f, uint32_t listener)
{
	LIST_EACH_SAFE (it, next, &f->acceptors) {
		struct acceptor *a = CONTAINER_OF(it, struct acceptor, link);

		if (a->listener == listener)
			finish(a);
	}
}

void acceptors_close(struct flows *f)
{
	LIST_EACH_SAFE (it, next, &f->acceptors)
		finish(CONTAINER_OF(it, struct acceptor, link));
}
