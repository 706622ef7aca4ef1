/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages: whatever is accepted can be asked everything, and the answer to a good request is a good response. */
#include <string.h>
#include "base/mem.h"
#include "fuzz.h"
#include "sip/sip.h"
#include "sip/write.h"

static const struct addr remote = {.family = 4, .port = 5060, .ip = {192, 0, 2, 9}};

static bool is_inside(const struct sip_msg *m, struct str s)
{
	const char *start = (const char *)m;

	return !s.n || (s.p > start && s.p + s.n <= start + mem_bytes());
}

/* Text from the wire, into a name that we show, and back into a header. */
static void unquote_and_quote(struct str display)
{
	char text[256], again[256];
	struct buf b = {0};
	struct sip_addr a;

	if (sip_unquote(text, sizeof(text), display))
		return;
	sip_write_addr(&b, str_of(text), STR("sip:a@b"), STR("t"));
	MUST(!b.err && !sip_addr_parse(&a, buf_view(&b)));
	MUST(!sip_unquote(again, sizeof(again), a.display) && !strcmp(text, again));
	buf_free(&b);
}

static void unescape_and_escape(struct str user)
{
	char text[256], again[256];
	struct buf b = {0};
	struct sip_uri u;

	if (sip_unescape(text, sizeof(text), user) || !*text)
		return;
	buf_str(&b, STR("sip:"));
	sip_escape_user(&b, str_of(text));
	buf_str(&b, STR("@h"));
	MUST(!b.err && !sip_uri_parse(&u, buf_view(&b)));
	MUST(!sip_unescape(again, sizeof(again), u.user) && !strcmp(text, again));
	buf_free(&b);
}

static void use_uri(struct str text)
{
	struct sip_uri u;
	struct str v;

	if (sip_uri_parse(&u, text))
		return;
	MUST(sip_uri_eq(&u, &u));
	(void)sip_param(u.params, STR("transport"), &v);
	unescape_and_escape(u.user);
}

static void use_values(const struct sip_msg *m)
{
	for (int id = 0; id < SIP_HDR_OTHER; id++) {
		struct sip_values v;
		struct str s, param;

		sip_values_init(&v, m, (enum sip_hdr)id);
		while (sip_values_next(&v, &s)) {
			struct sip_addr a;
			struct sip_via via;

			MUST(s.n && is_inside(m, s));
			if (!sip_via_parse(&via, s))
				MUST(via.host.n && via.transport.n);
			if (sip_addr_parse(&a, s))
				continue;
			(void)sip_param(a.params, STR("expires"), &param);
			unquote_and_quote(a.display);
			use_uri(a.uri);
		}
		(void)sip_msg_lists(m, (enum sip_hdr)id, STR("100rel"));
	}
}

/* The fields that a response repeats. */
static void compare(const struct sip_msg *req, const struct sip_msg *resp)
{
	MUST(!resp->is_request && resp->status == 200);
	MUST(resp->method == req->method && str_eq(resp->method_name, req->method_name));
	MUST(str_eq(resp->call_id, req->call_id));
	MUST(str_eq(resp->from_tag, req->from_tag));
	MUST(str_eq(resp->branch, req->branch));
	MUST(resp->cseq == req->cseq);
	MUST(str_eq(resp->to_tag, req->to_tag.n ? req->to_tag : STR("our")));
}

static void answer(const struct sip_msg *m, bool is_good)
{
	struct sip_msg *resp = NULL;
	struct buf b = {0};
	unsigned status;
	int err;

	sip_write_response_head(&b, m, 200, NULL, STR("our"));
	sip_write_content(&b, STR("text/plain"), m->body);
	MUST(!b.err);
	if (is_good && b.n <= SIP_MAX_BYTES && m->nheaders < SIP_MAX_HEADERS / 2) {
		err = sip_msg_parse(&resp, &m->flow, b.p, b.n, &status);
		MUST(!err);
		compare(m, resp);
		MUST(str_eq(resp->body, m->body));
		sip_msg_deref(resp);
	}
	buf_free(&b);
}

static bool body_is_as_long_as_said(const struct sip_msg *m)
{
	uint64_t said;

	if (!sip_msg_has(m, SIP_HDR_CONTENT_LENGTH))
		return true;
	return !str_u64(sip_msg_header(m, SIP_HDR_CONTENT_LENGTH), &said) && said == m->body.n;
}

static void run(const uint8_t *p, size_t n, enum flow_transport t)
{
	struct flow flow = {.transport = t, .remote = remote};
	struct sip_msg *m = NULL;
	unsigned status;
	int err = sip_msg_parse(&m, &flow, p, n, &status);

	MUST(err == 0 || err == EPROTO || err == EBADMSG);
	MUST(!m == (err == EBADMSG));
	MUST((status != 0) == (err == EPROTO));
	if (!m)
		return;
	MUST(m->nheaders <= SIP_MAX_HEADERS);
	MUST(!m->bad == !err);
	if (!err) {
		MUST(m->call_id.n && (m->method_name.n || !m->is_request));
		MUST(is_inside(m, m->body) && m->body.n <= n);
		MUST(body_is_as_long_as_said(m));
	} else {
		MUST(m->is_request);
	}
	use_uri(m->uri);
	use_values(m);
	(void)sip_msg_body(m, STR("application/sdp"));
	(void)sip_msg_header_named(m, STR("X-Anything"));
	if (m->is_request)
		answer(m, !err);
	sip_msg_deref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t objects = mem_objects();

	run(p, n, FLOW_UDP);
	run(p, n, FLOW_TCP);
	MUST(mem_objects() == objects);
	return 0;
}
