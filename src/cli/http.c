/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ANSWER = 64 << 20, TIMEOUT_S = 60 };

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_add(b, p, size * n);
	return b->err ? 0 : size * n;
}

int cli_add_query(struct buf *path, const char *name, struct str value)
{
	char *n = curl_easy_escape(NULL, name, 0),
	     *v = value.n ? curl_easy_escape(NULL, value.p, (int)value.n) : NULL;

	buf_printf(path, "%c%s=%s", path->p && strchr(path->p, '?') ? '&' : '?', n ? n : "",
		   v ? v : "");
	if (!n || (value.n && !v))
		path->err = ENOMEM;
	curl_free(n);
	curl_free(v);
	return path->err;
}

static struct curl_slist *headers_of(const struct cli *c, const char *content_type)
{
	struct curl_slist *list = NULL;
	struct buf line = {0};

	if (c->token) {
		buf_printf(&line, "Authorization: Bearer %s", c->token);
		list = curl_slist_append(list, line.p);
	}
	buf_reset(&line);
	if (c->tenant) {
		buf_printf(&line, "X-Tenant: %s", c->tenant);
		list = curl_slist_append(list, line.p);
	}
	if (content_type) {
		buf_reset(&line);
		buf_printf(&line, "Content-Type: %s", content_type);
		list = curl_slist_append(list, line.p);
	}
	buf_free(&line);
	return curl_slist_append(list, "Expect:"); /* no round trip for small bodies */
}

static void tell_problem(const json_t *problem, long status)
{
	const json_t *errors = json_object_get(problem, "errors"), *e;
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	size_t i;

	fprintf(stderr, "offhook: %s (%ld)\n", detail ? detail : "the server refused", status);
	json_array_foreach((json_t *)errors, i, e)
	{
		const char *field = json_string_value(json_object_get(e, "field"));
		const char *message = json_string_value(json_object_get(e, "message"));

		fprintf(stderr, "  %s: %s\n", field ? field : "", message ? message : "");
	}
}

static int read_answer(const struct buf *body, long status, json_t **jsonp)
{
	json_t *json = body->n ? json_loadb(body->p, body->n, JSON_DECODE_ANY, NULL) : NULL;

	if (status >= 400) {
		tell_problem(json, status);
		json_decref(json);
		return status >= 500 ? CLI_FAILED : CLI_REFUSED;
	}
	if (body->n && !json) {
		fprintf(stderr, "offhook: what answered is not Offhook (status %ld)\n", status);
		return CLI_FAILED;
	}
	if (jsonp)
		*jsonp = json;
	else
		json_decref(json);
	return CLI_OK;
}

static int perform(struct cli *c, CURL *curl, long *status)
{
	char error[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	rc = curl_easy_perform(curl);
	if (rc != CURLE_OK) {
		fprintf(stderr, "offhook: cannot reach the server at %s: %s\n",
			c->socket ? c->socket : c->url, error[0] ? error : curl_easy_strerror(rc));
		if (c->socket)
			fputs("Is offhookd running?  --socket PATH, or --url URL with --token, say "
			      "where it is.\n",
			      stderr);
		return CLI_UNREACHABLE;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return CLI_OK;
}

/* What is sent is borrowed. */
static int exchange(struct cli *c, const char *method, const char *path, const char *content_type,
		    struct str sent, struct buf *answer, long *codep)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = headers_of(c, content_type);
	struct buf url = {0};
	int status = CLI_FAILED;

	buf_printf(&url, "%s%s", c->socket ? "http://offhook" : c->url, path);
	if (!curl || url.err)
		goto out;
	curl_easy_setopt(curl, CURLOPT_URL, url.p);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (c->socket) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (content_type) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sent.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sent.n ? sent.p : "");
	}
	status = perform(c, curl, codep);
out:
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	buf_free(&url);
	return status;
}

int cli_request(struct cli *c, const char *method, const char *path, const json_t *body,
		json_t **jsonp)
{
	struct buf answer = {.max = MAX_ANSWER};
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int status = CLI_FAILED;
	long code = 0;

	if (jsonp)
		*jsonp = NULL;
	if (!body || text)
		status = exchange(c, method, path, body ? "application/json" : NULL, str_of(text),
				  &answer, &code);
	if (!status)
		status = read_answer(&answer, code, jsonp);
	buf_free(&answer);
	free(text);
	return status;
}

int cli_bytes(struct cli *c, const char *path, const struct buf *sent, struct buf *got)
{
	long code = 0;
	int status =
		exchange(c, sent ? "POST" : "GET", path, sent ? "application/octet-stream" : NULL,
			 sent ? buf_view(sent) : STR_NONE, got, &code);

	if (status || code < 400)
		return status;
	return read_answer(got, code, NULL);
}

int cli_openapi(struct cli *c)
{
	if (c->openapi)
		return CLI_OK;
	return cli_request(c, "GET", "/api/openapi.json", NULL, &c->openapi);
}
