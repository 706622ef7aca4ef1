/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CREATE TABLE for SQLite and for PostgreSQL.
 *
 * The engines differ in the names of types, in how rows are laid out, and in how text is ordered: PostgreSQL is told to
 * order by code point, as SQLite does, so that lists and their cursors are the same on both.
 */
#include <string.h>
#include "schema/sql.h"
#include "schema/types.h"

static const char *type_of(const struct sql_column *c, enum sql_engine e)
{
	if (e == SQL_SQLITE)
		return c->kind == SQL_INT ? "INTEGER" : "TEXT";
	return c->kind == SQL_INT ? "BIGINT" : "TEXT COLLATE \"C\"";
}

static void quoted(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_char(out, '\'');
		buf_char(out, *text);
	}
	buf_char(out, '\'');
}

static void default_of(struct buf *out, const struct sql_column *c)
{
	const struct field *f = c->field;

	buf_cstr(out, " DEFAULT ");
	if (c->kind == SQL_INT)
		buf_printf(out, "%lld", (long long)(f->kind == FIELD_DEST ? 0 : f->int_default));
	else if (f->values)
		quoted(out, enum_name(f->values, (int)f->int_default));
	else
		quoted(out, f->text_default);
}

static void column(struct buf *out, const struct sql_column *c, enum sql_engine e)
{
	buf_printf(out, "\"%s\" %s NOT NULL", c->name, type_of(c, e));
	if (c->field)
		default_of(out, c);
	if (c->field && c->field->kind == FIELD_BOOL)
		buf_printf(out, " CHECK (\"%s\" IN (0, 1))", c->name);
}

static bool is_there(const struct buf *have, const struct buf *name)
{
	return have && memmem(have->p, have->n, name->p, name->n);
}

/* Unless it is there.  Of a list, lines are compared with each other; references are looked up across all lists. */
static void make_index(struct buf *out, const struct sql_table *t, const struct sql_column *c,
		       bool is_unique, const struct buf *have)
{
	const char *between = t->parent && is_unique ? "\"parent_id\", " : "";
	struct buf name = {0};

	buf_printf(&name, "\n%s_%s%s\n", t->name, c->name, is_unique ? "_unique" : "");
	BUG(name.n > 2 + 63); /* PostgreSQL cuts longer names */
	if (name.err)
		out->err = name.err;
	if (name.err || is_there(have, &name)) {
		buf_free(&name);
		return;
	}
	buf_printf(out, "CREATE %sINDEX \"%.*s\" ON \"%s\" (\"tenant_id\", %s\"%s\"%s)",
		   is_unique ? "UNIQUE " : "", (int)name.n - 2, name.p + 1, t->name, between,
		   c->name, !is_unique && !t->parent ? ", \"id\"" : "");
	if (is_unique && !(c->field->flags & REQUIRED))
		buf_printf(out, " WHERE \"%s\" <> %s", c->name, c->kind == SQL_INT ? "0" : "''");
	buf_cstr(out, ";\n");
	buf_free(&name);
}

void sql_ddl_indexes(struct buf *out, const struct sql_table *t, const struct buf *have)
{
	for (size_t i = 0; i < t->ncols; i++) {
		const struct sql_column *c = &t->cols[i];
		bool is_ref = c->field && c->find && c->field->kind != FIELD_TEXT;
		/* What has changed since is found by it. */
		bool is_revision = t->res && !t->parent && !strcmp(c->name, "revision");

		if (c->field && (c->field->flags & UNIQUE))
			make_index(out, t, c, true, have);
		if (is_revision || is_ref || (c->field && (c->field->flags & INDEXED)))
			make_index(out, t, c, false, have);
	}
}

void sql_ddl(struct buf *out, const struct sql_table *t, enum sql_engine e)
{
	buf_printf(out, "CREATE TABLE \"%s\" (\n", t->name);
	for (size_t i = 0; i < t->ncols; i++) {
		buf_cstr(out, "\t");
		column(out, &t->cols[i], e);
		buf_cstr(out, ",\n");
	}
	buf_cstr(out, "\tPRIMARY KEY (");
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(out, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_cstr(out, ")\n)");
	/* A tenant's rows lie together.  Records are too long for SQLite to keep them in the key's tree. */
	if (e == SQL_SQLITE)
		buf_cstr(out, t->record ? " STRICT" : " STRICT, WITHOUT ROWID");
	buf_cstr(out, ";\n");
	sql_ddl_indexes(out, t, NULL);
	/* Claims are given back by their owner. */
	if (!t->res && !t->record)
		buf_printf(out,
			   "CREATE INDEX \"%s_owner\" ON \"%s\" (\"tenant_id\", \"resource\", "
			   "\"id\");\n",
			   t->name, t->name);
}

void sql_ddl_add_column(struct buf *out, const struct sql_table *t, size_t i, enum sql_engine e)
{
	const struct sql_column *c = &t->cols[i];

	BUG(!c->field); /* keys have no default: a table has them from the first */
	buf_printf(out, "ALTER TABLE \"%s\" ADD COLUMN ", t->name);
	column(out, c, e);
	buf_cstr(out, ";\n");
}
