/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of lists.
 *
 * A page goes on behind the last row of the page before (keyset), not at an offset: rows that come and go meanwhile
 * neither repeat nor hide others, and the last page costs what the first one does.  Ties are ordered by id.  Numbers of
 * extensions sort as people expect, shorter first: 99, 101, 1000.
 *
 * Only names from the tables get into the text; all that came from the client is a value.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "schema/sql.h"
#include "schema/syntax.h"
#include "schema/types.h"

struct maker {
	struct sql_query *q;
	const struct sql_table *t;
	const struct sql_list *l;
	struct field_errors *errs;
};

static const struct sql_column *column_of(const struct sql_table *t, struct str name)
{
	for (size_t i = 0; i < t->ncols; i++)
		if (str_eq(name, str_of(t->cols[i].name)))
			return &t->cols[i];
	return NULL;
}

static bool is_hidden(const struct sql_column *c)
{
	return c->field && (c->field->kind == FIELD_SECRET || c->field->kind == FIELD_PASSWORD);
}

/* The number of the parameter that holds v. */
static size_t param(struct sql_query *q, struct sql_value v)
{
	BUG(q->nv == SQL_MAX_PARAMS);
	q->v[q->nv++] = v;
	return q->nv;
}

static size_t param_int(struct sql_query *q, int64_t i)
{
	return param(q, (struct sql_value){.kind = SQL_INT, .i = i});
}

static size_t param_text(struct sql_query *q, struct str s)
{
	q->hold[q->nv] = str_dup(s);
	if (!q->hold[q->nv])
		q->text.err = ENOMEM;
	return param(q, (struct sql_value){.kind = SQL_TEXT, .s = str_of(q->hold[q->nv])});
}

static int bad(const struct maker *m, struct str name, const char *code, const char *message)
{
	char field[64];

	record_set_text(field, sizeof(field), name);
	field_error_add(m->errs, field, code, "%s", message);
	return EINVAL;
}

/* --- filters --- */

static int filter_dest(const struct maker *m, const struct sql_filter *f, const struct field *field)
{
	struct str id = f->value, kind = str_cut(&id, ':');
	uint64_t n = 0;

	if (enum_value(field->values, kind) < 0)
		return bad(m, f->field, "not_in_list", "is no kind of destination");
	if (id.p && (str_u64(id, &n) || n > INT64_MAX))
		return bad(m, f->field, "bad_id", "is not an id");
	buf_printf(&m->q->text, " AND \"%s_kind\" = $%zu", field->name, param_text(m->q, kind));
	if (id.p)
		buf_printf(&m->q->text, " AND \"%s_id\" = $%zu", field->name,
			   param_int(m->q, (int64_t)n));
	return 0;
}

/* A value of the URL as the number that its column holds. */
static int number_of(const struct maker *m, const struct sql_filter *f, const struct sql_column *c,
		     int64_t *ip)
{
	enum field_kind kind = c->field ? c->field->kind : FIELD_ID;

	if (kind == FIELD_BOOL) {
		*ip = str_eq(f->value, STR("true"));
		if (!*ip && !str_eq(f->value, STR("false")))
			return bad(m, f->field, "wrong_type", "must be true or false");
	} else if (kind == FIELD_TIME) {
		if (syntax_time(f->value, ip))
			return bad(m, f->field, "bad_time",
				   "is not a time like 2026-01-31T09:00:00Z");
	} else if (str_i64(f->value, ip)) {
		return bad(m, f->field, kind == FIELD_INT ? "not_a_number" : "bad_id",
			   "must be a whole number");
	}
	return 0;
}

static int filter_text(const struct maker *m, const struct sql_filter *f,
		       const struct sql_column *c)
{
	size_t nchars;

	if (c->field->kind == FIELD_ENUM && enum_value(c->field->values, f->value) < 0)
		return bad(m, f->field, "not_in_list", "is not one of the field's values");
	if (!syntax_text(f->value, &nchars))
		return bad(m, f->field, "bad_text", "must be UTF-8 without control characters");
	buf_printf(&m->q->text, " AND \"%s\" = $%zu", c->name, param_text(m->q, f->value));
	return 0;
}

