/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/net_priv.h"
#include "net/sock.h"
#include "net/streams.h"
#include "net/tls_keeper.h"

static void datagram_received(uint32_t listener, const struct addr *from, const uint8_t *p,
			      size_t nbytes, void *arg)
{
	struct net *n = arg;
	struct flow flow = {.transport = FLOW_UDP,
			    .listener = listener,
			    .local = net_listener(n, listener)->bound,
			    .remote = *from};

	n->conf.sink->received(n->conf.sink, &flow, p, nbytes);
}

static void datagram_waited(uint64_t us, void *arg)
{
	struct net *n = arg;

	if (n->conf.sink->waited)
		n->conf.sink->waited(n->conf.sink, us);
}

static void datagram_failed(uint32_t listener, const struct addr *to, int err, void *arg)
{
	struct net *n = arg;
	struct flow flow = {.transport = FLOW_UDP,
			    .listener = listener,
			    .local = net_listener(n, listener)->bound,
			    .remote = *to};

	n->conf.sink->failed(n->conf.sink, &flow, err);
}

static int send_datagram(struct net *n, const struct flow *flow, const void *p, size_t nbytes)
{
	const struct net_listener *l = net_listener(n, flow->listener);
	uint32_t number = 0;
	struct addr local;

	if (l && l->transport != FLOW_UDP)
		return EINVAL;
	if (!l && flow->local.family)
		l = net_listener(n, net_listener_at(n, FLOW_UDP, &flow->local));
	if (!l || l->bound.family != flow->remote.family) {
		int err = net_reach(n, FLOW_UDP, &flow->remote, &number, &local);

		if (err)
			return err;
		l = net_listener(n, number);
	}
	return udp_send(l->udp, &flow->remote, p, nbytes);
}

static int edge_send(struct flow_edge *e, struct flow *flow, const void *p, size_t nbytes)
{
	struct net *n = (struct net *)e;

	ON_THREAD(THREAD_CORE);
	if (!flow->remote.port || !flow->remote.family)
		return EHOSTUNREACH;
	return flow->transport == FLOW_UDP ? send_datagram(n, flow, p, nbytes)
					   : streams_send(n->streams, flow, p, nbytes);
}

static void edge_close(struct flow_edge *e, oid conn)
{
	ON_THREAD(THREAD_CORE);
	streams_end(((struct net *)e)->streams, conn);
}

static void edge_keep(struct flow_edge *e, oid conn, uint32_t seconds)
{
	ON_THREAD(THREAD_CORE);
	streams_keep(((struct net *)e)->streams, conn, seconds);
}

static void edge_hold(struct flow_edge *e, oid conn, bool is_held)
{
	ON_THREAD(THREAD_CORE);
	streams_hold(((struct net *)e)->streams, conn, is_held);
}

static int edge_local_for(struct flow_edge *e, enum flow_transport t, const struct addr *remote,
			  struct addr *local)
{
	uint32_t listener;

	ON_THREAD(THREAD_CORE);
	return net_reach((struct net *)e, t, remote, &listener, local);
}

static void edge_show(struct flow_edge *e, const struct addr *remote, enum flow_face face,
		      struct addr *local)
{
	ON_THREAD(THREAD_CORE);
	shown_apply(&((struct net *)e)->shown, remote, face, local);
}

static int edge_thin(struct flow_edge *e, const struct flow_thinning *t)
{
	struct net *n = (struct net *)e;
	int err = 0;

	ON_THREAD(THREAD_CORE);
	for (uint32_t i = 0; i < n->nlisteners && !err; i++)
		if (n->listeners[i].udp)
			err = udp_thin(n->listeners[i].udp, t);
	if (err && t)
		(void)edge_thin(e, NULL);
	return err;
}

int net_shown(struct net *n, struct str addresses, struct str networks)
{
	ON_THREAD(THREAD_CORE);
	return shown_set(&n->shown, addresses, networks);
}

static bool has_listener(enum flow_transport t, unsigned family, void *arg)
{
	const struct net *n = arg;

	for (uint32_t i = 0; i < n->nlisteners; i++)
		if (n->listeners[i].number && n->listeners[i].transport == t &&
		    n->listeners[i].bound.family == family)
			return true;
	return false;
}

static int edge_meet(struct flow_edge *e, const struct flow_peer *who, uint32_t *whomp)
{
	char why[TLS_WHY_BYTES] = "";
	int err;

	ON_THREAD(THREAD_CORE);
	err = tls_keeper_meet(streams_tls(((struct net *)e)->streams), who, whomp, why);
	if (*why)
		log_error(NULL, LOGID_NET, "TLS with %.*s: %s", STR_ARG(who->host), why);
	return err;
}

static void edge_part(struct flow_edge *e, uint32_t whom)
{
	ON_THREAD(THREAD_CORE);
	tls_keeper_part(streams_tls(((struct net *)e)->streams), whom);
}

int net_open(struct net **np, const struct net_conf *conf)
{
	struct net *n = mem_fault() ? NULL : calloc(1, sizeof(*n));
	int err;

	if (!n)
		return ENOMEM;
	n->conf = *conf;
	n->edge = (struct flow_edge){.send = edge_send,
				     .close = edge_close,
				     .local_for = edge_local_for,
				     .show = edge_show,
				     .keep = edge_keep,
				     .hold = edge_hold,
				     .meet = edge_meet,
				     .part = edge_part,
				     .thin = edge_thin};
	err = streams_open(&n->streams, n);
	if (!err)
		err = dns_open(&n->dns, conf->loop);
	if (!err)
		err = locate_open(&n->locator, n->dns, has_listener, n);
	if (err)
		n = net_close(n);
	else
		*np = n;
	return err;
}

