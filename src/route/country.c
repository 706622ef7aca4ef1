/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and the countries they are in: their forms (TRK-15), and which may be called (RTE-5). */
#include <stdio.h>
#include <string.h>
#include "route/index.h"
#include "route/inside.h"
#include "schema/did.h"

static const struct {
	const char *iso, *code;
} countries[] = {
#define X(iso, code) {iso, code},
#include "route/countries.def"
#undef X
};

static const char *own_code(const struct tenant *t)
{
	for (size_t i = 0; t && i < ARRAY_LEN(countries); i++)
		if (strcmp(countries[i].iso, t->country) == 0)
			return countries[i].code;
	return "";
}

static struct str behind(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* Country code and all; false: it says neither country nor area. */
static bool read_e164(char *dst, size_t dst_bytes, const struct tenant *t, struct str number)
{
	struct str abroad = str_of(t->international_prefix), trunk = str_of(t->trunk_prefix);
	const char *own = own_code(t);

	if (str_starts(number, STR("+")))
		number = behind(number, 1);
	else if (abroad.n && str_starts(number, abroad))
		number = behind(number, abroad.n);
	else if (*own && str_starts(number, trunk) && number.n > trunk.n + 4)
		return str_is_digits(number) &&
		       snprintf(dst, dst_bytes, "%s%.*s", own, (int)(number.n - trunk.n),
				number.p + trunk.n) < (int)dst_bytes;
	else
		return false;
	return str_is_digits(number) && !str_copy(dst, dst_bytes, number);
}

void route_number_form(char *dst, size_t dst_bytes, const struct tenant *t, struct str number,
		       int form)
{
	char digits[40];
	const char *own = t ? own_code(t) : "";
	size_t n = strlen(own);

	str_fit(dst, dst_bytes, number);
	if (!t || form == NUMBER_FORM_AS_IS || !read_e164(digits, sizeof(digits), t, number))
		return;
	if (form == NUMBER_FORM_PLUS)
		(void)snprintf(dst, dst_bytes, "+%s", digits);
	else if (form == NUMBER_FORM_DIGITS)
		(void)snprintf(dst, dst_bytes, "%s", digits);
	else if (form == NUMBER_FORM_NATIONAL && n && !strncmp(digits, own, n))
		(void)snprintf(dst, dst_bytes, "%s%s", t->trunk_prefix, digits + n);
	else
		(void)snprintf(dst, dst_bytes, "%s%s", t->international_prefix, digits);
}

static bool is_disallowed_as(const struct route_query *q, struct str plain)
{
	const struct field *f = &resource_disallowed_code.fields[0];

	for (size_t n = 1; n <= plain.n && n <= ROUTE_INDEX_PREFIX; n++)
		if (model_find(q->model, f, q->tenant_id, (struct str){plain.p, n}))
			return true;
	return false;
}

bool country_is_barred(const struct route_query *q, struct str number)
{
	const struct tenant *t = model_tenant(q->model, q->tenant_id);
	char digits[40]; /* of a national number with its country code */
	struct str plain = did_plain(number), whole;

	if (!model_count_in(q->model, &resource_disallowed_code, q->tenant_id))
		return false; /* of most: a look-up for each digit is a miss of the cache each */
	route_number_form(digits, sizeof(digits), t, number, NUMBER_FORM_DIGITS);
	whole = did_plain(str_of(digits));
	return is_disallowed_as(q, whole) || (!str_eq(whole, plain) && is_disallowed_as(q, plain));
}

static bool is_international(struct str number)
{
	return str_starts(number, STR("+")) || str_starts(number, STR("00"));
}

/* Country code and the rest; none when the number does not say a country. */
static struct str abroad(const struct tenant *t, struct str number)
{
	struct str prefix = t ? str_of(t->international_prefix) : STR_NONE;

	if (is_international(number))
		return did_plain(number);
	return prefix.n && str_starts(number, prefix) ? behind(number, prefix.n) : STR_NONE;
}

/* A number that says no country either way is one of the tenant's own. */
bool country_is_allowed(const struct route_query *q, struct str sent)
{
	const struct field *f = &resource_allowed_country_code.fields[0];
	const struct tenant *t = model_tenant(q->model, q->tenant_id);
	const char *own = own_code(t);
	struct str plain = abroad(t, sent);

	if (!plain.n)
		plain = abroad(t, q->dialled);
	if (!plain.n)
		return true;
	if (q->index && !route_index_has_countries(q->index, q->tenant_id))
		return !*own || str_starts(plain, str_of(own));
	for (size_t n = 1; n <= plain.n && n <= 8; n++)
		if (model_find(q->model, f, q->tenant_id, (struct str){plain.p, n}))
			return true;
	return !q->index && (!*own || str_starts(plain, str_of(own)));
}

struct str route_country_code(struct str number)
{
	struct str plain = did_plain(number), best = STR_NONE;

	if (!is_international(number))
		return best;
	for (size_t i = 0; i < ARRAY_LEN(countries); i++) {
		struct str code = str_of(countries[i].code);

		if (code.n > best.n && str_starts(plain, code))
			best = (struct str){plain.p, code.n};
	}
	return best;
}
