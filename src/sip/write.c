/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "sip/chars.h"
#include "sip/sip.h"
#include "sip/via.h"
#include "sip/write.h"

/* Text from anywhere: what would end the line stays out. */
static void write_value(struct buf *b, struct str s)
{
	size_t start = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i])
			continue;
		buf_add(b, s.p + start, i - start);
		start = i + 1;
	}
	if (s.n > start)
		buf_add(b, s.p + start, s.n - start);
}

void sip_write_status_line(struct buf *b, unsigned status, const char *reason)
{
	buf_str(b, STR("SIP/2.0 "));
	buf_u64(b, status);
	buf_char(b, ' ');
	write_value(b, str_of(reason ? reason : sip_reason_phrase(status)));
	buf_str(b, STR("\r\n"));
}

void sip_write_request_line(struct buf *b, struct str method, struct str uri)
{
	write_value(b, method);
	buf_char(b, ' ');
	write_value(b, uri);
	buf_str(b, STR(" SIP/2.0\r\n"));
}

void sip_write_header_named(struct buf *b, struct str name, struct str value)
{
	write_value(b, name);
	buf_str(b, STR(": "));
	write_value(b, value);
	buf_str(b, STR("\r\n"));
}

void sip_write_header(struct buf *b, enum sip_hdr id, struct str value)
{
	sip_write_header_named(b, sip_header_name(id), value);
}

void sip_write_header_u64(struct buf *b, enum sip_hdr id, uint64_t value)
{
	buf_str(b, sip_header_name(id));
	buf_str(b, STR(": "));
	buf_u64(b, value);
	buf_str(b, STR("\r\n"));
}

void sip_write_cseq(struct buf *b, uint32_t cseq, struct str method)
{
	buf_str(b, STR("CSeq: "));
	buf_u64(b, cseq);
	buf_char(b, ' ');
	write_value(b, method);
	buf_str(b, STR("\r\n"));
}

/* What the parser let through holds no line end: nothing to look for. */
static void write_as_received(struct buf *b, enum sip_hdr id, struct str value)
{
	buf_str(b, sip_header_name(id));
	buf_add(b, ": ", 2);
	buf_str(b, value);
	buf_add(b, "\r\n", 2);
}

void sip_write_copy(struct buf *b, const struct sip_msg *m, enum sip_hdr id)
{
	if (!sip_msg_has(m, id))
		return;
	for (unsigned i = m->first[id] - 1u; i < m->nheaders; i++)
		if (m->headers[i].id == id)
			write_as_received(b, id, m->headers[i].value);
}

struct str sip_transport_name(enum flow_transport t)
{
	switch (t) {
	case FLOW_UDP:
		return STR("UDP");
	case FLOW_TCP:
		return STR("TCP");
	case FLOW_TLS:
		return STR("TLS");
	case FLOW_WS:
		return STR("WS");
	case FLOW_WSS:
		return STR("WSS");
	}
	return STR("UDP");
}

const char *sip_transport_param(enum flow_transport t)
{
	switch (t) {
	case FLOW_UDP:
		return "";
	case FLOW_TCP:
		return ";transport=tcp";
	case FLOW_TLS:
		return ";transport=tls";
	case FLOW_WS:
		return ";transport=ws";
	case FLOW_WSS:
		return ";transport=wss";
	}
	return "";
}

void sip_write_via(struct buf *b, enum flow_transport t, const struct addr *sent_by,
		   struct str branch)
{
	char host[ADDR_STR_BYTES];

	buf_str(b, STR("Via: SIP/2.0/"));
	buf_str(b, sip_transport_name(t));
	buf_char(b, ' ');
	buf_cstr(b, addr_str(host, sent_by));
	if (!flow_is_stream(t))
		buf_str(b, STR(";rport"));
	buf_str(b, STR(";branch="));
	buf_str(b, branch);
	buf_str(b, STR("\r\n"));
}

