/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gateways that register with us (accept_register): one registration for each trunk, the last one counts.
 *
 * A gateway may stand behind a NAT: calls go to where its REGISTER came from, with the host of its Contact in the Request-URI.
 * Who it is says the user name of its digest among the trunks of that domain; a name that is none's looks the same
 * from outside as a wrong password.  Registrations are written like those of devices, under tenant 0, and outlive a restart.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "sip/auth.h"
#include "trunk/inside.h"

enum { SHORTEST_S = 30 };

static const char *user_of(const struct trunk *t)
{
	return *t->auth_username ? t->auth_username : t->username;
}

static uint64_t credentials_of(const struct trunk *t)
{
	return map_hash2(map_hash2(map_hash_str(str_of(t->host)), str_of(user_of(t))),
			 str_of(t->password)) |
	       1;
}

bool accepting_holds(const struct peer *p, const struct trunk *t)
{
	return p->is_there && t->kind == TRUNK_KIND_ACCEPT_REGISTER &&
	       p->credentials == credentials_of(t);
}

/* ---- state ---- */

static void write_contact(const struct peer *p)
{
	struct record_sink *sink = p->of->conf.records;
	struct contact_record rec = {
		.id = p->id,
		.account_id = p->id,
		.q = 1000,
		.cseq = p->reg_cseq,
		.registered_at = p->since_us,
		.expires_at = p->expires_at_us,
	};
	char text[ADDR_STR_BYTES];

	/* a connection does not outlive us, and what came over it neither */
	if (!sink || flow_is_stream(p->flow.transport))
		return;
	record_set_text(rec.uri, sizeof(rec.uri), str_of(p->contact));
	record_set_text(rec.remote, sizeof(rec.remote), str_of(addr_str(text, &p->flow.remote)));
	record_set_text(rec.local, sizeof(rec.local), str_of(addr_str(text, &p->flow.local)));
	record_set_text(rec.transport, sizeof(rec.transport), STR("udp"));
	record_set_text(rec.call_id, sizeof(rec.call_id), str_of(p->reg_call_id));
	(void)sink->write(sink, RECORD_CONTACT, &rec, sizeof(rec));
}

static void gone(struct peer *p, const char *reason)
{
	timer_cancel(&p->registration.timer);
	asking_stop(p);
	p->expires_at_us = 0;
	write_contact(p);
	ways_stop(p);
	peer_is_online(p, false, reason);
}

static void expired(struct timer *timer, void *arg)
{
	gone(arg, "registration expired");
}

void accepting_start(struct peer *p)
{
	p->flow = (struct flow){0};
	p->target[0] = p->contact[0] = p->reg_call_id[0] = '\0';
	p->credentials = 0;
	p->expires_at_us = 0;
	peer_is_online(p, false, "not registered");
}

void accepting_stop(struct peer *p)
{
	if (!p->credentials)
		return;
	p->credentials = 0;
	gone(p, "its settings have changed");
}

static bool set_contact(struct peer *p, struct str text)
{
	struct sip_uri uri;
	const char *host;

	if (sip_uri_parse(&uri, text) || uri.scheme != SIP_SCHEME_SIP || !uri.host.n)
		return false;
	host = uri.user.n ? memchr(uri.user.p, '@', (size_t)(text.p + text.n - uri.user.p)) : NULL;
	host = host ? host + 1 : text.p + sizeof("sip:") - 1;
	if (uri.headers.p || text.n >= sizeof(p->contact))
		return false;
	str_fit(p->contact, sizeof(p->contact), text);
	str_fit(p->target, sizeof(p->target), (struct str){host, (size_t)(text.p + text.n - host)});
	return true;
}

static void holds_for(struct peer *p, const struct trunk *t, int64_t expires_at_us)
{
	int64_t left_us = expires_at_us - clock_wall_us(p->of->conf.env.clock);
	bool is_new = !p->expires_at_us;

	p->credentials = credentials_of(t);
	p->expires_at_us = expires_at_us;
	timer_start(p->of->conf.env.wheel, &p->registration.timer,
		    left_us > 0 ? (uint64_t)left_us / 1000 : 0, expired, p);
	peer_is_online(p, true, "registered");
	if (is_new && t->keep_alive)
		asking_start(p);
}

/* ---- REGISTER ---- */

static uint32_t seconds_wanted(const struct sip_msg *req, const struct sip_addr *contact,
			       const struct trunk *t)
{
	struct str text = sip_msg_header(req, SIP_HDR_EXPIRES), own;
	uint32_t s = (uint32_t)t->register_seconds, n;

	if (!str_u32(text, &n))
		s = n;
	if (contact && sip_param(contact->params, STR("expires"), &own) && !str_u32(own, &n))
		s = n;
	return s > t->register_seconds ? (uint32_t)t->register_seconds : s;
}

