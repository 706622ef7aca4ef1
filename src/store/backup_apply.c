/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An archive of the system takes the place of what the database holds.  Configuration is replaced; records are added, and none
 * is taken away.  Everything that was read must decode, refer to what is there and claim what nobody else claims, before
 * anything is committed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "store/backup_impl.h"
#include "store/migrate.h"

int backup_open_archive(const struct backup_order *order, FILE **filep, struct archive_in **ap)
{
	FILE *f = fopen(order->path, "rbe");
	int err = f ? archive_open(ap, f, &order->lock) : errno;

	if (err && f)
		fclose(f);
	else
		*filep = f;
	return err;
}

int backup_take_table(struct rows *r, const struct dump_table *t, struct archive_in *a,
		      bool is_older, backup_row_h *fn, void *arg)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	struct dump_reader d;
	int err = dump_open(&d, t, a, is_older);

	while (!err && !(err = dump_row(&d, a, v))) {
		int skip = fn ? fn(t, v, arg) : 0;

		if (skip && skip != ENOENT)
			err = skip;
		else if (!skip)
			err = dump_put(r, t->t, v, t->part == BACKUP_CDRS);
	}
	dump_close(&d);
	return err == ENOENT ? 0 : err == EEXIST ? EBADMSG : err;
}

/* ---- what goes ---- */

static int run_text(struct db *db, const char *sql)
{
	struct db_stmt *st;
	int err = db_sql(db, sql, &st);

	return err ? err : db_run(st);
}

static int clear_table(struct db *db, const char *name)
{
	struct buf sql = {0};
	int err;

	buf_printf(&sql, "DELETE FROM \"%s\"", name);
	err = sql.err ? sql.err : run_text(db, sql.p);
	buf_free(&sql);
	return err;
}

static int clear_all(struct rows *r, const struct dump_tables *d)
{
	static const char *const others[] = {"number",	     "directory",   "session",
					     "user_sign_in", "idempotency", "outbox"};
	int err = 0;

	for (size_t i = d->n; !err && i-- > 0;)
		if (d->v[i].part == BACKUP_CONFIGURATION)
			err = clear_table(r->db, d->v[i].t->name);
	for (size_t i = 0; !err && i < ARRAY_LEN(others); i++)
		err = clear_table(r->db, others[i]);
	return err;
}

/* ---- revisions never go back: an ETag that was given must not fit something else ---- */

struct revision {
	uint64_t tenant_id, revision, next_id;
};

static int read_revisions(struct db *db, struct revision **vp, size_t *np)
{
	struct db_stmt *st;
	size_t cap = 0;
	int err = db_sql(db, "SELECT tenant_id, revision, next_id FROM tenant_revision", &st);

	while (!err && !(err = db_step(st))) {
		if (*np == cap) {
			struct revision *v;

			cap = cap ? cap * 2 : 64;
			v = reallocarray(*vp, cap, sizeof(*v));
			if (!v) {
				db_done(st);
				return ENOMEM;
			}
			*vp = v;
		}
		(*vp)[(*np)++] = (struct revision){db_id(st, 0), db_id(st, 1), db_id(st, 2)};
	}
	return err == ENOENT ? 0 : err;
}

static int raise_revisions(struct db *db, const struct revision *v, size_t n)
{
	struct db_stmt *st;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		err = db_sql(
			db,
			"UPDATE tenant_revision SET revision = CASE WHEN revision < $2 THEN $2 "
			"ELSE revision END, next_id = CASE WHEN next_id < $3 THEN $3 ELSE "
			"next_id END WHERE tenant_id = $1",
			&st);
		if (err)
			break;
		db_bind_id(st, 1, v[i].tenant_id);
		db_bind_id(st, 2, v[i].revision);
		db_bind_id(st, 3, v[i].next_id);
		err = db_run(st);
	}
	return err ? err : run_text(db, "UPDATE tenant_revision SET revision = revision + 1");
}

/* ---- what was read must be sound ---- */

struct judging {
	struct rows *r;
	const struct resource *last_res; /* a reference looked up last, and found */
	uint64_t last_tenant, last_id;
	const struct object *o;
};

