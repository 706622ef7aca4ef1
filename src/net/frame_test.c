/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/frame.h"

#define REQ    "OPTIONS sip:a@b SIP/2.0\r\n"
#define VIA    "Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"
#define HELLO  REQ VIA "Content-Length: 5\r\n\r\nhello"
#define NOBODY "SIP/2.0 200 OK\r\n" VIA "l: 0\r\n\r\n"

static enum frame_kind once(const char *text, size_t n, size_t *take)
{
	struct frame f = {0};
	uint8_t *exact = malloc(n ? n : 1); /* so that reading beyond is seen */
	enum frame_kind kind;

	assert_non_null(exact);
	memcpy(exact, text, n);
	kind = frame_next(&f, exact, n, take);
	free(exact);
	return kind;
}

#define assert_frame(text, kind, taken)                                                            \
	do {                                                                                       \
		size_t take_;                                                                      \
		assert_int_equal(once(text, sizeof(text) - 1, &take_), kind);                      \
		assert_int_equal(take_, taken);                                                    \
	} while (0)

static void message_ends_where_its_length_says(void **state)
{
	assert_frame(HELLO, FRAME_MESSAGE, strlen(HELLO));
	assert_frame(HELLO "more", FRAME_MESSAGE, strlen(HELLO));
	assert_frame(NOBODY NOBODY, FRAME_MESSAGE, strlen(NOBODY));
	assert_frame(REQ "l:3\r\n\r\n\r\n\r\n", FRAME_MESSAGE, strlen(REQ "l:3\r\n\r\n\r\n\r"));
}

static void every_form_of_the_length_is_read(void **state)
{
	static const char *const forms[] = {
		"Content-Length: 5",
		"content-length:5",
		"CONTENT-LENGTH : 5  ",
		"l: 5",
		"L\t: 5",
		"l:\r\n 5",
		"Content-Length\t:\t5\r\n \t",
		"l: 00005",
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char text[256];
		size_t take, n;

		strcat(strcat(memcpy(text, REQ VIA, sizeof(REQ VIA)), forms[i]), "\r\n\r\nhello");
		n = strlen(text);
		assert_int_equal(once(text, n, &take), FRAME_MESSAGE);
		assert_int_equal(take, n);
	}
}

static void any_cut_gives_the_same_messages(void **state)
{
	static const char stream[] = "\r\n\r\n" HELLO "\r\n" NOBODY HELLO "\r\n\r\n\r\n" NOBODY;
	static const enum frame_kind want[] = {FRAME_PING,    FRAME_MESSAGE, FRAME_SKIP,
					       FRAME_MESSAGE, FRAME_MESSAGE, FRAME_PING,
					       FRAME_SKIP,    FRAME_MESSAGE};
	const size_t n = sizeof(stream) - 1;

	for (size_t step = 1; step <= n; step++) {
		struct frame f = {0};
		size_t begin = 0, got = 0, take;

		for (size_t end = step; begin < n; end = end + step < n ? end + step : n)
			for (;;) {
				enum frame_kind kind = frame_next(
					&f, (const uint8_t *)stream + begin, end - begin, &take);

				if (kind == FRAME_MORE)
					break;
				assert_true(got < ARRAY_LEN(want));
				assert_int_equal(kind, want[got++]);
				begin += take;
			}
		assert_int_equal(got, ARRAY_LEN(want));
	}
}

static void half_a_keep_alive_waits(void **state)
{
	assert_frame("\r", FRAME_MORE, 0);
	assert_frame("\r\n", FRAME_MORE, 0);
	assert_frame("\r\n\r", FRAME_MORE, 0);
	assert_frame("\r\n\r\n", FRAME_PING, 4);
	assert_frame("\r\nO", FRAME_SKIP, 2);
	assert_false(frame_begun((const uint8_t *)"\r\n", 2));
	assert_true(frame_begun((const uint8_t *)"O", 1));
}

static void length_that_is_missing_or_doubtful_ends_the_stream(void **state)
{
	static const char *const doubtful[] = {
		"",
		"l: 5\r\nContent-Length: 5\r\n",
		"l: 5\r\nl: 6\r\n",
		"l: -5\r\n",
		"l: 5, 5\r\n",
		"l: 0x5\r\n",
		"l:\r\n",
		"l: 5 5\r\n",
		"l: +5\r\n",
		"l: 5;x\r\n",
		"l: 1\r\n 2\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(doubtful); i++) {
		char text[256];
		size_t take, n;

		strcat(strcat(memcpy(text, REQ VIA, sizeof(REQ VIA)), doubtful[i]), "\r\n");
		n = strlen(text);
		strcat(text, REQ "smuggled");
		assert_int_equal(once(text, strlen(text), &take), FRAME_LAST);
		assert_int_equal(take, n); /* the header only */
	}
}

