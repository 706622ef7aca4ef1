/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One datagram socket on one local address.
 *
 * Thread     core
 * Ownership  bytes are borrowed for the call, both ways
 * Errors     udp_thin: as flow_edge.thin
 * Sources    RFC 3261 18.1.1, 18.4 (ICMP errors); RFC 5626 3.5.1; ip(7) IP_RECVERR
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "base/addr.h"
#include "base/flow.h"
#include "base/loop.h"

struct udp;

struct udp_handlers {
	void (*received)(uint32_t listener, const struct addr *from, const uint8_t *p, size_t n,
			 void *arg);
	void (*waited)(uint64_t us,
		       void *arg); /* the oldest datagram of a batch, in the kernel's queue */
	void (*failed)(uint32_t listener, const struct addr *to, int err,
		       void *arg); /* something sent there came back */
	void *arg;
};

int udp_open(struct udp **up, struct loop *l, uint32_t listener, const struct addr *local,
	     const struct udp_handlers *h, struct addr *bound) MUST_USE;
struct udp *udp_close(struct udp *u);
/* EMSGSIZE, ENOBUFS, EHOSTUNREACH, EAFNOSUPPORT …: of this datagram, never of one sent before. */
int udp_send(struct udp *u, const struct addr *to, const void *p, size_t n) MUST_USE;
int udp_thin(struct udp *u, const struct flow_thinning *t) MUST_USE;

#endif
