/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS: the certificate that is shown, the roots that are believed, and the state of one connection.
 *
 * The certificate can be changed at any time: connections that are there keep theirs, new ones get the new one.  A server we
 * connect to must prove that it is the one we mean; what proves it is net/tls_name.h.
 *
 * Thread     tls_keeper_*: any (a lock inside, taken for an instant) · tls_*: flow, the connection's own
 * Ownership  the descriptor stays the caller's
 * Errors     as noted; `why` says it for the operator
 * Sources    RFC 8446, RFC 5246; RFC 9325 (what is not offered); RFC 5922 7
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <sys/types.h>
#include "base/str.h"

struct tls_keeper; /* the certificate in force */
struct tls;	   /* one connection */

int tls_keeper_alloc(struct tls_keeper **kp) MUST_USE;
struct tls_keeper *tls_keeper_free(struct tls_keeper *k);
/* PEM files: the server's certificate, then intermediates; its key.  EINVAL: unreadable, or they do not belong together;
 * what was in force stays.  why: at least 160 bytes. */
int tls_keeper_set(struct tls_keeper *k, const char *cert_path, const char *key_path,
		   char *why) MUST_USE;

/* Servers are believed whose certificates lead to a root of the system, or to one in this PEM file.  EINVAL with why. */
int tls_keeper_trust(struct tls_keeper *k, const char *ca_path, char *why) MUST_USE;

/* A connection that we make: `whom` (a host name, or an IP address as text) must be named by its certificate. */
int tls_connect(struct tls **tp, struct tls_keeper *k, int fd, struct str whom) MUST_USE;
/* One that came in.  ENOENT: there is no certificate yet; ENOMEM */
int tls_alloc(struct tls **tp, struct tls_keeper *k, int fd) MUST_USE;
struct tls *tls_free(struct tls *t);
/* 0: done; EAGAIN: wait until the socket can be read (or written: tls_wants_write()); EPROTO: it failed; EKEYREJECTED: the peer
 * is not who it should be, EKEYEXPIRED: its certificate is over; why (160 bytes) says it for the operator. */
int tls_handshake(struct tls *t, char *why) MUST_USE;
bool tls_wants_write(const struct tls *t);
/* As recv() and sendmsg() of a socket that does not block: -1 with errno EAGAIN, EPROTO …; read gives 0 at the end. */
ssize_t tls_read(struct tls *t, void *p, size_t n);
ssize_t tls_write(struct tls *t, const void *p, size_t n);
void tls_end(struct tls *t); /* tell the peer that nothing more comes */

#endif
