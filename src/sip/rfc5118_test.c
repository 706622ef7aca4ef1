/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 in SIP: the cases of RFC 5118, section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/addr.h"
#include "sip/write.h"

static struct sip_msg *msg;
static unsigned status;

static int parse(const char *uri, const char *via, const char *more)
{
	struct flow from = {.transport = FLOW_UDP};
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "REGISTER %s SIP/2.0\r\nTo: sip:user@example.com\r\n"
			 "From: sip:user@example.com;tag=81x2\r\nVia: %s\r\n"
			 "Call-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\nCSeq: "
			 "98176 REGISTER\r\n%s"
			 "Content-Length: 0\r\n\r\n",
			 uri, via, more);

	assert_int_equal(addr_parse(&from.remote, STR("2001:db8::9:255"), 5060), 0);
	sip_msg_deref(msg);
	msg = NULL;
	return sip_msg_parse(&msg, &from, text, (size_t)n, &status);
}

static int release(void **state)
{
	msg = sip_msg_deref(msg);
	return 0;
}

#define GOOD_VIA "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"

static struct sip_uri uri_of(struct str text)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(&u, text), 0);
	return u;
}

static void assert_host(const struct sip_uri *u, const char *host, uint16_t port)
{
	assert_true(str_eq(u->host, str_of(host)));
	assert_int_equal(u->port, port);
}

/* 4.1 */
static void references_are_read(void **state)
{
	struct sip_via via;
	struct sip_addr a;
	struct sip_uri u;

	assert_int_equal(parse("sip:[2001:db8::10]", GOOD_VIA,
			       "Contact: \"Caller\" <sip:caller@[2001:db8::1]>\r\n"),
			 0);
	u = uri_of(msg->uri);
	assert_host(&u, "2001:db8::10", 0);
	assert_int_equal(sip_via_parse(&via, sip_msg_header(msg, SIP_HDR_VIA)), 0);
	assert_true(str_eq(via.host, STR("2001:db8::9:1")));
	assert_true(str_eq(msg->sent_by, STR("[2001:db8::9:1]")));
	assert_int_equal(sip_contact(msg, &a), 0);
	u = uri_of(a.uri);
	assert_host(&u, "2001:db8::1", 0);
}

/* 4.2: without brackets nobody knows where the port begins */
static void reference_without_brackets_is_refused(void **state)
{
	assert_int_equal(parse("sip:2001:db8::10", GOOD_VIA, ""), EPROTO);
	assert_int_equal(status, 400);
}

/* 4.3, 4.4 */
static void port_stands_behind_the_bracket_only(void **state)
{
	struct sip_uri u;

	assert_int_equal(parse("sip:[2001:db8::10:5070]", GOOD_VIA, ""), 0);
	u = uri_of(msg->uri);
	assert_host(&u, "2001:db8::10:5070", 0);
	assert_int_equal(parse("sip:[2001:db8::10]:5070", GOOD_VIA, ""), 0);
	u = uri_of(msg->uri);
	assert_host(&u, "2001:db8::10", 5070);
}

/* 4.5: received with and without brackets */
static void received_is_read_in_both_forms(void **state)
{
	static const char *const forms[] = {"[2001:db8::9:255]", "2001:db8::9:255"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char text[256];
		struct sip_via via;

		snprintf(text, sizeof(text),
			 "SIP/2.0/UDP [2001:db8::9:1];received=%s;branch=z9hG4bKas3", forms[i]);
		assert_int_equal(parse("sip:[2001:db8::10]", text, ""), 0);
		assert_int_equal(sip_via_parse(&via, sip_msg_header(msg, SIP_HDR_VIA)), 0);
		assert_true(str_eq(via.received, STR("2001:db8::9:255")));
		assert_true(str_eq(msg->branch, STR("z9hG4bKas3")));
	}
}

/* ... and written without, as the grammar of RFC 3261 has it */
static void received_is_written_without_brackets(void **state)
{
	struct buf b = {0};

	assert_int_equal(parse("sip:[2001:db8::10]", GOOD_VIA ";rport", ""), 0);
	sip_write_vias(&b, msg);
	assert_string_equal(
		b.p,
		"Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111;received=2001:db8::9:255;"
		"rport=5060\r\n");
	buf_free(&b);
	/* the same address written otherwise is the same address */
	assert_int_equal(
		parse("sip:[2001:db8::10]", "SIP/2.0/UDP [2001:0DB8:0::9:255]:5061;branch=x", ""),
		0);
	buf_reset(&b);
	sip_write_vias(&b, msg);
	assert_string_equal(b.p, "Via: SIP/2.0/UDP [2001:0DB8:0::9:255]:5061;branch=x\r\n");
	buf_free(&b);
}

/* 4.7 */
static void both_families_in_one_message(void **state)
{
	struct sip_values v;
	struct str s;
	struct sip_via via;

	assert_int_equal(parse("sip:user@[2001:db8::10]", GOOD_VIA,
			       "Via: SIP/2.0/TCP 192.0.2.1:5062;branch=x\r\n"),
			 0);
	sip_values_init(&v, msg, SIP_HDR_VIA);
	assert_true(sip_values_next(&v, &s));
	assert_true(sip_values_next(&v, &s));
	assert_int_equal(sip_via_parse(&via, s), 0);
	assert_true(str_eq(via.host, STR("192.0.2.1")));
	assert_int_equal(via.port, 5062);
}

/* 4.9 */
static void mapped_ipv4_is_read(void **state)
{
	struct sip_uri u;
	struct addr a, plain;

	assert_int_equal(parse("sip:user@[::ffff:192.0.2.10]:5070", GOOD_VIA, ""), 0);
	u = uri_of(msg->uri);
	assert_host(&u, "::ffff:192.0.2.10", 5070);
	assert_int_equal(addr_parse(&a, u.host, u.port), 0);
	assert_int_equal(addr_parse(&plain, STR("192.0.2.10"), 5070), 0);
	assert_true(addr_eq(&a, &plain));
}

/* 4.10: RFC 3261's own grammar would allow three colons; RFC 5954 does not */
static void three_colons_are_refused(void **state)
{
	assert_int_equal(parse("sip:user@[2001:db8:::192.0.2.1]", GOOD_VIA, ""), EPROTO);
	assert_int_equal(status, 400);
}

static void zones_are_refused(void **state)
{
	assert_int_equal(parse("sip:user@[fe80::1%eth0]", GOOD_VIA, ""), EPROTO);
	assert_int_equal(parse("sip:user@h", "SIP/2.0/UDP [fe80::1%eth0];branch=x", ""), EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(references_are_read, release),
		cmocka_unit_test_teardown(reference_without_brackets_is_refused, release),
		cmocka_unit_test_teardown(port_stands_behind_the_bracket_only, release),
		cmocka_unit_test_teardown(received_is_read_in_both_forms, release),
		cmocka_unit_test_teardown(received_is_written_without_brackets, release),
		cmocka_unit_test_teardown(both_families_in_one_message, release),
		cmocka_unit_test_teardown(mapped_ipv4_is_read, release),
		cmocka_unit_test_teardown(three_colons_are_refused, release),
		cmocka_unit_test_teardown(zones_are_refused, release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
