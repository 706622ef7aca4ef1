/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The edge that SIP stands on: send to a flow, received from a flow.  Implemented by net/ (real sockets) and by the
 * simulator (lossy, reordering, virtual time).  Declared here so that neither side includes the other.
 *
 * A flow is where a message came from and where an answer goes: for datagrams the pair of local and remote address, for
 * streams one connection, named by an id that is never used again.
 *
 * Thread     core: all of it.  Flow threads stand behind net/.
 * Ownership  bytes are borrowed for the call, both ways
 * Sources    RFC 3261 18, RFC 5626 (flow), RFC 3581
 */
#ifndef BASE_FLOW_H
#define BASE_FLOW_H

#include "base/addr.h"
#include "base/ids.h"

enum flow_transport { FLOW_UDP, FLOW_TCP, FLOW_TLS, FLOW_WS, FLOW_WSS };

static inline bool flow_is_stream(enum flow_transport t)
{
	return t != FLOW_UDP;
}

/* Which of our addresses a peer is told behind a NAT. */
enum flow_face {
	FLOW_FACE_AUTO,	 /* as its network wants it */
	FLOW_FACE_OWN,	 /* that of our side */
	FLOW_FACE_PUBLIC /* that of the NAT's other side */
};
struct flow_faces {
	uint8_t address, via; /* Contact and SDP; Via */
};

/* Nobody on the way reads it (RFC 3261 26.2.1). */
static inline bool flow_is_secure(enum flow_transport t)
{
	return t == FLOW_TLS || t == FLOW_WSS;
}

struct flow {
	enum flow_transport transport;
	uint32_t
		listener; /* which of our listeners: 1, 2 … in the order of net_listen(); 0 = first fit */
	struct addr
		local; /* our side, with the listener's port; to send: family 0 lets the edge choose */
	struct addr remote;
	oid conn; /* streams: the connection; 0 = open one or reuse by remote address */
	uint32_t
		whom; /* TLS to be opened: who must be there, by flow_edge.meet(); 0 = the remote IP */
	struct flow_faces faces; /* what is written on it: whoever sends chooses, no message says */
};

/* To whom a TLS connection is to lead, and what is shown there. */
struct flow_peer {
	struct str host;  /* what the certificate must name; empty: the remote IP */
	bool is_unproved; /* whoever is there is believed */
	struct str
		roots; /* PEM: what the certificate must lead to; empty: what the edge believes */
	struct str chain, key; /* PEM: shown to who asks for a certificate; empty: the edge's own */
	const char *passphrase; /* of the key; or NULL */
};

/* New calls in datagrams of which most are dropped before anybody reads them: refusing each would take all our time.  Never
 * dropped are requests within a dialog, those with credentials, and calls for help. */
enum { FLOW_THIN_NUMBERS = 16, FLOW_THIN_MARK = 11 };
struct flow_thinning {
	uint32_t share;		 /* of new INVITEs that still come through: of 65536 */
	struct str mark;	 /* what every tag of ours begins with */
	const struct str *first; /* numbers that all calls to come through */
	size_t nfirst;
};

/* What the edge offers to logic. */
struct flow_edge {
	/* Queue the bytes as one SIP message.  0: accepted (not: arrived).
	 * ENOTCONN  conn is gone (or cannot be opened because the peer is behind it)
	 * EMSGSIZE  larger than this transport carries
	 * ENOBUFS   the peer does not read: over its queue's limit
	 * EHOSTUNREACH, ECONNREFUSED  known at once
	 * A stream opened for this message writes its id to flow->conn. */
	int (*send)(struct flow_edge *e, struct flow *flow, const void *p, size_t n);
	/* Forget a connection (after the last thing sent has left). */
	void (*close)(struct flow_edge *e, oid conn);
	/* The local address (and port of the listener) that reaches `remote`: for Via and Contact. */
	int (*local_for)(struct flow_edge *e, enum flow_transport t, const struct addr *remote,
			 struct addr *local);
	/* A number for this peer: the same for equal ones, until each has been parted from.  EINVAL: PEM; ENOSPC, ENOMEM;
	 * NULL: an edge without TLS. */
	int (*meet)(struct flow_edge *e, const struct flow_peer *who, uint32_t *whomp);
	void (*part)(struct flow_edge *e, uint32_t whom);
	/* SYS-9: how `remote` sees an address of ours, when a NAT stands in between: for what we write, never for where we send
	 * from.  NULL: as it is. */
	void (*show)(struct flow_edge *e, const struct addr *remote, enum flow_face face,
		     struct addr *local);
	/* Something lives on this connection (a registration): it is not idle before so many seconds have passed. */
	void (*keep)(struct flow_edge *e, oid conn, uint32_t seconds);
	/* Something goes on over this connection (a dialog): it is not idle until this was taken back as often as it was said.
	 * NULL: an edge whose connections are never idle. */
	void (*hold)(struct flow_edge *e, oid conn, bool is_held);
	/* From now on; NULL: all comes through.  ENOSPC: too many numbers; ENOMEM, EPERM …: the kernel does not; all comes through.
	 * NULL: an edge that cannot. */
	int (*thin)(struct flow_edge *e, const struct flow_thinning *t);
};

static inline void flow_show(struct flow_edge *e, const struct flow *flow, struct addr *local)
{
	if (e->show)
		e->show(e, &flow->remote, (enum flow_face)flow->faces.address, local);
}

static inline void flow_show_via(struct flow_edge *e, const struct flow *flow, struct addr *local)
{
	if (e->show)
		e->show(e, &flow->remote, (enum flow_face)flow->faces.via, local);
}

/* What logic offers to the edge. */
struct flow_sink {
	/* One datagram, or one framed message of a stream, as it came. */
	void (*received)(struct flow_sink *s, const struct flow *from, const uint8_t *p, size_t n);
	/* What is read now has waited so long since it arrived: told once before a batch of them.  NULL: nobody asks. */
	void (*waited)(struct flow_sink *s, uint64_t us);
	/* Sending to this flow failed later (ICMP, reset, connect refused); err is an errno. */
	void (*failed)(struct flow_sink *s, const struct flow *to, int err);
	/* A connection ended, by either side. */
	void (*closed)(struct flow_sink *s, oid conn);
};

#endif
