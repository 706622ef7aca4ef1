/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schema/enums.h"
#include "schema/types.h"
#include "store/dump.h"

enum { PAGE = 500, MAX_KEY = 3 };

const char *const backup_part_names[BACKUP_NPARTS] = {
#define PART(NAME, name, doc) [BACKUP_##NAME] = name,
#define FOLDER		      PART
#include "store/backup_parts.def"
};

bool backup_part_is_folder(enum backup_part part)
{
	static const bool is_folder[BACKUP_NPARTS] = {
#define PART(NAME, name, doc)	[BACKUP_##NAME] = false,
#define FOLDER(NAME, name, doc) [BACKUP_##NAME] = true,
#include "store/backup_parts.def"
	};

	return is_folder[part];
}

enum backup_part backup_part_of_file(const char *name)
{
	for (unsigned i = 0; i < BACKUP_NPARTS; i++) {
		size_t n = strlen(backup_part_names[i]);

		if (backup_part_is_folder((enum backup_part)i) &&
		    strncmp(name, backup_part_names[i], n) == 0 && name[n] == '/')
			return (enum backup_part)i;
	}
	return BACKUP_NPARTS;
}

/* ---- which tables ---- */

static void own_table(struct sql_table *t, const char *name, struct sql_column *cols, size_t nkey,
		      const char *const *names, size_t n, const char *texts)
{
	for (size_t i = 0; i < n; i++)
		cols[i] = (struct sql_column){.name = names[i],
					      .kind = texts[i] == 'i' ? SQL_INT : SQL_TEXT,
					      .is_secret = texts[i] == 's'};
	*t = (struct sql_table){.name = name, .cols = cols, .ncols = n, .nkey = nkey};
}

static void own_tables(struct dump_tables *d)
{
	static const char *const revision[] = {"tenant_id", "revision", "next_id"};
	static const char *const change[] = {
		"tenant_id",	   "revision", "resource", "id",     "before", "after",	 "changes",
		"actor_tenant_id", "actor_id", "actor",	   "source", "at",     "secrets"};

	own_table(&d->revision, "tenant_revision", d->revision_columns, 1, revision, 3, "iii");
	d->revision.insert =
		"INSERT INTO tenant_revision (tenant_id, revision, next_id) VALUES ($1, $2, $3)";
	own_table(&d->change, "change", d->change_columns, 2, change, 13, "iititttiittis");
	d->change.insert =
		"INSERT INTO change (tenant_id, revision, resource, id, before, after, changes, "
		"actor_tenant_id, actor_id, actor, source, at, secrets) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
}

/* A report goes on where it was; the mail of one that had ended is no longer waiting. */
static void reports(struct dump_tables *d)
{
	static const char *const report[] = {
		"tenant_id", "id",	  "name",      "from_at", "to_at",  "filter",
		"mail_to",   "mail_id",	  "state",     "error",	  "at",	    "ended_at",
		"turns",     "cursor_at", "cursor_id", "bytes",	  "pieces", "line_count"};
	static const char *const piece[] = {"tenant_id", "report_id", "position", "csv"};

	own_table(&d->report, "call_report", d->report_columns, 2, report, 18,
		  "iitiittiitiiiiiiii");
	d->report.upsert =
		"INSERT INTO call_report (tenant_id, id, name, from_at, to_at, filter, mail_to, "
		"mail_id, state, error, at, ended_at, turns, cursor_at, cursor_id, bytes, pieces, "
		"line_count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
		"$15, $16, $17, $18) ON CONFLICT (tenant_id, id) DO NOTHING";
	own_table(&d->report_piece, "call_report_piece", d->report_piece_columns, 3, piece, 4,
		  "iiit");
	d->report_piece.upsert =
		"INSERT INTO call_report_piece (tenant_id, report_id, position, csv) VALUES ($1, "
		"$2, $3, $4) ON CONFLICT (tenant_id, report_id, position) DO NOTHING";
}

static void add(struct dump_tables *d, const struct sql_table *t, enum backup_part part,
		bool is_of_tenant)
{
	BUG(d->n == ARRAY_LEN(d->v) || t->ncols > SQL_MAX_COLUMNS || t->nkey > MAX_KEY);
	d->v[d->n++] = (struct dump_table){t, part, is_of_tenant};
}

static bool is_wanted_record(const struct record_table *t)
{
	return t != &record_tables[RECORD_CONTACT];
}

