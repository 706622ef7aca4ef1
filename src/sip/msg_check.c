/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every message must say (RFC 3261 8.1.1, 8.2): Via, From, To, Call-ID, CSeq, and a body as long as it claims.
 *
 * Missing Max-Forwards and From tags are accepted: RFC 2543 phones send neither (RFC 4475 3.4).
 */
#include "sip/chars.h"
#include "sip/header.h"
#include "sip/parse.h"
#include "sip/via.h"

static int check_via(struct sip_parse *p)
{
	struct sip_msg *m = p->msg;
	struct str list = sip_msg_header(m, SIP_HDR_VIA);
	struct sip_via via;
	int err;

	if (!list.n)
		return EBADMSG;
	err = sip_via_read(&via, &m->sent_by, sip_value_first(&list));
	if (!via.host.n)
		return EBADMSG;
	m->branch = via.branch;
	m->via_port = via.port;
	m->has_rport = via.has_rport;
	if (err || (list.p && !str_trim(list).n))
		sip_parse_flaw(p, 400, "Malformed Via");
	return 0;
}

/* RFC 3261 7.3.1: which of them would name the dialog? */
static bool has_twice(struct str params, struct str name)
{
	unsigned found = 0;

	while (params.p) {
		struct str n, v;

		if (sip_param_next(&params, &n, &v))
			break;
		found += str_ieq(n, name);
	}
	return found > 1;
}

static void check_party(struct sip_parse *p, enum sip_hdr id, struct str *tag)
{
	struct sip_addr a;
	struct sip_uri u;

	if (!sip_msg_has(p->msg, id))
		sip_parse_flaw(p, 400, id == SIP_HDR_FROM ? "Missing From" : "Missing To");
	else if (sip_addr_parse(&a, sip_msg_header(p->msg, id)) || sip_uri_parse(&u, a.uri))
		sip_parse_flaw(p, 400, id == SIP_HDR_FROM ? "Malformed From" : "Malformed To");
	else if (has_twice(a.params, STR("tag")))
		sip_parse_flaw(p, 400, "Two Tags");
	else if (sip_param(a.params, STR("tag"), tag) && !tag->n)
		sip_parse_flaw(p, 400, "Empty Tag");
}

static void check_call_id(struct sip_parse *p)
{
	struct str id = sip_msg_header(p->msg, SIP_HDR_CALL_ID);

	if (!id.n)
		return sip_parse_flaw(p, 400, "Missing Call-ID");
	for (size_t i = 0; i < id.n; i++)
		if (sip_is_lws(id.p[i]) || !sip_is(id.p[i], SIP_CH_TEXT))
			return sip_parse_flaw(p, 400, "Malformed Call-ID");
	p->msg->call_id = id;
}

static void check_cseq(struct sip_parse *p)
{
	struct sip_msg *m = p->msg;
	struct str s = sip_msg_header(m, SIP_HDR_CSEQ), method;
	size_t n = 0;

	if (!s.n)
		return sip_parse_flaw(p, 400, "Missing CSeq");
	while (n < s.n && sip_is(s.p[n], SIP_CH_DIGIT))
		n++;
	method = str_trim(sip_sub(s, n, s.n));
	if (n == s.n || !sip_is_lws(s.p[n]) || !sip_is_token(method))
		return sip_parse_flaw(p, 400, "Malformed CSeq");
	/* RFC 3261 8.1.1.5: less than 2**31 */
	if (str_u32(sip_sub(s, 0, n), &m->cseq) || m->cseq > INT32_MAX) {
		m->cseq = 0;
		return sip_parse_flaw(p, 400, "CSeq Out of Range");
	}
	if (!m->is_request) {
		m->method_name = method;
		m->method = sip_method_find(method);
	} else if (!str_eq(method, m->method_name)) {
		sip_parse_flaw(p, 400, "CSeq Method Mismatch");
	}
}

static void check_max_forwards(struct sip_parse *p)
{
	uint32_t hops;

	if (!sip_msg_has(p->msg, SIP_HDR_MAX_FORWARDS))
		return;
	if (str_u32(sip_msg_header(p->msg, SIP_HDR_MAX_FORWARDS), &hops) || hops > 255)
		sip_parse_flaw(p, 400, "Malformed Max-Forwards");
}

int sip_parse_check(struct sip_parse *p)
{
	struct sip_uri u;
	int err = check_via(p);

	if (err)
		return err;
	/* RFC 3261 19.1.1: headers have no place in a Request-URI, and RFC 4475 3.1.2.12 lets us refuse them */
	if (p->msg->is_request && (sip_uri_parse(&u, p->msg->uri) || u.headers.p))
		sip_parse_flaw(p, 400, "Malformed Request-URI");
	check_party(p, SIP_HDR_FROM, &p->msg->from_tag);
	check_party(p, SIP_HDR_TO, &p->msg->to_tag);
	check_call_id(p);
	check_cseq(p);
	check_max_forwards(p);
	return 0;
}

void sip_parse_body(struct sip_parse *p)
{
	struct sip_msg *m = p->msg;
	struct str rest = {p->at, (size_t)(p->end - p->at)};
	bool is_framed = m->flow.transport == FLOW_TCP || m->flow.transport == FLOW_TLS;
	uint64_t n;

	if (p->is_cut)
		return;
	if (!sip_msg_has(m, SIP_HDR_CONTENT_LENGTH)) {
		/* RFC 3261 18.3: to the end of the datagram; a stream must say */
		if (is_framed)
			return sip_parse_flaw(p, 400, "Missing Content-Length");
		m->body = rest;
		return;
	}
	if (str_u64(sip_msg_header(m, SIP_HDR_CONTENT_LENGTH), &n))
		return sip_parse_flaw(p, 400, "Malformed Content-Length");
	if (is_framed && n > (size_t)(SIP_MAX_BYTES - (rest.p - p->start)))
		return sip_parse_flaw(p, 513, "Message Too Large");
	if (n > rest.n)
		return sip_parse_flaw(p, 400, "Body Shorter Than Content-Length");
	if (flow_is_stream(m->flow.transport) && n < rest.n)
		return sip_parse_flaw(p, 400, "Body Longer Than Content-Length");
	m->body = sip_sub(rest, 0, (size_t)n);
}
