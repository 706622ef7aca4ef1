/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dialogs as values.  All text that never changes stands in one block behind the struct; only the remote target moves.
 *
 * Where requests go physically: to the first route or the target, where that is a numeric address over UDP (RFC 3261 12.2.1.1).
 * A phone behind a NAT, and whoever is on a connection or names a host, is reached the way its message came, `flow`.
 */
#include <string.h>
#include "base/mem.h"
#include "base/thread.h"
#include "sip/stack.h"
#include "sip/dialog.h"
#include "sip/via.h"
#include "sip/write.h"

enum { MAX_ROUTES = 32, MAX_ROUTE_BYTES = 8192 };

struct seed {
	struct str call_id, local_tag, remote_tag, local_uri, remote_uri, contact, routes, target;
};

static char *put(char **at, struct str s)
{
	char *start = *at;

	if (s.n)
		memcpy(start, s.p, s.n);
	start[s.n] = '\0';
	*at += s.n + 1;
	return start;
}

static int make(struct sip_dialog **dp, struct sip *s, const struct seed *e)
{
	size_t n = e->call_id.n + e->local_tag.n + e->remote_tag.n + e->local_uri.n +
		   e->remote_uri.n + e->contact.n + e->routes.n + 7;
	struct sip_dialog *d = mem_alloc(sizeof(*d) + n);
	char *at;

	if (!d)
		return ENOMEM;
	d->sip = s;
	at = (char *)(d + 1);
	d->call_id = put(&at, e->call_id);
	d->local_tag = put(&at, e->local_tag);
	d->remote_tag = put(&at, e->remote_tag);
	d->local_uri = put(&at, e->local_uri);
	d->remote_uri = put(&at, e->remote_uri);
	d->contact = put(&at, e->contact);
	d->routes = put(&at, e->routes);
	d->remote_target = mem_str(e->target);
	if (!d->remote_target) {
		mem_free(d);
		return ENOMEM;
	}
	s->ndialogs++;
	*dp = d;
	return 0;
}

/* RFC 3261 18: a connection that a quiet call goes on over is not idle.  Who is behind a NAT, and a browser, cannot be reached by
 * another one. */
void dialog_hold_way(struct sip_dialog *d)
{
	struct flow_edge *edge = d->sip->conf.edge;
	oid conn = d->is_registered ? d->flow.conn : 0;

	if (conn == d->held || !edge->hold)
		return;
	if (conn)
		edge->hold(edge, conn, true);
	if (d->held)
		edge->hold(edge, d->held, false);
	d->held = conn;
}

struct sip_dialog *sip_dialog_close(struct sip_dialog *d)
{
	if (!d)
		return NULL;
	if (d->is_registered)
		map_remove(&d->sip->dialogs, &d->node);
	d->is_registered = false;
	dialog_hold_way(d);
	d->sip->ndialogs--;
	mem_free(d->remote_target);
	return mem_free(d);
}

/* A From or To value without its tag, brackets always round the URI. */
static void write_party(struct buf *b, struct str value)
{
	struct sip_addr a;
	struct str params, name, display;

	if (sip_addr_parse(&a, value)) {
		buf_str(b, value);
		return;
	}
	display = (struct str){value.p, (size_t)(a.uri.p - value.p)};
	while (display.n && display.p[display.n - 1] != '<')
		display.n--;
	if (display.n)
		buf_str(b, display);
	else
		buf_char(b, '<');
	buf_str(b, a.uri);
	buf_char(b, '>');
	for (params = a.params; params.p;) {
		struct str param = str_trim(str_cut(&params, ';')), rest = param;

		name = str_trim(str_cut(&rest, '='));
		if (!name.n || str_ieq(name, STR("tag")))
			continue;
		buf_char(b, ';');
		buf_str(b, param);
	}
}

