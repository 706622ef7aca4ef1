/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bindings: one registered contact each, from its REGISTER or its record to its end.
 *
 * The journal has a binding before its device hears 200, and hears of its end as expires_at 0.  A binding keeps its id as
 * long as its device refreshes it, wherever it moves.
 */
#include <stdio.h>
#include <string.h>
#include "base/bus.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "registrar/inside.h"
#include "sip/via.h"

static const char *const transports[] = {"udp", "tcp", "tls", "ws", "wss"};

/* ---- making ---- */

static const char *put(char **at, struct str s)
{
	char *start = *at;

	if (s.n)
		memcpy(start, s.p, s.n);
	start[s.n] = '\0';
	*at += s.n + 1;
	return start;
}

static struct str cut_to(struct str s, size_t n)
{
	return s.n > n ? (struct str){s.p, n} : s;
}

struct texts {
	struct str uri, headers, routes, user_agent, instance, call_id, path, server;
};

static int set_texts(struct binding *b, const struct texts *x)
{
	size_t n = x->uri.n + x->headers.n + x->routes.n + x->user_agent.n + x->instance.n +
		   x->call_id.n + x->path.n + x->server.n + 8;
	char *at = b->text = mem_alloc(n);

	if (!at)
		return ENOMEM;
	b->c.uri = put(&at, x->uri);
	b->headers = put(&at, x->headers);
	b->c.routes = put(&at, x->routes);
	b->c.user_agent = put(&at, x->user_agent);
	b->instance = put(&at, x->instance);
	b->call_id = put(&at, x->call_id);
	b->path = put(&at, x->path);
	b->server = put(&at, x->server);
	return 0;
}

static int write_routes(struct buf *b, struct str path)
{
	if (path.n)
		buf_printf(b, "Route: %.*s\r\n", STR_ARG(path));
	return b->err;
}

static bool is_behind_nat(const struct sip_msg *req)
{
	struct sip_values vias;
	struct sip_via via;
	struct str value;
	struct addr believed;

	sip_values_init(&vias, req, SIP_HDR_VIA);
	return !sip_values_next(&vias, &value) || sip_via_parse(&via, value) ||
	       addr_parse(&believed, via.host, via.port ? via.port : 5060) ||
	       !addr_eq(&believed, &req->flow.remote);
}

/* ACC-5.  Always: it is reached where it came from.  Never: where its Contact says.  Automatic: a device whose Via names the
 * very address its request came from is behind no NAT and means what its Contact says; any other is reached where it came
 * from.  On a connection, or behind an edge proxy, there is nothing to choose; nor for a flow (RFC 5626 5.3). */
static void aim(struct flow *flow, const struct order *o, const struct wish *w)
{
	int64_t nat = o->account->nat;
	struct sip_uri uri;
	struct str value;
	struct addr wanted;

	if (flow_is_stream(flow->transport) || sip_msg_has(o->req, SIP_HDR_PATH) || w->reg_id)
		return;
	if (nat == NAT_CHOICE_ALWAYS || (nat == NAT_CHOICE_AUTO && is_behind_nat(o->req)))
		return;
	if (sip_uri_parse(&uri, w->uri) || uri.scheme != SIP_SCHEME_SIP ||
	    addr_parse(&wanted, uri.host, uri.port ? uri.port : 5060))
		return;
	if (sip_param(uri.params, STR("transport"), &value) && !str_ieq(value, STR("udp")))
		return;
	if (wanted.family == flow->remote.family)
		flow->remote = wanted;
}

int binding_make(struct binding **bp, struct registrar *r, const struct order *o,
		 const struct wish *w)
{
	struct binding *b = mem_alloc(sizeof(*b));
	struct buf routes = {0};
	struct texts x = {
		.uri = w->uri,
		.headers = w->headers,
		.user_agent = cut_to(sip_msg_header(o->req, SIP_HDR_USER_AGENT), 127),
		.instance = w->instance,
		.call_id = cut_to(o->req->call_id, 255),
		.path = o->path,
		.server = cut_to(o->server, 255),
	};
	int err;

	if (!b)
		return ENOMEM;
	b->r = r;
	b->account = o->at;
	b->c.tenant_id = o->account->o.tenant_id;
	b->c.account_id = o->account->o.id;
	b->c.flow = o->flow;
	b->source = o->req->flow.remote;
	aim(&b->c.flow, o, w);
	b->c.q = w->q;
	b->reg_id = w->reg_id;
	b->cseq = o->req->cseq;
	b->c.registered_at_us = clock_wall_us(r->conf.env.clock);
	b->c.expires_at_us = b->c.registered_at_us + INT64_C(1000000) * w->seconds;
	err = write_routes(&routes, o->path);
	x.routes = buf_view(&routes);
	if (!err)
		err = set_texts(b, &x);
	buf_free(&routes);
	if (err)
		b = binding_free(b);
	*bp = b;
	return err;
}

