/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How others see us behind a NAT: whom we reach without it, and our addresses on its other side.
 *
 * Thread     core
 * Errors     EINVAL: a list that cannot be read changes nothing
 * Sources    SYS-9; RFC 1918, RFC 4193, RFC 6598, RFC 3927, RFC 4291
 */
#ifndef NET_SHOWN_H
#define NET_SHOWN_H

#include "base/flow.h"

enum { SHOWN_MAX_NETWORKS = 32 };

struct shown {
	struct addr ours[2]; /* IPv4, IPv6; family 0: no NAT there */
	size_t nnetworks;    /* 0: the private ones */
	struct addr_net networks[SHOWN_MAX_NETWORKS];
};

/* "203.0.113.5, 2001:db8::5"; "10.0.0.0/8, 192.168.0.0/16". */
int shown_set(struct shown *s, struct str addresses, struct str networks) MUST_USE;
/* Address only: the port stays, as the NAT passes it on. */
void shown_apply(const struct shown *s, const struct addr *remote, enum flow_face face,
		 struct addr *local);

#endif
