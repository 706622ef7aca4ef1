/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests too large for a datagram (RFC 3261 18.1.1): over 1300 bytes they are sent over TCP, and as a datagram after all when
 * that does not reach anybody.  Who took no TCP is not asked again for an hour.
 *
 * A device behind a NAT is reached at an address that is not its own, where nobody listens for TCP: it gets its datagram, as large
 * as it is.
 */
#include "sip/stack.h"

enum { REFUSED_MS = 3600 * 1000 };

static uint64_t now_ms(const struct sip *s)
{
	return clock_mono_ms(s->conf.env.clock);
}

static size_t place_of(const struct addr *a)
{
	return addr_hash(a) % LARGE_KNOWN;
}

static bool has_refused(const struct sip *s, const struct addr *a)
{
	size_t i = place_of(a);

	return s->large.refused[i].until_ms > now_ms(s) && addr_eq(&s->large.refused[i].addr, a);
}

void large_refused(struct sip *s, const struct addr *to)
{
	size_t i = place_of(to);

	s->large.refused[i].addr = *to;
	s->large.refused[i].until_ms = now_ms(s) + REFUSED_MS;
}

static bool is_behind_nat(const struct sip_out *out, const struct addr *remote)
{
	struct sip_uri u;
	struct addr a;

	if (out->routes.n || sip_uri_parse(&u, out->uri) ||
	    addr_parse(&a, u.host, u.port ? u.port : 5060))
		return false;
	return !addr_eq(&a, remote);
}

bool large_goes_by_stream(struct sip *s, const struct sip_out *out, struct flow *flow)
{
	struct flow stream = {.transport = FLOW_TCP, .remote = flow->remote, .faces = flow->faces};

	if (s->out.n <= LARGE_BYTES || flow->transport != FLOW_UDP ||
	    has_refused(s, &flow->remote) || is_behind_nat(out, &flow->remote) ||
	    s->conf.edge->local_for(s->conf.edge, FLOW_TCP, &flow->remote, &stream.local))
		return false;
	*flow = stream;
	return true;
}
