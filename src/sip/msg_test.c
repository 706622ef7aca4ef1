/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "sip/sip.h"
#include "sip/write.h"

static const struct flow from = {.transport = FLOW_UDP,
				 .remote = {.family = 4, .port = 5060, .ip = {192, 0, 2, 9}}};

static int parse(struct sip_msg **mp, const char *text, unsigned *status)
{
	return sip_msg_parse(mp, &from, text, strlen(text), status);
}

#define REQ                                                                                        \
	"INVITE sip:bob@example.com SIP/2.0\r\n"                                                   \
	"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx;rport\r\n"                                \
	"From: \"A \\\" B\" <sip:alice@example.com>;tag=1\r\n"                                     \
	"To: <sip:bob@example.com>\r\n"                                                            \
	"Call-ID: abc@host\r\n"                                                                    \
	"CSeq: 7 INVITE\r\n"

static void request_is_read(void **state)
{
	struct sip_msg *m;
	unsigned status;

	assert_int_equal(
		parse(&m, REQ "Max-Forwards: 70\r\nContent-Length: 4\r\n\r\nbodyX", &status), 0);
	assert_int_equal(m->method, SIP_INVITE);
	assert_true(str_eq(m->uri, STR("sip:bob@example.com")));
	assert_true(str_eq(m->from_tag, STR("1")));
	assert_int_equal(m->to_tag.n, 0);
	assert_true(str_eq(m->branch, STR("z9hG4bKx")));
	assert_true(str_eq(m->sent_by, STR("192.0.2.1:5070")));
	assert_int_equal(m->cseq, 7);
	assert_true(str_eq(m->body, STR("body")));
	sip_msg_deref(m);
}

#define VIA	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM	"From: <sip:a@b>;tag=1\r\n"
#define TO	"To: <sip:a@b>\r\n"
#define CALL_ID "Call-ID: c\r\n"
#define CSEQ	"CSeq: 1 OPTIONS\r\n"
#define START	"OPTIONS sip:a@b SIP/2.0\r\n"
#define ALL	START VIA FROM TO CALL_ID CSEQ

/* The status to answer with; 0 fine; 1 dropped. */
static unsigned verdict_on(const struct flow *flow, const char *text, size_t n)
{
	struct sip_msg *m = NULL;
	unsigned status;
	int err = sip_msg_parse(&m, flow, text, n, &status);

	assert_true(err == 0 || err == EPROTO || err == EBADMSG);
	sip_msg_deref(m);
	return err == EBADMSG ? 1 : status;
}

static unsigned verdict(const char *text)
{
	return verdict_on(&from, text, strlen(text));
}

static void start_lines(void **state)
{
	static const struct {
		const char *start;
		unsigned verdict;
	} cases[] = {
		{START, 0},
		{"\r\n\r\n" START, 0},
		{"OPTIONS sip:a@b sip/2.0\r\n", 0},
		{"OPTIONS tel:+1 SIP/2.0\r\n", 0},
		{"OPTIONS sip:a@b SIP/2.1\r\n", 505},
		{"OPTIONS sip:a@b SIP/3\r\n", 505},
		{"OPTIONS sip:a@b SIP/2.0 \r\n", 400},
		{"OPTIONS  sip:a@b SIP/2.0\r\n", 400},
		{"OPTIONS sip:a@b  SIP/2.0\r\n", 400},
		{"OPTIONS sip:a b SIP/2.0\r\n", 400},
		{"OPTIONS sip:a@b?x=y SIP/2.0\r\n", 400},
		{"OPTIONS sip: SIP/2.0\r\n", 400},
		{"OPTIONS  SIP/2.0\r\n", 400},
		{"OPTIONS SIP/2.0\r\n", 1},
		{"OPTIONS sip:a@b\r\n", 1},
		{"GET / HTTP/1.1\r\n", 1},
		{"POST sip:a@b HTTP/1.1\r\n", 1},
		{" OPTIONS sip:a@b SIP/2.0\r\n", 1},
		{"OPT<>IONS sip:a@b SIP/2.0\r\n", 1},
		{"OPT\tIONS sip:a@b SIP/2.0\r\n", 1},
		{"options sip:a@b SIP/2.0\r\n", 400}, /* another method than CSeq's */
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s" VIA FROM TO CALL_ID CSEQ "\r\n", cases[i].start);
		if (verdict(text) != cases[i].verdict)
			fail_msg("%s: %u", cases[i].start, verdict(text));
	}
	assert_int_equal(verdict(""), 1);
	assert_int_equal(verdict("\r\n\r\n"), 1);
	assert_int_equal(verdict("\r\n"), 1);
	assert_int_equal(verdict("SIP/2.0"), 1);
	assert_int_equal(verdict("x"), 1);
}

