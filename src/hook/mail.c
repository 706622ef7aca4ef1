/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An e-mail: its head and parts (RFC 5322, RFC 2045), handed to a mail server (RFC 5321, 3207, 4954).
 *
 * Its Message-ID is that of the delivery: who gets a mail twice, as its server was not heard to take it, can tell.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/str.h"
#include "hook/try.h"

static const int64_t day_us = INT64_C(86400) * 1000000;
enum { GIVE_UP_DAYS = 3, WORD_BYTES = 42, MOST_CODES = 20 /* shared_devices */ };

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)text[i] << 16;

		v |= i + 1 < n ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint8_t)text[i + 2] : 0;
		buf_char(out, base64[v >> 18]);
		buf_char(out, base64[v >> 12 & 63]);
		buf_char(out, i + 1 < n ? base64[v >> 6 & 63] : '=');
		buf_char(out, i + 2 < n ? base64[v & 63] : '=');
	}
}

/* Words of RFC 2047, cut between characters; lines are folded between words. */
static void add_words(struct buf *out, const char *text)
{
	size_t n = strlen(text), at = 0;

	do {
		size_t len = n - at < WORD_BYTES ? n - at : WORD_BYTES;

		while (at + len < n && len && ((uint8_t)text[at + len] & 0xc0) == 0x80)
			len--;
		buf_cstr(out, at ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		add_base64(out, text + at, len);
		buf_cstr(out, "?=");
		at += len;
	} while (at < n);
}

static bool add_texts(struct try *t, const char *name, const char *text, const char *address)
{
	struct buf v = {0};
	bool ok;

	if (*text)
		add_words(&v, text);
	if (*address)
		buf_printf(&v, *text ? " <%s>" : "%s", address);
	ok = !v.err && v.n && try_add_header(t, name, v.p);
	buf_free(&v);
	return ok;
}

static const char *domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at ? at + 1 : address;
}

static bool set_head(struct try *t, const char *to, const char *subject)
{
	const struct mail_server *s = t->item.server;
	const time_t at = (time_t)(t->item.at_us / 1000000);
	char date[64], id[300];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	(void)snprintf(id, sizeof(id), "<%" PRIx64 ".%" PRIx64 "@%.255s>", t->item.id,
		       t->item.tenant_id, domain_of(s->sender));
	return add_texts(t, "From", s->sender_name, s->sender) && add_texts(t, "To", "", to) &&
	       add_texts(t, "Subject", subject, "") && try_add_header(t, "Date", date) &&
	       try_add_header(t, "Message-ID", id) &&
	       try_add_header(t, "Auto-Submitted", "auto-generated");
}

static bool add_file(struct try *t, const struct buf *file, const char *name, const char *type)
{
	curl_mimepart *part = curl_mime_addpart(t->mime);

	return part && !curl_mime_data(part, file->p ? file->p : "", file->n) &&
	       !curl_mime_type(part, type) && !curl_mime_filename(part, name) &&
	       !curl_mime_encoder(part, "base64");
}

static bool set_parts(struct try *t, const char *text, const struct buf *file, const char *name)
{
	curl_mimepart *part;

	t->mime = curl_mime_init(t->curl);
	part = t->mime ? curl_mime_addpart(t->mime) : NULL;
	return part && !curl_mime_data(part, text, CURL_ZERO_TERMINATED) &&
	       !curl_mime_type(part, "text/plain; charset=utf-8") &&
	       !curl_mime_encoder(part, "quoted-printable") &&
	       (!file || add_file(t, file, name, "text/csv; charset=utf-8"));
}

/* EXT-3: one picture for each device; none is kept anywhere. */
static bool add_codes(struct try *t, struct outbox *o, uint64_t extension_id, struct buf *text)
{
	struct buf png[MOST_CODES] = {{0}};
	char name[MOST_CODES][80];
	size_t n = 0;
	int err = 0;
	bool ok;

	while (!err && n < MOST_CODES) {
		err = outbox_code(o, &t->item, extension_id, n, &png[n], name[n]);
		n += !err;
	}
	if (n)
		buf_cstr(text,
			 "\nEach picture is for one device: a softphone that scans it signs in.\n");
	ok = (!err || err == ENOENT) && !text->err && set_parts(t, text->p, NULL, NULL);
	for (size_t i = 0; i < n; i++) {
		ok = ok && add_file(t, &png[i], name[i], "image/png");
		explicit_bzero(png[i].p, png[i].n);
		buf_free(&png[i]);
	}
	return ok;
}

static uint64_t id_in(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));
	uint64_t id = 0;

	return text && !str_u64(str_of(text), &id) ? id : 0;
}

