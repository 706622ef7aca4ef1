/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A SIP message as received: one block of memory with the bytes and an index of its header fields.  Nothing is decoded
 * before it is asked for; what is decoded borrows from the block.
 *
 * Thread     core
 * Ownership  sip_msg_parse() gives one reference; sip_msg_ref/deref share it on one thread
 * Errors     ENOMEM; EBADMSG (drop silently: not SIP, a broken response, or a request without a Via to answer to);
 *            EPROTO (a request to answer with *status 400, 505 or 513 and m->bad as its phrase; the message is
 *            returned too, as far as it could be read, and its fields hold no CR or LF, so that the answer can be
 *            built; an ACK is never answered)
 * Sources    RFC 3261 7, 20, 25; RFC 4475
 */
#ifndef SIP_MSG_H
#define SIP_MSG_H

#include "base/flow.h"
#include "sip/uri.h"

enum sip_method {
#define X(name) SIP_##name,
#include "sip/methods.def"
#undef X
	SIP_UNKNOWN_METHOD,
	SIP_NMETHODS
};

enum sip_hdr {
#define X(id, name, compact, multiple) SIP_HDR_##id,
#include "sip/headers.def"
#undef X
	SIP_HDR_OTHER,
	SIP_NHDRS
};

enum { SIP_MAX_BYTES = 65535, SIP_MAX_HEADERS = 256 };

struct sip_header {
	enum sip_hdr id;
	struct str name;  /* as written */
	struct str value; /* unfolded and trimmed */
};

struct sip_msg {
	unsigned refs;
	bool is_request;
	enum sip_method method; /* of a response: from CSeq */
	struct str method_name;
	struct str uri;	 /* request: Request-URI as written */
	unsigned status; /* response */
	struct str reason;
	struct str call_id, from_tag, to_tag;
	uint32_t cseq;
	struct str branch;  /* of the topmost Via */
	struct str sent_by; /* of the topmost Via */
	uint16_t via_port;  /* of the topmost Via; 0 = none given */
	bool has_rport;	    /* in the topmost Via */
	struct str body;
	struct flow flow; /* where it came from */
	unsigned nheaders;
	struct sip_header *headers;
	const char *bad;	   /* what was wrong, for log and reason phrase; NULL */
	uint16_t first[SIP_NHDRS]; /* private: index + 1 of the first header of each kind */
};

int sip_msg_parse(struct sip_msg **msgp, const struct flow *from, const void *p, size_t n,
		  unsigned *status) MUST_USE;
struct sip_msg *sip_msg_ref(struct sip_msg *m);
struct sip_msg *sip_msg_deref(struct sip_msg *m);

/* First header of that kind; STR_NONE when absent.  Comma lists are not split here. */
struct str sip_msg_header(const struct sip_msg *m, enum sip_hdr id);
struct str sip_msg_header_named(const struct sip_msg *m, struct str name);
bool sip_msg_has(const struct sip_msg *m, enum sip_hdr id);
/* Every value of a kind, over repeated fields and comma lists (quotes and angle brackets respected). */
struct sip_values {
	const struct sip_msg *msg;
	enum sip_hdr id;
	unsigned next;
	struct str rest;
};
void sip_values_init(struct sip_values *v, const struct sip_msg *m, enum sip_hdr id);
bool sip_values_next(struct sip_values *v, struct str *value);
/* Is `token` one of the values (option tags, methods; case folded)? */
bool sip_msg_lists(const struct sip_msg *m, enum sip_hdr id, struct str token);

/* Decoders of single values.  EINVAL when the grammar is broken. */
int sip_from(const struct sip_msg *m, struct sip_addr *a) MUST_USE;
int sip_to(const struct sip_msg *m, struct sip_addr *a) MUST_USE;
int sip_contact(const struct sip_msg *m, struct sip_addr *a) MUST_USE; /* the first; ENOENT none */

struct sip_via {
	struct str transport; /* "UDP" */
	struct str host;
	uint16_t port; /* 0 = none given */
	struct str branch, received, maddr;
	struct str params;
	bool has_rport;
};
int sip_via_parse(struct sip_via *via, struct str value) MUST_USE;

/* The body part of a content type ("application/sdp"), also inside multipart/mixed; STR_NONE when there is none. */
struct str sip_msg_body(const struct sip_msg *m, struct str content_type);
/* RFC 3261 20.11: it is for what we do not know, and may not be passed over. */
bool sip_msg_body_is_strange(const struct sip_msg *m);
/* To who reads that content type only: is there a part besides that must be understood (RFC 3261 8.2.3, RFC 5621)?  Type empty: any
 * will do, and only the encoding of the whole is looked at. */
enum sip_body_fault { SIP_BODY_FINE, SIP_BODY_TYPE, SIP_BODY_ENCODING };
enum sip_body_fault sip_msg_body_fault(const struct sip_msg *m, struct str content_type);

#endif
