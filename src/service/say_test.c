/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said, word for word, in each language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include "service/say.h"

static const char *words(const struct say *s)
{
	static char line[SAY_MAX * SAY_NAME_BYTES];

	line[0] = 0;
	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->names[i];

		if (i)
			strncat(line, " ", sizeof(line) - strlen(line) - 1);
		strncat(line, !strncmp(name, "digits/", 7) ? name + 7 : name,
			sizeof(line) - strlen(line) - 1);
	}
	return line;
}

struct example {
	uint32_t n;
	const char *words;
};

static void numbers_are(const char *language, const struct example *all)
{
	for (; all->words; all++) {
		struct say s = {0};

		assert_int_equal(say_number(&s, language, all->n), 0);
		assert_string_equal(words(&s), all->words);
	}
}

static void numbers_have_the_words_of_the_language(void **state)
{
	numbers_are("en", (struct example[]){{0, "0"},
					     {12, "12"},
					     {20, "20"},
					     {21, "20 1"},
					     {99, "90 9"},
					     {100, "1 hundred"},
					     {342, "3 hundred 40 2"},
					     {1000, "1 thousand"},
					     {2026, "2 thousand 20 6"},
					     {15007, "15 thousand 7"},
					     {1000001, "1 million 1"},
					     {0}});
	numbers_are("de", (struct example[]){{17, "17"},
					     {21, "1-and 20"},
					     {40, "40"},
					     {99, "9-and 90"},
					     {100, "1 hundred"},
					     {345, "3 hundred 5-and 40"},
					     {2026, "2 thousand 6-and 20"},
					     {1000000, "1F million"},
					     {2000000, "2 millions"},
					     {0}});
	numbers_are("fr", (struct example[]){{21, "20 et 1"},
					     {32, "30 2"},
					     {61, "60 et 1"},
					     {70, "70"},
					     {71, "60 et 11"},
					     {72, "60 12"},
					     {80, "80"},
					     {81, "80 1"},
					     {90, "90"},
					     {91, "80 11"},
					     {99, "80 19"},
					     {100, "hundred"},
					     {200, "2 hundred"},
					     {1000, "thousand"},
					     {1789, "thousand 7 hundred 80 9"},
					     {2026, "2 thousand 20 6"},
					     {0}});
	numbers_are("es", (struct example[]){{16, "16"},
					     {29, "29"},
					     {31, "30 and 1"},
					     {45, "40 and 5"},
					     {100, "hundred"},
					     {101, "100-and 1"},
					     {199, "100-and 90 and 9"},
					     {200, "200"},
					     {555, "500 50 and 5"},
					     {1000, "thousand"},
					     {2026, "2 thousand 26"},
					     {1000000, "1M million"},
					     {3000000, "3 millions"},
					     {0}});
	numbers_are("it", (struct example[]){{19, "19"},
					     {21, "21"},
					     {28, "28"},
					     {35, "30 5"},
					     {88, "88"},
					     {100, "hundred"},
					     {101, "hundred 1"},
					     {300, "3 hundred"},
					     {1000, "thousand"},
					     {2026, "2 thousands 20 6"},
					     {1000000, "un million"},
					     {0}});
}

static void time_is(const char *language, unsigned hour, unsigned minute, const char *expected)
{
	struct say s = {0};

	assert_int_equal(say_time(&s, language, hour, minute), 0);
	assert_string_equal(words(&s), expected);
}

static void times_are_those_of_the_language(void **state)
{
	time_is("en", 0, 0, "12 oclock a-m");
	time_is("en", 13, 5, "1 oh 5 p-m");
	time_is("en", 12, 30, "12 30 p-m");
	time_is("de", 1, 0, "1 oclock");
	time_is("de", 21, 45, "1-and 20 oclock 5-and 40");
	time_is("fr", 18, 30, "18 oclock 30");
	time_is("es", 1, 15, "1F and 15");
	time_is("it", 0, 0, "ore-mezzanotte");
	time_is("it", 1, 20, "ore-una e 20");
	time_is("it", 17, 8, "17 e 8");
}

static void date_is(const char *language, const char *expected)
{
	struct local_time t = {.year = 2026, .month = 11, .day = 21, .weekday = 6};
	struct say s = {0};

	assert_int_equal(say_date(&s, language, &t), 0);
	assert_string_equal(words(&s), expected);
}

static void dates_are_in_the_order_of_the_language(void **state)
{
	struct local_time first = {.year = 2026, .month = 1, .day = 1, .weekday = 4};
	struct say s = {0};

	date_is("en", "day-6 mon-10 20 h-1 2 thousand 20 6");
	date_is("de", "day-6 h-21 mon-10 2 thousand 6-and 20");
	date_is("fr", "day-6 20 et 1 mon-10 2 thousand 20 6");
	date_is("es", "day-6 21 es-de mon-10 es-de 2 thousand 26");
	date_is("it", "day-6 21 mon-10 2 thousands 20 6");
	assert_int_equal(say_date(&s, "fr", &first), 0);
	assert_string_equal(words(&s), "day-4 h-1 mon-0 2 thousand 20 6");
}

static void what_nobody_says_is_refused(void **state)
{
	struct say s = {0};

	assert_int_equal(say_number(&s, "tlh", 1), ENOENT);
	assert_int_equal(say_number(&s, "en", SAY_MOST + 1u), ERANGE);
	assert_int_equal(say_time(&s, "en", 24, 0), ERANGE);
	assert_int_equal(say_date(&s, "en", &(struct local_time){.month = 13}), ERANGE);
	assert_int_equal(say_digits(&s, STR("12a")), ERANGE);
	s.n = SAY_MAX;
	assert_int_equal(say_number(&s, "en", 1), E2BIG);
}

static void every_number_can_be_said(void **state)
{
	static const char *const all[] = {"en", "de", "fr", "es", "it"};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (uint32_t n = 0; n <= SAY_MOST; n = n < 2500 ? n + 1 : n * 2 + 77) {
			struct say s = {0};

			assert_int_equal(say_number(&s, all[i], n), 0);
			assert_true(s.n > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_the_words_of_the_language),
		cmocka_unit_test(times_are_those_of_the_language),
		cmocka_unit_test(dates_are_in_the_order_of_the_language),
		cmocka_unit_test(what_nobody_says_is_refused),
		cmocka_unit_test(every_number_can_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
