/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a Via value and parameter lists, as the message parser does; the rest of the house uses sip_via_parse().
 *
 * Thread     any
 * Errors     EINVAL; when via->host is set nevertheless, an answer can be sent to it
 * Sources    RFC 3261 20.42, 25.1; RFC 3581
 */
#ifndef SIP_VIA_H
#define SIP_VIA_H

#include "sip/msg.h"

int sip_via_read(struct sip_via *via, struct str *sent_by, struct str value) MUST_USE;
/* generic-param *(SEMI generic-param); an empty list (p NULL) is fine. */
int sip_params_check(struct str params) MUST_USE;
/* Take one parameter off the front: name and value trimmed; value.p NULL without '='.  EINVAL: a quote does not end. */
int sip_param_next(struct str *params, struct str *name, struct str *value) MUST_USE;
/* Is it a generic-param? */
bool sip_param_ok(struct str name, struct str value);
struct str sip_param_plain(struct str value); /* without its quotes */
/* Where the parameter at the front ends: at its ';' (not one within quotes) or the end. */
size_t sip_param_end(struct str params);
/* Take the first value off a comma list (quotes and angle brackets respected), trimmed; *list is then the rest. */
struct str sip_value_first(struct str *list);

#endif