static int filter_number(const struct maker *m, const struct sql_filter *f,
			 const struct sql_column *c, const char *is)
{
	int64_t i;
	int err = number_of(m, f, c, &i);

	if (!err)
		buf_printf(&m->q->text, " AND \"%s\" %s $%zu", c->name, is, param_int(m->q, i));
	return err;
}

/* "started_at_from": the column, and how it is compared. */
static const struct sql_column *range_of(const struct sql_table *t, struct str name,
					 const char **isp)
{
	static const struct {
		struct str end;
		const char *is;
	} ends[] = {{{"_from", 5}, ">="}, {{"_to", 3}, "<"}};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct str end = ends[i].end;
		const struct sql_column *c;

		if (name.n <= end.n || memcmp(name.p + name.n - end.n, end.p, end.n))
			continue;
		c = column_of(t, (struct str){name.p, name.n - end.n});
		if (c && c->field &&
		    (c->field->kind == FIELD_INT || c->field->kind == FIELD_TIME)) {
			*isp = ends[i].is;
			return c;
		}
	}
	return NULL;
}

static int filter(const struct maker *m, const struct sql_filter *f)
{
	const struct sql_column *c = column_of(m->t, f->field);
	const struct field *field = m->t->res ? resource_field(m->t->res, f->field) : NULL;
	const char *is = "=";

	if (field && field->kind == FIELD_DEST)
		return filter_dest(m, f, field);
	if (!c)
		c = range_of(m->t, f->field, &is);
	/* tenant_id is not for the client to choose; the columns of a destination have another name. */
	if (!c || is_hidden(c) || c == &m->t->cols[0] || (c->field && c->field->kind == FIELD_DEST))
		return bad(m, f->field, "unknown_field", "the list cannot be filtered by this");
	return c->kind == SQL_TEXT ? filter_text(m, f, c) : filter_number(m, f, c, is);
}

/* Any text that holds q.  LIKE with ESCAPE is the same on both engines; lower() folds ASCII on both. */
static int search(const struct maker *m)
{
	struct str q = m->l->q;
	struct buf pattern = {0};
	size_t n = 0, nchars, p;

	if (!q.n)
		return 0;
	if (!syntax_text(q, &nchars) || nchars > 100)
		return bad(m, STR("q"), "bad_text", "must be at most 100 characters of plain text");
	buf_char(&pattern, '%');
	for (size_t i = 0; i < q.n; i++) {
		if (strchr("%_\\", q.p[i]))
			buf_char(&pattern, '\\');
		buf_char(&pattern, (char)(q.p[i] >= 'A' && q.p[i] <= 'Z' ? q.p[i] + 32 : q.p[i]));
	}
	buf_char(&pattern, '%');
	if (pattern.err)
		m->q->text.err = pattern.err;
	p = param_text(m->q, buf_view(&pattern));
	buf_free(&pattern);
	buf_cstr(&m->q->text, " AND (");
	for (size_t i = 0; i < m->t->ncols; i++) {
		const struct sql_column *c = &m->t->cols[i];

		if (!c->field || (c->field->kind != FIELD_TEXT && c->field->kind != FIELD_CHARS))
			continue;
		buf_printf(&m->q->text, "%slower(\"%s\") LIKE $%zu ESCAPE '\\'", n++ ? " OR " : "",
			   c->name, p);
	}
	buf_cstr(&m->q->text, n ? ")" : "1 = 0)");
	return 0;
}

/* GRP-2.  What reads as an extension's number in a call from outside is somebody else's.  Calls that only rang an extension have
 * it in a leg; what others talked, which is recorded, is theirs alone. */
