/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time travel (FST-4): one change undone, or a tenant's configuration as it was at a moment.
 *
 * The log is walked backwards, newest change first, each one turned round: so every state in between is one that there has been,
 * and all rules hold in it.  What comes along with a change in everyday work (an extension's accounts) is in the log by itself, so
 * no hooks run here.  Secrets are not in the log's JSON; those that a change made disappear are beside it, sealed.
 *
 * Each step is a change like any other, with its own line in the log: an undo can be undone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "store/args.h"
#include "store/edit.h"
#include "store/past.h"

enum { MAX_CHANGES = 20000 };

struct past { /* one line of the log */
	uint64_t revision, id;
	const struct resource *res;
	json_t *before, *after; /* NULL: it was not there */
	json_t *changes, *secrets;
};

static void past_free(struct past *p)
{
	json_decref(p->before);
	json_decref(p->after);
	json_decref(p->changes);
	json_decref(p->secrets);
}

static json_t *read_json(struct str s)
{
	return s.n ? json_loadb(s.p, s.n, 0, NULL) : NULL;
}

static int read_secrets(struct edit *e, struct str sealed, json_t **out)
{
	struct buf clear = {0};
	int err = 0;

	*out = NULL;
	if (!sealed.n)
		return 0;
	err = unseal_text(e->rows->seal, sealed, &clear);
	if (!err)
		*out = read_json(buf_view(&clear));
	if (clear.p)
		explicit_bzero(clear.p, clear.n);
	buf_free(&clear);
	return err ? err : *out ? 0 : EIO;
}

/* Fields of what was that are named in `only` (NULL: all) into a clone of base. */
static int remake(struct edit *e, const struct past *p, const struct object *base,
		  const json_t *only, struct object **op)
{
	const struct past_shown shown = {
		.res = p->res, .shown = p->before, .only = only, .secrets = p->secrets};

	return past_object(&shown, base, op, &e->errs);
}

/* ---- one line turned round ---- */

static void changed_since(struct edit *e, const struct past *p, const char *field)
{
	field_error_add(&e->errs, field, "changed_since",
			"%s %" PRIu64 " is no longer as this change left it", p->res->name, p->id);
}

/* Is each field that the change touched still what it made of it? */
static int check_fields(struct edit *e, const struct past *p, const struct object *now)
{
	json_t *shown = object_to_json(now), *v;
	const char *name;
	int err = shown ? 0 : ENOMEM;

	json_object_foreach(p->changes, name, v)
	{
		if (!err && json_is_array(v) &&
		    !json_equal(json_object_get(shown, name), json_object_get(p->after, name)))
			changed_since(e, p, name);
	}
	json_decref(shown);
	return err ? err : e->errs.n ? EEXIST : 0;
}

static void not_yours(struct edit *e, const struct past *p)
{
	field_error_add(&e->errs, "resource", "not_yours", "%s cannot be undone here",
			p->res->plural);
}

/* TRK-4: of trunks and pools a tenant touches its own, as they are and as they would be. */
static int check_owner(struct edit *e, const struct past *p, const struct object *o)
{
	int err = edit_check_owner(e, o);

	if (err != EPERM)
		return err;
	not_yours(e, p);
	return EINVAL;
}

static int undo_update(struct edit *e, const struct past *p, struct object *now)
{
	struct object *o = NULL;
	int err = check_owner(e, p, now);

	if (!err)
		err = check_fields(e, p, now);
	if (!err)
		err = remake(e, p, now, p->changes, &o);
	if (!err)
		err = check_owner(e, p, o);
	if (!err)
		err = edit_take_template(e, o);
	if (!err)
		err = edit_update(e, now, &o);
	object_free(o);
	return err;
}

static int undo_delete(struct edit *e, const struct past *p)
{
	struct object *o = NULL;
	int err = remake(e, p, NULL, NULL, &o);

	if (!err) {
		o->tenant_id = e->req->tenant_id;
		o->id = p->id;
		err = check_owner(e, p, o);
	}
	if (!err)
		err = edit_take_template(e, o);
	if (!err)
		err = edit_create(e, &o);
	object_free(o);
	return err;
}

/* A secret was shown (edit_log_shown): a line, but no change. */
static bool is_no_change(const struct past *p)
{
	return p->before && p->after && json_equal(p->before, p->after);
}

static bool may_touch(struct edit *e, const struct past *p)
{
	struct args a;
	json_t *one;
	size_t i;
	bool yes = true;

	if (args_open(&a, e->req, &e->errs))
		return false;
	json_array_foreach(json_object_get(a.json, "refuse"), i, one)
	{
		if (strcmp(json_string_value(one), p->res->plural) == 0)
			yes = false;
	}
	args_close(&a);
	if (p->res == &resource_tenant && (!p->before || !p->after))
		yes = false; /* all that it had is gone with it */
	if (!yes)
		not_yours(e, p);
	return yes;
}

static int turn_round(struct edit *e, const struct past *p)
{
	struct object *now = NULL;
	int err;

	if (is_no_change(p))
		return 0;
	if (!may_touch(e, p))
		return EINVAL;
	err = rows_load(e->rows, p->res, e->req->tenant_id, p->id, true, &now);
	if (err && err != ENOENT)
		return err;
	err = 0;
	if (!now != !p->after) {
		changed_since(e, p, "id");
		err = EEXIST;
	} else if (!p->after) {
		err = undo_delete(e, p);
	} else if (!p->before) {
		err = check_owner(e, p, now);
		if (!err)
			err = edit_delete(e, now);
	} else {
		err = undo_update(e, p, now);
	}
	object_free(now);
	return err;
}

/* ---- lines of the log ---- */

static int read_line(struct edit *e, struct db_stmt *st, struct past *p)
{
	*p = (struct past){.revision = db_id(st, 0),
			   .res = resource_by_name(db_text(st, 1)),
			   .id = db_id(st, 2),
			   .before = read_json(db_text(st, 3)),
			   .after = read_json(db_text(st, 4)),
			   .changes = read_json(db_text(st, 5))};
	if (!p->res) {
		field_error_add(&e->errs, "resource", "not_found",
				"there is no such resource any more");
		return EINVAL;
	}
	return read_secrets(e, db_text(st, 6), &p->secrets);
}

/* The newest one that is not after `revision` and not before `since`: ENOENT none. */
static int find_line(struct edit *e, uint64_t revision, int64_t since_us, struct past *p)
{
	struct db_stmt *st;
	int err =
		db_sql(e->rows->db,
		       "SELECT revision, resource, id, before, after, changes, secrets FROM change "
		       "WHERE tenant_id = $1 AND revision <= $2 AND at > $3 "
		       "ORDER BY revision DESC LIMIT 1",
		       &st);

	if (err)
		return err;
	db_bind_id(st, 1, e->req->tenant_id);
	db_bind_id(st, 2, revision);
	db_bind_int(st, 3, since_us);
	err = db_step(st);
	if (!err)
		err = read_line(e, st, p);
	db_done(st);
	return err;
}

static int answer(struct edit *e, size_t n)
{
	e->reply.revision = e->nchanges ? e->changes[e->nchanges - 1].revision : 0;
	return store_reply_json(&e->reply, json_pack("{s:I,s:I}", "changes", (json_int_t)n,
						     "revision", (json_int_t)e->reply.revision));
}

/* It changed nothing that could be taken back; if it is there. */
static int undo_activity(struct edit *e)
{
	bool was_refused = false;
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT status FROM activities WHERE tenant_id = $1 AND id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, e->req->tenant_id);
	db_bind_id(st, 2, e->req->id);
	err = db_step(st);
	if (!err)
		was_refused = db_int(st, 0) >= 400;
	db_done(st);
	if (err)
		return err;
	field_error_add(&e->errs, "id", was_refused ? "refused" : "no_change", "%s",
			was_refused ? "it was refused: nothing was changed there"
				    : "it changed no configuration");
	return EINVAL;
}

