/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The query of a URL, taken apart; and the paging that lists have in common.
 *
 * Thread     any
 * Ownership  params_close() releases; values are valid until then
 * Errors     EINVAL: bad escapes, bad UTF-8, a name given twice; E2BIG: too many
 */
#ifndef API_PARAMS_H
#define API_PARAMS_H

#include <jansson.h>
#include "base/str.h"

enum { PARAMS_MAX = 32, PAGE_DEFAULT = 50, PAGE_MAX = 500 };

struct params {
	struct {
		struct str name, value;
	} v[PARAMS_MAX];
	size_t n;
	char *bytes;
};
int params_parse(struct params *q, struct str raw) MUST_USE;
void params_close(struct params *q);
struct str params_get(const struct params *q, const char *name); /* STR_NONE when absent */

/* limit: 1 … PAGE_MAX, PAGE_DEFAULT when absent. */
int params_limit(const struct params *q, uint32_t *limit) MUST_USE;
/* RFC 3339 with zone, or a date alone (midnight UTC), to µs. */
int params_time(struct str s, int64_t *wall_us) MUST_USE;

#endif
