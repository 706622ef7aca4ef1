/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP passwords: how strong they must be (EXT-2), who may change them (EXT-25), and how one is shown (TEN-1).  A secret is in no answer
 * to a question: it is shown by a call of its own, which leaves a line in the audit log.
 */
#include <inttypes.h>
#include <string.h>
#include "store/args.h"
#include "store/edit.h"

static int tenant_of(struct edit *e, uint64_t tenant_id, struct object **tp)
{
	return rows_load(e->rows, &resource_tenant, 0, tenant_id, false, tp);
}

/* What is undone, restored or taken in was allowed once. */
static bool is_given(const struct edit *e)
{
	return e->req->op == STORE_CREATE || e->req->op == STORE_UPDATE ||
	       e->req->op == STORE_IMPORT;
}

int edit_check_sip_password(struct edit *e, struct object *o, const struct object *before)
{
	const struct account *a = (const struct account *)o;
	struct object *found = NULL;
	const struct tenant *t;
	int err;

	if (!is_given(e) ||
	    (before && !strcmp(((const struct account *)before)->password, a->password)))
		return 0;
	err = tenant_of(e, o->tenant_id, &found);
	if (err)
		return err;
	t = (const struct tenant *)found;
	if (e->req->is_own && !t->may_change_sip_password)
		field_error_add(&e->errs, "password", "switched_off",
				"the tenant does not let owners of extensions change it");
	else if ((int64_t)strlen(a->password) < t->sip_password_length)
		field_error_add(&e->errs, "password", "too_short",
				"must have at least %" PRId64 " characters",
				t->sip_password_length);
	object_free(found);
	return 0;
}

/* ---- TEN-1: shown on demand ---- */

static int show(struct edit *e, struct object **ap)
{
	const struct account *a = (const struct account *)*ap;
	json_t *answer = json_pack("{s:o,s:s,s:s}", "account_id", json_sprintf("%" PRIu64, a->o.id),
				   "username", a->username, "password", a->password);

	e->reply.id = a->o.id;
	if (!answer)
		return ENOMEM;
	if (store_reply_json(&e->reply, answer))
		return ENOMEM;
	return edit_log_shown(e, ap, "password");
}

int act_show_password(struct edit *e, const struct args *args)
{
	const uint64_t tenant_id = e->req->tenant_id;
	struct object *t = NULL, *a = NULL;
	int err = tenant_of(e, tenant_id, &t);

	if (!err && !((const struct tenant *)t)->show_sip_passwords) {
		field_error_add(&e->errs, "account_id", "switched_off",
				"show_sip_passwords of the tenant is off");
		err = EINVAL;
	}
	object_free(t);
	if (!err)
		err = rows_load(e->rows, &resource_account, tenant_id, args_id(args, "account_id"),
				true, &a);
	if (err == ENOENT) {
		field_error_add(&e->errs, "account_id", "not_found", "there is no such account");
		err = EINVAL;
	}
	if (!err)
		err = show(e, &a);
	object_free(a);
	return err;
}