/* RFC 3261 12.1.1, 12.1.2: the caller of the dialog sees the route reversed. */
static int write_routes(struct buf *b, const struct sip_msg *m, bool is_reversed)
{
	struct str routes[MAX_ROUTES], value;
	struct sip_values v;
	size_t n = 0;

	sip_values_init(&v, m, SIP_HDR_RECORD_ROUTE);
	while (sip_values_next(&v, &value)) {
		if (n == MAX_ROUTES)
			return E2BIG;
		routes[n++] = value;
	}
	for (size_t i = 0; i < n; i++)
		sip_write_header(b, SIP_HDR_ROUTE, routes[is_reversed ? n - 1 - i : i]);
	return b->n > MAX_ROUTE_BYTES ? E2BIG : b->err;
}

static int read_target(const struct sip_addr *a, struct str *target)
{
	struct sip_uri u;

	if (sip_uri_parse(&u, a->uri) || u.scheme == SIP_SCHEME_OTHER)
		return EPROTO;
	*target = sip_uri_bare(a->uri, &u);
	return 0;
}

/* The Contact; without one (RFC 2543, and many a 1xx) the address of record must do.  ENOENT: none, and none asked for. */
static int target_of(const struct sip_msg *m, bool has_fallback, struct str *target)
{
	struct sip_addr a;

	if (sip_msg_has(m, SIP_HDR_CONTACT))
		return sip_contact(m, &a) ? EPROTO : read_target(&a, target);
	if (!has_fallback)
		return ENOENT;
	if (m->is_request ? sip_from(m, &a) : sip_to(m, &a))
		return EPROTO;
	return read_target(&a, target);
}

static int from_message(struct sip_dialog **dp, struct sip *s, const struct sip_msg *m,
			struct seed *e, bool is_uac)
{
	struct buf from = {0}, to = {0}, routes = {0};
	int err = write_routes(&routes, m, is_uac);

	write_party(&from, sip_msg_header(m, SIP_HDR_FROM));
	write_party(&to, sip_msg_header(m, SIP_HDR_TO));
	if (!err)
		err = from.err ? from.err : to.err;
	e->call_id = m->call_id;
	e->local_uri = buf_view(is_uac ? &from : &to);
	e->remote_uri = buf_view(is_uac ? &to : &from);
	e->routes = buf_view(&routes);
	if (!err)
		err = make(dp, s, e);
	buf_free(&from);
	buf_free(&to);
	buf_free(&routes);
	return err;
}

int sip_dialog_from_request(struct sip_dialog **dp, struct sip *s, const struct sip_msg *req,
			    const char *local_tag, const char *contact)
{
	struct seed e = {.local_tag = str_of(local_tag),
			 .remote_tag = req->from_tag,
			 .contact = str_of(contact)};
	/* RFC 3261 8.1.1.8: only who knows RFC 2543 and no more comes without. */
	int err = target_of(req, !str_starts(req->branch, STR("z9hG4bK")), &e.target);

	ON_THREAD(THREAD_CORE);
	if (!err)
		err = from_message(dp, s, req, &e, false);
	if (err)
		return err == ENOENT ? EPROTO : err;
	(*dp)->remote_cseq = req->cseq;
	(*dp)->remote_method = req->method;
	(*dp)->is_secure = str_starts(req->uri, STR("sips:"));
	(*dp)->is_natted = sip_is_natted(req);
	sip_reply_flow(req, &(*dp)->flow);
	return 0;
}

int sip_dialog_from_response(struct sip_dialog **dp, struct sip *s, const struct sip_msg *resp,
			     struct str contact)
{
	struct seed e = {
		.local_tag = resp->from_tag, .remote_tag = resp->to_tag, .contact = contact};
	int err;

	ON_THREAD(THREAD_CORE);
	/* Who writes a From that we did not send has no dialog with us. */
	if (!tag_is_ours(s, resp->from_tag))
		return EPROTO;
	err = target_of(resp, true, &e.target);
	if (err)
		return err;
	err = from_message(dp, s, resp, &e, true);
	if (err)
		return err;
	(*dp)->local_cseq = resp->cseq;
	(*dp)->is_uac = true;
	(*dp)->is_natted = true; /* until who sent the request knows better */
	(*dp)->is_secure = str_starts(e.target, STR("sips:"));
	(*dp)->flow = resp->flow;
	return 0;
}

