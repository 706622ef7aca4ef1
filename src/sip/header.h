/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of header fields: names, compact forms, which may be comma lists.
 *
 * Thread     any
 * Sources    RFC 3261 7.3, 20; headers.def
 */
#ifndef SIP_HEADER_H
#define SIP_HEADER_H

#include "sip/msg.h"

enum sip_hdr
sip_header_find(struct str name); /* any case, or the compact form; SIP_HDR_OTHER: unknown */
struct str sip_header_name(enum sip_hdr id); /* empty for SIP_HDR_OTHER */
bool sip_header_is_list(enum sip_hdr id);
/* At most one field of this kind, or nobody knows which one counts.  Of some in a response the first does: it cannot be refused. */
bool sip_header_is_single(enum sip_hdr id, bool is_request);

enum sip_method sip_method_find(struct str name); /* exact case */
struct str sip_method_name(enum sip_method m);	  /* empty for SIP_UNKNOWN_METHOD */

#endif
