/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STUN on a port of SIP: how a phone keeps its NAT's mapping open, and learns that it has another one (RFC 5626 4.4.2).
 * A pure function over bytes.  Checks of ICE, which prove who they are, come on media ports: media/check.h.
 *
 * Thread     any
 * Errors     none: what is no Binding request is not answered
 * Sources    RFC 8489 5, 6.3.1, 14.2, 14.8, 14.9
 */
#ifndef SIP_STUN_PING_H
#define SIP_STUN_PING_H

#include "base/stun.h"

/* At most 2.2 times what was asked with. */
enum { STUN_PING_BYTES = 44 };

/* The answer to p[n], which came from there: its length; 0: that is no Binding request. */
size_t stun_ping(uint8_t dst[STUN_PING_BYTES], const uint8_t *p, size_t n, const struct addr *from);

#endif
