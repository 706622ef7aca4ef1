/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The '@' is looked for first: a user may hold ';', '?' and '/', and none of host, parameters and headers may hold an
 * unescaped '@', so the first one ends the user part whatever stands before it.
 */
#include <string.h>
#include "base/addr.h"
#include "sip/chars.h"
#include "sip/host.h"
#include "sip/uri.h"

static bool userinfo_ok(struct sip_uri *u, struct str userinfo)
{
	struct str rest = userinfo;

	u->user = str_cut(&rest, ':');
	u->password = rest;
	return u->user.n && sip_all_escaped(u->user, SIP_CH_USER) &&
	       sip_all_escaped(u->password, SIP_CH_PASSWORD);
}

/* name[=value] *(;name[=value]) */
static bool params_ok(struct str params)
{
	while (params.p) {
		struct str value = str_cut(&params, ';');
		struct str name = str_cut(&value, '=');

		if (!name.n || !sip_all_escaped(name, SIP_CH_PARAM))
			return false;
		if (value.p && (!value.n || !sip_all_escaped(value, SIP_CH_PARAM)))
			return false;
	}
	return true;
}

/* name=[value] *(&name=[value]) */
static bool headers_ok(struct str headers)
{
	while (headers.p) {
		struct str value = str_cut(&headers, '&');
		struct str name = str_cut(&value, '=');

		if (!name.n || !value.p || !sip_all_escaped(name, SIP_CH_HEADER) ||
		    !sip_all_escaped(value, SIP_CH_HEADER))
			return false;
	}
	return true;
}

static int parse_sip(struct sip_uri *u, struct str s)
{
	const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
	struct str hostport, params = s;
	size_t end;

	if (at) {
		if (!userinfo_ok(u, sip_sub(s, 0, (size_t)(at - s.p))))
			return EINVAL;
		params = sip_sub(s, (size_t)(at + 1 - s.p), s.n);
	}
	for (end = 0; end < params.n && params.p[end] != '?'; end++)
		;
	if (end < params.n)
		u->headers = sip_sub(params, end + 1, params.n);
	params.n = end;
	hostport = str_cut(&params, ';');
	u->params = params;
	if (sip_hostport_parse(hostport, &u->host, &u->port, false))
		return EINVAL;
	if (!params_ok(u->params) || !headers_ok(u->headers))
		return EINVAL;
	return 0;
}

static int parse_tel(struct sip_uri *u, struct str s)
{
	bool has_digit = false;
	size_t i;

	u->user = str_cut(&s, ';');
	u->params = s;
	for (i = 0; i < u->user.n; i++) {
		char c = u->user.p[i];

		if (c == '+' ? i != 0 : !sip_is(c, SIP_CH_TEL))
			return EINVAL;
		has_digit |= sip_is(c, SIP_CH_HEX) || c == '*' || c == '#';
	}
	return has_digit && params_ok(u->params) ? 0 : EINVAL;
}

static int parse_other(struct str scheme, struct str rest)
{
	if (!scheme.n || !sip_is(scheme.p[0], SIP_CH_ALPHA) || !rest.n)
		return EINVAL;
	for (size_t i = 1; i < scheme.n; i++) {
		char c = scheme.p[i];

		if (!sip_is(c, SIP_CH_ALPHA | SIP_CH_DIGIT) && c != '+' && c != '-' && c != '.')
			return EINVAL;
	}
	for (size_t i = 0; i < rest.n; i++) {
		char c = rest.p[i];

		if (!sip_is(c, SIP_CH_TEXT | SIP_CH_USER) || c == ' ' || c == '\t' || c == '<' ||
		    c == '>' || c == '"')
			return EINVAL;
	}
	return 0;
}

static enum sip_scheme scheme_of(struct str scheme)
{
	if (str_ieq(scheme, STR("sip")))
		return SIP_SCHEME_SIP;
	if (str_ieq(scheme, STR("sips")))
		return SIP_SCHEME_SIPS;
	if (str_ieq(scheme, STR("tel")))
		return SIP_SCHEME_TEL;
	return SIP_SCHEME_OTHER;
}

int sip_uri_parse(struct sip_uri *u, struct str s)
{
	struct str rest = s;
	struct str scheme = str_cut(&rest, ':');

	*u = (struct sip_uri){.scheme = SIP_SCHEME_OTHER};
	if (!rest.p)
		return EINVAL;
	u->scheme = scheme_of(scheme);
	switch (u->scheme) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		return parse_sip(u, rest);
	case SIP_SCHEME_TEL:
		return parse_tel(u, rest);
	case SIP_SCHEME_OTHER:
		u->other = s;
		break;
	}
	return parse_other(scheme, rest);
}

struct str sip_uri_bare(struct str text, const struct sip_uri *u)
{
	if (u->headers.p)
		text.n = (size_t)(u->headers.p - 1 - text.p);
	return text;
}
