/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  conn_run() is the one place that moves a connection on: it steps until a step says that it must wait for the
 * network or the handler.  So ten thousand pipelined requests whose handler answers at once are a loop, not a recursion,
 * and everything that may free a connection happens at the end of conn_run() or conn_close().
 */
#include "web/conn.h"
#include "base/log.h"
#include "base/metric.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_BYTES = 16384,
	LINGER_BYTES = 16 << 20,
	LINGER_MS = 5000,
	WRITE_MS = 30000,
	STEPS_PER_RUN = 64, /* pipelined requests before others have their turn */
};

enum step { STEP_AGAIN, STEP_WAIT, STEP_CLOSE };

static void conn_run(struct conn *c);

static uint32_t seconds_or(uint32_t s, uint32_t dflt)
{
	return (s ? s : dflt) * 1000;
}

static void on_timeout(struct timer *t, void *arg);

static void arm(struct conn *c, uint32_t ms)
{
	timer_start(loop_wheel(c->w->loop), &c->timer, ms, on_timeout, c);
}

static void watch(struct conn *c, unsigned events)
{
	/* After the peer's end of file the descriptor is readable for ever. */
	if (c->got_eof)
		events &= ~(unsigned)LOOP_READ;
	if (events == c->watching)
		return;
	if (loop_watch_change(c->watch, events))
		log_warn(NULL, LOGID_NET, "HTTP connection: cannot change what is watched");
	c->watching = events;
}

static void drop_request(struct conn *c)
{
	if (c->request)
		ids_remove(c->w->requests, c->request);
	c->request = 0;
	c->is_partial = false;
	c->w->body_bytes -= c->body.n;
	buf_free(&c->body);
	free(c->head);
	free(c->head_bytes);
	c->head = NULL;
	c->head_bytes = NULL;
}

