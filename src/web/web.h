/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP server: requests in, responses out, later or at once; knows no telephony.  Built on libwebsockets, HTTP/1.1.
 *
 * Thread     web_open, web_close: main.  The handler and web_reply: the web thread.
 * Ownership  a request belongs to the server until it is answered or its client is gone; keep its id, not the pointer
 * Errors     web_listen: EADDRINUSE …
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/addr.h"
#include "base/ids.h"
#include "base/ring.h"

struct web;

struct web_request {
	oid id;
	struct str method, path, query; /* path unescaped and normalised; query as sent */
	struct str body;
	struct addr remote;
	bool is_local;	/* came over the Unix socket: the machine's administrator */
	const struct web *web;
};
/* A request header by lower-case name ("authorization"); STR_NONE when absent. */
struct str web_header(const struct web_request *req, const char *name);

struct web_response {
	unsigned status;
	const char *content_type;
	struct str headers; /* further whole lines */
	struct str body;
};
typedef void web_request_h(const struct web_request *req, void *arg);
/* A ring of answers from other threads, drained on the web thread: fn gets each message. */
typedef void web_message_h(const void *msg, void *arg);

struct web_conf {
	struct addr listen;
	const char *unix_path;	/* local socket, mode 0600; NULL none */
	size_t max_body;	/* 0 = 1 MiB */
	uint32_t header_seconds; /* 0 = 10 */
	web_request_h *fn;
	void *arg;
};
int web_open(struct web **wp, const struct web_conf *conf, struct addr *bound) MUST_USE;
int web_watch_ring(struct web *w, struct ring *ring, size_t msg_bytes, web_message_h *fn, void *arg) MUST_USE; /* before web_start */
int web_start(struct web *w) MUST_USE;
struct web *web_close(struct web *w);
/* Answer; EALREADY or ENOENT (client gone) are normal. */
int web_reply(struct web *w, oid request, const struct web_response *resp);

#endif
