/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name-addr and addr-spec.  Without angle brackets a ';' starts header parameters, and the URI may hold neither ',' nor
 * '?' (RFC 3261 20.10), so no URI header can slip in that way.
 *
 * A display name without quotes is taken with more than tokens in it, as many phones send one, but never with what
 * structures a header: comma, semicolon, quotes, brackets.
 */
#include <string.h>
#include "sip/chars.h"
#include "sip/uri.h"
#include "sip/via.h"

static size_t skip_lws(struct str s, size_t i)
{
	while (i < s.n && sip_is_lws(s.p[i]))
		i++;
	return i;
}

static bool param_value_ok(struct str value)
{
	if (!value.n)
		return false;
	if (value.p[0] == '"')
		return sip_quoted_end(value, 0) == value.n;
	for (size_t i = 0; i < value.n; i++)
		if (!sip_is(value.p[i], SIP_CH_TOKEN) &&
		    (sip_is_lws(value.p[i]) || value.p[i] == '"' || value.p[i] == '<' ||
		     value.p[i] == '>'))
			return false;
	return true;
}

bool sip_param_ok(struct str name, struct str value)
{
	return sip_is_token(name) && (!value.p || param_value_ok(value));
}

struct str sip_param_plain(struct str value)
{
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		return sip_sub(value, 1, value.n - 1);
	return value;
}

/* From i to the ';' that ends the parameter, or the end; 0: a quote does not end. */
static size_t end_of_param(struct str s, size_t i)
{
	while (i < s.n) {
		while (i < s.n && sip_is(s.p[i], SIP_CH_TOKEN))
			i++;
		if (i == s.n || s.p[i] == ';')
			break;
		i = s.p[i] == '"' ? sip_quoted_end(s, i) : i + 1;
		if (!i)
			return 0;
	}
	return i;
}

size_t sip_param_end(struct str params)
{
	size_t end = end_of_param(params, 0);

	return end || (params.n && params.p[0] == ';') ? end : params.n;
}

int sip_param_next(struct str *params, struct str *name, struct str *value)
{
	struct str s = *params;
	size_t eq = 0, end;

	while (eq < s.n && s.p[eq] != '=' && s.p[eq] != ';' && s.p[eq] != '"')
		eq++;
	end = end_of_param(s, eq);
	if (!end && s.n && s.p[0] != ';')
		return EINVAL;
	*name = str_trim(sip_sub(s, 0, eq < end ? eq : end));
	*value = STR_NONE;
	if (eq < end && s.p[eq] == '=')
		*value = str_trim(sip_sub(s, eq + 1, end));
	else if (eq < end)
		*name = str_trim(sip_sub(s, 0, end)); /* a quote within the name: nobody's token */
	*params = end < s.n ? sip_sub(s, end + 1, s.n) : STR_NONE;
	return 0;
}

/* generic-param *(SEMI generic-param) */
int sip_params_check(struct str params)
{
	while (params.p) {
		struct str name, value;

		if (sip_param_next(&params, &name, &value) || !sip_param_ok(name, value))
			return EINVAL;
	}
	return 0;
}

/* What follows the URI: nothing or ";params". */
static int finish(struct sip_addr *a, struct str rest)
{
	rest = str_trim(rest);
	if (!rest.n)
		return 0;
	if (rest.p[0] != ';')
		return EINVAL;
	a->params = str_trim(sip_sub(rest, 1, rest.n));
	return sip_params_check(a->params);
}

static bool uri_chars_ok(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++)
		if (sip_is_lws(uri.p[i]) || uri.p[i] == '<' || uri.p[i] == '>' || uri.p[i] == '"')
			return false;
	return uri.n && memchr(uri.p, ':', uri.n);
}

static int bracketed(struct sip_addr *a, struct str s, size_t open)
{
	const char *close = memchr(s.p + open, '>', s.n - open);

	if (!close)
		return EINVAL;
	a->uri = sip_sub(s, open + 1, (size_t)(close - s.p));
	if (!uri_chars_ok(a->uri))
		return EINVAL;
	return finish(a, sip_sub(s, (size_t)(close + 1 - s.p), s.n));
}

static int plain(struct sip_addr *a, struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != ';' && !sip_is_lws(s.p[n])) {
		if (s.p[n] == ',' || s.p[n] == '?')
			return EINVAL;
		n++;
	}
	a->uri = sip_sub(s, 0, n);
	if (!uri_chars_ok(a->uri))
		return EINVAL;
	return finish(a, sip_sub(s, n, s.n));
}

int sip_addr_parse(struct sip_addr *a, struct str s)
{
	size_t i;

	*a = (struct sip_addr){0};
	s = str_trim(s);
	if (!s.n)
		return EINVAL;
	if (s.p[0] == '"') {
		size_t end = sip_quoted_end(s, 0);

		if (!end)
			return EINVAL;
		a->display = sip_sub(s, 1, end - 1);
		i = skip_lws(s, end);
		return i < s.n && s.p[i] == '<' ? bracketed(a, s, i) : EINVAL;
	}
	for (i = 0; i < s.n && s.p[i] != '<'; i++)
		if (s.p[i] == ';' || s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == '>')
			break;
	if (i == s.n || s.p[i] != '<')
		return plain(a, s);
	a->display = str_trim(sip_sub(s, 0, i));
	return bracketed(a, s, i);
}

bool sip_param(struct str params, struct str name, struct str *value)
{
	while (params.p) {
		struct str n, v;

		if (sip_param_next(&params, &n, &v))
			break;
		if (!str_ieq(n, name))
			continue;
		*value = sip_param_plain(v);
		return true;
	}
	*value = STR_NONE;
	return false;
}
