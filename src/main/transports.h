/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transports and certificates, obeyed as they are written: what is to be open is compared with what is, and the difference is
 * done.  Nothing that goes on is touched.  What cannot be bound is tried again until it can.
 *
 * Thread     core
 */
#ifndef MAIN_TRANSPORTS_H
#define MAIN_TRANSPORTS_H

#include "base/addr.h"
#include "base/flow.h"

struct server;
struct transports;

struct transport_view {
	uint64_t id; /* names this address of the transport; they come in this order */
	uint64_t transport_id;
	enum flow_transport protocol;
	struct addr where; /* bound, or wanted */
	bool is_active;
	const char *reason; /* why not; or what of it is not obeyed */
};

/* A new system's five, before the model is loaded. */
int transports_seed(struct server *s) MUST_USE;
/* The certificate is there.  An errno when one of those that the server was started with cannot be bound (it is logged). */
int transports_start(struct server *s) MUST_USE;
void transports_stop(struct server *s);
/* The first with an id above `after`. */
bool transports_next(const struct transports *t, uint64_t after, struct transport_view *v);
const char *transports_name(enum flow_transport protocol); /* "UDP" */
const char *transports_key(enum flow_transport protocol);  /* "udp" */
/* Where it is served first; false: nowhere. */
bool transports_first(const struct transports *t, enum flow_transport protocol, struct addr *where);

#endif
