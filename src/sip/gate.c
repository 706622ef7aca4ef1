/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every new request must pass before a handler or a dialog sees it (RFC 3261 8.2), in the RFC's order: method,
 * Request-URI, merged requests, Require, content.  Refusals leave nothing behind.
 *
 * OPTIONS is answered here too: who asks whether we live gets the same answer in and out of a dialog, with whatever
 * Max-Forwards, because we are who it was sent to (RFC 3261 11).
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "sip/header.h"
#include "sip/stack.h"

#define ACCEPT_LINE "Accept: application/sdp\r\n"

static void add_token(struct buf *b, struct str token)
{
	if (b->n)
		buf_cstr(b, ", ");
	buf_str(b, token);
}

/* Methods that a dialog's user takes need no handler of their own; one of them may have one, to ask first who comes with it. */
static bool is_in_dialog_only(enum sip_method m)
{
	return m == SIP_ACK || m == SIP_BYE || m == SIP_CANCEL || m == SIP_UPDATE ||
	       m == SIP_INFO || m == SIP_PRACK;
}

/* The dialog of a call is none of a subscription: we have asked for no NOTIFY. */
static bool is_for_calls(enum sip_method m)
{
	return m != SIP_REGISTER && m != SIP_SUBSCRIBE && m != SIP_NOTIFY && m != SIP_PUBLISH;
}

static bool is_taken(const struct sip *s, enum sip_method m)
{
	if (m == SIP_PRACK) /* it goes with its option */
		return stack_supports(s, SIP_OPTION_100REL);
	return s->handlers[m].fn || m == SIP_OPTIONS || is_in_dialog_only(m);
}

void gate_write_lists(struct sip *s)
{
	buf_reset(&s->allow);
	buf_reset(&s->allow_within);
	for (int m = 0; m < SIP_UNKNOWN_METHOD; m++) {
		if (!is_taken(s, m))
			continue;
		add_token(&s->allow, sip_method_name(m));
		if (is_for_calls(m))
			add_token(&s->allow_within, sip_method_name(m));
	}
	buf_reset(&s->supported);
	for (size_t i = 0; i < s->noptions; i++)
		add_token(&s->supported, str_of(s->options[i]));
}

void sip_write_allow_within(const struct sip *s, struct buf *lines)
{
	buf_printf(lines, "Allow: %.*s\r\n", STR_ARG(buf_view(&s->allow_within)));
}

static bool refuse(struct sip *s, const struct sip_msg *req, unsigned status, const char *reason,
		   struct buf *lines)
{
	log_debug(NULL, LOGID_SIP_REFUSED, "%.*s refused with %u %s", STR_ARG(req->method_name),
		  status, reason ? reason : sip_reason_phrase(status));
	message_answer(s, req,
		       &(struct response){.status = status,
					  .reason = reason,
					  .more = lines ? buf_view(lines) : STR_NONE});
	if (lines)
		buf_free(lines);
	return true;
}

static bool refuse_method(struct sip *s, const struct sip_msg *req)
{
	struct buf lines = {0};

	if (is_in_dialog_only(req->method))
		return refuse(s, req, 481, NULL, NULL);
	buf_printf(&lines, "Allow: %.*s\r\n", STR_ARG(buf_view(&s->allow)));
	return refuse(s, req, req->method == SIP_UNKNOWN_METHOD ? 501 : 405, NULL, &lines);
}

/* RFC 5031: help is called for by what it is, not by a number. */
static bool is_service(const struct sip_msg *req, const struct sip_uri *uri)
{
	const struct str begin = STR("urn:service:");

	return req->method == SIP_INVITE && uri->other.n > begin.n &&
	       str_ieq((struct str){uri->other.p, begin.n}, begin);
}

static bool refuses_uri(struct sip *s, const struct sip_msg *req)
{
	struct sip_uri uri;

	if (sip_uri_parse(&uri, req->uri))
		return refuse(s, req, 400, "Malformed Request-URI", NULL);
	if (uri.scheme == SIP_SCHEME_OTHER && !is_service(req, &uri))
		return refuse(s, req, 416, NULL, NULL);
	return false;
}

/* RFC 3323 4.3: of a proxy only; what Privacy asks for is done with or without it. */
static bool is_known(const struct sip *s, enum sip_hdr id, struct str tag)
{
	return stack_supports(s, tag) ||
	       (id == SIP_HDR_PROXY_REQUIRE && str_ieq(tag, STR("privacy")));
}