static void status_lines(void **state)
{
	static const struct {
		const char *start;
		unsigned verdict;
	} cases[] = {
		{"SIP/2.0 200 OK", 0},	 {"SIP/2.0 200 ", 0},  {"SIP/2.0 200", 0},
		{"SIP/2.0 699 x  y", 0}, {"sip/2.0 100 x", 0}, {"SIP/2.0 299 \xc3\xa9", 0},
		{"SIP/2.0 099 x", 1},	 {"SIP/2.0 700 x", 1}, {"SIP/2.0 20 x", 1},
		{"SIP/2.0 2000 x", 1},	 {"SIP/2.0 abc x", 1}, {"SIP/2.0  200 x", 1},
		{"SIP/3.0 200 x", 1},	 {"SIP/2.0200 x", 1},  {"SIP/2.0 -20 x", 1},
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s\r\n" VIA FROM TO CALL_ID CSEQ "\r\n",
			 cases[i].start);
		if (verdict(text) != cases[i].verdict)
			fail_msg("%s: %u", cases[i].start, verdict(text));
	}
	/* what is wrong with a response nobody can be told */
	assert_int_equal(verdict("SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID "\r\n"), 1);
	assert_int_equal(verdict("SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ "X\r\n\r\n"), 1);
}

static void every_mandatory_header_is_missed(void **state)
{
	assert_int_equal(verdict(ALL "\r\n"), 0);
	assert_int_equal(verdict(START FROM TO CALL_ID CSEQ "\r\n"), 1);
	assert_int_equal(verdict(START VIA TO CALL_ID CSEQ "\r\n"), 400);
	assert_int_equal(verdict(START VIA FROM CALL_ID CSEQ "\r\n"), 400);
	assert_int_equal(verdict(START VIA FROM TO CSEQ "\r\n"), 400);
	assert_int_equal(verdict(START VIA FROM TO CALL_ID "\r\n"), 400);
}

static void single_headers_come_once(void **state)
{
	static const char *const twice[] = {
		FROM,
		TO,
		CALL_ID,
		CSEQ,
		"f: <sip:a@b>;tag=1\r\n",
		"I : c\r\n",
		"Max-Forwards: 1\r\nmax-forwards: 1\r\n",
		"l: 0\r\nContent-Length: 0\r\n",
		"c: a/b\r\nContent-Type: a/b\r\n",
		"Expires: 60\r\nExpires: 60\r\n",
		"r: <sip:a@b>\r\nRefer-To: <sip:a@b>\r\n",
		"Session-Expires: 90\r\nx: 90\r\n",
		"Min-SE: 90\r\nMin-SE: 90\r\n",
		"o: presence\r\nEvent: presence\r\n",
		"Subscription-State: active\r\nSubscription-State: active\r\n",
		"Replaces: a;to-tag=b;from-tag=c\r\nReplaces: a;to-tag=b;from-tag=c\r\n",
		"Content-Disposition: session\r\nContent-Disposition: session\r\n",
	};
	char text[1024];
	struct sip_msg *m;
	unsigned status;

	for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
		snprintf(text, sizeof(text), ALL "%s\r\n", twice[i]);
		assert_int_equal(verdict(text), 400);
	}
	snprintf(text, sizeof(text), ALL "o: presence\r\nEvent: presence\r\n\r\n");
	assert_int_equal(sip_msg_parse(&m, &from, text, strlen(text), &status), EPROTO);
	assert_string_equal(m->bad, "Repeated Event");
	sip_msg_deref(m);
	/* nobody can be told of a response */
	assert_int_equal(verdict("SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ
				 "Expires: 60\r\nExpires: 60\r\n\r\n"),
			 0);
	assert_int_equal(
		verdict(ALL "Contact: <sip:x@y>\r\nContact: <sip:x@y>\r\nZ: 1\r\nZ: 2\r\n\r\n"), 0);
}

static void numbers_have_their_range(void **state)
{
	static const struct {
		const char *line;
		unsigned verdict;
	} cases[] = {
		{"CSeq: 0 OPTIONS\r\n", 0},
		{"CSeq: 2147483647 OPTIONS\r\n", 0},
		{"CSeq: 2147483648 OPTIONS\r\n", 400},
		{"CSeq: 4294967296 OPTIONS\r\n", 400},
		{"CSeq: -1 OPTIONS\r\n", 400},
		{"CSeq: 1\r\n", 400},
		{"CSeq: OPTIONS\r\n", 400},
		{"CSeq: 1OPTIONS\r\n", 400},
		{"CSeq: 1 INVITE\r\n", 400},
		{"CSeq: 1 options\r\n", 400},
		{"CSeq: 1 OPTIONS x\r\n", 400},
		{"CSeq: 00001\t OPTIONS\r\n", 0},
		{CSEQ "Max-Forwards: 0\r\n", 0},
		{CSEQ "Max-Forwards: 255\r\n", 0},
		{CSEQ "Max-Forwards: 256\r\n", 400},
		{CSEQ "Max-Forwards: abc\r\n", 400},
		{CSEQ "Max-Forwards: \r\n", 400},
		{CSEQ "Max-Forwards: -1\r\n", 400},
		{CSEQ "Max-Forwards: 99999999999999999999\r\n", 400},
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), START VIA FROM TO CALL_ID "%s\r\n", cases[i].line);
		if (verdict(text) != cases[i].verdict)
			fail_msg("%s: %u", cases[i].line, verdict(text));
	}
}

