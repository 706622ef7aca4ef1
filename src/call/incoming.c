/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A new INVITE becomes a call: who sends it, which number it wants, what it offers.  From here on conduct.c has it.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "call/diverted.h"
#include "call/events.h"
#include "call/attest.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/leg_sip.h"
#include "call/party.h"
#include "call/pickup.h"
#include "call/record.h"
#include "call/rewrite.h"
#include "call/shape.h"
#include "call/supposed.h"
#include "route/index.h"
#include "schema/did.h"

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

unsigned calls_number_dialled(char *dst, size_t dst_bytes, struct str text)
{
	struct str user, kind;
	struct sip_uri uri;
	size_t n = 0;

	if (sip_uri_parse(&uri, text))
		return 400;
	if (uri.scheme == SIP_SCHEME_OTHER)
		return 416;
	user = str_cut(&uri.user, ';');
	if (sip_unescape(dst, dst_bytes, user))
		return 404; /* too long, or bytes that no number has */
	if (uri.scheme != SIP_SCHEME_TEL &&
	    !(sip_param(uri.params, STR("user"), &kind) && str_ieq(kind, STR("phone"))))
		return 0; /* RFC 3261 19.1.6: only of a telephone number are separators for people */
	for (const char *p = dst; *p; p++)
		if (!strchr("-.()", *p))
			dst[n++] = *p;
	dst[n] = '\0';
	return 0;
}

unsigned calls_number_wanted(char *dst, size_t dst_bytes, struct str uri)
{
	if (!route_is_sos(uri))
		return calls_number_dialled(dst, dst_bytes, uri);
	return str_copy(dst, dst_bytes, uri) ? 404 : 0;
}

void calls_extension_name(const struct calls *cs, uint64_t tenant_id, uint64_t id, char *dst,
			  size_t dst_bytes)
{
	const struct extension *ext = model_extension(cs->conf.model, tenant_id, id);

	dst[0] = '\0';
	if (ext && (ext->first_name[0] || ext->last_name[0]))
		(void)snprintf(dst, dst_bytes, "%s%s%s", ext->first_name,
			       ext->first_name[0] && ext->last_name[0] ? " " : "", ext->last_name);
}

static void leg_identity(struct leg *leg, const struct identity *who)
{
	if (!who->account)
		return; /* it came from a trunk: on_trunk() */
	leg->account_id = who->account->o.id;
	leg->nat = (enum nat_choice)who->account->nat;
	leg->dtmf = (enum dtmf_choice)who->account->dtmf;
	if (!who->extension)
		return;
	leg->extension_id = who->extension->o.id;
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(who->extension->number));
}

static void caller_identity(struct call *call, struct leg *leg, const struct identity *who)
{
	const struct extension *ext = who->extension;

	call->caller = leg->id;
	if (!who->account)
		return;
	call->caller_account_id = who->account->o.id;
	str_fit(call->domain, sizeof(call->domain), str_of(who->tenant->domain));
	str_fit(call->rec.direction, sizeof(call->rec.direction), STR("internal"));
	if (!ext) {
		str_fit(call->rec.caller, sizeof(call->rec.caller), str_of(who->account->username));
		return;
	}
	call->caller_extension_id = ext->o.id;
	str_fit(call->rec.caller, sizeof(call->rec.caller), str_of(ext->number));
	calls_extension_name(call->cs, ext->o.tenant_id, ext->o.id, call->rec.caller_name,
			     sizeof(call->rec.caller_name));
}

/* Of a device that speaks for many: who calls this time. */
static void on_behalf(struct call *call, struct leg *leg, const struct sip_msg *req)
{
	struct party p;

	leg->is_private = party_wants_privacy(req);
	shape_read_wishes(call, req);
	if (!party_is_trusted(leg) || !party_preferred(&p, req))
		return;
	party_keep(leg, &p);
	str_fit(call->wanted_id, sizeof(call->wanted_id), str_of(p.number));
	str_fit(call->rec.caller, sizeof(call->rec.caller), str_of(p.number));
	str_fit(call->rec.caller_name, sizeof(call->rec.caller_name), str_of(p.name));
}

