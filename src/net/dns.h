/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions to name servers, and their answers kept for as long as they hold; also that there is none, and that nobody said.
 *
 * Nothing here waits: c-ares' sockets are watched by the loop like any other.  At most DNS_MAX_ENTRIES names are known; the
 * one not asked for longest is forgotten.
 *
 * Thread     core
 * Ownership  records are borrowed until the next call
 * Errors     as noted
 * Sources    RFC 1035, RFC 2308, RFC 5452 (who may answer: c-ares checks id, port, address and question)
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "base/list.h"
#include "base/loop.h"
#include "net/dns_answer.h"

struct dns;

enum { DNS_MAX_ENTRIES = 4096, DNS_FAILED_S = 10, DNS_LEAST_S = 5 };

typedef void dns_ready_h(void *arg);
struct dns_wait { /* zeroed: waits for nothing */
	struct link link;
	dns_ready_h *fn;
	void *arg;
};

int dns_open(struct dns **dp, struct loop *l) MUST_USE;
struct dns *dns_close(struct dns *d); /* nobody who waits is told */
/* "192.0.2.1, [2001:db8::1]:5353"; empty: those of the system.  EINVAL: not that form, nothing changes. */
int dns_servers(struct dns *d, struct str servers) MUST_USE;
/* 0: *rp are the records · ENOENT, EAGAIN as dns_answer.h · EINVAL: no name · ENOBUFS: too much is being asked · ENOMEM ·
 * EINPROGRESS: asked now; `wait` is told once when the answer is there (then ask again). */
int dns_get(struct dns *d, enum dns_type type, struct str name, struct dns_wait *wait,
	    const struct dns_records **rp) MUST_USE;
/* Those asked now, those of the system when none were given.  How many there are, at most max. */
size_t dns_asked(const struct dns *d, struct addr *v, size_t max);
size_t dns_count(const struct dns *d);

#endif
