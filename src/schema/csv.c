/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "schema/csv.h"
#include "schema/object.h"
#include "schema/types.h"

enum { MAX_COLUMNS = 128, MAX_CELL_BYTES = 65536 };

/* --- which fields --- */

static bool is_text(const struct field *f)
{
	return field_is_text(f) || f->kind == FIELD_CHARS || f->kind == FIELD_TIME;
}

static bool is_list_of_values(const struct field *f)
{
	for (size_t i = 0; i < f->child->nfields; i++)
		if (is_text(&f->child->fields[i]) || f->child->fields[i].kind == FIELD_DEST)
			return false;
	return true;
}

static bool has_secrets(const struct resource *r)
{
	for (size_t i = 0; i < r->nfields; i++)
		if (r->fields[i].kind == FIELD_SECRET || r->fields[i].kind == FIELD_PASSWORD)
			return true;
	return false;
}

static bool can_read(const struct field *f)
{
	return !(f->flags & READ_ONLY) && f->kind != FIELD_PASSWORD &&
	       (f->kind != FIELD_LIST || !has_secrets(f->child));
}

static bool can_write(const struct field *f)
{
	return can_read(f) && !(f->flags & CREATE_ONLY) && f->kind != FIELD_SECRET &&
	       f->kind != FIELD_PASSWORD;
}

/* --- writing --- */

/* Text that a spreadsheet would run, or that looks like such text made harmless. */
static bool is_formula(struct str s)
{
	while (s.n && s.p[0] == '\'') {
		s.p++;
		s.n--;
	}
	return s.n && s.p[0] && strchr("=+-@\t\r", s.p[0]);
}

static bool needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(",;\"\r\n", s.p[i]))
			return true;
	return s.n && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

void csv_write_cell(struct buf *out, struct str s)
{
	bool has_quotes = needs_quotes(s);

	if (has_quotes)
		buf_char(out, '"');
	if (is_formula(s))
		buf_char(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_char(out, '"');
		buf_char(out, s.p[i]);
	}
	if (has_quotes)
		buf_char(out, '"');
}

static void write_id(struct buf *out, uint64_t id)
{
	if (id)
		buf_u64(out, id);
}

static void write_time(struct buf *out, const void *o, const struct field *f)
{
	json_t *j = field_to_json(o, f);

	if (!j)
		out->err = ENOMEM;
	else if (json_is_string(j))
		buf_cstr(out, json_string_value(j));
	json_decref(j);
}

static void write_value(struct buf *out, const void *o, const struct field *f)
{
	switch (f->kind) {
	case FIELD_INT:
		buf_printf(out, "%" PRId64, field_int(o, f));
		break;
	case FIELD_BOOL:
		buf_cstr(out, field_int(o, f) ? "true" : "false");
		break;
	case FIELD_ENUM:
		buf_cstr(out, enum_name(f->values, (int)field_int(o, f)));
		break;
	case FIELD_REF:
	case FIELD_ID:
		write_id(out, field_id(o, f));
		break;
	case FIELD_DEST:
		buf_cstr(out, enum_name(f->values, field_dest(o, f)->kind));
		if (dest_resource(field_dest(o, f)->kind)) {
			buf_char(out, ':');
			buf_u64(out, field_dest(o, f)->id);
		}
		break;
	case FIELD_TIME:
		write_time(out, o, f);
		break;
	default:
		csv_write_cell(out, str_of(field_text(o, f)));
	}
}

/* Lines with text of their own: as the API shows them. */
static void write_json(struct buf *out, const void *o, const struct field *f)
{
	json_t *j;
	char *text;

	if (!field_list(o, f)->n)
		return; /* an empty cell is an empty list */
	j = field_to_json(o, f);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text)
		csv_write_cell(out, str_of(text));
	else
		out->err = ENOMEM;
	free(text);
	json_decref(j);
}

static void write_list(struct buf *out, const struct object_list *l)
{
	if (l->n)
		buf_char(out, '"');
	for (size_t i = 0; i < l->n; i++) {
		const struct resource *r = l->v[i]->res;

		if (i)
			buf_char(out, ';');
		for (size_t k = 0; k < r->nfields; k++) {
			if (k)
				buf_char(out, ':');
			write_value(out, l->v[i], &r->fields[k]);
		}
	}
	if (l->n)
		buf_char(out, '"');
}

void csv_write_header(struct buf *out, const struct resource *r)
{
	bool is_first = true;

	for (size_t i = 0; i < r->nfields; i++) {
		if (!can_write(&r->fields[i]))
			continue;
		buf_printf(out, "%s%s", is_first ? "" : ",", r->fields[i].name);
		is_first = false;
	}
	buf_cstr(out, "\r\n");
}

