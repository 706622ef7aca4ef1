/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When two URIs mean the same (RFC 3261 19.1.4; RFC 3966 4 for tel:).
 *
 * Comparing parameter lists costs the product of their lengths, so lists longer than anybody writes are equal only when
 * their texts are.
 */
#include "sip/chars.h"
#include "sip/uri.h"

enum { MAX_COMPARED = 32 };

static bool is_reserved(int c)
{
	switch (c) {
	case ';':
	case '/':
	case '?':
	case ':':
	case '@':
	case '&':
	case '=':
	case '+':
	case '$':
	case ',':
		return true;
	default:
		return false;
	}
}

/* One character off the front; %HH of a reserved character is not that character: 256 is added. */
static int next_char(struct str *s, bool fold)
{
	int c = (unsigned char)s->p[0];
	size_t taken = 1;

	if (c == '%' && s->n >= 3) {
		int high = sip_hex_digit(s->p[1]), low = sip_hex_digit(s->p[2]);

		if (high >= 0 && low >= 0) {
			c = high << 4 | low;
			taken = 3;
			if (is_reserved(c))
				c += 256;
		}
	}
	s->p += taken;
	s->n -= taken;
	return fold && c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

static bool same(struct str a, struct str b, bool fold)
{
	while (a.n && b.n)
		if (next_char(&a, fold) != next_char(&b, fold))
			return false;
	return !a.n && !b.n;
}

static bool find_in(struct str list, char sep, struct str name, struct str *value)
{
	while (list.p) {
		*value = str_cut(&list, sep);
		if (same(str_cut(value, '='), name, true))
			return true;
	}
	return false;
}

/* Those that may not be in one URI only. */
static bool must_match(struct str name)
{
	static const char *const names[] = {"user", "ttl", "method", "maddr", "transport"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (same(name, str_of(names[i]), true))
			return true;
	return false;
}

/* Is everything in `a` that counts (is_strict: everything) also in `b`, with the same value? */
static bool params_within(struct str a, struct str b, bool is_strict)
{
	while (a.p) {
		struct str value = str_cut(&a, ';'), other;
		struct str name = str_cut(&value, '=');

		if (find_in(b, ';', name, &other) ? !same(value, other, true)
						  : is_strict || must_match(name))
			return false;
	}
	return true;
}

static bool headers_within(struct str a, struct str b)
{
	while (a.p) {
		struct str value = str_cut(&a, '&'), other;
		struct str name = str_cut(&value, '=');

		if (!find_in(b, '&', name, &other) || !same(value, other, false))
			return false;
	}
	return true;
}

static bool is_long(struct str list, char sep)
{
	size_t n = 0;

	for (size_t i = 0; i < list.n; i++)
		n += list.p[i] == sep;
	return n > MAX_COMPARED;
}

static bool params_eq(struct str a, struct str b, bool is_strict)
{
	if (str_eq(a, b))
		return true;
	if (is_long(a, ';') || is_long(b, ';'))
		return false;
	return params_within(a, b, is_strict) && params_within(b, a, is_strict);
}

static bool headers_eq(struct str a, struct str b)
{
	if (str_eq(a, b))
		return true;
	if (is_long(a, '&') || is_long(b, '&'))
		return false;
	return headers_within(a, b) && headers_within(b, a);
}

static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

static bool numbers_eq(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < a.n && is_separator(a.p[i]))
			i++;
		while (k < b.n && is_separator(b.p[k]))
			k++;
		if (i == a.n || k == b.n)
			return i == a.n && k == b.n;
		if (!str_ieq(sip_sub(a, i, i + 1), sip_sub(b, k, k + 1)))
			return false;
		i++;
		k++;
	}
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	switch (a->scheme) {
	case SIP_SCHEME_TEL: /* RFC 3966 4: each parameter must be in both */
		return numbers_eq(a->user, b->user) && params_eq(a->params, b->params, true);
	case SIP_SCHEME_OTHER:
		return str_eq(a->other, b->other);
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		break;
	}
	return same(a->user, b->user, false) && same(a->password, b->password, false) &&
	       str_ieq(a->host, b->host) && a->port == b->port &&
	       params_eq(a->params, b->params, false) && headers_eq(a->headers, b->headers);
}
