/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One function, reconcile(), knows how to get from any state to the wanted one; a change of a transport, of a certificate,
 * of a setting, and a moment later when something could not be bound, all end there.  There are few listeners, so all of
 * them are looked at each time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/names.h"
#include "main/server.h"
#include "main/transports.h"

enum {
	MAX_DOORS = 64,
	PER_TRANSPORT = CONFIG_MAX_ADDRESSES, /* ids: transport's × this + place of the address */
	RETRY_MS = 500,
	LATER_MS = 5000,
};

/* One address of a transport. */
struct door {
	uint64_t transport_id;
	unsigned place;
	enum flow_transport protocol;
	struct addr want, bound;
	uint32_t number;  /* 0: not open */
	uint64_t seen[3]; /* what its TLS was made of: certificate, its revision, the transport's */
	int err;	  /* why it is not open */
	char reason[192];
	bool is_wanted;
};

struct transports {
	struct server *s;
	struct names *names;
	struct door doors[MAX_DOORS];
	size_t n;
	unsigned tries;
	struct timer retry;
};

static const char *const protocol_names[] = {[FLOW_UDP] = "UDP",
					     [FLOW_TCP] = "TCP",
					     [FLOW_TLS] = "TLS",
					     [FLOW_WS] = "WS",
					     [FLOW_WSS] = "WSS"};

static enum flow_transport protocol_of(const struct transport *t)
{
	static const enum flow_transport flows[] = {[TRANSPORT_PROTOCOL_UDP] = FLOW_UDP,
						    [TRANSPORT_PROTOCOL_TCP] = FLOW_TCP,
						    [TRANSPORT_PROTOCOL_TLS] = FLOW_TLS,
						    [TRANSPORT_PROTOCOL_WS] = FLOW_WS,
						    [TRANSPORT_PROTOCOL_WSS] = FLOW_WSS};

	return flows[t->protocol];
}

static bool has_tls(enum flow_transport t)
{
	return t == FLOW_TLS || t == FLOW_WSS;
}

static const struct transport *transport_of(const struct transports *t, uint64_t id)
{
	return (const struct transport *)model_object(t->s->model, &resource_transport, 0, id);
}

/* ---- ports that the server was started with ---- */

static uint16_t above(uint16_t port, unsigned n)
{
	return port && port + n <= UINT16_MAX ? (uint16_t)(port + n) : 0;
}

/* 0: any; then the one that was bound first, for all that follow. */
static uint16_t *port_of(struct config *c, enum flow_transport t)
{
	switch (t) {
	case FLOW_TLS:
		if (!c->has_tls_port && !c->tls_port)
			c->tls_port = above(c->sip_port, 1);
		return &c->tls_port;
	case FLOW_WS:
		if (!c->has_ws_port && !c->ws_port)
			c->ws_port = above(c->sip_port, 2);
		return &c->ws_port;
	case FLOW_WSS:
		if (!c->has_wss_port && !c->wss_port)
			c->wss_port = above(c->sip_port, 5);
		return &c->wss_port;
	default:
		return &c->sip_port;
	}
}

/* ---- what is wanted ---- */

static struct door *find(struct transports *t, uint64_t transport_id, const struct addr *want,
			 unsigned place)
{
	for (size_t i = 0; i < t->n; i++) {
		struct door *d = &t->doors[i];

		if (d->transport_id == transport_id && d->place == place &&
		    addr_ip_eq(&d->want, want) &&
		    (d->want.port == want->port || (!want->port && d->number)))
			return d;
	}
	return NULL;
}

static void want_door(struct transports *t, const struct transport *tr, struct addr want,
		      unsigned place)
{
	struct door *d;

	want.port = tr->port ? (uint16_t)tr->port : *port_of(&t->s->config, protocol_of(tr));
	d = find(t, tr->o.id, &want, place);
	if (d) {
		d->is_wanted = true;
		return;
	}
	if (t->n == MAX_DOORS) {
		log_error(NULL, LOGID_NET,
			  "transport %" PRIu64 " is not served: there are too many", tr->o.id);
		return;
	}
	t->doors[t->n++] = (struct door){.transport_id = tr->o.id,
					 .place = place,
					 .protocol = protocol_of(tr),
					 .want = want,
					 .is_wanted = true};
}

static bool may_serve(const struct transports *t, const struct addr *a)
{
	return a->family != 6 || t->s->has_ipv6;
}

