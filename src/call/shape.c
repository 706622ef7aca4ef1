/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "call/calls.h"
#include "call/diverted.h"
#include "call/leg_sip.h"
#include "call/rewrite.h"
#include "call/shape.h"
#include "call/transfer.h"
#include "sip/write.h"

enum { NHEADERS = CALL_HEADER_DIVERSION + 1 };

struct part {
	char display[128], user[128], host[256];
	bool is_set; /* a rule or wish has written it */
};

struct parts {
	struct part at[NHEADERS];
};

#define SET(dst, text) str_fit(dst, sizeof(dst), str_of(text))

/* ---- as usual ---- */

static int fill(struct parts *p, const struct leg *leg, const struct trunk *t)
{
	const struct call *call = leg->call;
	const char *id = t && t->from_username && *t->username ? t->username : call->plan.caller_id;
	bool is_named = !leg_hides_caller(leg);
	const char *name = is_named ? call->rec.caller_name : "Anonymous";
	struct buf target = {0}, domain = {0};
	struct part *from = &p->at[CALL_HEADER_FROM];
	const char *own = trunks_own_name(leg->cs->conf.trunks, leg->trunk_id);
	int err;

	trunks_names(leg->cs->conf.trunks, leg->trunk_id, &target, &domain);
	if (own) {
		buf_reset(&domain);
		buf_cstr(&domain, own);
	}
	buf_char(&target, '\0');
	buf_char(&domain, '\0');
	err = target.err ? target.err : domain.err;
	if (!is_named && id == call->plan.caller_id)
		id = "";
	if (!err) {
		SET(p->at[CALL_HEADER_REQUEST_URI].user, leg->rec.number);
		SET(p->at[CALL_HEADER_REQUEST_URI].host, target.p);
		p->at[CALL_HEADER_TO] = p->at[CALL_HEADER_REQUEST_URI];
		SET(from->display, *id ? name : "Anonymous");
		SET(from->user, *id ? id : "anonymous");
		SET(from->host, *id ? domain.p : "anonymous.invalid");
		SET(p->at[CALL_HEADER_CONTACT].user, from->user);
		for (size_t i = CALL_HEADER_ASSERTED; i <= CALL_HEADER_REMOTE_PARTY; i++) {
			SET(p->at[i].display, call->rec.caller_name);
			SET(p->at[i].user, call->plan.caller_id);
			SET(p->at[i].host, domain.p);
		}
	}
	buf_free(&target);
	buf_free(&domain);
	return err;
}

/* ---- TRK-10 ---- */

static struct str wish(struct str one, struct str name, char separator)
{
	struct str key = str_trim(str_cut(&one, separator));

	return str_ieq(key, name) ? str_trim(one) : STR_NONE;
}

static void take(char *dst, size_t dst_bytes, struct str value)
{
	if (value.n && !str_copy(dst, dst_bytes, value))
		return;
}

void shape_read_wishes(struct call *call, const struct sip_msg *req)
{
	struct str rest = sip_msg_header_named(req, STR("X-Outbound-Cli"));
	const struct account *acc =
		model_account(call->cs->conf.model, call->rec.tenant_id, call->caller_account_id);

	if (!rest.n || !acc || !acc->allow_outbound_cli)
		return;
	while (rest.n) {
		struct str one = str_trim(str_cut(&rest, ';'));

		take(call->wanted_id, sizeof(call->wanted_id), wish(one, STR("rewrite-from"), '='));
		take(call->wanted_pai, sizeof(call->wanted_pai),
		     wish(one, STR("rewrite-pai"), '='));
		take(call->wanted_rpi, sizeof(call->wanted_rpi),
		     wish(one, STR("rewrite-rpi"), '='));
		take(call->wanted_on, sizeof(call->wanted_on), wish(one, STR("trunk-name"), ':'));
	}
}

static void obey_wish(struct part *p, const struct leg *leg, const char *number)
{
	const struct call *call = leg->call;
	const struct calls_conf *conf = &call->cs->conf;
	const struct route_query q = {
		.model = conf->model,
		.index = conf->route_index,
		.tenant_id = call->rec.tenant_id,
		.caller_extension_id = call->caller_extension_id,
	};
	char shown[33];

	if (!*number)
		return;
	route_caller_id(&q, leg->trunk_id, number, shown); /* TRK-13 */
	SET(p->user, shown);
	p->is_set = true;
}

static void obey_wishes(struct parts *p, const struct leg *leg, const struct trunk *t)
{
	const struct call *call = leg->call;

	if (*call->wanted_on && strcmp(call->wanted_on, t->name) != 0)
		return;
	obey_wish(&p->at[CALL_HEADER_ASSERTED], leg, call->wanted_pai);
	obey_wish(&p->at[CALL_HEADER_REMOTE_PARTY], leg, call->wanted_rpi);
}

