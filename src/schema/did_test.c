/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/did.h"
#include "schema/testing.h"

static struct did_list *pool(const char *text)
{
	static struct did_list l[2];
	static unsigned turn;
	struct did_why why;

	turn ^= 1;
	assert_int_equal(did_pool_parse(&l[turn], str_of(text), &why), 0);
	return &l[turn];
}

static void assert_wrong(const char *text, const char *code)
{
	struct did_list l;
	struct did_why why = {"", ""};

	assert_int_equal(did_pool_parse(&l, str_of(text), &why), EINVAL);
	assert_string_equal(why.code, code);
	assert_true(why.message[0]);
}

static void assert_has(const char *text, const char *number, bool yes)
{
	assert_int_equal(did_list_has(pool(text), did_plain(str_of(number))), yes);
}

static void a_star_stands_for_one_digit(void **state)
{
	assert_has("44******", "44123456", true);
	assert_has("44******", "4412345", false);
	assert_has("44******", "441234567", false);
	assert_has("44*****", "4412345", true); /* seven in all: the guide's "8" is a slip */
	assert_has("44******", "45123456", false);
	assert_has("*", "7", true);
	assert_has("*", "442071234567", true);
}

static void ranges_and_lists_are_read(void **state)
{
	assert_has("1000-2000", "1000", true);
	assert_has("1000-2000", "2000", true);
	assert_has("1000-2000", "2001", false);
	assert_has("1000-2000", "0999", false);
	assert_has(" 442071234567 ; 1000 - 2000;33* ", "1500", true);
	assert_has(" 442071234567 ; 1000 - 2000;33* ", "334", true);
	assert_has("", "1", false);
}

static void what_leads_a_number_is_not_compared(void **state)
{
	assert_has("442071234567", "+442071234567", true);
	assert_has("442071234567", "00442071234567", true);
	assert_has("442071234567", "0442071234567", true);
	assert_has("442071234567", "000442071234567", false);
}

static void what_is_no_pool_is_named(void **state)
{
	assert_wrong("+44207", "leading_zero");
	assert_wrong("00442", "leading_zero");
	assert_wrong("0207", "leading_zero");
	assert_wrong("1000-0200", "leading_zero");
	assert_wrong("44*5", "bad_number");
	assert_wrong("**", "bad_number");
	assert_wrong("44a", "bad_number");
	assert_wrong("1;;2", "bad_number");
	assert_wrong("1234567890123456789", "bad_number");
	assert_wrong("1000-200", "bad_range");
	assert_wrong("1000-10000", "bad_range");
	assert_wrong("2000-1000", "bad_range");
	assert_wrong("1000-1000", "bad_range");
	assert_wrong("10*-200", "bad_range");
	assert_wrong("100-200;150", "overlap");
	assert_wrong("100;*", "overlap");
}

static void pools_overlap_when_a_number_is_in_both(void **state)
{
	static const struct {
		const char *a, *b;
		bool yes;
	} cases[] = {
		{"44******", "44123456", true},
		{"44******", "441234567", false},
		{"*", "1", true},
		{"1000-2000", "2000-3000", true},
		{"1000-1999", "2000-3000", false},
		{"1;2;3", "4;5;3", true},
		{"", "*", false},
	};
	const struct did_range *a, *b;
	char text[DID_TEXT_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct did_list *x = pool(cases[i].a), *y = pool(cases[i].b);

		assert_int_equal(did_lists_overlap(x, y, &a, &b), cases[i].yes);
		assert_int_equal(did_lists_overlap(y, x, &a, &b), cases[i].yes);
	}
	assert_true(did_lists_overlap(pool("1;44*"), pool("440-445"), &a, &b));
	assert_string_equal(did_range_str(text, a), "440-449");
	assert_string_equal(did_range_str(text, b), "440-445");
}

/* What the arithmetic says of two pools must be what counting says. */
static void random_pools_overlap_as_their_numbers_do(void **state)
{
	struct rng_seeded rng;

	rng_seeded_init(&rng, 26);
	for (int n = 0; n < 3000; n++) {
		struct did_range r[2];
		const struct did_range *a, *b;
		struct did_list one = {.n = 1}, two = {.n = 1};
		bool both = false;

		for (int k = 0; k < 2; k++) {
			r[k].ndigits = (uint8_t)(2 + rng_below(&rng.rng, 2));
			r[k].first = rng_below(&rng.rng, r[k].ndigits == 2 ? 100 : 1000);
			r[k].last = r[k].first + rng_below(&rng.rng, 30);
		}
		one.v[0] = r[0];
		two.v[0] = r[1];
		for (uint64_t v = r[0].first; v <= r[0].last && r[0].ndigits == r[1].ndigits; v++)
			both |= v >= r[1].first && v <= r[1].last;
		assert_int_equal(did_lists_overlap(&one, &two, &a, &b), both);
	}
}

static void a_mask_may_be_written_as_callers_are(void **state)
{
	struct did_range r;
	struct did_why why;

	assert_int_equal(did_mask_parse(&r, STR("0044****"), &why), 0);
	assert_true(did_range_has(&r, did_plain(STR("+441234"))));
	assert_false(did_range_has(&r, STR("44123")));
	assert_int_equal(did_mask_parse(&r, STR("***"), &why), 0);
	assert_true(did_range_has(&r, STR("101")));
	assert_int_equal(did_mask_parse(&r, STR("44-4"), &why), EINVAL);
	assert_string_equal(why.code, "bad_range");
	assert_int_equal(did_mask_parse(&r, STR("anonymous"), &why), EINVAL);
}

static void prefixes_and_extensions_match(void **state)
{
	struct did_list l;
	struct did_why why;
	size_t n;

	assert_true(did_prefixes_match(STR("00; 123"), STR("0044"), &n));
	assert_int_equal(n, 2);
	assert_true(did_prefixes_match(STR("12;123"), STR("1234"), &n));
	assert_int_equal(n, 3);
	assert_false(did_prefixes_match(STR("00;123"), STR("12"), &n));
	assert_true(did_prefixes_match(STR(""), STR("12"), &n));
	assert_int_equal(did_prefixes_check(STR("00;+44"), &why), 0);
	assert_int_equal(did_prefixes_check(STR("00;x"), &why), EINVAL);
	assert_int_equal(did_extensions_parse(&l, STR("100-120;130;007"), &why), 0);
	assert_true(did_list_has(&l, STR("110")) && did_list_has(&l, STR("130")));
	assert_true(did_list_has(&l, STR("007")));
	assert_false(did_list_has(&l, STR("121")) || did_list_has(&l, STR("7")));
	assert_int_equal(did_extensions_parse(&l, STR("1**"), &why), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stands_for_one_digit),
		cmocka_unit_test(ranges_and_lists_are_read),
		cmocka_unit_test(what_leads_a_number_is_not_compared),
		cmocka_unit_test(what_is_no_pool_is_named),
		cmocka_unit_test(pools_overlap_when_a_number_is_in_both),
		cmocka_unit_test(random_pools_overlap_as_their_numbers_do),
		cmocka_unit_test(a_mask_may_be_written_as_callers_are),
		cmocka_unit_test(prefixes_and_extensions_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
