/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-2 */
#include "schema/strength.h"
#include "schema/testing.h"

static void password(const char *clear, const char *name, const char *why)
{
	const char *got = strength_of_password(clear, name, 10);

	if (!why)
		assert_null(got);
	else
		assert_string_equal(got ? got : "strong", why);
}

static void passwords_that_are_guessed_are_weak(void **state)
{
	password("101", "101", "own_name");
	password("101101", "101", "own_name");
	password("101!", "101", "own_name");
	password("ADA.lovelace", "ada.lovelace", "own_name");
	password("ecalevol.ada", "ada.lovelace", "own_name");
	password("aaaaaaaaaaaa", "101", "repeated");
	password("ababababababab", "101", "repeated");
	password("1234567890", "101", "sequence");
	password("9876543210", "101", "sequence");
	password("abcdefghijkl", "101", "sequence");
	password("Password123", "101", "common");
	password("k3!x", "101", "too_short");
	password("k3!xk9?y", "101", "too_short"); /* the tenant wants ten */
	password("plmoknijbu", "101", "too_simple");
}

static void others_are_not(void **state)
{
	password("plmoknijbuhv", "101", NULL);
	password("correct horse battery", "101", NULL);
	password("Xb7cMq92LkdTw4PzR8sV", "101", NULL);
	password("a 101 in the middle of much", "101", NULL);
	password("Secret-101-pw", "101", NULL);
	password("9z1Q-12345-x", "", NULL);
	password("9z1Q-12345-x", NULL, NULL);
}

static void pins_that_are_guessed_are_weak(void **state)
{
	assert_string_equal(strength_of_pin("12", "101"), "too_short");
	assert_string_equal(strength_of_pin("1234", "101"), "sequence");
	assert_string_equal(strength_of_pin("8642", "101"), "sequence");
	assert_string_equal(strength_of_pin("0000", "101"), "repeated");
	assert_string_equal(strength_of_pin("4711", "4711"), "own_name");
	assert_string_equal(strength_of_pin("1174", "4711"), "own_name");
	assert_string_equal(strength_of_pin("2580", "101"), "common");
	assert_null(strength_of_pin("4711", "101"));
	assert_null(strength_of_pin("7294", "101"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_that_are_guessed_are_weak),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(pins_that_are_guessed_are_weak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
