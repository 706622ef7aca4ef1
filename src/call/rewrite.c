/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "call/rewrite.h"
#include "schema/header_rules.h"
#include "sip/write.h"

/* ---- ours ---- */

void rewrite_write(struct buf *out, const struct shape *s)
{
	buf_printf(out, "Request-URI: %.*s\r\n", STR_ARG(buf_view(&s->uri)));
	buf_printf(out, "From: %.*s\r\n", STR_ARG(buf_view(&s->from)));
	buf_printf(out, "To: %.*s\r\n", STR_ARG(buf_view(&s->to)));
	buf_printf(out, "Contact: %.*s\r\n", STR_ARG(buf_view(&s->contact)));
	buf_str(out, buf_view(&s->lines));
}

static bool is_uri(struct str s)
{
	struct sip_uri u;

	return !sip_uri_parse(&u, s) && (u.scheme == SIP_SCHEME_TEL || u.host.n);
}

/* The tag is the stack's. */
static bool is_address(struct str s)
{
	struct sip_addr a;
	struct str tag;

	return !sip_addr_parse(&a, s) && is_uri(a.uri) && !sip_param(a.params, STR("tag"), &tag);
}

static void take(struct buf *dst, struct str name, struct str value, bool is_good)
{
	if (!is_good) {
		log_warn(NULL, LOGID_TRUNK, "header rules make %.*s unusable, it stays: %.*s",
			 STR_ARG(name), STR_ARG(value));
		return;
	}
	buf_reset(dst);
	buf_str(dst, value);
}

static void read_shape(struct shape *s, struct str text)
{
	buf_reset(&s->lines);
	while (text.n) {
		struct str line = str_cut(&text, '\n'), value = line;
		struct str name = str_cut(&value, ':');

		value = str_trim(value);
		if (str_eq(name, STR("Request-URI"))) {
			take(&s->uri, name, value, is_uri(value));
		} else if (str_eq(name, STR("From"))) {
			take(&s->from, name, value, is_address(value));
		} else if (str_eq(name, STR("To"))) {
			take(&s->to, name, value, is_address(value));
		} else if (str_eq(name, STR("Contact"))) {
			take(&s->contact, name, value, is_address(value));
		} else {
			buf_str(&s->lines, line);
			buf_char(&s->lines, '\n');
		}
	}
}

int rewrite_out(const struct trunk *t, struct shape *s)
{
	struct buf before = {0}, after = {.max = SIP_MAX_BYTES};
	int err;

	if (!header_rules_any(&t->header_rules, CALL_DIRECTION_OUTBOUND))
		return 0;
	rewrite_write(&before, s);
	header_rules_apply(&t->header_rules, CALL_DIRECTION_OUTBOUND, buf_view(&before), &after);
	err = before.err ? before.err : after.err;
	if (!err)
		read_shape(s, buf_view(&after));
	buf_free(&before);
	buf_free(&after);
	return err;
}

/* ---- theirs ---- */

static void write_message(struct buf *out, const struct sip_msg *req)
{
	buf_printf(out, "Request-URI: %.*s\r\n", STR_ARG(req->uri));
	for (unsigned i = 0; i < req->nheaders; i++) {
		const struct sip_header *h = &req->headers[i];
		struct str name = sip_header_name(h->id);

		if (h->id != SIP_HDR_CONTENT_LENGTH)
			sip_write_header_named(out, name.n ? name : h->name, h->value);
	}
}

/* Back into a message: the first line is the Request-URI, which no rule takes away. */
static int read_message(struct sip_msg **mp, const struct sip_msg *req, struct str text)
{
	struct buf whole = {.max = SIP_MAX_BYTES};
	struct str uri = str_cut(&text, '\n');
	unsigned status = 0;
	int err;

	(void)str_cut(&uri, ':');
	sip_write_request_line(&whole, req->method_name, str_trim(uri));
	buf_str(&whole, text);
	sip_write_header_u64(&whole, SIP_HDR_CONTENT_LENGTH, req->body.n);
	buf_cstr(&whole, "\r\n");
	buf_str(&whole, req->body);
	err = whole.err ? whole.err : sip_msg_parse(mp, &req->flow, whole.p, whole.n, &status);
	if (err == EPROTO)
		*mp = sip_msg_deref(*mp);
	buf_free(&whole);
	return err;
}

int rewrite_in(struct sip_msg **mp, const struct trunk *t, const struct sip_msg *req)
{
	struct buf before = {0}, after = {.max = SIP_MAX_BYTES};
	int err = 0;

	*mp = NULL;
	if (t && header_rules_any(&t->header_rules, CALL_DIRECTION_INBOUND)) {
		write_message(&before, req);
		header_rules_apply(&t->header_rules, CALL_DIRECTION_INBOUND, buf_view(&before),
				   &after);
		err = before.err ? before.err : after.err;
		if (!err)
			err = read_message(mp, req, buf_view(&after));
		if (err == EPROTO || err == EBADMSG) {
			log_warn(NULL, LOGID_TRUNK,
				 "header rules of trunk %s make no INVITE of a call from it: it is "
				 "read as it came",
				 t->name);
			err = 0;
		}
	}
	if (!err && !*mp)
		*mp = sip_msg_ref((struct sip_msg *)req);
	buf_free(&before);
	buf_free(&after);
	return err;
}
