/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers of name servers.  The first byte says what was asked; what comes out is complete and within its bounds, and the same
 * when read again.
 */
#include <string.h>
#include "fuzz.h"
#include "net/dns_answer.h"

static void check_name(const char *name)
{
	MUST(memchr(name, '\0', LOCATE_NAME_BYTES));
	MUST(!*name || dns_is_name(str_of(name)));
}

static void check(const struct dns_records *r)
{
	MUST(r->n <= DNS_MAX_RECORDS && r->ttl_s <= DNS_MAX_TTL_S);
	MUST(r->err ? !r->n : r->n > 0);
	for (size_t i = 0; i < r->n; i++) {
		switch (r->type) {
		case DNS_A:
		case DNS_AAAA:
			MUST(r->addr[i].family == (r->type == DNS_A ? 4 : 6) && !r->addr[i].port);
			MUST(!addr_is_any(&r->addr[i]));
			break;
		case DNS_SRV:
			check_name(r->srv[i].host);
			MUST(r->srv[i].port || !r->srv[i].host[0]);
			MUST(!i || r->srv[i - 1].priority <= r->srv[i].priority);
			break;
		case DNS_NAPTR:
			check_name(r->naptr[i].replacement);
			MUST(r->naptr[i].replacement[0]);
			MUST(!i || r->naptr[i - 1].order <= r->naptr[i].order);
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
	static struct dns_records a, b;
	enum dns_type type;

	if (!n)
		return 0;
	type = types[p[0] % 4];
	memset(&a, 0xaa, sizeof(a));
	MUST(dns_answer_parse(&a, type, p + 1, n - 1) == a.err);
	MUST(a.type == type);
	check(&a);
	(void)dns_answer_parse(&b, type, p + 1, n - 1);
	MUST(a.n == b.n && a.err == b.err && a.ttl_s == b.ttl_s);
	return 0;
}
