/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP over WebSocket: one message of SIP is one message of WebSocket, text or binary.
 *
 * DESIGN  The core sees a WebSocket as any other stream: messages in, messages out, over a connection that has a number.
 * What a browser says in its hand-shake proves nothing of who it is; the digest does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "net/conn_priv.h"

enum { PINGS_PER_SECOND = 20, CODE_NORMAL = 1000, CODE_PROTOCOL = 1002 };

int conn_ws_begin(struct conn *c)
{
	c->ws = mem_fault() ? NULL : calloc(1, sizeof(*c->ws));
	if (!c->ws)
		return ENOMEM;
	c->ws->socket.max = FRAME_MAX_BYTES;
	return 0;
}

void conn_ws_free(struct conn *c)
{
	if (c->ws)
		websocket_free(&c->ws->socket);
	free(c->ws);
}

/* ---- out ---- */

static int queue(struct conn *c, const void *p, size_t n)
{
	struct blob *b = blob_new(p, n);

	if (!b)
		return ENOMEM;
	conn_queue(c, b);
	return 0;
}

static int queue_frame(struct conn *c, enum websocket_op op, const void *p, size_t n)
{
	uint8_t frame[WEBSOCKET_HEAD_BYTES + WEBSOCKET_MAX_CONTROL];
	size_t head = websocket_head(frame, op, n);

	if (n)
		memcpy(frame + head, p, n);
	return queue(c, frame, head + n);
}

void conn_ws_dress(struct blob *b)
{
	struct str text = {(const char *)b->p + b->off, b->n - b->off};
	uint8_t head[WEBSOCKET_HEAD_BYTES];
	/* SIP is UTF-8, but its bodies need not be. */
	size_t n = websocket_head(head, str_is_utf8(text) ? WEBSOCKET_OP_TEXT : WEBSOCKET_OP_BINARY,
				  text.n);

	BUG(n > b->off);
	b->off -= n;
	memcpy(b->p + b->off, head, n);
}

void conn_ws_say_goodbye(struct conn *c)
{
	struct conn_ws *ws = c->ws;

	if (!ws->has_farewell)
		ws->nfarewell = websocket_close_payload(ws->farewell, CODE_NORMAL, "");
	/* Without memory it ends without a word. */
	(void)!queue_frame(c, WEBSOCKET_OP_CLOSE, ws->farewell, ws->nfarewell);
}

/* ---- the hand-shake ---- */

static bool is_listed(struct str list, struct str word)
{
	while (list.p) {
		struct str one = str_cut(&list, ' ');

		if (one.n && str_ieq(one, word))
			return true;
	}
	return false;
}

/* RFC 6455 10.2.  A page is known by its origin; what is no browser has none, or any it likes. */
static bool may_come(const struct flows *f, const struct http_head *h)
{
	struct str origins = str_of(f->shared->ws_origins);
	size_t n;
	struct str origin = http_field(h, "Origin", &n);

	if (!origins.n)
		return true;
	return n <= 1 && is_listed(origins, n ? origin : STR("none"));
}

static int refused(struct conn *c, unsigned status)
{
	char why[64];

	(void)snprintf(why, sizeof(why), "no WebSocket was asked for (%u)", status);
	metric_add(METRIC_CONNECTIONS_BROKEN, 1);
	conn_log_end(c, why);
	return EPROTO;
}

/* EAGAIN: there is more to come.  EPROTO: it was refused. */
static int shake_hands(struct conn *c, struct str bytes, size_t *usedp)
{
	struct http_head h;
	struct buf out = {0};
	unsigned status = 400;
	int err = http_head_parse(&h, bytes, usedp, &status);

	if (err == EAGAIN)
		return err;
	if (err) {
		websocket_refuse(&out, status, "This is no request that can be read.");
	} else if (!may_come(c->f, &h)) {
		err = EBADMSG;
		status = 403;
		websocket_refuse(&out, status, "Pages of this origin may not.");
	} else {
		err = websocket_accept(&h, STR("sip"), &out, &status);
	}
	if (out.err || queue(c, out.p, out.n))
		err = ENOMEM;
	buf_free(&out);
	return err == EBADMSG ? refused(c, status) : err;
}

static int upgrade(struct conn *c, const uint8_t *p, size_t n, size_t *atp)
{
	int err = shake_hands(c, (struct str){(const char *)p, n}, atp);

	if (err)
		return err == EAGAIN ? 0 : err;
	conn_enter(c, CONN_OPEN);
	c->begun_ms = 0;
	return 0;
}

/* ---- in ---- */

static int broken(struct conn *c, uint16_t code, const char *why)
{
	metric_add(METRIC_CONNECTIONS_BROKEN, 1);
	conn_log_end(c, why);
	c->ws->has_farewell = true;
	c->ws->nfarewell = websocket_close_payload(c->ws->farewell, code, why);
	return conn_drain(c);
}

static int pinged(struct conn *c, struct str payload)
{
	uint64_t now_ms = flows_now_ms(c->f);

	if (now_ms - c->ws->second_ms >= 1000) {
		c->ws->second_ms = now_ms;
		c->ws->npings = 0;
	}
	if (++c->ws->npings > PINGS_PER_SECOND)
		return broken(c, CODE_PROTOCOL, "more pings than anybody needs");
	/* Who does not read its pongs does not need more of them. */
	return c->is_congested ? 0 : queue_frame(c, WEBSOCKET_OP_PONG, payload.p, payload.n);
}

/* RFC 7118 6: a keep-alive of RFC 5626 is a message of its own. */
static int heard(struct conn *c, struct str message)
{
	if (str_trim(message).n)
		return conn_deliver(c, message.p, message.n);
	if (!str_eq(message, STR("\r\n\r\n")) || c->is_congested)
		return 0;
	return queue_frame(c, WEBSOCKET_OP_TEXT, "\r\n", 2);
}

static int closing(struct conn *c, struct str payload)
{
	BUG(payload.n > sizeof(c->ws->farewell));
	if (payload.n)
		memcpy(c->ws->farewell, payload.p, payload.n);
	c->ws->nfarewell = payload.n;
	c->ws->has_farewell = true;
	return conn_drain(c);
}

static int take_frame(struct conn *c, enum websocket_kind kind, struct str payload)
{
	struct websocket *socket = &c->ws->socket;
	int err = 0;

	switch (kind) {
	case WEBSOCKET_MESSAGE:
		c->begun_ms = 0;
		err = heard(c, payload);
		websocket_free(socket); /* an idle connection holds no buffer */
		return err;
	case WEBSOCKET_PING:
		return pinged(c, payload);
	case WEBSOCKET_CLOSE:
		return closing(c, payload);
	case WEBSOCKET_BAD:
		return broken(c, socket->close_code, socket->why);
	default:
		return 0;
	}
}

int conn_ws_consume(struct conn *c, uint8_t *p, size_t n, size_t *atp)
{
	struct str payload = STR_NONE;
	int err = 0;

	if (c->st == CONN_UPGRADING) {
		err = upgrade(c, p, n, atp);
		if (err || c->st != CONN_OPEN)
			return err;
		err = conn_tell_opened(c);
	}
	while (!err && c->st == CONN_OPEN) {
		size_t take;
		enum websocket_kind kind =
			websocket_next(&c->ws->socket, p + *atp, n - *atp, &take, &payload);

		if (kind == WEBSOCKET_WAIT)
			break;
		*atp += take;
		err = take_frame(c, kind, payload);
	}
	return err;
}
