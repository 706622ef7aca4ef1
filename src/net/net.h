/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP over real sockets: the flow_edge of the server.  UDP on the core thread; TCP, TLS, WS and WSS on flow threads, which
 * frame messages (Content-Length, WebSocket) and hand them over.
 *
 * Thread     core (the loop of net_conf).  The flow_edge's functions: core.
 * Errors     net_listen: EADDRINUSE, EADDRNOTAVAIL, EACCES: the caller names address and port
 * Sources    RFC 3261 18; RFC 5626 3.5.1 (CRLF keep-alive); RFC 7118 (WebSocket)
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/flow.h"
#include "base/locate.h"
#include "base/loop.h"
#include "base/pem.h"

struct net;
struct tls_keeper;

struct net_conf {
	struct loop *loop;
	struct flow_sink *sink;
	unsigned flow_threads;	/* 0 = 1 */
	size_t max_connections; /* in and out; 0 = 10000 */
	size_t max_per_address; /* of those that came in; 0 = a tenth */
	uint32_t
		idle_seconds; /* close a stream without traffic that nothing keeps (flow_edge.keep); 0 = 300 */
	/* "https://a.example https://b.example none": the pages whose scripts may open a WebSocket, and "none" for clients
	 * that send no Origin.  NULL or empty: anybody may; it is the digest that protects. */
	const char *ws_origins;
	uint32_t
		message_ms; /* from a message's first byte to its last, and from accept to the first message; 0 = 10 s */
};
int net_open(struct net **np, const struct net_conf *conf) MUST_USE;
struct net *net_close(struct net *n);
struct flow_edge *net_edge(struct net *n);
/* Where hosts are, by name servers; finds only what there is a listener for. */
struct locator *net_locator(struct net *n);
/* "192.0.2.1, [2001:db8::1]:5353"; empty: those of the system.  EINVAL: nothing changes. */
int net_name_servers(struct net *n, struct str servers) MUST_USE;
/* Those that are asked now.  How many there are, at most max. */
size_t net_asked_servers(const struct net *n, struct addr *v, size_t max);
/* SYS-9: our addresses on the other side of a NAT ("203.0.113.5, 2001:db8::5"; empty: there is none), and the networks that
 * are on this side of it ("10.0.0.0/8"; empty: the private ones).  EINVAL: nothing changes. */
int net_shown(struct net *n, struct str addresses, struct str networks) MUST_USE;
/* The server's own certificate, for listeners that have no other and for servers that ask for one: before net_listen().
 * EINVAL with the reason in why[160]. */
int net_certificate(struct net *n, const struct pem_pair *pair, char *why) MUST_USE;
/* Who asks for this name is shown this on every listener; a tenant's name goes before one of the system.  NULL: no more. */
int net_certificate_for(struct net *n, bool is_tenants, struct str name,
			const struct pem_pair *pair) MUST_USE;
/* What TLS shows and believes, for others who serve it.  Listener NET_TLS_OTHERS is theirs; it shows the server's own, and who asks for
 * a name that has a certificate that.  EINVAL with why[160]: there is no certificate. */
enum { NET_TLS_OTHERS = 0 };
int net_tls_for_others(struct net *n, struct tls_keeper **keeperp, char *why) MUST_USE;
/* Roots besides the system's that servers are believed by, as a PEM file.  EINVAL with why[160]. */
int net_trust(struct net *n, const char *ca_path, char *why) MUST_USE;

struct net_tls {		     /* of a listener for TLS or WSS */
	const struct pem_pair *pair; /* NULL: the server's own */
	struct str
		client_ca; /* PEM: who connects must show a certificate of these roots; empty: need not */
};
/* Port 0 takes any and tells it in *bound.  The number names it; it is given to no other for a long time.  tls NULL: the
 * server's own certificate.  EINVAL with why[160] (NULL allowed): the certificate; ENOSPC: there are too many listeners. */
int net_listen_as(struct net *n, enum flow_transport t, const struct addr *local,
		  const struct net_tls *tls, struct addr *bound, uint32_t *numberp,
		  char *why) MUST_USE;
int net_listen(struct net *n, enum flow_transport t, const struct addr *local,
	       struct addr *bound) MUST_USE;
/* New connections see it at once; those that are there stay.  EINVAL with why[160]: nothing changes. */
int net_relisten(struct net *n, uint32_t number, const struct net_tls *tls, char *why) MUST_USE;
/* Nothing new comes in there.  Connections stay until they end; datagrams leave from another listener. */
void net_unlisten(struct net *n, uint32_t number);

#endif
