/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "call/calls.h"
#include "call/rewrite.h"
#include "sip/write.h"

/* ---- ours ---- */

static void write_shape(struct buf *out, const struct shape *s)
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

	if (!header_rules_any(&t->header_rules, CALL_DIRECTION_OUTBOUND, HEADER_RULES_INVITE))
		return 0;
	write_shape(&before, s);
	header_rules_apply(&t->header_rules, CALL_DIRECTION_OUTBOUND, HEADER_RULES_INVITE,
			   buf_view(&before), &after);
	err = before.err ? before.err : after.err;
	if (!err)
		read_shape(s, buf_view(&after));
	buf_free(&before);
	buf_free(&after);
	return err;
}

/* ---- ours, later ---- */

void rewrite_contact(const struct trunk *t, struct buf *contact)
{
	struct buf before = {0}, after = {.max = SIP_MAX_BYTES};
	struct str text, value;

	if (!t || !header_rules_any(&t->header_rules, CALL_DIRECTION_OUTBOUND, HEADER_RULES_ANSWER))
		return;
	buf_printf(&before, "Contact: %.*s\r\n", STR_ARG(buf_view(contact)));
	header_rules_apply(&t->header_rules, CALL_DIRECTION_OUTBOUND, HEADER_RULES_ANSWER,
			   buf_view(&before), &after);
	for (text = buf_view(&after); !before.err && !after.err && text.n;) {
		value = str_cut(&text, '\n');
		if (!str_eq(str_cut(&value, ':'), STR("Contact")))
			continue;
		value = str_trim(value);
		take(contact, STR("Contact"), value, is_address(value));
	}
	buf_free(&before);
	buf_free(&after);
}

static bool is_the_dialogs(struct str line)
{
	struct str name = str_cut(&line, ':');

	return str_eq(name, STR("Request-URI")) || str_eq(name, STR("From")) ||
	       str_eq(name, STR("To")) || str_eq(name, STR("Contact"));
}

static void add_lines(struct buf *out, struct str lines, bool of_dialog)
{
	while (lines.n) {
		struct str line = str_cut(&lines, '\n');

		if (is_the_dialogs(line) != of_dialog)
			continue;
		buf_str(out, line);
		buf_char(out, '\n');
	}
}

void rewrite_lines(uint64_t trunk_id, bool is_request, struct str fixed, struct str lines,
		   struct buf *out, void *calls)
{
	const struct calls *cs = calls;
	const struct trunk *t = model_trunk(cs->conf.model, trunk_id);
	enum header_rules_of of = is_request ? HEADER_RULES_REQUEST : HEADER_RULES_ANSWER;
	struct buf before = {0}, after = {.max = SIP_MAX_BYTES};

	if (!t || !header_rules_any(&t->header_rules, CALL_DIRECTION_OUTBOUND, of)) {
		buf_str(out, lines);
		return;
	}
	buf_str(&before, fixed);
	buf_str(&before, lines);
	header_rules_apply(&t->header_rules, CALL_DIRECTION_OUTBOUND, of, buf_view(&before),
			   &after);
	if (before.err || after.err) {
		buf_str(out, lines);
	} else {
		add_lines(out, lines, true);
		add_lines(out, buf_view(&after), false);
	}
	buf_free(&before);
	buf_free(&after);
}

/* ---- theirs ---- */

static void write_message(struct buf *out, const struct sip_msg *m)
{
	if (m->is_request)
		buf_printf(out, "Request-URI: %.*s\r\n", STR_ARG(m->uri));
	for (unsigned i = 0; i < m->nheaders; i++) {
		const struct sip_header *h = &m->headers[i];
		struct str name = sip_header_name(h->id);

		if (h->id != SIP_HDR_CONTENT_LENGTH)
			sip_write_header_named(out, name.n ? name : h->name, h->value);
	}
}

/* Back into a message: of a request the first line is the Request-URI, which no rule takes away. */
static int read_message(struct sip_msg **mp, const struct sip_msg *m, struct str text)
{
	struct buf whole = {.max = SIP_MAX_BYTES};
	unsigned status = 0;
	int err;

	if (m->is_request) {
		struct str uri = str_cut(&text, '\n');

		(void)str_cut(&uri, ':');
		sip_write_request_line(&whole, m->method_name, str_trim(uri));
	} else {
		buf_printf(&whole, "SIP/2.0 %u %.*s\r\n", m->status, STR_ARG(m->reason));
	}
	buf_str(&whole, text);
	sip_write_header_u64(&whole, SIP_HDR_CONTENT_LENGTH, m->body.n);
	buf_cstr(&whole, "\r\n");
	buf_str(&whole, m->body);
	err = whole.err ? whole.err : sip_msg_parse(mp, &m->flow, whole.p, whole.n, &status);
	if (err == EPROTO)
		*mp = sip_msg_deref(*mp);
	buf_free(&whole);
	return err;
}

int rewrite_in(struct sip_msg **mp, const struct trunk *t, const struct sip_msg *m,
	       enum header_rules_of of)
{
	struct buf before = {0}, after = {.max = SIP_MAX_BYTES};
	int err = 0;

	*mp = NULL;
	if (t && header_rules_any(&t->header_rules, CALL_DIRECTION_INBOUND, of)) {
		write_message(&before, m);
		header_rules_apply(&t->header_rules, CALL_DIRECTION_INBOUND, of, buf_view(&before),
				   &after);
		err = before.err ? before.err : after.err;
		if (!err)
			err = read_message(mp, m, buf_view(&after));
		if (err == EPROTO || err == EBADMSG) {
			log_warn(NULL, LOGID_TRUNK,
				 "header rules of trunk %s make no message of one from it: it is "
				 "read as it came",
				 t->name);
			err = 0;
		}
	}
	if (!err && !*mp)
		*mp = sip_msg_ref((struct sip_msg *)m);
	buf_free(&before);
	buf_free(&after);
	return err;
}