bool sip_is_natted(const struct sip_msg *req)
{
	struct sip_values vias;
	struct sip_via via;
	struct str value;
	struct addr named;

	sip_values_init(&vias, req, SIP_HDR_VIA);
	return !sip_values_next(&vias, &value) || sip_via_parse(&via, value) ||
	       addr_parse(&named, via.host, via.port ? via.port : 5060) ||
	       !addr_eq(&named, &req->flow.remote);
}

bool sip_uri_address(struct str text, struct addr *out)
{
	struct sip_uri uri;
	struct str value;

	if (sip_uri_parse(&uri, text) || uri.scheme != SIP_SCHEME_SIP)
		return false;
	if (sip_param(uri.params, STR("transport"), &value) && !str_ieq(value, STR("udp")))
		return false;
	if (sip_param(uri.params, STR("maddr"), &value))
		uri.host = value;
	return !addr_parse(out, uri.host, uri.port ? uri.port : 5060);
}

/* A stream's dialog never moves to a datagram: what was protected stays so (security: hijack of a call from outside). */
static void adopt_flow(struct sip_dialog *d, const struct sip_msg *req)
{
	struct flow flow;

	sip_reply_flow(req, &flow);
	if (flow.transport != d->flow.transport && !flow_is_stream(flow.transport))
		return;
	flow.faces = d->flow.faces;
	d->flow = flow;
	dialog_hold_way(d);
	if (d->is_natted) /* once believed, always: one request that took another way is no NAT */
		d->is_natted = sip_is_natted(req);
}

static bool may_move(const struct sip_dialog *d, const struct flow *flow)
{
	return !*d->routes && d->flow.conn && flow->conn && flow->conn != d->flow.conn &&
	       (!flow_is_secure(d->flow.transport) || flow_is_secure(flow->transport));
}

static void go_there(struct sip_dialog *d, const struct flow *flow)
{
	struct flow now = *flow;

	now.faces = d->flow.faces;
	d->flow = now;
	dialog_hold_way(d);
}

/* By less than RFC 3261 19.1.4 compares: its Contact in a call may lack the transport that it registered with. */
static bool is_same_place(const struct sip_uri *a, const struct sip_uri *b)
{
	return str_eq(a->user, b->user) && str_ieq(a->host, b->host) && a->port == b->port;
}

bool sip_dialog_moved(struct sip_dialog *d, struct str uri, const struct flow *flow, bool is_peer)
{
	struct sip_uri was, is;
	char *target;

	ON_THREAD(THREAD_CORE);
	if (!may_move(d, flow) || sip_uri_parse(&was, str_of(d->remote_target)) ||
	    sip_uri_parse(&is, uri) || was.scheme != is.scheme)
		return false;
	if (!is_peer && !is_same_place(&was, &is))
		return false;
	target = is_peer ? mem_str(uri) : NULL;
	if (is_peer && !target)
		return false;
	if (target) {
		mem_free(d->remote_target);
		d->remote_target = target;
	}
	go_there(d, flow);
	return true;
}

int sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m)
{
	struct str target;
	char *text;

	ON_THREAD(THREAD_CORE);
	if (m->is_request)
		adopt_flow(d, m);
	if (target_of(m, false, &target) || str_eq(target, str_of(d->remote_target)))
		return 0;
	text = mem_str(target);
	if (!text)
		return ENOMEM;
	mem_free(d->remote_target);
	d->remote_target = text;
	return 0;
}

/* ---- sending ---- */

/* RFC 3261 12.2.1.1.  A strict router gets itself as Request-URI and the target as the last route. */
static void address(const struct sip_dialog *d, struct sip_out *out, struct buf *strict)
{
	struct str routes = str_of(d->routes), first, lr;
	struct sip_addr a;
	struct sip_uri u;

	out->uri = str_of(d->remote_target);
	out->routes = routes;
	if (!routes.n)
		return;
	first = str_cut(&routes, '\n');
	first = str_trim((struct str){first.p + 6, first.n - 6}); /* behind "Route:" */
	if (sip_addr_parse(&a, first) || sip_uri_parse(&u, a.uri) ||
	    sip_param(u.params, STR("lr"), &lr))
		return;
	buf_str(strict, routes);
	buf_printf(strict, "Route: <%s>\r\n", d->remote_target);
	out->uri = sip_uri_bare(a.uri, &u);
	out->routes = buf_view(strict);
}

