/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way that a provider's registrar wants our calls to take (Service-Route, RFC 3608): told with each 200 to our REGISTER, kept
 * until the next one, gone with the registration.  Calls go to its first proxy, or through ours (outbound_proxy) if we have one.
 * REGISTER and OPTIONS ask the host itself.
 */
#include <string.h>
#include "base/log.h"
#include "sip/header.h"
#include "sip/uri.h"
#include "trunk/inside.h"

enum { MAX_ROUTES = 10, MAX_ROUTE_BYTES = 1024 };

struct route {
	struct str text, host;
	uint16_t port; /* 0: none is said */
	bool is_any_transport;
	enum flow_transport transport;
};

static bool read_transport(struct route *r, const struct sip_uri *u, enum flow_transport usual)
{
	static const struct {
		struct str name;
		enum flow_transport transport;
	} known[] = {{{"udp", 3}, FLOW_UDP}, {{"tcp", 3}, FLOW_TCP}, {{"tls", 3}, FLOW_TLS}};
	bool is_secure = u->scheme == SIP_SCHEME_SIPS;
	struct str name;

	r->transport = is_secure ? FLOW_TLS : usual;
	if (!sip_param(u->params, STR("transport"), &name))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_ieq(name, known[i].name)) {
			r->transport = is_secure ? FLOW_TLS : known[i].transport;
			return true;
		}
	return false;
}

/* One that we could take: a loose router, over what we speak. */
static bool read_route(struct route *r, struct str value, enum flow_transport usual)
{
	struct sip_addr a;
	struct sip_uri u;
	struct str lr;

	*r = (struct route){.text = value};
	if (sip_addr_parse(&a, value) || sip_uri_parse(&u, a.uri) || !u.host.n ||
	    (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS) ||
	    !sip_param(u.params, STR("lr"), &lr) || !read_transport(r, &u, usual))
		return false;
	r->host = u.host;
	r->port = u.port;
	return true;
}

/* Where requests to this trunk go anyway. */
static bool is_home(const struct peer *p, const struct trunk *t, const struct route *r)
{
	uint16_t usual = locate_default_port(r->transport), port;
	struct str host = ways_host(t, &port);
	struct addr a;

	if (r->transport != p->flow.transport)
		return false;
	if (!addr_parse(&a, r->host, r->port ? r->port : usual))
		return addr_eq(&a, &p->flow.remote);
	return str_ieq(r->host, host) && (r->port ? r->port : usual) == (port ? port : usual);
}

/* ---- its first proxy ---- */

static void leave_first(struct peer *p)
{
	struct service *s = &p->service;
	struct flow_edge *edge = p->of->conf.edge;

	if (s->finding)
		p->of->conf.locator->forget(p->of->conf.locator, s->finding);
	if (s->whom)
		edge->part(edge, s->whom);
	s->finding = 0;
	s->whom = 0;
	s->first = (struct flow){0};
}

static void on_found(const struct located *found, int err, void *arg)
{
	struct peer *p = arg;
	struct located drawn;

	p->service.finding = 0;
	if (err) {
		log_warn(
			NULL, LOGID_TRUNK,
			"trunk %s: the host of its Service-Route is not found: calls go to its own",
			peer_name(p));
		return;
	}
	drawn = *found;
	locate_order(&drawn, p->of->conf.env.rng);
	p->service.first =
		(struct flow){.transport = drawn.target[0].transport,
			      .remote = drawn.target[0].addr,
			      .whom = drawn.target[0].transport == FLOW_TLS ? p->service.whom : 0};
}

/* RFC 5922 7.1: over TLS it must be whom it is named. */
static int meet_first(struct peer *p, const struct trunk *t, const struct route *r)
{
	struct flow_edge *edge = p->of->conf.edge;
	struct flow_peer who = {
		.host = r->host, .is_unproved = !t->tls_verify, .roots = str_of(t->tls_ca)};

	if (r->transport != FLOW_TLS)
		return 0;
	return edge->meet ? edge->meet(edge, &who, &p->service.whom) : EPROTONOSUPPORT;
}

static void find_first(struct peer *p, const struct trunk *t, const struct route *r)
{
	struct locator *l = p->of->conf.locator;
	struct locate_question q = {.host = r->host, .port = r->port, .transport = r->transport};
	struct located found;
	int err = meet_first(p, t, r);

	if (!err)
		err = locate_literal(&q, &found) ? 0
		      : l ? l->find(l, &q, &found, on_found, p, &p->service.finding)
			  : ENOENT;
	if (err != EINPROGRESS)
		on_found(&found, err, p);
}

/* ---- what is told ---- */

static bool take_routes(struct peer *p, const struct trunk *t, const struct sip_msg *resp,
			struct route *first)
{
	struct sip_values v;
	struct str value;
	struct route r;
	size_t n = 0;

	sip_values_init(&v, resp, SIP_HDR_SERVICE_ROUTE);
	while (sip_values_next(&v, &value)) {
		if (!read_route(&r, value, p->flow.transport) || n == MAX_ROUTES ||
		    p->service.lines.n + value.n > MAX_ROUTE_BYTES)
			return false;
		if (!n++)
			*first = r;
		/* what goes through our proxy has a Route to it already */
		if (n > 1 || !*t->outbound_proxy || !is_home(p, t, &r))
			buf_printf(&p->service.lines, "Route: %.*s\r\n", STR_ARG(value));
	}
	return !p->service.lines.err;
}

void service_take(struct peer *p, const struct sip_msg *resp)
{
	const struct trunk *t = peer_trunk(p);
	struct route first = {.text = STR_NONE};

	service_drop(p);
	if (!t || !sip_msg_has(resp, SIP_HDR_SERVICE_ROUTE))
		return;
	if (!take_routes(p, t, resp, &first)) {
		log_warn(NULL, LOGID_TRUNK, "trunk %s: its Service-Route cannot be taken: \"%.*s\"",
			 t->name, STR_ARG(sip_msg_header(resp, SIP_HDR_SERVICE_ROUTE)));
		service_drop(p);
		return;
	}
	if (first.text.n && !*t->outbound_proxy && !is_home(p, t, &first))
		find_first(p, t, &first);
}

void service_drop(struct peer *p)
{
	leave_first(p);
	buf_free(&p->service.lines);
}

bool service_flow(const struct peer *p, struct flow *flow)
{
	if (!p->service.first.remote.family)
		return false;
	*flow = p->service.first;
	return true;
}
