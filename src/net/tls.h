/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection with TLS.
 *
 * A server we connect to must prove that it is the one we mean; what proves it is net/tls_name.h.
 *
 * Thread     flow, the connection's own
 * Ownership  the descriptor stays the caller's
 * Errors     as noted; `why` says it for the operator
 * Sources    RFC 8446, RFC 5246; RFC 9325 (what is not offered); RFC 5922 7
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <sys/types.h>
#include "base/str.h"

struct tls_keeper; /* net/tls_keeper.h: what is shown and believed */
struct tls;	   /* one connection */

enum { TLS_WHY_BYTES = 160 };

/* A connection that we make to `whom` of flow_edge.meet(), at this IP address.  ENOENT: we have parted. */
int tls_connect(struct tls **tp, struct tls_keeper *k, int fd, uint32_t whom,
		const char *ip) MUST_USE;
/* One that came in.  ENOENT: there is no certificate for this listener; ENOMEM */
int tls_alloc(struct tls **tp, struct tls_keeper *k, uint32_t listener, int fd) MUST_USE;
struct tls *tls_free(struct tls *t);
/* 0: done; EAGAIN: wait until the socket can be read (or written: tls_wants_write()); EPROTO: it failed; EKEYREJECTED: the peer
 * is not who it should be, EKEYEXPIRED: its certificate is over; why (TLS_WHY_BYTES) says it for the operator. */
int tls_handshake(struct tls *t, char *why) MUST_USE;
bool tls_wants_write(const struct tls *t);
/* As recv() and sendmsg() of a socket that does not block: -1 with errno EAGAIN, EPROTO …; read gives 0 at the end. */
ssize_t tls_read(struct tls *t, void *p, size_t n);
ssize_t tls_write(struct tls *t, const void *p, size_t n);
void tls_end(struct tls *t); /* tell the peer that nothing more comes */

#endif
