/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The locator of the server: RFC 3263 over dns.h.
 *
 * Only what the server could send to is found: transports and address families that it has a listener for.
 *
 * Thread     core
 * Errors     as base/locate.h
 */
#ifndef NET_LOCATE_H
#define NET_LOCATE_H

#include "base/locate.h"
#include "net/dns.h"

/* Is there a way from here over this transport in this family (4, 6)? */
typedef bool locate_reaches_h(enum flow_transport t, unsigned family, void *arg);

int locate_open(struct locator **lp, struct dns *d, locate_reaches_h *reaches, void *arg) MUST_USE;
struct locator *locate_close(struct locator *l); /* before its dns; nobody who waits is told */

#endif
