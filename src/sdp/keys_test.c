/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys in descriptions: RFC 4568. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <string.h>
#include "sdp/keys.h"

#define K30 "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
#define K28 "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="

static struct sdp *parsed(const char *proto, const char *lines)
{
	char text[2048];
	struct sdp *s = NULL;
	const char *why;

	snprintf(text, sizeof(text),
		 "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		 "m=audio 4000 %s 0\r\n%s",
		 proto, lines);
	assert_int_equal(sdp_parse(&s, str_of(text), &why), 0);
	return s;
}

static void usable_lines_come_in_order_and_unknown_suites_are_passed_over(void **state)
{
	struct sdp *s =
		parsed("RTP/SAVP", "a=crypto:1 F8_128_HMAC_SHA1_80 " K30 "\r\n"
				   "a=crypto:7 AEAD_AES_128_GCM " K28 "\r\n"
				   "a=crypto:3 aes_cm_128_hmac_sha1_32 " K30 "|2^20|1:4\r\n");
	struct sdp_crypto c;
	size_t pos = 0;

	assert_true(sdp_crypto_next(&s->media[0], &pos, &c));
	assert_int_equal(c.tag, 7);
	assert_int_equal(c.suite, SDP_SUITE_AEAD_AES_128_GCM);
	assert_int_equal(c.key[27], 0x1b);
	assert_true(sdp_crypto_next(&s->media[0], &pos, &c));
	assert_int_equal(c.suite, SDP_SUITE_AES_CM_128_HMAC_SHA1_32);
	assert_int_equal(c.nmki, 4);
	assert_int_equal(c.mki[3], 1);
	assert_false(sdp_crypto_next(&s->media[0], &pos, &c));
	assert_int_equal(sdp_protection_of(s, &s->media[0]), SDP_SDES);
	sdp_free(s);
}

static void lines_that_ask_for_what_we_must_not_do_are_passed_over(void **state)
{
	static const char *const bad[] = {
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 " UNENCRYPTED_SRTP",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 " UNAUTHENTICATED_SRTP",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 " KDR=1",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 ";" K30,
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K28,
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 "|1:0",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 "|1:9",
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80",
		"a=crypto:x AES_CM_128_HMAC_SHA1_80 " K30,
		"a=crypto",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct sdp *s = parsed("RTP/SAVP", bad[i]);
		struct sdp_crypto c;
		size_t pos = 0;

		assert_false(sdp_crypto_next(&s->media[0], &pos, &c));
		assert_int_equal(sdp_protection_of(s, &s->media[0]), SDP_CLOSED);
		sdp_free(s);
	}
}

static void parameters_that_change_nothing_are_fine(void **state)
{
	struct sdp *s = parsed("RTP/AVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30
					  " -FEC_ORDER=X WSH=64 KDR=0\r\n");

	assert_int_equal(sdp_protection_of(s, &s->media[0]), SDP_SDES);
	sdp_free(s);
}

static void what_is_written_is_read_again(void **state)
{
	struct sdp_crypto c = {.tag = 4, .suite = SDP_SUITE_AEAD_AES_256_GCM}, again;
	struct buf b = {0};
	struct sdp *s;
	size_t pos = 0;

	for (unsigned i = 0; i < 44; i++)
		c.key[i] = (uint8_t)(i * 3);
	sdp_write_crypto(&b, &c);
	s = parsed("RTP/SAVPF", b.p);
	assert_true(sdp_crypto_next(&s->media[0], &pos, &again));
	assert_memory_equal(&c, &again, sizeof(c));
	buf_free(&b);
	sdp_free(s);
}

static void protection_is_told_from_the_profile_and_what_stands_with_it(void **state)
{
	static const struct {
		const char *proto, *lines;
		enum sdp_protection is;
	} rows[] = {
		{"RTP/AVP", "", SDP_PLAIN},
		{"RTP/AVPF", "a=fingerprint:sha-256 AB\r\n", SDP_PLAIN},
		{"RTP/SAVP", "", SDP_CLOSED},
		{"RTP/SAVPF", "a=fingerprint:sha-256 AB\r\n", SDP_DTLS},
		{"UDP/TLS/RTP/SAVPF", "a=fingerprint:sha-256 AB\r\n", SDP_DTLS},
		{"UDP/TLS/RTP/SAVPF", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " K30 "\r\n", SDP_CLOSED},
		{"udptl", "", SDP_PLAIN},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = parsed(rows[i].proto, rows[i].lines);

		assert_int_equal(sdp_protection_of(s, &s->media[0]), rows[i].is);
		sdp_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usable_lines_come_in_order_and_unknown_suites_are_passed_over),
		cmocka_unit_test(lines_that_ask_for_what_we_must_not_do_are_passed_over),
		cmocka_unit_test(parameters_that_change_nothing_are_fine),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(protection_is_told_from_the_profile_and_what_stands_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
