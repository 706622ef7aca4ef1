/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "web/websocket.h"

enum { MAX = 1000 };

#define HEAD                                                                                       \
	"GET /sip HTTP/1.1\r\nHost: pbx.example\r\nUpgrade: websocket\r\n"                         \
	"Connection: keep-alive, Upgrade\r\n"
#define KEY	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define SUB	"Sec-WebSocket-Protocol: chat, sip\r\n"

/* ---- the hand-shake ---- */

static unsigned shake(const char *text, struct buf *out)
{
	struct http_head h;
	size_t used;
	unsigned status = 0;
	int err;

	assert_int_equal(http_head_parse(&h, str_of(text), &used, &status), 0);
	err = websocket_accept(&h, STR("sip"), out, &status);
	assert_int_equal(err, status == 101 ? 0 : EBADMSG);
	return status;
}

static void handshake_of_the_rfc_is_accepted(void **state)
{
	struct buf out = {0};

	assert_int_equal(shake(HEAD KEY VERSION SUB "\r\n", &out), 101);
	assert_non_null(strstr(out.p, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(out.p, "Sec-WebSocket-Protocol: sip\r\n\r\n"));
	buf_free(&out);
}

static void handshake_that_lacks_something_is_refused(void **state)
{
	static const struct {
		unsigned status;
		const char *text;
	} cases[] = {
		{400, HEAD KEY VERSION "\r\n"},
		{400, HEAD KEY VERSION "Sec-WebSocket-Protocol: SIP\r\n\r\n"},
		{400, HEAD KEY VERSION "Sec-WebSocket-Protocol: chat\r\n\r\n"},
		{400, HEAD VERSION SUB "\r\n"},
		{400, HEAD KEY KEY VERSION SUB "\r\n"},
		{400, HEAD "Sec-WebSocket-Key: c2hvcnQ=\r\n" VERSION SUB "\r\n"},
		{400, HEAD "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j====\r\n" VERSION SUB "\r\n"},
		{400, HEAD "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==\r\n" VERSION SUB "\r\n"},
		{400, HEAD KEY VERSION SUB "Content-Length: 3\r\n\r\nabc"},
		{426, HEAD KEY "Sec-WebSocket-Version: 8\r\n" SUB "\r\n"},
		{426, HEAD KEY SUB "\r\n"},
		{426, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{426, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" KEY VERSION SUB "\r\n"},
		{405,
		 "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" KEY VERSION SUB "\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = {0};

		assert_int_equal(shake(cases[i].text, &out), cases[i].status);
		assert_non_null(strstr(out.p, "Connection: close\r\n"));
		assert_int_equal(!!strstr(out.p, "Sec-WebSocket-Version: 13"),
				 cases[i].status == 426);
		buf_free(&out);
	}
}

/* ---- frames ---- */

struct says {
	struct websocket w;
	struct buf bytes;
	size_t at;
	struct str payload;
};

static struct says *begin(void)
{
	struct says *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->w.max = MAX;
	return s;
}

static void end(struct says *s)
{
	websocket_free(&s->w);
	buf_free(&s->bytes);
	free(s);
}

/* As a client writes it: masked. */
static void frame(struct says *s, unsigned first, const char *text, size_t n)
{
	static const char mask[4] = {0x11, 0x22, 0x33, 0x44};
	uint8_t head[WEBSOCKET_HEAD_BYTES];
	size_t nhead = websocket_head(head, WEBSOCKET_OP_TEXT, n);

	head[0] = (uint8_t)first;
	head[1] |= 0x80;
	buf_add(&s->bytes, head, nhead);
	buf_add(&s->bytes, mask, 4);
	for (size_t i = 0; i < n; i++)
		buf_char(&s->bytes, (char)(text[i] ^ mask[i & 3]));
	assert_int_equal(s->bytes.err, 0);
}

static void say(struct says *s, unsigned first, const char *text)
{
	frame(s, first, text, strlen(text));
}

static enum websocket_kind next(struct says *s)
{
	size_t take;
	enum websocket_kind kind = websocket_next(&s->w, (uint8_t *)s->bytes.p + s->at,
						  s->bytes.n - s->at, &take, &s->payload);

	s->at += take;
	return kind;
}

static void expect(struct says *s, enum websocket_kind kind, const char *payload)
{
	assert_int_equal(next(s), kind);
	if (payload)
		assert_true(str_eq(s->payload, str_of(payload)));
}

static void text_binary_and_empty_messages_arrive(void **state)
{
	struct says *s = begin();

	say(s, 0x81, "one");
	frame(s, 0x82, "\xff\0\xfe", 3);
	say(s, 0x81, "");
	expect(s, WEBSOCKET_MESSAGE, "one");
	assert_true(s->w.is_text);
	assert_int_equal(next(s), WEBSOCKET_MESSAGE);
	assert_false(s->w.is_text);
	assert_memory_equal(s->payload.p, "\xff\0\xfe", 3);
	expect(s, WEBSOCKET_MESSAGE, "");
	expect(s, WEBSOCKET_WAIT, NULL);
	end(s);
}

static void message_in_parts_is_joined_with_pings_between(void **state)
{
	struct says *s = begin();

	say(s, 0x01, "on");
	say(s, 0x89, "are you there");
	frame(s, 0x00, "\xc3", 1); /* a character may be cut */
	frame(s, 0x80, "\xa9", 1);
	say(s, 0x81, "two");
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_PING, "are you there");
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_MESSAGE, "on\xc3\xa9");
	expect(s, WEBSOCKET_MESSAGE, "two");
	end(s);
}

static void frame_is_read_when_its_last_byte_is_there(void **state)
{
	struct says *s = begin();
	char text[300];
	size_t take, whole;

	memset(text, 'x', sizeof(text));
	frame(s, 0x81, text, sizeof(text));
	whole = s->bytes.n;
	for (size_t n = 0; n < whole; n++) {
		assert_int_equal(
			websocket_next(&s->w, (uint8_t *)s->bytes.p, n, &take, &s->payload),
			WEBSOCKET_WAIT);
		assert_int_equal(take, 0);
	}
	assert_int_equal(next(s), WEBSOCKET_MESSAGE);
	assert_memory_equal(s->payload.p, text, sizeof(text));
	end(s);
}

static void what_a_client_may_not_send_is_named(void **state)
{
	static const struct {
		uint16_t code;
		struct str bytes;
	} cases[] = {
		{1002, STR("\x81\x02hi")},		     /* not masked */
		{1002, STR("\xc1\x80")},		     /* compressed */
		{1002, STR("\x83\x80")},		     /* unknown */
		{1002, STR("\x8b\x80")},		     /* unknown control */
		{1002, STR("\x09\x80")},		     /* ping in parts */
		{1002, STR("\x89\xfe")},		     /* ping of 126 bytes and more */
		{1002, STR("\x80\x80")},		     /* the next part of nothing */
		{1002, STR("\x81\xfe\0\x7d")},		     /* 125 in two bytes */
		{1002, STR("\x81\xff\0\0\0\0\0\0\xff\xff")}, /* 65535 in eight */
		{1002, STR("\x81\xff\x80\0\0\0\0\0\0\0")},   /* the highest bit */
		{1009, STR("\x82\xff\0\0\0\0\x40\0\0\0")},   /* a gigabyte */
		{1009, STR("\x82\xfe\x03\xe9")},	     /* one more than may be */
		{1002, STR("\x88\x81\0\0\0\0\x03")},	     /* half a code */
		{1002, STR("\x88\x82\0\0\0\0\x03\xed")},     /* 1005 */
		{1002, STR("\x88\x82\0\0\0\0\0\0")},	     /* 0 */
		{1007, STR("\x88\x83\0\0\0\0\x03\xe8\xff")}, /* reason */
		{1007, STR("\x81\x82\0\0\0\0\xc0\xaf")},     /* text */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct says *s = begin();

		buf_str(&s->bytes, cases[i].bytes);
		assert_int_equal(next(s), WEBSOCKET_BAD);
		assert_int_equal(s->w.close_code, cases[i].code);
		assert_non_null(s->w.why);
		end(s);
	}
}

static void message_within_a_message_and_parts_without_end_are_refused(void **state)
{
	struct says *s = begin();
	char text[400];

	say(s, 0x01, "a");
	say(s, 0x81, "b");
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_BAD, NULL);
	assert_int_equal(s->w.close_code, 1002);
	end(s);

	s = begin();
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 3; i++)
		frame(s, i ? 0x00 : 0x02, text, sizeof(text));
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_BAD, NULL);
	assert_int_equal(s->w.close_code, 1009);
	end(s);
}

