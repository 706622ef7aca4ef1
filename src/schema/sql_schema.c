/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of resources and records, with the texts of their statements.
 *
 * Made once at start into memory that then never moves.  Names are quoted in every text, since some fields are called like
 * words of SQL (position, local).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "schema/sql.h"
#include "schema/types.h"

enum { MAX_TABLES = 256 };

struct sql_schema {
	struct sql_table tables[MAX_TABLES];
	size_t n;
	char **texts; /* everything that tables point to and that is not constant */
	size_t ntexts, max_texts;
	const struct sql_table *number, *directory;
	int err;
};

/* Keep what was written; "" once memory failed. */
static const char *keep(struct sql_schema *s, struct buf *b)
{
	char *text, **more;
	size_t n;

	if (s->ntexts == s->max_texts) {
		more = mem_fault() ? NULL
				   : reallocarray(s->texts, s->max_texts + 256, sizeof(*more));
		if (!more) {
			s->err = ENOMEM;
			buf_free(b);
			return "";
		}
		s->texts = more;
		s->max_texts += 256;
	}
	text = buf_take(b, &n);
	if (!text) {
		s->err = ENOMEM;
		buf_free(b);
		return "";
	}
	return s->texts[s->ntexts++] = text;
}

static const char *keep_name(struct sql_schema *s, const char *a, const char *b)
{
	struct buf name = {0};

	buf_printf(&name, "%s_%s", a, b);
	return keep(s, &name);
}

/* --- columns --- */

static struct sql_column *add_column(struct sql_table *t, const char *name, enum sql_kind kind,
				     const struct field *f)
{
	struct sql_column *c = &t->cols[t->ncols++];

	BUG(t->ncols > SQL_MAX_COLUMNS);
	*c = (struct sql_column){.name = name, .kind = kind, .field = f};
	return c;
}

static void add_field(struct sql_schema *s, struct sql_table *t, const struct field *f)
{
	if ((f->flags & CREATE_ONLY) || f->kind == FIELD_LIST)
		return;
	switch (f->kind) {
	case FIELD_DEST:
		add_column(t, keep_name(s, f->name, "kind"), SQL_TEXT, f);
		add_column(t, keep_name(s, f->name, "id"), SQL_INT, f);
		break;
	case FIELD_TEXT:
	case FIELD_CHARS:
	case FIELD_ENUM:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		add_column(t, f->name, SQL_TEXT, f)->is_secret = f->kind == FIELD_SECRET;
		break;
	default:
		add_column(t, f->name, SQL_INT, f);
	}
}

static struct sql_table *add_table(struct sql_schema *s, const char *name)
{
	struct sql_table *t = &s->tables[s->n];

	BUG(s->n == MAX_TABLES);
	*t = (struct sql_table){.name = name};
	t->cols = mem_fault() ? NULL : calloc(SQL_MAX_COLUMNS, sizeof(*t->cols));
	if (!t->cols) {
		s->err = ENOMEM;
		return NULL;
	}
	s->n++;
	return t;
}

/* --- statements --- */

static void names(struct buf *b, const struct sql_table *t)
{
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(b, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
}

/* WHERE the first n columns named are $1 … $n. */
static void where(struct buf *b, const char *const *cols, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s\"%s\" = $%zu", i ? " AND " : " WHERE ", cols[i], i + 1);
}

