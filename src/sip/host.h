/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host [":" port], as URIs and Via have it.
 *
 * Thread     any
 * Errors     EINVAL
 * Sources    RFC 3261 25.1, RFC 5118 4
 */
#ifndef SIP_HOST_H
#define SIP_HOST_H

#include "base/str.h"

/* host without brackets; *port 0 when there is none.  allow_lws: white space around the colon, as Via may have. */
int sip_hostport_parse(struct str s, struct str *host, uint16_t *port, bool allow_lws) MUST_USE;

#endif
