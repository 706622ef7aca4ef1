/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ldap/ldap.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ldap/inside.h"

enum { ORDERS = 64, REPLIES = 2048, ACCEPTS_PER_TURN = 64, PAUSE_MS = 100 };

struct order {
	bool is_leave;
	struct ldap_door door;
};

uint64_t ldap_now_ms(const struct ldap *l)
{
	return clock_mono_ms(loop_clock(l->loop));
}

/* ---- listeners ---- */

static size_t conns_from(const struct ldap *l, const struct addr *remote)
{
	size_t n = 0;

	LIST_EACH (it, &l->conns)
		n += addr_ip_eq(&CONTAINER_OF(it, struct ldap_conn, link)->remote, remote);
	return n;
}

static bool is_over_limit(const struct ldap *l, const struct addr *remote)
{
	return l->nconns >= LDAP_CONNS || (l->nconns >= LDAP_CONNS_PER_ADDRESS &&
					   conns_from(l, remote) >= LDAP_CONNS_PER_ADDRESS);
}

static void accept_one(struct ldap_listener *from, int fd, const struct sockaddr_storage *ss)
{
	struct addr remote;
	int one = 1;

	if (addr_from_sockaddr(&remote, (const struct sockaddr *)ss)) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (is_over_limit(from->l, &remote)) {
		log_warn(NULL, LOGID_OVERLOAD, "LDAP: too many connections, one refused");
		close(fd);
		return;
	}
	if (ldap_conn_open(from, fd, &remote))
		close(fd);
}

static void on_accept(int lfd, unsigned events, void *arg);

static void resume(struct timer *t, void *arg)
{
	struct ldap_listener *from = arg;

	if (loop_watch(&from->watch, from->l->loop, from->door.fd, LOOP_READ, on_accept, from))
		timer_start(loop_wheel(from->l->loop), &from->pause, PAUSE_MS, resume, from);
}

static void on_accept(int lfd, unsigned events, void *arg)
{
	struct ldap_listener *from = arg;

	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof(ss);
		int fd = accept4(lfd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(from, fd, &ss);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL)
			return; /* EINVAL: shut down, the order to leave comes */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The listener stays readable: look away for a moment instead of spinning. */
			log_error(NULL, LOGID_OVERLOAD,
				  "LDAP: no descriptors or memory for a connection");
			from->watch = loop_unwatch(from->watch);
			timer_start(loop_wheel(from->l->loop), &from->pause, PAUSE_MS, resume,
				    from);
			return;
		}
	}
}

static void serve(struct ldap *l, const struct ldap_door *door)
{
	struct ldap_listener *from = calloc(1, sizeof(*from));
	int err = from ? 0 : ENOMEM;

	if (!err) {
		from->l = l;
		from->door = *door;
		err = loop_watch(&from->watch, l->loop, door->fd, LOOP_READ, on_accept, from);
	}
	if (err) {
		log_error(NULL, LOGID_LDAP, "a listener is not served: %s", strerror(err));
		close(door->fd);
		free(from);
		return;
	}
	list_append(&l->listeners, &from->link);
}

static void close_listener(struct ldap_listener *from)
{
	list_remove(&from->link);
	timer_cancel(&from->pause);
	from->watch = loop_unwatch(from->watch);
	close(from->door.fd);
	free(from);
}

static void leave(struct ldap *l, uint32_t number)
{
	LIST_EACH_SAFE (it, tmp, &l->listeners) {
		struct ldap_listener *from = CONTAINER_OF(it, struct ldap_listener, link);

		if (from->door.number == number)
			close_listener(from);
	}
	LIST_EACH_SAFE (it, tmp, &l->conns) {
		struct ldap_conn *c = CONTAINER_OF(it, struct ldap_conn, link);

		if (c->door == number)
			ldap_conn_close(c);
	}
}

static void on_orders(int fd, unsigned events, void *arg)
{
	struct ldap *l = arg;
	struct order order;

	ring_woken(l->orders);
	while (ring_pop(l->orders, &order)) {
		if (order.is_leave)
			leave(l, order.door.number);
		else
			serve(l, &order.door);
	}
}

int ldap_serve(struct ldap *l, const struct ldap_door *d)
{
	const struct order order = {.door = *d};

	ON_THREAD(THREAD_CORE);
	return ring_push(l->orders, &order);
}