void conn_close(struct conn *c)
{
	struct web *w = c->w;

	socket_gone(c);
	drop_request(c);
	timer_cancel(&c->timer);
	c->watch = loop_unwatch(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	list_remove(&c->link);
	if (c->is_local)
		w->nlocal--;
	else
		w->ntcp--;
	free(c);
}

/* Throw away what was handled of the input. */
static void eat(struct conn *c, size_t n)
{
	c->in_at += n;
	if (c->in_at >= c->in.n) {
		c->in_at = 0;
		buf_free(&c->in);
	} else if (c->in_at > READ_BYTES) {
		/* Requests that always end in the middle of the next one must not make it grow. */
		c->in.n -= c->in_at;
		memmove(c->in.p, c->in.p + c->in_at, c->in.n);
		c->in_at = 0;
	}
}

static struct str pending(const struct conn *c)
{
	return c->in.n > c->in_at ? (struct str){c->in.p + c->in_at, c->in.n - c->in_at} : STR("");
}

struct str conn_pending(const struct conn *c)
{
	return pending(c);
}

void conn_eat(struct conn *c, size_t n)
{
	eat(c, n);
}

static void reply_now(struct conn *c, const struct web_response *resp)
{
	struct http_write w = {.resp = resp,
			       .request_id = c->request_id,
			       .wall_us = clock_wall_us(loop_clock(c->w->loop)),
			       .is_head = c->is_head,
			       .keep_alive = c->keep_alive && !(c->got_eof && !pending(c).n)};

	w.is_chunked = resp->has_more && c->head && !c->head->is_http10;
	if (resp->has_more && !w.is_chunked)
		w.keep_alive = false;
	c->keep_alive = w.keep_alive;
	http_response_write(&c->out, &w);
	if (resp->has_more && !c->is_head)
		c->is_partial = true;
	else
		drop_request(c);
	metric_add(METRIC_HTTP_REQUESTS, 1);
	c->st = CONN_WRITE;
	c->out_at = 0;
	arm(c, WRITE_MS);
}

/* An answer of the server itself; the connection ends with it, as what follows may not be what it seems. */
static enum step fail(struct conn *c, unsigned status, const char *detail)
{
	char body[512] = "";
	struct web_response resp = {.status = status};

	if (c->w->conf.error)
		c->w->conf.error(&resp, detail, body, sizeof(body));
	if (status == 503)
		resp.headers = STR("Retry-After: 5\r\n");
	c->keep_alive = false;
	reply_now(c, &resp);
	return STEP_AGAIN;
}

static void take_request_id(struct conn *c)
{
	struct str given = http_field(c->head, "x-request-id", NULL);
	bool is_fine = given.n >= 8 && given.n < sizeof(c->request_id);

	for (size_t i = 0; is_fine && i < given.n; i++)
		is_fine = (given.p[i] >= '0' && given.p[i] <= '9') ||
			  (given.p[i] >= 'a' && given.p[i] <= 'z') ||
			  (given.p[i] >= 'A' && given.p[i] <= 'Z') || given.p[i] == '-' ||
			  given.p[i] == '_' || given.p[i] == '.';
	if (!is_fine || str_copy(c->request_id, sizeof(c->request_id), given))
		rng_token(rng_system(), c->request_id, 20);
}

static size_t max_body(const struct conn *c)
{
	return c->w->conf.max_body ? c->w->conf.max_body : 1 << 20;
}

static enum step step_head(struct conn *c)
{
	unsigned status = 400;
	size_t used = 0;
	int err;

	c->is_head = false;
	c->request_id[0] = '\0';
	if (!pending(c).n) {
		if (c->got_eof)
			return STEP_CLOSE;
		watch(c, LOOP_READ);
		return STEP_WAIT;
	}
	if (!c->head)
		c->head = calloc(1, sizeof(*c->head));
	if (!c->head)
		return STEP_CLOSE;
	err = http_head_parse(c->head, pending(c), &used, &status);
	if (err == EAGAIN) {
		if (c->got_eof)
			return STEP_CLOSE;
		watch(c, LOOP_READ);
		return STEP_WAIT;
	}
	if (err)
		return fail(c, status, "The request could not be read.");
	take_request_id(c);
	c->keep_alive = c->head->keep_alive;
	c->is_head = str_eq(c->head->method, STR("HEAD"));
	if (c->head->content_length > max_body(c))
		return fail(c, 413, "The body is larger than allowed.");

	/* The head points into `in`, which moves when more comes: it gets bytes of its own. */
	c->head_bytes = malloc(used);
	if (!c->head_bytes)
		return STEP_CLOSE;
	memcpy(c->head_bytes, pending(c).p, used);
	http_head_rebase(c->head, pending(c).p, used, c->head_bytes);
	eat(c, used);
	memset(&c->chunked, 0, sizeof(c->chunked));
	c->st = CONN_BODY;
	arm(c, seconds_or(c->w->conf.body_seconds, 30));
	if (c->head->expects_continue && !pending(c).n &&
	    (c->head->is_chunked || c->head->content_length)) {
		static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

		if (send(c->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) !=
		    (ssize_t)sizeof(go_on) - 1)
			return STEP_CLOSE;
	}
	return STEP_AGAIN;
}

static void call_handler(struct conn *c)
{
	struct web_request req = {.id = c->request,
				  .method = c->head->method,
				  .path = c->head->path,
				  .query = c->head->query,
				  .body = buf_view(&c->body),
				  .remote = c->remote,
				  .is_local = c->is_local,
				  .request_id = c->request_id,
				  .head = c->head};

	c->in_handler = true;
	c->w->conf.fn(&req, c->w->conf.arg);
	c->in_handler = false;
}

static enum step step_body(struct conn *c)
{
	struct http_head *h = c->head;
	struct str bytes = pending(c);
	size_t had = c->body.n, used = 0;
	int err = 0;

	c->body.max = max_body(c);
	if (h->is_chunked) {
		err = http_chunked_feed(&c->chunked, bytes, &used, &c->body);
	} else if (h->content_length > c->body.n) {
		used = h->content_length - c->body.n;
		used = used < bytes.n ? used : bytes.n;
		buf_add(&c->body, bytes.p, used);
		err = c->body.err ? c->body.err : c->body.n < h->content_length ? EAGAIN : 0;
	}
	eat(c, used);
	c->w->body_bytes += c->body.n - had;
	if (err == ENOSPC)
		return fail(c, 413, "The body is larger than allowed.");
	if (c->w->body_bytes > WEB_MAX_BODIES || err == ENOMEM)
		return fail(c, 503, "Too much is being uploaded at this moment.");
	if (err == EAGAIN) {
		if (c->got_eof)
			return STEP_CLOSE;
		watch(c, LOOP_READ);
		return STEP_WAIT;
	}
	if (err)
		return fail(c, 400, "The chunked body could not be read.");
	if (ids_add(c->w->requests, c, &c->request))
		return fail(c, 503, "Too many requests are waiting.");
	c->st = CONN_WAIT;
	arm(c, seconds_or(c->w->conf.answer_seconds, 60));
	call_handler(c);
	return STEP_AGAIN;
}

static enum step step_wait(struct conn *c)
{
	/* Read on, so that a client that goes away is noticed, but not without bound when it pipelines. */
	watch(c, pending(c).n < READ_BYTES ? LOOP_READ : 0);
	return STEP_WAIT;
}

static enum step step_write(struct conn *c)
{
	if (c->out.err)
		return STEP_CLOSE;
	while (c->out_at < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			watch(c, LOOP_WRITE);
			return STEP_WAIT;
		}
		if (n < 0)
			return STEP_CLOSE;
		c->out_at += (size_t)n;
		arm(c, WRITE_MS);
	}
	c->out_at = 0;
	buf_free(&c->out);
	if (c->is_partial) {
		c->st = CONN_WAIT;
		arm(c, seconds_or(c->w->conf.answer_seconds, 60));
		return STEP_AGAIN;
	}
	if (c->keep_alive) {
		c->was_idle = true;
		c->st = CONN_HEAD;
		arm(c, pending(c).n ? seconds_or(c->w->conf.header_seconds, 10)
				    : seconds_or(c->w->conf.idle_seconds, 60));
		return STEP_AGAIN;
	}
	if (c->got_eof || shutdown(c->fd, SHUT_WR))
		return STEP_CLOSE;
	c->st = CONN_LINGER;
	c->discarded = 0;
	arm(c, LINGER_MS);
	return STEP_AGAIN;
}

