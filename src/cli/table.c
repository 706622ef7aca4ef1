/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables for people.  Display names and User-Agents come from strangers: control characters are shown as '?', or they could
 * move the cursor, rename the window or worse.
 */
#include "cli/cli.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 32, DEFAULT_COLUMNS = 7, MAX_CELL = 60 };

/* C0, DEL, and C1 as UTF-8 (U+0080 to U+009F). */
static void add_harmless(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f) {
			buf_char(out, '?');
		} else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			buf_char(out, '?');
			p++;
		} else {
			buf_char(out, (char)*p);
		}
	}
}

static void add_value(struct buf *out, const json_t *v);

static void add_members(struct buf *out, const json_t *v)
{
	const json_t *kind = json_object_get(v, "kind"), *id = json_object_get(v, "id");
	const char *key;
	json_t *one;
	size_t n = 0;

	if (kind) { /* a destination */
		add_value(out, kind);
		if (json_is_string(id))
			buf_printf(out, ":%s", json_string_value(id));
		return;
	}
	json_object_foreach((json_t *)v, key, one)
	{
		if (n++)
			buf_char(out, ' ');
		if (json_object_size(v) > 1) {
			add_harmless(out, key);
			buf_char(out, '=');
		}
		add_value(out, one);
	}
}

static void add_value(struct buf *out, const json_t *v)
{
	json_t *one;
	size_t i;

	if (json_is_string(v))
		add_harmless(out, json_string_value(v));
	else if (json_is_integer(v))
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		buf_printf(out, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		buf_cstr(out, json_is_true(v) ? "yes" : "no");
	else if (json_is_object(v))
		add_members(out, v);
	json_array_foreach((json_t *)v, i, one)
	{
		if (i)
			buf_char(out, ',');
		add_value(out, one);
	}
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static char *cell(const json_t *item, const char *column)
{
	struct buf b = {0};
	size_t n = 0, i = 0;

	add_value(&b, json_object_get(item, column));
	if (!b.p)
		buf_cstr(&b, "");
	if (b.p && width_of(b.p) > MAX_CELL) {
		for (; b.p[i] && (n += ((unsigned char)b.p[i] & 0xc0) != 0x80) < MAX_CELL; i++)
			;
		b.n = i;
		buf_cstr(&b, "…");
	}
	return buf_take(&b, &n);
}

static void put_padded(FILE *out, const char *text, size_t width, bool is_last)
{
	fputs(text, out);
	for (size_t n = width_of(text); !is_last && n < width + 2; n++)
		fputc(' ', out);
}

static void upper(char *dst, size_t dst_bytes, const char *s)
{
	size_t i = 0;

	for (; s[i] && i + 1 < dst_bytes; i++)
		dst[i] = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 'a' + 'A') : s[i];
	dst[i] = '\0';
}

void cli_print_table(FILE *out, const json_t *items, const json_t *columns)
{
	size_t ncolumns = json_array_size(columns) < MAX_COLUMNS ? json_array_size(columns)
								 : MAX_COLUMNS,
	       width[MAX_COLUMNS] = {0};
	char title[64];

	for (size_t row = 0; row <= json_array_size(items); row++) {
		for (size_t k = 0; k < ncolumns; k++) {
			const char *name = json_string_value(json_array_get(columns, k));
			char *text =
				row ? cell(json_array_get(items, row - 1), name) : strdup(name);
			size_t n = text ? width_of(text) : 0;

			width[k] = n > width[k] ? n : width[k];
			free(text);
		}
	}
	for (size_t row = 0; row <= json_array_size(items); row++) {
		for (size_t k = 0; k < ncolumns; k++) {
			const char *name = json_string_value(json_array_get(columns, k));
			char *text = row ? cell(json_array_get(items, row - 1), name) : NULL;

			upper(title, sizeof(title), name);
			put_padded(out, text ? text : title, width[k], k + 1 == ncolumns);
			free(text);
		}
		fputc('\n', out);
	}
}

void cli_print_object(FILE *out, const json_t *object)
{
	size_t width = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		width = width_of(key) > width ? width_of(key) : width;
	}
	json_object_foreach((json_t *)object, key, value)
	{
		struct buf b = {0};

		if (json_is_array(value) && json_object_size(json_array_get(value, 0)) > 1) {
			json_t *columns = cli_pick_columns(value, NULL, NULL);

			fprintf(out, "\n%s:\n", key);
			cli_print_table(out, value, columns);
			json_decref(columns);
			continue;
		}
		add_value(&b, value);
		put_padded(out, key, width, false);
		fprintf(out, "%s\n", b.p ? b.p : "");
		buf_free(&b);
	}
}

static bool is_scalar(const json_t *items, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)items, i, item)
	{
		const json_t *v = json_object_get(item, name);

		if (json_is_array(v) && json_object_size(json_array_get(v, 0)) > 1)
			return false;
	}
	return true;
}

/* Does any row have something to say there?  Without rows all do. */
static bool is_told(const json_t *items, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)items, i, item)
	{
		char *text = cell(item, name);
		bool is_empty = !text || !*text;

		free(text);
		if (!is_empty)
			return true;
	}
	return !json_array_size(items);
}

json_t *cli_pick_columns(const json_t *items, const json_t *properties, const char *wanted)
{
	json_t *columns = json_array(), *value;
	const json_t *names = properties ? properties : json_array_get(items, 0);
	struct str rest = str_of(wanted);
	const char *key;

	while (rest.n) {
		struct str one = str_trim(str_cut(&rest, ','));

		if (one.n)
			json_array_append_new(columns, json_stringn(one.p, one.n));
	}
	if (wanted)
		return columns;
	json_object_foreach((json_t *)names, key, value)
	{
		if (json_array_size(columns) < DEFAULT_COLUMNS && strcmp(key, "revision") &&
		    is_scalar(items, key) && is_told(items, key))
			json_array_append_new(columns, json_string(key));
	}
	return columns;
}