static void insert_texts(struct sql_schema *s, struct sql_table *t)
{
	struct buf b = {0}, up = {0};

	buf_printf(&b, "INSERT INTO \"%s\" (", t->name);
	names(&b, t);
	buf_cstr(&b, ") VALUES (");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(&b, "%s$%zu", i ? ", " : "", i + 1);
	buf_cstr(&b, ")");
	buf_str(&up, buf_view(&b));
	t->insert = keep(s, &b);

	buf_cstr(&up, " ON CONFLICT (");
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(&up, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_cstr(&up, ") DO UPDATE SET ");
	for (size_t i = t->nkey; i < t->ncols; i++)
		buf_printf(&up, "%s\"%s\" = excluded.\"%s\"", i > t->nkey ? ", " : "",
			   t->cols[i].name, t->cols[i].name);
	t->upsert = keep(s, &up);
}

/* UNIQUE, REF and DEST columns: who has this value? */
static void find_text(struct sql_schema *s, const struct sql_table *t, struct sql_column *c)
{
	const struct field *f = c->field;
	const char *shown = t->parent ? "parent_id" : "id";
	struct buf b = {0};

	if (!f || t->record || (f->kind == FIELD_DEST && c->kind == SQL_TEXT))
		return;
	if (f->kind != FIELD_REF && f->kind != FIELD_DEST && (!(f->flags & UNIQUE) || t->parent))
		return;
	/* What the system has is referred to from everywhere: asked for tenant 0, all tenants answer. */
	buf_printf(&b, "SELECT DISTINCT \"%s\", \"tenant_id\" FROM \"%s\" WHERE %s AND \"%s\" = $2",
		   shown, t->name,
		   f->kind == FIELD_REF && scope_is_system(f->ref->scope)
			   ? "(\"tenant_id\" = $1 OR $1 = 0)"
			   : "\"tenant_id\" = $1",
		   c->name);
	if (f->kind == FIELD_DEST)
		buf_printf(&b, " AND \"%s_kind\" = $3", f->name);
	buf_printf(&b, " ORDER BY \"%s\" LIMIT 20", shown);
	c->find = keep(s, &b);
}

/* Every table's texts but select and remove, which differ. */
static void common_texts(struct sql_schema *s, struct sql_table *t)
{
	struct buf all = {0}, drop = {0}, count = {0};

	insert_texts(s, t);
	buf_cstr(&all, "SELECT ");
	names(&all, t);
	buf_printf(&all, " FROM \"%s\" ORDER BY ", t->name);
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(&all, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	t->select_all = keep(s, &all);
	buf_printf(&drop, "DELETE FROM \"%s\" WHERE \"tenant_id\" = $1", t->name);
	t->remove_tenant = keep(s, &drop);
	buf_printf(&count, "SELECT count(*) FROM \"%s\" WHERE \"tenant_id\" = $1", t->name);
	t->count = keep(s, &count);
	for (size_t i = 0; i < t->ncols; i++)
		find_text(s, t, &t->cols[i]);
}

static void row_texts(struct sql_schema *s, struct sql_table *t)
{
	const char *key[] = {"tenant_id", t->parent ? "parent_id" : "id"};
	struct buf get = {0}, drop = {0};

	common_texts(s, t);
	buf_cstr(&get, "SELECT ");
	names(&get, t);
	buf_printf(&get, " FROM \"%s\"", t->name);
	where(&get, key, ARRAY_LEN(key));
	if (t->parent)
		buf_cstr(&get, " ORDER BY \"position\"");
	t->select = keep(s, &get);
	buf_printf(&drop, "DELETE FROM \"%s\"", t->name);
	where(&drop, key, ARRAY_LEN(key));
	t->remove = keep(s, &drop);
}

static void claim_texts(struct sql_schema *s, struct sql_table *t)
{
	const char *unique[] = {t->cols[0].name, t->cols[1].name};
	const char *owner[] = {"tenant_id", "resource", "id"};
	struct buf get = {0}, drop = {0};

	common_texts(s, t);
	buf_printf(&get, "SELECT \"tenant_id\", \"resource\", \"id\" FROM \"%s\"", t->name);
	where(&get, unique, ARRAY_LEN(unique));
	t->select = keep(s, &get);
	buf_printf(&drop, "DELETE FROM \"%s\"", t->name);
	where(&drop, owner, ARRAY_LEN(owner));
	t->remove = keep(s, &drop);
}

/* --- tables --- */

static void child_table(struct sql_schema *s, struct sql_table *parent, const struct field *list)
{
	struct sql_table *t = add_table(s, keep_name(s, parent->res->name, list->name));

	if (!t)
		return;
	t->res = list->child;
	t->list = list;
	t->parent = parent;
	add_column(t, "tenant_id", SQL_INT, NULL);
	add_column(t, "parent_id", SQL_INT, NULL);
	add_column(t, "position", SQL_INT, NULL);
	t->nkey = 3;
	for (size_t i = 0; i < list->child->nfields; i++)
		add_field(s, t, &list->child->fields[i]);
	row_texts(s, t);
}

static void resource_table(struct sql_schema *s, const struct resource *r)
{
	struct sql_table *t = add_table(s, r->plural);

	if (!t)
		return;
	t->res = r;
	add_column(t, "tenant_id", SQL_INT, NULL);
	add_column(t, "id", SQL_INT, NULL);
	add_column(t, "revision", SQL_INT, NULL);
	t->nkey = 2;
	for (size_t i = 0; i < r->nfields; i++)
		add_field(s, t, &r->fields[i]);
	row_texts(s, t);
	for (size_t i = 0; i < r->nfields; i++)
		if (r->fields[i].kind == FIELD_LIST)
			child_table(s, t, &r->fields[i]);
}

static void record_table_of(struct sql_schema *s, const struct record_table *r)
{
	struct sql_table *t = add_table(s, r->plural);

	if (!t)
		return;
	t->record = r;
	add_column(t, "tenant_id", SQL_INT, NULL);
	add_column(t, "id", SQL_INT, NULL);
	t->nkey = 2;
	for (size_t i = 0; i < r->nfields; i++)
		add_field(s, t, &r->fields[i]);
	row_texts(s, t);
}

static void claim_tables(struct sql_schema *s)
{
	struct sql_table *t = add_table(s, "number");

	if (t) {
		add_column(t, "tenant_id", SQL_INT, NULL);
		add_column(t, "number", SQL_TEXT, NULL);
		add_column(t, "resource", SQL_TEXT, NULL);
		add_column(t, "id", SQL_INT, NULL);
		t->nkey = 2;
		claim_texts(s, t);
		s->number = t;
	}
	t = add_table(s, "directory");
	if (t) {
		add_column(t, "kind", SQL_TEXT, NULL);
		add_column(t, "name", SQL_TEXT, NULL);
		add_column(t, "tenant_id", SQL_INT, NULL);
		add_column(t, "resource", SQL_TEXT, NULL);
		add_column(t, "id", SQL_INT, NULL);
		t->nkey = 2;
		claim_texts(s, t);
		s->directory = t;
	}
}

int sql_schema_alloc(struct sql_schema **sp)
{
	struct sql_schema *s = mem_fault() ? NULL : calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	for (size_t i = 0; resources[i]; i++)
		resource_table(s, resources[i]);
	claim_tables(s);
	for (size_t i = 0; i < RECORD_NTABLES; i++)
		record_table_of(s, &record_tables[i]);
	err = s->err;
	if (err)
		sql_schema_free(s);
	else
		*sp = s;
	return err;
}

struct sql_schema *sql_schema_free(struct sql_schema *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->ntexts; i++)
		free(s->texts[i]);
	free(s->texts);
	for (size_t i = 0; i < s->n; i++)
		free(s->tables[i].cols);
	free(s);
	return NULL;
}

/* --- finding them --- */

const struct sql_table *sql_tables(const struct sql_schema *s, size_t *np)
{
	*np = s->n;
	return s->tables;
}

const struct sql_table *sql_table(const struct sql_schema *s, const struct resource *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->tables[i].res == r && !s->tables[i].parent)
			return &s->tables[i];
	return NULL;
}

