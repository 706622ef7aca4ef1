/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core-side files of this folder share: listeners, datagram sockets, and what the core knows of connections.
 *
 * Thread     core
 */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include "base/map.h"
#include "net/locate.h"
#include "net/net.h"
#include "net/shown.h"
#include "net/udp.h"

enum { NET_MAX_LISTENERS = 64, NET_REACHED = 256 };

struct net_listener {
	uint32_t number; /* 0: a free place */
	uint32_t last;	 /* number that it had before */
	enum flow_transport transport;
	struct addr bound;
	struct udp *udp; /* FLOW_UDP */
};

struct net_reached { /* an answer of net_local_for, for a while */
	uint64_t until_us;
	enum flow_transport transport;
	uint32_t listener;
	struct addr remote, local;
};

struct streams;

struct net {
	struct flow_edge edge; /* first */
	struct net_conf conf;
	uint32_t nlisteners; /* places that were ever used */
	struct net_listener
		listeners[NET_MAX_LISTENERS]; /* number k stands at (k - 1) % NET_MAX_LISTENERS */
	struct net_reached reached[NET_REACHED];
	struct streams *streams;
	struct dns *dns;
	struct locator *locator;
	struct shown shown;
};

/* NULL: there is none of this number any more. */
static inline struct net_listener *net_listener(struct net *n, uint32_t number)
{
	struct net_listener *l = &n->listeners[(number - 1) % NET_MAX_LISTENERS];

	return number && l->number == number ? l : NULL;
}
/* Which listener of this transport reaches `remote`, and our address there.  EPROTONOSUPPORT: no such transport;
 * EAFNOSUPPORT: none of this family; EHOSTUNREACH … */
int net_reach(struct net *n, enum flow_transport t, const struct addr *remote, uint32_t *listenerp,
	      struct addr *local) MUST_USE;
void net_reach_forget(struct net *n);
/* The listener bound to this address and port, or else to its IP, or to any address of its family; 0: none. */
uint32_t net_listener_at(const struct net *n, enum flow_transport t, const struct addr *local);

#endif
