/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Extension groups (GRP-1): each tenant has one that takes extensions which name none.  It stays as it is, and no extension is
 * ever without a group.
 */
#include "store/edit.h"

/* The same id in every tenant, beyond those that count up; it comes with the tenant, and so has no change of its own. */
static const uint64_t default_id = 1000000000000;

int edit_make_default_group(struct edit *e, uint64_t tenant_id)
{
	struct object *o = object_alloc(&resource_extension_group);
	int err = o ? 0 : ENOMEM;

	if (!err)
		err = object_set_text(o, resource_field(o->res, STR("name")), STR("DEFAULT"));
	if (!err) {
		o->tenant_id = tenant_id;
		o->id = default_id;
		((struct extension_group *)o)->is_default = true;
		err = rows_insert(e->rows, o);
	}
	if (!err)
		err = edit_announce(e, NULL, 0, &o);
	object_free(o);
	return err;
}

/* 0: the tenant is older than groups are. */
static int default_group(struct edit *e, uint64_t tenant_id, uint64_t *idp)
{
	int err;

	*idp = 0;
	err = db_number(e->rows->db,
			"SELECT id FROM extension_groups WHERE tenant_id = $1 AND is_default = 1",
			tenant_id, idp);
	return err == ENOENT ? 0 : err;
}

int edit_check_groups(struct edit *e, struct object *o, const struct object *before)
{
	const struct field *f = resource_field(o->res, STR("member_of"));
	struct object *line;
	uint64_t id;
	int err;

	if (field_list(o, f)->n)
		return 0;
	if (before && field_list(before, f)->n) {
		field_error_add(&e->errs, "member_of", "required",
				"an extension is in at least one group");
		return 0;
	}
	err = default_group(e, o->tenant_id, &id);
	if (err || !id)
		return err;
	line = object_alloc(f->child);
	if (!line)
		return ENOMEM;
	((struct extension_group_member *)line)->group_id = id;
	err = object_list_add(o, f, &line);
	object_free(line);
	return err;
}

int edit_check_extension_group(struct edit *e, struct object *o, const struct object *before)
{
	if (before && ((const struct extension_group *)before)->is_default)
		field_error_add(&e->errs, "is_default", "read_only",
				"the default group stays as it is: make another");
	return 0;
}

int edit_deleting_extension_group(struct edit *e, const struct object *o)
{
	if (!((const struct extension_group *)o)->is_default)
		return 0;
	field_error_add(&e->errs, "is_default", "read_only", "the default group cannot be deleted");
	return EINVAL;
}
