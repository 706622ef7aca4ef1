/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/edit.h"

int edit_check_mail_server(struct edit *e, struct object *o, const struct object *before)
{
	const struct mail_server *s = (const struct mail_server *)o;

	if (*s->ca && s->security == MAIL_SECURITY_NONE)
		field_error_add(&e->errs, "ca", "not_tls", "without TLS it shows no certificate");
	edit_check_roots(e, "ca", s->ca);
	return 0;
}
