/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where requests for a host go (RFC 3263): the interface between logic that knows names and the edge that asks for them.
 * Implemented by net/ (name servers) and by tests.
 *
 * An IP address needs no locator: locate_literal() answers at once and allocates nothing.
 *
 * Thread     core
 * Ownership  what is found is a value, borrowed for the call
 * Errors     ENOENT: there is no such host, or none that we could reach · EAGAIN: the name servers do not answer now ·
 *	      EINVAL: no name · ENOBUFS: too much is being asked
 * Sources    RFC 3263 4.1, 4.2; RFC 2782 (priority, weight); RFC 3403 (NAPTR)
 */
#ifndef BASE_LOCATE_H
#define BASE_LOCATE_H

#include "base/flow.h"
#include "base/rng.h"

enum { LOCATE_MAX = 16, LOCATE_NAME_BYTES = 256 };

struct locate_target {
	enum flow_transport transport;
	struct addr addr;
	uint32_t priority; /* lower first; NAPTR's order above SRV's priority */
	uint16_t weight;
	uint16_t host; /* targets of one host have the same number; they share its weight */
};

struct located {
	size_t n;
	uint32_t ttl_s;
	struct locate_target target[LOCATE_MAX];
};

struct locate_question {
	struct str host;       /* IPv6 with or without brackets */
	uint16_t port;	       /* 0: none is given, SRV records say */
	bool is_any_transport; /* NAPTR and SRV records say; of an address: transport holds */
	enum flow_transport transport;
};

typedef void located_h(const struct located *found, int err, void *arg); /* found NULL: err */

struct locator {
	/* 0: found at once, fn is not called.  EINPROGRESS: fn is called later, once, unless forgotten. */
	int (*find)(struct locator *l, const struct locate_question *q, struct located *found,
		    located_h *fn, void *arg, oid *idp);
	void (*forget)(struct locator *l, oid id);
};

/* RFC 3261 19.1.2 */
static inline uint16_t locate_default_port(enum flow_transport t)
{
	return t == FLOW_TLS || t == FLOW_WSS ? 5061 : 5060;
}

/* The host is an address: it is all there is. */
bool locate_literal(const struct locate_question *q, struct located *found);
/* In the order in which to try them this time: by priority, then by lot, weighted; addresses of one host stay together. */
void locate_order(struct located *l, struct rng *rng);

#endif