void dump_tables_fill(struct dump_tables *d, const struct sql_schema *schema)
{
	const struct sql_table *t;
	size_t n;

	d->n = 0;
	own_tables(d);
	reports(d);
	add(d, &d->revision, BACKUP_CONFIGURATION, true);
	t = sql_tables(schema, &n);
	for (size_t i = 0; i < n; i++) {
		const struct sql_table *owner = t[i].parent ? t[i].parent : &t[i];

		if (t[i].record && is_wanted_record(t[i].record))
			add(d, &t[i], BACKUP_CDRS, true);
		if (owner->res && !t[i].record)
			add(d, &t[i], BACKUP_CONFIGURATION, !scope_is_system(owner->res->scope));
	}
	add(d, &d->change, BACKUP_CONFIGURATION, true);
	add(d, &d->report_piece, BACKUP_CDRS, true);
	add(d, &d->report, BACKUP_CDRS,
	    true); /* behind its lines: it is made further as soon as it is there */
}

const struct dump_table *dump_table(const struct dump_tables *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->v[i].t->name, name) == 0)
			return &d->v[i];
	return NULL;
}

/* ---- writing ---- */

static void text_of(struct buf *out, struct str s)
{
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

static int write_columns(const struct sql_table *t, struct archive_out *a)
{
	struct buf row = {0};
	int err;

	buf_char(&row, '[');
	for (size_t i = 0; i < t->ncols; i++) {
		if (i)
			buf_char(&row, ',');
		text_of(&row, str_of(t->cols[i].name));
	}
	buf_char(&row, ']');
	err = row.err ? row.err : archive_add(a, row.p, row.n);
	buf_free(&row);
	return err;
}

/* In pages by key: PostgreSQL would otherwise hold a whole table in memory.  Of a tenant: its own row of `tenants` has its id as
 * key in tenant 0. */
static void page_text(struct buf *sql, const struct sql_table *t, uint64_t tenant_id)
{
	buf_cstr(sql, "SELECT ");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(sql, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_printf(sql, " FROM \"%s\" WHERE (", t->name);
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(sql, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_cstr(sql, ") > (");
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(sql, "%s$%zu", i ? ", " : "", i + 1);
	buf_cstr(sql, ")");
	if (tenant_id)
		buf_printf(sql, " AND \"%s\" = $%zu",
			   t->res == &resource_tenant ? "id" : "tenant_id", t->nkey + 1);
	buf_cstr(sql, " ORDER BY ");
	for (size_t i = 0; i < t->nkey; i++)
		buf_printf(sql, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_printf(sql, " LIMIT %d", PAGE);
}

struct page {
	const char *sql;
	uint64_t tenant_id;
	int64_t key[MAX_KEY];
	size_t rows;
};

static int one_page(struct rows *r, const struct sql_table *t, struct page *p, dump_row_h *fn,
		    void *arg)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db_stmt *st;
	int err = db_sql(r->db, p->sql, &st);

	if (err)
		return err;
	for (unsigned i = 0; i < t->nkey; i++)
		db_bind_int(st, i + 1, p->key[i]);
	if (p->tenant_id)
		db_bind_id(st, (unsigned)t->nkey + 1, p->tenant_id);
	for (p->rows = 0; !err && !(err = db_step(st)); p->rows++) {
		err = rows_values(r, t, st, true, v);
		for (size_t i = 0; i < t->nkey; i++)
			p->key[i] = v[i].i;
		if (!err)
			err = fn(t, v, arg);
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int dump_rows(struct rows *r, const struct dump_table *dt, uint64_t tenant_id, dump_row_h *fn,
	      dump_page_h *page_fn, void *arg)
{
	struct page page = {.tenant_id = tenant_id, .key = {-1, -1, -1}};
	struct buf sql = {0};
	int err;

	page_text(&sql, dt->t, tenant_id);
	page.sql = sql.p;
	err = sql.err;
	do {
		if (!err)
			err = one_page(r, dt->t, &page, fn, arg);
		if (!err)
			err = page_fn(arg);
	} while (!err && page.rows == PAGE);
	buf_free(&sql);
	return err;
}

struct writing {
	struct archive_out *out;
	struct buf row;
	dump_page_h *fn;
	void *arg;
};

static int write_row(const struct sql_table *t, const struct sql_value *v, void *arg)
{
	struct writing *w = arg;
	struct buf *row = &w->row;

	buf_reset(row);
	for (size_t i = 0; i < t->ncols; i++) {
		buf_char(row, i ? ',' : '[');
		if (v[i].kind == SQL_INT)
			buf_printf(row, "%" PRId64, v[i].i);
		else
			text_of(row, v[i].s);
	}
	buf_char(row, ']');
	if (row->err)
		return row->err;
	return row->n > ARCHIVE_PIECE_BYTES ? E2BIG : archive_add(w->out, row->p, row->n);
}

static int write_on(void *arg)
{
	const struct writing *w = arg;

	return w->fn(w->arg);
}

int dump_write(struct rows *r, const struct dump_table *dt, uint64_t tenant_id,
	       struct archive_out *a, dump_page_h *fn, void *arg)
{
	struct writing w = {.out = a, .fn = fn, .arg = arg};
	int err = archive_entry(a, ARCHIVE_TABLE, str_of(dt->t->name));

	if (!err)
		err = write_columns(dt->t, a);
	if (!err)
		err = dump_rows(r, dt, tenant_id, write_row, write_on, &w);
	if (w.row.p)
		explicit_bzero(w.row.p, w.row.cap);
	buf_free(&w.row);
	return err;
}

/* ---- reading ---- */

static int read_piece(struct dump_reader *d, struct archive_in *a)
{
	json_error_t where;
	size_t n;
	int err = archive_read(a, d->piece, ARCHIVE_PIECE_BYTES, &n);

	json_decref(d->row);
	d->row = NULL;
	if (err || !n)
		return err ? err : ENOENT;
	d->row = json_loadb(d->piece, n, 0, &where);
	return json_is_array(d->row) ? 0 : EBADMSG;
}

static int find_column(const struct sql_table *t, const char *name)
{
	for (size_t i = 0; name && i < t->ncols; i++)
		if (strcmp(t->cols[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* What a column holds that an older archive does not have: the field's default. */
static void default_of(const struct sql_column *c, struct sql_value *v)
{
	const struct field *f = c->field;

	*v = (struct sql_value){.kind = c->kind, .s = STR("")};
	if (!f)
		return;
	if (f->kind == FIELD_INT || f->kind == FIELD_BOOL)
		v->i = f->int_default;
	else if (f->kind == FIELD_ENUM || (f->kind == FIELD_DEST && c->kind == SQL_TEXT))
		v->s = str_of(enum_name(f->values, (int)f->int_default));
	else if (f->kind == FIELD_TEXT && f->text_default)
		v->s = str_of(f->text_default);
}

static int read_columns(struct dump_reader *d)
{
	bool has[SQL_MAX_COLUMNS] = {false};

	d->ncols = json_array_size(d->row);
	if (!d->ncols || d->ncols > SQL_MAX_COLUMNS)
		return EBADMSG;
	for (size_t i = 0; i < d->ncols; i++) {
		int at = find_column(d->t, json_string_value(json_array_get(d->row, i)));

		if ((at < 0 && !d->is_older) || (at >= 0 && has[at]))
			return EBADMSG;
		d->place[i] = at;
		if (at >= 0)
			has[at] = true;
	}
	for (size_t i = 0; i < d->t->ncols; i++) {
		if (i < d->t->nkey && !has[i])
			return EBADMSG;
		default_of(&d->t->cols[i], &d->dflt[i]);
	}
	return 0;
}

int dump_open(struct dump_reader *d, const struct dump_table *t, struct archive_in *a,
	      bool is_older)
{
	int err;

	*d = (struct dump_reader){.t = t->t, .is_older = is_older};
	d->piece = malloc(ARCHIVE_PIECE_BYTES);
	err = d->piece ? read_piece(d, a) : ENOMEM;
	if (err == ENOENT)
		err = EBADMSG;
	return err ? err : read_columns(d);
}

int dump_row(struct dump_reader *d, struct archive_in *a, struct sql_value v[SQL_MAX_COLUMNS])
{
	int err = read_piece(d, a);

	if (err)
		return err;
	if (json_array_size(d->row) != d->ncols)
		return EBADMSG;
	memcpy(v, d->dflt, d->t->ncols * sizeof(*v));
	for (size_t i = 0; i < d->ncols; i++) {
		const json_t *one = json_array_get(d->row, i);
		struct sql_value *to = d->place[i] < 0 ? NULL : &v[d->place[i]];

		if (!to)
			continue;
		if (to->kind == SQL_INT ? !json_is_integer(one) : !json_is_string(one))
			return EBADMSG;
		if (to->kind == SQL_INT)
			to->i = json_integer_value(one);
		else
			to->s = (struct str){json_string_value(one), json_string_length(one)};
	}
	for (size_t i = 0; i < d->t->nkey; i++)
		if (v[i].kind != SQL_INT || v[i].i < 0)
			return EBADMSG;
	return 0;
}

void dump_close(struct dump_reader *d)
{
	json_decref(d->row);
	if (d->piece)
		explicit_bzero(d->piece, ARCHIVE_PIECE_BYTES);
	free(d->piece);
	d->row = NULL;
	d->piece = NULL;
}

int dump_put(struct rows *r, const struct sql_table *t, const struct sql_value *v, bool replaces)
{
	struct db_stmt *st;
	int err = db_sql(r->db, replaces ? t->upsert : t->insert, &st);

	if (!err)
		err = rows_bind(r, st, t, v, t->ncols);
	return err ? err : db_run(st);
}
