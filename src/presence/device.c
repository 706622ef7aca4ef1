/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "presence/device.h"
#include "sip/write.h"

static void write_party(struct buf *out, const struct tenant *t, struct str name, struct str number,
			const char *tag)
{
	struct buf uri = {0};

	buf_cstr(&uri, "sip:");
	sip_escape_user(&uri, number);
	buf_printf(&uri, "@%s", t ? t->domain : "invalid");
	sip_write_addr(out, name, buf_view(&uri), str_of(tag));
	if (uri.err)
		out->err = uri.err;
	buf_free(&uri);
}

int device_send(struct presence *p, const struct device_request *rq, sip_response_h *fn, void *arg,
		oid *idp)
{
	const struct tenant *t = model_tenant(p->conf.model, rq->to->tenant_id);
	struct buf from = {0}, to = {0}, contact = {0}, routes = {0};
	struct flow flow;
	char tag[64], call_id[128];
	struct sip_out out;
	int err = 0;

	registrar_way(p->conf.registrar, rq->to, &flow, &routes);
	sip_make_tag(p->conf.sip, tag, sizeof(tag));
	sip_make_call_id(p->conf.sip, call_id, sizeof(call_id));
	write_party(&from, t, rq->name, rq->number, tag);
	write_party(&to, t, STR_NONE, str_of(rq->recipient), "");
	if (rq->method == SIP_NOTIFY) /* RFC 3428 4: a MESSAGE has none */
		err = presence_contact(p, &contact, &flow, rq->number);
	if (!err)
		err = from.err ? from.err : to.err ? to.err : routes.err;
	out = (struct sip_out){
		.method = rq->method,
		.uri = str_of(rq->to->uri),
		.flow = flow,
		.from = buf_view(&from),
		.to = buf_view(&to),
		.call_id = str_of(call_id),
		.cseq = 1,
		.contact = buf_view(&contact),
		.routes = buf_view(&routes),
		.extra = rq->extra,
	};
	if (!err)
		err = sip_send(p->conf.sip, &out, fn, arg, idp);
	buf_free(&from);
	buf_free(&to);
	buf_free(&contact);
	buf_free(&routes);
	return err;
}
