/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reading side of a connection: bytes in, framed messages to the core.
 *
 * DESIGN  An idle connection holds no buffer: the thread's scratch is read into, and only the beginning of an unfinished
 * message is kept.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/metric.h"
#include "net/conn_priv.h"

enum { SMALLEST_RX = 1024 };

int conn_deliver(struct conn *c, const void *p, size_t n)
{
	struct flow_evt evt = conn_about(c, FLOW_EVT_RECEIVED);
	int err;

	c->has_spoken = true;
	evt.blob = blob_new(p, n);
	if (!evt.blob)
		return ENOMEM;
	evt.blob->heard_ms = flows_now_ms(c->f);
	err = flows_tell(c->f, &evt, NULL);
	if (err)
		blob_free(evt.blob);
	return err;
}

int conn_drain(struct conn *c)
{
	struct flow_evt evt = conn_about(c, FLOW_EVT_DRAINING);

	conn_enter(c, CONN_DRAINING);
	return flows_tell(c->f, &evt, NULL);
}

/* Keep the beginning of a message: `p` is scratch, or lies in rx itself. */
static int keep_rest(struct conn *c, const uint8_t *p, size_t n)
{
	if (!n) {
		free(c->rx);
		c->rx = NULL;
		c->nrx = c->rx_cap = 0;
	} else if (c->rx) {
		memmove(c->rx, p, n);
		c->nrx = n;
	} else {
		size_t cap = n > SMALLEST_RX ? n : SMALLEST_RX;

		c->rx = mem_fault() ? NULL : malloc(cap);
		if (!c->rx)
			return ENOMEM;
		memcpy(c->rx, p, n);
		c->nrx = n;
		c->rx_cap = cap;
	}
	if (c->ws ? !n && !c->ws->socket.in_message : !frame_begun(p, n))
		c->begun_ms = 0;
	else if (!c->begun_ms)
		c->begun_ms = flows_now_ms(c->f);
	return 0;
}

static int append(struct conn *c, const uint8_t *p, size_t n)
{
	if (c->nrx + n > c->rx_cap) {
		size_t cap = 2 * c->rx_cap > c->nrx + n ? 2 * c->rx_cap : c->nrx + n;
		uint8_t *rx = mem_fault() ? NULL : realloc(c->rx, cap);

		if (!rx)
			return ENOMEM;
		c->rx = rx;
		c->rx_cap = cap;
	}
	memcpy(c->rx + c->nrx, p, n);
	c->nrx += n;
	return 0;
}

static int pong(struct conn *c, unsigned pings)
{
	struct blob *b;

	/* Who does not read its pongs does not need more of them. */
	if (!pings || c->is_congested)
		return 0;
	b = blob_new(NULL, 2 * (size_t)pings);
	if (!b)
		return ENOMEM;
	for (size_t i = 0; i < pings; i++)
		memcpy(b->p + 2 * i, "\r\n", 2);
	conn_queue(c, b);
	return 0;
}

static int broken(struct conn *c)
{
	metric_add(METRIC_CONNECTIONS_BROKEN, 1);
	conn_log_end(c, c->frame.why);
	return c->has_spoken ? conn_drain(c) : EPROTO;
}

/* Take the messages out of n bytes; *atp: how many of them that took.  An errno ends the connection. */
static int take_messages(struct conn *c, const uint8_t *p, size_t n, size_t *atp)
{
	unsigned pings = 0;
	size_t at = 0, take = 0;
	int err = 0;

	while (!err && c->st == CONN_OPEN) {
		enum frame_kind kind = frame_next(&c->frame, p + at, n - at, &take);

		if (kind == FRAME_MORE)
			break;
		if (kind == FRAME_BAD)
			err = broken(c);
		if (kind == FRAME_PING)
			pings++;
		if (kind == FRAME_MESSAGE || kind == FRAME_LAST)
			err = conn_deliver(c, p + at, take);
		if (kind == FRAME_LAST && !err)
			err = conn_drain(c);
		at += take;
		c->begun_ms = 0;
	}
	*atp = at;
	return err ? err : pong(c, pings);
}

static bool is_listening(const struct conn *c)
{
	return c->st == CONN_OPEN || c->st == CONN_UPGRADING;
}

static int consume(struct conn *c, uint8_t *p, size_t n)
{
	size_t at = 0;
	int err = c->ws ? conn_ws_consume(c, p, n, &at) : take_messages(c, p, n, &at);

	if (err)
		return err;
	return is_listening(c) ? keep_rest(c, p + at, n - at) : keep_rest(c, NULL, 0);
}

/* What comes after our own end is thrown away as it is. */
static ssize_t receive(struct conn *c, void *p, size_t n)
{
	return c->tls && c->st != CONN_LINGERING ? tls_read(c->tls, p, n)
						 : recv(c->fd, p, n, MSG_DONTWAIT);
}

/* Who says all and shuts his side still reads. */
static void peer_shut(struct conn *c)
{
	int err;

	c->is_shut = true;
	err = conn_drain(c);
	if (err)
		return conn_end(c, err);
	conn_watch(c);
}

void conn_read(struct conn *c)
{
	struct flows *f = c->f;
	ssize_t n;
	int err;

	if (link_linked(&c->paused))
		return;
	if (is_listening(c) && flows_blocked(f)) {
		flows_pause(f, &c->paused);
		conn_watch(c);
		return;
	}
	n = receive(c, f->scratch, sizeof(f->scratch));
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (!n && c->st == CONN_OPEN && c->has_spoken)
		return peer_shut(c);
	if (n <= 0) {
		err = n ? errno : c->ntx ? EPIPE : 0;
		return conn_end(c, c->st == CONN_LINGERING ? 0 : err);
	}
	c->traffic_ms = flows_now_ms(f);
	if (!is_listening(c))
		return; /* nobody wants to know any more */
	err = c->rx ? append(c, f->scratch, (size_t)n) : 0;
	if (!err)
		err = c->rx ? consume(c, c->rx, c->nrx) : consume(c, f->scratch, (size_t)n);
	if (err == EPROTO && c->ws && c->ntx)
		return conn_flush_and_end(c);
	if (err)
		return conn_end(c, err == EPROTO ? 0 : err);
	conn_flush(c);
}

void conn_resume(struct conn *c)
{
	list_remove(&c->paused);
	conn_watch(c);
}