/* What it offers.  No description: we shall be asked to offer (late offer).  Returns the status to refuse with, 0 = fine. */
static unsigned take_offer(struct leg *leg, const struct sip_msg *req)
{
	struct str sdp = sip_msg_body(req, STR("application/sdp"));
	unsigned status = 0;

	leg->nstreams = 1;
	if (!sdp.n)
		return sip_msg_body_fault(req, STR("application/sdp")) ? 415 : 0;
	if (leg_sdp_parse(leg, &leg->offered, sdp, false, &status))
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
	else if (status == 403 || status == 428 || (status >= 436 && status <= 438))
		reason = REASON_FORBIDDEN;

	record_call_begin(call);
	call_end(call, reason, status, "system", headers);
}

static void refuse_elsewhere(struct call *call)
{
	record_call_begin(call);
	call_end(call, REASON_NOT_HERE, 0, "system", STR_NONE);
}

/* RFC 3261 8.2.2.1: 102@elsewhere is not our 102, and we are no way to there.  Whoever needs help is not asked where. */
static bool is_elsewhere(struct calls *cs, const struct identity *who, struct str text,
			 const char *dialled)
{
	struct sip_uri uri;
	struct log_ctx ctx = {.tenant = who->tenant->o.id};

	if (sip_uri_parse(&uri, text) || !uri.host.n ||
	    !registrar_is_elsewhere(cs->conf.registrar, who, uri.host) ||
	    route_is_emergency(cs->conf.model, who->tenant->o.id, str_of(dialled)))
		return false;
	log_info(&ctx, LOGID_CALL, "%s calls %s at %.*s, which is not this server: 404",
		 who->account->username, dialled, STR_ARG(uri.host));
	return true;
}

struct host_sought {
	uint64_t tenant_id;
	struct str host;
	bool is_found;
};

static void is_its_host(const struct model *m, const struct resource *res, uint64_t tenant_id,
			uint64_t id, void *arg)
{
	const struct trunk *t = model_trunk(m, id);
	struct host_sought *s = arg;

	s->is_found |=
		(!t->owner_id || t->owner_id == s->tenant_id) && str_ieq(s->host, str_of(t->host));
}

bool calls_names_elsewhere(const struct leg *leg, struct str text, const char *dialled)
{
	const struct model *m = leg->cs->conf.model;
	const struct identity who = {
		.tenant = model_tenant(m, leg->rec.tenant_id),
		.account = model_account(m, leg->rec.tenant_id, leg->account_id),
	};
	struct host_sought s = {.tenant_id = leg->rec.tenant_id};
	struct sip_uri uri;

	if (leg->trunk_id || !who.tenant || !who.account || sip_uri_parse(&uri, text) ||
	    !registrar_is_elsewhere(leg->cs->conf.registrar, &who, uri.host))
		return false;
	s.host = uri.host;
	model_tell_all(m, &resource_trunk, 0, is_its_host, &s);
	return !s.is_found && is_elsewhere(leg->cs, &who, text, dialled);
}

/* RFC 3261 16.6 step 3, so that two servers that send calls to each other come to an end.  0: it has come too far. */
static unsigned hops_left(const struct sip_msg *req)
{
	struct str text = sip_msg_header(req, SIP_HDR_MAX_FORWARDS);
	uint32_t n;

	if (!text.n || str_u32(text, &n) || n > 70)
		return 70;
	return n == 1 ? SIP_LAST_HOP : n ? n - 1 : 0;
}

static void note_request(struct leg *leg, const struct sip_msg *req)
{
	struct str agent = sip_msg_header(req, SIP_HDR_USER_AGENT);

	str_fit(leg->rec.sip_call_id, sizeof(leg->rec.sip_call_id), req->call_id);
	str_fit(leg->rec.user_agent, sizeof(leg->rec.user_agent), agent);
}

/* ---- trunks ---- */

/* A caller outside.  A number is shown as it is written, or as +E.164 (TRK-15). */
static void read_caller(struct party *p, const struct trunk *t, const struct sip_msg *req)
{
	party_read(p, req, t && t->trust_identity);
	(void)shape_read(t, INBOUND_VALUE_CALLER_NUMBER, req, p->number, sizeof(p->number));
	(void)shape_read(t, INBOUND_VALUE_CALLER_NAME, req, p->name, sizeof(p->name));
	p->is_private |= !p->number[0];
}

