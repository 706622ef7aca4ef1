/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of one stream: RTP on an even port, RTCP on the next.
 *
 * Not connected to the peer, on purpose: the kernel would answer strangers with ICMP and hide them from the counters.
 *
 * Thread     any
 * Ownership  media_socket_close() closes what media_socket_open() opened
 * Errors     EADDRINUSE (either port), EADDRNOTAVAIL (not our address), EMFILE …
 */
#ifndef MEDIA_SOCKET_H
#define MEDIA_SOCKET_H

#include "media/relay.h"

/* local.port is the RTP port.  On failure both ends are as they were. */
int media_socket_open(struct stream *s, const struct addr *local) MUST_USE;
void media_socket_close(struct stream *s); /* fine when not open */
/* Differentiated services by kind: what routers on the way do first. */
void media_socket_mark(const struct stream *s, enum media_kind kind);
/* From now on the kernel says of each RTP packet when it came (SCM_TIMESTAMPNS), or no more. */
void media_socket_stamp(const struct stream *s, bool is_stamped);

#endif