/* The parameters of the topmost Via as received, but for those that say where it came from: they are ours to write. */
static void write_via_params(struct buf *b, struct str params)
{
	while (params.p) {
		size_t end = sip_param_end(params);
		struct str param = str_trim(sip_sub(params, 0, end));
		struct str rest = param;
		struct str name = str_trim(str_cut(&rest, '='));

		params = end < params.n ? sip_sub(params, end + 1, params.n) : STR_NONE;
		if (!param.n || str_ieq(name, STR("received")) || str_ieq(name, STR("rport")))
			continue;
		buf_char(b, ';');
		buf_str(b, param);
	}
}

static void write_top_via(struct buf *b, const struct flow *flow, struct str value)
{
	char ip[ADDR_STR_BYTES];
	struct str sent_by;
	struct sip_via via;
	struct addr said;
	int err = sip_via_read(&via, &sent_by, value);

	/* what could be read of it is enough: the parser refuses a Via without a host */
	(void)err;
	buf_str(b, STR("Via: SIP/2.0/"));
	buf_str(b, via.transport);
	buf_char(b, ' ');
	buf_str(b, sent_by);
	write_via_params(b, via.params);
	addr_ip_str(ip, &flow->remote);
	/* RFC 3581 4: with rport always both; RFC 3261 18.2.1: without, when the host differs */
	if (via.has_rport || addr_parse(&said, via.host, 0) || !addr_ip_eq(&said, &flow->remote)) {
		buf_str(b, STR(";received="));
		buf_cstr(b, ip);
	}
	if (via.has_rport) {
		buf_str(b, STR(";rport="));
		buf_u64(b, flow->remote.port);
	}
	buf_str(b, STR("\r\n"));
}

void sip_write_vias(struct buf *b, const struct sip_msg *req)
{
	bool is_top = true;

	for (unsigned i = 0; i < req->nheaders; i++) {
		struct str list = req->headers[i].value;

		if (req->headers[i].id != SIP_HDR_VIA)
			continue;
		if (is_top)
			write_top_via(b, &req->flow, sip_value_first(&list));
		is_top = false;
		if (str_trim(list).n)
			write_as_received(b, SIP_HDR_VIA, str_trim(list));
	}
}

static void write_to(struct buf *b, const struct sip_msg *req, struct str to_tag)
{
	buf_str(b, STR("To: "));
	buf_str(b, sip_msg_header(req, SIP_HDR_TO));
	if (!req->to_tag.n && to_tag.n) {
		buf_str(b, STR(";tag="));
		write_value(b, to_tag);
	}
	buf_str(b, STR("\r\n"));
}

static bool makes_dialog(enum sip_method m)
{
	return m == SIP_INVITE || m == SIP_SUBSCRIBE || m == SIP_REFER || m == SIP_NOTIFY;
}

void sip_write_response_head(struct buf *b, const struct sip_msg *req, unsigned status,
			     const char *reason, struct str to_tag)
{
	sip_write_status_line(b, status, reason);
	sip_write_vias(b, req);
	if (status > 100 && status < 300 && makes_dialog(req->method))
		sip_write_copy(b, req, SIP_HDR_RECORD_ROUTE);
	sip_write_copy(b, req, SIP_HDR_FROM);
	if (sip_msg_has(req, SIP_HDR_TO))
		write_to(b, req, to_tag);
	sip_write_copy(b, req, SIP_HDR_CALL_ID);
	sip_write_copy(b, req, SIP_HDR_CSEQ);
	if (status == 100)
		sip_write_copy(b, req, SIP_HDR_TIMESTAMP);
}

void sip_write_addr(struct buf *b, struct str display, struct str uri, struct str tag)
{
	if (display.n) {
		sip_quote(b, display);
		buf_char(b, ' ');
	}
	buf_char(b, '<');
	write_value(b, uri);
	buf_char(b, '>');
	if (tag.n) {
		buf_str(b, STR(";tag="));
		write_value(b, tag);
	}
}

void sip_write_content(struct buf *b, struct str content_type, struct str body)
{
	if (body.n)
		sip_write_header(b, SIP_HDR_CONTENT_TYPE, content_type);
	sip_write_header_u64(b, SIP_HDR_CONTENT_LENGTH, body.n);
	buf_str(b, STR("\r\n"));
	buf_str(b, body);
}