static void caller_number(char *dst, size_t dst_bytes, const struct tenant *tenant,
			  const struct trunk *t, const char *number)
{
	route_number_form(dst, dst_bytes, tenant, str_of(number),
			  t && t->number_form != NUMBER_FORM_AS_IS ? NUMBER_FORM_PLUS
								   : NUMBER_FORM_AS_IS);
}

static void caller_outside(struct call *call, struct leg *leg, const struct sip_msg *req)
{
	const struct trunk *t = model_trunk(call->cs->conf.model, leg->trunk_id);
	struct call_record *rec = &call->rec;
	struct party p;

	(void)snprintf(rec->direction, sizeof(rec->direction), "inbound");
	read_caller(&p, t, req);
	leg->is_private = p.is_private;
	if (leg->is_private) {
		party_keep(leg, &p);
		(void)snprintf(rec->caller, sizeof(rec->caller), "anonymous");
	} else {
		caller_number(rec->caller, sizeof(rec->caller),
			      model_tenant(call->cs->conf.model, rec->tenant_id), t, p.number);
		str_fit(rec->caller_name, sizeof(rec->caller_name), str_of(p.name));
	}
	str_fit(leg->rec.number, sizeof(leg->rec.number), str_of(rec->caller));
}

/* What an INVITE with Replaces wants. */
struct wanted {
	bool is_there;
	struct replaces replaces;
	struct leg *leg; /* NULL: we have no such call */
};

struct from_trunk {
	uint64_t trunk_id;
	const struct tenant *tenant;
	struct sip_msg *req; /* as the trunk's header_rules leave it; a reference */
};

static uint64_t owner_of(const struct calls *cs, uint64_t trunk_id, const char *number)
{
	return *number ? route_index_did(cs->conf.route_index, trunk_id, did_plain(str_of(number)))
		       : 0;
}

/* TRK-7: the number called is where the trunk's inbound_parameters say; else in the Request-URI, or (it may be our Contact that
 * stands there) in To or P-Called-Party-ID: the first that is a tenant's.  0: nobody's, and dialled stays as it was. */
static uint64_t tenant_called(const struct calls *cs, uint64_t trunk_id, const struct sip_msg *req,
			      char *dialled, size_t dialled_bytes)
{
	static const int usual[] = {CALL_HEADER_TO, CALL_HEADER_CALLED_PARTY};
	const struct trunk *t = model_trunk(cs->conf.model, trunk_id);
	char number[sizeof(((struct call_record *)0)->callee)];
	bool is_told = shape_read(t, INBOUND_VALUE_CALLED_NUMBER, req, number, sizeof(number));
	uint64_t tenant_id =
		is_told ? owner_of(cs, trunk_id, number) : owner_of(cs, trunk_id, dialled);

	if (!is_told && tenant_id)
		return tenant_id;
	for (size_t i = 0; !is_told && !tenant_id && i < ARRAY_LEN(usual); i++)
		if (shape_user_of(req, usual[i], number, sizeof(number)))
			tenant_id = owner_of(cs, trunk_id, number);
	if (tenant_id)
		str_fit(dialled, dialled_bytes, str_of(number));
	return tenant_id;
}

/* What the trunk's rules leave of it, and the number that is called then.  ENOMEM */
static int as_trunk_means(struct calls *cs, const struct sip_msg *req, struct from_trunk *out,
			  char *number, size_t number_bytes)
{
	int err;

	out->req = sip_msg_deref(out->req);
	err = rewrite_in(&out->req, model_trunk(cs->conf.model, out->trunk_id), req,
			 HEADER_RULES_INVITE);
	if (!err && !str_eq(out->req->uri, req->uri) &&
	    calls_number_wanted(number, number_bytes, out->req->uri))
		number[0] = '\0';
	return err;
}

