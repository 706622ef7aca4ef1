/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "schema/did.h"

enum form { POOL, MASK, EXTENSION };

static int PRINTF_LIKE(3, 4) wrong(struct did_why *why, const char *code, const char *fmt, ...)
{
	va_list ap;

	(void)snprintf(why->code, sizeof(why->code), "%s", code);
	va_start(ap, fmt);
	(void)vsnprintf(why->message, sizeof(why->message), fmt, ap);
	va_end(ap);
	return EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool did_is_number(struct str s)
{
	if (s.n && s.p[0] == '+')
		s = (struct str){s.p + 1, s.n - 1};
	return str_is_digits(s);
}

struct str did_plain(struct str s)
{
	if (s.n && s.p[0] == '+')
		return (struct str){s.p + 1, s.n - 1};
	for (int i = 0; i < 2 && s.n && s.p[0] == '0'; i++)
		s = (struct str){s.p + 1, s.n - 1};
	return s;
}

static uint64_t power(size_t n)
{
	uint64_t v = 1;

	while (n--)
		v *= 10;
	return v;
}

/* At most DID_MAX_DIGITS digits. */
static uint64_t value(struct str s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	return v;
}

/* digits, then '*'s */
static int stars(struct did_range *r, struct str s, struct did_why *why)
{
	size_t ndigits = 0, nstars;

	while (ndigits < s.n && is_digit(s.p[ndigits]))
		ndigits++;
	nstars = s.n - ndigits;
	for (size_t i = ndigits; i < s.n; i++)
		if (s.p[i] != '*')
			return wrong(
				why, "bad_number",
				"\"%.*s\" is no number: digits, then a * for each further digit",
				s.n > 40 ? 40 : (int)s.n, s.p);
	if (!s.n || s.n > DID_MAX_DIGITS)
		return wrong(why, "bad_number", "\"%.*s\" has no digits, or more than %d",
			     s.n > 40 ? 40 : (int)s.n, s.n ? s.p : "", DID_MAX_DIGITS);
	r->ndigits = (uint8_t)s.n;
	r->first = value((struct str){s.p, ndigits}) * power(nstars);
	r->last = r->first + power(nstars) - 1;
	return 0;
}

static int range(struct did_range *r, struct str first, struct str last, struct did_why *why)
{
	if (!str_is_digits(first) || !str_is_digits(last) || first.n > DID_MAX_DIGITS)
		return wrong(why, "bad_range", "a range has a number before and behind its '-'");
	if (first.n != last.n)
		return wrong(why, "bad_range", "%.*s and %.*s do not have the same length",
			     STR_ARG(first), last.n > 40 ? 40 : (int)last.n, last.p);
	r->ndigits = (uint8_t)first.n;
	r->first = value(first);
	r->last = value(last);
	if (r->first >= r->last)
		return wrong(why, "bad_range", "%.*s is not less than %.*s", STR_ARG(first),
			     STR_ARG(last));
	return 0;
}

static int lead(struct str *s, enum form form, struct did_why *why)
{
	if (form == MASK)
		*s = did_plain(*s);
	else if (form == POOL && s->n && (s->p[0] == '+' || s->p[0] == '0'))
		return wrong(why, "leading_zero",
			     "%.*s: numbers are given without +, 0 or 00 at the start",
			     s->n > 40 ? 40 : (int)s->n, s->p);
	return 0;
}

static int part(struct did_range *r, struct str s, enum form form, struct did_why *why)
{
	struct str first = s, last;
	int err;

	if (form == POOL && str_eq(s, STR("*"))) {
		*r = (struct did_range){0};
		return 0;
	}
	last = first;
	first = str_trim(str_cut(&last, '-'));
	err = lead(&first, form, why);
	if (err)
		return err;
	if (!last.p) {
		if (form == POOL && first.n && first.p[0] == '*')
			return wrong(
				why, "bad_number",
				"a prefix of digits stands before the *s; * alone is all numbers");
		if (form == EXTENSION && !str_is_digits(first))
			return wrong(why, "bad_number", "\"%.*s\" is no number of digits",
				     first.n > 40 ? 40 : (int)first.n, first.n ? first.p : "");
		return stars(r, first, why);
	}
	last = str_trim(last);
	err = lead(&last, form, why);
	return err ? err : range(r, first, last, why);
}

static int list(struct did_list *l, struct str text, enum form form, struct did_why *why)
{
	l->n = 0;
	text = str_trim(text);
	if (!text.n)
		return 0;
	while (text.p) {
		struct str s = str_trim(str_cut(&text, ';'));
		int err;

		if (l->n == DID_MAX_RANGES)
			return wrong(why, "too_many", "more than %d parts", DID_MAX_RANGES);
		err = part(&l->v[l->n], s, form, why);
		if (err)
			return err;
		for (size_t i = 0; i < l->n; i++)
			if (did_ranges_overlap(&l->v[i], &l->v[l->n])) {
				char a[DID_TEXT_BYTES], b[DID_TEXT_BYTES];

				return wrong(why, "overlap", "%s and %s overlap",
					     did_range_str(a, &l->v[i]),
					     did_range_str(b, &l->v[l->n]));
			}
		l->n++;
	}
	return 0;
}

int did_pool_parse(struct did_list *l, struct str text, struct did_why *why)
{
	return list(l, text, POOL, why);
}

int did_extensions_parse(struct did_list *l, struct str text, struct did_why *why)
{
	return list(l, text, EXTENSION, why);
}

int did_mask_parse(struct did_range *r, struct str text, struct did_why *why)
{
	return part(r, str_trim(text), MASK, why);
}

bool did_range_has(const struct did_range *r, struct str plain)
{
	uint64_t v;

	if (!r->ndigits)
		return true;
	if (plain.n != r->ndigits || !str_is_digits(plain))
		return false;
	v = value(plain);
	return v >= r->first && v <= r->last;
}

bool did_list_has(const struct did_list *l, struct str plain)
{
	for (size_t i = 0; i < l->n; i++)
		if (did_range_has(&l->v[i], plain))
			return true;
	return false;
}

bool did_ranges_overlap(const struct did_range *a, const struct did_range *b)
{
	if (!a->ndigits || !b->ndigits)
		return true;
	return a->ndigits == b->ndigits && a->first <= b->last && b->first <= a->last;
}

bool did_lists_overlap(const struct did_list *a, const struct did_list *b,
		       const struct did_range **inap, const struct did_range **inbp)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (did_ranges_overlap(&a->v[i], &b->v[k])) {
				*inap = &a->v[i];
				*inbp = &b->v[k];
				return true;
			}
	return false;
}

