/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core knows of stream connections: which there are, where they lead, and whether more may be sent.  The
 * connections themselves belong to the flow threads.
 *
 * Thread     core
 * Errors     streams_send as flow_edge.send
 */
#ifndef NET_STREAMS_H
#define NET_STREAMS_H

#include "net/net_priv.h"

int streams_open(struct streams **sp, struct net *n) MUST_USE;
struct streams *streams_close(struct streams *s);
struct tls_keeper *streams_tls(struct streams *s); /* what is shown and believed */
int streams_listen(struct streams *s, enum flow_transport t, uint32_t listener,
		   int fd) MUST_USE; /* takes fd on success */
/* Nobody is accepted there any more, soon; its certificate is forgotten. */
void streams_unlisten(struct streams *s, uint32_t listener);
int streams_send(struct streams *s, struct flow *flow, const void *p, size_t n) MUST_USE;
void streams_end(struct streams *s, oid conn);
void streams_keep(struct streams *s, oid conn, uint32_t seconds);
void streams_hold(struct streams *s, oid conn, bool is_held); /* as flow_edge.hold */

#endif
