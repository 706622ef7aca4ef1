/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Distinguished names of LDAP, as text in one form: "dc=acme,dc=example", in lower case, without blanks at the signs.
 *
 * Thread     any
 * Errors     EINVAL: no name, or of a kind that we have not (several values at one place, numbers of types)
 * Sources    RFC 4514
 */
#ifndef SCHEMA_DN_H
#define SCHEMA_DN_H

#include "base/buf.h"

enum { DN_MAX = 255 };

/* Appends the one form of a name to out; the empty name is the empty text. */
int dn_canonical(struct buf *out, struct str dn) MUST_USE;
/* Of a name in that form: cuts off its first part, "uid=extension-12"; *dn is what stands above it. */
struct str dn_cut(struct str *dn);
/* "cn=a\\, b" of a value. */
void dn_part(struct buf *out, const char *type, struct str value);
/* "dc=acme,dc=example" of acme.example. */
void dn_of_domain(struct buf *out, struct str domain);
/* acme.example of "dc=acme,dc=example"; empty: it is not made of such parts alone. */
void dn_domain(struct buf *out, struct str dn);

#endif
