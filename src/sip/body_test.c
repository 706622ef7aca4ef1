/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sip/sip.h"

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

static struct sip_msg *with_body(const char *type, const char *body)
{
	struct sip_msg *m;
	unsigned status;
	char text[4096];

	snprintf(text, sizeof(text), ALL "%s\r\n%s", type, body);
	assert_int_equal(parse(&m, text, &status), 0);
	return m;
}

static void assert_sdp(const char *type, const char *body, const char *found)
{
	struct sip_msg *m = with_body(type, body);
	struct str s = sip_msg_body(m, STR("application/sdp"));

	if (!str_eq(s, str_of(found)) || !s.p != !found)
		fail_msg("%s: found \"%.*s\"", body, STR_ARG(s));
	sip_msg_deref(m);
}

#define MIXED "Content-Type: multipart/mixed;boundary=\"b1\"\r\n"
#define SDP   "Content-Type: application/sdp\r\n\r\nv=0\r\n"

static void body_parts(void **state)
{
	assert_sdp("Content-Type: application/sdp\r\n", "v=0\r\n", "v=0\r\n");
	assert_sdp("c: APPLICATION / SDP\r\n", "v=0\r\n", NULL);
	assert_sdp("c: Application/SDP ; charset=x\r\n", "v=0\r\n", "v=0\r\n");
	assert_sdp("c: text/plain\r\n", "v=0\r\n", NULL);
	assert_sdp("", "v=0\r\n", NULL);
	assert_sdp("c: application/sdp\r\n", "", NULL);
	assert_sdp(MIXED, "preamble\r\n--b1\r\n\r\ntext\r\n--b1\r\n" SDP "\r\n--b1--\r\nepilogue",
		   "v=0\r\n");
	assert_sdp(MIXED, "--b1\r\n" SDP "--b1--", "v=0");
	assert_sdp(MIXED, "--b1 \t\r\nc:application/sdp\r\n\r\n\r\n--b1--\r\n", "");
	assert_sdp(MIXED, "--b12\r\n" SDP "\r\n--b12--", NULL);
	assert_sdp(MIXED, "--b1\r\n" SDP,
		   NULL); /* never ends: cut off, who knows what is missing */
	assert_sdp(MIXED, "--b1--\r\n--b1\r\n" SDP "--b1--", NULL);
	assert_sdp(MIXED, "--b1\r\n--b1\r\n--b1--", NULL);
	assert_sdp(MIXED, "", NULL);
	assert_sdp("c: multipart/mixed\r\n", "--\r\n" SDP "----", NULL);
	assert_sdp("c: multipart/mixed;boundary=\r\n", "--\r\n" SDP "----", NULL);
	assert_sdp(MIXED, "--b1\r\nContent-Transfer-Encoding: base64\r\n" SDP "--b1--", NULL);
	assert_sdp(MIXED,
		   "--b1\r\nc: multipart/alternative; boundary=b2\r\n\r\n--b2\r\n" SDP
		   "\r\n--b2--\r\n--b1--",
		   "v=0\r\n");
}

/* Nested deeper than anybody nests, it is not followed. */
static void nesting_is_bounded(void **state)
{
	struct buf b = {0};
	struct sip_msg *m;
	unsigned status;

	buf_cstr(&b, ALL "c: multipart/mixed;boundary=b\r\n\r\n");
	for (int i = 0; i < 1000; i++)
		buf_cstr(&b, "--b\r\nc: multipart/mixed;boundary=b\r\n\r\n");
	buf_cstr(&b, "--b\r\n" SDP "\r\n--b--\r\n");
	assert_int_equal(parse(&m, b.p, &status), 0);
	assert_null(sip_msg_body(m, STR("application/sdp")).p);
	sip_msg_deref(m);
	buf_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_parts),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
