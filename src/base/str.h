/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A borrowed piece of text: pointer and length, not terminated.
 *
 * Thread     any; values only
 * Ownership  never owns; valid as long as the text it points into
 * Errors     parsers return EINVAL (not that form) or ERANGE (too large)
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/defs.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct str str_of(const char *cstr);	  /* NULL gives STR_NONE */
int str_icmp(struct str a, struct str b); /* ASCII case folded */
/* Names are compared with one after the other of a list: most differ in their length, which needs no call. */
static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}
static inline bool str_ieq(struct str a, struct str b) /* ASCII case folded */
{
	if (a.n != b.n || (a.n && (a.p[0] ^ b.p[0]) & ~0x20))
		return false;
	/* Most that is compared is written as we would write it. */
	return str_eq(a, b) || !str_icmp(a, b);
}
bool str_starts(struct str s, struct str prefix);
bool str_is_digits(struct str s);  /* nothing else, and at least one */
struct str str_trim(struct str s); /* without leading and trailing SP, HTAB, CR, LF */
/* Cut s at the first `sep`: returns what stands before it and moves *s behind it;
 * without `sep` returns all and leaves *s empty with p == NULL. */
struct str str_cut(struct str *s, char sep);

int str_u64(struct str s, uint64_t *out) MUST_USE; /* digits only, all of s */
int str_u32(struct str s, uint32_t *out) MUST_USE;
int str_i64(struct str s, int64_t *out) MUST_USE;

/* Copy with terminator.  ENAMETOOLONG when dst is too small (dst then empty). */
int str_copy(char *dst, size_t dst_bytes, struct str s) MUST_USE;
/* As much as fits, always terminated. */
void str_fit(char *dst, size_t dst_bytes, struct str s);
enum { STR_U64_DIGITS = 20 };
struct str str_of_u64(char digits[STR_U64_DIGITS], uint64_t v); /* in `digits`, not ended by NUL */
/* 16 hexadecimal digits and a terminator. */
void str_hex64(char dst[17], uint64_t v);
/* malloc'd, terminated copy; NULL without memory. */
char *str_dup(struct str s) MUST_USE;
/* Constant time for equal lengths: for digests and tokens. */
bool str_same_secret(struct str a, struct str b);

/* Well-formed UTF-8: no overlong forms, no surrogates. */
bool str_is_utf8(struct str s);

int hex_encode(char *dst, size_t dst_bytes, const uint8_t *src, size_t n) MUST_USE;
int hex_decode(uint8_t *dst, size_t dst_bytes, struct str hex, size_t *np) MUST_USE;

#endif
