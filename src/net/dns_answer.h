/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands in an answer of a name server, as plain values.
 *
 * Thread     any; values only
 * Errors     EPROTO: malformed, or an answer to another question · ENOENT: there is none (ttl_s says how long that holds) ·
 *	      EAGAIN: the server could not say
 * Sources    RFC 1035 4.1; RFC 2308 (how long nothing holds); RFC 2782; RFC 3403; RFC 3596
 */
#ifndef NET_DNS_ANSWER_H
#define NET_DNS_ANSWER_H

#include "base/addr.h"
#include "base/locate.h"

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };
enum { DNS_MAX_RECORDS = 16, DNS_MAX_TTL_S = 86400 };

struct dns_srv {
	uint16_t priority, weight, port;
	char host[LOCATE_NAME_BYTES]; /* "": the service is decidedly not there */
};

struct dns_naptr {
	uint16_t order, preference;
	char flags[4], service[32];
	char replacement[LOCATE_NAME_BYTES];
};

struct dns_records {
	enum dns_type type;
	int err; /* 0, ENOENT, EAGAIN */
	uint32_t ttl_s;
	size_t n; /* more than DNS_MAX_RECORDS are left out; NAPTR and SRV in order of preference */
	union {
		struct addr addr[DNS_MAX_RECORDS]; /* port 0 */
		struct dns_srv srv[DNS_MAX_RECORDS];
		struct dns_naptr naptr[DNS_MAX_RECORDS];
	};
};

/* The answer to the question for `type`.  The result is also r->err; r is complete in any case. */
int dns_answer_parse(struct dns_records *r, enum dns_type type, const uint8_t *p, size_t n);
/* A host name as SRV and A records have it: letters, digits, '-', '_', dots between labels; no empty label. */
bool dns_is_name(struct str name);

#endif
