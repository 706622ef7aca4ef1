/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sip/stun_ping.h"

static const uint8_t head[STUN_HEAD_BYTES] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1,  2,
					      3, 4, 5, 6, 7,	8,    9,    10,	  11, 12};

static struct addr phone_at(const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), 5070), 0);
	return a;
}

/* RFC 5626 4.4.2, interop 31: what is asked with these attributes. */
static size_t ask(const char *ip, const void *attributes, size_t n, uint8_t a[STUN_PING_BYTES])
{
	struct addr from = phone_at(ip);
	uint8_t p[64];
	size_t got;

	memcpy(p, head, sizeof(head));
	if (n)
		memcpy(p + sizeof(head), attributes, n);
	p[3] = (uint8_t)n;
	got = stun_ping(a, p, sizeof(head) + n, &from);
	if (got) {
		assert_memory_equal(a + 4, head + 4, 16); /* cookie and id */
		assert_int_equal(a[3], got - STUN_HEAD_BYTES);
	}
	return got;
}

static void it_hears_the_address_it_is_seen_at(void **state)
{
	struct addr phone = phone_at("198.51.100.7");
	uint8_t a[STUN_PING_BYTES];

	assert_int_equal(ask("198.51.100.7", NULL, 0, a), 32);
	assert_memory_equal(a, "\x01\x01", 2);
	assert_memory_equal(a + 20, "\x00\x20\x00\x08\x00\x01", 6);
	assert_int_equal((a[26] ^ 0x21) << 8 | (a[27] ^ 0x12), 5070);
	for (int i = 0; i < 4; i++)
		assert_int_equal(a[28 + i] ^ a[4 + i], phone.ip[i]);
	phone = phone_at("2001:db8::7");
	assert_int_equal(ask("2001:db8::7", "\x80\x22\x00\x02hi\0", 8, a), 44);
	assert_int_equal(a[25], 2);
	for (int i = 0; i < 16; i++)
		assert_int_equal(a[28 + i] ^ a[4 + i], phone.ip[i]);
}

static void what_we_do_not_know_and_must_is_named(void **state)
{
	uint8_t a[STUN_PING_BYTES];

	assert_int_equal(ask("198.51.100.7", "\x00\x03\x00\x04\0\0\0\6", 8, a), 36);
	assert_memory_equal(a, "\x01\x11", 2);
	assert_memory_equal(a + 20,
			    "\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a\x00\x02\x00\x03\x00\x00", 16);
	/* Five of them: four are named, and it is no longer than the room for it. */
	assert_int_equal(ask("198.51.100.7", "\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0", 20, a),
			 40);
}

static void what_is_no_binding_request_is_not_answered(void **state)
{
	struct addr from = phone_at("198.51.100.7");
	uint8_t a[STUN_PING_BYTES], p[STUN_HEAD_BYTES];
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {{0, 1}, {1, 2}, {3, 4}, {4, 0x20}};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		memcpy(p, head, sizeof(p));
		p[wrong[i].at] = wrong[i].value;
		assert_int_equal(stun_ping(a, p, sizeof(p), &from), 0);
	}
	assert_int_equal(stun_ping(a, head, sizeof(head) - 1, &from), 0);
	/* Attributes that end beyond the message. */
	assert_int_equal(ask("198.51.100.7", "\x80\x22\x00\x05hi\0", 8, a), 0);
	assert_int_equal(ask("198.51.100.7", "\x80\x22", 2, a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_hears_the_address_it_is_seen_at),
		cmocka_unit_test(what_we_do_not_know_and_must_is_named),
		cmocka_unit_test(what_is_no_binding_request_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