static void malformed_vias(void **state)
{
	static const struct {
		const char *via;
		unsigned verdict;
	} cases[] = {
		{"SIP/2.0/UDP h", 0},
		{"SIP / 2.0 / UDP \t h : 5060 ; branch = x", 0},
		{"SIP/2.0/UDP [::1]:5060;received=[::1];rport", 0},
		{"SIP/2.0/UDP h;branch=x, SIP/2.0/UDP h2", 0},
		{"SIP/2.0/UDP h;x=\",\"", 0},
		{"SIP/7.0/UDP h", 400},
		{"SIP/2.0/UDP h;;", 400},
		{"SIP/2.0/UDP h;branch=x,", 400},
		{"SIP/2.0/UDP h;branch=\"x", 400},
		{"SIP/2.0/UDP h x", 1},
		{"SIP/2.0/UDP h:99999", 1},
		{"SIP/2.0/UDP ::1", 1},
		{"SIP/2.0/UDP", 1},
		{"SIP/2.0 h", 1},
		{"", 1},
		{", SIP/2.0/UDP h", 1},
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), START "Via: %s\r\n" FROM TO CALL_ID CSEQ "\r\n",
			 cases[i].via);
		if (verdict(text) != cases[i].verdict)
			fail_msg("%s: %u", cases[i].via, verdict(text));
	}
}