static void add_unknown(const struct sip *s, const struct sip_msg *req, enum sip_hdr id,
			struct buf *unknown)
{
	struct sip_values v;
	struct str tag;

	sip_values_init(&v, req, id);
	while (sip_values_next(&v, &tag))
		if (tag.n && !is_known(s, id, tag))
			add_token(unknown, tag);
}

/* To those who call through us we are a proxy too: what they want of one is not passed on in silence (16.3). */
static bool refuses_option(struct sip *s, const struct sip_msg *req)
{
	struct buf unknown = {0}, lines = {0};

	add_unknown(s, req, SIP_HDR_REQUIRE, &unknown);
	add_unknown(s, req, SIP_HDR_PROXY_REQUIRE, &unknown);
	if (!unknown.n)
		return false;
	buf_printf(&lines, "Unsupported: %.*s\r\n", STR_ARG(buf_view(&unknown)));
	buf_free(&unknown);
	return refuse(s, req, 420, NULL, &lines);
}

/* RFC 3261 20.1, 21.4.7: it wants no description of a session, and there is nothing else that we could answer it with. */
static bool refuses_answer(struct sip *s, const struct sip_msg *req)
{
	static const struct str taken[] = {{"*/*", 3},
					   {"application/*", 13},
					   {"application/sdp", 15},
					   {"multipart/mixed", 15}};
	struct sip_values v;
	struct str range;

	if (req->method != SIP_INVITE || !sip_msg_has(req, SIP_HDR_ACCEPT))
		return false;
	sip_values_init(&v, req, SIP_HDR_ACCEPT);
	while (sip_values_next(&v, &range)) {
		struct str type = str_trim(str_cut(&range, ';'));

		for (size_t i = 0; i < ARRAY_LEN(taken); i++)
			if (str_ieq(type, taken[i]))
				return false;
	}
	return refuse(s, req, 406, NULL, NULL);
}

static bool is_urgent(struct sip *s, const struct sip_msg *req)
{
	return s->urgent && s->urgent(req, s->urgent_arg);
}

/* RFC 3261 8.2.3.  Bodies of INFO, MESSAGE, NOTIFY … are their handlers' business.  Who calls for help may say with it what we do not
 * understand. */
static enum sip_body_fault fault_of(struct sip *s, const struct sip_msg *req)
{
	bool has_session = req->method == SIP_INVITE || req->method == SIP_UPDATE;
	enum sip_body_fault fault =
		sip_msg_body_fault(req, has_session ? STR("application/sdp") : STR_NONE);

	return fault && has_session && sip_msg_body(req, STR("application/sdp")).n &&
			       is_urgent(s, req)
		       ? SIP_BODY_FINE
		       : fault;
}

static bool refuses_content(struct sip *s, const struct sip_msg *req)
{
	enum sip_body_fault fault = fault_of(s, req);
	struct buf lines = {0};

	if (!fault)
		return false;
	buf_cstr(&lines,
		 fault == SIP_BODY_ENCODING ? "Accept-Encoding: identity\r\n" : ACCEPT_LINE);
	return refuse(s, req, 415, NULL, &lines);
}

static bool refuse_session(struct sip *s, const struct sip_msg *req)
{
	struct buf lines = {0};

	buf_printf(&lines, "Min-SE: %u\r\n", SIP_MIN_SE);
	return refuse(s, req, 422, NULL, &lines);
}

static bool has_no_hops(const struct sip_msg *req)
{
	uint32_t hops;

	return sip_msg_has(req, SIP_HDR_MAX_FORWARDS) &&
	       !str_u32(sip_msg_header(req, SIP_HDR_MAX_FORWARDS), &hops) && !hops;
}

static bool answer_options(struct sip *s, const struct sip_msg *req)
{
	struct buf lines = {0};

	if (req->to_tag.n && !dialogs_knows(s, req))
		return refuse(s, req, 481, NULL, NULL);
	buf_printf(&lines, "Allow: %.*s\r\n" ACCEPT_LINE, STR_ARG(buf_view(&s->allow)));
	buf_printf(&lines,
		   "Accept-Encoding: identity\r\nAccept-Language: en\r\nSupported: %.*s\r\n",
		   STR_ARG(buf_view(&s->supported)));
	if (s->events)
		buf_printf(&lines, "Allow-Events: %s\r\n", s->events);
	message_answer(s, req, &(struct response){.status = 200, .more = buf_view(&lines)});
	buf_free(&lines);
	return true;
}