int ldap_leave(struct ldap *l, uint32_t number)
{
	const struct order order = {.is_leave = true, .door.number = number};

	ON_THREAD(THREAD_CORE);
	return ring_push(l->orders, &order);
}

/* ---- the store ---- */

int ldap_ask(struct ldap_conn *c, const char *query, uint64_t tenant_id, json_t *args,
	     ldap_answer_h *fn)
{
	struct store_request req = {.op = STORE_QUERY,
				    .query = query,
				    .tenant_id = tenant_id,
				    .reply_to = c->l->replies};
	int err = args ? 0 : ENOMEM;

	req.json = args ? json_dumps(args, JSON_COMPACT) : NULL;
	json_decref(args);
	if (!req.json)
		err = ENOMEM;
	if (!err)
		err = ids_add(c->l->asked, c, &c->asked);
	if (err) {
		free(req.json);
		return err;
	}
	req.njson = strlen(req.json);
	req.token = c->asked;
	c->on_answer = fn;
	err = store_post(c->l->conf.store, &req);
	if (err) {
		ids_remove(c->l->asked, c->asked);
		c->asked = 0;
		free(req.json);
	}
	return err;
}

static void on_replies(int fd, unsigned events, void *arg)
{
	struct ldap *l = arg;
	struct store_reply reply;

	ring_woken(l->replies);
	while (ring_pop(l->replies, &reply)) {
		struct ldap_conn *c = ids_get(l->asked, reply.token);
		json_t *j = NULL;

		if (c) {
			ids_remove(l->asked, reply.token);
			c->asked = 0;
			if (!reply.err && reply.json)
				j = json_loadb(reply.json, reply.njson, 0, NULL);
			c->on_answer(c, &reply, j);
			json_decref(j);
			ldap_go_on(c);
		}
		free(reply.json);
	}
}

/* ---- life ---- */

int ldap_open(struct ldap **lp, const struct ldap_conf *conf)
{
	struct ldap *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return ENOMEM;
	l->conf = *conf;
	list_init(&l->listeners);
	list_init(&l->conns);
	err = loop_alloc(&l->loop, clock_real());
	if (!err)
		err = ring_alloc(&l->orders, ORDERS, sizeof(struct order));
	if (!err)
		err = ring_alloc(&l->replies, REPLIES, sizeof(struct store_reply));
	if (!err)
		err = ids_alloc(&l->asked, LDAP_CONNS);
	if (!err)
		err = throttle_alloc(&l->throttle);
	if (!err)
		err = loop_watch(&l->watch_orders, l->loop, ring_fd(l->orders), LOOP_READ,
				 on_orders, l);
	if (!err)
		err = loop_watch(&l->watch_replies, l->loop, ring_fd(l->replies), LOOP_READ,
				 on_replies, l);
	if (err)
		ldap_close(l);
	else
		*lp = l;
	return err;
}

static void ldap_main(void *arg)
{
	struct ldap *l = arg;

	loop_run(l->loop);
}

int ldap_start(struct ldap *l)
{
	return thread_start(&l->thread, "ldap", THREAD_LDAP, ldap_main, l);
}

void ldap_stop(struct ldap *l)
{
	if (!l || !l->thread)
		return;
	loop_stop(l->loop);
	l->thread = thread_join(l->thread);
}

static void drain(struct ldap *l)
{
	struct store_reply reply;
	struct order order;

	while (l->replies && ring_pop(l->replies, &reply))
		free(reply.json);
	while (l->orders && ring_pop(l->orders, &order))
		if (!order.is_leave)
			close(order.door.fd);
}

struct ldap *ldap_close(struct ldap *l)
{
	if (!l)
		return NULL;
	ldap_stop(l);
	LIST_EACH_SAFE (it, tmp, &l->conns)
		ldap_conn_close(CONTAINER_OF(it, struct ldap_conn, link));
	LIST_EACH_SAFE (it, tmp, &l->listeners)
		close_listener(CONTAINER_OF(it, struct ldap_listener, link));
	drain(l);
	l->watch_orders = loop_unwatch(l->watch_orders);
	l->watch_replies = loop_unwatch(l->watch_replies);
	ring_free(l->orders);
	ring_free(l->replies);
	ids_free(l->asked);
	throttle_free(l->throttle);
	loop_free(l->loop);
	free(l);
	return NULL;
}
