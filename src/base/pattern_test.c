/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expressions that find, that are refused by name, and that would take for ever. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/pattern.h"

static struct pattern *made(const char *expression)
{
	struct pattern_why why = {""};
	struct pattern *p = NULL;

	assert_int_equal(pattern_open(&p, str_of(expression), &why), 0);
	assert_string_equal(why.message, "");
	return p;
}

static void groups_are_what_matched(void **state)
{
	struct pattern *p = made("^sip:(\\+?)([0-9]+)@(x)?");
	struct pattern_found f;
	struct buf out = {0};

	assert_int_equal(pattern_groups(p), 3);
	assert_int_equal(pattern_find(p, STR("sip:+4420@far"), &f), 0);
	pattern_write(&out, STR("<$2|$3|$1|$$2|$0>"), &f);
	assert_true(str_eq(buf_view(&out), STR("<4420||+|$2|sip:+4420@>")));
	assert_int_equal(pattern_find(p, STR("tel:+4420"), &f), ENOENT);
	assert_int_equal(pattern_find(p, STR_NONE, &f), ENOENT);
	buf_free(&out);
	pattern_close(p);
}

static void what_is_no_expression_is_told_with_its_place(void **state)
{
	static const struct {
		const char *expression, *why;
	} bad[] = {
		{"(44", "missing closing parenthesis at 3"},
		{"[0-9", "missing terminating ] for character class at 4"},
		{"+44", "quantifier does not follow a repeatable item at 0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct pattern_why why = {""};
		struct pattern *p = NULL;

		assert_int_equal(pattern_open(&p, str_of(bad[i].expression), &why), EINVAL);
		assert_null(p);
		assert_non_null(strstr(why.message, bad[i].why));
	}
}

static void what_would_take_for_ever_is_not_found(void **state)
{
	/* exponential in the length of the text; nested repeats are too large to be compiled */
	struct pattern *p = made("^(a+)+$");
	struct pattern_found f;
	struct pattern_why why;
	struct pattern *big = NULL;
	char text[200];

	memset(text, 'a', sizeof(text));
	assert_int_equal(pattern_find(p, (struct str){text, sizeof(text)}, &f), 0);
	text[sizeof(text) - 1] = '!';
	assert_int_equal(pattern_find(p, (struct str){text, sizeof(text)}, &f), E2BIG);
	pattern_close(p);
	assert_int_equal(
		pattern_open(&big, STR("((((a{1,200}){1,200}){1,200}){1,200}){1,200}"), &why),
		EINVAL);
}

static void a_text_names_groups_that_there_are(void **state)
{
	struct pattern_why why;

	assert_int_equal(pattern_check_text(STR("+$1 $$ $0"), 1, &why), 0);
	assert_int_equal(pattern_check_text(STR("$2"), 1, &why), EINVAL);
	assert_non_null(strstr(why.message, "no group 2"));
	assert_int_equal(pattern_check_text(STR("cost $"), 1, &why), EINVAL);
	assert_int_equal(pattern_check_text(STR("$x"), 1, &why), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_what_matched),
		cmocka_unit_test(what_is_no_expression_is_told_with_its_place),
		cmocka_unit_test(what_would_take_for_ever_is_not_found),
		cmocka_unit_test(a_text_names_groups_that_there_are),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
