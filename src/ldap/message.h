/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client of the LDAP phone book asks: bytes → request.  BER is read by liblber; all of it is bounded.
 *
 * Thread     any; values
 * Ownership  a request holds what its texts point into: ldap_request_close(), which a zeroed one may be given too
 * Errors     ldap_frame: EAGAIN more must come · EBADMSG no message, or one above LDAP_MAX_MESSAGE.
 *            ldap_request_read: EBADMSG: the connection ends with a notice of disconnection
 * Sources    RFC 4511; RFC 2696 (paged results)
 */
#ifndef LDAP_MESSAGE_H
#define LDAP_MESSAGE_H

#include <jansson.h>
#include <lber.h>
#include "base/str.h"

#define LDAP_PAGED_OID "1.2.840.113556.1.4.319"

enum {
	LDAP_MAX_MESSAGE = 64 << 10,
	LDAP_MAX_DEPTH = 16, /* of a filter */
	LDAP_MAX_ITEMS = 40,
	LDAP_MAX_VALUE = 255,
	LDAP_MAX_ATTRIBUTES = 64,
};

/* X(name, tag of the request, tag of the answer, 0: none) */
#define LDAP_OPERATIONS(X)                                                                         \
	X(BIND, 0x60, 0x61)                                                                        \
	X(UNBIND, 0x42, 0)                                                                         \
	X(SEARCH, 0x63, 0x65)                                                                      \
	X(MODIFY, 0x66, 0x67)                                                                      \
	X(ADD, 0x68, 0x69)                                                                         \
	X(DELETE, 0x4a, 0x6b)                                                                      \
	X(RENAME, 0x6c, 0x6d)                                                                      \
	X(COMPARE, 0x6e, 0x6f)                                                                     \
	X(ABANDON, 0x50, 0)                                                                        \
	X(EXTENDED, 0x77, 0x78)

enum ldap_operation {
#define X(name, request, answer) LDAP_##name,
	LDAP_OPERATIONS(X)
#undef X
};

enum { LDAP_ENTRY_TAG = 0x64 };

enum ldap_scope { LDAP_BASE, LDAP_ONE, LDAP_SUB };

struct ldap_request {
	BerElement *ber;
	int32_t id;
	enum ldap_operation op;
	uint8_t answer; /* tag; 0: it gets none */
	struct {
		int32_t version;
		struct str name, password;
		bool is_simple;
	} bind;
	struct {
		struct str base;
		enum ldap_scope scope;
		int32_t size_limit, time_limit; /* 0: none */
		bool types_only;
		json_t *filter; /* of store/directory.h; NULL: too much of it */
		struct str names[LDAP_MAX_ATTRIBUTES];
		size_t nnames;
	} search;
	struct str extended;
	bool has_unknown; /* a critical control that we have not */
	bool is_paged;
	int32_t page_size;
	struct str cookie;
};

/* How long the message at p is.  EAGAIN, EBADMSG */
int ldap_frame(const uint8_t *p, size_t n, size_t *lengthp) MUST_USE;
/* p is one whole message. */
int ldap_request_read(struct ldap_request *r, const uint8_t *p, size_t n) MUST_USE;
void ldap_request_close(struct ldap_request *r);

#endif
