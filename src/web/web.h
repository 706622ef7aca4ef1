/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP server: requests in, responses out, later or at once; knows no telephony.  HTTP/1.1 and 1.0, our own reading of
 * requests (web/http.h) on the event loop of its own thread.
 *
 * A whole request is gathered before the handler sees it; the handler answers now or, by the request's id, later.
 *
 * Thread     web_open, web_watch_ring, web_start, web_close: main.  The handler, web_reply and timers: the web thread.
 * Ownership  a request belongs to the server until it is answered or its client is gone: what the handler gets is borrowed
 *            for the call; keep its id, not the pointer
 * Errors     web_open: EADDRINUSE, EADDRNOTAVAIL, EACCES, EEXIST (something that is no socket lies at unix_path) …
 * Sources    RFC 9110, RFC 9112
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/addr.h"
#include "base/env.h"
#include "base/ids.h"
#include "base/ring.h"

struct web;
struct http_head;

struct web_request {
	oid id;
	struct str method, path,
		query; /* path unescaped and normalised; query as sent, without '?' */
	struct str body;
	struct addr remote;
	bool is_local;		/* came over the Unix socket: the machine's administrator */
	const char *request_id; /* for the log; the client sees it in X-Request-Id */
	const struct http_head *head;
};
/* A request header by name; STR_NONE when absent.  The first one when it came more than once. */
struct str web_header(const struct web_request *req, const char *name);
size_t web_header_count(const struct web_request *req, const char *name);

struct web_response {
	unsigned status;
	const char *content_type;
	const char *csp;    /* Content-Security-Policy; NULL: nothing may be loaded or framed */
	bool is_cacheable;  /* else Cache-Control: no-store */
	struct str headers; /* further whole lines, each with CRLF */
	struct str body;
	bool has_more; /* web_more() brings the rest */
};
typedef void web_request_h(const struct web_request *req, void *arg);
/* A ring of answers from other threads, drained on the web thread: fn gets each message. */
typedef void web_message_h(const void *msg, void *arg);
/* The body of an answer the server makes itself (400, 413, 431, 503 …); NULL handler: no body. */
typedef void web_error_h(struct web_response *resp, const char *detail, char *body,
			 size_t body_bytes);

struct web_conf {
	struct addr listen;	 /* family 0: none */
	const char *unix_path;	 /* local socket, mode 0600; NULL: none */
	size_t max_body;	 /* 0 = 1 MiB */
	uint32_t header_seconds; /* a whole head must have come within; 0 = 10 */
	uint32_t body_seconds;	 /* … a whole body; 0 = 30 */
	uint32_t idle_seconds;	 /* between requests; 0 = 60 */
	uint32_t answer_seconds; /* for the handler to answer, else 503; 0 = 60 */
	size_t max_conns;	 /* 0 = 1024; the local socket has 16 more of its own */
	size_t max_conns_per_ip; /* 0 = 256 */
	web_request_h *fn;
	web_error_h *error;
	void *arg;
};
int web_open(struct web **wp, const struct web_conf *conf, struct addr *bound) MUST_USE;
int web_watch_ring(struct web *w, struct ring *ring, size_t msg_bytes, web_message_h *fn,
		   void *arg) MUST_USE; /* before web_start */
int web_start(struct web *w) MUST_USE;
void web_stop(struct web *w); /* ends the thread; what it had open stays until web_close() */
struct web *web_close(struct web *w);
/* Answer.  ENOENT: answered before, or the client is gone; both are normal.  The response is copied. */
int web_reply(struct web *w, oid request, const struct web_response *resp);
/* The next piece of a body of which only the beginning was known: chunked, or for HTTP/1.0 up to the end of the connection.
 * ENOENT: the client is gone.  Before the last piece web_reply() closes the connection, so that nobody takes what came for
 * the whole. */
int web_more(struct web *w, oid request, struct str piece, bool is_last);
/* What the client has not taken yet of it, in bytes; 0 also when it is gone. */
size_t web_unsent(struct web *w, oid request);
/* Make a WebSocket of the request (RFC 6455).  What is no fitting hand-shake is refused here: EBADMSG; ENOSPC too many; ENOENT as above.
 * fn hears of messages, and once of the end, after which the id means nothing; it may come from within any of these calls. */
enum web_socket_kind { WEB_SOCKET_MESSAGE, WEB_SOCKET_CLOSED };
struct web_socket_event {
	enum web_socket_kind kind;
	oid socket;
	struct str payload; /* of a message; borrowed */
};
typedef void web_socket_h(const struct web_socket_event *ev, void *arg);
int web_upgrade(struct web *w, oid request, web_socket_h *fn, void *arg, oid *socketp) MUST_USE;
/* ENOENT: it is closed.  ENOBUFS: it reads too slowly, and is closed now. */
int web_socket_send(struct web *w, oid socket, struct str text);
void web_socket_close(struct web *w, oid socket, uint16_t code, const char *why);
/* Timers and time of the web thread. */
struct env web_env(struct web *w);

#endif
