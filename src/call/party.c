/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/negotiate.h"
#include "call/party.h"
#include "model/contacts.h"
#include "sip/write.h"

/* ---- reading ---- */

/* Priv-values are joined by ';' (RFC 3323); some write a comma. */
static bool asks(struct str value)
{
	static const struct str words[] = {{"id", 2},  {"header", 6}, {"user", 4}, {"full", 4},
					   {"uri", 3}, {"name", 4},   {"yes", 3}};

	while (value.n) {
		struct str rest = value, word = str_trim(str_cut(&rest, ';'));
		struct str more = word;

		value = rest;
		while (more.n) {
			struct str one = str_trim(str_cut(&more, ','));

			for (size_t i = 0; i < ARRAY_LEN(words); i++)
				if (str_ieq(one, words[i]))
					return true;
		}
	}
	return false;
}

static bool is_anonymous(const struct sip_uri *u)
{
	return str_ieq(u->host, STR("anonymous.invalid")) || str_ieq(u->user, STR("anonymous"));
}

/* The calling party's Remote-Party-ID, or the only one. */
static bool remote_party(const struct sip_msg *m, struct sip_addr *out)
{
	struct sip_values v;
	struct str value, party;

	sip_values_init(&v, m, SIP_HDR_REMOTE_PARTY_ID);
	while (sip_values_next(&v, &value)) {
		if (sip_addr_parse(out, value))
			continue;
		if (!sip_param(out->params, STR("party"), &party) || m->is_request == false ||
		    str_ieq(party, STR("calling")))
			return true;
	}
	return false;
}

bool party_wants_privacy(const struct sip_msg *m)
{
	struct sip_addr a;
	struct sip_uri uri;
	struct str value;

	if (asks(sip_msg_header(m, SIP_HDR_PRIVACY)))
		return true;
	if (remote_party(m, &a) && sip_param(a.params, STR("privacy"), &value) && asks(value))
		return true;
	return m->is_request && !sip_from(m, &a) && !sip_uri_parse(&uri, a.uri) &&
	       is_anonymous(&uri);
}

/* The user of the address as a number; of tel: without what only makes it readable. */
static bool take(struct party *p, const struct sip_addr *a)
{
	char number[sizeof(p->number)];
	struct sip_uri uri;

	if (sip_uri_parse(&uri, a->uri) || is_anonymous(&uri) ||
	    calls_number_dialled(number, sizeof(number), a->uri) || !number[0])
		return false;
	memcpy(p->number, number, sizeof(number));
	if (sip_unquote(p->name, sizeof(p->name), a->display))
		p->name[0] = '\0';
	return true;
}

static bool take_any(struct party *p, const struct sip_msg *m, enum sip_hdr id)
{
	struct sip_values v;
	struct sip_addr a;
	struct str value;

	sip_values_init(&v, m, id);
	while (sip_values_next(&v, &value))
		if (!sip_addr_parse(&a, value) && take(p, &a))
			return true;
	return false;
}

bool party_asserted(struct party *p, const struct sip_msg *m)
{
	struct sip_addr a;

	memset(p, 0, sizeof(*p));
	return take_any(p, m, SIP_HDR_P_ASSERTED_IDENTITY) || (remote_party(m, &a) && take(p, &a));
}

bool party_preferred(struct party *p, const struct sip_msg *m)
{
	return party_asserted(p, m) || take_any(p, m, SIP_HDR_P_PREFERRED_IDENTITY);
}

void party_read(struct party *p, const struct sip_msg *m, bool is_trusted)
{
	struct sip_addr a;

	memset(p, 0, sizeof(*p));
	if (!(is_trusted && party_asserted(p, m)) && !sip_from(m, &a))
		(void)take(p, &a);
	p->is_private = party_wants_privacy(m);
}

/* ---- whose leg ---- */

static const struct account *account_of(const struct leg *leg)
{
	return model_account(leg->cs->conf.model, leg->rec.tenant_id, leg->account_id);
}

bool party_is_trusted(const struct leg *leg)
{
	const struct trunk *t = leg->trunk_id ? leg_trunk(leg) : NULL;
	const struct account *acc = leg->trunk_id ? NULL : account_of(leg);

	return t ? t->trust_identity : acc && acc->trust_identity;
}

void party_of(struct party *p, const struct leg *leg)
{
	const struct call_record *rec = &leg->call->rec;
	bool is_first = leg->id == leg->call->caller;

	memset(p, 0, sizeof(*p));
	p->is_private = leg->is_private;
	if (leg->asserted) {
		memcpy(p->number, leg->asserted->number, sizeof(p->number));
		memcpy(p->name, leg->asserted->name, sizeof(p->name));
	} else if (leg->extension_id) {
		str_fit(p->number, sizeof(p->number), str_of(leg->rec.number));
		calls_extension_name(leg->cs, leg->rec.tenant_id, leg->extension_id, p->name,
				     sizeof(p->name));
	} else if (is_first) {
		str_fit(p->number, sizeof(p->number), str_of(rec->caller));
		str_fit(p->name, sizeof(p->name), str_of(rec->caller_name));
	} else {
		str_fit(p->number, sizeof(p->number),
			str_of(leg->is_caller ? leg->rec.number : rec->callee));
	}
}

void party_keep(struct leg *leg, const struct party *p)
{
	if (!leg->asserted)
		leg->asserted = mem_alloc(sizeof(*leg->asserted));
	if (leg->asserted)
		*leg->asserted = *p;
}

