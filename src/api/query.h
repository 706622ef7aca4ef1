/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The query of a URL, taken apart; and the paging that lists have in common.
 *
 * Thread     any
 * Ownership  query_close() releases; values are valid until then
 * Errors     EINVAL: bad escapes, bad UTF-8, a name given twice; E2BIG: too many
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include <jansson.h>
#include "base/str.h"

enum { QUERY_MAX = 32, PAGE_DEFAULT = 50, PAGE_MAX = 500 };

struct query {
	struct {
		struct str name, value;
	} v[QUERY_MAX];
	size_t n;
	char *bytes;
};
int query_parse(struct query *q, struct str raw) MUST_USE;
void query_close(struct query *q);
struct str query_get(const struct query *q, const char *name); /* STR_NONE when absent */

/* limit: 1 … PAGE_MAX, PAGE_DEFAULT when absent. */
int query_limit(const struct query *q, uint32_t *limit) MUST_USE;
/* RFC 3339 with zone, or a date alone (midnight UTC), to µs. */
int query_time(struct str s, int64_t *wall_us) MUST_USE;

#endif
