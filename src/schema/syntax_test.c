/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/rng.h"
#include "schema/syntax.h"
#include "schema/testing.h"

/* Each text of the list; NULL ends it. */
static void all(bool (*check)(struct str s), bool expected, const char *const *texts)
{
	for (; *texts; texts++)
		if (check(str_of(*texts)) != expected)
			fail_msg("%s", *texts);
}

#define LIST_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

static void only_whole_utf8_without_controls_is_text(void **state)
{
	static const struct {
		struct str s;
		bool is_fine;
		size_t nchars;
	} cases[] = {
		{{"", 0}, true, 0},
		{{"abc", 3}, true, 3},
		{{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, true, 3},
		{{"\xc2\xa0", 2}, true, 1},
		{{"\0", 1}, false, 0},
		{{"a\nb", 3}, false, 0},
		{{"\x7f", 1}, false, 0},
		{{"\xc2\x85", 2}, false, 0},	     /* C1 */
		{{"\xe2\x80\xa8", 3}, false, 0},     /* line separator */
		{{"\xc3", 1}, false, 0},	     /* cut off */
		{{"\x80", 1}, false, 0},	     /* no first byte */
		{{"\xc0\xaf", 2}, false, 0},	     /* overlong */
		{{"\xe0\x80\xaf", 3}, false, 0},     /* overlong */
		{{"\xf0\x80\x80\xaf", 4}, false, 0}, /* overlong */
		{{"\xed\xa0\x80", 3}, false, 0},     /* surrogate */
		{{"\xf4\x90\x80\x80", 4}, false, 0}, /* above U+10FFFF */
		{{"\xf5\x80\x80\x80", 4}, false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t nchars = 0;

		assert_int_equal(syntax_text(cases[i].s, &nchars), cases[i].is_fine);
		if (cases[i].is_fine)
			assert_int_equal(nchars, cases[i].nchars);
	}
}

static void numbers_are_digits_and_letters(void **state)
{
	all(syntax_number, true, LIST_OF("1", "101", "reception", "R2D2"));
	all(syntax_number, false, LIST_OF("", "*43", "10#", "1 1", "+44", "1-1", "\xc3\xa9"));
}

static void users_need_no_escape_in_a_uri(void **state)
{
	all(syntax_sip_user, true, LIST_OF("101", "100_2", "ann.lee", "+4420", "a=b;c"));
	all(syntax_sip_user, false,
	    LIST_OF("", "a b", "a@b", "a:b", "\"a\"", "a%20", "<a>", "a\\b", "#1", "\xc3\xa9"));
}

static void codes_begin_as_no_number_does(void **state)
{
	all(syntax_feature_code, true, LIST_OF("*", "**", "##", "*8", "*#06#"));
	all(syntax_feature_code, false, LIST_OF("", "8", "8*", "*a", "* 8", "+1"));
}

static void hosts_are_names_or_addresses(void **state)
{
	all(syntax_hostname, true,
	    LIST_OF("a", "localhost", "pbx.example.com", "3com.com", "xn--bcher-kva.example",
		    "192.0.2.1", "::1", "2001:db8::7", "a.b1"));
	all(syntax_hostname, false,
	    LIST_OF("", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "1.2.3",
		    "1.2.3.256", "[::1]", "::g", "a/b", "a:5060", "\xc3\xa9.fr",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b"));
}

static void mail_addresses_are_told_from_others(void **state)
{
	all(syntax_email, true,
	    LIST_OF("a@b.example", "first.last+tag@sub.example.com", "o'neil@x.org",
		    "a@localhost"));
	all(syntax_email, false,
	    LIST_OF("", "a", "@b", "a@", "a@@b", "a b@c.d", ".a@b.c", "a.@b.c", "a..b@c.d",
		    "a@192.0.2.1", "a@b c", "<a@b.c>", "a@b@c",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b.c"));
}

static void time_zones_are_those_of_the_database(void **state)
{
	all(syntax_time_zone, true, LIST_OF("UTC", "Europe/Paris", "America/Argentina/Ushuaia"));
	all(syntax_time_zone, false,
	    LIST_OF("", "Europe", "Mars/Base", "europe/paris", "../../../etc/passwd",
		    "Europe/../Europe/Paris", "/etc/localtime", "posix/Europe/Paris", "tzdata.zi",
		    "zone.tab", "Europe//Paris"));
}

static int64_t time_of(const char *text)
{
	int64_t us = -1;

	return syntax_time(str_of(text), &us) ? -1 : us;
}

static void times_are_read_with_any_offset(void **state)
{
	assert_int_equal(time_of("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(time_of("2023-11-14T22:13:20.123456Z"), 1700000000123456);
	assert_int_equal(time_of("2023-11-14T22:13:20.1234567899Z"), 1700000000123456);
	assert_int_equal(time_of("2023-11-15T03:43:20.5+05:30"), 1700000000500000);
	assert_int_equal(time_of("2023-11-14t17:13:20-05:00"), 1700000000000000);
	assert_int_equal(time_of("2024-02-29T00:00:00Z"), 1709164800000000);
	for (const char *const *bad = LIST_OF(
		     "", "2023-11-14", "2023-11-14T22:13:20", "2023-02-29T00:00:00Z",
		     "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-01-32T00:00:00Z",
		     "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z", "2023-01-01T00:00:00.Z",
		     "2023-01-01T00:00:00+24:00", "2023-01-01T00:00:00+0100",
		     "1969-12-31T23:59:59Z", "2023-01-01T00:00:00ZZ", " 2023-01-01T00:00:00Z",
		     "2023-1-01T00:00:00Z");
	     *bad; bad++)
		if (time_of(*bad) != -1)
			fail_msg("%s", *bad);
}

static void what_the_clock_writes_is_read(void **state)
{
	struct rng_seeded rng;

	rng_seeded_init(&rng, 7);
	for (int i = 0; i < 2000; i++) {
		int64_t us = (int64_t)rng_below(&rng.rng, 4102444800000000) / 1000 * 1000;
		char text[40];

		clock_rfc3339(text, sizeof(text), us);
		assert_int_equal(time_of(text), us);
	}
}

static void times_of_day_and_dates_are_those_there_are(void **state)
{
	static const char *const times[] = {"00:00", "08:30", "23:59", "24:00"};
	static const char *const no_times[] = {"",	"8:30",	 "24:01", "12:60",
					       "12-30", "12:3O", "12:300"};
	static const char *const dates[] = {"2026-12-25", "2028-02-29"};
	static const char *const no_dates[] = {"2026-02-29", "2026-13-01", "26-12-25", "2026-12-5",
					       "2026-12-25T"};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		assert_true(syntax_clock_time(str_of(times[i])));
	for (size_t i = 0; i < ARRAY_LEN(no_times); i++)
		assert_false(syntax_clock_time(str_of(no_times[i])));
	for (size_t i = 0; i < ARRAY_LEN(dates); i++)
		assert_true(syntax_date(str_of(dates[i])));
	for (size_t i = 0; i < ARRAY_LEN(no_dates); i++)
		assert_false(syntax_date(str_of(no_dates[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_of_day_and_dates_are_those_there_are),
		cmocka_unit_test(only_whole_utf8_without_controls_is_text),
		cmocka_unit_test(numbers_are_digits_and_letters),
		cmocka_unit_test(users_need_no_escape_in_a_uri),
		cmocka_unit_test(codes_begin_as_no_number_does),
		cmocka_unit_test(hosts_are_names_or_addresses),
		cmocka_unit_test(mail_addresses_are_told_from_others),
		cmocka_unit_test(time_zones_are_those_of_the_database),
		cmocka_unit_test(times_are_read_with_any_offset),
		cmocka_unit_test(what_the_clock_writes_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
