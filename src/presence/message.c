/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MESSAGE outside of dialogs: judged, turned into texts for one extension or for the members of a group, and put into inboxes.
 *
 * Who it is from is what digest proved; nothing the device says of itself goes on.  A wrapper that carries its own From
 * (message/cpim) is refused for that reason.
 */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "presence/inbox.h"
#include "schema/syntax.h"
#include "sip/chars.h"

struct order {
	const struct sip_msg *req;
	struct identity who;
	const struct object *target; /* extension or ring group */
	struct buf type, body;	     /* as they go on: UTF-8 */
	bool is_storable;
	bool is_secure; /* sips: over TLS to TLS, now or never (RFC 3261 26.2.2) */
	char name[140];
	int64_t now_us, expires_at_us;
};

/* ---- what it says ---- */

static bool is_text(struct str type)
{
	return type.n > 5 && str_ieq((struct str){type.p, 5}, STR("text/"));
}

static bool is_media_type(struct str type)
{
	struct str subtype = type, kind = str_trim(str_cut(&subtype, '/'));

	return sip_is_token(kind) && sip_is_token(str_trim(subtype));
}

static bool is_utf8(struct str s)
{
	while (s.n) {
		size_t len = syntax_utf8_len(s);

		if (!len || !*s.p)
			return false;
		s.p += len;
		s.n -= len;
	}
	return true;
}

static void from_latin1(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80)
			buf_char(out, (char)(0xc0 | c >> 6));
		buf_char(out, (char)(c < 0x80 ? c : 0x80 | (c & 0x3f)));
	}
}

/* Text becomes UTF-8; what claims a charset that it does not keep, and we cannot turn, is refused. */
static unsigned read_text(struct order *o, struct str type, struct str params)
{
	struct str charset = STR_NONE, body = o->req->body;

	if (sip_param(params, STR("charset"), &charset) && str_ieq(charset, STR("iso-8859-1")) &&
	    !memchr(body.p, '\0', body.n))
		from_latin1(&o->body, body);
	else if (is_utf8(body))
		buf_str(&o->body, body);
	else
		return 415;
	buf_printf(&o->type, "%.*s;charset=UTF-8", STR_ARG(type));
	return 0;
}

static unsigned read_body(struct order *o)
{
	struct str value = sip_msg_header(o->req, SIP_HDR_CONTENT_TYPE), rest = value;
	struct str type = str_trim(str_cut(&rest, ';'));
	unsigned status = 0;

	if (!o->req->body.n)
		return 400;
	if (!type.n)
		type = STR("text/plain");
	if (!is_media_type(type))
		return 400;
	if (sip_msg_body_is_strange(o->req))
		return 415;
	if (str_ieq(type, STR("message/cpim")) || str_ieq(type, STR("message/sip")) ||
	    str_ieq((struct str){type.p, type.n < 10 ? type.n : 10}, STR("multipart/")))
		return 415;
	o->is_storable = is_text(type);
	if (o->is_storable) {
		status = read_text(o, type, rest);
	} else {
		buf_str(&o->type, value);
		buf_str(&o->body, o->req->body);
	}
	if (!status && (o->type.err || o->body.err))
		return 500;
	/* what the record keeps; a datagram's limit is RFC 3428 8 */
	if (o->body.n > TEXT_MAX_BYTES || o->type.n > 127)
		return 413;
	return status;
}

static bool is_too_large_for_datagram(const struct sip_msg *req)
{
	return !flow_is_stream(req->flow.transport) && req->body.n > TEXT_MAX_DATAGRAM;
}

/* RFC 3428 7: the sender may want it forgotten sooner than the tenant. */
static unsigned read_expires(struct order *o)
{
	struct str text = sip_msg_header(o->req, SIP_HDR_EXPIRES);
	int64_t s = o->who.tenant->offline_message_days * 86400;
	uint32_t wanted;
	int err;

	if (text.n) {
		err = str_u32(text, &wanted);
		if (err && err != ERANGE)
			return 400;
		if (!err && wanted && wanted < s)
			s = wanted;
	}
	o->expires_at_us = o->now_us + s * 1000000;
	return 0;
}

static unsigned find_target(struct presence *p, struct order *o)
{
	uint64_t tenant_id = o->who.tenant->o.id;
	const struct object *number;
	char name[128];
	struct sip_uri uri;
	struct str user;

	if (sip_uri_parse(&uri, o->req->uri))
		return 400;
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS)
		return 416;
	if (registrar_is_elsewhere(p->conf.registrar, &o->who, uri.host))
		return 404;
	user = str_cut(&uri.user, ';');
	if (!user.n || sip_unescape(name, sizeof(name), user))
		return 404;
	number = model_number(p->conf.model, tenant_id, str_of(name));
	if (number && number->res == &resource_ring_group) {
		o->target = number;
		return 0;
	}
	o->target = (const struct object *)presence_extension(p, tenant_id, user);
	return o->target ? 0 : 404;
}

