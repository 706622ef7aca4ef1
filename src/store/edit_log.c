/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "store/edit.h"

int edit_next_id(struct edit *e, uint64_t tenant_id, uint64_t *idp)
{
	return db_number(e->rows->db,
			 "UPDATE tenant_revision SET next_id = next_id + 1 WHERE tenant_id = $1 "
			 "RETURNING next_id - 1",
			 tenant_id, idp);
}

int edit_next_revision(struct edit *e, uint64_t tenant_id, uint64_t *revisionp)
{
	return db_number(e->rows->db,
			 "UPDATE tenant_revision SET revision = revision + 1 WHERE tenant_id = $1 "
			 "RETURNING revision",
			 tenant_id, revisionp);
}

/* JSON as text in out; where there is no object the text is empty. */
static int text_of(json_t *json, bool is_wanted, struct buf *out)
{
	char *text;

	if (!is_wanted)
		return 0;
	if (!json)
		return ENOMEM;
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text)
		return ENOMEM;
	buf_cstr(out, text);
	free(text);
	return out->err;
}

static int write_row(struct edit *e, const struct object *o, uint64_t revision,
		     const struct str text[4])
{
	const struct store_actor *actor = &e->req->actor;
	struct db_stmt *st;
	int err;

	err = db_sql(
		e->rows->db,
		"INSERT INTO change (tenant_id, revision, resource, id, before, after, changes, "
		"actor_tenant_id, actor_id, actor, source, at, secrets) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, revision);
	db_bind_text(st, 3, str_of(o->res->name));
	db_bind_id(st, 4, o->id);
	for (unsigned i = 0; i < 3; i++)
		db_bind_text(st, 5 + i, text[i]);
	db_bind_id(st, 8, actor->tenant_id);
	db_bind_id(st, 9, actor->user_id);
	db_bind_text(st, 10, (struct str){actor->name, strnlen(actor->name, sizeof(actor->name))});
	db_bind_text(st, 11, (struct str){actor->from, strnlen(actor->from, sizeof(actor->from))});
	db_bind_int(st, 12, e->now_us);
	db_bind_text(st, 13, text[3]);
	return db_run(st);
}

int edit_announce(struct edit *e, const struct object *before, uint64_t revision,
		  struct object **afterp)
{
	const struct object *o = afterp && *afterp ? *afterp : before;

	if (e->nchanges == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 4;
		struct store_change *v = realloc(e->changes, cap * sizeof(*v));

		if (!v)
			return ENOMEM;
		e->changes = v;
		e->cap = cap;
	}
	e->changes[e->nchanges++] = (struct store_change){
		.tenant_id = o->tenant_id,
		.revision = revision,
		.res = o->res,
		.id = o->id,
		.after = afterp ? *afterp : NULL,
	};
	if (afterp)
		*afterp = NULL;
	return 0;
}

/* Secrets that were there before and are not the same any more: sealed. */
static int lost_secrets(struct edit *e, const struct object *before, const struct object *after,
			struct buf *out)
{
	json_t *lost = NULL;
	char *text = NULL;
	int err = 0;

	for (size_t i = 0; before && i < before->res->nfields; i++) {
		const struct field *f = &before->res->fields[i];

		if ((f->kind != FIELD_SECRET && f->kind != FIELD_PASSWORD) ||
		    (f->flags & CREATE_ONLY) || !*field_text(before, f) ||
		    (after && field_equal(before, after, f)))
			continue;
		if (!lost)
			lost = json_object();
		if (json_object_set_new(lost, f->name, json_string(field_text(before, f))))
			err = ENOMEM;
	}
	if (!lost)
		return err;
	text = json_dumps(lost, JSON_COMPACT);
	json_decref(lost);
	if (!err)
		err = text ? seal_text(e->rows->seal, str_of(text), out) : ENOMEM;
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return err ? err : out->err;
}

int edit_log(struct edit *e, const struct object *before, struct object **afterp)
{
	const struct object *after = afterp ? *afterp : NULL;
	const struct object *o = after ? after : before;
	struct buf text[4] = {0};
	uint64_t revision = after ? after->revision : 0;
	struct str views[4];
	int err = 0;

	if (!after) /* a new or changed object has taken its revision before its row was written */
		err = edit_next_revision(e, o->tenant_id, &revision);
	if (!err)
		err = text_of(before ? object_to_json(before) : NULL, before, &text[0]);
	if (!err)
		err = text_of(after ? object_to_json(after) : NULL, after, &text[1]);
	if (!err)
		err = text_of(object_diff(before, after), true, &text[2]);
	if (!err)
		err = lost_secrets(e, before, after, &text[3]);
	for (size_t i = 0; i < 4; i++)
		views[i] = buf_view(&text[i]);
	if (!err)
		err = write_row(e, o, revision, views);
	for (size_t i = 0; i < 4; i++)
		buf_free(&text[i]);
	return err ? err : edit_announce(e, before, revision, afterp);
}

/* Before and after are alike, up to the revision: nothing to be undone. */
int edit_log_shown(struct edit *e, struct object **op, const char *field)
{
	struct buf text[2] = {0};
	struct str views[4];
	uint64_t revision;
	int err = edit_next_revision(e, (*op)->tenant_id, &revision);

	if (!err)
		err = text_of(object_to_json(*op), true, &text[0]);
	if (!err)
		err = text_of(json_pack("{s:s}", field, "shown"), true, &text[1]);
	views[0] = views[1] = buf_view(&text[0]);
	views[2] = buf_view(&text[1]);
	views[3] = STR("");
	if (!err)
		err = write_row(e, *op, revision, views);
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		buf_free(&text[i]);
	return err ? err : edit_announce(e, NULL, revision, op);
}

int edit_is_committed(struct rows *r, const struct store_change *c, int64_t now_us, bool *yes)
{
	struct db_stmt *st;
	int err;

	err = db_sql(
		r->db,
		"SELECT 1 FROM change WHERE tenant_id = $1 AND revision = $2 AND resource = $3 "
		"AND id = $4 AND at = $5",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, c->tenant_id);
	db_bind_id(st, 2, c->revision);
	db_bind_text(st, 3, str_of(c->res->name));
	db_bind_id(st, 4, c->id);
	db_bind_int(st, 5, now_us);
	err = db_step(st);
	db_done(st);
	*yes = !err;
	return err == ENOENT ? 0 : err;
}
