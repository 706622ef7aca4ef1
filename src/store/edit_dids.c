/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A number of the tenant's pools that is chosen on an extension (EXT-4): the inbound rule that leads there, as if it had been posted,
 * with all that is checked of one.
 */
#include <stdio.h>
#include <stdlib.h>
#include "schema/did.h"
#include "schema/enums.h"
#include "store/edit.h"

/* The trunk of the first pool that has it; 0: none. */
static int find_trunk(struct edit *e, const struct extension *x, uint64_t *trunkp)
{
	struct did_list *l = malloc(sizeof(*l));
	uint64_t *ids = NULL;
	size_t n = 0;
	int err = l ? edit_ids_of(e,
				  "SELECT id FROM did_pools WHERE tenant_id = $1 AND id > $2 "
				  "ORDER BY id",
				  &x->o, 0, STR_NONE, &ids, &n)
		    : ENOMEM;

	*trunkp = 0;
	for (size_t i = 0; !err && i < n && !*trunkp; i++) {
		struct object *o = NULL;
		struct did_why why;

		err = rows_load(e->rows, &resource_did_pool, x->o.tenant_id, ids[i], false, &o);
		if (!err && did_pool_parse(l, str_of(((struct did_pool *)o)->numbers), &why))
			err = EIO;
		if (!err && did_list_has(l, did_plain(str_of(x->did))))
			*trunkp = ((struct did_pool *)o)->trunk_id;
		object_free(o);
	}
	free(ids);
	free(l);
	return err;
}

/* What is wrong with the rule is said of the field that asked for it. */
static void errors_about_did(struct field_errors *errs, size_t from)
{
	for (size_t i = from; i < errs->n; i++)
		record_set_text(errs->v[i].field, sizeof(errs->v[i].field), STR("did"));
}

static int make_rule(struct edit *e, const struct extension *x, uint64_t trunk_id)
{
	struct object *o = object_alloc(&resource_inbound_rule);
	struct inbound_rule *r = (struct inbound_rule *)o;
	char name[65];
	int err = o ? 0 : ENOMEM;

	(void)snprintf(name, sizeof(name), "%.32s to %.26s", x->did, x->number);
	if (!err)
		err = object_set_text(o, resource_field(o->res, STR("name")), str_of(name));
	if (!err)
		err = object_set_text(o, resource_field(o->res, STR("did")), str_of(x->did));
	if (!err) {
		o->tenant_id = x->o.tenant_id;
		r->trunk_id = trunk_id;
		r->destination = (struct dest){DEST_KIND_EXTENSION, x->o.id};
		err = edit_create(e, &o);
	}
	object_free(o);
	return err;
}

int edit_make_did(struct edit *e, const struct extension *x)
{
	size_t before = e->errs.n;
	uint64_t trunk_id = 0;
	int err = 0;

	if (!did_is_number(str_of(x->did)))
		field_error_add(&e->errs, "did", "bad_number", "is no number of digits");
	else
		err = find_trunk(e, x, &trunk_id);
	if (!err && e->errs.n == before && !trunk_id)
		field_error_add(&e->errs, "did", "not_in_pool", "is in no pool of this tenant");
	if (!err && e->errs.n == before)
		err = make_rule(e, x, trunk_id);
	errors_about_did(&e->errs, before);
	return err ? err : e->errs.n > before ? EINVAL : 0;
}