static unsigned read_security(struct order *o)
{
	o->is_secure = str_starts(o->req->uri, STR("sips:"));
	if (!o->is_secure)
		return 0;
	if (!flow_is_secure(o->req->flow.transport))
		return 403;
	return o->target->res == &resource_ring_group ? 480
						      : 0; /* what is kept for members is kept */
}

static unsigned judge(struct presence *p, struct order *o)
{
	const struct extension *e = o->who.extension;
	unsigned status;

	if (!e)
		return 403;
	o->now_us = clock_wall_us(p->conf.env.clock);
	str_fit(o->name, sizeof(o->name), str_of(e->first_name));
	if (*e->first_name && *e->last_name)
		str_fit(o->name + strlen(o->name), sizeof(o->name) - strlen(o->name), STR(" "));
	str_fit(o->name + strlen(o->name), sizeof(o->name) - strlen(o->name), str_of(e->last_name));
	if (is_too_large_for_datagram(o->req))
		return 513;
	status = find_target(p, o);
	if (!status)
		status = read_security(o);
	if (!status)
		status = read_expires(o);
	return status ? status : read_body(o);
}

/* ---- where it goes ---- */

static int put(struct presence *p, const struct order *o, const struct extension *to,
	       const char *group, oid asked)
{
	const struct text_conf conf = {
		.tenant_id = o->who.tenant->o.id,
		.to_extension_id = to->o.id,
		.from_extension_id = o->who.extension->o.id,
		.sender = str_of(o->who.extension->number),
		.sender_name = str_of(o->name),
		.recipient = str_of(to->number),
		.group = str_of(group),
		.content_type = buf_view(&o->type),
		.body = buf_view(&o->body),
		.sent_at_us = o->now_us,
		.expires_at_us = o->expires_at_us,
		.asked = asked,
		.is_storable = o->is_storable && !o->is_secure,
		.is_secure = o->is_secure,
	};

	return inbox_put(p, &conf);
}

/* To each member but its sender.  0: it is kept for at least one of them. */
static int put_group(struct presence *p, const struct order *o)
{
	const struct ring_group *g = (const struct ring_group *)o->target;
	int err = ENOENT;

	for (size_t i = 0; i < g->members.n; i++) {
		const struct ring_group_member *m =
			(const struct ring_group_member *)g->members.v[i];
		const struct extension *e =
			model_extension(p->conf.model, o->who.tenant->o.id, m->extension_id);

		if (!e || e == o->who.extension)
			continue;
		if (!put(p, o, e, g->number, 0))
			err = 0;
		else if (err)
			err = ENOSPC;
	}
	return err;
}

static void refuse(struct sip_strans *st, unsigned status)
{
	struct sip_extra extra = {0};

	if (status == 415)
		extra.headers = STR("Accept: text/plain;charset=UTF-8, text/html;charset=UTF-8, "
				    "application/im-iscomposing+xml\r\n");
	else if (status == 503)
		extra.headers = STR("Retry-After: 10\r\n");
	if (sip_reply(st, status, NULL, &extra))
		log_debug(NULL, LOGID_MESSAGE, "a MESSAGE could not be refused");
}

static unsigned status_of(int err)
{
	return err == ENOSPC ? 480 : err == ENOENT ? 404 : 503;
}

static void carry_out(struct presence *p, struct sip_strans *st, struct order *o)
{
	int err;

	if (o->target->res == &resource_ring_group) {
		err = o->is_storable ? put_group(p, o) : 0; /* "is typing" is for two */
		refuse(st, err ? status_of(err) : 202);
		return;
	}
	err = put(p, o, (const struct extension *)o->target, "", sip_strans_id(st));
	if (err && err != EALREADY)
		refuse(st, status_of(err));
}

void inbox_request(struct sip_strans *st, const struct sip_msg *req, void *presence)
{
	static const struct sip_extra later = {.headers = {"Retry-After: 10\r\n", 17}};
	struct presence *p = presence;
	struct order o = {.req = req};
	unsigned status;

	ON_THREAD(THREAD_CORE);
	if (p->is_draining) {
		metric_add(METRIC_SIP_SHED, 1);
		sip_refuse(st, 503, NULL, &later);
		return;
	}
	if (!registrar_identify(p->conf.registrar, st, req, &o.who))
		return;
	status = judge(p, &o);
	if (status)
		refuse(st, status);
	else
		carry_out(p, st, &o);
	buf_free(&o.type);
	buf_free(&o.body);
}