static void
largest_message_in_parts_is_taken_and_control_frames_have_room_of_their_own(void **state)
{
	struct says *s = begin();
	char text[MAX / 2];

	memset(text, 'x', sizeof(text));
	frame(s, 0x02, text, sizeof(text));
	frame(s, 0x00, text, sizeof(text));
	say(s, 0x89, "still here");
	frame(s, 0x80, "", 0);
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_PART, NULL);
	expect(s, WEBSOCKET_PING, "still here");
	assert_int_equal(next(s), WEBSOCKET_MESSAGE);
	assert_int_equal(s->payload.n, MAX);
	end(s);
}

static void close_says_why_and_is_answered_with_its_code(void **state)
{
	struct says *s = begin();
	uint8_t payload[WEBSOCKET_MAX_CONTROL];
	char long_why[300];

	frame(s, 0x88, "\x03\xe9going", 7);
	expect(s, WEBSOCKET_CLOSE, "\x03\xe9");
	assert_int_equal(s->w.close_code, 1001);
	end(s);
	s = begin();
	say(s, 0x88, "");
	expect(s, WEBSOCKET_CLOSE, "");
	assert_int_equal(s->w.close_code, 1005);
	end(s);
	memset(long_why, 'y', sizeof(long_why));
	long_why[sizeof(long_why) - 1] = '\0';
	assert_int_equal(websocket_close_payload(payload, 1002, long_why), WEBSOCKET_MAX_CONTROL);
	assert_memory_equal(payload, "\x03\xea", 2);
}