/* TRK-12: whose number is called on a trunk to the host this comes from?  False: it comes from no trunk. */
static bool from_trunk(struct calls *cs, const struct sip_msg *req, char *dialled,
		       size_t dialled_bytes, const struct wanted *wanted, struct from_trunk *out)
{
	size_t pos = 0;
	uint64_t id;
	bool is_trunk = false;

	while (cs->conf.trunks && !out->tenant &&
	       (id = trunks_of_source(cs->conf.trunks, &req->flow, &pos))) {
		char number[sizeof(((struct call_record *)0)->callee)];
		uint64_t tenant_id;

		if (!trunks_is_meant(cs->conf.trunks, id, req->uri))
			continue;
		is_trunk = true;
		out->trunk_id = id;
		str_fit(number, sizeof(number), str_of(dialled));
		if (as_trunk_means(cs, req, out, number, sizeof(number)))
			break;
		tenant_id = tenant_called(cs, id, out->req, number, sizeof(number));
		if (!tenant_id)
			tenant_id = route_index_pbx(cs->conf.route_index, id);
		if (wanted->leg && wanted->leg->trunk_id == id) /* our own Contact is called */
			tenant_id = wanted->leg->rec.tenant_id;
		out->tenant = model_tenant(cs->conf.model, tenant_id);
		if (out->tenant)
			str_fit(dialled, dialled_bytes, str_of(number));
	}
	return is_trunk;
}

/* What a trunk sent and cannot be taken.  True: it was refused. */
static bool is_refused(struct calls *cs, struct sip_strans *st, const struct from_trunk *from,
		       const char *dialled)
{
	const struct sip_msg *req = sip_strans_request(st);
	char text[ADDR_STR_BYTES];

	if (!from->req) {
		sip_refuse(st, 500, NULL, NULL);
		return true;
	}
	if (!from->tenant) {
		log_warn(NULL, LOGID_TRUNK, "a call from %s to %s, which is in no pool: 404",
			 addr_str(text, &req->flow.remote), dialled);
		if (model_trunk(cs->conf.model, from->trunk_id))
			events_unknown(cs, model_trunk(cs->conf.model, from->trunk_id), dialled,
				       &req->flow);
		sip_refuse(st, 404, NULL, NULL);
		return true;
	}
	if (trunks_ready(cs->conf.trunks, from->trunk_id) == TRUNK_FULL) {
		sip_refuse(st, 503, NULL, NULL);
		return true;
	}
	return false;
}

static void write_more(struct buf *text, struct str lines)
{
	while (lines.n) {
		buf_str(text, str_cut(&lines, '\n'));
		buf_cstr(text, "\r\n");
	}
}

/* The INVITE that a provider, or a device, would send: for the simulator. */
static int supposed(struct sip_msg **mp, const struct calls_question *what)
{
	struct buf text = {0}, caller = {0};
	unsigned status;
	int err;

	sip_escape_user(&caller, str_of(what->caller));
	buf_cstr(&text, "INVITE sip:");
	sip_escape_user(&text, str_of(what->number));
	buf_printf(&text,
		   "@pbx.invalid SIP/2.0\r\nVia: SIP/2.0/UDP trunk.invalid;branch=z9hG4bK1\r\n"
		   "From: <sip:%.*s@trunk.invalid>;tag=1\r\nTo: <sip:",
		   STR_ARG(buf_view(&caller)));
	sip_escape_user(&text, str_of(what->number));
	buf_cstr(&text, "@pbx.invalid>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n");
	write_more(&text, str_of(what->headers ? what->headers : ""));
	buf_cstr(&text, "Content-Length: 0\r\n\r\n");
	err = text.err ? text.err : caller.err;
	*mp = NULL;
	if (!err)
		err = sip_msg_parse(mp, &(struct flow){.transport = FLOW_UDP}, text.p, text.n,
				    &status);
	if (err)
		*mp = sip_msg_deref(*mp);
	buf_free(&text);
	buf_free(&caller);
	return err;
}

static void suppose_outside(struct supposed *w, struct calls_question *what,
			    const struct sip_msg *req)
{
	const struct calls *cs = w->call.cs;

	w->call.from_trunk_id = w->leg.trunk_id = what->from_trunk_id;
	caller_outside(&w->call, &w->leg, req);
	str_fit(what->seen_caller, sizeof(what->seen_caller),
		str_of(w->leg.asserted ? w->leg.asserted->number : w->call.rec.caller));
	what->caller = what->seen_caller;
	if (what->transferred_by)
		return; /* an extension has named the number */
	if (calls_number_wanted(what->seen_number, sizeof(what->seen_number), req->uri))
		what->seen_number[0] = '\0';
	(void)tenant_called(cs, what->from_trunk_id, req, what->seen_number,
			    sizeof(what->seen_number));
	what->number = what->seen_number;
}

