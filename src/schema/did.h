/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers of the telephone network as pools, masks and lists of them: "4420*****; 1000-2000; 33123456789".
 *
 * A pool names numbers by how many digits they have and by the first and the last of them, so two pools overlap when two such ranges
 * of one length do.  Everything is compared without what may stand before the country code: "+", "00", "0".
 *
 * Thread     any
 * Errors     EINVAL: why->code and why->message say what is wrong with which part
 * Sources    TRK-5 (pools), RTE-1, RTE-2 (masks), RTE-4 (prefixes, ranges of extensions)
 */
#ifndef SCHEMA_DID_H
#define SCHEMA_DID_H

#include "base/str.h"

enum { DID_MAX_DIGITS = 18, DID_MAX_RANGES = 256, DID_TEXT_BYTES = 2 * DID_MAX_DIGITS + 2 };

struct did_range {
	uint8_t ndigits; /* 0: every number there is */
	uint64_t first, last;
};

struct did_list {
	struct did_range v[DID_MAX_RANGES];
	size_t n;
};

struct did_why {
	char code[32]; /* empty, bad_number, bad_range, too_many, overlap, leading_zero */
	char message[160];
};

/* A pool: parts joined by ';', each a number, "*", a prefix with a '*' for each further digit, or first-last.  Empty text: none. */
int did_pool_parse(struct did_list *l, struct str text, struct did_why *why) MUST_USE;
/* One mask of callers: as a part of a pool, but "+", "00" and "0" may lead, and '*' alone is a number of one digit. */
int did_mask_parse(struct did_range *r, struct str text, struct did_why *why) MUST_USE;
/* Short numbers of extensions: "100-120;130".  Zeros count. */
int did_extensions_parse(struct did_list *l, struct str text, struct did_why *why) MUST_USE;

/* Without "+", "00" or "0" in front. */
struct str did_plain(struct str number);
/* Is `plain` (digits) one of them? */
bool did_range_has(const struct did_range *r, struct str plain);
bool did_list_has(const struct did_list *l, struct str plain);
bool did_ranges_overlap(const struct did_range *a, const struct did_range *b);
/* The first range of a that overlaps one of b, and that one; false: none does. */
bool did_lists_overlap(const struct did_list *a, const struct did_list *b,
		       const struct did_range **inap, const struct did_range **inbp);
/* "442000-442999", "*" */
const char *did_range_str(char dst[DID_TEXT_BYTES], const struct did_range *r);

/* Prefixes "00;123": is one the beginning of `number`?  Empty list: yes.  *np: how long the longest is. */
bool did_prefixes_match(struct str prefixes, struct str number, size_t *np);
int did_prefixes_check(struct str prefixes, struct did_why *why) MUST_USE;
/* Digits, with a '+' in front of them or not. */
bool did_is_number(struct str s);

#endif