struct binding *binding_free(struct binding *b)
{
	if (!b)
		return NULL;
	timer_cancel(&b->expiry);
	mem_free(b->text);
	return mem_free(b);
}

/* ---- time ---- */

static void expired(struct timer *t, void *arg)
{
	struct binding *b = arg;

	(void)t;
	binding_remove(b, "expired");
}

static void start_expiry(struct binding *b)
{
	int64_t left_us = b->c.expires_at_us - clock_wall_us(b->r->conf.env.clock);

	timer_start(b->r->conf.env.wheel, &b->expiry, left_us > 0 ? (uint64_t)left_us / 1000 : 0,
		    expired, b);
}

/* ---- telling ---- */

void binding_write(const struct binding *b, int64_t expires_at_us)
{
	struct contact_record rec = {
		.tenant_id = b->c.tenant_id,
		.id = b->c.record_id,
		.account_id = b->c.account_id,
		.reg_id = b->reg_id,
		.q = b->c.q,
		.cseq = b->cseq,
		.registered_at = b->c.registered_at_us,
		.expires_at = expires_at_us,
	};
	struct record_sink *sink = b->r->conf.records;
	char text[ADDR_STR_BYTES];

	if (!sink)
		return;
	record_set_text(rec.uri, sizeof(rec.uri), str_of(b->c.uri));
	record_set_text(rec.uri + strlen(rec.uri), sizeof(rec.uri) - strlen(rec.uri),
			str_of(b->headers));
	record_set_text(rec.path, sizeof(rec.path), str_of(b->path));
	record_set_text(rec.remote, sizeof(rec.remote), str_of(addr_str(text, &b->c.flow.remote)));
	record_set_text(rec.source, sizeof(rec.source), str_of(addr_str(text, &b->source)));
	record_set_text(rec.local, sizeof(rec.local), str_of(addr_str(text, &b->c.flow.local)));
	record_set_text(rec.transport, sizeof(rec.transport),
			str_of(transports[b->c.flow.transport]));
	record_set_text(rec.instance, sizeof(rec.instance), str_of(b->instance));
	record_set_text(rec.user_agent, sizeof(rec.user_agent), str_of(b->c.user_agent));
	record_set_text(rec.call_id, sizeof(rec.call_id), str_of(b->call_id));
	/* An error is the sink's to log: the device is served from memory all the same. */
	(void)sink->write(sink, RECORD_CONTACT, &rec, sizeof(rec));
}

static void tell_watchers(const struct binding *b, enum registrar_change what, oid was)
{
	struct registrar *r = b->r;

	for (size_t i = 0; i < r->nwatchers; i++)
		r->watchers[i].fn(&b->c, what, was, r->watchers[i].arg);
}

static void tell(const struct binding *b, bool is_added, const char *why)
{
	struct registrar *r = b->r;
	const struct account *a = model_account(r->conf.model, b->c.tenant_id, b->c.account_id);
	const struct extension *x =
		a ? model_extension(r->conf.model, b->c.tenant_id, a->extension_id) : NULL;
	struct log_ctx ctx = {.tenant = b->c.tenant_id};
	char from[ADDR_STR_BYTES];
	struct bus_event ev = {
		.kind = is_added ? BUS_REGISTERED : BUS_UNREGISTERED,
		.tenant_id = b->c.tenant_id,
		.extension_id = x ? x->o.id : 0,
		.account_id = b->c.account_id,
		.number = x   ? x->number
			  : a ? a->username
			      : NULL,
		.address = addr_str(from, &b->c.flow.remote),
		.reason = why,
		.wall_us = clock_wall_us(r->conf.env.clock),
	};

	log_info(&ctx, LOGID_REGISTERED, "%s %s at %s (%s): %s",
		 a ? a->username : "deleted account", is_added ? "registered" : "unregistered",
		 from, transports[b->c.flow.transport], why);
	bus_publish(r->conf.bus, &ev);
	tell_watchers(b, is_added ? REGISTRAR_ADDED : REGISTRAR_REMOVED, 0);
}