static void suppose_inside(struct supposed *w, const struct calls_question *what,
			   const struct sip_msg *req)
{
	const struct model *m = w->call.cs->conf.model;
	const struct object *o = model_number(m, what->tenant_id, str_of(what->caller));
	struct identity who = {.tenant = model_tenant(m, what->tenant_id)};
	size_t at = 0;

	if (!o || o->res != &resource_extension || !who.tenant)
		return;
	who.extension = (const struct extension *)o;
	who.account = model_extension_accounts(m, what->tenant_id, o->id, &at);
	leg_identity(&w->leg, &who);
	caller_identity(&w->call, &w->leg, &who);
	on_behalf(&w->call, &w->leg, req);
}

int calls_would_come(const struct calls *cs, struct calls_question *what)
{
	const struct trunk *t = model_trunk(cs->conf.model, what->from_trunk_id);
	struct sip_msg *came = NULL, *req = NULL;
	struct supposed *w = mem_alloc(sizeof(*w));
	int err = w ? supposed(&came, what) : ENOMEM;

	what->who = w;
	if (!err)
		err = rewrite_in(&req, t, came, HEADER_RULES_INVITE);
	if (!err) {
		w->call.cs = w->leg.cs = (struct calls *)cs; /* it is only read */
		w->call.rec.tenant_id = w->leg.rec.tenant_id = what->tenant_id;
		w->leg.call = &w->call;
		if (t)
			suppose_outside(w, what, req);
		else
			suppose_inside(w, what, req);
		diverted_read(&w->leg, req);
	}
	sip_msg_deref(came);
	sip_msg_deref(req);
	return err;
}

void calls_would_end(struct calls_question *what)
{
	if (what->who) {
		diverted_free(&what->who->call);
		mem_free(what->who->leg.asserted);
	}
	what->who = mem_free(what->who);
}

/* RFC 3261 26.2.2: each hop over TLS, the one that it has come by too. */
static bool asks_for_tls(struct str uri)
{
	struct str scheme = str_cut(&uri, ':');

	return str_ieq(scheme, STR("sips"));
}

/* A leg in `call` and its INVITE usage: both, or none and the request still ours. */
static int make_leg(struct leg **lp, struct call *call, struct sip_strans *st,
		    const struct identity *who, const char *dialled, uint64_t trunk_id)
{
	const struct sip_msg *req = sip_strans_request(st);
	struct buf contact = {0};
	struct leg *leg;
	int err = leg_alloc(&leg, call, true);

	if (err)
		return err;
	leg_identity(leg, who);
	leg->flow = req->flow;
	if (trunk_id)
		leg->flow.faces = trunks_faces(call->cs->conf.trunks, trunk_id);
	calls_bind_for(call->cs, &req->flow, &leg->bind);
	note_request(leg, req);
	err = leg_sip_contact(&contact, call->cs, &leg->flow, str_of(dialled),
			      trunk_id ? trunks_own_name(call->cs->conf.trunks, trunk_id) : NULL,
			      call->is_secure);
	if (!err)
		rewrite_contact(model_trunk(call->cs->conf.model, trunk_id), &contact);
	if (!err)
		err = contact.err;
	if (!err)
		err = sip_invite_uas(&leg->inv, st, contact.p, leg_sip_event, leg);
	if (!err)
		sip_invite_show(leg->inv, leg->flow.faces);
	buf_free(&contact);
	if (err)
		leg_free(leg);
	else
		*lp = leg;
	return err;
}