static void heads_of_ours_are_as_short_as_can_be(void **state)
{
	uint8_t head[WEBSOCKET_HEAD_BYTES];

	assert_int_equal(websocket_head(head, WEBSOCKET_OP_TEXT, 125), 2);
	assert_memory_equal(head, "\x81\x7d", 2);
	assert_int_equal(websocket_head(head, WEBSOCKET_OP_BINARY, 126), 4);
	assert_memory_equal(head, "\x82\x7e\0\x7e", 4);
	assert_int_equal(websocket_head(head, WEBSOCKET_OP_BINARY, 65535), 4);
	assert_int_equal(websocket_head(head, WEBSOCKET_OP_TEXT, 65536), 10);
	assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
}

static void parts_without_memory_end_it(void **state)
{
#ifdef OFFHOOK_TEST_BUILD
	struct says *s = begin();

	say(s, 0x01, "a");
	mem_fail(1, true);
	expect(s, WEBSOCKET_BAD, NULL);
	mem_fail(0, false);
	assert_int_equal(s->w.close_code, 1011);
	end(s);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_of_the_rfc_is_accepted),
		cmocka_unit_test(handshake_that_lacks_something_is_refused),
		cmocka_unit_test(text_binary_and_empty_messages_arrive),
		cmocka_unit_test(message_in_parts_is_joined_with_pings_between),
		cmocka_unit_test(frame_is_read_when_its_last_byte_is_there),
		cmocka_unit_test(what_a_client_may_not_send_is_named),
		cmocka_unit_test(message_within_a_message_and_parts_without_end_are_refused),
		cmocka_unit_test(
			largest_message_in_parts_is_taken_and_control_frames_have_room_of_their_own),
		cmocka_unit_test(close_says_why_and_is_answered_with_its_code),
		cmocka_unit_test(heads_of_ours_are_as_short_as_can_be),
		cmocka_unit_test(parts_without_memory_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