/* The text, and what is attached, or why it is not. */
static bool set_content(struct try *t, struct outbox *o, const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "text"));
	const uint64_t report_id = id_in(body, "report_id"), codes_of = id_in(body, "codes_of");
	struct buf whole = {0}, file = {0};
	char name[80];
	int err;
	bool ok;

	if (!text)
		return false;
	err = outbox_attachment(o, &t->item, report_id, &file, name);
	buf_cstr(&whole, text);
	if (err == EFBIG)
		buf_cstr(&whole, "\nIt is too large for this mail: download it.\n");
	else if (err == ENOENT && report_id)
		buf_cstr(&whole, "\nIt has been deleted since.\n");
	ok = !whole.err && (!err || err == ENOENT || err == EFBIG) &&
	     (codes_of ? add_codes(t, o, codes_of, &whole)
		       : set_parts(t, whole.p, err ? NULL : &file, name));
	buf_free(&whole);
	buf_free(&file);
	return ok;
}

/* The last line that the server has said, but for its good-bye. */
static size_t on_line(char *p, size_t size, size_t n, void *arg)
{
	struct try *t = arg;
	struct str line = str_trim((struct str){p, size * n});

	if (strncmp(p, "221", size * n < 3 ? size * n : 3) != 0)
		(void)snprintf(t->answer, sizeof(t->answer), "%.*s", STR_ARG(line));
	return size * n;
}

static bool set_server(struct try *t)
{
	const struct mail_server *s = t->item.server;
	const bool is_ipv6 = strchr(s->host, ':') != NULL;
	struct curl_blob ca = {.data = (void *)(uintptr_t)s->ca, .len = strlen(s->ca)};
	bool ok;

	buf_printf(&t->url, is_ipv6 ? "%s://[%s]:%" PRId64 "/%s" : "%s://%s:%" PRId64 "/%s",
		   s->security == MAIL_SECURITY_SSL ? "smtps" : "smtp", s->host, s->port,
		   domain_of(s->sender));
	ok = !t->url.err;
	TRY_SET(t, ok, CURLOPT_URL, t->url.p);
	TRY_SET(t, ok, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	TRY_SET(t, ok, CURLOPT_USE_SSL,
		s->security == MAIL_SECURITY_NONE ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	TRY_SET(t, ok, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	TRY_SET(t, ok, CURLOPT_TIMEOUT, (long)s->timeout_seconds);
	if (ca.len)
		TRY_SET(t, ok, CURLOPT_CAINFO_BLOB, &ca);
	if (*s->username) {
		TRY_SET(t, ok, CURLOPT_USERNAME, s->username);
		TRY_SET(t, ok, CURLOPT_PASSWORD, s->password);
	}
	return ok;
}

static bool set_mail(struct try *t, struct outbox *o, const json_t *body)
{
	const char *to = json_string_value(json_object_get(body, "to"));
	const char *subject = json_string_value(json_object_get(body, "subject"));
	bool ok = to && subject && set_head(t, to, subject) && set_content(t, o, body);

	if (ok)
		t->recipients = curl_slist_append(NULL, to);
	ok = ok && t->recipients && try_set_common(t) && set_server(t);
	TRY_SET(t, ok, CURLOPT_MAIL_FROM, t->item.server->sender);
	TRY_SET(t, ok, CURLOPT_MAIL_RCPT, t->recipients);
	TRY_SET(t, ok, CURLOPT_MIMEPOST, t->mime);
	TRY_SET(t, ok, CURLOPT_HEADERFUNCTION, on_line);
	TRY_SET(t, ok, CURLOPT_HEADERDATA, t);
	return ok;
}

bool mail_prepare(struct try *t, struct outbox *o)
{
	const struct mail_server *s = t->item.server;
	json_t *body = json_loads(t->item.body, 0, NULL);
	bool ok;

	t->may_be_private = !s->o.tenant_id || s->allow_private;
	ok = body && set_mail(t, o, body);
	json_decref(body);
	return ok;
}

void mail_judge(struct try *t, CURLcode code, int64_t now_us, char error[TRY_ERROR_BYTES],
		struct outbox_result *result)
{
	long status = 0;

	if (t->curl)
		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->is_private)
		(void)snprintf(error, TRY_ERROR_BYTES,
			       "the server's name leads to a private address");
	else if (code)
		(void)snprintf(error, TRY_ERROR_BYTES, "%.180s",
			       *t->error ? t->error : curl_easy_strerror(code));
	result->status = status;
	result->answer = t->answer;
	/* 5xx is the last word on this mail; but a sign-in or TLS that fails is for the administrator to mend. */
	result->is_for_good =
		!strcmp(t->item.key, MAIL_TEST) ||
		(status >= 500 && code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED) ||
		now_us - t->item.at_us > GIVE_UP_DAYS * day_us;
}