static void body_by_content_length(void **state)
{
	static const struct flow tcp = {.transport = FLOW_TCP}, ws = {.transport = FLOW_WS};
	static const struct {
		const char *length, *body;
		unsigned udp, tcp;
	} cases[] = {
		{"l: 4\r\n", "body", 0, 0},
		{"l: 3\r\n", "body", 0, 400},
		{"l: 5\r\n", "body", 400, 400},
		{"l: 0\r\n", "", 0, 0},
		{"", "", 0, 400},
		{"", "body", 0, 400},
		{"l: -1\r\n", "x", 400, 400},
		{"l: +1\r\n", "x", 400, 400},
		{"l: 1x\r\n", "x", 400, 400},
		{"l: 0x1\r\n", "x", 400, 400},
		{"l:\r\n", "x", 400, 400},
		{"l: 1 1\r\n", "x", 400, 400},
		{"l: 18446744073709551617\r\n", "x", 400, 400},
		{"l: 1, 1\r\n", "x", 400, 400},
		{"l: 0004\r\n", "body", 0, 0},
		{"l: 70000\r\n", "body", 400, 513}, /* a stream has not waited for it */
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int n = snprintf(text, sizeof(text), ALL "%s\r\n%s", cases[i].length,
				 cases[i].body);

		assert_int_equal(verdict(text), cases[i].udp);
		/* A message of WebSocket is one message of SIP: it need not say its length, but there is no more. */
		assert_int_equal(verdict_on(&ws, text, (size_t)n),
				 cases[i].length[0] && cases[i].tcp != 513 ? cases[i].tcp
									   : cases[i].udp);
		if (verdict_on(&tcp, text, (size_t)n) != cases[i].tcp)
			fail_msg("%s over TCP", cases[i].length);
	}
}

/* What different readers would read differently is refused, and nothing of it gets into an answer. */
static void ambiguous_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		START VIA FROM TO CALL_ID "CSeq: 1 OPTIONS\n\r\n",
		START VIA "From: <sip:a@b>;tag=1\nX-Internal: 1\r\n" TO CALL_ID CSEQ "\r\n",
		START VIA "From: <sip:a@b>;tag=1\rX-Internal: 1\r\n" TO CALL_ID CSEQ "\r\n",
		ALL "Subject: a\r\r\n\r\n",
		ALL "Subject: a\n\n",
		ALL "X-Internal\r\n: 1\r\n\r\n",
		ALL "X-Internal\r\n : 1\r\n\r\n",
		ALL "X Internal: 1\r\n\r\n",
		ALL ": 1\r\n\r\n",
		ALL "X\r\n\r\n",
		ALL "X\x01: 1\r\n\r\n",
		ALL "X: \x01\r\n\r\n",
		ALL "X: \x7f\r\n\r\n",
		ALL "Z: 1\r\n",
		ALL "X: 1\r",
		ALL "X: 1",
		ALL,
		START " folded: 1\r\n" VIA FROM TO CALL_ID CSEQ "\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (verdict(bad[i]) != 400)
			fail_msg("%zu: %u", i, verdict(bad[i]));
}

static void nul_hides_nothing(void **state)
{
	static const char name[] = ALL "X-Inter\0nal: 1\r\n\r\n";
	static const char text[] = ALL "X: a\0b\r\n\r\n";
	static const char quoted[] = ALL "X: \"a\\\0b\"\r\n\r\n";

	assert_int_equal(verdict_on(&from, name, sizeof(name) - 1), 400);
	assert_int_equal(verdict_on(&from, text, sizeof(text) - 1), 400);
	assert_int_equal(verdict_on(&from, quoted, sizeof(quoted) - 1), 0);
}

/* RFC 3261 7.3: the same header in all its dresses. */
static void names_in_every_form(void **state)
{
	static const char *const forms[] = {
		"Supported: 100rel, timer\r\n",
		"k: 100rel, timer\r\n",
		"K:100rel,timer\r\n",
		"SUPPORTED : 100rel , timer\r\n",
		"supported\t:\r\n 100rel,\r\n\ttimer\r\n",
		"k: 100rel\r\nSupported: timer\r\n",
		"k: ,100rel,,timer,\r\n",
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct sip_msg *m;
		struct sip_values v;
		struct str s;
		unsigned status;

		snprintf(text, sizeof(text), ALL "%s\r\n", forms[i]);
		assert_int_equal(parse(&m, text, &status), 0);
		assert_true(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100REL")));
		assert_true(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("timer")));
		assert_false(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("tim")));
		sip_values_init(&v, m, SIP_HDR_SUPPORTED);
		assert_true(sip_values_next(&v, &s));
		assert_true(str_eq(s, STR("100rel")));
		assert_true(sip_values_next(&v, &s));
		assert_true(str_eq(s, STR("timer")));
		assert_false(sip_values_next(&v, &s));
		sip_msg_deref(m);
	}
}

