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

#define FP(hash, byte) "a=fingerprint:" hash " " byte "\r\n"
#define HEX8	       "00:11:22:33:44:55:66:77"
#define HEX31	       HEX8 ":" HEX8 ":" HEX8 ":88:99:aa:BB:cc:dd:ee"

static void a_fingerprint_is_read_or_there_is_none(void **state)
{
	static const struct row {
		const char *lines;
		bool is_there;
	} rows[] = {
		{FP("sha-256", HEX31 ":FF"), true},
		{FP("SHA-256", HEX31 ":ff"), true},
		{FP("sha-256", HEX31), false},
		{FP("sha-256", HEX31 ":F"), false},
		{FP("sha-256", HEX31 ":FFF"), false},
		{FP("sha-256", HEX31 ":FG"), false},
		{FP("sha-256", HEX31 "-FF"), false},
		{FP("sha-1", HEX8 ":" HEX8 ":00:11:22:33"), false}, /* broken */
		{FP("md5", HEX8 ":" HEX8), false},
		{"a=fingerprint\r\n", false},
		{"", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = parsed("UDP/TLS/RTP/SAVPF", rows[i].lines);
		struct sdp_dtls d;

		assert_int_equal(sdp_dtls_of(s, &s->media[0], &d), rows[i].is_there ? 0 : ENOENT);
		if (rows[i].is_there)
			assert_int_equal(d.fingerprint.bytes[31], 0xff);
		sdp_free(s);
	}
}

static void what_is_said_of_dtls_and_ice_is_read_again(void **state)
{
	struct sdp_fingerprint f = {.hash = SDP_HASH_SHA256, .bytes = {1, 2, [31] = 9}};
	struct sdp_ice ice = {.ufrag = "abcd", .password = "0123456789012345678901"};
	struct addr rtp;
	struct buf b = {0};
	struct sdp_dtls d;
	struct sdp *s;

	assert_int_equal(addr_parse(&rtp, STR("192.0.2.9"), 4000), 0);
	sdp_write_dtls(&b, &f, SDP_SETUP_PASSIVE);
	sdp_write_ice(&b, &ice, &rtp, false);
	buf_str(&b, STR("a=rtcp-mux\r\n"));
	buf_char(&b, '\0');
	s = parsed("UDP/TLS/RTP/SAVPF", buf_view(&b).p);
	assert_int_equal(sdp_dtls_of(s, &s->media[0], &d), 0);
	assert_memory_equal(&d.fingerprint, &f, sizeof(f));
	assert_int_equal(d.setup, SDP_SETUP_PASSIVE);
	assert_true(d.rtcp_mux);
	assert_true(str_eq(d.ufrag, STR("abcd")));
	assert_true(str_eq(d.password, STR("0123456789012345678901")));
	assert_non_null(strstr(buf_view(&b).p,
			       "a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host\r\n"));
	assert_non_null(strstr(buf_view(&b).p,
			       "a=candidate:1 2 UDP 2130706430 192.0.2.9 4001 typ host\r\n"));
	sdp_free(s);
	buf_free(&b);
}

/* RFC 8840 4.1.1: an address that trickles in later is no hold. */
static void without_an_address_yet_it_is_not_held(void **state)
{
	struct sdp *s = parsed("UDP/TLS/RTP/SAVPF", "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n");

	assert_false(s->media[0].is_held);
	sdp_free(s);
	s = parsed("RTP/AVP", "c=IN IP4 0.0.0.0\r\n");
	assert_true(s->media[0].is_held);
	sdp_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usable_lines_come_in_order_and_unknown_suites_are_passed_over),
		cmocka_unit_test(lines_that_ask_for_what_we_must_not_do_are_passed_over),
		cmocka_unit_test(parameters_that_change_nothing_are_fine),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_fingerprint_is_read_or_there_is_none),
		cmocka_unit_test(what_is_said_of_dtls_and_ice_is_read_again),
		cmocka_unit_test(without_an_address_yet_it_is_not_held),
		cmocka_unit_test(protection_is_told_from_the_profile_and_what_stands_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
