/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers of the LDAP phone book as bytes.
 *
 * Thread     any
 * Errors     of the buf: ENOMEM
 * Sources    RFC 4511 4.1.9 (results), 4.5.2 (entries), 4.4.1 (notice of disconnection); RFC 2696
 */
#ifndef LDAP_ANSWER_H
#define LDAP_ANSWER_H

#include "base/buf.h"
#include "ldap/message.h"
#include "store/directory.h"

/* X(name, number) of RFC 4511 A.1: those that we answer with. */
#define LDAP_RESULTS(X)                                                                            \
	X(SUCCESS, 0)                                                                              \
	X(OPERATIONS_ERROR, 1)                                                                     \
	X(PROTOCOL_ERROR, 2)                                                                       \
	X(TIME_LIMIT_EXCEEDED, 3)                                                                  \
	X(SIZE_LIMIT_EXCEEDED, 4)                                                                  \
	X(AUTH_METHOD_NOT_SUPPORTED, 7)                                                            \
	X(ADMIN_LIMIT_EXCEEDED, 11)                                                                \
	X(UNAVAILABLE_CRITICAL_EXTENSION, 12)                                                      \
	X(CONFIDENTIALITY_REQUIRED, 13)                                                            \
	X(NO_SUCH_OBJECT, 32)                                                                      \
	X(INVALID_DN_SYNTAX, 34)                                                                   \
	X(INVALID_CREDENTIALS, 49)                                                                 \
	X(INSUFFICIENT_ACCESS_RIGHTS, 50)                                                          \
	X(BUSY, 51)                                                                                \
	X(UNAVAILABLE, 52)                                                                         \
	X(UNWILLING_TO_PERFORM, 53)                                                                \
	X(OTHER, 80)

enum ldap_code {
#define X(name, number) LDAP_##name = number,
	LDAP_RESULTS(X)
#undef X
};

#define LDAP_STARTTLS_OID "1.3.6.1.4.1.1466.20037"
#define LDAP_NOTICE_OID	  "1.3.6.1.4.1.1466.20036"

struct ldap_result {
	int32_t id;
	uint8_t tag;
	enum ldap_code code;
	const char *text;
	const char *oid; /* of an extended answer; NULL: none */
	bool is_paged;
	struct str cookie;
};
void ldap_write_result(struct buf *out, const struct ldap_result *r);

/* An attribute and its values, until NULL. */
struct ldap_value {
	const char *name;
	const char *const *values;
};
/* Of all values, what the request asks for. */
void ldap_write_entry(struct buf *out, const struct ldap_request *r, struct str dn,
		      const struct ldap_value *values, size_t n);
/* One that the store has found, below base. */
void ldap_write_found(struct buf *out, const struct ldap_request *r, struct str base,
		      const json_t *item);

#endif