static void calls_of(const struct maker *m)
{
	static const char visible[] =
		"(SELECT x.%s FROM extensions x WHERE x.tenant_id = $1 AND (x.id = $%zu OR "
		"EXISTS (SELECT 1 FROM extension_member_of mine JOIN extension_member_of theirs "
		"ON theirs.tenant_id = mine.tenant_id AND theirs.group_id = mine.group_id WHERE "
		"mine.tenant_id = $1 AND mine.parent_id = $%zu AND mine.role = 'manager' AND "
		"theirs.parent_id = x.id)))";
	struct buf *text = &m->q->text;
	size_t p;

	p = param_int(m->q, (int64_t)m->l->extension_id);
	buf_cstr(text, " AND ((\"direction\" <> 'inbound' AND \"caller\" IN ");
	buf_printf(text, visible, "number", p, p);
	buf_cstr(text, ") OR \"callee\" IN ");
	buf_printf(text, visible, "number", p, p);
	buf_cstr(text, " OR \"final_dest\" IN ");
	buf_printf(text, visible, "number", p, p);
	if (m->t->record == &record_tables[RECORD_CALL]) {
		buf_printf(text,
			   " OR EXISTS (SELECT 1 FROM cdr_legs leg WHERE leg.tenant_id = $1 AND "
			   "leg.call_id = \"%s\".\"id\" AND leg.extension_id IN ",
			   m->t->name);
		buf_printf(text, visible, "id", p, p);
		buf_char(text, ')');
	}
	buf_cstr(text, ")");
}

/* WEB-3: of the phone books that no group has, or one of its own. */
static void contacts_of(const struct maker *m)
{
	buf_printf(&m->q->text,
		   " AND (NOT EXISTS (SELECT 1 FROM phone_book_groups g WHERE g.tenant_id = $1 AND "
		   "g.parent_id = phone_book_id) OR EXISTS (SELECT 1 FROM phone_book_groups g JOIN "
		   "extension_member_of mine ON mine.tenant_id = g.tenant_id AND mine.group_id = "
		   "g.group_id WHERE g.tenant_id = $1 AND g.parent_id = phone_book_id AND "
		   "mine.parent_id = $%zu))",
		   param_int(m->q, (int64_t)m->l->extension_id));
}

static void seen_by_extension(const struct maker *m)
{
	if (!m->l->extension_id)
		return;
	if (m->t->res == &resource_phone_book_entry)
		contacts_of(m);
	else if (m->t->res && resource_owner(m->t->res))
		buf_printf(&m->q->text, " AND \"%s\" = $%zu", resource_owner(m->t->res)->name,
			   param_int(m->q, (int64_t)m->l->extension_id));
	else
		calls_of(m);
}

/* --- order --- */

static bool by_length(const struct sql_column *c)
{
	return c->field && (c->field->flags & NUMBER);
}

/* The time that a record is known by, or its id. */
static const struct sql_column *newest(const struct sql_table *t)
{
	for (size_t i = 2; i < t->ncols; i++)
		if (t->cols[i].field->kind == FIELD_TIME && t->cols[i].field->flags & INDEXED)
			return &t->cols[i];
	return &t->cols[1];
}

static int choose_order(const struct maker *m)
{
	struct str name = m->l->sort;
	const struct sql_column *c;

	m->q->sort = m->t->record ? newest(m->t) : &m->t->cols[1];
	if (!name.n) {
		m->q->is_descending = m->t->record != NULL;
		return 0;
	}
	m->q->is_descending = name.p[0] == '-';
	if (m->q->is_descending) {
		name.p++;
		name.n--;
	}
	c = column_of(m->t, name);
	if (!c || is_hidden(c) || c == &m->t->cols[0] || (c->field && c->field->kind == FIELD_DEST))
		return bad(m, STR("sort"), "unknown_field", "the list cannot be sorted by this");
	if (m->t->record && c->field && !(c->field->flags & INDEXED))
		return bad(m, STR("sort"), "unknown_field",
			   "this list is too long to be sorted by this");
	m->q->sort = c;
	return 0;
}

static void sort_name(struct buf *out, const struct sql_query *q)
{
	buf_printf(out, "%s%s", q->is_descending ? "-" : "", q->sort->name);
}

/* Digits, whichever way the engine gave them. */
static void number_text(struct buf *out, const struct sql_value *v)
{
	if (v->kind == SQL_INT)
		buf_printf(out, "%" PRId64, v->i);
	else
		buf_str(out, v->s);
}

void sql_cursor(struct buf *out, const struct sql_query *q, const struct sql_value *row)
{
	const struct sql_value *v = &row[q->sort - q->table->cols];

	sort_name(out, q);
	buf_char(out, '.');
	number_text(out, &row[1]);
	buf_char(out, '.');
	if (q->sort->kind == SQL_INT)
		number_text(out, v);
	for (size_t i = 0; q->sort->kind == SQL_TEXT && i < v->s.n; i++)
		buf_printf(out, "%02x", (unsigned char)v->s.p[i]);
}

