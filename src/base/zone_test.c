/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/zone.h"

static const char *const names[] = {"Europe/Berlin",  "America/New_York",  "Asia/Kolkata",
				    "Asia/Tehran",    "Australia/Sydney",  "America/Sao_Paulo",
				    "Pacific/Apia",   "Africa/Casablanca", "Europe/Dublin",
				    "Asia/Kathmandu", "America/St_Johns",  "UTC"};

static void offset_is(const char *name, int64_t utc_s, int32_t expected)
{
	struct zone *z;

	assert_int_equal(zone_open(&z, name), 0);
	assert_int_equal(zone_offset_s(z, utc_s), expected);
	zone_close(z);
}

static void the_second_of_a_change_is_the_first_of_the_new_offset(void **state)
{
	offset_is("Europe/Berlin", 1774745999, 3600); /* 2026-03-29 00:59:59 UTC */
	offset_is("Europe/Berlin", 1774746000, 7200);
	offset_is("Europe/Berlin", 1792889999, 7200); /* 2026-10-25 */
	offset_is("Europe/Berlin", 1792890000, 3600);
}

static void after_the_last_entry_the_rule_goes_on(void **state)
{
	offset_is("Europe/Berlin", INT64_C(4111261200), 7200);	   /* 2100-04-12, summer */
	offset_is("Europe/Berlin", INT64_C(4102448400), 3600);	   /* 2100-01-01 */
	offset_is("Australia/Sydney", INT64_C(4102448400), 39600); /* summer over the new year */
}

/* The C library's own reading, every 37 hours from 1950 to 2200. */
static void every_zone_agrees_with_the_c_library(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct zone *z;

		assert_int_equal(zone_open(&z, names[i]), 0);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t t = -631152000; t < INT64_C(7258118400); t += 37 * 3600) {
			time_t at = (time_t)t;
			struct local_time mine;
			struct tm tm;

			localtime_r(&at, &tm);
			zone_local(z, t, &mine);
			if (zone_offset_s(z, t) != tm.tm_gmtoff || mine.year != tm.tm_year + 1900 ||
			    mine.month != tm.tm_mon + 1 || mine.day != tm.tm_mday ||
			    mine.weekday != tm.tm_wday ||
			    mine.second != tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec)
				fail_msg("%s at %lld: %d, not %ld", names[i], (long long)t,
					 (int)zone_offset_s(z, t), tm.tm_gmtoff);
		}
		zone_close(z);
	}
	unsetenv("TZ");
}

static void names_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "Europe/Nowhere", "../../etc/passwd", "/etc/passwd", "Europe", ".hidden"};
	struct zone *z;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(zone_open(&z, bad[i]), EINVAL);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	char bytes[8192];
	FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	struct zone *z;

	(void)fclose(f);
	assert_true(n > 500 && n < sizeof(bytes));
	for (size_t i = 0; i < n; i++) {
		char *exact = malloc(i + 1); /* to the byte: a reader beyond it is seen */

		memcpy(exact, bytes, i);
		if (!zone_parse(&z, (struct str){exact, i}))
			fail_msg("%zu bytes were taken", i);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_of_a_change_is_the_first_of_the_new_offset),
		cmocka_unit_test(after_the_last_entry_the_rule_goes_on),
		cmocka_unit_test(every_zone_agrees_with_the_c_library),
		cmocka_unit_test(names_that_are_none_are_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