void csv_write(struct buf *out, const struct object *o)
{
	bool is_first = true;

	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (!can_write(f))
			continue;
		if (!is_first)
			buf_char(out, ',');
		if (f->kind == FIELD_LIST && is_list_of_values(f))
			write_list(out, field_list(o, f));
		else if (f->kind == FIELD_LIST)
			write_json(out, o, f);
		else
			write_value(out, o, f);
		is_first = false;
	}
	buf_cstr(out, "\r\n");
}

/* --- cells --- */

struct csv_reader {
	const struct resource *res;
	struct str rest;
	size_t line;	  /* of the row read last */
	size_t next_line; /* of what rest begins with */
	char separator;
	const struct field *columns[MAX_COLUMNS];
	size_t ncolumns;
	struct buf cell;
};

static char peek(const struct csv_reader *rd)
{
	return rd->rest.n ? rd->rest.p[0] : '\n';
}

static char take(struct csv_reader *rd)
{
	char c = rd->rest.p[0];

	rd->rest.p++;
	rd->rest.n--;
	if (c == '\n')
		rd->next_line++;
	return c;
}

static int bad(const struct csv_reader *rd, const char *name, const char *code, const char *message,
	       struct field_errors *errs)
{
	char field[64];

	snprintf(field, sizeof(field), "line[%zu]%s%s", rd->line, *name ? "." : "", name);
	field_error_add(errs, field, code, "%s", message);
	return EINVAL;
}

/* What stands between quotes; a quote is written twice. */
static bool take_quoted(struct csv_reader *rd)
{
	take(rd);
	while (rd->rest.n) {
		char c = take(rd);

		if (c != '"')
			buf_char(&rd->cell, c);
		else if (rd->rest.n && peek(rd) == '"')
			buf_char(&rd->cell, take(rd));
		else
			return true;
	}
	return false;
}

static bool ends_cell(const struct csv_reader *rd)
{
	return peek(rd) == rd->separator || peek(rd) == '\n' ||
	       (peek(rd) == '\r' && rd->rest.n > 1 && rd->rest.p[1] == '\n');
}

/* One cell into rd->cell, and the separator or the line's end behind it. */
static int take_cell(struct csv_reader *rd, bool *is_last, struct field_errors *errs)
{
	struct str s;

	buf_reset(&rd->cell);
	rd->cell.max = MAX_CELL_BYTES;
	if (rd->rest.n && peek(rd) == '"') {
		if (!take_quoted(rd) || !ends_cell(rd))
			return bad(rd, "", "bad_csv", "a quoted cell does not end where it should",
				   errs);
	} else {
		while (!ends_cell(rd))
			buf_char(&rd->cell, take(rd));
	}
	if (rd->cell.err == ENOSPC)
		return bad(rd, "", "too_long", "a cell is longer than 64 KiB", errs);
	if (rd->cell.err)
		return rd->cell.err;
	*is_last = peek(rd) != rd->separator || !rd->rest.n;
	if (rd->rest.n && peek(rd) == '\r')
		take(rd);
	if (rd->rest.n)
		take(rd);
	s = buf_view(&rd->cell);
	if (s.n && s.p[0] == '\'' && is_formula(s))
		memmove(rd->cell.p, rd->cell.p + 1, rd->cell.n--);
	return 0;
}

static void skip_line(struct csv_reader *rd)
{
	while (rd->rest.n && take(rd) != '\n')
		continue;
}

/* --- values --- */

/* Text that JSON can hold, or NULL: not UTF-8, or no memory. */
static json_t *text_to_json(struct str s)
{
	return json_stringn(s.p, s.n);
}

static json_t *bool_to_json(struct str s)
{
	static const struct str yes[] = {{"true", 4}, {"yes", 3}, {"1", 1}},
				no[] = {{"false", 5}, {"no", 2}, {"0", 1}};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (str_ieq(s, yes[i]))
			return json_true();
		if (str_ieq(s, no[i]))
			return json_false();
	}
	return text_to_json(s);
}

static json_t *value_to_json(struct str s, const struct field *f)
{
	struct str kind, id = s;
	int64_t i;

	switch (f->kind) {
	case FIELD_INT:
		return str_i64(s, &i) ? text_to_json(s) : json_integer(i);
	case FIELD_BOOL:
		return bool_to_json(s);
	case FIELD_DEST:
		kind = str_cut(&id, ':');
		return id.p ? json_pack("{s:o,s:o}", "kind", text_to_json(kind), "id",
					text_to_json(id))
			    : json_pack("{s:o}", "kind", text_to_json(kind));
	default:
		return text_to_json(s);
	}
}

static json_t *line_to_json(struct str s, const struct resource *child)
{
	json_t *j = json_object();

	for (size_t i = 0; j && i < child->nfields && s.p; i++) {
		struct str part = str_cut(&s, i + 1 < child->nfields ? ':' : '\0');

		if (part.n && json_object_set_new(j, child->fields[i].name,
						  value_to_json(part, &child->fields[i]))) {
			json_decref(j);
			j = NULL;
		}
	}
	return j;
}

