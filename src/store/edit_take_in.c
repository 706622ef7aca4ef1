/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tenant out of an archive.  It keeps its id where that is free, as ids of tenants are random, and all ids within it; else it gets
 * a new one, and every row with it.  What it claims in the whole system (its domain, mail addresses, names of accounts) must be
 * free: each that is not is named, and nothing is done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/backup_impl.h"
#include "store/edit.h"
#include "store/migrate.h"

struct taking {
	struct edit *e;
	const struct backup_order *order;
	const struct dump_tables *tables;
	uint64_t id;	   /* here */
	uint64_t revision; /* of the tenant, as archived */
	size_t nobjects;
	bool is_made; /* the tenant itself */
};

static int is_free(struct rows *r, uint64_t id, bool *yes)
{
	struct db_stmt *st;
	int err = db_sql(r->db, "SELECT 1 FROM tenant_revision WHERE tenant_id = $1", &st);

	if (err)
		return err;
	db_bind_id(st, 1, id);
	err = db_step(st);
	db_done(st);
	*yes = err == ENOENT;
	return err == ENOENT ? 0 : err;
}

static int choose_id(struct taking *t)
{
	bool yes = false;
	int err;

	t->id = t->order->label.tenant_id;
	err = is_free(t->e->rows, t->id, &yes);
	if (!err && !yes)
		t->id = (rng_u64(rng_system()) >> 1) | 1;
	return err;
}

static int set_name(struct object *o, const char *name, const char *text)
{
	if (!text || !*text)
		return 0;
	return object_set_text(o, resource_field(&resource_tenant, str_of(name)), str_of(text));
}

/* The tenant's own row is made like any other, with all its rules. */
static int make_tenant(struct taking *t, const struct sql_value *v)
{
	struct object *o = NULL;
	int err = sql_decode(sql_table(t->e->rows->schema, &resource_tenant), &o, v);

	if (err)
		return EBADMSG;
	o->id = t->id;
	o->tenant_id = 0;
	((struct tenant *)o)->dealer_id = 0; /* that of another machine */
	err = set_name(o, "name", t->order->name);
	if (!err)
		err = set_name(o, "domain", t->order->domain);
	if (!err)
		err = edit_create(t->e, &o);
	object_free(o);
	t->is_made = !err;
	return err ? err : ENOENT; /* the row is there */
}

static int take_row(const struct dump_table *dt, struct sql_value *v, void *arg)
{
	struct taking *t = arg;

	if (dt->t->res == &resource_tenant && !dt->t->parent)
		return t->is_made ? EBADMSG : make_tenant(t, v);
	if (!dt->is_of_tenant || (uint64_t)v[0].i != t->order->label.tenant_id)
		return EBADMSG;
	v[0].i = (int64_t)t->id; /* the first column of every table */
	if (dt->t == &t->tables->revision)
		t->revision = (uint64_t)v[1].i;
	return 0;
}

static int take_entries(struct taking *t, struct archive_in *a)
{
	char name[ARCHIVE_NAME_BYTES + 1];
	enum archive_kind kind;
	int err;

	while (!(err = archive_next(a, &kind, name))) {
		const struct dump_table *dt =
			kind == ARCHIVE_TABLE ? dump_table(t->tables, name) : NULL;

		if (dt && (t->order->parts & 1u << dt->part))
			err = backup_take_table(t->e->rows, dt, a,
						t->order->label.schema < migrate_version(),
						take_row, t);
		if (err)
			return err;
	}
	return err == ENOENT ? 0 : err;
}

/* "system_name" → "accounts.system_name of account 101". */
static void name_conflicts(struct edit *e, size_t from, const struct object *o)
{
	char label[96];

	edit_label(label, sizeof(label), o);
	for (size_t i = from; i < e->errs.n; i++) {
		struct field_error *f = &e->errs.v[i];
		char field[sizeof(f->field)], message[sizeof(f->message)];

		(void)snprintf(field, sizeof(field), "%.24s.%.36s", o->res->plural, f->field);
		(void)snprintf(message, sizeof(message), "%.60s: %.120s", label, f->message);
		memcpy(f->field, field, sizeof(field));
		memcpy(f->message, message, sizeof(message));
	}
}

static int judge(struct object **op, void *arg)
{
	struct taking *t = arg;
	struct edit *e = t->e;
	struct object *o = *op;
	const size_t before = e->errs.n;
	int err = edit_check_refs(e, o);

	if (!err)
		err = edit_check_rules(e, o, NULL);
	if (!err)
		err = edit_check_unique(e, o);
	if (err && e->errs.n > before) {
		name_conflicts(e, before, o);
		return e->errs.n < ARRAY_LEN(e->errs.v) ? 0 : EEXIST;
	}
	if (!err && !e->errs.n)
		err = rows_claim(e->rows, o);
	if (!err) {
		t->nobjects++;
		err = edit_announce(e, NULL, t->revision, op);
	}
	if (!err)
		e->changes[e->nchanges - 1].kind = STORE_LOADED;
	return err;
}

static int judge_all(struct taking *t)
{
	int err = 0;

	for (size_t i = 0; !err && resources[i]; i++)
		if (!scope_is_system(resources[i]->scope))
			err = rows_each_of(t->e->rows, resources[i], t->id, judge, t);
	return err ? err : t->e->errs.n ? EEXIST : 0;
}

static int answer(struct taking *t)
{
	return store_reply_json(&t->e->reply,
				json_pack("{s:o,s:I}", "tenant_id", json_sprintf("%" PRIu64, t->id),
					  "objects", (json_int_t)t->nobjects));
}

int edit_take_in(struct edit *e)
{
	struct dump_tables *d = calloc(1, sizeof(*d));
	struct taking t = {.e = e, .order = e->req->backup, .tables = d};
	struct archive_in *a = NULL;
	FILE *file = NULL;
	int err = d ? 0 : ENOMEM;

	if (!err)
		dump_tables_fill(d, e->rows->schema);
	if (!err)
		err = backup_open_archive(t.order, &file, &a);
	if (!err)
		err = choose_id(&t);
	if (!err)
		err = take_entries(&t, a);
	if (!err && !t.is_made)
		err = EBADMSG;
	if (!err)
		err = judge_all(&t);
	if (!err)
		err = backup_note(e->rows->db, t.order, t.id);
	if (!err)
		err = answer(&t);
	e->reply.id = t.id;
	archive_in_free(a);
	if (file)
		fclose(file);
	free(d);
	return err;
}
