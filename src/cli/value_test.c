/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char document[] =
	"{'paths':{'/api/extensions':{'get':{},'post':{'requestBody':{'content':{'application/"
	"json':{'schema':{'$ref':'#/s/new'}}}}}},"
	"'/api/extensions/{id}':{'get':{},'patch':{}},'/api/ring_groups':{'get':{},'post':{}},'/"
	"api/users':{'get':{},'post':{}},"
	"'/api/entries':{'get':{},'post':{}},'/api/sessions':{'get':{}}},"
	"'s':{'id':{'type':'string'},'new':{'type':'object','required':['number'],'properties':{"
	"'number':{'type':'string'},'seconds':{'type':'integer'},'enabled':{'type':'boolean'},"
	"'maybe':{'type':['integer','null']},'boss':{'anyOf':[{'type':'null'},{'$ref':'#/s/id'}]},"
	"'members':{'type':'array','items':{'type':'object','required':['extension_id'],'"
	"properties':{'extension_id':{}}}},"
	"'no_answer':{'type':'object'}}}}}";

static int setup(void **state)
{
	struct cli *c = calloc(1, sizeof(*c));
	char *text = strdup(document);

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	c->openapi = json_loads(text, 0, NULL);
	free(text);
	*state = c;
	return c->openapi ? 0 : -1;
}

static int teardown(void **state)
{
	struct cli *c = *state;

	json_decref(c->openapi);
	free(c);
	return 0;
}

/* The object that arguments make, as text; the error's text when one is refused. */
static void becomes(struct cli *c, const char *arg, const char *want)
{
	struct cli_resource r;
	struct buf error = {0};
	json_t *object = json_object();
	char *text;

	assert_int_equal(cli_find_resource(c, "extension", &r), 0);
	if (cli_set_field(c, object, r.create, arg, &error)) {
		assert_null(want);
		assert_true(error.n > 0);
	} else {
		text = json_dumps(object, JSON_COMPACT);
		assert_string_equal(text, want ? want : "an error");
		free(text);
	}
	json_decref(object);
	buf_free(&error);
}

static void values_take_the_type_of_their_field(void **state)
{
	becomes(*state, "number=101", "{\"number\":\"101\"}");
	becomes(*state, "number=", "{\"number\":\"\"}");
	becomes(*state, "number=a=b", "{\"number\":\"a=b\"}");
	becomes(*state, "seconds=30", "{\"seconds\":30}");
	becomes(*state, "seconds=", "{\"seconds\":null}");
	becomes(*state, "maybe=-5", "{\"maybe\":-5}");
	becomes(*state, "enabled=No", "{\"enabled\":false}");
	becomes(*state, "enabled=on", "{\"enabled\":true}");
	becomes(*state, "boss=12", "{\"boss\":\"12\"}");
	becomes(*state, "members=3, 4",
		"{\"members\":[{\"extension_id\":\"3\"},{\"extension_id\":\"4\"}]}");
	becomes(*state, "members=", "{\"members\":[]}");
	becomes(*state, "members=[{\"extension_id\":\"9\"}]",
		"{\"members\":[{\"extension_id\":\"9\"}]}");
	becomes(*state, "no_answer=extension:3",
		"{\"no_answer\":{\"kind\":\"extension\",\"id\":\"3\"}}");
	becomes(*state, "no_answer=hangup", "{\"no_answer\":{\"kind\":\"hangup\"}}");
	becomes(*state, "seconds:=null", "{\"seconds\":null}");
}

static void what_fits_no_field_is_refused(void **state)
{
	becomes(*state, "seconds=many", NULL);
	becomes(*state, "seconds=1.5", NULL);
	becomes(*state, "enabled=perhaps", NULL);
	becomes(*state, "members=3,,4", NULL);
	becomes(*state, "nothing=1", NULL);
	becomes(*state, "number", NULL);
	becomes(*state, "=1", NULL);
	becomes(*state, "seconds:=not json", NULL);
}

static void nouns_may_be_singular(void **state)
{
	static const struct {
		const char *noun, *plural;
	} cases[] = {
		{"extension", "extensions"},
		{"extensions", "extensions"},
		{"ring-group", "ring_groups"},
		{"ring_group", "ring_groups"},
		{"user", "users"},
		{"entry", "entries"},
		{"entries", "entries"},
	};
	static const char *const none[] = {"",	"use",	"session", "extensio", "extensionss",
					   "s", "entr", "usery"};
	struct cli_resource r;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(cli_find_resource(*state, cases[i].noun, &r), 0);
		assert_string_equal(r.plural, cases[i].plural);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (!cli_find_resource(*state, none[i], &r))
			fail_msg("'%s' found %s", none[i], r.plural);
}

static void options_may_stand_anywhere(void **state)
{
	const char *argv[] = {"offhook", "call", "--json", "list", "--url=http://x",
			      "--limit", "3",	 "--",	   "--all"};
	struct cli c;

	assert_int_equal(cli_options(&c, ARRAY_LEN(argv), (char **)(void *)argv), CLI_OK);
	assert_int_equal(c.nargs, 3);
	assert_string_equal(c.args[2], "--all");
	assert_true(c.json);
	assert_false(c.all);
	assert_string_equal(c.url, "http://x");
	assert_null(c.socket);
	assert_string_equal(c.limit, "3");
	free(c.args);
	argv[2] = "--jsom";
	assert_int_equal(cli_options(&c, ARRAY_LEN(argv), (char **)(void *)argv), CLI_USAGE);
	free(c.args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_take_the_type_of_their_field),
		cmocka_unit_test(what_fits_no_field_is_refused),
		cmocka_unit_test(nouns_may_be_singular),
		cmocka_unit_test(options_may_stand_anywhere),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
