/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing messages into a buf.  Errors are the buf's: look at .err once at the end.
 *
 * Thread     any
 * Errors     none of its own.  CR, LF and NUL in a value given are left out, so no value can become a header.
 * Sources    RFC 3261 7, 8.2.6, 18.2.1; RFC 3581 4
 */
#ifndef SIP_WRITE_H
#define SIP_WRITE_H

#include "sip/header.h"

/* "SIP/2.0 486 Busy Here\r\n"; reason NULL: the RFC's phrase. */
void sip_write_status_line(struct buf *b, unsigned status, const char *reason);
/* "INVITE sip:… SIP/2.0\r\n" */
void sip_write_request_line(struct buf *b, struct str method, struct str uri);

/* "Name: value\r\n" */
void sip_write_header(struct buf *b, enum sip_hdr id, struct str value);
void sip_write_header_named(struct buf *b, struct str name, struct str value);
void sip_write_header_u64(struct buf *b, enum sip_hdr id, uint64_t value);
void sip_write_cseq(struct buf *b, uint32_t cseq, struct str method);

/* Every field of that kind as received, in order. */
void sip_write_copy(struct buf *b, const struct sip_msg *m, enum sip_hdr id);
/* Every Via of a request for its response; the topmost with received= and rport= from req->flow.remote. */
void sip_write_vias(struct buf *b, const struct sip_msg *req);
/* Our own: "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=…\r\n"; rport on datagrams only. */
void sip_write_via(struct buf *b, enum flow_transport t, const struct addr *sent_by,
		   struct str branch);
struct str sip_transport_name(enum flow_transport t); /* "UDP", "TCP", "TLS", "WS", "WSS" */
/* As a URI says it: ";transport=tcp"; nothing for datagrams. */
const char *sip_transport_param(enum flow_transport t);

/* What every response begins with: status line, Via, From, To (with to_tag when it has none and to_tag is not empty),
 * Call-ID, CSeq; Record-Route for 101…299 to what makes a dialog; Timestamp for 100. */
void sip_write_response_head(struct buf *b, const struct sip_msg *req, unsigned status,
			     const char *reason, struct str to_tag);

/* A header value: "display" <uri>;tag=…  Empty display or tag: without. */
void sip_write_addr(struct buf *b, struct str display, struct str uri, struct str tag);
/* Content-Type when there is a body, Content-Length, blank line, body: the end of a message. */
void sip_write_content(struct buf *b, struct str content_type, struct str body);

#endif
