/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  The database says what is due, and is told how each try ended; nothing is remembered here, so a crash at any moment
 * costs at most that something is told twice (X-Offhook-Delivery is the same then).
 *
 * An address is judged when the connection is made to it, not by its name: a name may lead somewhere else the next time it
 * is asked for.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "hook/hook.h"
#include "store/outbox.h"

enum { IDLE_MS = 300, ANSWER_BYTES = 65536, ERROR_BYTES = 200 };
static const int64_t keep_us = INT64_C(7) * 24 * 3600 * 1000000;
static const int64_t prune_us = INT64_C(600) * 1000000;

struct
try {
	struct outbox_item item; /* item.hook NULL: free */
	CURL *curl;
	struct curl_slist *headers;
	size_t nread;
	bool is_private; /* it led to such an address */
	char error[CURL_ERROR_SIZE];
};

struct hooks {
	struct outbox *outbox;
	struct store *store;
	uint64_t node;
	CURLM *multi;
	struct try tries[OUTBOX_AT_ONCE];
	size_t busy;
	int64_t pruned_us;
	struct thread *thread;
	_Atomic bool is_stopping;
};

/* ---- where to ---- */

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

	if (!t->item.hook->allow_private && is_private(&to->addr)) {
		t->is_private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct try *t = arg;

	t->nread += size * n;
	return t->nread > ANSWER_BYTES ? 0 : size * n;
}

/* ---- one request ---- */

static void add_header(struct try *t, const char *name, const char *value)
{
	char line[256];
	struct curl_slist *more;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	more = curl_slist_append(t->headers, line);
	t->headers = more ? more : t->headers;
}

static void sign(struct try *t)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 1], value[2 * EVP_MAX_MD_SIZE + 16];
	const char *key = t->item.hook->secret;

	if (!HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)t->item.body,
		  strlen(t->item.body), mac, &n) ||
	    hex_encode(hex, sizeof(hex), mac, n))
		return;
	(void)snprintf(value, sizeof(value), "sha256=%s", hex);
	add_header(t, "X-Offhook-Signature", value);
}

static void set_headers(struct try *t)
{
	char id[24];

	(void)snprintf(id, sizeof(id), "%" PRIu64, t->item.id);
	add_header(t, "Content-Type", "application/json");
	add_header(t, "X-Offhook-Event", t->item.key);
	add_header(t, "X-Offhook-Delivery", id);
	add_header(t, "Expect", "");
	sign(t);
}

static bool set_options(struct try *t)
{
	const struct webhook *h = t->item.hook;
	CURL *c = t->curl;
	bool ok = true;

#define SET(option, value) (ok = ok && curl_easy_setopt(c, option, value) == CURLE_OK)
	SET(CURLOPT_URL, h->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT, (long)h->timeout_seconds);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, t->item.body);
	SET(CURLOPT_POSTFIELDSIZE, (long)strlen(t->item.body));
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_USERAGENT, "Offhook");
	SET(CURLOPT_WRITEFUNCTION, on_answer);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_PRIVATE, t);
	SET(CURLOPT_FRESH_CONNECT, 1L); /* an address is judged anew each time */
	SET(CURLOPT_FORBID_REUSE, 1L);
	if (h->authentication != WEBHOOK_AUTH_NONE) {
		SET(CURLOPT_HTTPAUTH, h->authentication == WEBHOOK_AUTH_BASIC
					      ? (long)CURLAUTH_BASIC
					      : (long)CURLAUTH_DIGEST);
		SET(CURLOPT_USERNAME, h->username);
		SET(CURLOPT_PASSWORD, h->password);
	}
#undef SET
	return ok;
}

