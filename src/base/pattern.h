/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular expressions that somebody has configured, on text that anybody may have sent: at a bounded cost.
 *
 * The work of one search is limited (match points, depth, memory), so an expression that takes exponential time on some text
 * does not find it.  Bytes, not characters; $ is the end of the text; the first match counts.
 *
 * Thread     any; a pattern may be asked by one thread at a time
 * Ownership  pattern_close() releases it
 * Errors     EINVAL: no such expression, *why says what is wrong and where; ENOENT: not found; E2BIG: looking for it would take
 *            too long; ENOMEM
 * Sources    PCRE2 (pcre2pattern, pcre2api "match limit")
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/buf.h"

struct pattern;
struct pattern_why {
	char message[160];
};

enum { PATTERN_MAX_GROUPS = 10 }; /* $0 … $9 */
struct pattern_found {
	struct str group[PATTERN_MAX_GROUPS]; /* within the text searched; 0: all that matched */
};

int pattern_open(struct pattern **pp, struct str expression, struct pattern_why *why) MUST_USE;
struct pattern *pattern_close(struct pattern *p);
unsigned pattern_groups(const struct pattern *p);
int pattern_find(const struct pattern *p, struct str text, struct pattern_found *f) MUST_USE;

/* "$1" … "$9" and "$0" stand for groups, "$$" for '$'.  EINVAL: another '$', or a group beyond ngroups. */
int pattern_check_text(struct str text, unsigned ngroups, struct pattern_why *why) MUST_USE;
void pattern_write(struct buf *out, struct str text, const struct pattern_found *f);

#endif