static enum step step_linger(struct conn *c)
{
	c->discarded += pending(c).n;
	eat(c, pending(c).n);
	if (c->got_eof || c->discarded > LINGER_BYTES)
		return STEP_CLOSE;
	watch(c, LOOP_READ);
	return STEP_WAIT;
}

static enum step step_socket(struct conn *c)
{
	switch (socket_step(c)) {
	case SOCKET_READS:
		watch(c, LOOP_READ);
		return STEP_WAIT;
	case SOCKET_WRITES:
		watch(c, LOOP_READ | LOOP_WRITE);
		return STEP_WAIT;
	case SOCKET_CLOSED:
		socket_gone(c);
		if (shutdown(c->fd, SHUT_WR))
			return STEP_CLOSE;
		c->st = CONN_LINGER;
		c->discarded = 0;
		arm(c, LINGER_MS);
		return STEP_AGAIN;
	case SOCKET_BROKEN:
		break;
	}
	return STEP_CLOSE;
}

static enum step (*const steps[])(struct conn *c) = {
	[CONN_HEAD] = step_head,   [CONN_BODY] = step_body,	[CONN_WAIT] = step_wait,
	[CONN_WRITE] = step_write, [CONN_LINGER] = step_linger, [CONN_SOCKET] = step_socket,
};

