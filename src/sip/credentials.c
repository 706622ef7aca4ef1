/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/chars.h"
#include "sip/credentials.h"

static const struct str names[] = {
#define X(ID, name) {name, sizeof(name) - 1},
#include "sip/credentials.def"
#undef X
};

static void skip_lws(struct str *s)
{
	while (s->n && sip_is_lws(s->p[0])) {
		s->p++;
		s->n--;
	}
}

static struct str take(struct str *s, size_t n)
{
	struct str front = {s->p, n};

	s->p += n;
	s->n -= n;
	return front;
}

static struct str take_token(struct str *s)
{
	size_t n = 0;

	while (n < s->n && sip_is(s->p[n], SIP_CH_TOKEN))
		n++;
	return take(s, n);
}

/* A quoted string (returned without its quotes), or all up to the comma: without a backslash, which would escape the quote that is put
 * behind it in an answer. */
static int take_value(struct str *s, struct str *value)
{
	size_t n = 0;

	if (s->n && s->p[0] == '"') {
		size_t end = sip_quoted_end(*s, 0);

		if (!end)
			return EINVAL;
		*value = take(s, end);
		value->p++;
		value->n -= 2;
		return 0;
	}
	while (n < s->n && s->p[n] != ',' && !sip_is_lws(s->p[n]) && s->p[n] != '"' &&
	       s->p[n] != '\\')
		n++;
	*value = take(s, n);
	return n ? 0 : EINVAL;
}

static int store(struct sip_credentials *c, struct str name, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_ieq(name, names[i]))
			continue;
		if (c->value[i].p)
			return EINVAL;
		c->value[i] = value;
		break;
	}
	return 0;
}

static int take_param(struct sip_credentials *c, struct str *s)
{
	struct str name = take_token(s), value;

	skip_lws(s);
	if (!name.n || !s->n || s->p[0] != '=')
		return EINVAL;
	take(s, 1);
	skip_lws(s);
	if (take_value(s, &value))
		return EINVAL;
	skip_lws(s);
	if (s->n && s->p[0] != ',')
		return EINVAL;
	return store(c, name, value);
}

int sip_credentials_parse(struct sip_credentials *c, struct str header_value)
{
	struct str s = str_trim(header_value);

	*c = (struct sip_credentials){0};
	c->scheme = take_token(&s);
	if (!c->scheme.n || !s.n || !sip_is_lws(s.p[0]))
		return EINVAL;
	/* another scheme has a grammar of its own */
	if (!sip_credentials_is_digest(c))
		return 0;
	for (;;) {
		/* empty list elements are seen in the field and mean nothing */
		skip_lws(&s);
		if (!s.n)
			return 0;
		if (s.p[0] == ',')
			take(&s, 1);
		else if (take_param(c, &s))
			return EINVAL;
	}
}

bool sip_credentials_is_digest(const struct sip_credentials *c)
{
	return str_ieq(c->scheme, STR("Digest"));
}

bool sip_quoted_is(struct str quoted, struct str plain)
{
	size_t n = 0;

	for (size_t i = 0; i < quoted.n; i++) {
		if (quoted.p[i] == '\\' && i + 1 < quoted.n)
			i++;
		if (n == plain.n || quoted.p[i] != plain.p[n++])
			return false;
	}
	return n == plain.n;
}