/* ---- TRK-7 ---- */

/* NULL: this call has no such thing. */
static const char *value_of(const struct leg *leg, const struct trunk *t,
			    const struct outbound_parameter *r, char *own)
{
	const struct call *call = leg->call;
	struct addr local = leg->flow.local;
	struct flow flow = leg->flow;

	switch (r->value) {
	case PARAMETER_VALUE_CALLER_NUMBER:
		return call->rec.caller;
	case PARAMETER_VALUE_CALLER_NAME:
		return call->rec.caller_name;
	case PARAMETER_VALUE_OUTBOUND_CALLER_ID:
		return call->plan.caller_id;
	case PARAMETER_VALUE_EMERGENCY_CALLER_ID:
		return call->plan.is_emergency ? call->plan.caller_id : NULL;
	case PARAMETER_VALUE_CALLED_NUMBER:
		return leg->rec.number;
	case PARAMETER_VALUE_DID_CALLED:
		return call->from_trunk_id ? call->rec.callee : NULL;
	case PARAMETER_VALUE_TRUNK_USERNAME:
		return t->username;
	case PARAMETER_VALUE_TRUNK_AUTH_USERNAME:
		return *t->auth_username ? t->auth_username : t->username;
	case PARAMETER_VALUE_TRUNK_HOST:
		return t->host;
	case PARAMETER_VALUE_TENANT_DOMAIN:
		return call->domain;
	case PARAMETER_VALUE_OUR_ADDRESS:
	case PARAMETER_VALUE_PUBLIC_ADDRESS:
		if ((!local.family || addr_is_any(&local)) &&
		    leg->cs->conf.edge->local_for(leg->cs->conf.edge, leg->flow.transport,
						  &leg->flow.remote, &local))
			return NULL;
		flow.faces.address =
			r->value == PARAMETER_VALUE_OUR_ADDRESS ? FLOW_FACE_OWN : FLOW_FACE_PUBLIC;
		flow_show(leg->cs->conf.edge, &flow, &local);
		return addr_host_str(own, &local);
	default:
		return r->text;
	}
}

static bool speaks_of_caller(int header)
{
	return header == CALL_HEADER_FROM || header == CALL_HEADER_ASSERTED ||
	       header == CALL_HEADER_REMOTE_PARTY || header == CALL_HEADER_CONTACT;
}

static void obey_rule(struct parts *p, const struct leg *leg, const struct trunk *t,
		      const struct outbound_parameter *r)
{
	struct part *at = &p->at[r->header];
	char own[ADDR_STR_BYTES];
	const char *value = value_of(leg, t, r, own);

	if (!value || !*value)
		return;
	if (leg_hides_caller(leg) && speaks_of_caller(r->header))
		return;
	if (r->part == ADDRESS_PART_USER)
		SET(at->user, value);
	else if (r->part == ADDRESS_PART_HOST)
		SET(at->host, value);
	else
		SET(at->display, value);
	at->is_set = true;
}

/* ---- writing ---- */

static void write_uri(struct buf *out, const struct part *p)
{
	buf_cstr(out, "sip:");
	sip_escape_user(out, str_of(p->user));
	buf_char(out, '@');
	buf_cstr(out, p->host);
}

static void write_addr(struct buf *out, const struct part *p)
{
	party_write_addr(out, str_of(p->display), str_of(p->user), str_of(p->host));
}

static void write_identity(struct buf *lines, const struct parts *p, const struct leg *leg)
{
	const struct part *pai = &p->at[CALL_HEADER_ASSERTED],
			  *rpi = &p->at[CALL_HEADER_REMOTE_PARTY];
	struct party who = {.is_private = leg_hides_caller(leg)};
	struct buf value = {0};

	if (who.is_private || (!pai->is_set && !rpi->is_set)) {
		SET(who.number, leg->call->plan.caller_id);
		SET(who.name, leg->call->rec.caller_name);
		party_write(lines, leg, &who);
		return;
	}
	if (pai->is_set) {
		write_addr(&value, pai);
		sip_write_header(lines, SIP_HDR_P_ASSERTED_IDENTITY, buf_view(&value));
		buf_reset(&value);
	}
	if (rpi->is_set) {
		write_addr(&value, rpi);
		buf_cstr(&value, ";party=calling;privacy=off;screen=yes");
		sip_write_header(lines, SIP_HDR_REMOTE_PARTY_ID, buf_view(&value));
	}
	if (value.err)
		lines->err = value.err;
	buf_free(&value);
}

static int write_contact(struct buf *out, const struct parts *p, const struct leg *leg)
{
	const struct part *at = &p->at[CALL_HEADER_CONTACT];

	if (!*at->host)
		return leg_sip_contact(out, leg->cs, &leg->flow, str_of(at->user),
				       trunks_own_name(leg->cs->conf.trunks, leg->trunk_id), false);
	buf_char(out, '<');
	write_uri(out, at);
	buf_char(out, '>');
	return out->err;
}

