/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sip/sip.h"
#include "sip/write.h"

static const struct flow from = {.transport = FLOW_UDP,
				 .remote = {.family = 4, .port = 5060, .ip = {192, 0, 2, 9}}};

static int parse(struct sip_msg **mp, const char *text, unsigned *status)
{
	return sip_msg_parse(mp, &from, text, strlen(text), status);
}

#define VIA	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM	"From: <sip:a@b>;tag=1\r\n"
#define TO	"To: <sip:a@b>\r\n"
#define CALL_ID "Call-ID: c\r\n"
#define CSEQ	"CSeq: 1 OPTIONS\r\n"
#define START	"OPTIONS sip:a@b SIP/2.0\r\n"
#define ALL	START VIA FROM TO CALL_ID CSEQ

#define REQ                                                                                        \
	"INVITE sip:bob@example.com SIP/2.0\r\n"                                                   \
	"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx;rport\r\n"                                \
	"From: \"A \\\" B\" <sip:alice@example.com>;tag=1\r\n"                                     \
	"To: <sip:bob@example.com>\r\n"                                                            \
	"Call-ID: abc@host\r\n"                                                                    \
	"CSeq: 7 INVITE\r\n"

static void response_head_is_built_from_request(void **state)
{
	struct sip_msg *m;
	struct buf b = {0};
	unsigned status;

	assert_int_equal(parse(&m, REQ "\r\n", &status), 0);
	sip_write_response_head(&b, m, 180, NULL, STR("t2"));
	sip_write_content(&b, STR_NONE, STR_NONE);
	assert_string_equal(
		b.p,
		"SIP/2.0 180 Ringing\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx;received=192.0.2.9;rport=5060\r\n"
		"From: \"A \\\" B\" <sip:alice@example.com>;tag=1\r\n"
		"To: <sip:bob@example.com>;tag=t2\r\n"
		"Call-ID: abc@host\r\n"
		"CSeq: 7 INVITE\r\n"
		"Content-Length: 0\r\n\r\n");
	buf_free(&b);
	sip_msg_deref(m);
}

static void values_written_cannot_end_their_line(void **state)
{
	static const char evil[] = "a\r\nX-Internal: 1\0b";
	struct buf b = {0};

	sip_write_header(&b, SIP_HDR_SUBJECT, (struct str){evil, sizeof(evil) - 1});
	assert_string_equal(b.p, "Subject: aX-Internal: 1b\r\n");
	buf_reset(&b);
	sip_write_status_line(&b, 200, "O\nK");
	assert_string_equal(b.p, "SIP/2.0 200 OK\r\n");
	buf_reset(&b);
	sip_write_addr(&b, STR("a\"b"), STR("sip:a@b"), STR("t"));
	assert_string_equal(b.p, "\"a\\\"b\" <sip:a@b>;tag=t");
	buf_free(&b);
}

static struct buf vias_for(const char *vias)
{
	struct buf b = {0};
	struct sip_msg *m;
	unsigned status;
	char text[1024];

	snprintf(text, sizeof(text), START "%s" FROM TO CALL_ID CSEQ "\r\n", vias);
	assert_int_equal(parse(&m, text, &status), 0);
	sip_write_vias(&b, m);
	sip_msg_deref(m);
	return b;
}

static void topmost_via_says_where_it_came_from(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		/* RFC 3261 18.2.1: the same address needs no received */
		{"v: SIP/2.0/UDP 192.0.2.9:5070;branch=x\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.9:5070;branch=x\r\n"},
		{"v: SIP/2.0/UDP 192.0.2.1;branch=x\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.1;branch=x;received=192.0.2.9\r\n"},
		{"v: SIP/2.0/UDP host.example.com\r\n",
		 "Via: SIP/2.0/UDP host.example.com;received=192.0.2.9\r\n"},
		/* RFC 3581 4: with rport both, even when equal; what they claim is not repeated */
		{"v: SIP/2.0/UDP 192.0.2.9;rport;branch=x\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.9;branch=x;received=192.0.2.9;rport=5060\r\n"},
		{"v: SIP/2.0/UDP h;received=1.1.1.1;rport=9;x=\";\";branch=x\r\n",
		 "Via: SIP/2.0/UDP h;x=\";\";branch=x;received=192.0.2.9;rport=5060\r\n"},
		{"v: SIP/2.0/UDP h;branch=x , SIP/2.0/TCP i;received=2.2.2.2\r\nVia: SIP/2.0/TLS "
		 "j\r\n",
		 "Via: SIP/2.0/UDP h;branch=x;received=192.0.2.9\r\nVia: SIP/2.0/TCP "
		 "i;received=2.2.2.2\r\n"
		 "Via: SIP/2.0/TLS j\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = vias_for(cases[i].in);

		assert_string_equal(b.p, cases[i].out);
		buf_free(&b);
	}
}

static void own_via_and_phrases(void **state)
{
	struct addr a;
	struct buf b = {0};

	assert_int_equal(addr_parse(&a, STR("2001:db8::1"), 5060), 0);
	sip_write_via(&b, FLOW_UDP, &a, STR("z9hG4bKx"));
	sip_write_via(&b, FLOW_WSS, &a, STR("z9hG4bKx"));
	assert_string_equal(b.p, "Via: SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKx\r\n"
				 "Via: SIP/2.0/WSS [2001:db8::1]:5060;branch=z9hG4bKx\r\n");
	buf_free(&b);
	assert_string_equal(sip_reason_phrase(486), "Busy Here");
	assert_string_equal(sip_reason_phrase(608), "Rejected");
	assert_string_equal(sip_reason_phrase(100), "Trying");
	assert_string_equal(sip_reason_phrase(299), "OK");
	assert_string_equal(sip_reason_phrase(699), "Decline");
	assert_string_equal(sip_reason_phrase(9999), "Trying");
}

/* An answer can be built from what was refused. */
static void refused_request_can_be_answered(void **state)
{
	struct sip_msg *m = NULL;
	struct buf b = {0};
	unsigned status;

	assert_int_equal(parse(&m, START "X\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", &status), EPROTO);
	assert_int_equal(status, 400);
	assert_string_equal(m->bad, "Malformed Header Line");
	sip_write_response_head(&b, m, status, m->bad, STR("x"));
	assert_string_equal(b.p, "SIP/2.0 400 Malformed Header Line\r\n"
				 "Via: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.9\r\n"
				 "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=x\r\n" CALL_ID CSEQ);
	sip_msg_deref(m);
	buf_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(response_head_is_built_from_request),
		cmocka_unit_test(values_written_cannot_end_their_line),
		cmocka_unit_test(topmost_via_says_where_it_came_from),
		cmocka_unit_test(own_via_and_phrases),
		cmocka_unit_test(refused_request_can_be_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