static int must_exist(const struct resource *target, uint64_t id, const char *field, void *arg)
{
	struct judging *j = arg;
	uint64_t tenant_id = scope_is_system(target->scope) ? 0 : j->o->tenant_id;
	int err = 0;

	if (target == j->last_res && id == j->last_id && tenant_id == j->last_tenant)
		return 0;
	if (!rows_exists(j->r, target, tenant_id, id, &err))
		return err ? err : EBADMSG;
	j->last_res = target;
	j->last_id = id;
	j->last_tenant = tenant_id;
	return 0;
}

static int judge_one(struct object **op, void *arg)
{
	struct judging *j = arg;
	int err;

	j->o = *op;
	err = object_refs(j->o, must_exist, j);
	return err ? err : rows_claim(j->r, j->o);
}

static int judge(struct rows *r)
{
	struct judging j = {.r = r};
	int err = 0;

	for (size_t i = 0; !err && resources[i]; i++)
		err = rows_each(r, resources[i], judge_one, &j);
	/* Two that claim the same, a row that does not decode: nobody's database was like that. */
	return err == EEXIST || err == EINVAL ? EBADMSG : err;
}

static int has_system(struct db *db)
{
	struct db_stmt *st;
	int err = db_sql(db, "SELECT 1 FROM tenant_revision WHERE tenant_id = 0", &st);

	if (!err)
		err = db_step(st);
	if (!err)
		db_done(st);
	return err == ENOENT ? EBADMSG : err;
}

/* Records of tenants that are not there any more, or never were. */
static int drop_strangers(struct rows *r, const struct dump_tables *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < d->n; i++) {
		struct buf sql = {0};

		if (d->v[i].part != BACKUP_CDRS)
			continue;
		buf_printf(&sql,
			   "DELETE FROM \"%s\" WHERE tenant_id <> 0 AND tenant_id NOT IN "
			   "(SELECT id FROM tenants)",
			   d->v[i].t->name);
		err = sql.err ? sql.err : run_text(r->db, sql.p);
		buf_free(&sql);
	}
	return err;
}

void backup_note_text(char dst[BACKUP_NOTE], const struct backup_order *order, uint64_t here)
{
	(void)snprintf(dst, BACKUP_NOTE, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64, order->id,
		       order->label.tenant_id, here);
}

int backup_note(struct db *db, const struct backup_order *order, uint64_t here)
{
	struct db_stmt *st;
	char text[BACKUP_NOTE];
	int err;

	backup_note_text(text, order, here);
	err = db_sql(db,
		     "INSERT INTO setting (name, value) VALUES ('restored', $1) "
		     "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		     &st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(text));
	return db_run(st);
}

static int take_entries(struct rows *r, const struct backup_order *order,
			const struct dump_tables *d, struct archive_in *a)
{
	char name[ARCHIVE_NAME_BYTES + 1];
	enum archive_kind kind;
	int err;

	while (!(err = archive_next(a, &kind, name))) {
		const struct dump_table *t = kind == ARCHIVE_TABLE ? dump_table(d, name) : NULL;

		if (t && (order->parts & 1u << t->part))
			err = backup_take_table(r, t, a, order->label.schema < migrate_version(),
						NULL, NULL);
		if (err)
			return err;
	}
	return err == ENOENT ? 0 : err;
}

int backup_apply(struct rows *r, const struct backup_order *order, int64_t now_us,
		 struct field_errors *errs)
{
	const bool is_config = order->parts & 1u << BACKUP_CONFIGURATION;
	struct dump_tables *d = calloc(1, sizeof(*d));
	struct revision *old = NULL;
	struct archive_in *a = NULL;
	FILE *file = NULL;
	size_t nold = 0;
	int err = d ? 0 : ENOMEM;

	if (!err)
		dump_tables_fill(d, r->schema);
	if (!err)
		err = backup_open_archive(order, &file, &a);
	if (!err && is_config)
		err = read_revisions(r->db, &old, &nold);
	if (!err && is_config)
		err = clear_all(r, d);
	if (!err)
		err = take_entries(r, order, d, a);
	if (!err && is_config)
		err = has_system(r->db);
	if (!err && is_config)
		err = raise_revisions(r->db, old, nold);
	if (!err && is_config)
		err = judge(r);
	if (!err)
		err = drop_strangers(r, d);
	if (!err)
		err = backup_note(r->db, order, 0);
	archive_in_free(a);
	if (file)
		fclose(file);
	free(old);
	free(d);
	return err;
}
