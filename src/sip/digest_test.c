/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sip/digest.h"

static int setup(void **state)
{
	return sip_digest_alloc((struct sip_digest **)state);
}

static int teardown(void **state)
{
	sip_digest_free(*state);
	return 0;
}

/* RFC 7616 3.9.1 */
static void examples_of_rfc7616(void **state)
{
	struct sip_secret secret;
	struct sip_digest_input in = {
		.alg = SIP_DIGEST_MD5,
		.secret = &secret,
		.method = STR("GET"),
		.uri = STR("/dir/index.html"),
		.nonce = STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
		.nc = STR("00000001"),
		.cnonce = STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
		.qop = STR("auth"),
	};
	char hex[SIP_DIGEST_MAX_HEX + 1];

	sip_secret_make(&secret, STR("Mufasa"), STR("http-auth@example.org"),
			STR("Circle of Life"));
	assert_int_equal(sip_digest_response(*state, hex, &in), 32);
	assert_string_equal(hex, "8ca523f5e9506fed4657c9700eebdbec");
	in.alg = SIP_DIGEST_SHA256;
	assert_int_equal(sip_digest_response(*state, hex, &in), 64);
	assert_string_equal(hex,
			    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

/* RFC 2617 3.5 */
static void example_of_rfc2617(void **state)
{
	struct sip_secret secret;
	struct sip_digest_input in = {
		.alg = SIP_DIGEST_MD5,
		.secret = &secret,
		.method = STR("GET"),
		.uri = STR("/dir/index.html"),
		.nonce = STR("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
		.nc = STR("00000001"),
		.cnonce = STR("0a4f113b"),
		.qop = STR("auth"),
	};
	char hex[SIP_DIGEST_MAX_HEX + 1];

	sip_secret_make(&secret, STR("Mufasa"), STR("testrealm@host.com"), STR("Circle Of Life"));
	sip_digest_response(*state, hex, &in);
	assert_string_equal(hex, "6629fae49393a05397450978507c4ef1");
}

/* Values from an independent implementation. */
static void body_is_covered_by_auth_int_and_old_form_has_no_count(void **state)
{
	struct sip_secret secret;
	struct sip_digest_input in = {
		.alg = SIP_DIGEST_MD5,
		.secret = &secret,
		.method = STR("INVITE"),
		.uri = STR("sip:102@example.com"),
		.nonce = STR("abc"),
		.nc = STR("00000002"),
		.cnonce = STR("xyz"),
		.qop = STR("auth-int"),
		.body = STR("v=0\r\n"),
	};
	char hex[SIP_DIGEST_MAX_HEX + 1];

	sip_secret_make(&secret, STR("101"), STR("example.com"), STR("secret"));
	sip_digest_response(*state, hex, &in);
	assert_string_equal(hex, "209e8ba95a56180a28ef16a3ee5e1bf5");
	in.alg = SIP_DIGEST_SHA256;
	sip_digest_response(*state, hex, &in);
	assert_string_equal(hex,
			    "d350d6adddf886cf70a1ce61d80edd7561377d3f08c7ae51b8a7fb8bf63d16d4");
	in.qop = STR_NONE;
	sip_digest_response(*state, hex, &in);
	assert_string_equal(hex,
			    "5377fb587c4cc718ab11e1750abc5d8bc2c01c60c0984d394faccc849ecbb25a");
	in.alg = SIP_DIGEST_MD5;
	sip_digest_response(*state, hex, &in);
	assert_string_equal(hex, "4c0e481794375736c38b72736c8aa45f");
}

static struct sip_msg *response(const char *challenges)
{
	static const struct flow from;
	struct sip_msg *m = NULL;
	char text[2048];
	unsigned status;
	int n = snprintf(
		text, sizeof(text),
		"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"
		"%s\r\n",
		challenges);

	assert_int_equal(sip_msg_parse(&m, &from, text, (size_t)n, &status), 0);
	return m;
}

static void first_challenge_that_we_can_answer_is_taken(void **state)
{
	struct sip_msg *m =
		response("WWW-Authenticate: Negotiate abc\r\n"
			 "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", "
			 "algorithm=SHA-512-256, qop=\"auth\"\r\n"
			 "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", qop=\"auth-int\"\r\n"
			 "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=SHA-256, "
			 "qop=\"auth,auth-int\", opaque=\"\", stale=TRUE\r\n"
			 "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\"\r\n");
	struct sip_challenge c;

	assert_int_equal(sip_challenge_read(&c, m, SIP_DIGEST_MD5 | SIP_DIGEST_SHA256), 0);
	assert_true(str_eq(c.nonce, STR("3")));
	assert_int_equal(c.alg, SIP_DIGEST_SHA256);
	assert_true(c.has_qop);
	assert_true(c.is_stale);
	assert_int_equal(sip_challenge_read(&c, m, SIP_DIGEST_MD5), 0);
	assert_true(str_eq(c.nonce, STR("4")));
	assert_false(c.has_qop);
	sip_msg_deref(m);

	m = response("");
	assert_int_equal(sip_challenge_read(&c, m, SIP_DIGEST_MD5), ENOENT);
	sip_msg_deref(m);
	m = response("WWW-Authenticate: Digest realm=\"r\r\n");
	assert_int_equal(sip_challenge_read(&c, m, SIP_DIGEST_MD5), EINVAL);
	sip_msg_deref(m);

	/* A bare value goes back within quotes. */
	m = response("WWW-Authenticate: Digest realm=\"r\", nonce=6\\, opaque=\"a\"\r\n");
	assert_int_equal(sip_challenge_read(&c, m, SIP_DIGEST_MD5), EINVAL);
	sip_msg_deref(m);
}

static void answer_holds_everything_the_challenge_asks_for(void **state)
{
	struct sip_challenge c = {.alg = SIP_DIGEST_MD5,
				  .has_qop = true,
				  .says_alg = true,
				  .realm = STR("http-auth@example.org"),
				  .nonce = STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
				  .opaque = STR("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")};
	struct sip_answer a = {.username = STR("Mufasa"),
			       .password = STR("Circle of Life"),
			       .method = STR("GET"),
			       .uri = STR("/dir/index.html"),
			       .cnonce = STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
			       .nc = 1};
	struct buf out = {0};

	sip_digest_answer(*state, &out, &c, &a);
	assert_int_equal(out.err, 0);
	assert_string_equal(
		out.p,
		"Authorization: Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
		"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", "
		"response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5, "
		"cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, nc=00000001, "
		"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n");
	buf_reset(&out);
	c.is_proxy = true;
	c.has_qop = c.says_alg = false;
	c.opaque = STR_NONE;
	sip_digest_answer(*state, &out, &c, &a);
	assert_non_null(strstr(out.p, "Proxy-Authorization: Digest username=\"Mufasa\""));
	assert_null(strstr(out.p, "qop"));
	assert_null(strstr(out.p, "cnonce"));
	assert_null(strstr(out.p, "algorithm"));
	buf_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(examples_of_rfc7616, setup, teardown),
		cmocka_unit_test_setup_teardown(example_of_rfc2617, setup, teardown),
		cmocka_unit_test_setup_teardown(
			body_is_covered_by_auth_int_and_old_form_has_no_count, setup, teardown),
		cmocka_unit_test_setup_teardown(first_challenge_that_we_can_answer_is_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answer_holds_everything_the_challenge_asks_for,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