/* Where it was sent on from. */
static void write_diversion(struct buf *lines, const struct leg *leg)
{
	struct buf target = {0}, domain = {0};

	trunks_names(leg->cs->conf.trunks, leg->trunk_id, &target, &domain);
	diverted_write(lines, leg, str_of(leg->call->plan.number),
		       str_of(leg->call->plan.caller_id), buf_view(&domain));
	if (target.err || domain.err)
		lines->err = ENOMEM;
	buf_free(&target);
	buf_free(&domain);
}

int shape_call(struct shape *s, struct leg *leg)
{
	const struct trunk *t = leg_trunk(leg);
	struct parts p;
	int err;

	memset(s, 0, sizeof(*s));
	memset(&p, 0, sizeof(p));
	if (!t)
		return ENOENT;
	err = fill(&p, leg, t);
	if (err)
		return err;
	obey_wishes(&p, leg, t);
	for (size_t i = 0; i < t->outbound_parameters.n; i++)
		obey_rule(&p, leg, t,
			  (const struct outbound_parameter *)t->outbound_parameters.v[i]);
	if (leg->call->onward) {
		buf_cstr(&s->uri, leg->call->onward);
		buf_printf(&s->to, "<%s>", leg->call->onward);
	} else {
		write_uri(&s->uri, &p.at[CALL_HEADER_REQUEST_URI]);
		write_addr(&s->to, &p.at[CALL_HEADER_TO]);
	}
	write_addr(&s->from, &p.at[CALL_HEADER_FROM]);
	write_identity(&s->lines, &p, leg);
	write_diversion(&s->lines, leg);
	if (leg->call->onward)
		transfer_write_lines(leg->call, &s->lines);
	sip_write_agent(leg->cs->conf.sip, &s->lines);
	err = write_contact(&s->contact, &p, leg);
	if (!err)
		err = s->uri.err     ? s->uri.err
		      : s->from.err  ? s->from.err
		      : s->to.err    ? s->to.err
		      : s->lines.err ? s->lines.err
				     : 0;
	return err ? err : rewrite_out(t, s); /* TRK-14 */
}

void shape_close(struct shape *s)
{
	buf_free(&s->uri);
	buf_free(&s->from);
	buf_free(&s->to);
	buf_free(&s->contact);
	buf_free(&s->lines);
}

/* ---- calls in ---- */

static bool address_of(const struct sip_msg *req, int header, struct sip_addr *a)
{
	static const enum sip_hdr ids[] = {
		[CALL_HEADER_ASSERTED] = SIP_HDR_P_ASSERTED_IDENTITY,
		[CALL_HEADER_REMOTE_PARTY] = SIP_HDR_REMOTE_PARTY_ID,
		[CALL_HEADER_CALLED_PARTY] = SIP_HDR_P_CALLED_PARTY_ID,
		[CALL_HEADER_DIVERSION] = SIP_HDR_DIVERSION,
	};
	struct sip_values v;
	struct str value;

	switch (header) {
	case CALL_HEADER_REQUEST_URI:
		*a = (struct sip_addr){.uri = req->uri};
		return true;
	case CALL_HEADER_FROM:
		return !sip_from(req, a);
	case CALL_HEADER_TO:
		return !sip_to(req, a);
	case CALL_HEADER_CONTACT:
		return !sip_contact(req, a);
	default:
		sip_values_init(&v, req, ids[header]);
		return sip_values_next(&v, &value) && !sip_addr_parse(a, value);
	}
}

static bool read_part(const struct sip_addr *a, int part, char *dst, size_t dst_bytes)
{
	struct sip_uri uri;

	if (part == ADDRESS_PART_DISPLAY)
		return !sip_unquote(dst, dst_bytes, a->display) && *dst;
	if (part == ADDRESS_PART_USER)
		return !calls_number_dialled(dst, dst_bytes, a->uri) && *dst;
	return !sip_uri_parse(&uri, a->uri) && uri.host.n && !str_copy(dst, dst_bytes, uri.host);
}

bool shape_user_of(const struct sip_msg *req, int header, char *dst, size_t dst_bytes)
{
	struct sip_addr a;

	return address_of(req, header, &a) && read_part(&a, ADDRESS_PART_USER, dst, dst_bytes);
}

bool shape_read(const struct trunk *t, int what, const struct sip_msg *req, char *dst,
		size_t dst_bytes)
{
	struct sip_addr a;

	for (size_t i = 0; t && i < t->inbound_parameters.n; i++) {
		const struct inbound_parameter *r =
			(const struct inbound_parameter *)t->inbound_parameters.v[i];

		if (r->what == what)
			return address_of(req, r->header, &a) &&
			       read_part(&a, r->part, dst, dst_bytes);
	}
	return false;
}
