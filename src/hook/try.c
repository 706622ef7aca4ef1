/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include "base/addr.h"
#include "hook/try.h"

/* Networks that belong to the machine, its site, or nobody. */
static bool is_private(const struct sockaddr *sa)
{
	static const char *const nets[] = {
		"0.0.0.0/8",	  "10.0.0.0/8",	   "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",  "192.168.0.0/16",
		"198.18.0.0/15",  "224.0.0.0/3",   "::/127",	    "fc00::/7",
		"fe80::/10",	  "ff00::/8",	   "::ffff:0:0/96", "64:ff9b::/96"};
	struct addr a;
	struct addr_net net;

	if (addr_from_sockaddr(&a, sa))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		if (!addr_net_parse(&net, str_of(nets[i])) && addr_net_has(&net, &a))
			return true;
	return false;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct try *t = arg;

	if (!t->may_be_private && is_private(&to->addr)) {
		t->is_private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

bool try_add_header(struct try *t, const char *name, const char *value)
{
	struct buf line = {0};
	struct curl_slist *more = NULL;

	buf_printf(&line, "%s: %s", name, value);
	if (!line.err)
		more = curl_slist_append(t->headers, line.p);
	buf_free(&line);
	t->headers = more ? more : t->headers;
	return more != NULL;
}

bool try_set_common(struct try *t)
{
	bool ok = true;

	TRY_SET(t, ok, CURLOPT_PROXY, "");
	TRY_SET(t, ok, CURLOPT_NOSIGNAL, 1L);
	TRY_SET(t, ok, CURLOPT_HTTPHEADER, t->headers);
	TRY_SET(t, ok, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	TRY_SET(t, ok, CURLOPT_OPENSOCKETDATA, t);
	TRY_SET(t, ok, CURLOPT_ERRORBUFFER, t->error);
	TRY_SET(t, ok, CURLOPT_PRIVATE, t);
	TRY_SET(t, ok, CURLOPT_FRESH_CONNECT, 1L); /* an address is judged anew each time */
	TRY_SET(t, ok, CURLOPT_FORBID_REUSE, 1L);
	return ok;
}

void try_close(struct try *t, CURLM *multi)
{
	if (t->curl) {
		curl_multi_remove_handle(multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_mime_free(t->mime);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->recipients);
	buf_free(&t->url);
	outbox_item_free(&t->item);
	*t = (struct try){0};
}
