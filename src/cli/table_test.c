/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char *table(const char *items_json, const char *wanted)
{
	json_t *items = json_loads(items_json, 0, NULL),
	       *columns = cli_pick_columns(items, NULL, wanted);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(items);
	cli_print_table(f, items, columns);
	fclose(f);
	json_decref(items);
	json_decref(columns);
	return text;
}

static void columns_are_aligned_by_character(void **state)
{
	char *text = table("[{\"id\":\"1\",\"name\":\"Zoë\",\"n\":1},{\"id\":\"22\",\"name\":"
			   "\"Bob\",\"n\":null}]",
			   NULL);

	assert_string_equal(text, "ID  NAME  N\n1   Zoë   1\n22  Bob   \n");
	free(text);
}

static void strangers_names_cannot_steer_the_terminal(void **state)
{
	char *text = table("[{\"name\":\"a\\u001b]0;pwned\\u0007b\\u009bc\\r\\nd\\u007f\"}]", NULL);

	assert_string_equal(text, "NAME\na?]0;pwned?b?c??d?\n");
	free(text);
}

static void long_cells_are_cut_between_characters(void **state)
{
	struct buf json = {0};
	char *text;

	buf_cstr(&json, "[{\"name\":\"");
	for (int i = 0; i < 100; i++)
		buf_cstr(&json, "ä");
	buf_cstr(&json, "\"}]");
	text = table(json.p, NULL);
	assert_int_equal(strlen(text), strlen("NAME\n\n") + 59 * 2 + 3);
	assert_non_null(strstr(text, "ä…\n"));
	free(text);
	buf_free(&json);
}

static void columns_can_be_chosen(void **state)
{
	char *text = table("[{\"id\":\"1\",\"dest\":{\"kind\":\"extension\",\"id\":\"3\"},\"on\":"
			   "true,\"l\":[{\"e\":\"4\"},{\"e\":\"5\"}]}]",
			   "on, dest,l,none");

	assert_string_equal(text, "ON   DEST         L    NONE\nyes  extension:3  4,5  \n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_aligned_by_character),
		cmocka_unit_test(strangers_names_cannot_steer_the_terminal),
		cmocka_unit_test(long_cells_are_cut_between_characters),
		cmocka_unit_test(columns_can_be_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