/* The value that the last page's last row had in the sorted column. */
static int cursor_value(const struct maker *m, struct str s, struct sql_value *v, uint8_t *text,
			size_t text_bytes)
{
	size_t n, nchars;

	v->kind = m->q->sort->kind;
	if (v->kind == SQL_INT)
		return str_i64(s, &v->i);
	if (hex_decode(text, text_bytes, s, &n))
		return EINVAL;
	v->s = (struct str){(const char *)text, n};
	return syntax_text(v->s, &nchars) ? 0 : EINVAL;
}

static int go_on(const struct maker *m)
{
	struct str rest = m->l->cursor, name = str_cut(&rest, '.'), id = str_cut(&rest, '.');
	const char *beyond = m->q->is_descending ? "<" : ">";
	uint8_t text[1024];
	struct buf expected = {0};
	struct sql_value v = {0};
	int64_t last_id;
	bool is_ours;

	if (!m->l->cursor.n)
		return 0;
	sort_name(&expected, m->q);
	is_ours = !expected.err && str_eq(name, buf_view(&expected));
	buf_free(&expected);
	if (!is_ours || !rest.p || str_i64(id, &last_id) ||
	    cursor_value(m, rest, &v, text, sizeof(text)))
		return bad(m, STR("cursor"), "bad_cursor", "is not a cursor of this list");
	if (v.kind == SQL_INT) {
		size_t p = param_int(m->q, v.i);

		buf_printf(&m->q->text, " AND (\"%s\", \"id\") %s ($%zu, $%zu)", m->q->sort->name,
			   beyond, p, param_int(m->q, last_id));
	} else if (by_length(m->q->sort)) {
		/* Numbers are ASCII: bytes are characters. */
		size_t n = param_int(m->q, (int64_t)v.s.n), p = param_text(m->q, v.s);

		buf_printf(
			&m->q->text, " AND (length(\"%s\"), \"%s\", \"id\") %s ($%zu, $%zu, $%zu)",
			m->q->sort->name, m->q->sort->name, beyond, n, p, param_int(m->q, last_id));
	} else {
		size_t p = param_text(m->q, v.s);

		buf_printf(&m->q->text, " AND (\"%s\", \"id\") %s ($%zu, $%zu)", m->q->sort->name,
			   beyond, p, param_int(m->q, last_id));
	}
	return 0;
}

static void order(const struct maker *m)
{
	const char *down = m->q->is_descending ? " DESC" : "";

	buf_cstr(&m->q->text, " ORDER BY ");
	if (by_length(m->q->sort))
		buf_printf(&m->q->text, "length(\"%s\")%s, ", m->q->sort->name, down);
	if (m->q->sort != &m->t->cols[1])
		buf_printf(&m->q->text, "\"%s\"%s, ", m->q->sort->name, down);
	buf_printf(&m->q->text, "\"id\"%s LIMIT $%zu", down,
		   param_int(m->q, (int64_t)m->l->limit + 1));
}

int sql_list(struct sql_query *q, const struct sql_table *t, const struct sql_list *l,
	     struct field_errors *errs)
{
	struct maker m = {q, t, l, errs};
	int err;

	*q = (struct sql_query){.table = t};
	BUG(t->parent || (!t->res && !t->record));
	if (l->nfilters > SQL_MAX_FILTERS)
		return bad(&m, STR("filter"), "too_many", "the list has too many filters");
	buf_cstr(&q->text, "SELECT ");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(&q->text, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_printf(&q->text, " FROM \"%s\" WHERE \"tenant_id\" = $%zu", t->name,
		   param_int(q, (int64_t)l->tenant_id));
	err = choose_order(&m);
	for (size_t i = 0; !err && i < l->nfilters; i++)
		err = filter(&m, &l->filters[i]);
	if (!err)
		err = search(&m);
	seen_by_extension(&m);
	if (!err)
		err = go_on(&m);
	if (!err)
		order(&m);
	return err ? err : q->text.err;
}

void sql_query_free(struct sql_query *q)
{
	for (size_t i = 0; i < SQL_MAX_PARAMS; i++)
		free(q->hold[i]);
	buf_free(&q->text);
	*q = (struct sql_query){0};
}