static void answer(struct peer *p, struct sip_strans *st)
{
	int64_t left_us = p->expires_at_us - clock_wall_us(p->of->conf.env.clock);
	struct buf *b = &p->of->lines;
	struct sip_extra extra;

	buf_reset(b);
	if (p->expires_at_us)
		buf_printf(b, "Contact: <%s>;expires=%lld\r\n", p->contact,
			   (long long)((left_us + 999999) / 1000000));
	extra = (struct sip_extra){.headers = buf_view(b)};
	if (b->err)
		sip_refuse(st, 500, NULL, NULL);
	else
		(void)sip_reply(st, 200, NULL, &extra);
}

static void take(struct peer *p, const struct trunk *t, struct sip_strans *st,
		 const struct sip_msg *req)
{
	static const struct sip_extra least = {.headers = {"Min-Expires: 30\r\n", 17}};
	bool has_contact = sip_msg_has(req, SIP_HDR_CONTACT);
	struct str text = sip_msg_header(req, SIP_HDR_CONTACT);
	bool is_all = str_eq(text, STR("*"));
	struct sip_addr contact;
	struct flow flow;
	uint32_t s;

	if (!has_contact)
		return answer(p, st);
	if (!is_all && sip_addr_parse(&contact, text))
		return sip_refuse(st, 400, "Malformed Contact", NULL);
	if (*p->reg_call_id && str_eq(req->call_id, str_of(p->reg_call_id)) &&
	    req->cseq <= p->reg_cseq)
		return sip_refuse(st, 500, "CSeq Out of Order", NULL);
	s = is_all ? 0 : seconds_wanted(req, &contact, t);
	if (s && s < SHORTEST_S)
		return sip_refuse(st, 423, NULL, &least);
	if (s && !set_contact(p, contact.uri))
		return sip_refuse(st, 400, "Contact Cannot Be Called", NULL);
	p->reg_cseq = req->cseq;
	str_fit(p->reg_call_id, sizeof(p->reg_call_id), req->call_id);
	if (s) {
		sip_reply_flow(req, &flow);
		ways_set(p, &flow);
		(void)peer_keep(p, &flow, s);
		holds_for(p, t, clock_wall_us(p->of->conf.env.clock) + (int64_t)s * 1000000);
		write_contact(p);
	} else if (p->expires_at_us) {
		gone(p, "unregistered");
	}
	answer(p, st);
}

static bool to_host(const struct sip_msg *req, struct str *host)
{
	struct sip_addr to;
	struct sip_uri uri;

	if (sip_to(req, &to) || sip_uri_parse(&uri, to.uri))
		return false;
	*host = uri.host;
	return true;
}

/* The trunk of that domain and user; *knowsp: there is a trunk of that domain. */
static struct peer *trunk_of(const struct trunks *t, struct str domain, struct str user,
			     bool *knowsp)
{
	LIST_EACH (l, &t->peers) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);
		const struct trunk *conf = p->is_there ? peer_trunk(p) : NULL;

		if (!conf || conf->kind != TRUNK_KIND_ACCEPT_REGISTER ||
		    !str_ieq(domain, str_of(conf->host)))
			continue;
		*knowsp = true;
		if (str_eq(user, str_of(user_of(conf))))
			return p;
	}
	return NULL;
}

static bool on_foreign(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct trunks *t = arg;
	const struct trunk *conf;
	bool is_known = false;
	struct peer *p;
	struct str domain, user;

	if (!to_host(req, &domain))
		return false;
	user = sip_auth_username(req, false, domain);
	p = trunk_of(t, domain, user, &is_known);
	if (!is_known)
		return false;
	conf = p ? peer_trunk(p) : NULL;
	if (registrar_prove(t->conf.registrar, st, req, domain, user,
			    conf ? str_of(conf->password) : STR_NONE) &&
	    conf)
		take(p, conf, st, req);
	return true;
}

/* It must come back before it can be called. */
void accepting_closed(struct peer *p)
{
	gone(p, "connection closed");
}

void accepting_open(struct trunks *t)
{
	if (t->conf.registrar)
		registrar_on_foreign(t->conf.registrar, on_foreign, t);
}

void trunks_restore(struct trunks *t, const struct contact_record *c)
{
	struct flow flow = {.transport = FLOW_UDP};

	LIST_EACH (l, &t->peers) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);
		const struct trunk *conf = peer_trunk(p);

		if (p->id != c->account_id || !p->is_there || !conf ||
		    conf->kind != TRUNK_KIND_ACCEPT_REGISTER ||
		    c->expires_at <= clock_wall_us(t->conf.env.clock) ||
		    addr_parse_hostport(&flow.remote, str_of(c->remote), 5060) ||
		    addr_parse_hostport(&flow.local, str_of(c->local), 5060) ||
		    !set_contact(p, str_of(c->uri)))
			continue;
		p->reg_cseq = (uint32_t)c->cseq;
		str_fit(p->reg_call_id, sizeof(p->reg_call_id), str_of(c->call_id));
		ways_set(p, &flow);
		holds_for(p, conf, c->expires_at);
	}
}
