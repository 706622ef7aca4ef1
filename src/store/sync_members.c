/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has changed of the members that an extension sees.
 *
 * It sees them by groups, and which these are changes too: the log is gone through backwards from what there is now.  If there is one now
 * that it did not see by all the time, all whom it sees are told again; who is seen by none that there was is gone.
 */
#include <inttypes.h>
#include "store/query.h"
#include "store/sync.h"

enum { MEMBERS_PAGE = 500 };

/* x is seen by $2, or that is nobody in particular. */
#define IS_SEEN                                                                                    \
	"(CAST($2 AS BIGINT) = 0 OR ((x.in_phone_book = 1 OR x.id = $2) AND EXISTS (SELECT 1 "     \
	"FROM "                                                                                    \
	"extension_member_of mine JOIN extension_groups g ON g.tenant_id = mine.tenant_id AND "    \
	"g.id = mine.group_id AND g.may_see_members = 1 JOIN extension_member_of theirs ON "       \
	"theirs.tenant_id = mine.tenant_id AND theirs.group_id = mine.group_id WHERE "             \
	"mine.tenant_id = $1 AND mine.parent_id = $2 AND theirs.parent_id = x.id)))"

struct view {
	json_t *mine,
		*open; /* its groups; those whose members are seen: at the moment that is looked at */
	json_t *now, *ever, *always;
};

static int read_set(struct rows *r, const char *sql, uint64_t tenant_id, const uint64_t *id,
		    json_t *set)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	if (id)
		db_bind_id(st, 2, *id);
	while (!(err = db_step(st)))
		if ((err = sync_add_id(set, db_id(st, 0))) != 0)
			break;
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- which groups ---- */

static void note(struct view *v)
{
	const char *id;
	json_t *yes;
	void *tmp;

	json_object_foreach(v->mine, id, yes) if (json_object_get(v->open, id))
		json_object_set(v->ever, id, yes);
	json_object_foreach_safe(v->always, tmp, id, yes) if (!json_object_get(v->mine, id) ||
							      !json_object_get(v->open, id))
		json_object_del(v->always, id);
}

static int set_mine(struct view *v, struct str before)
{
	json_t *groups = sync_groups_of(before, "member_of");

	if (!groups)
		return ENOMEM;
	json_decref(v->mine);
	v->mine = groups;
	return 0;
}

static int set_open(struct view *v, uint64_t id, struct str before)
{
	json_t *o = json_loadb(before.p ? before.p : "", before.n, 0, NULL);
	const bool is_open = json_is_true(json_object_get(o, "may_see_members"));
	char text[24];

	json_decref(o);
	if (is_open)
		return sync_add_id(v->open, id);
	(void)snprintf(text, sizeof(text), "%" PRIu64, id);
	json_object_del(v->open, text);
	return 0;
}

static int undo(struct str resource, uint64_t id, struct str before, void *arg)
{
	struct view *v = arg;
	int err =
		str_eq(resource, STR("extension")) ? set_mine(v, before) : set_open(v, id, before);

	if (!err)
		note(v);
	return err;
}

static int open_view(struct view *v, struct rows *r, uint64_t tenant_id, uint64_t extension_id,
		     uint64_t since, uint64_t now)
{
	int err;

	*v = (struct view){json_object(), json_object(), NULL, json_object(), NULL};
	err = v->mine && v->open && v->ever ? 0 : ENOMEM;
	if (!err)
		err = read_set(r,
			       "SELECT group_id FROM extension_member_of WHERE tenant_id = $1 AND "
			       "parent_id = $2",
			       tenant_id, &extension_id, v->mine);
	if (!err)
		err = read_set(r,
			       "SELECT id FROM extension_groups WHERE tenant_id = $1 AND "
			       "may_see_members = 1",
			       tenant_id, NULL, v->open);
	if (err)
		return err;
	note(v);
	v->now = json_deep_copy(v->ever);
	v->always = json_deep_copy(v->ever);
	if (!v->now || !v->always)
		return ENOMEM;
	return sync_go_back(r, tenant_id, extension_id, STR("extension_group"), since, now, undo,
			    v);
}

static void close_view(struct view *v)
{
	json_decref(v->mine);
	json_decref(v->open);
	json_decref(v->now);
	json_decref(v->ever);
	json_decref(v->always);
}

/* ---- who is there ---- */