struct net *net_close(struct net *n)
{
	if (!n)
		return NULL;
	ON_THREAD(THREAD_CORE);
	locate_close(n->locator);
	dns_close(n->dns);
	streams_close(n->streams);
	for (uint32_t i = 0; i < n->nlisteners; i++)
		udp_close(n->listeners[i].udp);
	free(n);
	return NULL;
}

struct flow_edge *net_edge(struct net *n)
{
	return &n->edge;
}

struct locator *net_locator(struct net *n)
{
	return n->locator;
}

int net_name_servers(struct net *n, struct str servers)
{
	return dns_servers(n->dns, servers);
}

size_t net_asked_servers(const struct net *n, struct addr *v, size_t max)
{
	return dns_asked(n->dns, v, max);
}

int net_certificate(struct net *n, const struct pem_pair *pair, char *why)
{
	ON_THREAD(THREAD_CORE);
	return tls_keeper_set(streams_tls(n->streams), pair, why);
}

int net_certificate_for(struct net *n, bool is_tenants, struct str name,
			const struct pem_pair *pair)
{
	ON_THREAD(THREAD_CORE);
	return tls_keeper_name(streams_tls(n->streams), is_tenants, name, pair);
}

int net_tls_for_others(struct net *n, struct tls_keeper **keeperp, char *why)
{
	const struct net_tls own = {NULL, STR_NONE};

	ON_THREAD(THREAD_CORE);
	*keeperp = streams_tls(n->streams);
	return tls_keeper_listener(*keeperp, NET_TLS_OTHERS, &own, why);
}

int net_trust(struct net *n, const char *ca_path, char *why)
{
	ON_THREAD(THREAD_CORE);
	return tls_keeper_trust(streams_tls(n->streams), ca_path, why);
}

/* ---- listeners ---- */

static bool has_tls(enum flow_transport t)
{
	return t == FLOW_TLS || t == FLOW_WSS;
}

static int listen_stream(struct net *n, struct net_listener *l, const struct addr *local,
			 const struct net_tls *tls, char *why)
{
	const struct net_tls own = {NULL, STR_NONE};
	struct tls_keeper *k = streams_tls(n->streams);
	int fd = -1, err = sock_listen(&fd, local, &l->bound);

	if (err)
		return err;
	/* Before the first connection can come: it must show what is asked for. */
	if (has_tls(l->transport))
		err = tls_keeper_listener(k, l->number, tls ? tls : &own, why);
	if (!err)
		err = streams_listen(n->streams, l->transport, l->number, fd);
	if (err) {
		tls_keeper_forget(k, l->number);
		close(fd);
	}
	return err;
}

/* A place, with a number that its last listener did not have. */
static struct net_listener *free_place(struct net *n)
{
	for (uint32_t i = 0; i < NET_MAX_LISTENERS; i++) {
		struct net_listener *l = &n->listeners[i];

		if (l->number)
			continue;
		l->number = l->last ? l->last + NET_MAX_LISTENERS : i + 1;
		if (i >= n->nlisteners)
			n->nlisteners = i + 1;
		return l;
	}
	return NULL;
}

static void give_back(struct net_listener *l)
{
	*l = (struct net_listener){.last = l->number};
}

static int open_at(struct net *n, struct net_listener *l, const struct addr *local,
		   const struct net_tls *tls, char *why)
{
	const struct udp_handlers h = {datagram_received, datagram_waited, datagram_failed, n};

	switch (l->transport) {
	case FLOW_UDP:
		return udp_open(&l->udp, n->conf.loop, l->number, local, &h, &l->bound);
	case FLOW_TCP:
	case FLOW_TLS:
	case FLOW_WS:
	case FLOW_WSS:
		return listen_stream(n, l, local, tls, why);
	}
	return EPROTONOSUPPORT;
}

int net_listen_as(struct net *n, enum flow_transport t, const struct addr *local,
		  const struct net_tls *tls, struct addr *bound, uint32_t *numberp, char *why)
{
	char ignored[TLS_WHY_BYTES];
	struct net_listener *l;
	int err;

	ON_THREAD(THREAD_CORE);
	if (!local->family)
		return EINVAL;
	l = free_place(n);
	if (!l)
		return ENOSPC;
	l->transport = t;
	err = open_at(n, l, local, tls, why ? why : ignored);
	if (err) {
		give_back(l);
		return err;
	}
	net_reach_forget(n);
	*bound = l->bound;
	*numberp = l->number;
	return 0;
}

int net_listen(struct net *n, enum flow_transport t, const struct addr *local, struct addr *bound)
{
	uint32_t number;

	return net_listen_as(n, t, local, NULL, bound, &number, NULL);
}

int net_relisten(struct net *n, uint32_t number, const struct net_tls *tls, char *why)
{
	const struct net_listener *l = net_listener(n, number);

	ON_THREAD(THREAD_CORE);
	if (!l || !has_tls(l->transport))
		return 0;
	return tls_keeper_listener(streams_tls(n->streams), number, tls, why);
}

void net_unlisten(struct net *n, uint32_t number)
{
	struct net_listener *l = net_listener(n, number);

	ON_THREAD(THREAD_CORE);
	if (!l)
		return;
	if (l->transport == FLOW_UDP)
		udp_close(l->udp);
	else
		streams_unlisten(n->streams, number);
	give_back(l);
	net_reach_forget(n);
}
