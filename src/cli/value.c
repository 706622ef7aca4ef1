/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what people type to JSON, by the field's schema: numbers, yes and no, id lists (members=3,4), destinations
 * (no_answer=extension:3, no_answer=hangup); field:=JSON for all else.  A value of "-" is read from the terminal or a pipe, so
 * that a password stands neither in the shell's history nor in the list of processes.
 */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool has_type(const json_t *schema, const char *type)
{
	const json_t *t = json_object_get(schema, "type"), *one;
	size_t i;

	if (json_is_string(t))
		return !strcmp(json_string_value(t), type);
	json_array_foreach((json_t *)t, i, one)
	{
		if (json_is_string(one) && !strcmp(json_string_value(one), type))
			return true;
	}
	return false;
}

/* Of anyOf and oneOf the branch that is not null. */
static const json_t *without_null(const struct cli *c, const json_t *schema)
{
	const json_t *choices = json_object_get(schema, "anyOf"), *one;
	size_t i;

	if (!choices)
		choices = json_object_get(schema, "oneOf");
	json_array_foreach((json_t *)choices, i, one)
	{
		one = cli_resolve(c, one);
		if (!has_type(one, "null"))
			return one;
	}
	return schema;
}

static json_t *read_bool(const char *text)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {{"true", true},   {"yes", true}, {"on", true},   {"1", true},
		     {"false", false}, {"no", false}, {"off", false}, {"0", false}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(str_of(words[i].text), str_of(text)))
			return json_boolean(words[i].value);
	return NULL;
}

/* An element typed as plain text: {"extension_id":"3"} when the element is an object with one thing in it. */
static json_t *read_element(const struct cli *c, const json_t *items, struct str text)
{
	const json_t *schema = cli_resolve(c, items),
		     *required = json_object_get(schema, "required");
	json_t *value = json_stringn(text.p, text.n);

	if (!has_type(schema, "object"))
		return value;
	if (json_array_size(required) != 1) {
		json_decref(value);
		return NULL;
	}
	return json_pack("{s:o}", json_string_value(json_array_get(required, 0)), value);
}

static json_t *read_list(const struct cli *c, const json_t *schema, const char *text)
{
	json_t *list = json_array();
	struct str rest = str_of(text);

	while (rest.n) {
		struct str part = str_trim(str_cut(&rest, ','));
		json_t *element =
			part.n ? read_element(c, json_object_get(schema, "items"), part) : NULL;

		if (!element) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, element);
	}
	return list;
}

static json_t *read_dest(const char *text)
{
	struct str id = str_of(text), kind = str_cut(&id, ':');

	if (!id.p)
		return json_pack("{s:s%}", "kind", kind.p, kind.n);
	return json_pack("{s:s%,s:s%}", "kind", kind.p, kind.n, "id", id.p, id.n);
}

static json_t *read_value(const struct cli *c, const json_t *schema, const char *text)
{
	struct str s = str_of(text);
	int64_t n;

	schema = without_null(c, cli_resolve(c, schema));
	if (has_type(schema, "integer"))
		return !s.n ? json_null() : str_i64(s, &n) ? NULL : json_integer(n);
	if (has_type(schema, "boolean"))
		return s.n ? read_bool(text) : json_null();
	if ((has_type(schema, "array") || has_type(schema, "object")) &&
	    (text[0] == '[' || text[0] == '{'))
		return json_loads(text, 0, NULL);
	if (has_type(schema, "array"))
		return read_list(c, schema, text);
	if (has_type(schema, "object"))
		return s.n ? read_dest(text) : json_null();
	return json_string(text); /* refuses what is no UTF-8 */
}

int cli_read_secret(struct str name, struct buf *out)
{
	struct termios was, quiet;
	bool is_tty = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &was);
	char line[1024];
	char *got;

	if (is_tty) {
		fprintf(stderr, "%.*s: ", STR_ARG(name));
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (is_tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (!got)
		return EINVAL;
	line[strcspn(line, "\r\n")] = '\0';
	buf_cstr(out, line);
	return out->err;
}

int cli_set_field(const struct cli *c, json_t *object, const json_t *schema, const char *arg,
		  struct buf *error)
{
	const char *equals = strchr(arg, '=');
	bool is_json = equals && equals > arg && equals[-1] == ':';
	struct str name = {arg, equals ? (size_t)(equals - arg) - is_json : 0};
	const json_t *field;
	struct buf secret = {0};
	json_t *value;
	const char *text;

	if (!name.n) {
		buf_printf(error, "'%s' is not field=value", arg);
		return EINVAL;
	}
	text = equals + 1;
	field = json_object_getn(json_object_get(schema, "properties"), name.p, name.n);
	if (!field) {
		buf_printf(error, "there is no field '%.*s' here", STR_ARG(name));
		return EINVAL;
	}
	if (!is_json && !strcmp(text, "-") && !cli_read_secret(name, &secret))
		text = secret.p;
	value = is_json ? json_loads(text, JSON_DECODE_ANY, NULL) : read_value(c, field, text);
	if (!value)
		buf_printf(error, "'%s' cannot be the value of %.*s", text, STR_ARG(name));
	else
		json_object_setn_new(object, name.p, name.n, value);
	buf_free(&secret);
	return value ? 0 : EINVAL;
}
