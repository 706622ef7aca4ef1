/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor for reads over HTTP: libwebsockets' own server, one thread, whose handler knows nothing and answers each path /N
 * with N bytes that it had from the start.
 *
 * Usage: bare_http ADDRESS PORT
 */
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 };

static unsigned char body[LWS_PRE + MOST];

struct answer {
	size_t n;
};

static int begin(struct lws *wsi, struct answer *a, const char *path)
{
	unsigned char head[LWS_PRE + 512], *start = head + LWS_PRE, *p = start,
					   *end = head + sizeof(head);

	a->n = strtoul(path + (*path == '/'), NULL, 10);
	if (a->n > MOST ||
	    lws_add_http_common_headers(wsi, HTTP_STATUS_OK, "application/json", a->n, &p, end) ||
	    lws_finalize_write_http_header(wsi, start, &p, end))
		return 1;
	return lws_callback_on_writable(wsi) < 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t n)
{
	struct answer *a = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return begin(wsi, a, in);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		if (lws_write(wsi, body + LWS_PRE, a->n, LWS_WRITE_HTTP_FINAL) != (int)a->n)
			return 1;
		return lws_http_transaction_completed(wsi);
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, n);
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{"http", on_event, sizeof(struct answer), 0, 0, NULL, 0},
		{NULL, NULL, 0, 0, 0, NULL, 0},
	};
	struct lws_context_creation_info info = {.protocols = protocols, .keepalive_timeout = 60};
	struct lws_context *context;

	if (argc != 3) {
		fprintf(stderr, "usage: bare_http ADDRESS PORT\n");
		return 2;
	}
	memset(body + LWS_PRE, 'x', MOST);
	info.iface = argv[1];
	info.port = (int)strtol(argv[2], NULL, 10);
	lws_set_log_level(LLL_ERR, NULL);
	context = lws_create_context(&info);
	if (!context)
		return 1;
	while (lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);
	return 0;
}
