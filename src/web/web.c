/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server around the connections: listeners, limits, the thread, rings from other threads.
 */
#include "web/conn.h"
#include "base/log.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_MS = 100, BACKLOG = 512 };

struct str web_header(const struct web_request *req, const char *name)
{
	return http_field(req->head, name, NULL);
}

size_t web_header_count(const struct web_request *req, const char *name)
{
	size_t n;

	http_field(req->head, name, &n);
	return n;
}

struct env web_env(struct web *w)
{
	return (struct env){
		.clock = loop_clock(w->loop), .wheel = loop_wheel(w->loop), .rng = rng_system()};
}

int web_reply(struct web *w, oid request, const struct web_response *resp)
{
	struct conn *c;

	ON_THREAD(THREAD_WEB);
	c = ids_get(w->requests, request);
	if (!c)
		return ENOENT;
	conn_reply(c, resp);
	return 0;
}

int web_more(struct web *w, oid request, struct str piece, bool is_last)
{
	struct conn *c;

	ON_THREAD(THREAD_WEB);
	c = ids_get(w->requests, request);
	if (!c)
		return ENOENT;
	conn_more(c, piece, is_last);
	return 0;
}

size_t web_unsent(struct web *w, oid request)
{
	const struct conn *c = ids_get(w->requests, request);

	return c ? c->out.n - c->out_at : 0;
}

static size_t conns_from(const struct web *w, const struct addr *remote)
{
	size_t n = 0;

	LIST_EACH (it, &w->conns) {
		const struct conn *c = CONTAINER_OF(it, struct conn, link);

		n += !c->is_local && addr_ip_eq(&c->remote, remote);
	}
	return n;
}

/* Walks the connections only when many are open, so that an accept is cheap in normal times. */
static bool is_over_limit(const struct web *w, bool is_local, const struct addr *remote)
{
	size_t max = w->conf.max_conns ? w->conf.max_conns : 1024;
	size_t per_ip = w->conf.max_conns_per_ip ? w->conf.max_conns_per_ip : 256;

	if (is_local)
		return w->nlocal >= WEB_LOCAL_CONNS;
	if (w->ntcp >= max)
		return true;
	return w->ntcp >= per_ip && conns_from(w, remote) >= per_ip;
}

static void on_accept(int fd, unsigned events, void *arg);

static void resume(struct timer *t, void *arg)
{
	struct web_listener *l = arg;

	if (loop_watch(&l->watch, l->w->loop, l->fd, LOOP_READ, on_accept, l))
		timer_start(loop_wheel(l->w->loop), &l->pause, PAUSE_MS, resume, l);
}

static void accept_one(struct web_listener *l, int fd, const struct sockaddr_storage *ss)
{
	static const char full[] =
		"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n";
	struct addr remote = {0};
	int one = 1;

	if (!l->is_local) {
		if (addr_from_sockaddr(&remote, (const struct sockaddr *)ss)) {
			close(fd);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (is_over_limit(l->w, l->is_local, &remote)) {
		log_warn(NULL, LOGID_OVERLOAD, "HTTP: too many connections, one refused");
		/* A fresh socket's buffer takes it; who does not get it sees the close. */
		if (send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			log_debug(NULL, LOGID_NET, "HTTP: refused connection was gone");
		close(fd);
		return;
	}
	if (conn_open(l->w, fd, l->is_local, &remote))
		close(fd);
}

static void on_accept(int lfd, unsigned events, void *arg)
{
	struct web_listener *l = arg;

	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		int fd = accept4(lfd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(l, fd, &ss);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The listener stays readable: look away for a moment instead of spinning. */
			log_error(NULL, LOGID_OVERLOAD,
				  "HTTP: no descriptors or memory for a connection");
			l->watch = loop_unwatch(l->watch);
			timer_start(loop_wheel(l->w->loop), &l->pause, PAUSE_MS, resume, l);
			return;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
	}
}

static int listen_tcp(struct web *w, struct addr *bound)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&w->conf.listen, &ss);
	int one = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	w->tcp.fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return errno;
	if (ss.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return errno;
	if (bind(fd, (struct sockaddr *)&ss, n) || listen(fd, BACKLOG))
		return errno;
	n = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &n))
		return errno;
	if (bound)
		return addr_from_sockaddr(bound, (struct sockaddr *)&ss);
	return 0;
}

/* A socket that nobody listens on any more is removed; anything else that lies there is not ours to remove. */
static int remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sun->sun_path, &st))
		return errno == ENOENT ? 0 : errno;
	if (!S_ISSOCK(st.st_mode))
		return EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = EADDRINUSE;
	else if (errno != ECONNREFUSED)
		err = errno;
	close(fd);
	if (!err && unlink(sun->sun_path))
		err = errno;
	return err;
}

