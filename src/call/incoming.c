/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A new INVITE becomes a call: who sends it, which number it wants, what it offers.  From here on conduct.c has it.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_sip.h"
#include "call/record.h"

/* RFC 3261 21.5.4.  Before anything is looked up: what is shed must be cheap. */
static bool is_shed(struct calls *cs, struct sip_strans *st)
{
	static const struct sip_extra later = {.headers = {"Retry-After: 10\r\n", 17}};

	if (!cs->is_draining && cs->ncalls < cs->conf.max_calls)
		return false;
	metric_add(METRIC_SIP_SHED, 1);
	sip_refuse(st, 503, NULL, &later);
	return true;
}

/* The number in a Request-URI: unescaped, without the user's own parameters (";phone-context=…"), of a tel: URI without
 * visual separators (RFC 3966 5.1.1).  Returns the status to refuse with, 0 = fine. */
static unsigned dialled_number(char *dst, size_t dst_bytes, struct str text)
{
	struct sip_uri uri;
	struct str user;
	size_t n = 0;

	if (sip_uri_parse(&uri, text))
		return 400;
	if (uri.scheme == SIP_SCHEME_OTHER)
		return 416;
	user = str_cut(&uri.user, ';');
	if (sip_unescape(dst, dst_bytes, user))
		return 404; /* too long, or bytes that no number has */
	if (uri.scheme != SIP_SCHEME_TEL)
		return 0;
	for (const char *p = dst; *p; p++)
		if (!strchr("-.()", *p))
			dst[n++] = *p;
	dst[n] = '\0';
	return 0;
}

static void caller_identity(struct call *call, struct leg *leg, const struct identity *who)
{
	const struct extension *ext = who->extension;

	call->caller = leg->id;
	call->caller_account_id = leg->account_id = who->account->o.id;
	(void)snprintf(call->domain, sizeof(call->domain), "%s", who->tenant->domain);
	(void)snprintf(call->rec.direction, sizeof(call->rec.direction), "internal");
	if (!ext) {
		(void)snprintf(call->rec.caller, sizeof(call->rec.caller), "%s",
			       who->account->username);
		return;
	}
	call->caller_extension_id = leg->extension_id = ext->o.id;
	(void)snprintf(call->rec.caller, sizeof(call->rec.caller), "%s", ext->number);
	(void)snprintf(call->rec.caller_name, sizeof(call->rec.caller_name), "%s%s%s",
		       ext->first_name, ext->first_name[0] && ext->last_name[0] ? " " : "",
		       ext->last_name);
	(void)snprintf(leg->rec.number, sizeof(leg->rec.number), "%s", ext->number);
}

/* What it offers.  No description: we shall be asked to offer (late offer).  Returns the status to refuse with, 0 = fine. */
static unsigned take_offer(struct leg *leg, const struct sip_msg *req)
{
	struct str sdp = sip_msg_body(req, STR("application/sdp"));
	unsigned status = 0;

	leg->nstreams = 1;
	if (!sdp.n)
		return req->body.n ? 415 : 0;
	if (leg_sdp_parse(&leg->offered, sdp, &status))
		return status;
	leg->nstreams = leg_sdp_streams(leg->offered);
	return 0;
}

static void refuse(struct call *call, unsigned status)
{
	struct str headers = status == 415 ? STR("Accept: application/sdp\r\n") : STR_NONE;
	enum reason reason = REASON_NOT_ACCEPTABLE;

	if (status == 404)
		reason = REASON_NOT_FOUND;
	else if (status == 500)
		reason = REASON_OVERLOAD;
	else if (status == 483)
		reason = REASON_LOOP;
	else if (status == 400 || status == 416)
		reason = REASON_PROTOCOL;

	record_call_begin(call);
	call_end(call, reason, status, "system", headers);
}

/* RFC 3261 16.6 step 3, so that two servers that send calls to each other come to an end.  0: it has come too far. */
static unsigned hops_left(const struct sip_msg *req)
{
	struct str text = sip_msg_header(req, SIP_HDR_MAX_FORWARDS);
	uint32_t n;

	if (!text.n || str_u32(text, &n) || n > 70)
		return 70;
	return n ? n - 1 : 0;
}

static void note_request(struct leg *leg, const struct sip_msg *req)
{
	struct str agent = sip_msg_header(req, SIP_HDR_USER_AGENT);

	(void)snprintf(leg->rec.sip_call_id, sizeof(leg->rec.sip_call_id), "%.*s",
		       STR_ARG(req->call_id));
	(void)snprintf(leg->call->rec.sip_call_id, sizeof(leg->call->rec.sip_call_id), "%.*s",
		       STR_ARG(req->call_id));
	(void)snprintf(leg->rec.user_agent, sizeof(leg->rec.user_agent), "%.*s", STR_ARG(agent));
}

/* The call, its caller's leg and the INVITE usage: all three, or none and the request still ours. */
static int make(struct leg **lp, struct calls *cs, struct sip_strans *st,
		const struct identity *who, const char *dialled)
{
	const struct sip_msg *req = sip_strans_request(st);
	struct call *call = call_alloc(cs, who->tenant->o.id);
	struct buf contact = {0};
	struct leg *leg;
	int err;

	if (!call)
		return ENOMEM;
	err = leg_alloc(&leg, call, true);
	if (err) {
		call_free(call);
		return err;
	}
	caller_identity(call, leg, who);
	leg->flow = req->flow;
	calls_bind_for(cs, &req->flow, &leg->bind);
	note_request(leg, req);
	(void)snprintf(call->rec.callee, sizeof(call->rec.callee), "%s", dialled);
	err = leg_sip_contact(&contact, cs, &req->flow, str_of(dialled));
	if (!err)
		err = sip_invite_uas(&leg->inv, st, contact.p, leg_sip_event, leg);
	buf_free(&contact);
	if (err) {
		leg_free(leg);
		call_free(call);
		return err;
	}
	*lp = leg;
	return 0;
}

static void not_made(struct sip_strans *st, int err)
{
	static const struct sip_extra later = {.headers = {"Retry-After: 10\r\n", 17}};
	bool is_its_fault =
		err == EPROTO || err == E2BIG; /* no Contact to reach it by, or too many routes */

	if (is_its_fault)
		sip_refuse(st, 400, "No Usable Contact", NULL);
	else
		sip_refuse(st, err == ENOSPC ? 503 : 500, NULL, &later);
}

void calls_incoming(struct sip_strans *st, const struct sip_msg *req, void *calls)
{
	struct calls *cs = calls;
	struct identity who;
	char dialled[sizeof(((struct call_record *)0)->callee)];
	struct leg *leg;
	unsigned status;
	int err;

	ON_THREAD(THREAD_CORE);
	if (is_shed(cs, st) || !registrar_identify(cs->conf.registrar, st, req, &who))
		return;
	status = dialled_number(dialled, sizeof(dialled), req->uri);
	err = make(&leg, cs, st, &who, status ? "" : dialled);
	if (err) {
		not_made(st, err);
		return;
	}
	leg->call->max_forwards = hops_left(req);
	if (!status && !leg->call->max_forwards)
		status = 483;
	if (!status)
		status = take_offer(leg, req);
	if (status)
		refuse(leg->call, status);
	else
		call_begin(leg->call);
}
