/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From which of our addresses is a remote one reached?
 *
 * DESIGN  The kernel knows: connect() of a datagram socket looks up the route and getsockname() tells the source.  When we
 * do not listen on that one (several addresses on loopback, or a preferred address that is not ours to use), each of
 * our own is tried by binding to it first.  Answers are kept a few seconds: routes change, but not per message.
 */
#include "net/net_priv.h"
#include "net/sock.h"

enum { KEPT_US = 5000000 };

void net_reach_forget(struct net *n)
{
	for (size_t i = 0; i < NET_REACHED; i++)
		n->reached[i].until_us = 0;
}

uint32_t net_listener_at(const struct net *n, enum flow_transport t, const struct addr *local)
{
	uint32_t same_ip = 0, any = 0;

	for (uint32_t i = 0; i < n->nlisteners; i++) {
		const struct net_listener *l = &n->listeners[i];

		if (!l->number || l->transport != t || l->bound.family != local->family)
			continue;
		if (addr_eq(&l->bound, local))
			return l->number;
		if (!same_ip && addr_ip_eq(&l->bound, local))
			same_ip = l->number;
		if (!any && addr_is_any(&l->bound))
			any = l->number;
	}
	return same_ip ? same_ip : any;
}

/* Those on the same side of loopback first: what stands in a Via should be reachable from there. */
static int try_each(struct net *n, enum flow_transport t, const struct addr *remote,
		    uint32_t *listenerp, struct addr *local)
{
	int err = 0;

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < n->nlisteners; i++) {
			const struct net_listener *l = &n->listeners[i];
			bool same_side = addr_is_loopback(&l->bound) == addr_is_loopback(remote);
			int this_err;

			if (!l->number || l->transport != t || l->bound.family != remote->family ||
			    same_side == (pass == 1))
				continue;
			this_err = sock_source_for(remote, &l->bound, local);
			if (!this_err) {
				*listenerp = l->number;
				return 0;
			}
			err = this_err;
		}
	return err ? err : EAFNOSUPPORT;
}

static int look(struct net *n, enum flow_transport t, const struct addr *remote,
		uint32_t *listenerp, struct addr *local)
{
	const struct addr anywhere = {0};
	bool have_transport = false;
	int err;

	for (uint32_t i = 0; i < n->nlisteners; i++)
		have_transport |= n->listeners[i].number && n->listeners[i].transport == t;
	if (!have_transport)
		return EPROTONOSUPPORT;
	err = sock_source_for(remote, &anywhere, local);
	*listenerp = err ? 0 : net_listener_at(n, t, local);
	if (!*listenerp)
		err = try_each(n, t, remote, listenerp, local);
	if (err)
		return err == ENETUNREACH ? EHOSTUNREACH : err;
	local->port = net_listener(n, *listenerp)->bound.port;
	return 0;
}

int net_reach(struct net *n, enum flow_transport t, const struct addr *remote, uint32_t *listenerp,
	      struct addr *local)
{
	uint64_t now_us = clock_mono_us(loop_clock(n->conf.loop));
	struct addr ip = *remote;
	struct net_reached *r;
	int err;

	ip.port = 0; /* the route does not depend on it */
	r = &n->reached[addr_hash(&ip) % NET_REACHED];
	if (r->until_us < now_us || r->transport != t || !addr_ip_eq(&r->remote, remote)) {
		r->until_us = 0;
		err = look(n, t, remote, &r->listener, &r->local);
		if (err)
			return err;
		r->until_us = now_us + KEPT_US;
		r->transport = t;
		r->remote = ip;
	}
	*listenerp = r->listener;
	*local = r->local;
	return 0;
}