void party_hear(struct leg *leg, const struct sip_msg *m)
{
	struct party p;

	if (m && party_is_trusted(leg) && party_asserted(&p, m)) {
		leg->is_private |= party_wants_privacy(m);
		party_keep(leg, &p);
	}
}

/* ---- telling ---- */

void party_write_addr(struct buf *out, struct str display, struct str number, struct str domain)
{
	struct buf uri = {0};

	buf_cstr(&uri, "sip:");
	sip_escape_user(&uri, number);
	buf_char(&uri, '@');
	buf_str(&uri, domain);
	sip_write_addr(out, display, buf_view(&uri), STR_NONE);
	if (uri.err)
		out->err = uri.err;
	buf_free(&uri);
}

static enum trunk_identity way_to(const struct leg *to, const struct trunk *t)
{
	const struct account *acc = t ? NULL : account_of(to);

	if (t)
		return (enum trunk_identity)t->send_identity;
	return acc ? (enum trunk_identity)acc->send_identity : TRUNK_IDENTITY_NONE;
}

/* Whom we keep private is told to nobody but those who keep it private too. */
static bool may_know(const struct party *who, const struct trunk *t)
{
	return !who->is_private || (t && t->trust_identity);
}

void party_write(struct buf *lines, const struct leg *to, const struct party *who)
{
	const struct trunk *t = to->trunk_id ? leg_trunk(to) : NULL;
	enum trunk_identity way = way_to(to, t);
	struct buf value = {0};
	char host[ADDR_STR_BYTES];

	if (who->is_private && t)
		sip_write_header(lines, SIP_HDR_PRIVACY, STR("id"));
	if (way == TRUNK_IDENTITY_NONE || !who->number[0] || !may_know(who, t))
		return;
	party_write_addr(&value, str_of(who->name), str_of(who->number),
			 t ? str_of(addr_host_str(host, &to->flow.remote))
			   : str_of(to->call->domain));
	if (way == TRUNK_IDENTITY_REMOTE_PARTY)
		buf_printf(&value, ";party=%s;privacy=%s;screen=yes",
			   to->is_caller ? "called" : "calling", who->is_private ? "full" : "off");
	sip_write_header(lines,
			 way == TRUNK_IDENTITY_ASSERTED ? SIP_HDR_P_ASSERTED_IDENTITY
							: SIP_HDR_REMOTE_PARTY_ID,
			 buf_view(&value));
	if (value.err)
		lines->err = value.err;
	buf_free(&value);
}

static uint64_t hash_of(const struct party *p)
{
	return map_hash2(map_hash_str(str_of(p->number)), str_of(p->name)) | 1;
}

/* TRK-13: of who is inside, and of strangers, a trunk is told a number of the tenant's. */
static void as_outside(struct party *p, const struct leg *to, const struct leg *other)
{
	const struct calls_conf *conf = &to->cs->conf;
	const struct route_query q = {
		.model = conf->model,
		.index = conf->route_index,
		.tenant_id = to->rec.tenant_id,
		.caller_extension_id = other->extension_id,
	};
	char number[33];

	route_caller_id(&q, to->trunk_id, other->extension_id ? NULL : p->number, number);
	str_fit(p->number, sizeof(p->number), str_of(number));
}

bool party_known_name(const struct leg *to, const struct leg *other, const char *number, char *dst,
		      size_t dst_bytes)
{
	const struct model *m = to->cs->conf.model;
	const struct extension *x =
		to->trunk_id ? NULL : model_extension(m, to->rec.tenant_id, to->extension_id);

	return x && !other->extension_id && !other->is_private &&
	       model_contact_name(m, x, str_of(number), dst, dst_bytes);
}

static void other_of(struct party *p, const struct leg *to, const struct leg *other)
{
	party_of(p, other);
	if (to->trunk_id)
		as_outside(p, to, other);
	else
		(void)party_known_name(to, other, p->number, p->name, sizeof(p->name));
}

void party_tell(struct buf *lines, struct leg *to, const struct leg *other)
{
	struct party p;

	other_of(&p, to, other);
	to->told = hash_of(&p);
	party_write(lines, to, &p);
}

/* Whose place it takes, or who calls: before they are joined. */
static const struct leg *peer_of(const struct leg *to)
{
	const struct call *call = to->call;
	const struct leg *replaced = to->replaces ? leg_get(to->cs, to->replaces) : NULL;

	if (bridge_has(call->bridge, to))
		return bridge_peer(call->bridge, to);
	if (replaced && bridge_has(call->bridge, replaced))
		return bridge_peer(call->bridge, replaced);
	return replaced ? leg_get(to->cs, call->caller) : NULL;
}

void party_tell_peer(struct buf *lines, struct leg *to)
{
	const struct leg *other = peer_of(to);

	if (other)
		party_tell(lines, to, other);
}

void party_was_told(struct leg *to, const struct leg *other)
{
	struct party p;

	other_of(&p, to, other);
	to->told = hash_of(&p);
}

void party_refresh(struct leg *to)
{
	const struct leg *other = peer_of(to);
	struct log_ctx ctx = leg_log(to);
	struct buf lines = {0};
	struct party p;
	int err;

	if (!other || to->st != LEG_UP || to->owes != LEG_OWES_NOTHING || !to->told)
		return;
	other_of(&p, to, other);
	if (to->told == hash_of(&p))
		return;
	to->told = hash_of(&p);
	party_write(&lines, to, &p);
	if (lines.n && !lines.err) {
		err = negotiate_tell(to, buf_view(&lines));
		if (err)
			log_debug(&ctx, LOGID_CALL, "it could not be told who it talks to: %s",
				  strerror(err));
	}
	buf_free(&lines);
}