uint64_t registrar_device(const struct contact *c)
{
	const struct binding *b = (const struct binding *)c;

	return (*b->instance ? map_hash_u64(map_hash_str(str_of(b->instance)), b->reg_id)
			     : map_hash_u64(0, c->record_id)) |
	       1;
}

/* Behind a proxy the connection is that one's. */
static void tell_connected(const struct binding *b, oid was)
{
	if (!*b->c.routes && (b->c.flow.conn || was))
		tell_watchers(b, REGISTRAR_CONNECTED, was);
}

/* With two of an account on one connection (a proxy's, that does not say so) nobody knows whose a call is: to be marked before one of
 * them leaves it. */
static void mark_sharing(struct binding *b)
{
	LIST_EACH (it, &b->account->bindings) {
		struct binding *o = CONTAINER_OF(it, struct binding, in_account);

		if (o != b && o->c.flow.conn == b->c.flow.conn)
			o->shares_conn = b->shares_conn = true;
	}
}

/* ---- changes ---- */

int binding_add(struct binding *b, bool is_new)
{
	struct registrar *r = b->r;
	int err;

	if (is_new)
		b->c.record_id = r->next_record_id++;
	err = lists_add(b);
	if (err)
		return err;
	lists_link_conn(b);
	start_expiry(b);
	metric_set(METRIC_REGISTRATIONS, ids_count(r->bindings));
	if (is_new) {
		binding_write(b, b->c.expires_at_us);
		tell(b, true, "new contact");
		tell_connected(b, 0);
	}
	return 0;
}

void binding_refresh(struct binding *b, struct binding *fresh)
{
	struct contact old = b->c;
	char *text = b->text;
	oid was;

	if (old.flow.conn)
		mark_sharing(b);
	was = b->shares_conn ? 0 : old.flow.conn;
	lists_unlink_conn(b);
	b->shares_conn = false;
	b->c = fresh->c;
	b->source = fresh->source;
	b->c.id = old.id;
	b->c.record_id = old.record_id;
	b->c.registered_at_us = old.registered_at_us;
	b->text = fresh->text;
	fresh->text = text;
	b->headers = fresh->headers;
	b->instance = fresh->instance;
	b->call_id = fresh->call_id;
	b->path = fresh->path;
	b->server = fresh->server;
	b->is_restored = false;
	b->reg_id = fresh->reg_id;
	b->cseq = fresh->cseq;
	lists_move(b);
	lists_link_conn(b);
	start_expiry(b);
	binding_free(fresh);
	binding_write(b, b->c.expires_at_us);
	if (b->c.flow.conn != old.flow.conn)
		tell_connected(b, was);
	tell_watchers(b, REGISTRAR_REFRESHED, 0);
}

void binding_remove(struct binding *b, const char *why)
{
	struct registrar *r = b->r;

	lists_remove(b);
	metric_set(METRIC_REGISTRATIONS, ids_count(r->bindings));
	binding_write(b, 0);
	tell(b, false, why);
	binding_free(b);
}

/* ---- connections ---- */

/* RFC 3327: the edge proxy before it is where its Path says, and over TLS has to show that; never in clear if it was not before. */
static bool aim_at_edge(struct flow *flow, struct str path)
{
	struct flow edge = {.faces = flow->faces};
	struct sip_addr a;
	struct sip_uri u;
	struct str name;

	if (sip_addr_parse(&a, sip_value_first(&path)) || sip_uri_parse(&u, a.uri))
		return false;
	if (!sip_param(u.params, STR("transport"), &name))
		name = u.scheme == SIP_SCHEME_SIPS ? STR("tls") : STR("udp");
	while (edge.transport < FLOW_TLS && !str_ieq(name, str_of(transports[edge.transport])))
		edge.transport++;
	if (!str_ieq(name, str_of(transports[edge.transport])) ||
	    (flow_is_secure(flow->transport) && edge.transport != FLOW_TLS) ||
	    addr_parse(&edge.remote, u.host,
		       u.port			    ? u.port
		       : edge.transport == FLOW_TLS ? 5061
						    : 5060))
		return false;
	*flow = edge;
	return true;
}

/* A phone over TCP may listen where its Contact says: the next call tries there. */
static bool aim_at_contact(struct flow *flow, const char *uri)
{
	struct sip_uri u;
	struct addr to;

	if (flow->transport >= FLOW_TLS || sip_uri_parse(&u, str_of(uri)) ||
	    addr_parse(&to, u.host, u.port ? u.port : 5060))
		return false;
	flow->remote = to;
	return true;
}