static void length_hidden_in_another_field_does_not_count(void **state)
{
	assert_frame(REQ "X-Note: a\r\n l: 9\r\nl: 1\r\n\r\nx", FRAME_MESSAGE,
		     strlen(REQ "X-Note: a\r\n l: 9\r\nl: 1\r\n\r\nx"));
	assert_frame(REQ "X-l: 9\r\nl: 1\r\n\r\nx", FRAME_MESSAGE,
		     strlen(REQ "X-l: 9\r\nl: 1\r\n\r\nx"));
	assert_frame(REQ "no colon l\r\nl: 1\r\n\r\nx", FRAME_MESSAGE,
		     strlen(REQ "no colon l\r\nl: 1\r\n\r\nx"));
}

static void what_is_not_sip_is_cut_off_at_its_first_line(void **state)
{
	assert_frame("POST / HTTP/1.1\r\n", FRAME_BAD, 0);
	assert_frame("GET sip:a@b HTTP/1.0\r\nREGISTER sip:a SIP/2.0\r\n", FRAME_BAD, 0);
	assert_frame("EHLO\r\n", FRAME_BAD, 0);
	assert_frame("hello world\r\n", FRAME_BAD, 0);
	assert_frame("\x16\x03\x01", FRAME_BAD, 0); /* a TLS hand-shake */
	assert_frame(" OPTIONS", FRAME_BAD, 0);
	assert_frame("\n", FRAME_BAD, 0);
	assert_frame("\rX", FRAME_BAD, 0);
	/* Another version and blanks about it are for the parser to judge. */
	assert_frame("OPTIONS  sip:a@b  SIP/7.0  \r\nl: 0\r\n\r\n", FRAME_MESSAGE,
		     strlen("OPTIONS  sip:a@b  SIP/7.0  \r\nl: 0\r\n\r\n"));
}

static void lone_cr_or_lf_in_a_header_is_refused(void **state)
{
	assert_frame(REQ "X: a\nl: 5\r\n\r\n", FRAME_BAD, 0);
	assert_frame(REQ "X: a\rl: 5\r\n\r\n", FRAME_BAD, 0);
	assert_frame(REQ "l: 0\r\n\n", FRAME_BAD, 0);
	assert_frame(REQ "l: 0\r\n\r\r\n", FRAME_BAD, 0);
	assert_frame("OPTIONS sip:a@b SIP/2.0\n", FRAME_BAD, 0);
	/* In a body anything goes; NUL goes in a header too (RFC 4475 3.1.1.2). */
	assert_frame(REQ "l: 4\r\n\r\n\n\r\0\n", FRAME_MESSAGE, strlen(REQ "l: 4\r\n\r\n") + 4);
	assert_frame(REQ "X: \"\\\0\"\r\nl: 0\r\n\r\n", FRAME_MESSAGE,
		     strlen(REQ) + 8 + 2 + strlen("l: 0\r\n\r\n") - 1);
}

static void largest_message_fits_and_no_larger(void **state)
{
	static char text[FRAME_MAX_BYTES + 100];
	const char head[] = REQ "Content-Length: 65491\r\n\r\n";
	size_t take;

	assert_int_equal(strlen(head) + 65491 - FRAME_MAX_BYTES, 6); /* a check of this test */
	memcpy(text, REQ "Content-Length: 65485\r\n\r\n", strlen(head));
	assert_int_equal(once(text, FRAME_MAX_BYTES, &take), FRAME_MESSAGE);
	assert_int_equal(take, FRAME_MAX_BYTES);
	memcpy(text, REQ "Content-Length: 65486\r\n\r\n", strlen(head));
	assert_int_equal(once(text, strlen(head), &take), FRAME_LAST); /* known at once */
	assert_int_equal(take, strlen(head));
	assert_frame(REQ "l: 18446744073709551617\r\n\r\n", FRAME_LAST,
		     strlen(REQ "l: 18446744073709551617\r\n\r\n"));

	memcpy(text, REQ, strlen(REQ));
	memset(text + strlen(REQ), 'x', sizeof(text) - strlen(REQ));
	assert_int_equal(once(text, FRAME_MAX_BYTES, &take), FRAME_MORE);
	assert_int_equal(once(text, FRAME_MAX_BYTES + 1, &take), FRAME_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_ends_where_its_length_says),
		cmocka_unit_test(every_form_of_the_length_is_read),
		cmocka_unit_test(any_cut_gives_the_same_messages),
		cmocka_unit_test(half_a_keep_alive_waits),
		cmocka_unit_test(length_that_is_missing_or_doubtful_ends_the_stream),
		cmocka_unit_test(length_hidden_in_another_field_does_not_count),
		cmocka_unit_test(what_is_not_sip_is_cut_off_at_its_first_line),
		cmocka_unit_test(lone_cr_or_lf_in_a_header_is_refused),
		cmocka_unit_test(largest_message_fits_and_no_larger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
