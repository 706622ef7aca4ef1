/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A webhook's POST. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include "hook/try.h"

enum { ANSWER_BYTES = 65536 };

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct try *t = arg;

	t->nread += size * n;
	return t->nread > ANSWER_BYTES ? 0 : size * n;
}

static bool sign(struct try *t)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 1], value[2 * EVP_MAX_MD_SIZE + 16];
	const char *key = t->item.hook->secret;

	if (!HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)t->item.body,
		  strlen(t->item.body), mac, &n) ||
	    hex_encode(hex, sizeof(hex), mac, n))
		return false;
	(void)snprintf(value, sizeof(value), "sha256=%s", hex);
	return try_add_header(t, "X-Offhook-Signature", value);
}

static bool set_headers(struct try *t)
{
	char id[24];

	(void)snprintf(id, sizeof(id), "%" PRIu64, t->item.id);
	return try_add_header(t, "Content-Type", "application/json") &&
	       try_add_header(t, "X-Offhook-Event", t->item.key) &&
	       try_add_header(t, "X-Offhook-Delivery", id) && try_add_header(t, "Expect", "") &&
	       sign(t);
}

bool post_prepare(struct try *t)
{
	const struct webhook *h = t->item.hook;
	bool ok = set_headers(t);

	t->may_be_private = h->allow_private;
	ok = ok && try_set_common(t);
	TRY_SET(t, ok, CURLOPT_URL, h->url);
	TRY_SET(t, ok, CURLOPT_PROTOCOLS_STR, "http,https");
	TRY_SET(t, ok, CURLOPT_FOLLOWLOCATION, 0L);
	TRY_SET(t, ok, CURLOPT_TIMEOUT, (long)h->timeout_seconds);
	TRY_SET(t, ok, CURLOPT_POST, 1L);
	TRY_SET(t, ok, CURLOPT_POSTFIELDS, t->item.body);
	TRY_SET(t, ok, CURLOPT_POSTFIELDSIZE, (long)strlen(t->item.body));
	TRY_SET(t, ok, CURLOPT_USERAGENT, "Offhook");
	TRY_SET(t, ok, CURLOPT_WRITEFUNCTION, on_answer);
	TRY_SET(t, ok, CURLOPT_WRITEDATA, t);
	if (h->authentication != WEBHOOK_AUTH_NONE) {
		TRY_SET(t, ok, CURLOPT_HTTPAUTH,
			h->authentication == WEBHOOK_AUTH_BASIC ? (long)CURLAUTH_BASIC
								: (long)CURLAUTH_DIGEST);
		TRY_SET(t, ok, CURLOPT_USERNAME, h->username);
		TRY_SET(t, ok, CURLOPT_PASSWORD, h->password);
	}
	return ok;
}

void post_judge(struct try *t, CURLcode code, char error[TRY_ERROR_BYTES],
		struct outbox_result *result)
{
	long status = 0;

	if (t->curl)
		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->is_private)
		(void)snprintf(error, TRY_ERROR_BYTES, "it leads to a private address");
	else if (code)
		(void)snprintf(error, TRY_ERROR_BYTES, "%.180s",
			       *t->error ? t->error : curl_easy_strerror(code));
	else if (status < 200 || status > 299)
		(void)snprintf(error, TRY_ERROR_BYTES, "answered %ld", status);
	result->status = status;
}