const struct sql_table *sql_child_table(const struct sql_schema *s, const struct resource *r,
					size_t *pos)
{
	while (*pos < s->n) {
		const struct sql_table *t = &s->tables[(*pos)++];

		if (t->parent && t->parent->res == r)
			return t;
	}
	return NULL;
}

const struct sql_table *sql_record_table(const struct sql_schema *s, enum record_kind kind)
{
	for (size_t i = 0; kind < RECORD_NTABLES && i < s->n; i++)
		if (s->tables[i].record == &record_tables[kind])
			return &s->tables[i];
	return NULL;
}

const struct sql_table *sql_number_table(const struct sql_schema *s)
{
	return s->number;
}

const struct sql_table *sql_directory_table(const struct sql_schema *s)
{
	return s->directory;
}

static bool may_refer(const struct sql_column *c, const struct resource *r)
{
	const struct field *f = c->field;

	if (!f || !c->find)
		return false;
	if (f->kind == FIELD_REF)
		return f->ref == r;
	return f->kind == FIELD_DEST && enum_value(f->values, str_of(r->name)) >= 0;
}

const struct sql_column *sql_referrer(const struct sql_schema *s, const struct resource *r,
				      size_t *pos, const struct sql_table **tablep)
{
	for (; *pos < s->n * SQL_MAX_COLUMNS; (*pos)++) {
		const struct sql_table *t = &s->tables[*pos / SQL_MAX_COLUMNS];
		size_t i = *pos % SQL_MAX_COLUMNS;

		if (i < t->ncols && may_refer(&t->cols[i], r)) {
			*tablep = t;
			(*pos)++;
			return &t->cols[i];
		}
	}
	return NULL;
}