/* Never to ourselves: what names our own address is wrong about somebody. */
static struct flow way_to(const struct sip_dialog *d, const struct sip_out *out)
{
	struct str routes = out->routes, first = str_cut(&routes, '\n'), uri = out->uri;
	struct flow flow = d->flow;
	struct sip_addr a;
	struct addr to;
	bool is_loose = first.n && str_eq(out->uri, str_of(d->remote_target));

	if (d->is_natted || flow_is_stream(flow.transport))
		return flow;
	if (is_loose && sip_addr_parse(&a, str_trim((struct str){first.p + 6, first.n - 6})))
		return flow;
	if (is_loose)
		uri = a.uri;
	if (sip_uri_address(uri, &to) && to.family == flow.remote.family && !addr_is_any(&to) &&
	    !addr_eq(&to, &flow.local))
		flow.remote = to;
	return flow;
}

struct parts {
	struct buf from, to, strict;
	struct sip_out out;
};

static int prepare(struct parts *p, const struct sip_dialog *d, enum sip_method method,
		   uint32_t cseq, const struct sip_extra *extra)
{
	bool has_contact = method == SIP_INVITE || method == SIP_UPDATE ||
			   method == SIP_SUBSCRIBE || method == SIP_REFER || method == SIP_NOTIFY;

	buf_cstr(&p->from, d->local_uri);
	buf_printf(&p->from, ";tag=%s", d->local_tag);
	buf_cstr(&p->to, d->remote_uri);
	if (*d->remote_tag)
		buf_printf(&p->to, ";tag=%s", d->remote_tag);
	p->out = (struct sip_out){
		.method = method,
		.flow = d->flow,
		.from = buf_view(&p->from),
		.to = buf_view(&p->to),
		.call_id = str_of(d->call_id),
		.cseq = cseq,
		.contact = has_contact ? str_of(d->contact) : STR_NONE,
		.edit_for = d->edit_for,
	};
	if (extra)
		p->out.extra = *extra;
	address(d, &p->out, &p->strict);
	p->out.flow = way_to(d, &p->out);
	return p->from.err ? p->from.err : p->to.err ? p->to.err : p->strict.err;
}

static void release(struct parts *p)
{
	buf_free(&p->from);
	buf_free(&p->to);
	buf_free(&p->strict);
}

/* The connection is gone: a phone that listens is reached where it says.  A browser is not. */
static bool reroute(struct sip_dialog *d, struct parts *p)
{
	struct str route = p->out.routes, first = str_cut(&route, '\n');
	struct sip_addr a;
	struct sip_uri u;
	struct addr to;

	if (!d->flow.conn || d->flow.transport > FLOW_TLS)
		return false;
	if (!first.n || sip_addr_parse(&a, str_trim((struct str){first.p + 6, first.n - 6})))
		a.uri = str_of(d->remote_target);
	if (sip_uri_parse(&u, a.uri) || addr_parse(&to, u.host,
						   u.port			   ? u.port
						   : d->flow.transport == FLOW_TLS ? 5061
										   : 5060))
		return false;
	d->flow.conn = 0;
	dialog_hold_way(d);
	d->flow.remote = to;
	p->out.flow = d->flow;
	return true;
}

int sip_dialog_send(struct sip_dialog *d, enum sip_method method, const struct sip_extra *extra,
		    sip_response_h *fn, void *arg, oid *idp)
{
	struct parts p = {0};
	int err;

	ON_THREAD(THREAD_CORE);
	if (d->local_cseq >= INT32_MAX) /* 8.1.1.5: the numbers are used up */
		return EOVERFLOW;
	err = prepare(&p, d, method, d->local_cseq + 1, extra);
	if (!err)
		err = sip_send(d->sip, &p.out, fn, arg, idp);
	if (err == ENOTCONN && reroute(d, &p))
		err = sip_send(d->sip, &p.out, fn, arg, idp);
	if (!err)
		d->local_cseq++;
	release(&p);
	return err;
}

