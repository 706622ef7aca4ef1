/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web/http.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct http_head h;

/* 0, EAGAIN (as 1), or the status with which the head is refused. */
static unsigned parse(const char *text)
{
	unsigned status = 0;
	size_t used = 0;
	int err = http_head_parse(&h, str_of(text), &used, &status);

	if (err == EAGAIN)
		return 1;
	if (err)
		return status;
	assert_true(used <= strlen(text));
	return 0;
}

static void assert_str(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void plain_request_is_read(void **state)
{
	assert_int_equal(parse("GET /api/users?limit=2&q=a%20b HTTP/1.1\r\nHost: x\r\nX-Tenant:  "
			       "one.example \r\n\r\n"),
			 0);
	assert_str(h.method, "GET");
	assert_str(h.path, "/api/users");
	assert_str(h.query, "limit=2&q=a%20b");
	assert_str(http_field(&h, "x-tenant", NULL), "one.example");
	assert_true(h.keep_alive);
	assert_false(h.is_chunked || h.has_length);
}

static void every_cut_of_a_head_asks_for_more(void **state)
{
	static const char text[] = "\r\nPOST /a%41b HTTP/1.1\r\nHost: x\r\nContent-Length: "
				   "3\r\nConnection: close\r\n\r\n";

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1); /* exact size: a read beyond is seen */
		unsigned status;
		size_t used;

		memcpy(copy, text, n);
		copy[n] = '\0';
		assert_int_equal(http_head_parse(&h, (struct str){copy, n}, &used, &status),
				 EAGAIN);
		free(copy);
	}
	assert_int_equal(parse(text), 0);
	assert_str(h.path, "/aAb");
	assert_int_equal(h.content_length, 3);
	assert_false(h.keep_alive);
}

static void ambiguous_framing_is_refused(void **state)
{
	static const struct {
		const char *fields;
		unsigned status;
	} cases[] = {
		{"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
		{"Content-Length: 3\r\nContent-Length: 3\r\n", 400},
		{"Content-Length: 3\r\nContent-Length: 4\r\n", 400},
		{"Content-Length: 3, 3\r\n", 400},
		{"Content-Length: +3\r\n", 400},
		{"Content-Length: -1\r\n", 400},
		{"Content-Length: 0x3\r\n", 400},
		{"Content-Length: 3 \x0b\r\n", 400},
		{"Content-Length:\r\n", 400},
		{"Content-Length: 99999999999999999999999\r\n", 413},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding: gzip, chunked\r\n", 501},
		{"Transfer-Encoding: xchunked\r\n", 501},
		{"Transfer-Encoding: identity\r\n", 501},
		{"Transfer-Encoding : chunked\r\n", 400},
		{"Transfer-Encoding\t: chunked\r\n", 400},
		{" Transfer-Encoding: chunked\r\n", 400},
		{"X: a\r\n Transfer-Encoding: chunked\r\n", 400},
		{"X: a\rTransfer-Encoding: chunked\r\n", 400},
		{"X: a\nTransfer-Encoding: chunked\r\n", 400},
		{"Content-Length: 3\n", 400},
		{"No colon\r\n", 400},
		{": no name\r\n", 400},
		{"Host: y\r\n", 400}, /* a second one */
		{"Expect: 200-ok\r\n", 417},
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "POST /api/login HTTP/1.1\r\nHost: x\r\n%s\r\n",
			 cases[i].fields);
		if (parse(text) != cases[i].status)
			fail_msg("%s: %u", cases[i].fields, parse(text));
	}
	/* the same without the fault */
	assert_int_equal(
		parse("POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"),
		0);
	assert_true(h.is_chunked);
}

static void nul_in_a_field_is_refused(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n";
	unsigned status;
	size_t used;

	assert_int_equal(http_head_parse(&h, (struct str){text, sizeof(text) - 1}, &used, &status),
			 EBADMSG);
	assert_int_equal(status, 400);
}

static void request_lines_are_strict(void **state)
{
	static const struct {
		const char *line;
		unsigned status;
	} cases[] = {
		{"GET / HTTP/1.1", 0},
		{"GET http://h/a?b HTTP/1.1", 0},
		{"DELETE /a HTTP/1.0", 0},
		{"get / HTTP/2.0", 505},
		{"GET / HTTP/1.2", 400},
		{"GET / http/1.1", 400},
		{"GET /", 400},
		{"GET  / HTTP/1.1", 400},
		{"GET / HTTP/1.1 ", 400},
		{"GET /a b HTTP/1.1", 400},
		{"G@T / HTTP/1.1", 400},
		{"GET * HTTP/1.1", 400},
		{"CONNECT a:1 HTTP/1.1", 400},
		{"GET a HTTP/1.1", 400},
		{"GET http:///a HTTP/1.1", 400},
		{"GET /a#b HTTP/1.1", 400},
		{"\tGET / HTTP/1.1", 400},
		{"PRI * HTTP/2.0", 505},
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s\r\nHost: x\r\n\r\n", cases[i].line);
		if (parse(text) != cases[i].status)
			fail_msg("%s: %u", cases[i].line, parse(text));
	}
}