static void conn_run(struct conn *c)
{
	enum step s = STEP_AGAIN;

	for (unsigned i = 0; s == STEP_AGAIN && i < 4 * STEPS_PER_RUN; i++)
		s = steps[c->st](c);
	if (s == STEP_CLOSE)
		return conn_close(c);
	if (s == STEP_AGAIN) /* others first: writability comes back at once */
		watch(c, LOOP_WRITE);
}

static void on_timeout(struct timer *t, void *arg)
{
	struct conn *c = arg;

	if (c->st == CONN_HEAD && pending(c).n)
		fail(c, 408, "The request did not come in time.");
	else if (c->st == CONN_BODY)
		fail(c, 408, "The body did not come in time.");
	else if (c->st == CONN_SOCKET && socket_ping(c))
		arm(c, c->ping_ms);
	else if (c->st == CONN_WAIT && !c->is_partial)
		fail(c, 503, "The server did not answer in time.");
	else
		return conn_close(c);
	return conn_run(c);
}

/* False: the connection is broken. */
static bool fill(struct conn *c)
{
	char bytes[READ_BYTES];
	bool was_empty = !pending(c).n;
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == EWOULDBLOCK;
	if (n == 0) {
		c->got_eof = true;
		watch(c, c->watching);
		return true;
	}
	if (c->st == CONN_LINGER) {
		c->discarded += (size_t)n;
		return true;
	}
	if (c->st == CONN_HEAD && was_empty && c->was_idle)
		arm(c, seconds_or(c->w->conf.header_seconds, 10));
	buf_add(&c->in, bytes, (size_t)n);
	return !c->in.err;
}

static void on_ready(int fd, unsigned events, void *arg)
{
	struct conn *c = arg;

	if (events & LOOP_ERROR)
		return conn_close(c);
	if ((events & LOOP_READ) && !fill(c))
		return conn_close(c);
	return conn_run(c);
}

int conn_open(struct web *w, int fd, bool is_local, const struct addr *remote)
{
	struct conn *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return ENOMEM;
	c->w = w;
	c->fd = -1;
	c->is_local = is_local;
	c->remote = *remote;
	err = loop_watch(&c->watch, w->loop, fd, LOOP_READ, on_ready, c);
	if (err) {
		free(c);
		return err;
	}
	c->fd = fd;
	c->watching = LOOP_READ;
	list_append(&w->conns, &c->link);
	if (is_local)
		w->nlocal++;
	else
		w->ntcp++;
	arm(c, seconds_or(w->conf.header_seconds, 10));
	return 0;
}

void conn_reply(struct conn *c, const struct web_response *resp)
{
	if (c->is_partial) /* half an answer cannot be taken back */
		return conn_close(c);
	reply_now(c, resp);
	if (!c->in_handler)
		return conn_run(c);
}

void conn_more(struct conn *c, struct str piece, bool is_last)
{
	const bool is_chunked = c->head && !c->head->is_http10;

	BUG(!c->is_partial);
	if (is_chunked)
		http_chunk_write(&c->out, piece);
	else
		buf_str(&c->out, piece);
	if (is_last && is_chunked)
		buf_cstr(&c->out, "0\r\n\r\n");
	if (is_last)
		drop_request(c);
	c->st = CONN_WRITE;
	arm(c, WRITE_MS);
	return conn_wake(c);
}

void conn_wake(struct conn *c)
{
	if (!c->in_handler)
		return conn_run(c);
}

void conn_refused(struct conn *c)
{
	c->keep_alive = false;
	drop_request(c);
	c->st = CONN_WRITE;
	c->out_at = 0;
	arm(c, WRITE_MS);
	return conn_wake(c);
}

void conn_upgraded(struct conn *c, uint32_t ping_ms)
{
	drop_request(c);
	metric_add(METRIC_HTTP_REQUESTS, 1);
	c->st = CONN_SOCKET;
	c->ping_ms = ping_ms;
	arm(c, ping_ms);
	return conn_wake(c);
}
