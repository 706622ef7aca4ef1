/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection that has become a WebSocket.  What we send waits in the connection's `out`; who reads too slowly is closed, so
 * that one dead browser does not hold the memory of all.
 */
#include "web/conn.h"
#include "base/log.h"
#include <string.h>
#include <sys/socket.h>

enum {
	SOCKET_MESSAGE_BYTES = 16384, /* what a client may send */
	SOCKET_UNSENT_BYTES = 4 << 20,
	SOCKET_PING_MS = 20000,
	CODE_TOO_SLOW = 1013,
};

static void put(struct conn *c, enum websocket_op op, struct str payload)
{
	uint8_t head[WEBSOCKET_HEAD_BYTES];

	buf_add(&c->out, head, websocket_head(head, op, payload.n));
	buf_add(&c->out, payload.p, payload.n);
}

static void put_close(struct conn *c, uint16_t code, const char *why)
{
	uint8_t payload[WEBSOCKET_MAX_CONTROL];
	size_t n = websocket_close_payload(payload, code, why);

	if (!c->is_closing)
		put(c, WEBSOCKET_OP_CLOSE, (struct str){(const char *)payload, n});
	c->is_closing = true;
}

void socket_gone(struct conn *c)
{
	const struct web_socket_event ev = {.kind = WEB_SOCKET_CLOSED, .socket = c->socket};

	if (!c->socket)
		return;
	ids_remove(c->w->sockets, c->socket);
	c->socket = 0;
	websocket_free(&c->ws);
	c->socket_fn(&ev, c->socket_arg);
}

/* One frame; false: nothing whole is there. */
static bool read_frame(struct conn *c)
{
	struct str bytes = conn_pending(c), payload;
	size_t take = 0;

	if (!bytes.n || c->is_closing)
		return false;
	switch (websocket_next(&c->ws, (uint8_t *)c->in.p + c->in_at, bytes.n, &take, &payload)) {
	case WEBSOCKET_WAIT:
		return false;
	case WEBSOCKET_PART:
	case WEBSOCKET_PONG:
		break;
	case WEBSOCKET_MESSAGE:
		c->in_handler = true;
		c->socket_fn(&(struct web_socket_event){WEB_SOCKET_MESSAGE, c->socket, payload},
			     c->socket_arg);
		c->in_handler = false;
		break;
	case WEBSOCKET_PING:
		put(c, WEBSOCKET_OP_PONG, payload);
		break;
	case WEBSOCKET_CLOSE:
		put(c, WEBSOCKET_OP_CLOSE, payload);
		c->is_closing = true;
		break;
	case WEBSOCKET_BAD:
		put_close(c, c->ws.close_code, c->ws.why);
		return false;
	}
	c->is_alive = true;
	conn_eat(c, take);
	return true;
}

/* 0: all is sent.  EAGAIN: more later.  Else the connection is broken. */
static int flush(struct conn *c)
{
	while (c->out_at < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EWOULDBLOCK ? EAGAIN : errno;
		c->out_at += (size_t)n;
	}
	c->out_at = 0;
	buf_free(&c->out);
	return 0;
}

enum socket_next socket_step(struct conn *c)
{
	int err;

	while (read_frame(c))
		continue;
	if (c->out.err || c->got_eof)
		return SOCKET_BROKEN;
	err = flush(c);
	if (err && err != EAGAIN)
		return SOCKET_BROKEN;
	if (err)
		return SOCKET_WRITES;
	return c->is_closing ? SOCKET_CLOSED : SOCKET_READS;
}

/* Silence for two turns of the timer is a dead peer. */
bool socket_ping(struct conn *c)
{
	if (!c->is_alive)
		return false;
	c->is_alive = false;
	put(c, WEBSOCKET_OP_PING, STR(""));
	return true;
}

int web_upgrade(struct web *w, oid request, web_socket_h *fn, void *arg, oid *socketp)
{
	struct conn *c = ids_get(w->requests, request);
	unsigned status;
	int err;

	ON_THREAD(THREAD_WEB);
	*socketp = 0;
	if (!c)
		return ENOENT;
	err = ids_add(w->sockets, c, &c->socket);
	if (err) {
		websocket_refuse(&c->out, 503, "There are too many WebSockets.");
	} else {
		err = websocket_accept(c->head, STR(""), &c->out, &status);
		if (err)
			ids_remove(w->sockets, c->socket);
	}
	if (err) {
		c->socket = 0;
		conn_refused(c);
		return err;
	}
	c->socket_fn = fn;
	c->socket_arg = arg;
	c->ws = (struct websocket){.max = SOCKET_MESSAGE_BYTES};
	c->is_alive = true;
	*socketp = c->socket;
	conn_upgraded(c, SOCKET_PING_MS);
	return 0;
}

int web_socket_send(struct web *w, oid socket, struct str text)
{
	struct conn *c = ids_get(w->sockets, socket);

	ON_THREAD(THREAD_WEB);
	if (!c || c->is_closing)
		return ENOENT;
	if (c->out.n - c->out_at > SOCKET_UNSENT_BYTES) {
		log_warn(NULL, LOGID_OVERLOAD,
			 "WebSocket: a client reads too slowly and is closed");
		buf_free(&c->out);
		c->out_at = 0;
		c->got_eof = true;
		conn_wake(c);
		return ENOBUFS;
	}
	put(c, WEBSOCKET_OP_TEXT, text);
	conn_wake(c);
	return 0;
}

void web_socket_close(struct web *w, oid socket, uint16_t code, const char *why)
{
	struct conn *c = ids_get(w->sockets, socket);

	if (!c)
		return;
	put_close(c, code, why);
	conn_wake(c);
}
