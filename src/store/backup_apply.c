/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An archive of the system takes the place of what the database holds: its rows are put into a stage (store/stage.h), where everything
 * must decode, refer to what is there and claim what nobody else claims; then the stage's configuration is switched in.  Records are
 * added from there (backup_records.c), and none is taken away.
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

/* ---- into the stage ---- */

struct filling {
	const struct backup_order *order;
	backup_look_h *look;
	void *arg;
};

static int look_at_row(const struct dump_table *t, struct sql_value *v, void *arg)
{
	const struct filling *f = arg;

	return f->look(f->arg);
}

static int take_entries(struct rows *r, struct filling *f, const struct dump_tables *d,
			struct archive_in *a)
{
	const bool is_older = f->order->label.schema < migrate_version();
	char name[ARCHIVE_NAME_BYTES + 1];
	enum archive_kind kind;
	int err;

	while (!(err = archive_next(a, &kind, name))) {
		const struct dump_table *t = kind == ARCHIVE_TABLE ? dump_table(d, name) : NULL;

		if (t && (f->order->parts & 1u << t->part))
			err = backup_take_table(r, t, a, is_older, look_at_row, f);
		if (err)
			return err;
	}
	return err == ENOENT ? 0 : err;
}

static int fill(struct rows *stage, struct filling *f, struct archive_in *a)
{
	struct dump_tables *d = calloc(1, sizeof(*d));
	int err = d ? db_begin(stage->db, true) : ENOMEM;

	if (!err) {
		dump_tables_fill(d, stage->schema);
		err = take_entries(stage, f, d, a);
	}
	if (!err && (f->order->parts & 1u << BACKUP_CONFIGURATION)) {
		err = has_system(stage->db);
		if (!err)
			err = judge(stage);
	}
	if (err)
		db_rollback(stage->db);
	else
		err = db_commit(stage->db);
	free(d);
	return err;
}

int backup_fill(struct rows *stage, const struct backup_order *order, backup_look_h *look,
		void *arg)
{
	struct filling f = {.order = order, .look = look, .arg = arg};
	struct archive_in *a = NULL;
	FILE *file = NULL;
	int err = backup_open_archive(order, &file, &a);

	if (!err)
		err = fill(stage, &f, a);
	if (!err)
		err = stage_settle(stage->db);
	archive_in_free(a);
	if (file)
		fclose(file);
	return err;
}

/* ---- the switch ---- */

/* Revisions never go back: an ETag that was given must not fit something else. */
static const char keep_revisions[] =
	"CREATE TEMP TABLE revision_before (tenant_id BIGINT PRIMARY KEY, revision BIGINT, "
	"next_id BIGINT);"
	"INSERT INTO revision_before SELECT tenant_id, revision, next_id FROM tenant_revision";
static const char raise_revisions[] =
	"UPDATE tenant_revision SET "
	"revision = 1 + coalesce((SELECT b.revision FROM revision_before b WHERE b.tenant_id = "
	"tenant_revision.tenant_id AND b.revision > tenant_revision.revision), revision), "
	"next_id = coalesce((SELECT b.next_id FROM revision_before b WHERE b.tenant_id = "
	"tenant_revision.tenant_id AND b.next_id > tenant_revision.next_id), next_id);"
	"DROP TABLE revision_before";

static int take_tables(struct rows *r, const struct stage *g, const struct dump_tables *d)
{
	/* Made from rows that have come, or of no use with them. */
	static const char *const others[] = {"number",	     "directory",   "session",
					     "user_sign_in", "idempotency", "outbox"};
	int err = 0;

	for (size_t i = 0; !err && i < d->n; i++)
		if (d->v[i].part == BACKUP_CONFIGURATION)
			err = stage_take(g, r->db, d->v[i].t->name);
	for (size_t i = 0; !err && i < ARRAY_LEN(others); i++)
		err = stage_take(g, r->db, others[i]);
	return err;
}

int backup_apply(struct rows *r, const struct backup_order *order)
{
	struct dump_tables *d = calloc(1, sizeof(*d));
	int err = d ? 0 : ENOMEM;

	if (!err && (order->parts & 1u << BACKUP_CONFIGURATION)) {
		dump_tables_fill(d, r->schema);
		err = db_exec(r->db, keep_revisions);
		if (!err)
			err = take_tables(r, &order->stage, d);
		if (!err)
			err = db_exec(r->db, raise_revisions);
	}
	free(d);
	return err ? err : backup_note(r->db, order, 0);
}
