/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/dn.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool is_type_char(char c, bool is_first)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (!is_first && ((c >= '0' && c <= '9') || c == '-'));
}

static struct str skip_blanks(struct str s)
{
	while (s.n && s.p[0] == ' ') {
		s.p++;
		s.n--;
	}
	return s;
}

static int read_type(struct buf *out, struct str *s)
{
	size_t n = 0;

	while (n < s->n && is_type_char(s->p[n], !n))
		buf_char(out, lower(s->p[n++]));
	s->p += n;
	s->n -= n;
	*s = skip_blanks(*s);
	if (!n || !s->n || s->p[0] != '=')
		return EINVAL;
	buf_char(out, '=');
	*s = skip_blanks((struct str){s->p + 1, s->n - 1});
	return 0;
}

static bool is_special(char c)
{
	return strchr(",+\"\\<>;=#", c) != NULL;
}

/* What stands behind a backslash: a special sign, or a byte as two digits. */
static int read_escaped(struct str *s, char *c)
{
	uint8_t byte;
	size_t n;

	if (!s->n)
		return EINVAL;
	if (is_special(s->p[0]) || s->p[0] == ' ') {
		*c = s->p[0];
		*s = (struct str){s->p + 1, s->n - 1};
		return 0;
	}
	if (s->n < 2 || hex_decode(&byte, 1, (struct str){s->p, 2}, &n) || !byte)
		return EINVAL;
	*c = (char)byte;
	*s = (struct str){s->p + 2, s->n - 2};
	return 0;
}

static void write_value(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (is_special(value.p[i]) || (value.p[i] == ' ' && (!i || i == value.n - 1)))
			buf_char(out, '\\');
		buf_char(out, lower(value.p[i]));
	}
}

static int read_value(struct buf *out, struct str *s)
{
	char value[DN_MAX];
	size_t n = 0, kept = 0; /* blanks behind it, unless escaped, are not of it */

	while (s->n && s->p[0] != ',') {
		bool is_escaped = s->p[0] == '\\';
		char c = s->p[0];

		*s = (struct str){s->p + 1, s->n - 1};
		if (is_escaped ? read_escaped(s, &c) != 0 : !c || is_special(c))
			return EINVAL;
		if (n == sizeof(value))
			return EINVAL;
		value[n++] = c;
		if (is_escaped || c != ' ')
			kept = n;
	}
	if (!kept || !str_is_utf8((struct str){value, kept}))
		return EINVAL;
	write_value(out, (struct str){value, kept});
	return 0;
}

int dn_canonical(struct buf *out, struct str dn)
{
	const size_t begin = out->n;
	struct str s = skip_blanks(dn);
	int err = 0;

	while (!err && s.n) {
		err = read_type(out, &s);
		if (!err)
			err = read_value(out, &s);
		if (err || !s.n)
			break;
		buf_char(out, ',');
		s = skip_blanks((struct str){s.p + 1, s.n - 1});
		if (!s.n)
			err = EINVAL;
	}
	if (!err && out->n - begin > DN_MAX)
		err = EINVAL;
	return err ? err : out->err;
}

struct str dn_cut(struct str *dn)
{
	struct str all = *dn;

	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\\') {
			i++;
		} else if (all.p[i] == ',') {
			*dn = (struct str){all.p + i + 1, all.n - i - 1};
			return (struct str){all.p, i};
		}
	}
	*dn = (struct str){all.p + all.n, 0};
	return all;
}

void dn_part(struct buf *out, const char *type, struct str value)
{
	buf_printf(out, "%s=", type);
	write_value(out, value);
}

void dn_of_domain(struct buf *out, struct str domain)
{
	while (domain.n) {
		struct str label = str_cut(&domain, '.');

		dn_part(out, "dc", label);
		if (domain.n)
			buf_char(out, ',');
	}
}

void dn_domain(struct buf *out, struct str dn)
{
	const size_t begin = out->n;

	while (dn.n) {
		struct str part = dn_cut(&dn);

		if (!str_starts(part, STR("dc="))) {
			out->n = begin;
			return;
		}
		buf_add(out, part.p + 3, part.n - 3);
		if (dn.n)
			buf_char(out, '.');
	}
}