static bool is_too_many(const struct sip *s)
{
	if (!stack_is_full(s))
		return false;
	log_warn(NULL, LOGID_OVERLOAD, "%zu SIP transactions: new requests get 503",
		 s->nclients + s->nservers);
	return true;
}

/* Who has answered a challenge has cost us more than who has not: those go first. */
static enum congestion_work work_of(const struct sip_msg *req)
{
	if (sip_msg_has(req, SIP_HDR_AUTHORIZATION) ||
	    sip_msg_has(req, SIP_HDR_PROXY_AUTHORIZATION))
		return CONGESTION_PROVEN;
	return req->method == SIP_INVITE && !flow_is_stream(req->flow.transport)
		       ? CONGESTION_THINNED
		       : CONGESTION_NEW;
}

static bool is_too_late(struct sip *s, const struct sip_msg *req)
{
	return !congestion_admits(&s->congestion, work_of(req)) && !is_urgent(s, req);
}

/* RFC 3261 21.5.4. */
static void tell_to_come_again(struct sip *s, const struct sip_msg *req)
{
	struct buf lines = {0};

	buf_printf(&lines, "Retry-After: %u\r\n", 5 + (unsigned)rng_below(s->conf.env.rng, 10));
	refuse(s, req, 503, NULL, &lines);
}

/* Work in progress goes on; what is new is told to come again, or dropped as what was thinned out before it. */
static bool sheds(struct sip *s, const struct sip_msg *req)
{
	bool is_full;

	if (tag_is_ours(s, req->to_tag))
		return false;
	is_full = is_too_many(s);
	if (!is_full && !is_too_late(s, req))
		return false;
	metric_add(METRIC_SIP_SHED, 1);
	if (is_full || congestion_tells(&s->congestion, work_of(req)))
		tell_to_come_again(s, req);
	return true;
}

/* Whatever face this peer is told, and whatever another. */
static bool is_ours(const struct sip *s, const struct flow *flow, const struct addr *a)
{
	static const uint8_t faces[] = {FLOW_FACE_OWN, FLOW_FACE_AUTO, FLOW_FACE_PUBLIC};
	struct flow as = *flow;

	for (size_t i = 0; i < ARRAY_LEN(faces); i++) {
		struct addr seen = flow->local;

		as.faces.via = faces[i];
		flow_show_via(s->conf.edge, &as, &seen);
		if (addr_eq(a, &seen))
			return true;
	}
	return false;
}

/* RFC 3261 16.3: it has passed here.  Ours below another's says so, unless a proxy sends on to a number of ours what we have sent
 * it for another: that may come in, and what is left of Max-Forwards ends it where it turns in a circle. */
static bool has_been_here(const struct sip *s, const struct sip_msg *req)
{
	struct sip_values vias;
	struct sip_via via;
	struct str value;
	struct addr at;
	oid id;

	sip_values_init(&vias, req, SIP_HDR_VIA);
	if (!sip_values_next(&vias, &value))
		return false;
	while (sip_values_next(&vias, &value)) {
		if (sip_via_parse(&via, value) ||
		    addr_parse(&at, via.host, via.port ? via.port : 5060) ||
		    !is_ours(s, &req->flow, &at))
			continue;
		id = tag_branch_id(s, via.branch);
		if (!id || ctrans_asks_for(s, id, req->uri))
			return true;
	}
	return false;
}

bool gate_refuses(struct sip *s, const struct sip_msg *req)
{
	bool is_new = !req->to_tag.n;

	if (sheds(s, req))
		return true;
	if (req->method == SIP_UNKNOWN_METHOD)
		return refuse_method(s, req);
	if (is_new && req->method != SIP_OPTIONS && !s->handlers[req->method].fn)
		return refuse_method(s, req);
	if (is_new && refuses_uri(s, req))
		return true;
	if (strans_is_merged(s, req) || (is_new && has_been_here(s, req)))
		return refuse(s, req, 482, NULL, NULL);
	if (refuses_option(s, req))
		return true;
	if (req->method == SIP_OPTIONS)
		return answer_options(s, req);
	if ((req->method == SIP_INVITE || req->method == SIP_UPDATE) &&
	    session_is_too_short(s, req))
		return refuse_session(s, req);
	if (is_new && has_no_hops(req) && req->method != SIP_REGISTER)
		return refuse(s, req, 483, NULL, NULL);
	return refuses_answer(s, req) || refuses_content(s, req);
}