static int listen_local(struct web *w, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t before;
	int err;

	if (str_copy(sun.sun_path, sizeof(sun.sun_path), str_of(path)))
		return ENAMETOOLONG;
	err = remove_stale(&sun);
	if (err)
		return err;
	w->local.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->local.fd < 0)
		return errno;
	/* Under umask, not chmod afterwards: there is no instant at which others could connect. */
	before = umask(0177);
	err = bind(w->local.fd, (struct sockaddr *)&sun, sizeof(sun)) ? errno : 0;
	umask(before);
	if (err)
		return err;
	if (lstat(sun.sun_path, &st) || listen(w->local.fd, BACKLOG))
		return errno;
	w->unix_ino = st.st_ino;
	return str_copy(w->unix_path, sizeof(w->unix_path), str_of(sun.sun_path));
}

static int watch_listener(struct web *w, struct web_listener *l)
{
	return l->fd < 0 ? 0 : loop_watch(&l->watch, w->loop, l->fd, LOOP_READ, on_accept, l);
}

int web_open(struct web **wp, const struct web_conf *conf, struct addr *bound)
{
	struct web *w;
	int err;

	if (!wp || !conf || !conf->fn)
		return EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return ENOMEM;
	w->conf = *conf;
	w->tcp = (struct web_listener){.w = w, .fd = -1};
	w->local = (struct web_listener){.w = w, .fd = -1, .is_local = true};
	list_init(&w->conns);
	list_init(&w->watches);

	err = loop_alloc(&w->loop, clock_real());
	if (!err)
		err = ids_alloc(&w->requests,
				(conf->max_conns ? conf->max_conns : 1024) + WEB_LOCAL_CONNS);
	if (!err)
		err = ids_alloc(&w->sockets,
				(conf->max_conns ? conf->max_conns : 1024) + WEB_LOCAL_CONNS);
	if (!err && conf->listen.family)
		err = listen_tcp(w, bound);
	if (!err && conf->unix_path)
		err = listen_local(w, conf->unix_path);
	if (!err)
		err = watch_listener(w, &w->tcp);
	if (!err)
		err = watch_listener(w, &w->local);
	if (err)
		w = web_close(w);
	else
		*wp = w;
	return err;
}

static void on_ring(int fd, unsigned events, void *arg)
{
	struct web_watch *watch = arg;

	ring_woken(watch->ring);
	while (ring_pop(watch->ring, watch->msg))
		watch->fn(watch->msg, watch->arg);
}

int web_watch_ring(struct web *w, struct ring *ring, size_t msg_bytes, web_message_h *fn, void *arg)
{
	struct web_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return ENOMEM;
	*watch = (struct web_watch){
		.w = w, .ring = ring, .fn = fn, .arg = arg, .msg = calloc(1, msg_bytes)};
	list_append(&w->watches, &watch->link);
	if (!watch->msg)
		return ENOMEM;
	err = loop_watch(&watch->fd, w->loop, ring_fd(ring), LOOP_READ, on_ring, watch);
	return err;
}

static void web_main(void *arg)
{
	struct web *w = arg;

	loop_run(w->loop);
}

int web_start(struct web *w)
{
	return thread_start(&w->thread, "web", THREAD_WEB, web_main, w);
}

static void close_listener(struct web_listener *l)
{
	timer_cancel(&l->pause);
	l->watch = loop_unwatch(l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void remove_socket(const struct web *w)
{
	struct stat st;

	/* Only if it is still ours: a newer process may have put its own there. */
	if (w->unix_path[0] && !lstat(w->unix_path, &st) && st.st_ino == w->unix_ino &&
	    unlink(w->unix_path))
		log_warn(NULL, LOGID_NET, "cannot remove %s", w->unix_path);
}

void web_stop(struct web *w)
{
	if (!w || !w->thread)
		return;
	loop_stop(w->loop);
	w->thread = thread_join(w->thread);
}

struct web *web_close(struct web *w)
{
	if (!w)
		return NULL;
	web_stop(w);
	if (w->loop) {
		close_listener(&w->tcp);
		close_listener(&w->local);
	}
	remove_socket(w);
	LIST_EACH_SAFE (it, tmp, &w->conns) {
		conn_close(CONTAINER_OF(it, struct conn, link));
	}
	LIST_EACH_SAFE (it, tmp, &w->watches) {
		struct web_watch *watch = CONTAINER_OF(it, struct web_watch, link);

		list_remove(&watch->link);
		watch->fd = loop_unwatch(watch->fd);
		free(watch->msg);
		free(watch);
	}
	w->requests = ids_free(w->requests);
	w->sockets = ids_free(w->sockets);
	w->loop = loop_free(w->loop);
	free(w);
	return NULL;
}