static void free_try(struct hooks *h, struct try *t)
{
	if (t->curl) {
		curl_multi_remove_handle(h->multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_slist_free_all(t->headers);
	outbox_item_free(&t->item);
	*t = (struct try){0};
	h->busy--;
}

static void report(struct hooks *h, struct try *t, int64_t status, const char *error)
{
	int64_t now_us = clock_wall_us(clock_real());
	struct log_ctx ctx = {.tenant = t->item.tenant_id};

	if (*error)
		log_info(&ctx, LOGID_WEBHOOK, "webhook to %s: %s; tried again later",
			 t->item.hook->url, error);
	if (outbox_tried(h->outbox, &t->item, now_us, status, error))
		log_warn(&ctx, LOGID_WEBHOOK, "the database does not take how a webhook ended");
	free_try(h, t);
}

static void start(struct hooks *h, struct outbox_item *item)
{
	struct try *t = h->tries;

	while (t->item.hook)
		t++;
	h->busy++;
	t->item = *item;
	*item = (struct outbox_item){0};
	t->curl = curl_easy_init();
	if (t->curl)
		set_headers(t);
	if (!t->curl || !set_options(t) || curl_multi_add_handle(h->multi, t->curl))
		return report(h, t, 0, "out of memory");
}

static bool is_under_way(const struct hooks *h, const struct outbox_item *it)
{
	for (size_t i = 0; i < OUTBOX_AT_ONCE; i++)
		if (h->tries[i].item.hook && h->tries[i].item.tenant_id == it->tenant_id &&
		    h->tries[i].item.hook->o.id == it->hook->o.id)
			return true;
	return false;
}

static void start_due(struct hooks *h)
{
	struct outbox_item due[OUTBOX_AT_ONCE];
	int64_t now_us = clock_wall_us(clock_real());
	size_t n = 0;

	if (now_us - h->pruned_us > prune_us) {
		h->pruned_us = now_us;
		if (outbox_prune(h->outbox, now_us - keep_us))
			log_warn(NULL, LOGID_WEBHOOK, "old deliveries could not be removed");
	}
	if (outbox_due(h->outbox, now_us, due, &n))
		return; /* the database is away: next time */
	for (size_t i = 0; i < n; i++) {
		if (h->busy < OUTBOX_AT_ONCE && !is_under_way(h, &due[i]))
			start(h, &due[i]);
		else
			outbox_item_free(&due[i]);
	}
}

static void ended(struct hooks *h, const CURLMsg *m)
{
	char error[ERROR_BYTES] = "";
	struct try *t = NULL;
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	if (t->is_private)
		(void)snprintf(error, sizeof(error), "it leads to a private address");
	else if (m->data.result)
		(void)snprintf(error, sizeof(error), "%.180s",
			       *t->error ? t->error : curl_easy_strerror(m->data.result));
	else if (status < 200 || status > 299)
		(void)snprintf(error, sizeof(error), "answered %ld", status);
	return report(h, t, status, error);
}

static void hook_main(void *arg)
{
	struct hooks *h = arg;

	while (!h->outbox && !atomic_load(&h->is_stopping))
		if (outbox_open(&h->outbox, h->store, h->node))
			usleep(IDLE_MS * 1000);
	while (!atomic_load(&h->is_stopping)) {
		bool has_ended = false; /* then the next of that webhook may be due */
		int running = 0, left;
		CURLMsg *m;

		start_due(h);
		curl_multi_perform(h->multi, &running);
		while ((m = curl_multi_info_read(h->multi, &left))) {
			if (m->msg != CURLMSG_DONE)
				continue;
			ended(h, m);
			has_ended = true;
		}
		if (!has_ended && h->busy == (size_t)running)
			curl_multi_poll(h->multi, NULL, 0, IDLE_MS, NULL);
	}
}

int hooks_start(struct hooks **hp, struct store *s, uint64_t node)
{
	struct hooks *h = calloc(1, sizeof(*h));
	int err = h ? 0 : ENOMEM;

	if (err)
		return err;
	h->store = s;
	h->node = node;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->multi = curl_multi_init()))
		err = ENOMEM;
	if (!err)
		err = thread_start(&h->thread, "hooks", THREAD_WORKER, hook_main, h);
	if (err)
		hooks_stop(h);
	else
		*hp = h;
	return err;
}

struct hooks *hooks_stop(struct hooks *h)
{
	if (!h)
		return NULL;
	atomic_store(&h->is_stopping, true);
	if (h->multi)
		curl_multi_wakeup(h->multi);
	h->thread = thread_join(h->thread);
	for (size_t i = 0; i < OUTBOX_AT_ONCE; i++)
		if (h->tries[i].item.hook)
			free_try(h, &h->tries[i]);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	outbox_close(h->outbox);
	free(h);
	return NULL;
}
