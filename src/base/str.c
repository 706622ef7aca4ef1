/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* Not tolower(3): that asks the locale. */
static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_of(const char *cstr)
{
	return cstr ? (struct str){cstr, strlen(cstr)} : STR_NONE;
}

int str_icmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		int d = fold(a.p[i]) - fold(b.p[i]);

		if (d)
			return d;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (!prefix.n || !memcmp(s.p, prefix.p, prefix.n));
}

bool str_is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *s, char sep)
{
	const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;
	struct str before = *s;

	if (!at) {
		*s = STR_NONE;
		return before;
	}
	before.n = (size_t)(at - s->p);
	s->p = at + 1;
	s->n -= before.n + 1;
	return before;
}

int str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.n)
		return EINVAL;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return EINVAL;
	for (size_t i = 0; i < s.n; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return ERANGE;
	*out = v;
	return 0;
}

int str_u32(struct str s, uint32_t *out)
{
	uint64_t v;
	int err = str_u64(s, &v);

	if (err)
		return err;
	if (v > UINT32_MAX)
		return ERANGE;
	*out = (uint32_t)v;
	return 0;
}

int str_i64(struct str s, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	uint64_t v;
	int err;

	if (negative) {
		s.p++;
		s.n--;
	}
	err = str_u64(s, &v);
	if (err)
		return err;
	if (v > (uint64_t)INT64_MAX + negative)
		return ERANGE;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_copy(char *dst, size_t dst_bytes, struct str s)
{
	if (!dst_bytes)
		return ENAMETOOLONG;
	if (s.n >= dst_bytes) {
		dst[0] = '\0';
		return ENAMETOOLONG;
	}
	if (s.n)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return 0;
}

void str_fit(char *dst, size_t dst_bytes, struct str s)
{
	size_t n = s.n < dst_bytes ? s.n : dst_bytes - 1;

	memcpy(dst, n ? s.p : "", n);
	dst[n] = 0;
}

struct str str_of_u64(char digits[STR_U64_DIGITS], uint64_t v)
{
	size_t at = STR_U64_DIGITS;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return (struct str){digits + at, STR_U64_DIGITS - at};
}

void str_hex64(char dst[17], uint64_t v)
{
	for (int i = 15; i >= 0; i--, v >>= 4)
		dst[i] = "0123456789abcdef"[v & 15];
	dst[16] = 0;
}

char *str_dup(struct str s)
{
	char *copy = mem_fault() ? NULL : malloc(s.n + 1);

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

bool str_same_secret(struct str a, struct str b)
{
	unsigned char diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return !diff;
}

int hex_encode(char *dst, size_t dst_bytes, const uint8_t *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (dst_bytes < 1 || n > (dst_bytes - 1) / 2)
		return ENAMETOOLONG;
	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[src[i] >> 4];
		dst[2 * i + 1] = digits[src[i] & 15];
	}
	dst[2 * n] = '\0';
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(uint8_t *dst, size_t dst_bytes, struct str hex, size_t *np)
{
	if (hex.n % 2)
		return EINVAL;
	if (hex.n / 2 > dst_bytes)
		return ENAMETOOLONG;
	for (size_t i = 0; i < hex.n / 2; i++) {
		int hi = hex_value(hex.p[2 * i]), lo = hex_value(hex.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return EINVAL;
		dst[i] = (uint8_t)(hi << 4 | lo);
	}
	*np = hex.n / 2;
	return 0;
}

/* How long the character at s.p is; 0: it is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	size_t length = c < 0x80		? 1
			: c >= 0xc2 && c < 0xe0 ? 2
			: (c & 0xf0) == 0xe0	? 3
			: c >= 0xf0 && c < 0xf5 ? 4
						: 0;

	if (!length || length > n)
		return 0;
	for (size_t k = 1; k < length; k++)
		if ((p[k] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
	    (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return length;
}

bool str_is_utf8(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t length = utf8_length((const unsigned char *)s.p + i, s.n - i);

		if (!length)
			return false;
		i += length;
	}
	return true;
}
