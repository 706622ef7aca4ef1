/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets as this server opens them: non-blocking, close-on-exec, IPv6 only where IPv6.
 *
 * Thread     any
 * Errors     errno of the call that failed; *fdp and *bound are written on success only
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "base/addr.h"

/* A datagram socket bound to `local`: large buffers, fragments allowed, ICMP errors on its error queue. */
int sock_udp(int *fdp, const struct addr *local, struct addr *bound) MUST_USE;
int sock_listen(int *fdp, const struct addr *local, struct addr *bound) MUST_USE;
/* A connection begun to `remote` from the IP of `local` (family 0: any), with any port. */
int sock_connect(int *fdp, const struct addr *local, const struct addr *remote) MUST_USE;
void sock_stream_options(int fd); /* no delay, dead peers noticed */
int sock_local(int fd, struct addr *local) MUST_USE;
/* The address that the kernel would send from to `remote`.  `from` of family 0: its choice; else only that one, or an errno. */
int sock_source_for(const struct addr *remote, const struct addr *from,
		    struct addr *source) MUST_USE;

#endif
