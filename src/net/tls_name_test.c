/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/tls_name.h"

/* A certificate with these names; NULL: without. */
static X509 *certificate(const char *common, const char *alternative)
{
	X509 *cert = X509_new();
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	assert_non_null(cert);
	if (common)
		assert_int_equal(
			X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
						   (const unsigned char *)common, -1, -1, 0),
			1);
	if (!alternative)
		return cert;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, alternative);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	return cert;
}

static bool fits(const char *common, const char *alternative, const char *host)
{
	X509 *cert = certificate(common, alternative);
	bool yes = tls_name_fits(cert, str_of(host));

	X509_free(cert);
	return yes;
}

static void dns_names_are_compared_whole_and_case_folded(void **state)
{
	assert_true(fits("x", "DNS:sip.example.com,DNS:other.example", "sip.example.com"));
	assert_true(fits("x", "DNS:sip.example.com", "SIP.Example.COM"));
	assert_true(fits("x", "DNS:sip.example.com.", "sip.example.com"));
	assert_false(fits("x", "DNS:sip.example.com", "example.com"));
	assert_false(fits("x", "DNS:example.com", "sip.example.com"));
	assert_false(fits("x", "DNS:sip.example.com", "sip.example.co"));
	assert_false(fits("x", "DNS:sip.example.com", ""));
}

static void wildcards_are_nobody(void **state)
{
	assert_false(fits("x", "DNS:*.example.com", "sip.example.com"));
	assert_false(fits("*.example.com", NULL, "sip.example.com"));
	assert_false(fits("x", "DNS:.example.com", "sip.example.com"));
}

static void sip_uris_come_before_dns_names(void **state)
{
	assert_true(fits("x", "URI:sip:example.com,DNS:sip1.example.com", "example.com"));
	assert_false(fits("x", "URI:sip:example.com,DNS:sip1.example.com", "sip1.example.com"));
	/* Neither another scheme nor a user of the domain is the domain. */
	assert_true(fits("x", "URI:https://example.com,DNS:sip1.example.com", "sip1.example.com"));
	assert_false(fits("x", "URI:sip:ann@example.com", "example.com"));
}

static void common_name_counts_only_alone(void **state)
{
	assert_true(fits("sip.example.com", NULL, "sip.example.com"));
	assert_false(fits("sip.example.com", "DNS:other.example", "sip.example.com"));
	assert_false(fits("sip.example.com", "email:ann@example.com", "sip.example.com"));
	assert_false(fits(NULL, NULL, "sip.example.com"));
}

static void addresses_are_names_of_their_own(void **state)
{
	assert_true(fits("x", "IP:192.0.2.1", "192.0.2.1"));
	assert_true(fits("x", "IP:2001:db8::1", "2001:db8:0::1"));
	assert_false(fits("x", "IP:192.0.2.2", "192.0.2.1"));
	assert_false(fits("192.0.2.1", NULL, "192.0.2.1"));
	assert_false(fits("x", "DNS:192.0.2.1", "192.0.2.1"));
}

/* "good.example\0.evil.example": signed for one, read as the other. */
static void a_nul_in_a_name_fits_nothing(void **state)
{
	static const unsigned char name[] = "good.example\0.evil.example";
	X509 *cert = X509_new();

	assert_non_null(cert);
	assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
						    MBSTRING_UTF8, name, sizeof(name) - 1, -1, 0),
			 1);
	assert_false(tls_name_fits(cert, STR("good.example")));
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dns_names_are_compared_whole_and_case_folded),
		cmocka_unit_test(wildcards_are_nobody),
		cmocka_unit_test(sip_uris_come_before_dns_names),
		cmocka_unit_test(common_name_counts_only_alone),
		cmocka_unit_test(addresses_are_names_of_their_own),
		cmocka_unit_test(a_nul_in_a_name_fits_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
