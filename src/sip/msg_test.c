/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sip/msg.h"
#include "sip/write.h"

static struct flow from = {.transport = FLOW_UDP,
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_read),
		cmocka_unit_test(response_head_is_built_from_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