static void all_compact_forms(void **state)
{
	static const struct {
		const char *compact;
		enum sip_hdr id;
	} forms[] = {
		{"v", SIP_HDR_VIA},
		{"f", SIP_HDR_FROM},
		{"t", SIP_HDR_TO},
		{"i", SIP_HDR_CALL_ID},
		{"m", SIP_HDR_CONTACT},
		{"c", SIP_HDR_CONTENT_TYPE},
		{"l", SIP_HDR_CONTENT_LENGTH},
		{"e", SIP_HDR_CONTENT_ENCODING},
		{"k", SIP_HDR_SUPPORTED},
		{"s", SIP_HDR_SUBJECT},
		{"o", SIP_HDR_EVENT},
		{"u", SIP_HDR_ALLOW_EVENTS},
		{"r", SIP_HDR_REFER_TO},
		{"b", SIP_HDR_REFERRED_BY},
		{"x", SIP_HDR_SESSION_EXPIRES},
		{"y", SIP_HDR_IDENTITY},
		{"n", SIP_HDR_IDENTITY_INFO},
		{"a", SIP_HDR_ACCEPT_CONTACT},
		{"j", SIP_HDR_REJECT_CONTACT},
		{"d", SIP_HDR_REQUEST_DISPOSITION},
		{"q", SIP_HDR_OTHER},
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		assert_int_equal(sip_header_find(str_of(forms[i].compact)), forms[i].id);
	for (int id = 0; id < SIP_HDR_OTHER; id++)
		assert_int_equal(sip_header_find(sip_header_name((enum sip_hdr)id)), id);
	assert_int_equal(sip_header_find(STR("")), SIP_HDR_OTHER);
	assert_int_equal(sip_header_find(STR("Xia")), SIP_HDR_OTHER);
	assert_int_equal(sip_header_name(SIP_HDR_OTHER).n, 0);
}

static void commas_in_quotes_and_brackets_do_not_split(void **state)
{
	static const char *const want[] = {"\"a, \\\"b\" <sip:a,b@c>;x=\",\"", "<sip:d@e>",
					   "sip:f@g", "\"open <sip:h@i>, j"};
	struct sip_msg *m;
	struct sip_values v;
	struct str s;
	unsigned status;
	size_t i = 0;

	assert_int_equal(
		parse(&m,
		      ALL "m: \"a, \\\"b\" <sip:a,b@c>;x=\",\" , <sip:d@e>\r\nUser-Agent: a, b\r\n"
			  "Contact: sip:f@g\r\nContact: \"open <sip:h@i>, j\r\n\r\n",
		      &status),
		0);
	sip_values_init(&v, m, SIP_HDR_CONTACT);
	while (sip_values_next(&v, &s)) {
		assert_true(i < ARRAY_LEN(want));
		assert_true(str_eq(s, str_of(want[i++])));
	}
	assert_int_equal(i, ARRAY_LEN(want));
	sip_values_init(&v, m, SIP_HDR_USER_AGENT);
	assert_true(sip_values_next(&v, &s));
	assert_true(str_eq(s, STR("a, b")));
	sip_values_init(&v, m, SIP_HDR_ROUTE);
	assert_false(sip_values_next(&v, &s));
	sip_msg_deref(m);
}

static char *with_repeated(const char *head, const char *piece, size_t times, const char *tail)
{
	struct buf b = {0};
	size_t n;

	buf_cstr(&b, head);
	for (size_t i = 0; i < times; i++)
		buf_cstr(&b, piece);
	buf_cstr(&b, tail);
	return buf_take(&b, &n);
}

static void too_many_headers_are_513(void **state)
{
	static const struct {
		size_t times;
		unsigned verdict;
	} cases[] = {{SIP_MAX_HEADERS - 5, 0}, {SIP_MAX_HEADERS - 4, 513}, {10000, 513}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = with_repeated(ALL, "Z: 1\r\n", cases[i].times, "\r\n");

		assert_int_equal(verdict(text), cases[i].verdict);
		free(text);
	}
	/* 10,000 values in few lines are only long */
	char *text = with_repeated(ALL "Route: <sip:a>", ",<sip:a>", 5000, "\r\n\r\n");

	assert_int_equal(verdict(text), 0);
	free(text);
}

static void too_long_a_message_is_513(void **state)
{
	char *text = with_repeated(ALL "\r\n", "x", SIP_MAX_BYTES - strlen(ALL "\r\n"), "");

	assert_int_equal(verdict(text), 0);
	free(text);
	text = with_repeated(ALL "\r\n", "x", SIP_MAX_BYTES - strlen(ALL "\r\n") + 1, "");
	assert_int_equal(verdict(text), 513);
	free(text);
}

/* Tags, branches, users and names of any length that fits. */
static void long_parts_are_read(void **state)
{
	for (size_t n = 1; n < 60000; n = n * 2 + (n & 1 ? 1 : -1)) {
		char *text = with_repeated(
			START VIA TO CALL_ID CSEQ "From: \"n\" <sip:a@b>;tag=", "t", n, "\r\n\r\n");

		assert_int_equal(verdict(text), 0);
		free(text);
		text = with_repeated(START FROM TO CALL_ID CSEQ "Via: SIP/2.0/UDP h;branch=", "t",
				     n, "\r\n\r\n");
		assert_int_equal(verdict(text), 0);
		free(text);
		text = with_repeated(START VIA TO CALL_ID CSEQ "From: \"", "n", n,
				     "\" <sip:a@b>;tag=1\r\n\r\n");
		assert_int_equal(verdict(text), 0);
		free(text);
		text = with_repeated("OPTIONS sip:", "u", n,
				     "@h SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
		assert_int_equal(verdict(text), 0);
		free(text);
	}
}

static void references_are_counted(void **state)
{
	uint64_t objects = mem_objects();
	struct sip_msg *m;
	unsigned status;

	assert_int_equal(parse(&m, ALL "\r\n", &status), 0);
	assert_int_equal(mem_objects(), objects + 1);
	assert_ptr_equal(sip_msg_ref(m), m);
	assert_null(sip_msg_deref(m));
	assert_int_equal(mem_objects(), objects + 1);
	sip_msg_deref(m);
	assert_int_equal(mem_objects(), objects);
	assert_null(sip_msg_deref(NULL));
}

#ifdef OFFHOOK_TEST_BUILD
static void without_memory_nothing_is_left(void **state)
{
	uint64_t objects = mem_objects();
	struct sip_msg *m = NULL;
	unsigned status;

	mem_fail(1, false);
	assert_int_equal(parse(&m, ALL "\r\n", &status), ENOMEM);
	mem_fail(0, false);
	assert_null(m);
	assert_int_equal(mem_objects(), objects);
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_read),
		cmocka_unit_test(start_lines),
		cmocka_unit_test(status_lines),
		cmocka_unit_test(every_mandatory_header_is_missed),
		cmocka_unit_test(single_headers_come_once),
		cmocka_unit_test(numbers_have_their_range),
		cmocka_unit_test(malformed_vias),
		cmocka_unit_test(body_by_content_length),
		cmocka_unit_test(ambiguous_lines_are_refused),
		cmocka_unit_test(nul_hides_nothing),
		cmocka_unit_test(names_in_every_form),
		cmocka_unit_test(all_compact_forms),
		cmocka_unit_test(commas_in_quotes_and_brackets_do_not_split),
		cmocka_unit_test(too_many_headers_are_513),
		cmocka_unit_test(too_long_a_message_is_513),
		cmocka_unit_test(long_parts_are_read),
		cmocka_unit_test(references_are_counted),
#ifdef OFFHOOK_TEST_BUILD
		cmocka_unit_test(without_memory_nothing_is_left),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
