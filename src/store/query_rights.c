/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-7: the groups that an extension is in, and the rights that it has by them (GRP-1: those of all together). */
#include "store/query.h"

struct rights {
	json_t *groups;
	bool may_see_members, may_page, may_call_out, may_use_console;
};

static int add_group(struct rights *r, const struct db_stmt *st)
{
	json_t *g = json_pack("{s:o,s:o,s:o,s:b}", "id", query_id(db_id(st, 0)), "name",
			      query_text(db_text(st, 1)), "role", query_text(db_text(st, 2)),
			      "may_monitor", db_int(st, 3) && db_int(st, 4));

	r->may_see_members |= db_int(st, 5) != 0;
	r->may_page |= db_int(st, 6) != 0;
	r->may_call_out |= db_int(st, 7) != 0;
	r->may_use_console |= db_int(st, 8) != 0;
	return g && !json_array_append_new(r->groups, g) ? 0 : ENOMEM;
}

static int read_groups(struct rows *rows, uint64_t tenant_id, uint64_t id, struct rights *r)
{
	struct db_stmt *st;
	int err = db_sql(rows->db,
			 "SELECT g.id, g.name, m.role, m.may_monitor, g.allow_monitor, "
			 "g.may_see_members, g.may_page, g.may_call_out, g.may_use_console "
			 "FROM extension_member_of m JOIN extension_groups g "
			 "ON g.tenant_id = m.tenant_id AND g.id = m.group_id "
			 "WHERE m.tenant_id = $1 AND m.parent_id = $2 ORDER BY g.id",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	while (!(err = db_step(st)))
		if (add_group(r, st)) {
			err = ENOMEM;
			break;
		}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int query_extension_rights(struct rows *rows, uint64_t tenant_id, const struct args *a,
			   struct store_reply *reply, struct field_errors *errs)
{
	struct rights r = {.groups = json_array()};
	uint64_t id = args_id(a, "id");
	int err = 0;

	(void)errs;
	if (!rows_exists(rows, &resource_extension, tenant_id, id, &err) && !err)
		err = ENOENT;
	if (!err)
		err = read_groups(rows, tenant_id, id, &r);
	if (!err && !json_array_size(r.groups)) /* older than groups are: as in a new one */
		r.may_see_members = r.may_call_out = r.may_use_console = true;
	if (err) {
		json_decref(r.groups);
		return err;
	}
	return store_reply_json(reply, json_pack("{s:o,s:b,s:b,s:b,s:b}", "groups", r.groups,
						 "may_see_members", r.may_see_members, "may_page",
						 r.may_page, "may_call_out", r.may_call_out,
						 "may_use_console", r.may_use_console));
}
