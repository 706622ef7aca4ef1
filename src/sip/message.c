/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of the stack.  Each is written into one buffer and given to the edge at once; what may have to be sent again is
 * copied from it.
 *
 * Answers go to where the request came from, as RFC 3581 says, or to the port of its Via.  maddr is ignored on purpose:
 * honouring it would send our answers to whomever an unauthenticated request names.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "sip/stack.h"
#include "sip/trace.h"
#include "sip/write.h"

void message_head(struct sip *s, struct str method, struct str uri)
{
	buf_reset(&s->out);
	sip_write_request_line(&s->out, method, uri);
}

int message_body(struct sip *s, const struct sip_extra *extra)
{
	if (extra)
		sip_write_content(&s->out, extra->content_type, extra->body);
	else
		sip_write_content(&s->out, STR_NONE, STR_NONE);
	return s->out.err == ENOSPC ? EMSGSIZE : s->out.err;
}

/* A header line; where its value stands is remembered. */
static struct piece add_line(struct buf *b, enum sip_hdr id, struct str value)
{
	struct piece piece = {(uint32_t)(b->n + sip_header_name(id).n + 2), 0};

	sip_write_header(b, id, value);
	if (!b->err)
		piece.n = (uint32_t)(b->n - 2 - piece.off);
	return piece;
}

void sip_write_agent(const struct sip *s, struct buf *lines)
{
	if (s->conf.product)
		sip_write_header(lines, SIP_HDR_USER_AGENT, str_of(s->conf.product));
}

static void write_line(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "%s: %.*s\r\n", name, STR_ARG(value));
}

/* What somebody goes over before it is sent. */
static void edit_request(struct sip *s, const struct sip_out *out)
{
	struct buf fixed = {0}, lines = {0};

	write_line(&fixed, "Request-URI", out->uri);
	write_line(&fixed, "From", out->from);
	write_line(&fixed, "To", out->to);
	if (out->contact.n)
		write_line(&fixed, "Contact", out->contact);
	sip_write_agent(s, &lines);
	buf_str(&lines, out->extra.headers);
	if (fixed.err || lines.err)
		s->out.err = ENOMEM;
	else
		s->edit(out->edit_for, true, buf_view(&fixed), buf_view(&lines), &s->out,
			s->edit_arg);
	buf_free(&fixed);
	buf_free(&lines);
}

static void edit_response(struct sip *s, const struct sip_msg *req, const struct response *r)
{
	struct buf fixed = {0}, lines = {0};

	write_line(&fixed, "From", sip_msg_header(req, SIP_HDR_FROM));
	write_line(&fixed, "To", sip_msg_header(req, SIP_HDR_TO));
	if (s->conf.product)
		sip_write_header(&lines, SIP_HDR_SERVER, str_of(s->conf.product));
	buf_str(&lines, r->more);
	if (r->extra)
		buf_str(&lines, r->extra->headers);
	if (fixed.err || lines.err)
		s->out.err = ENOMEM;
	else
		s->edit(r->edit_for, false, buf_view(&fixed), buf_view(&lines), &s->out,
			s->edit_arg);
	buf_free(&fixed);
	buf_free(&lines);
}

int message_request(struct sip *s, struct flow *flow, const struct sip_out *out, const char *branch,
		    struct ctrans_text *x)
{
	struct buf *b = &s->out;
	struct str method = sip_method_name(out->method);
	struct addr seen;
	int err = 0;

	if (!flow->local.family)
		err = s->conf.edge->local_for(s->conf.edge, flow->transport, &flow->remote,
					      &flow->local);
	if (err)
		return err;
	seen = flow->local;
	flow_show_via(s->conf.edge, flow, &seen);
	message_head(s, method, out->uri);
	x->uri = (struct piece){(uint32_t)(method.n + 1), (uint32_t)out->uri.n};
	x->via.off = (uint32_t)b->n;
	sip_write_via(b, flow->transport, &seen, str_of(branch));
	x->via.n = (uint32_t)b->n - x->via.off;
	sip_write_header_u64(b, SIP_HDR_MAX_FORWARDS,
			     out->max_forwards == SIP_LAST_HOP ? 0
			     : out->max_forwards	       ? out->max_forwards
							       : 70);
	x->from = add_line(b, SIP_HDR_FROM, out->from);
	x->to = add_line(b, SIP_HDR_TO, out->to);
	x->call_id = add_line(b, SIP_HDR_CALL_ID, out->call_id);
	sip_write_cseq(b, out->cseq, method);
	x->cseq = out->cseq;
	if (out->contact.n)
		sip_write_header(b, SIP_HDR_CONTACT, out->contact);
	x->routes = (struct piece){(uint32_t)b->n, (uint32_t)out->routes.n};
	buf_str(b, out->routes);
	if (out->edit_for && s->edit) {
		edit_request(s, out);
	} else {
		if (!out->extra.has_agent)
			sip_write_agent(s, b);
		buf_str(b, out->extra.headers);
	}
	return message_body(s, &out->extra);
}

int message_response(struct sip *s, const struct sip_msg *req, const struct response *r)
{
	struct buf *b = &s->out;

	buf_reset(b);
	sip_write_response_head(b, req, r->status, r->reason,
				str_of(r->status > 100 ? r->tag : NULL));
	if (r->edit_for && s->edit) {
		edit_response(s, req, r);
		return message_body(s, r->extra);
	}
	if (s->conf.product)
		sip_write_header(b, SIP_HDR_SERVER, str_of(s->conf.product));
	buf_str(b, r->more);
	if (r->extra)
		buf_str(b, r->extra->headers);
	return message_body(s, r->extra);
}

void sip_reply_flow(const struct sip_msg *req, struct flow *flow)
{
	*flow = req->flow;
	if (!flow_is_stream(flow->transport) && !req->has_rport)
		flow->remote.port = req->via_port ? req->via_port : 5060;
}

void message_stateless_tag(const struct sip *s, const struct sip_msg *req, char tag[SIP_TAG_BYTES])
{
	uint64_t h = map_hash(s->secret, sizeof(s->secret));

	h = map_hash2(h, req->branch);
	h = map_hash2(h, req->call_id);
	h = map_hash2(h, req->from_tag);
	h = map_hash_u64(h, req->cseq);
	/* Hashed once more: the mixing of map_hash_u64() is not for strangers' eyes. */
	tag[0] = 's';
	str_hex64(tag + 1, map_hash(&h, sizeof(h)));
}

void message_answer(struct sip *s, const struct sip_msg *req, const struct response *r)
{
	struct response with_tag = *r;
	char tag[SIP_TAG_BYTES];
	struct flow flow;

	if (req->method == SIP_ACK)
		return;
	message_stateless_tag(s, req, tag);
	with_tag.tag = tag;
	if (message_response(s, req, &with_tag))
		return;
	sip_reply_flow(req, &flow);
	/* a failure here has nobody to be told to: the client sends again */
	(void)stack_send(s, &flow, s->out.p, s->out.n);
}

int stack_send(struct sip *s, struct flow *flow, const void *p, size_t n)
{
	const char *text = p, *eol = memchr(text, '\r', n);
	char to[ADDR_STR_BYTES];
	int err;

	err = s->conf.edge->send(s->conf.edge, flow, p, n);
	trace_message(true, flow, p, n);
	metric_add(METRIC_SIP_SENT, 1);
	log_debug(NULL, LOGID_SIP_MESSAGE, "to %s: %.*s%s%s", addr_str(to, &flow->remote),
		  eol ? (int)(eol - text) : (int)n, text, err ? ": " : "",
		  err ? strerror(err) : "");
	return err;
}
