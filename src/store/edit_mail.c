/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/edit.h"
#include "store/mail.h"

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
