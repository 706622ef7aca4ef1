/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP passwords: how strong they must be (EXT-2), who may change them (EXT-25), and how one is shown (TEN-1).  A secret is in no answer
 * to a question: it is shown by a call of its own, which leaves a line in the audit log.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "store/args.h"
#include "store/edit.h"
#include "store/qr.h"
#include "store/sign_in_code.h"

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

/* ---- TEN-1, EXT-3: shown on demand ---- */

typedef json_t *show_h(struct edit *e, const struct account *a, int *errp);

static json_t *password_of(struct edit *e, const struct account *a, int *errp)
{
	return json_pack("{s:o,s:s,s:s}", "account_id", json_sprintf("%" PRIu64, a->o.id),
			 "username", a->username, "password", a->password);
}

static json_t *base64_of(const struct buf *bytes)
{
	const size_t room = sodium_base64_encoded_len(bytes->n, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(room);
	json_t *j;

	if (!text)
		return NULL;
	sodium_bin2base64(text, room, (const unsigned char *)bytes->p, bytes->n,
			  sodium_base64_VARIANT_ORIGINAL);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *code_of(struct edit *e, const struct account *a, int *errp)
{
	struct buf uri = {0}, png = {0}, svg = {0};
	json_t *j = NULL;

	*errp = sign_in_code(e->rows, a, &uri);
	if (!*errp)
		*errp = qr_png(buf_view(&uri), &png);
	if (!*errp)
		*errp = qr_svg(buf_view(&uri), &svg);
	if (!*errp)
		j = json_pack("{s:o,s:s,s:s%,s:s%,s:o}", "account_id",
			      json_sprintf("%" PRIu64, a->o.id), "username", a->username, "uri",
			      uri.p, uri.n, "svg", svg.p, svg.n, "png", base64_of(&png));
	if (uri.p)
		explicit_bzero(uri.p, uri.n);
	buf_free(&uri);
	buf_free(&png);
	buf_free(&svg);
	return j;
}

static int show(struct edit *e, struct object **ap, show_h *fn)
{
	int err = 0;
	json_t *answer = fn(e, (const struct account *)*ap, &err);

	e->reply.id = (*ap)->id;
	if (!answer)
		return err ? err : ENOMEM;
	if (store_reply_json(&e->reply, answer))
		return ENOMEM;
	return edit_log_shown(e, ap, "password");
}

/* Who owns an extension has its own shown. */
static int may_show(struct edit *e)
{
	struct object *t = NULL;
	int err;

	if (e->req->is_own)
		return 0;
	err = tenant_of(e, e->req->tenant_id, &t);
	if (!err && !((const struct tenant *)t)->show_sip_passwords) {
		field_error_add(&e->errs, "account_id", "switched_off",
				"show_sip_passwords of the tenant is off");
		err = EINVAL;
	}
	object_free(t);
	return err;
}

static int act_show(struct edit *e, const struct args *args, show_h *fn)
{
	struct object *a = NULL;
	int err = may_show(e);

	if (!err)
		err = rows_load(e->rows, &resource_account, e->req->tenant_id,
				args_id(args, "account_id"), true, &a);
	if (!err)
		err = edit_check_owner(e, a);
	if (err == ENOENT) {
		field_error_add(&e->errs, "account_id", "not_found", "there is no such account");
		err = EINVAL;
	}
	if (!err)
		err = show(e, &a, fn);
	object_free(a);
	return err;
}

int act_show_password(struct edit *e, const struct args *args)
{
	return act_show(e, args, password_of);
}

int act_sign_in_code(struct edit *e, const struct args *args)
{
	return act_show(e, args, code_of);
}