static json_t *cell_to_json(struct str s, const struct field *f)
{
	json_t *list;

	if (f->kind != FIELD_LIST)
		return value_to_json(s, f);
	if (!is_list_of_values(f)) {
		list = json_loadb(s.p, s.n, 0, NULL);
		return list ? list : text_to_json(s); /* which is said to be no list */
	}
	list = json_array();
	while (list && s.p) {
		if (json_array_append_new(list, line_to_json(str_cut(&s, ';'), f->child))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/* --- lines --- */

static int read_header(struct csv_reader *rd, struct field_errors *errs)
{
	bool is_last = false;
	int err = 0;

	while (!err && !is_last) {
		const struct field *f;

		err = take_cell(rd, &is_last, errs);
		if (err)
			break;
		f = resource_field(rd->res, str_trim(buf_view(&rd->cell)));
		if (!f || !can_read(f))
			err = bad(rd, rd->cell.n ? rd->cell.p : "", "unknown_field",
				  "no such column can be read", errs);
		for (size_t i = 0; !err && i < rd->ncolumns; i++)
			if (rd->columns[i] == f)
				err = bad(rd, f->name, "repeated", "is there twice", errs);
		if (!err && rd->ncolumns == MAX_COLUMNS)
			err = bad(rd, "", "too_many", "has too many columns", errs);
		if (!err)
			rd->columns[rd->ncolumns++] = f;
	}
	return err;
}

int csv_reader_alloc(struct csv_reader **rp, const struct resource *r, struct str text,
		     struct field_errors *errs)
{
	struct csv_reader *rd = mem_fault() ? NULL : calloc(1, sizeof(*rd));
	struct str first;
	int err;

	if (!rd)
		return ENOMEM;
	if (str_starts(text, STR("\xef\xbb\xbf"))) {
		text.p += 3;
		text.n -= 3;
	}
	rd->res = r;
	rd->rest = first = text;
	rd->line = rd->next_line = 1;
	first = str_cut(&first, '\n');
	rd->separator = !memchr(first.p, ',', first.n) && memchr(first.p, ';', first.n) ? ';' : ',';
	err = read_header(rd, errs);
	if (err)
		csv_reader_free(rd);
	else
		*rp = rd;
	return err;
}

struct csv_reader *csv_reader_free(struct csv_reader *rd)
{
	if (!rd)
		return NULL;
	if (rd->cell.p)
		explicit_bzero(rd->cell.p, rd->cell.n); /* it may have held a password */
	buf_free(&rd->cell);
	free(rd);
	return NULL;
}

size_t csv_line(const struct csv_reader *rd)
{
	return rd->line;
}

/* The line's cells as the body that the API would have got. */
static int read_body(struct csv_reader *rd, json_t *body, struct field_errors *errs)
{
	bool is_last = false;
	size_t n = 0;
	int err = 0;

	for (; !err && !is_last; n++) {
		json_t *j;

		err = take_cell(rd, &is_last, errs);
		if (err || n >= rd->ncolumns || !rd->cell.n)
			continue;
		j = cell_to_json(buf_view(&rd->cell), rd->columns[n]);
		if (!j)
			err = bad(rd, rd->columns[n]->name, "bad_text", "must be UTF-8", errs);
		else if (json_object_set_new(body, rd->columns[n]->name, j))
			err = ENOMEM;
	}
	if (err == EINVAL && !is_last)
		skip_line(rd);
	if (!err && n != rd->ncolumns)
		err = bad(rd, "", "bad_csv", "has more or fewer cells than the header", errs);
	return err;
}

void csv_add_errors(const struct csv_reader *rd, const struct field_errors *from,
		    struct field_errors *errs)
{
	for (size_t i = 0; i < from->n; i++)
		bad(rd, from->v[i].field, from->v[i].code, from->v[i].message, errs);
}

int csv_read_body(struct csv_reader *rd, json_t **bodyp, struct field_errors *errs)
{
	json_t *body;
	int err;

	while (rd->rest.n && (peek(rd) == '\n' || peek(rd) == '\r'))
		take(rd);
	rd->line = rd->next_line;
	if (!rd->rest.n)
		return ENOENT;
	body = json_object();
	if (!body)
		return ENOMEM;
	err = read_body(rd, body, errs);
	if (err)
		json_decref(body);
	else
		*bodyp = body;
	return err;
}

int csv_read(struct csv_reader *rd, bool is_admin, struct object **op, struct field_errors *errs)
{
	struct field_errors found = {0};
	json_t *body = NULL;
	int err = csv_read_body(rd, &body, errs);

	if (err)
		return err;
	err = object_from_json(op, rd->res, NULL, body, is_admin, &found);
	csv_add_errors(rd, &found, errs);
	json_decref(body);
	return err;
}
