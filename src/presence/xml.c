/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "presence/inside.h"

/* What XML 1.0 does not allow at all is left out. */
void xml_text(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '&')
			buf_cstr(out, "&amp;");
		else if (c == '<')
			buf_cstr(out, "&lt;");
		else if (c == '>')
			buf_cstr(out, "&gt;");
		else if (c == '"')
			buf_cstr(out, "&quot;");
		else if (c >= ' ' || c == '\t' || c == '\n')
			buf_char(out, (char)c);
	}
}

void xml_sip_uri(struct buf *out, const struct presence *p, uint64_t tenant_id, const char *number)
{
	const struct tenant *t = model_tenant(p->conf.model, tenant_id);
	struct buf uri = {0};

	buf_cstr(&uri, "sip:");
	sip_escape_user(&uri, str_of(number));
	buf_printf(&uri, "@%s", t ? t->domain : "invalid");
	xml_text(out, buf_view(&uri));
	if (uri.err)
		out->err = uri.err;
	buf_free(&uri);
}