static int read_members(struct rows *r, uint64_t tenant_id, uint64_t extension_id,
			const struct sync_token *t, json_t *items, struct sync_page *p)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT x.id, x.number, x.first_name, x.last_name, x.email, x.mobile, "
			 "x.organization, x.department, x.status, x.revision FROM extensions x "
			 "WHERE x.tenant_id = $1 AND (x.revision, x.id) > ($3, $4) AND " IS_SEEN
			 " ORDER BY x.revision, x.id LIMIT $5",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	db_bind_id(st, 3, t->revision);
	db_bind_id(st, 4, t->id);
	db_bind_int(st, 5, MEMBERS_PAGE + 1);
	while (!(err = db_step(st))) {
		p->has_more = json_array_size(items) == MEMBERS_PAGE;
		if (p->has_more)
			break;
		p->id = db_id(st, 0);
		p->revision = db_id(st, 9);
		if (json_array_append_new(items, query_member(st))) {
			err = ENOMEM;
			break;
		}
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- who is gone ---- */

/* By what the log says of it: in one of the groups, and shown. */
static bool was_seen(struct str before, uint64_t id, uint64_t extension_id, const struct view *v)
{
	json_t *o = json_loadb(before.p ? before.p : "", before.n, 0, NULL);
	bool yes = !extension_id;
	const json_t *line;
	size_t i;

	if (id == extension_id || json_is_true(json_object_get(o, "in_phone_book")))
		json_array_foreach(json_object_get(o, "member_of"), i, line)
		{
			const char *group = json_string_value(json_object_get(line, "group_id"));

			yes |= group && json_object_get(v->ever, group);
		}
	json_decref(o);
	return yes;
}

static int gone_by_log(struct rows *r, uint64_t tenant_id, uint64_t extension_id,
		       const struct view *v, const struct sync_token *t, uint64_t now, json_t *gone)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT c.id, c.before FROM change c WHERE c.tenant_id = $1 AND "
			 "c.revision > $3 AND c.revision <= $4 AND c.resource = 'extension' AND "
			 "c.before <> '' AND NOT EXISTS (SELECT 1 FROM extensions x WHERE "
			 "x.tenant_id = $1 AND x.id = c.id AND " IS_SEEN ") ORDER BY c.id",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	db_bind_id(st, 3, t->from);
	db_bind_id(st, 4, now);
	while (!(err = db_step(st)))
		if (was_seen(db_text(st, 1), db_id(st, 0), extension_id, v) &&
		    (err = sync_add_id(gone, db_id(st, 0))) != 0)
			break;
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int gone_with_group(struct rows *r, uint64_t tenant_id, uint64_t extension_id,
			   uint64_t group_id, json_t *gone)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT x.id FROM extension_member_of m JOIN extensions x ON x.tenant_id "
			 "= m.tenant_id AND x.id = m.parent_id WHERE m.tenant_id = $1 AND "
			 "m.group_id = $3 AND (x.in_phone_book = 1 OR x.id = $2) AND NOT " IS_SEEN
			 " ORDER BY x.id",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	db_bind_id(st, 3, group_id);
	while (!(err = db_step(st)))
		if ((err = sync_add_id(gone, db_id(st, 0))) != 0)
			break;
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int find_gone(struct rows *r, uint64_t tenant_id, uint64_t extension_id,
		     const struct view *v, const struct sync_token *t, uint64_t now, json_t *gone)
{
	int err = gone_by_log(r, tenant_id, extension_id, v, t, now, gone);
	const char *id;
	json_t *yes;
	uint64_t n;

	json_object_foreach(v->ever, id, yes) if (!err && !json_object_get(v->now, id) &&
						  !str_u64(str_of(id), &n)) err =
		gone_with_group(r, tenant_id, extension_id, n, gone);
	return err;
}

static bool is_seen_anew(const struct view *v)
{
	return json_object_size(v->now) > json_object_size(v->always);
}

static int answer(struct store_reply *reply, json_t *items, const json_t *gone,
		  const struct sync_token *t, const struct sync_page *p)
{
	json_t *ids = json_array();
	const char *id;
	json_t *yes;
	int err;

	json_object_foreach((json_t *)gone, id, yes) json_array_append_new(ids, json_string(id));
	err = ids ? sync_reply(reply, items, ids, t, p) : ENOMEM;
	json_decref(ids);
	return err;
}

int query_member_changes(struct rows *r, uint64_t tenant_id, const struct args *a,
			 struct store_reply *reply, struct field_errors *errs)
{
	const uint64_t extension_id = args_id(a, "extension_id");
	json_t *items = json_array(), *gone = json_object();
	struct sync_page p = {.has_more = false};
	struct view view = {NULL};
	struct sync_token t;
	uint64_t now = 0;
	int err = sync_read_token(args_text(a, "since"), &t, errs);

	if (!err)
		err = db_revision(r->db, tenant_id, &now);
	if (!err && t.from)
		err = open_view(&view, r, tenant_id, extension_id, t.from, now);
	if (!err && !t.begun) {
		t.begun = now;
		if (t.from && extension_id && is_seen_anew(&view))
			t.revision = t.id = 0;
	}
	if (!err)
		err = read_members(r, tenant_id, extension_id, &t, items, &p);
	if (!err && t.from && !p.has_more)
		err = find_gone(r, tenant_id, extension_id, &view, &t, now, gone);
	if (!err)
		err = answer(reply, items, gone, &t, &p);
	close_view(&view);
	json_decref(items);
	json_decref(gone);
	return err;
}
