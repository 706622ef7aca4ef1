/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sip/uri.h"

#define assert_str(s, literal)                                                                     \
	do {                                                                                       \
		struct str got_ = (s);                                                             \
		if (!str_eq(got_, str_of(literal)))                                                \
			fail_msg("%s: \"%.*s\" is not \"%s\"", #s, STR_ARG(got_), literal);        \
	} while (0)

static void parts_of_a_uri(void **state)
{
	static const struct {
		const char *text;
		enum sip_scheme scheme;
		const char *user, *password, *host;
		uint16_t port;
		const char *params, *headers;
	} cases[] = {
		{"sip:example.com", SIP_SCHEME_SIP, "", "", "example.com", 0, "", ""},
		{"SIP:alice@Example.com", SIP_SCHEME_SIP, "alice", "", "Example.com", 0, "", ""},
		{"sips:a:b@1.2.3.4:5061", SIP_SCHEME_SIPS, "a", "b", "1.2.3.4", 5061, "", ""},
		{"sip:a:@h", SIP_SCHEME_SIP, "a", "", "h", 0, "", ""},
		{"sip:a@h;lr;transport=tcp?x=y&z=", SIP_SCHEME_SIP, "a", "", "h", 0,
		 "lr;transport=tcp", "x=y&z="},
		{"sip:h?x=y", SIP_SCHEME_SIP, "", "", "h", 0, "", "x=y"},
		{"sip:a;b?c/d@h", SIP_SCHEME_SIP, "a;b?c/d", "", "h", 0, "", ""},
		{"sip:*43@h", SIP_SCHEME_SIP, "*43", "", "h", 0, "", ""},
		{"sip:#21#@h", SIP_SCHEME_SIP, "#21#", "", "h", 0, "", ""},
		{"sip:%2321@h", SIP_SCHEME_SIP, "%2321", "", "h", 0, "", ""},
		{"sip:1001%40a@b", SIP_SCHEME_SIP, "1001%40a", "", "b", 0, "", ""},
		{"sip:\xc3\xa9@h", SIP_SCHEME_SIP, "\xc3\xa9", "", "h", 0, "", ""},
		{"sip:+1234;phone-context=x@h;user=phone", SIP_SCHEME_SIP, "+1234;phone-context=x",
		 "", "h", 0, "user=phone", ""},
		{"sip:a@my_host.local.", SIP_SCHEME_SIP, "a", "", "my_host.local.", 0, "", ""},
		{"sip:a@[2001:db8::1]", SIP_SCHEME_SIP, "a", "", "2001:db8::1", 0, "", ""},
		{"sip:[::1]:5060;lr", SIP_SCHEME_SIP, "", "", "::1", 5060, "lr", ""},
		{"tel:+1-201-555-0123", SIP_SCHEME_TEL, "+1-201-555-0123", "", "", 0, "", ""},
		{"tel:7042;phone-context=example.com", SIP_SCHEME_TEL, "7042", "", "", 0,
		 "phone-context=example.com", ""},
		{"tel:*43#", SIP_SCHEME_TEL, "*43#", "", "", 0, "", ""},
		{"urn:service:sos", SIP_SCHEME_OTHER, "", "", "", 0, "", ""},
		{"http://example.com/", SIP_SCHEME_OTHER, "", "", "", 0, "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sip_uri u;

		if (sip_uri_parse(&u, str_of(cases[i].text)))
			fail_msg("refused: %s", cases[i].text);
		assert_int_equal(u.scheme, cases[i].scheme);
		assert_str(u.user, cases[i].user);
		assert_str(u.password, cases[i].password);
		assert_str(u.host, cases[i].host);
		assert_int_equal(u.port, cases[i].port);
		assert_str(u.params, cases[i].params);
		assert_str(u.headers, cases[i].headers);
	}
}

static void what_is_no_uri_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"sip",
		"sip:",
		":",
		"sip:@h",
		"sip:@",
		"sips:@",
		"sip:/",
		"sip::5060",
		"sip:h:",
		"sip:h:0",
		"sip:h:65536",
		"sip:h:x",
		"sip:h:99999999999",
		"sip:a@b@c",
		"sip: h",
		"sip:h ",
		"sip:a b@h",
		"sip:a%@h",
		"sip:a%4@h",
		"sip:a%4g@h",
		"sip:a\"b@h",
		"sip:a<b@h",
		"sip:h;",
		"sip:h;;lr",
		"sip:h;lr;",
		"sip:h;=x",
		"sip:h;x=",
		"sip:h;x=\"y\"",
		"sip:h?",
		"sip:h?x",
		"sip:h?=y",
		"sip:h?x=y&",
		"sip:h?x=y z",
		"sip:[::1",
		"sip:[]",
		"sip:[1.2.3.4]",
		"sip:[::1]5060",
		"sip:[fe80::1%25eth0]",
		"sip:[x::]",
		"sip:2001:db8::10",
		"sip:[2001:db8:::192.0.2.1]",
		"tel:",
		"tel:;",
		"tel:+",
		"tel:-",
		"tel:abx",
		"tel:1+2",
		"tel:1;",
		"tel:1;=",
		"1x:y",
		"x y:z",
		"x:a b",
		"x:<y>",
		"x:",
		"sip:h;x=\xff\x01",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sip_uri u;

		if (!sip_uri_parse(&u, str_of(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	}
	/* NUL anywhere */
	for (size_t i = 0; i < 15; i++) {
		char text[] = "sip:a@h;lr?x=yy";
		struct sip_uri u;

		assert_int_equal(sip_uri_parse(&u, STR("sip:a@h;lr?x=yy")), 0);
		text[i] = '\0';
		assert_int_equal(sip_uri_parse(&u, (struct str){text, 15}), EINVAL);
	}
}

static bool eq(const char *a, const char *b)
{
	struct sip_uri ua, ub;

	assert_int_equal(sip_uri_parse(&ua, str_of(a)), 0);
	assert_int_equal(sip_uri_parse(&ub, str_of(b)), 0);
	assert_int_equal(sip_uri_eq(&ua, &ub), sip_uri_eq(&ub, &ua));
	assert_true(sip_uri_eq(&ua, &ua));
	return sip_uri_eq(&ua, &ub);
}

/* The examples of RFC 3261 19.1.4, and more. */
static void equal_uris(void **state)
{
	assert_true(
		eq("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
	assert_true(eq("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	assert_true(eq("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
	assert_true(eq("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		       "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	assert_true(eq("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		       "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	assert_true(eq("tel:+1-201-555-0123", "tel:+12015550123"));
	assert_true(eq("tel:1;ext=2;isub=3", "tel:1;isub=3;ext=2"));
	assert_true(eq("urn:service:sos", "urn:service:sos"));
}

static void different_uris(void **state)
{
	assert_false(
		eq("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
	assert_false(eq("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	assert_false(eq("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
	assert_false(eq("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
	assert_false(eq("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
	assert_false(eq("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
	assert_false(eq("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
	assert_false(eq("sip:a@h", "sips:a@h"));
	assert_false(eq("sip:a@h", "sip:h"));
	assert_false(eq("sip:a:b@h", "sip:a@h"));
	assert_false(eq("sip:a%3Bb@h", "sip:a;b@h"));
	assert_false(eq("tel:1;ext=2", "tel:1"));
	assert_false(eq("tel:1;ext=2", "tel:1;isub=2"));
	assert_false(eq("tel:+1201", "tel:1201"));
	assert_false(eq("urn:service:sos", "urn:service:sos.fire"));
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *display, *uri, *params;
	} cases[] = {
		{"sip:a@b", "", "sip:a@b", ""},
		{" sip:a@b ;tag=1", "", "sip:a@b", "tag=1"},
		{"<sip:a@b;lr>;tag=1;x", "", "sip:a@b;lr", "tag=1;x"},
		{"<sip:a@b?x=y>", "", "sip:a@b?x=y", ""},
		{"Bob<sip:a@b>", "Bob", "sip:a@b", ""},
		{"Bob O'Neil (work) <sip:a@b>", "Bob O'Neil (work)", "sip:a@b", ""},
		{"\"a;b,<c> \\\"d\\\"\"<sip:a@b> ; tag = 1", "a;b,<c> \\\"d\\\"", "sip:a@b",
		 "tag = 1"},
		{"\"\" <sip:a@b>", "", "sip:a@b", ""},
		{"J\xc3\xb6rg \xf0\x9f\x98\x80 <sip:a@b>", "J\xc3\xb6rg \xf0\x9f\x98\x80",
		 "sip:a@b", ""},
		{"<tel:+1>;x=\"a;b\"", "", "tel:+1", "x=\"a;b\""},
		{"<sip:a@b>;x=[::1]:5", "", "sip:a@b", "x=[::1]:5"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sip_addr a;

		if (sip_addr_parse(&a, str_of(cases[i].text)))
			fail_msg("refused: %s", cases[i].text);
		assert_str(a.display, cases[i].display);
		assert_str(a.uri, cases[i].uri);
		assert_str(a.params, cases[i].params);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"*",
		"<>",
		"</>",
		"<sip:a@b",
		"sip:a@b>",
		"\"x <sip:a@b>",
		"\"x\" sip:a@b",
		"\"x\"",
		"Bell, Alexander <sip:a@b>",
		"a;b <sip:a@b>",
		"a \"b\" <sip:a@b>",
		"< sip:a@b>",
		"<sip:a@b >",
		"<sip:a@b>x",
		"<sip:a@b>;",
		"<sip:a@b>;;tag=1",
		"<sip:a@b>;=1",
		"<sip:a@b>;tag=",
		"<sip:a@b>;x=\"y",
		"<sip:a@b>;x=\"y\"z",
		"<sip:a@b>;x=y z",
		"<sip:a@b>;x=<y>",
		"sip:a@b?x=y",
		"sip:a,sip:b",
		"<<sip:a@b>>",
		"nothing",
		"<sip:a@b>, <sip:c@d>",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sip_addr a;

		if (!sip_addr_parse(&a, str_of(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	}
}

static void parameters_are_found(void **state)
{
	struct str params = STR("a;b=1 ; C = \"x;d=2\" ;d=3;b=4");
	struct str v;

	assert_true(sip_param(params, STR("A"), &v));
	assert_null(v.p);
	assert_true(sip_param(params, STR("b"), &v));
	assert_str(v, "1");
	assert_true(sip_param(params, STR("c"), &v));
	assert_str(v, "x;d=2");
	assert_true(sip_param(params, STR("d"), &v));
	assert_str(v, "3");
	assert_false(sip_param(params, STR("x"), &v));
	assert_null(v.p);
	assert_false(sip_param(STR_NONE, STR("x"), &v));
	assert_false(sip_param(STR("a=\"x;b=1"), STR("b"), &v));
}

static void escapes_go_both_ways(void **state)
{
	struct buf b = {0};
	char dst[16];

	assert_int_equal(sip_unescape(dst, sizeof(dst), STR("a%20%c3%A9")), 0);
	assert_string_equal(dst, "a \xc3\xa9");
	assert_int_equal(sip_unescape(dst, sizeof(dst), STR("a%00b")), EINVAL);
	assert_string_equal(dst, "");
	assert_int_equal(sip_unescape(dst, sizeof(dst), STR("a%")), EINVAL);
	assert_int_equal(sip_unescape(dst, sizeof(dst), STR("a%4")), EINVAL);
	assert_int_equal(sip_unescape(dst, sizeof(dst), STR("a%zz")), EINVAL);
	assert_int_equal(sip_unescape(dst, 4, STR("abc")), 0);
	assert_int_equal(sip_unescape(dst, 3, STR("abc")), ENAMETOOLONG);
	assert_int_equal(sip_unescape(dst, 0, STR("")), ENAMETOOLONG);

	sip_escape_user(&b, STR("a b@c#%;\xc3\xa9"));
	assert_string_equal(b.p, "a%20b%40c%23%25;%C3%A9");
	buf_reset(&b);
	sip_quote(&b, STR("a \"b\" \\ \r\n\x07é"));
	assert_string_equal(b.p, "\"a \\\"b\\\" \\\\ é\"");
	assert_int_equal(sip_unquote(dst, sizeof(dst), (struct str){b.p + 1, b.n - 2}), 0);
	assert_string_equal(dst, "a \"b\" \\ é");
	assert_int_equal(sip_unquote(dst, sizeof(dst), STR("a\\")), EINVAL);
	assert_int_equal(sip_unquote(dst, 3, STR("abc")), ENAMETOOLONG);
	assert_string_equal(dst, "");
	buf_free(&b);
}

/* Nobody's list is long; an attacker's costs no more than reading it a few times. */
static void long_lists_are_not_compared_pair_by_pair(void **state)
{
	static char a[60000], b[60000];
	struct sip_uri ua, ub;
	size_t n = 0;

	memcpy(a, "sip:h", 5);
	memcpy(b, "sip:h", 5);
	for (n = 5; n + 2 < sizeof(a); n += 2) {
		memcpy(a + n, ";a", 2);
		memcpy(b + n, ";b", 2);
	}
	assert_int_equal(sip_uri_parse(&ua, (struct str){a, n}), 0);
	assert_int_equal(sip_uri_parse(&ub, (struct str){b, n}), 0);
	assert_false(sip_uri_eq(&ua, &ub));
	assert_true(sip_uri_eq(&ua, &ua));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_uri),
		cmocka_unit_test(what_is_no_uri_is_refused),
		cmocka_unit_test(equal_uris),
		cmocka_unit_test(different_uris),
		cmocka_unit_test(addresses),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(escapes_go_both_ways),
		cmocka_unit_test(long_lists_are_not_compared_pair_by_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