static void want_transport(const struct model *m, const struct resource *res, uint64_t tenant_id,
			   uint64_t id, void *arg)
{
	struct transports *t = arg;
	const struct transport *tr = transport_of(t, id);
	const struct config *c = &t->s->config;
	struct addr a;

	if (!tr->enabled)
		return;
	if (*tr->address && !addr_parse(&a, str_of(tr->address), 0)) {
		if (may_serve(t, &a))
			want_door(t, tr, a, 0);
		return;
	}
	for (unsigned i = 0; i < c->naddresses; i++)
		if (may_serve(t, &c->address[i]))
			want_door(t, tr, c->address[i], i);
}

const char *transports_name(enum flow_transport protocol)
{
	return protocol_names[protocol];
}

const char *transports_key(enum flow_transport protocol)
{
	static const char *const names[] = {"udp", "tcp", "tls", "ws", "wss"};

	return protocol < ARRAY_LEN(names) ? names[protocol] : "";
}

/* ---- opening and closing ---- */

static void close_door(struct transports *t, struct door *d)
{
	char text[ADDR_STR_BYTES];

	if (!d->number)
		return;
	net_unlisten(t->s->net, d->number);
	log_info(NULL, LOGID_NET, "SIP over %s on %s no more", protocol_names[d->protocol],
		 addr_str(text, &d->bound));
	happened(t->s, BUS_TRANSPORT_LOST, protocol_names[d->protocol], text, "no longer wanted");
	d->number = 0;
}

/* What TLS of a listener is made of.  The pair is the caller's to close. */
static int tls_of(struct transports *t, const struct door *d, struct net_tls *tls,
		  struct pem_pair *pair, char *why)
{
	const struct transport *tr = transport_of(t, d->transport_id);
	int err = 0;

	*pair = (struct pem_pair){NULL, NULL, NULL};
	*tls = (struct net_tls){NULL, str_of(tr->client_ca)};
	if (tr->certificate_id) {
		err = names_pair(t->s->model, 0, tr->certificate_id, pair, why);
		tls->pair = pair;
	}
	return err;
}

static void note_seen(const struct transports *t, struct door *d)
{
	const struct transport *tr = transport_of(t, d->transport_id);
	const struct object *c =
		model_object(t->s->model, &resource_certificate, 0, tr->certificate_id);

	d->seen[0] = tr->certificate_id;
	d->seen[1] = c ? c->revision : 0;
	d->seen[2] = tr->o.revision;
}

static bool is_up_to_date(const struct transports *t, const struct door *d)
{
	struct door now = *d;

	note_seen(t, &now);
	return memcmp(now.seen, d->seen, sizeof(now.seen)) == 0;
}

static void say_why_not(struct server *s, struct door *d, int err, const char *why)
{
	char text[ADDR_STR_BYTES], reason[sizeof(d->reason)];

	snprintf(reason, sizeof(reason), "%s", *why ? why : strerror(err));
	if (strcmp(reason, d->reason) == 0)
		return; /* said already */
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	log_error(NULL, LOGID_NET, "cannot serve SIP over %s on %s: %s",
		  protocol_names[d->protocol], addr_str(text, &d->want), reason);
	happened(s, BUS_TRANSPORT_LOST, protocol_names[d->protocol], text, reason);
}

static int open_door(struct transports *t, struct door *d)
{
	char text[ADDR_STR_BYTES], why[160] = "";
	struct pem_pair pair = {NULL, NULL, NULL};
	struct net_tls tls = {NULL, STR_NONE};
	uint16_t *port = port_of(&t->s->config, d->protocol);
	int err = 0;

	if (has_tls(d->protocol))
		err = tls_of(t, d, &tls, &pair, why);
	if (!d->want.port && !transport_of(t, d->transport_id)->port)
		d->want.port = *port; /* bound by one before */
	if (!err)
		err = net_listen_as(t->s->net, d->protocol, &d->want, &tls, &d->bound, &d->number,
				    why);
	pem_pair_close(&pair);
	d->err = err;
	if (err) {
		say_why_not(t->s, d, err, why);
		return err;
	}
	if (!d->want.port)
		*port = d->want.port = d->bound.port;
	d->reason[0] = '\0';
	note_seen(t, d);
	log_info(NULL, LOGID_NET, "SIP over %s on %s", protocol_names[d->protocol],
		 addr_str(text, &d->bound));
	happened(t->s, BUS_TRANSPORT_MADE, protocol_names[d->protocol], text, "");
	return 0;
}