const char *did_range_str(char dst[DID_TEXT_BYTES], const struct did_range *r)
{
	if (!r->ndigits)
		(void)snprintf(dst, DID_TEXT_BYTES, "*");
	else if (r->first == r->last)
		(void)snprintf(dst, DID_TEXT_BYTES, "%0*" PRIu64, r->ndigits, r->first);
	else
		(void)snprintf(dst, DID_TEXT_BYTES, "%0*" PRIu64 "-%0*" PRIu64, r->ndigits,
			       r->first, r->ndigits, r->last);
	return dst;
}

bool did_prefixes_match(struct str prefixes, struct str number, size_t *np)
{
	bool yes;

	*np = 0;
	prefixes = str_trim(prefixes);
	yes = !prefixes.n;
	while (prefixes.n) {
		struct str s = str_trim(str_cut(&prefixes, ';'));

		if (!s.n || !str_starts(number, s))
			continue;
		yes = true;
		if (s.n > *np)
			*np = s.n;
	}
	return yes;
}

int did_prefixes_check(struct str prefixes, struct did_why *why)
{
	prefixes = str_trim(prefixes);
	while (prefixes.n) {
		struct str s = str_trim(str_cut(&prefixes, ';'));

		if (!did_is_number(s) || s.n > DID_MAX_DIGITS)
			return wrong(why, "bad_number",
				     "\"%.*s\" is no prefix: digits, a + may lead",
				     s.n > 40 ? 40 : (int)s.n, s.n ? s.p : "");
	}
	return 0;
}
