/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"

static void case_is_folded_for_ascii_only(void **state)
{
	assert_true(str_ieq(STR("Contact"), STR("cONTACT")));
	assert_false(str_ieq(STR("Contact"), STR("Contacts")));
	assert_false(str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")));
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_true(str_icmp(STR("a"), STR("B")) < 0);
	assert_true(str_icmp(STR("ab"), STR("A")) > 0);
	assert_true(str_eq(STR_NONE, STR("")));
}

static void cut_gives_each_part_and_knows_the_end(void **state)
{
	struct str s = STR("a,,b");

	assert_true(str_eq(str_cut(&s, ','), STR("a")));
	assert_true(str_eq(str_cut(&s, ','), STR("")));
	assert_non_null(s.p);
	assert_true(str_eq(str_cut(&s, ','), STR("b")));
	assert_null(s.p);
	assert_true(str_eq(str_cut(&s, ','), STR("")));
}

static void trailing_separator_leaves_an_empty_part(void **state)
{
	struct str s = STR("a,");

	assert_true(str_eq(str_cut(&s, ','), STR("a")));
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
}

static void trim_takes_blanks_at_both_ends_only(void **state)
{
	assert_true(str_eq(str_trim(STR(" \t\r\n a b\r\n")), STR("a b")));
	assert_int_equal(str_trim(STR("  ")).n, 0);
	assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void numbers_are_digits_and_nothing_else(void **state)
{
	uint64_t u = 1;
	uint32_t v = 1;
	int64_t i = 1;

	assert_int_equal(str_u64(STR("18446744073709551615"), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(str_u64(STR("18446744073709551616"), &u), ERANGE);
	assert_int_equal(str_u64(STR("00000000000000000000000007"), &u), 0);
	assert_int_equal(u, 7);
	assert_int_equal(str_u64(STR(""), &u), EINVAL);
	assert_int_equal(str_u64(STR_NONE, &u), EINVAL);
	assert_int_equal(str_u64(STR(" 1"), &u), EINVAL);
	assert_int_equal(str_u64(STR("+1"), &u), EINVAL);
	assert_int_equal(str_u64(STR("99999999999999999999999x"), &u), EINVAL);
	assert_int_equal(str_u32(STR("4294967295"), &v), 0);
	assert_int_equal(str_u32(STR("4294967296"), &v), ERANGE);
	assert_int_equal(str_i64(STR("-9223372036854775808"), &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_i64(STR("9223372036854775808"), &i), ERANGE);
	assert_int_equal(str_i64(STR("--1"), &i), EINVAL);
	assert_int_equal(str_i64(STR("-"), &i), EINVAL);
	assert_true(i == INT64_MIN); /* refused: untouched */
}

static void copy_fits_whole_or_not_at_all(void **state)
{
	char dst[4] = "zzz";

	assert_int_equal(str_copy(dst, sizeof(dst), STR("abc")), 0);
	assert_string_equal(dst, "abc");
	assert_int_equal(str_copy(dst, sizeof(dst), STR("abcd")), ENAMETOOLONG);
	assert_string_equal(dst, "");
	assert_int_equal(str_copy(dst, 0, STR("")), ENAMETOOLONG);
}

static void hex_goes_there_and_back(void **state)
{
	static const uint8_t raw[] = {0x00, 0x7f, 0xff};
	uint8_t back[3];
	char hex[7];
	size_t n;

	assert_int_equal(hex_encode(hex, sizeof(hex), raw, sizeof(raw)), 0);
	assert_string_equal(hex, "007fff");
	assert_int_equal(hex_encode(hex, 6, raw, sizeof(raw)), ENAMETOOLONG);
	assert_int_equal(hex_decode(back, sizeof(back), STR("007FfF"), &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(back, raw, 3);
	assert_int_equal(hex_decode(back, sizeof(back), STR("007"), &n), EINVAL);
	assert_int_equal(hex_decode(back, sizeof(back), STR("0g"), &n), EINVAL);
	assert_int_equal(hex_decode(back, sizeof(back), STR("00112233"), &n), ENAMETOOLONG);
}

static void secrets_compare_as_others_do(void **state)
{
	assert_true(str_same_secret(STR("abc"), STR("abc")));
	assert_false(str_same_secret(STR("abc"), STR("abd")));
	assert_false(str_same_secret(STR("abc"), STR("abcd")));
	assert_true(str_same_secret(STR(""), STR_NONE));
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
	static const struct str good[] = {
		STR(""),	 STR("abc"),	      STR("\0"),
		STR("\xc3\xa9"), STR("\xe2\x82\xac"), STR("\xf0\x9f\x98\x80")};
	static const struct str wrong[] = {STR("\x80"),		STR("\xc3"),
					   STR("\xc0\xaf"),	STR("\xe0\x80\xaf"),
					   STR("\xed\xa0\x80"), STR("\xf4\x90\x80\x80"),
					   STR("\xf0\x9f\x98"), STR("a\xff")};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_is_utf8(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(str_is_utf8(wrong[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_is_folded_for_ascii_only),
		cmocka_unit_test(cut_gives_each_part_and_knows_the_end),
		cmocka_unit_test(trailing_separator_leaves_an_empty_part),
		cmocka_unit_test(trim_takes_blanks_at_both_ends_only),
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(copy_fits_whole_or_not_at_all),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(secrets_compare_as_others_do),
		cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