/* Those that are connected stay as they are; what cannot be shown leaves what was. */
static void renew(struct transports *t, struct door *d)
{
	char why[160] = "";
	struct pem_pair pair;
	struct net_tls tls;
	int err;

	if (!has_tls(d->protocol) || is_up_to_date(t, d))
		return;
	err = tls_of(t, d, &tls, &pair, why);
	if (!err)
		err = net_relisten(t->s->net, d->number, &tls, why);
	pem_pair_close(&pair);
	note_seen(t, d);
	d->reason[0] = '\0';
	if (err)
		say_why_not(t->s, d, err, why);
}

static void reconcile(struct transports *t);

static void again(struct timer *timer, void *arg)
{
	reconcile(arg);
}

static void drop_unwanted(struct transports *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->doors[i].is_wanted)
			t->doors[kept++] = t->doors[i];
		else
			close_door(t, &t->doors[i]);
	}
	t->n = kept;
}

static void reconcile(struct transports *t)
{
	bool is_all_open = true;

	for (size_t i = 0; i < t->n; i++)
		t->doors[i].is_wanted = false;
	model_tell_all(t->s->model, &resource_transport, 0, want_transport, t);
	drop_unwanted(t);
	for (size_t i = 0; i < t->n; i++) {
		if (t->doors[i].number)
			renew(t, &t->doors[i]);
		else if (open_door(t, &t->doors[i]))
			is_all_open = false;
	}
	if (is_all_open) {
		t->tries = 0;
		timer_cancel(&t->retry);
	} else {
		timer_start(t->s->env.wheel, &t->retry, t->tries++ < 10 ? RETRY_MS : LATER_MS,
			    again, t);
	}
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct server *s = arg;
	struct transports *t = s->transports;

	if (!t)
		return;
	if (res == &resource_certificate || res == &resource_tenant)
		names_changed(t->names, res == &resource_tenant ? id : tenant_id);
	if (res == &resource_transport || (res == &resource_certificate && !tenant_id) ||
	    res == &resource_network_setting) {
		t->tries = 0;
		reconcile(t);
	}
}

/* ---- what others see ---- */

static uint64_t id_of(const struct door *d)
{
	return d->transport_id * PER_TRANSPORT + d->place + 1;
}

bool transports_next(const struct transports *t, uint64_t after, struct transport_view *v)
{
	const struct door *best = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (id_of(&t->doors[i]) > after && (!best || id_of(&t->doors[i]) < id_of(best)))
			best = &t->doors[i];
	if (!best)
		return false;
	*v = (struct transport_view){.id = id_of(best),
				     .transport_id = best->transport_id,
				     .protocol = best->protocol,
				     .where = best->number ? best->bound : best->want,
				     .is_active = best->number != 0,
				     .reason = best->reason};
	return true;
}

bool transports_first(const struct transports *t, enum flow_transport protocol, struct addr *where)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->doors[i].number && t->doors[i].protocol == protocol) {
			*where = t->doors[i].bound;
			return true;
		}
	return false;
}

/* ---- life ---- */

int transports_seed(struct server *s)
{
	static const char *const five[] = {"udp", "tcp", "tls", "ws", "wss"};
	bool is_there = false;
	int err = store_has_now(s->store, &resource_transport, &is_there);

	for (size_t i = 0; !err && !is_there && i < ARRAY_LEN(five); i++) {
		struct field_errors errs = {.n = 0};
		char body[64];

		snprintf(body, sizeof(body), "{\"protocol\":\"%s\"}", five[i]);
		err = store_create_now(s->store, 0, &resource_transport, body, NULL, &errs);
		if (err == EINVAL && errs.n && strcmp(errs.v[0].code, "taken") == 0)
			err = 0; /* another node was faster */
	}
	return err;
}

int transports_start(struct server *s)
{
	struct transports *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return ENOMEM;
	t->s = s;
	s->transports = t;
	err = names_alloc(&t->names, s->model, s->net);
	if (!err)
		err = model_watch(s->model, changed, s);
	if (err)
		return err;
	reconcile(t);
	/* What follows the command line must be there; another may come up later. */
	for (size_t i = 0; i < t->n && !err; i++)
		if (!t->doors[i].number && !*transport_of(t, t->doors[i].transport_id)->address)
			err = t->doors[i].err;
	if (!err && !t->n)
		log_warn(NULL, LOGID_NET, "no transport is enabled: SIP is served nowhere");
	return err;
}

void transports_stop(struct server *s)
{
	struct transports *t = s->transports;

	s->transports = NULL;
	if (!t)
		return;
	timer_cancel(&t->retry);
	names_free(t->names);
	free(t);
}
