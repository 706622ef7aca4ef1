/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "net/net_priv.h"
#include "net/sock.h"
#include "net/streams.h"

static void datagram_received(uint32_t listener, const struct addr *from, const uint8_t *p,
			      size_t nbytes, void *arg)
{
	struct net *n = arg;
	struct flow flow = {.transport = FLOW_UDP,
			    .listener = listener,
			    .local = n->listeners[listener - 1].bound,
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
			    .local = n->listeners[listener - 1].bound,
			    .remote = *to};

	n->conf.sink->failed(n->conf.sink, &flow, err);
}

static int send_datagram(struct net *n, const struct flow *flow, const void *p, size_t nbytes)
{
	uint32_t listener = flow->listener;
	struct addr local;

	if (listener > n->nlisteners ||
	    (listener && n->listeners[listener - 1].transport != FLOW_UDP))
		return EINVAL;
	if (!listener && flow->local.family)
		listener = net_listener_at(n, FLOW_UDP, &flow->local);
	if (!listener || n->listeners[listener - 1].bound.family != flow->remote.family) {
		int err = net_reach(n, FLOW_UDP, &flow->remote, &listener, &local);

		if (err)
			return err;
	}
	return udp_send(n->listeners[listener - 1].udp, &flow->remote, p, nbytes);
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

static int edge_local_for(struct flow_edge *e, enum flow_transport t, const struct addr *remote,
			  struct addr *local)
{
	uint32_t listener;

	ON_THREAD(THREAD_CORE);
	return net_reach((struct net *)e, t, remote, &listener, local);
}

static bool has_listener(enum flow_transport t, unsigned family, void *arg)
{
	const struct net *n = arg;

	for (uint32_t i = 0; i < n->nlisteners; i++)
		if (n->listeners[i].transport == t && n->listeners[i].bound.family == family)
			return true;
	return false;
}

static bool same_name(const struct map_node *node, const void *key)
{
	const struct net_name *name = (const struct net_name *)node;
	const struct str *text = key;

	return str_ieq((struct str){name->text, name->n}, *text);
}

/* Names stay: they come from what is configured, not from the world, and there is room for some thousand. */
static int edge_name(struct flow_edge *e, struct str host, uint32_t *whomp)
{
	struct net *n = (struct net *)e;
	uint64_t hash = map_hash_istr(host);
	struct net_name *name;

	ON_THREAD(THREAD_CORE);
	if (!host.n || host.n > 255)
		return EINVAL;
	name = (struct net_name *)map_find(&n->names, hash, same_name, &host);
	if (!name) {
		if (n->names.count == NET_MAX_NAMES)
			return ENOSPC;
		name = mem_fault() ? NULL : calloc(1, sizeof(*name) + host.n + 1);
		if (!name)
			return ENOMEM;
		memcpy(name->text, host.p, host.n);
		name->n = host.n;
		map_add(&n->names, &name->node, hash);
		name->number = (uint32_t)n->names.count;
		n->numbered[name->number - 1] = name;
	}
	*whomp = name->number;
	return 0;
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
				     .keep = edge_keep,
				     .name = edge_name};
	err = map_init(&n->names);
	if (!err)
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
	for (size_t i = 0; i < n->names.count; i++)
		free(n->numbered[i]);
	map_close(&n->names);
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

int net_certificate(struct net *n, const char *cert_path, const char *key_path, char *why)
{
	ON_THREAD(THREAD_CORE);
	return streams_certificate(n->streams, cert_path, key_path, why);
}

int net_trust(struct net *n, const char *ca_path, char *why)
{
	ON_THREAD(THREAD_CORE);
	return streams_trust(n->streams, ca_path, why);
}

static int listen_stream(struct net *n, enum flow_transport t, uint32_t number,
			 const struct addr *local, struct addr *bound)
{
	int fd = -1, err = sock_listen(&fd, local, bound);

	if (err)
		return err;
	err = streams_listen(n->streams, t, number, fd);
	if (err)
		close(fd);
	return err;
}

int net_listen(struct net *n, enum flow_transport t, const struct addr *local, struct addr *bound)
{
	const struct udp_handlers h = {datagram_received, datagram_waited, datagram_failed, n};
	struct net_listener l = {.transport = t};
	uint32_t number = n->nlisteners + 1;
	int err;

	ON_THREAD(THREAD_CORE);
	if (number > NET_MAX_LISTENERS)
		return ENOSPC;
	if (!local->family)
		return EINVAL;
	switch (t) {
	case FLOW_UDP:
		err = udp_open(&l.udp, n->conf.loop, number, local, &h, &l.bound);
		break;
	case FLOW_TCP:
	case FLOW_TLS:
	case FLOW_WS:
	case FLOW_WSS:
		err = listen_stream(n, t, number, local, &l.bound);
		break;
	default:
		err = EPROTONOSUPPORT;
	}
	if (err)
		return err;
	n->listeners[n->nlisteners++] = l;
	net_reach_forget(n);
	*bound = l.bound;
	return 0;
}