int sip_dialog_ack(struct sip_dialog *d, uint32_t cseq, const struct sip_extra *extra,
		   char **bytesp, size_t *np)
{
	struct sip *s = d->sip;
	char branch[7 + 16 + 1] = "z9hG4bK";
	struct ctrans_text x = {0};
	struct parts p = {0};
	int err;

	ON_THREAD(THREAD_CORE);
	rng_token(s->conf.env.rng, branch + 7, 16);
	err = prepare(&p, d, SIP_ACK, cseq, extra);
	if (!err)
		err = message_request(s, &p.out.flow, &p.out, branch, &x);
	release(&p);
	if (err)
		return err;
	if (bytesp) {
		*bytesp = mem_dup(s->out.p, s->out.n);
		*np = *bytesp ? s->out.n : 0;
	}
	/* the peer repeats its 2xx until one arrives */
	(void)stack_send(s, &p.out.flow, s->out.p, s->out.n);
	return 0;
}

/* ---- kept ---- */

static int keep_party(char *dst, size_t bytes, const char *value)
{
	struct sip_addr a;
	struct buf b = {0};
	int err;

	if (!str_copy(dst, bytes, str_of(value)))
		return 0;
	/* too long a display name is nothing a dialog needs */
	if (sip_addr_parse(&a, str_of(value)))
		return E2BIG;
	sip_write_addr(&b, STR_NONE, a.uri, STR_NONE);
	err = b.err ? b.err : str_copy(dst, bytes, buf_view(&b));
	buf_free(&b);
	return err ? E2BIG : 0;
}

int sip_dialog_keep(const struct sip_dialog *d, struct sip_dialog_kept *k)
{
	*k = (struct sip_dialog_kept){0};
	k->edit_for = d->edit_for;
	k->local_cseq = d->local_cseq;
	k->remote_cseq = d->remote_cseq;
	k->is_secure = d->is_secure;
	k->is_uac = d->is_uac;
	k->transport = (uint8_t)d->flow.transport;
	k->is_natted = d->is_natted;
	k->face_via = d->flow.faces.via;
	k->local = d->flow.local;
	k->remote = d->flow.remote;
	if (str_copy(k->call_id, sizeof(k->call_id), str_of(d->call_id)) ||
	    str_copy(k->local_tag, sizeof(k->local_tag), str_of(d->local_tag)) ||
	    str_copy(k->remote_tag, sizeof(k->remote_tag), str_of(d->remote_tag)) ||
	    str_copy(k->remote_target, sizeof(k->remote_target), str_of(d->remote_target)) ||
	    str_copy(k->contact, sizeof(k->contact), str_of(d->contact)) ||
	    str_copy(k->routes, sizeof(k->routes), str_of(d->routes)) ||
	    keep_party(k->local_uri, sizeof(k->local_uri), d->local_uri) ||
	    keep_party(k->remote_uri, sizeof(k->remote_uri), d->remote_uri)) {
		*k = (struct sip_dialog_kept){0};
		return E2BIG;
	}
	return 0;
}

int sip_dialog_restore(struct sip_dialog **dp, struct sip *s, const struct sip_dialog_kept *k)
{
	struct seed e = {
		.call_id = str_of(k->call_id),
		.local_tag = str_of(k->local_tag),
		.remote_tag = str_of(k->remote_tag),
		.local_uri = str_of(k->local_uri),
		.remote_uri = str_of(k->remote_uri),
		.contact = str_of(k->contact),
		.routes = str_of(k->routes),
		.target = str_of(k->remote_target),
	};
	int err;

	ON_THREAD(THREAD_CORE);
	if (!e.call_id.n || !e.target.n)
		return EINVAL;
	err = make(dp, s, &e);
	if (err)
		return err;
	(*dp)->edit_for = k->edit_for;
	(*dp)->local_cseq = k->local_cseq;
	(*dp)->remote_cseq = k->remote_cseq;
	(*dp)->is_secure = k->is_secure;
	(*dp)->is_uac = k->is_uac;
	(*dp)->is_natted = k->is_natted;
	/* the connection itself did not survive: by address */
	(*dp)->flow = (struct flow){.transport = (enum flow_transport)k->transport,
				    .local = k->local,
				    .remote = k->remote,
				    .faces.via = k->face_via};
	return 0;
}
