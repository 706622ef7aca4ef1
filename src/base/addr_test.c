/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "base/addr.h"

static void good_addresses_come_back_as_text(void **state)
{
	static const struct {
		const char *in, *ip, *host, *full;
	} good[] = {
		{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1:5060"},
		{"2001:DB8::1", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5060"},
		{"[2001:db8::1]", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5060"},
		{"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1:5060"},
		{"::", "::", "[::]", "[::]:5060"},
		{"0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0:5060"},
		{"255.10.100.9", "255.10.100.9", "255.10.100.9", "255.10.100.9:5060"},
	};
	char dst[ADDR_STR_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct addr a;

		assert_int_equal(addr_parse(&a, str_of(good[i].in), 5060), 0);
		assert_string_equal(addr_ip_str(dst, &a), good[i].ip);
		assert_string_equal(addr_host_str(dst, &a), good[i].host);
		assert_string_equal(addr_str(dst, &a), good[i].full);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"localhost",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.1 ",
		"192.0.2.01",
		"0x7f.1",
		"1",
		"[192.0.2.1]",
		"fe80::1%lo",
		"2001:db8::1::2",
		"[2001:db8::1",
		"2001:db8:0:0:0:0:0:0:1",
		"192.0.2.1:5060",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct addr a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_parse(&a, str_of(bad[i]), 0), EINVAL);
	assert_int_equal(addr_parse(&a, STR("192.0.2.1\0x"), 0), EINVAL);
	assert_int_equal(addr_parse(&a, STR_NONE, 0), EINVAL);
}

static void host_and_port(void **state)
{
	static const struct {
		const char *in, *full; /* NULL: refused */
	} cases[] = {
		{"192.0.2.1:80", "192.0.2.1:80"},
		{"192.0.2.1", "192.0.2.1:5060"},
		{"[2001:db8::1]:80", "[2001:db8::1]:80"},
		{"[2001:db8::1]", "[2001:db8::1]:5060"},
		{"2001:db8::1", "[2001:db8::1]:5060"},
		{"192.0.2.1:", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:x", NULL},
		{"[2001:db8::1]80", NULL},
		{"[2001:db8::1", NULL},
		{":80", NULL},
		{"", NULL},
	};
	char dst[ADDR_STR_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr a;
		int err = addr_parse_hostport(&a, str_of(cases[i].in), 5060);

		assert_int_equal(err, cases[i].full ? 0 : EINVAL);
		if (cases[i].full)
			assert_string_equal(addr_str(dst, &a), cases[i].full);
	}
}

static void socket_addresses_go_there_and_back(void **state)
{
	static const char *const texts[] = {"192.0.2.1:5060", "[2001:db8::5]:1"};
	struct sockaddr_storage ss;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct addr a, b;

		assert_int_equal(addr_parse_hostport(&a, str_of(texts[i]), 0), 0);
		addr_to_sockaddr(&a, &ss);
		assert_int_equal(addr_from_sockaddr(&b, (struct sockaddr *)&ss), 0);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_true(addr_eq(&a, &b));
		assert_true(addr_hash(&a) == addr_hash(&b));
		b.port++;
		assert_false(addr_eq(&a, &b));
		assert_true(addr_ip_eq(&a, &b));
		assert_true(addr_hash(&a) != addr_hash(&b));
	}
	((struct sockaddr_in6 *)&ss)->sin6_scope_id = 2;
	struct addr zoned;

	assert_int_equal(addr_from_sockaddr(&zoned, (struct sockaddr *)&ss), EINVAL);
	ss.ss_family = AF_UNIX;
	assert_int_equal(addr_from_sockaddr(&zoned, (struct sockaddr *)&ss), EAFNOSUPPORT);
}

static void mapped_peer_has_one_form(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5060)};
	struct addr a, b;

	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	in6.sin6_addr.s6_addr[12] = 192;
	in6.sin6_addr.s6_addr[15] = 1;
	assert_int_equal(addr_from_sockaddr(&a, (struct sockaddr *)&in6), 0);
	assert_int_equal(addr_parse(&b, STR("192.0.0.1"), 5060), 0);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void any_and_loopback_are_known(void **state)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, STR("0.0.0.0"), 0), 0);
	assert_true(addr_is_any(&a));
	assert_int_equal(addr_parse(&a, STR("::"), 0), 0);
	assert_true(addr_is_any(&a));
	assert_false(addr_is_any(&(struct addr){0}));
	assert_int_equal(addr_parse(&a, STR("127.10.3.4"), 0), 0);
	assert_true(addr_is_loopback(&a));
	assert_int_equal(addr_parse(&a, STR("::1"), 0), 0);
	assert_true(addr_is_loopback(&a));
	assert_int_equal(addr_parse(&a, STR("128.0.0.1"), 0), 0);
	assert_false(addr_is_loopback(&a));
}

static void networks_come_back_as_text(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = {
		{"192.0.2.7", "192.0.2.7/32"},
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.0/255.255.255.0", "192.0.2.0/24"},
		{"10.128.0.0/9", "10.128.0.0/9"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"0.0.0.0/0.0.0.0", "0.0.0.0/0"},
		{"2001:DB8::/33", "2001:db8::/33"},
		{"::1", "::1/128"},
	};
	char dst[ADDR_STR_BYTES];
	struct addr_net net;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(addr_net_parse(&net, str_of(good[i].in)), 0);
		assert_string_equal(addr_net_str(dst, &net), good[i].out);
	}
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "/8",
					  "10.0.0.0/",
					  "10.0.0.0/33",
					  "10.0.0.1/24",
					  "10.0.0.0/255.0.255.0",
					  "10.0.0.0/0.0.0.255",
					  "::/129",
					  "2001:db8::/ffff::",
					  "[::1]",
					  "[::1]/128",
					  "10.0.0.0/8/8",
					  "10.0.0.0/-8",
					  "office/8"};
	struct addr_net net;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(addr_net_parse(&net, str_of(bad[i])), EINVAL);
}

static bool has(const char *net, const char *ip)
{
	struct addr_net n;
	struct addr a;

	assert_int_equal(addr_net_parse(&n, str_of(net)), 0);
	assert_int_equal(addr_parse(&a, str_of(ip), 5060), 0);
	return addr_net_has(&n, &a);
}

static void a_network_has_its_own_addresses_only(void **state)
{
	assert_true(has("192.0.2.128/25", "192.0.2.200"));
	assert_false(has("192.0.2.128/25", "192.0.2.127"));
	assert_true(has("0.0.0.0/0", "203.0.113.9"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(has("192.0.2.7", "::ffff:192.0.2.7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_come_back_as_text),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(a_network_has_its_own_addresses_only),
		cmocka_unit_test(good_addresses_come_back_as_text),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(host_and_port),
		cmocka_unit_test(socket_addresses_go_there_and_back),
		cmocka_unit_test(mapped_peer_has_one_form),
		cmocka_unit_test(any_and_loopback_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
