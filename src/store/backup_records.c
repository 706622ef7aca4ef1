/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of a stage come to those of the database, page by page, each page a transaction: whoever else writes comes in between.
 */
#include <stdlib.h>
#include "store/backup_impl.h"

struct adding {
	struct rows *live;
	backup_look_h *look;
	void *arg;
	uint64_t tenant_id; /* asked for last */
	bool is_there, is_begun;
};

static int find_tenant(struct adding *a, uint64_t tenant_id)
{
	uint64_t revision;
	int err;

	if (tenant_id == a->tenant_id)
		return 0;
	err = db_revision(a->live->db, tenant_id, &revision);
	if (err && err != ENOENT)
		return err;
	a->is_there = !err;
	a->tenant_id = tenant_id;
	return 0;
}

static int add_row(const struct sql_table *t, const struct sql_value *v, void *arg)
{
	struct adding *a = arg;
	int err = a->is_begun ? 0 : db_begin(a->live->db, true);

	a->is_begun = a->is_begun || !err;
	if (!err)
		err = find_tenant(a, (uint64_t)v[0].i);
	return err || !a->is_there ? err : dump_put(a->live, t, v, true);
}

static int end_page(void *arg)
{
	struct adding *a = arg;
	int err = a->is_begun ? db_commit(a->live->db) : 0;

	a->is_begun = false;
	return err ? err : a->look(a->arg);
}

/* Records of tenants that are not there any more, or never were. */
static int drop_strangers(struct db *db, const struct sql_table *t)
{
	struct buf sql = {0};
	struct db_stmt *st;
	int err;

	buf_printf(&sql,
		   "DELETE FROM \"%s\" WHERE tenant_id <> 0 AND tenant_id NOT IN "
		   "(SELECT id FROM tenants)",
		   t->name);
	err = sql.err ? sql.err : db_sql(db, sql.p, &st);
	buf_free(&sql);
	return err ? err : db_run(st);
}

static int add_table(struct adding *a, struct rows *stage, const struct dump_table *t)
{
	int err;

	a->tenant_id = UINT64_MAX;
	err = dump_rows(stage, t, 0, add_row, end_page, a);
	if (a->is_begun)
		db_rollback(a->live->db);
	a->is_begun = false;
	return err ? err : drop_strangers(a->live->db, t->t);
}

int backup_put_records(struct rows *live, struct rows *stage, backup_look_h *look, void *arg)
{
	struct adding a = {.live = live, .look = look, .arg = arg};
	struct dump_tables *d = calloc(1, sizeof(*d));
	int err = d ? 0 : ENOMEM;

	if (!err)
		dump_tables_fill(d, live->schema);
	for (size_t i = 0; !err && i < d->n; i++)
		if (d->v[i].part == BACKUP_CDRS)
			err = add_table(&a, stage, &d->v[i]);
	free(d);
	return err;
}
