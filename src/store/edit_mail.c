/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/args.h"
#include "store/edit.h"
#include "store/mail.h"
#include "store/notice.h"

int edit_check_mail_server(struct edit *e, struct object *o, const struct object *before)
{
	const struct mail_server *s = (const struct mail_server *)o;

	if (*s->ca && s->security == MAIL_SECURITY_NONE)
		field_error_add(&e->errs, "ca", "not_tls", "without TLS it shows no certificate");
	edit_check_roots(e, "ca", s->ca);
	return 0;
}

static void check_words(struct edit *e, const char *field, int kind, const char *text)
{
	struct str word = mail_unknown_placeholder(kind, text);

	if (word.p)
		field_error_add(&e->errs, field, "unknown_placeholder",
				"mails of this kind have no {%.*s}", STR_ARG(word));
}

int edit_check_mail_template(struct edit *e, struct object *o, const struct object *before)
{
	const struct mail_template *t = (const struct mail_template *)o;

	check_words(e, "subject", t->kind, t->subject);
	check_words(e, "text", t->kind, t->text);
	return 0;
}

/* ---- EXT-22, EXT-3 ---- */

int edit_check_missed_call_mail(struct edit *e, const struct extension *x,
				const struct object *before)
{
	if (!x->missed_call_mail ||
	    (before && ((const struct extension *)before)->missed_call_mail))
		return 0;
	if (!*x->email)
		field_error_add(&e->errs, "email", "required",
				"must be given: missed_call_mail needs it");
	return mail_needs_server(e->rows, x->o.tenant_id, "missed_call_mail", &e->errs);
}

static int send_welcome(struct edit *e, const struct extension *x)
{
	uint64_t id = 0;
	int err;

	if (!*x->email) {
		field_error_add(&e->errs, "extension_id", "no_email", "the extension has no email");
		return EINVAL;
	}
	err = mail_needs_server(e->rows, x->o.tenant_id, "extension_id", &e->errs);
	if (!err)
		err = notice_welcome(e->rows, x, e->now_us, &id);
	if (err == ENOBUFS || (!err && !id)) {
		field_error_add(&e->errs, "extension_id", err ? "limit" : "switched_off",
				err ? "too many mails wait already"
				    : "mail_templates says that this mail is not sent");
		return EINVAL;
	}
	return err ? err : query_one_mail(e->rows, x->o.tenant_id, id, &e->reply);
}

int act_welcome(struct edit *e, const struct args *a)
{
	struct object *o = NULL;
	int err = rows_load(e->rows, &resource_extension, e->req->tenant_id,
			    args_id(a, "extension_id"), false, &o);

	if (err == ENOENT) {
		field_error_add(&e->errs, "extension_id", "not_found",
				"there is no such extension");
		return EINVAL;
	}
	if (!err)
		err = send_welcome(e, (const struct extension *)o);
	object_free(o);
	return err;
}
