/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ldap/inside.h"

static void on_ready(int fd, unsigned events, void *arg);
static void on_timer(struct timer *t, void *arg);

/* ---- life ---- */

void ldap_conn_close(struct ldap_conn *c)
{
	list_remove(&c->link);
	c->l->nconns--;
	timer_cancel(&c->timer);
	if (c->asked)
		ids_remove(c->l->asked, c->asked);
	c->watch = loop_unwatch(c->watch);
	if (c->tls && c->st != LDAP_SECURING)
		tls_end(c->tls);
	tls_free(c->tls);
	close(c->fd);
	ldap_request_close(&c->request);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

void ldap_enter(struct ldap_conn *c, enum ldap_state st, uint32_t within_ms)
{
	c->st = st;
	timer_start(loop_wheel(c->l->loop), &c->timer, within_ms, on_timer, c);
}

static int secure(struct ldap_conn *c)
{
	int err = tls_alloc(&c->tls, c->l->conf.tls, c->l->conf.tls_listener, c->fd);

	if (!err)
		ldap_enter(c, LDAP_SECURING, LDAP_SECURE_MS);
	return err;
}

int ldap_conn_open(struct ldap_listener *from, int fd, const struct addr *remote)
{
	struct ldap_conn *c = calloc(1, sizeof(*c));
	int err = c ? 0 : ENOMEM;

	if (err)
		return err;
	c->l = from->l;
	c->door = from->door.number;
	c->plain_sign_in = from->door.plain_sign_in;
	c->remote = *remote;
	c->fd = fd;
	c->watching = LOOP_READ;
	ldap_enter(c, LDAP_READING, LDAP_STRANGE_MS);
	if (from->door.is_tls)
		err = secure(c);
	if (!err)
		err = loop_watch(&c->watch, c->l->loop, fd, c->watching, on_ready, c);
	if (err) {
		timer_cancel(&c->timer);
		tls_free(c->tls);
		free(c);
		return err;
	}
	list_append(&c->l->conns, &c->link);
	c->l->nconns++;
	return 0;
}

/* ---- bytes ---- */

static ssize_t take(struct ldap_conn *c, void *p, size_t n)
{
	return c->tls ? tls_read(c->tls, p, n) : recv(c->fd, p, n, 0);
}

static ssize_t give(struct ldap_conn *c, const void *p, size_t n)
{
	return c->tls ? tls_write(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);
}

static bool is_for_later(int err)
{
	return err == EAGAIN || err == EWOULDBLOCK || err == EINTR;
}

static size_t unsent(const struct ldap_conn *c)
{
	return c->out.n - c->out_at;
}

/* EPIPE: it is over. */
static int flush(struct ldap_conn *c)
{
	while (unsent(c)) {
		ssize_t n = give(c, c->out.p + c->out_at, unsent(c));

		if (n < 0)
			return is_for_later(errno) ? 0 : EPIPE;
		c->out_at += (size_t)n;
	}
	buf_reset(&c->out);
	c->out_at = 0;
	return 0;
}

static void drop_read(struct ldap_conn *c)
{
	if (!c->in_at)
		return;
	memmove(c->in.p, c->in.p + c->in_at, c->in.n - c->in_at);
	c->in.n -= c->in_at;
	c->in_at = 0;
}

/* EPIPE: it is over; EAGAIN: there is no more now. */
static int fill(struct ldap_conn *c)
{
	char bytes[4096];
	ssize_t n = take(c, bytes, sizeof(bytes));

	if (n < 0)
		return is_for_later(errno) ? EAGAIN : EPIPE;
	if (!n)
		return EPIPE;
	drop_read(c);
	buf_add(&c->in, bytes, (size_t)n);
	return c->in.err ? EPIPE : 0;
}

/* ---- messages ---- */

/* EAGAIN: none is whole. */
static int next_message(struct ldap_conn *c)
{
	const uint8_t *p = (const uint8_t *)c->in.p + c->in_at;
	size_t n = 0;
	int err = ldap_frame(p, c->in.n - c->in_at, &n);

	if (err == EAGAIN)
		return err;
	if (!err)
		err = ldap_request_read(&c->request, p, n);
	c->in_at += n;
	if (err)
		ldap_notice(c, LDAP_PROTOCOL_ERROR, "the message cannot be read");
	else
		ldap_perform(c);
	return 0;
}

static bool may_read(const struct ldap_conn *c)
{
	return c->st == LDAP_READING && unsent(c) < LDAP_UNSENT;
}

/* All that can be done without waiting.  EPIPE: it is over. */
static int work(struct ldap_conn *c)
{
	int err = 0;

	while (!err && may_read(c)) {
		err = next_message(c);
		if (err == EAGAIN)
			err = fill(c);
	}
	if (err == EPIPE && c->st == LDAP_ENDING)
		err = 0; /* what was answered last still leaves */
	return err == EAGAIN ? 0 : err;
}

static int handshake(struct ldap_conn *c)
{
	char why[TLS_WHY_BYTES] = "", text[ADDR_STR_BYTES];
	int err = tls_handshake(c->tls, why);

	if (!err)
		ldap_enter(c, LDAP_READING, LDAP_STRANGE_MS);
	else if (err != EAGAIN)
		log_debug(NULL, LOGID_LDAP, "LDAP from %s: %s", addr_ip_str(text, &c->remote), why);
	return err;
}

/* StartTLS: what has come behind it in clear may be anybody's. */
static int turn(struct ldap_conn *c)
{
	if (unsent(c))
		return 0;
	if (c->in.n != c->in_at)
		return EPIPE;
	return secure(c) ? EPIPE : 0;
}

static int step(struct ldap_conn *c)
{
	int err = 0;

	if (c->st == LDAP_SECURING) {
		err = handshake(c);
		if (err)
			return err == EAGAIN ? 0 : EPIPE;
	}
	err = work(c);
	if (!err && c->out.err)
		err = EPIPE;
	if (!err)
		err = flush(c);
	if (!err && c->st == LDAP_TURNING)
		err = turn(c);
	return !err && c->st == LDAP_ENDING && !unsent(c) ? EPIPE : err;
}

static int watch(struct ldap_conn *c)
{
	unsigned want = 0;

	if (c->st == LDAP_SECURING)
		want = tls_wants_write(c->tls) ? LOOP_WRITE : LOOP_READ;
	else if (may_read(c))
		want = LOOP_READ;
	if (unsent(c))
		want |= LOOP_WRITE; /* TLS never reads in order to write: nothing is renegotiated */
	if (want == c->watching)
		return 0;
	c->watching = want;
	return loop_watch_change(c->watch, want);
}

void ldap_go_on(struct ldap_conn *c)
{
	bool was_full;
	int err;

	do { /* what has left makes room for more */
		was_full = unsent(c) >= LDAP_UNSENT;
		err = step(c);
	} while (!err && was_full && may_read(c));
	if (!err)
		err = watch(c);
	if (err)
		return ldap_conn_close(c);
}

static void on_ready(int fd, unsigned events, void *arg)
{
	struct ldap_conn *c = arg;

	if ((events & LOOP_ERROR) && !(events & (LOOP_READ | LOOP_WRITE)))
		return ldap_conn_close(c);
	return ldap_go_on(c);
}

/* ---- time ---- */

static void on_timer(struct timer *t, void *arg)
{
	struct ldap_conn *c = arg;

	switch (c->st) {
	case LDAP_ASKING: /* the store's answer finds nobody */
		ids_remove(c->l->asked, c->asked);
		c->asked = 0;
		if (c->request.op == LDAP_SEARCH)
			ldap_answer(c, LDAP_TIME_LIMIT_EXCEEDED, "");
		else
			ldap_answer(c, LDAP_BUSY, "the database does not answer");
		ldap_done(c);
		break;
	case LDAP_READING:
		ldap_notice(c, LDAP_UNAVAILABLE, "nothing was asked for too long");
		break;
	default:
		return ldap_conn_close(c);
	}
	return ldap_go_on(c);
}
