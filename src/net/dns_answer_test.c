/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "net/dns_testing.h"

static const struct zone_line zone[] = {
	{"a.test", DNS_A, 300, "192.0.2.1"},
	{"a.test", DNS_A, 60, "192.0.2.2"},
	{"a.test", DNS_AAAA, 300, "2001:db8::1"},
	{"alias.test", DNS_A, 10, "=a.test"},
	{"link.test", DNS_AAAA, 300, "fe80::1"},
	{"mapped.test", DNS_AAAA, 300, "::ffff:192.0.2.1"},
	{"any.test", DNS_A, 300, "0.0.0.0"},
	{"_sip._udp.test", DNS_SRV, 100, "20 0 5060 b.test"},
	{"_sip._udp.test", DNS_SRV, 100, "10 5 5070 a.test"},
	{"_sip._tcp.test", DNS_SRV, 100, "0 0 0 ."},
	{"test", DNS_NAPTR, 100, "20 10 s SIP+D2T _sip._tcp.test"},
	{"test", DNS_NAPTR, 100, "10 10 s SIP+D2U _sip._udp.test"},
	{0},
};

static int parse(struct dns_records *r, const char *name, enum dns_type type)
{
	struct packet_writer w;

	write_answer(&w, zone, name, type);
	return dns_answer_parse(r, type, w.p, w.n);
}

static void addresses_are_read_with_the_smallest_ttl(void **state)
{
	struct dns_records r;
	char text[ADDR_STR_BYTES];

	assert_int_equal(parse(&r, "a.test", DNS_A), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.ttl_s, 60);
	assert_string_equal(addr_ip_str(text, &r.addr[1]), "192.0.2.2");
	assert_int_equal(parse(&r, "a.test", DNS_AAAA), 0);
	assert_string_equal(addr_ip_str(text, &r.addr[0]), "2001:db8::1");
}

static void an_alias_is_followed_within_the_answer(void **state)
{
	struct dns_records r;

	assert_int_equal(parse(&r, "alias.test", DNS_A), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.ttl_s, 10);
}

static void an_address_nobody_can_be_reached_at_is_left_out(void **state)
{
	struct dns_records r;

	assert_int_equal(parse(&r, "link.test", DNS_AAAA), ENOENT);
	assert_int_equal(parse(&r, "mapped.test", DNS_AAAA), ENOENT);
	assert_int_equal(parse(&r, "any.test", DNS_A), ENOENT);
}

static void services_are_in_order_of_preference(void **state)
{
	struct dns_records r;

	assert_int_equal(parse(&r, "_sip._udp.test", DNS_SRV), 0);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.srv[0].host, "a.test");
	assert_int_equal(r.srv[0].port, 5070);
	assert_int_equal(r.srv[0].weight, 5);
	assert_string_equal(r.srv[1].host, "b.test");
	assert_int_equal(parse(&r, "_sip._tcp.test", DNS_SRV), 0);
	assert_string_equal(r.srv[0].host, "");
	assert_int_equal(parse(&r, "test", DNS_NAPTR), 0);
	assert_string_equal(r.naptr[0].service, "SIP+D2U");
	assert_string_equal(r.naptr[0].replacement, "_sip._udp.test");
	assert_string_equal(r.naptr[1].flags, "s");
}

static void nothing_holds_as_long_as_the_zone_says(void **state)
{
	struct dns_records r;

	assert_int_equal(parse(&r, "nobody.test", DNS_A), ENOENT);
	assert_int_equal(r.ttl_s, 20);
	assert_int_equal(r.err, ENOENT);
}

static void a_server_that_cannot_say_is_not_nothing(void **state)
{
	struct packet_writer w;
	struct dns_records r;

	put_question(&w, "a.test", DNS_A, 2);
	assert_int_equal(dns_answer_parse(&r, DNS_A, w.p, w.n), EAGAIN);
}

static void an_answer_to_another_question_is_refused(void **state)
{
	struct packet_writer w;
	struct dns_records r;

	write_answer(&w, zone, "a.test", DNS_A);
	assert_int_equal(dns_answer_parse(&r, DNS_AAAA, w.p, w.n), EPROTO);
	w.p[2] = 0x01; /* a question */
	assert_int_equal(dns_answer_parse(&r, DNS_A, w.p, w.n), EPROTO);
}

static void records_of_another_name_are_not_taken(void **state)
{
	struct packet_writer w;
	struct dns_records r;

	put_question(&w, "a.test", DNS_A, 0);
	put_record(&w, "b.test", DNS_A, 60, "192.0.2.66");
	w.p[7] = 1;
	assert_int_equal(dns_answer_parse(&r, DNS_A, w.p, w.n), ENOENT);
}

static void no_cut_of_an_answer_is_read_beyond_its_end(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
	} all[] = {{"alias.test", DNS_A}, {"_sip._udp.test", DNS_SRV}, {"test", DNS_NAPTR}};
	struct packet_writer w;
	struct dns_records r;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		write_answer(&w, zone, all[i].name, all[i].type);
		for (size_t n = 0; n < w.n; n++) {
			uint8_t *exact = malloc(n ? n : 1);

			assert_non_null(exact);
			memcpy(exact, w.p, n);
			assert_int_equal(dns_answer_parse(&r, all[i].type, exact, n), EPROTO);
			assert_int_equal(r.n, 0);
			free(exact);
		}
	}
}

static void a_name_is_labels_of_letters(void **state)
{
	assert_true(dns_is_name(STR("sip-1.example.com")));
	assert_true(dns_is_name(STR("_sip._udp.example.com")));
	assert_false(dns_is_name(STR("")));
	assert_false(dns_is_name(STR("a..b")));
	assert_false(dns_is_name(STR("a b")));
	assert_false(dns_is_name(STR("a/b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_with_the_smallest_ttl),
		cmocka_unit_test(an_alias_is_followed_within_the_answer),
		cmocka_unit_test(an_address_nobody_can_be_reached_at_is_left_out),
		cmocka_unit_test(services_are_in_order_of_preference),
		cmocka_unit_test(nothing_holds_as_long_as_the_zone_says),
		cmocka_unit_test(a_server_that_cannot_say_is_not_nothing),
		cmocka_unit_test(an_answer_to_another_question_is_refused),
		cmocka_unit_test(records_of_another_name_are_not_taken),
		cmocka_unit_test(no_cut_of_an_answer_is_read_beyond_its_end),
		cmocka_unit_test(a_name_is_labels_of_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