/* The call with its caller's leg. */
static int make(struct leg **lp, struct calls *cs, struct sip_strans *st,
		const struct identity *who, const char *dialled, uint64_t trunk_id)
{
	const struct sip_msg *req = sip_strans_request(st);
	struct call *call = call_alloc(cs, who->tenant->o.id);
	int err;

	if (!call)
		return ENOMEM;
	call->is_secure = asks_for_tls(req->uri);
	err = make_leg(lp, call, st, who, dialled, trunk_id);
	if (err) {
		call_free(call);
		return err;
	}
	caller_identity(call, *lp, who);
	str_fit(call->rec.sip_call_id, sizeof(call->rec.sip_call_id), req->call_id);
	str_fit(call->rec.callee, sizeof(call->rec.callee), str_of(dialled));
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

static void on_trunk(struct leg *leg, uint64_t trunk_id)
{
	leg_press_on_trunk(leg, trunk_id);
	leg->trunk_id = trunk_id;
	trunks_hold(leg->cs->conf.trunks, trunk_id);
}

/* ---- Replaces ---- */

/* RFC 3891 3: one, in its grammar; else 400. */
static unsigned read_wanted(struct wanted *w, struct calls *cs, const struct sip_msg *req)
{
	struct sip_values v;
	struct str value, more;

	sip_values_init(&v, req, SIP_HDR_REPLACES);
	w->is_there = sip_values_next(&v, &value);
	if (!w->is_there)
		return 0;
	if (sip_values_next(&v, &more) || replaces_read(&w->replaces, value))
		return 400;
	w->leg = replaces_find(cs, &w->replaces);
	return 0;
}

/* It comes into the call that it wants to take over. */
static void take_over(struct calls *cs, struct sip_strans *st, const struct identity *who,
		      const struct from_trunk *from, const struct wanted *wanted)
{
	const struct sip_msg *req = sip_strans_request(st);
	const struct replaces_party party = {
		who->tenant->o.id, who->extension ? who->extension->o.id : 0, from->trunk_id};
	struct leg *leg, *other = wanted->leg;
	unsigned status = pickup_refusal(&wanted->replaces, &party, other);
	int err;

	if (status) {
		(void)sip_reply(st, status, NULL, NULL);
		return;
	}
	err = make_leg(&leg, other->call, st, who, other->rec.number, from->trunk_id);
	if (err) {
		not_made(st, err);
		return;
	}
	if (from->trunk_id)
		on_trunk(leg, from->trunk_id);
	status = take_offer(leg, req);
	if (status)
		leg_hangup(leg, REASON_FAILED, status, STR_NONE);
	else
		pickup_begin(leg, other, wanted->replaces.is_early_only);
}

static void come_in(struct calls *cs, struct sip_strans *st, const struct sip_msg *req,
		    struct from_trunk *from)
{
	struct identity who = {0};
	struct wanted wanted = {0};
	char dialled[sizeof(((struct call_record *)0)->callee)];
	struct leg *leg;
	unsigned status, verdict = 0;
	int err;

	status = calls_number_wanted(dialled, sizeof(dialled), req->uri);
	if (status)
		dialled[0] = '\0';
	if (!status && read_wanted(&wanted, cs, req))
		status = 400;
	if (from_trunk(cs, req, dialled, sizeof(dialled), &wanted, from)) {
		sip_strans_edit(st, from->trunk_id);
		if (is_refused(cs, st, from, dialled))
			return;
		who.tenant = from->tenant;
		req = from->req;
	} else if (!registrar_identify(cs->conf.registrar, st, req, &who)) {
		return;
	}
	if (wanted.is_there && status != 400) {
		take_over(cs, st, &who, from, &wanted);
		return;
	}
	err = make(&leg, cs, st, &who, dialled, from->trunk_id);
	if (err) {
		not_made(st, err);
		return;
	}
	if (from->trunk_id) {
		leg->call->from_trunk_id = from->trunk_id;
		on_trunk(leg, from->trunk_id);
		str_fit(leg->call->domain, sizeof(leg->call->domain), str_of(from->tenant->domain));
		caller_outside(leg->call, leg, req);
		verdict = attest_check(leg, req);
	} else {
		on_behalf(leg->call, leg, req);
	}
	diverted_read(leg, req);
	leg->call->max_forwards = hops_left(req);
	if (!status && !leg->call->max_forwards)
		status = 483;
	if (!status && leg->call->is_secure && !flow_is_secure(req->flow.transport) &&
	    !route_is_emergency(cs->conf.model, leg->call->rec.tenant_id, str_of(dialled)))
		status = 403;
	if (!status)
		status = verdict;
	if (!status)
		status = take_offer(leg, req);
	if (status)
		refuse(leg->call, status);
	else if (!from->trunk_id && is_elsewhere(cs, &who, req->uri, dialled))
		refuse_elsewhere(leg->call);
	else
		call_begin(leg->call);
}

void calls_incoming(struct sip_strans *st, const struct sip_msg *req, void *calls)
{
	struct calls *cs = calls;
	struct from_trunk from = {0};

	ON_THREAD(THREAD_CORE);
	if (is_shed(cs, st))
		return;
	come_in(cs, st, req, &from);
	sip_msg_deref(from.req);
}