/* Where it is reached without its connection. */
static bool aim_anew(struct binding *b)
{
	return *b->path ? aim_at_edge(&b->c.flow, str_of(b->path))
			: !b->reg_id && aim_at_contact(&b->c.flow, b->c.uri);
}

/* A browser is gone with its connection, and so is a device behind TLS: whoever answers at its address later has no
 * certificate that says it is the device, and a flow is its connection (RFC 5626 6).  An edge proxy closes what is idle, and takes
 * new connections. */
void bindings_closed(oid conn, void *registrar)
{
	struct registrar *r = registrar;
	struct binding *b;
	bool is_own;

	while ((b = lists_of_conn(r, conn))) {
		mark_sharing(b);
		is_own = !b->shares_conn;
		lists_unlink_conn(b);
		b->c.flow.conn = 0;
		b->shares_conn = false;
		if (is_own)
			tell_connected(b, conn);
		if (!aim_anew(b))
			binding_remove(b, "connection closed");
	}
}

/* ---- after a restart ---- */

static int transport_of(const char *text, enum flow_transport *t)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (strcmp(text, transports[i]))
			continue;
		*t = (enum flow_transport)i;
		return 0;
	}
	return EINVAL;
}

static int restore(struct binding **bp, struct registrar *r, const struct contact_record *rec)
{
	struct binding *b = mem_alloc(sizeof(*b));
	struct buf routes = {0};
	struct sip_uri u;
	struct texts x;
	int err;

	if (!b)
		return ENOMEM;
	b->r = r;
	b->is_restored = true;
	b->c.record_id = rec->id;
	b->c.tenant_id = rec->tenant_id;
	b->c.account_id = rec->account_id;
	b->c.q = (unsigned)rec->q;
	b->reg_id = (unsigned)rec->reg_id;
	b->cseq = (uint32_t)rec->cseq;
	b->c.registered_at_us = rec->registered_at;
	b->c.expires_at_us = rec->expires_at;
	b->account = reg_account_get(r, rec->tenant_id, rec->account_id);
	err = b->account ? transport_of(rec->transport, &b->c.flow.transport) : ENOMEM;
	if (!err)
		err = addr_parse_hostport(&b->c.flow.remote, str_of(rec->remote), 5060);
	if (!err)
		err = addr_parse_hostport(&b->source,
					  str_of(*rec->source ? rec->source : rec->remote), 5060);
	if (!err)
		err = addr_parse_hostport(&b->c.flow.local, str_of(rec->local), 5060);
	if (!err)
		err = write_routes(&routes, str_of(rec->path));
	x = (struct texts){
		.uri = sip_uri_parse(&u, str_of(rec->uri)) ? str_of(rec->uri)
							   : sip_uri_bare(str_of(rec->uri), &u),
		.routes = buf_view(&routes),
		.user_agent = str_of(rec->user_agent),
		.instance = str_of(rec->instance),
		.call_id = str_of(rec->call_id),
		.path = str_of(rec->path),
	};
	x.headers = str_of(rec->uri + x.uri.n);
	if (!err)
		err = set_texts(b, &x);
	buf_free(&routes);
	if (!err && flow_is_stream(b->c.flow.transport))
		(void)aim_anew(b); /* else until it registers again it cannot be reached */
	if (err)
		b = binding_free(b);
	*bp = b;
	return err;
}

int registrar_restore(struct registrar *r, const struct contact_record *rec)
{
	const struct account *a = model_account(r->conf.model, rec->tenant_id, rec->account_id);
	struct contact_record gone = *rec;
	struct binding *b = NULL;
	int err = 0;

	if (rec->id >= r->next_record_id)
		r->next_record_id = rec->id + 1;
	if (!rec->expires_at)
		return 0;
	if (a && a->enabled && rec->expires_at > clock_wall_us(r->conf.env.clock))
		err = restore(&b, r, rec);
	if (err == ENOMEM)
		return err;
	if (b) {
		err = binding_add(b, false);
		if (err)
			binding_free(b);
		return err;
	}
	gone.expires_at = 0; /* lapsed while we were away, or nobody's any more */
	if (r->conf.records)
		(void)r->conf.records->write(r->conf.records, RECORD_CONTACT, &gone, sizeof(gone));
	return 0;
}
