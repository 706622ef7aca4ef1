/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writing side of a connection: a queue of what the core sends, bounded, and written as fast as the peer reads. */
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/conn_priv.h"

enum { PIECES = 16 };

static void written(struct conn *c, size_t n)
{
	c->written_ms = c->traffic_ms = flows_now_ms(c->f);
	c->ntx -= n;
	while (n) {
		struct blob *b = c->tx_first;
		size_t part = b->n - b->off < n ? b->n - b->off : n;

		b->off += part;
		n -= part;
		if (b->off < b->n)
			return;
		c->tx_first = b->next;
		if (!c->tx_first)
			c->tx_end = &c->tx_first;
		blob_free(b);
	}
}

static ssize_t send_pieces(struct conn *c)
{
	struct iovec iov[PIECES];
	struct msghdr m = {.msg_iov = iov};

	if (c->tls)
		return tls_write(c->tls, c->tx_first->p + c->tx_first->off,
				 c->tx_first->n - c->tx_first->off);
	for (struct blob *b = c->tx_first; b && m.msg_iovlen < PIECES; b = b->next)
		iov[m.msg_iovlen++] = (struct iovec){b->p + b->off, b->n - b->off};
	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What the socket takes now.  An errno ends the connection (the caller does that). */
static int write_some(struct conn *c)
{
	while (c->tx_first) {
		ssize_t n = send_pieces(c);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
		written(c, (size_t)n);
	}
	return 0;
}

/* Has the queue passed one of its marks?  Tells the core. */
static int tell_congestion(struct conn *c)
{
	const struct flows_limits *l = &c->f->shared->limits;
	bool is_now =
		c->is_congested ? c->ntx > l->congested_bytes / 4 : c->ntx > l->congested_bytes;
	struct flow_evt evt = conn_about(c, is_now ? FLOW_EVT_CONGESTED : FLOW_EVT_RELIEVED);

	if (is_now == c->is_congested)
		return 0;
	c->is_congested = is_now;
	return flows_tell(c->f, &evt, NULL);
}

bool conn_flush(struct conn *c)
{
	int err = conn_is_beginning(c) ? 0 : write_some(c);

	if (!err && c->ntx > c->f->shared->limits.hopeless_bytes)
		err = ENOBUFS;
	if (!err)
		err = tell_congestion(c);
	if (err) {
		conn_end(c, err);
		return false;
	}
	if (c->st == CONN_FLUSHING && !c->ntx) {
		conn_enter(c, CONN_LINGERING);
		if (c->tls)
			tls_end(c->tls);
		(void)shutdown(c->fd, SHUT_WR); /* fails when the peer was faster */
	}
	return conn_watch(c);
}

void conn_queue(struct conn *c, struct blob *b)
{
	if (!c->ntx)
		c->written_ms = flows_now_ms(c->f);
	*c->tx_end = b;
	c->tx_end = &b->next;
	c->ntx += b->n - b->off;
}

void conn_flush_and_end(struct conn *c)
{
	conn_enter(c, CONN_FLUSHING);
	conn_flush(c);
}

void conn_send(struct conn *c, struct blob *b)
{
	if (c->st == CONN_FLUSHING || c->st == CONN_LINGERING) {
		blob_free(b); /* the core has said that it is done */
		return;
	}
	if (c->ws)
		conn_ws_dress(b);
	conn_queue(c, b);
	conn_flush(c);
}

void conn_finish(struct conn *c)
{
	if (conn_is_beginning(c))
		return conn_end(c, c->ntx ? ECANCELED : 0);
	if (c->st != CONN_OPEN && c->st != CONN_DRAINING)
		return;
	if (c->ws)
		conn_ws_say_goodbye(c);
	conn_flush_and_end(c);
}
