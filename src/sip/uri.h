/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SIP, SIPS and TEL URIs, and the name-addr form of From, To, Contact and Route.
 *
 * Thread     any; values that borrow from the text given
 * Errors     EINVAL: not in the grammar
 * Sources    RFC 3261 19.1, 20.10, 25.1; RFC 3966; RFC 3986
 */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "base/buf.h"

enum sip_scheme { SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL, SIP_SCHEME_OTHER };

struct sip_uri {
	enum sip_scheme scheme;
	struct str user;     /* escaped, as written; for tel: the number */
	struct str password; /* as written */
	struct str host;     /* IPv6 without brackets */
	uint16_t port;	     /* 0 = none */
	struct str params;   /* behind the first ';', without it */
	struct str headers;  /* behind '?' */
	struct str other;    /* SIP_SCHEME_OTHER: all of it */
};

struct sip_addr {
	struct str display; /* unquoted outside, escapes kept: sip_unquote() */
	struct str uri;	    /* as written, without brackets */
	struct str params;  /* header parameters, behind the first ';' */
};

int sip_uri_parse(struct sip_uri *u, struct str s) MUST_USE;
int sip_addr_parse(struct sip_addr *a, struct str s) MUST_USE;
/* Without headers, which no Request-URI has (RFC 3261 19.1.1): the beginning of `text`, which u was read from. */
struct str sip_uri_bare(struct str text, const struct sip_uri *u);
/* "name=value" of a parameter list; true when present, *value empty when it has none (quotes stripped). */
bool sip_param(struct str params, struct str name, struct str *value);
/* RFC 3261 19.1.4 */
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

/* %HH undone; ENAMETOOLONG, EINVAL (%00 and broken escapes). */
int sip_unescape(char *dst, size_t dst_bytes, struct str s) MUST_USE;
void sip_escape_user(struct buf *out, struct str user); /* as RFC 3261 25.1 `user` wants */
int sip_unquote(char *dst, size_t dst_bytes, struct str s) MUST_USE;
void sip_quote(struct buf *out,
	       struct str text); /* "…" with escapes; control characters left out */

#endif