static void paths_that_read_two_ways_are_refused(void **state)
{
	static const char *const bad[] = {
		"/a/../b", "/..",    "/a/..",	   "/a/%2e%2e/b",   "/%2E%2e", "/./a",	"/a/.",
		"//a",	   "/a//b",  "/a%2fb",	   "/a%2Fb",	    "/a%5cb",  "/a\\b", "/a%00",
		"/%00",	   "/a%0ab", "/a%7f",	   "/a%",	    "/a%2",    "/a%zz", "/a%25",
		"/%c0%af", "/%ff",   "/%ed%a0%80", "/%f5%80%80%80", "/%c3",
	};
	char buf[256];
	struct str out;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!http_path_decode(buf, sizeof(buf), str_of(bad[i]), &out))
			fail_msg("%s was taken", bad[i]);
	assert_int_equal(http_path_decode(buf, sizeof(buf), STR("/caf%C3%A9/a%20b/...x/"), &out),
			 0);
	assert_str(out, "/caf\xc3\xa9/a b/...x/");
	assert_int_equal(http_path_decode(buf, sizeof(buf), STR("/"), &out), 0);
}

static void heads_are_bounded(void **state)
{
	struct buf b = {0};

	buf_cstr(&b, "GET /");
	for (int i = 0; i < HTTP_MAX_LINE; i++)
		buf_char(&b, 'a');
	assert_int_equal(parse(b.p), 414); /* without its end too */
	buf_reset(&b);
	buf_cstr(&b, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	while (b.n < HTTP_MAX_HEAD)
		buf_char(&b, 'a');
	assert_int_equal(parse(b.p), 431);
	buf_cstr(&b, "\r\n\r\n");
	assert_int_equal(parse(b.p), 431);
	buf_reset(&b);
	buf_cstr(&b, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < HTTP_MAX_FIELDS; i++)
		buf_cstr(&b, "X: y\r\n");
	assert_int_equal(parse(b.p), 431);
	buf_free(&b);
}

/* Fed in pieces of `piece` bytes. */
static int chunked(const char *text, size_t piece, struct buf *out, size_t *usedp)
{
	struct http_chunked c = {0};
	struct str rest = str_of(text);
	int err = EAGAIN;

	*usedp = 0;
	while (rest.n && err == EAGAIN) {
		struct str part = {rest.p, rest.n < piece ? rest.n : piece};
		size_t used;

		err = http_chunked_feed(&c, part, &used, out);
		rest.p += used;
		rest.n -= used;
		*usedp += used;
	}
	return err;
}

static void chunked_bodies_are_read_however_they_are_cut(void **state)
{
	static const char text[] = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\nGET /next";
	size_t used;

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct buf out = {0};

		assert_int_equal(chunked(text, piece, &out, &used), 0);
		assert_str(buf_view(&out), "hello world");
		assert_string_equal(text + used, "GET /next");
		buf_free(&out);
	}
}

static void bad_chunks_are_refused(void **state)
{
	static const char *const bad[] = {
		"\r\n",
		"x\r\n",
		"-1\r\n",
		"5\nhello",
		"5\r\nhelloX",
		"5\r\nhello\n0\r\n\r\n",
		"10000000000000000\r\n",
		"0\r\nT: 1\n\r\n",
		"5 \r\nhello\r\n",
		"0x5\r\nhello\r\n",
		"5;\nhello",
	};
	size_t used;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf out = {0};

		if (chunked(bad[i], 1000, &out, &used) != EBADMSG)
			fail_msg("%s was taken", bad[i]);
		buf_free(&out);
	}
}

static void chunk_overhead_and_size_are_bounded(void **state)
{
	struct buf text = {0}, out = {.max = 100};
	size_t used;

	buf_cstr(&text, "1;");
	for (int i = 0; i < 10000; i++)
		buf_char(&text, 'e');
	assert_int_equal(chunked(text.p, 4096, &out, &used), EBADMSG);
	buf_reset(&text);
	buf_cstr(&text, "ff\r\n");
	for (int i = 0; i < 255; i++)
		buf_char(&text, 'd');
	buf_reset(&out);
	assert_int_equal(chunked(text.p, 50, &out, &used), ENOSPC);
	buf_free(&text);
	buf_free(&out);
}

static void responses_carry_the_protecting_headers(void **state)
{
	struct web_response r = {.status = 201,
				 .content_type = "application/json",
				 .headers = STR("Location: /api/users/1\r\n"),
				 .body = STR("{}")};
	struct http_write w = {.resp = &r, .request_id = "abc", .keep_alive = true};
	struct buf b = {0};

	http_response_write(&b, &w);
	assert_non_null(strstr(b.p, "HTTP/1.1 201 Created\r\n"));
	assert_non_null(strstr(b.p, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
	assert_non_null(strstr(b.p, "Content-Length: 2\r\n"));
	assert_non_null(strstr(b.p, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(b.p, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(b.p, "frame-ancestors 'none'"));
	assert_non_null(strstr(b.p, "X-Request-Id: abc\r\n"));
	assert_non_null(strstr(b.p, "\r\n\r\n{}"));

	w.is_head = true;
	buf_reset(&b);
	http_response_write(&b, &w);
	assert_non_null(strstr(b.p, "Content-Length: 2\r\n"));
	assert_null(strstr(b.p, "\r\n\r\n{}"));

	w.is_head = false;
	r.status = 204;
	buf_reset(&b);
	http_response_write(&b, &w);
	assert_null(strstr(b.p, "Content-Length"));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_request_is_read),
		cmocka_unit_test(every_cut_of_a_head_asks_for_more),
		cmocka_unit_test(ambiguous_framing_is_refused),
		cmocka_unit_test(nul_in_a_field_is_refused),
		cmocka_unit_test(request_lines_are_strict),
		cmocka_unit_test(paths_that_read_two_ways_are_refused),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(chunked_bodies_are_read_however_they_are_cut),
		cmocka_unit_test(bad_chunks_are_refused),
		cmocka_unit_test(chunk_overhead_and_size_are_bounded),
		cmocka_unit_test(responses_carry_the_protecting_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
