/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "net/shown.h"

static const char *seen_as(const struct shown *s, const char *remote, const char *local,
			   enum flow_face face)
{
	static char text[ADDR_STR_BYTES];
	struct addr r, l;

	assert_int_equal(addr_parse(&r, str_of(remote), 40000), 0);
	assert_int_equal(addr_parse(&l, str_of(local), 5060), 0);
	shown_apply(s, &r, face, &l);
	return addr_str(text, &l);
}

static const char *seen(const struct shown *s, const char *remote, const char *local)
{
	return seen_as(s, remote, local, FLOW_FACE_AUTO);
}

static void without_a_public_address_all_see_what_there_is(void **state)
{
	struct shown s = {0};

	assert_int_equal(shown_set(&s, STR_NONE, STR("10.0.0.0/8")), 0);
	assert_string_equal(seen(&s, "203.0.113.9", "10.0.0.1"), "10.0.0.1:5060");
}

static void only_the_internet_sees_the_public_address(void **state)
{
	struct shown s = {0};

	assert_int_equal(shown_set(&s, STR("203.0.113.5"), STR_NONE), 0);
	assert_string_equal(seen(&s, "198.51.100.9", "10.0.0.1"), "203.0.113.5:5060");
	assert_string_equal(seen(&s, "10.9.9.9", "10.0.0.1"), "10.0.0.1:5060");
	assert_string_equal(seen(&s, "192.168.7.7", "10.0.0.1"), "10.0.0.1:5060");
	assert_string_equal(seen(&s, "127.0.0.1", "127.0.0.1"), "127.0.0.1:5060");
	assert_string_equal(seen(&s, "2001:db8::9", "fd00::1"), "[fd00::1]:5060");
}

static void a_machine_that_also_has_a_public_address_shows_that(void **state)
{
	struct shown s = {0};

	assert_int_equal(shown_set(&s, STR("203.0.113.5"), STR_NONE), 0);
	assert_string_equal(seen(&s, "198.51.100.9", "198.51.100.1"), "198.51.100.1:5060");
}

static void a_peer_may_be_told_one_whatever_its_network(void **state)
{
	struct shown s = {0};

	assert_string_equal(seen_as(&s, "198.51.100.9", "10.0.0.1", FLOW_FACE_PUBLIC),
			    "10.0.0.1:5060"); /* there is none */
	assert_int_equal(shown_set(&s, STR("203.0.113.5"), STR_NONE), 0);
	assert_string_equal(seen_as(&s, "198.51.100.9", "10.0.0.1", FLOW_FACE_OWN),
			    "10.0.0.1:5060");
	assert_string_equal(seen_as(&s, "10.9.9.9", "10.0.0.1", FLOW_FACE_PUBLIC),
			    "203.0.113.5:5060");
	assert_string_equal(seen_as(&s, "2001:db8::9", "fd00::1", FLOW_FACE_PUBLIC),
			    "[fd00::1]:5060");
}

static void networks_say_who_is_near(void **state)
{
	struct shown s = {0};

	assert_int_equal(
		shown_set(&s, STR("203.0.113.5, 2001:db8::5"), STR("10.1.0.0/16, fd00:1::/32")), 0);
	assert_string_equal(seen(&s, "10.1.2.3", "10.0.0.1"), "10.0.0.1:5060");
	assert_string_equal(seen(&s, "10.2.2.3", "10.0.0.1"), "203.0.113.5:5060");
	assert_string_equal(seen(&s, "fd00:1::3", "fd00::1"), "[fd00::1]:5060");
	assert_string_equal(seen(&s, "fd00:2::3", "fd00::1"), "[2001:db8::5]:5060");
}

static void a_list_that_cannot_be_read_changes_nothing(void **state)
{
	static const char *const bad[][2] = {{"203.0.113.5, 203.0.113.6", ""},
					     {"host.example", ""},
					     {"0.0.0.0", ""},
					     {"", "10.0.0.0/33"},
					     {"", "10.0.0.0/8,,"}};
	struct shown s = {0};

	assert_int_equal(shown_set(&s, STR("203.0.113.5"), STR_NONE), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(shown_set(&s, str_of(bad[i][0]), str_of(bad[i][1])), EINVAL);
	assert_string_equal(seen(&s, "198.51.100.9", "10.0.0.1"), "203.0.113.5:5060");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_public_address_all_see_what_there_is),
		cmocka_unit_test(only_the_internet_sees_the_public_address),
		cmocka_unit_test(a_machine_that_also_has_a_public_address_shows_that),
		cmocka_unit_test(a_peer_may_be_told_one_whatever_its_network),
		cmocka_unit_test(networks_say_who_is_near),
		cmocka_unit_test(a_list_that_cannot_be_read_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