int edit_undo(struct edit *e)
{
	struct past p = {0};
	int err;

	if (e->req->id >= RECORD_ACTIVITY_IDS)
		return undo_activity(e);
	err = find_line(e, e->req->id, -1, &p);
	if (!err && p.revision != e->req->id)
		err = ENOENT;
	if (!err && is_no_change(&p)) {
		field_error_add(&e->errs, "id", "no_change", "nothing was changed there");
		err = EINVAL;
	}
	if (!err)
		err = turn_round(e, &p);
	past_free(&p);
	return err ? err : answer(e, 1);
}

int edit_restore(struct edit *e)
{
	uint64_t revision = INT64_MAX;
	struct args a;
	int64_t at_us;
	size_t n = 0;
	int err = args_open(&a, e->req, &e->errs);

	if (err)
		return err;
	at_us = args_int(&a, "at", 0);
	args_close(&a);
	/* The steps taken here get revisions above all that are walked. */
	while (!err) {
		struct past p = {0};

		err = find_line(e, revision, at_us, &p);
		if (!err && n++ == MAX_CHANGES) {
			field_error_add(&e->errs, "at", "too_many", "more than %d changes since",
					MAX_CHANGES);
			err = EINVAL;
		}
		if (!err) {
			err = turn_round(e, &p);
			revision = p.revision - 1;
		}
		past_free(&p);
	}
	return err == ENOENT ? answer(e, n) : err;
}
