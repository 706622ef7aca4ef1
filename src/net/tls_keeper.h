/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which certificates are shown, to whom, and which are believed.
 *
 * The server has a certificate of its own; a listener may have another, and ask who connects for one.  Who asks for a name
 * (SNI) that has a certificate is shown that one, on every listener.  All of it changes at any time: connections that are
 * there keep what they have, new ones get what is new; what cannot be obeyed changes nothing.
 *
 * Thread     tls_keeper_incoming, tls_keeper_outgoing: flow · the rest: core.  A lock inside is taken for an instant.
 * Ownership  pairs are borrowed; what is kept of them is counted
 * Errors     EINVAL with why[TLS_WHY_BYTES]; ENOMEM
 * Sources    RFC 6066 3 (SNI); RFC 9325 (what is not offered)
 */
#ifndef NET_TLS_KEEPER_H
#define NET_TLS_KEEPER_H

#include <openssl/ssl.h>
#include "base/pem.h"
#include "net/net.h"
#include "net/tls.h"

int tls_keeper_alloc(struct tls_keeper **kp) MUST_USE;
struct tls_keeper *tls_keeper_free(struct tls_keeper *k);

/* The server's own: also shown to servers that ask for one.  Before listeners that have none. */
int tls_keeper_set(struct tls_keeper *k, const struct pem_pair *pair, char *why) MUST_USE;
int tls_keeper_listener(struct tls_keeper *k, uint32_t listener, const struct net_tls *what,
			char *why) MUST_USE;
void tls_keeper_forget(struct tls_keeper *k, uint32_t listener);
/* Tenants' names go before the system's.  pair NULL: the name has none any more. */
int tls_keeper_name(struct tls_keeper *k, bool is_tenants, struct str name,
		    const struct pem_pair *pair) MUST_USE;
/* Servers are believed whose certificates lead to a root of the system, or to one in this PEM file. */
int tls_keeper_trust(struct tls_keeper *k, const char *ca_path, char *why) MUST_USE;

int tls_keeper_incoming(struct tls_keeper *k, uint32_t listener, SSL **sslp) MUST_USE; /* ENOENT */

/* flow_edge.meet() and part(). */
int tls_keeper_meet(struct tls_keeper *k, const struct flow_peer *who, uint32_t *whomp,
		    char *why) MUST_USE;
void tls_keeper_part(struct tls_keeper *k, uint32_t whom);
struct tls_keeper_peer {
	char host[256]; /* "": the address */
	bool is_unproved;
};
/* whom 0: who is at the address, by its certificate.  ENOENT: there is no such peer any more. */
int tls_keeper_outgoing(struct tls_keeper *k, uint32_t whom, SSL **sslp,
			struct tls_keeper_peer *who) MUST_USE;

#endif
