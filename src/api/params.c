/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/params.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* In place: what is decoded is never longer. */
static int decode(struct str raw, char **at, struct str *out)
{
	char *start = *at, *w = *at;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int hi = i + 2 < raw.n ? hex(raw.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex(raw.p[i + 2]) : -1;

			if (lo < 0)
				return EINVAL;
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return EINVAL;
		*w++ = c;
	}
	*out = (struct str){start, (size_t)(w - start)};
	*at = w;
	return 0;
}

static bool is_utf8(struct str s)
{
	json_t *j = json_stringn(s.p, s.n); /* refuses what is no UTF-8 */

	json_decref(j);
	return j;
}

static int add(struct params *q, struct str part, char **at)
{
	struct str value = part, name = str_cut(&value, '=');
	struct str n, v;
	int err;

	if (q->n == PARAMS_MAX)
		return E2BIG;
	err = decode(name, at, &n);
	if (!err)
		err = decode(value, at, &v);
	if (err)
		return err;
	if (!n.n || !is_utf8(n) || !is_utf8(v))
		return EINVAL;
	for (size_t i = 0; i < q->n; i++)
		if (str_eq(q->v[i].name, n))
			return EINVAL;
	q->v[q->n].name = n;
	q->v[q->n].value = v;
	q->n++;
	return 0;
}

int params_parse(struct params *q, struct str raw)
{
	char *at;
	int err = 0;

	memset(q, 0, sizeof(*q));
	q->bytes = at = malloc(raw.n + 1);
	if (!at)
		return ENOMEM;
	while (raw.n && !err) {
		struct str part = str_cut(&raw, '&');

		if (part.n)
			err = add(q, part, &at);
	}
	if (err)
		params_close(q);
	return err;
}

void params_close(struct params *q)
{
	free(q->bytes);
	memset(q, 0, sizeof(*q));
}

struct str params_get(const struct params *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (str_eq(q->v[i].name, str_of(name)))
			return q->v[i].value;
	return STR_NONE;
}

int params_limit(const struct params *q, uint32_t *limit)
{
	struct str s = params_get(q, "limit");

	*limit = PAGE_DEFAULT;
	if (!s.p)
		return 0;
	if (str_u32(s, limit) || *limit < 1 || *limit > PAGE_MAX)
		return EINVAL;
	return 0;
}

static int digits(struct str *s, size_t n, int *out)
{
	int v = 0;

	if (s->n < n)
		return EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return EINVAL;
		v = v * 10 + s->p[i] - '0';
	}
	s->p += n;
	s->n -= n;
	*out = v;
	return 0;
}

static int eat(struct str *s, char c, char or_c)
{
	if (!s->n || (s->p[0] != c && s->p[0] != or_c))
		return EINVAL;
	s->p++;
	s->n--;
	return 0;
}

static int read_fraction(struct str *s, int64_t *us)
{
	int64_t unit = 100000;

	*us = 0;
	if (!s->n || s->p[0] != '.')
		return 0;
	s->p++;
	s->n--;
	if (!s->n || s->p[0] < '0' || s->p[0] > '9')
		return EINVAL;
	while (s->n && s->p[0] >= '0' && s->p[0] <= '9') {
		*us += unit * (s->p[0] - '0');
		unit /= 10;
		s->p++;
		s->n--;
	}
	return 0;
}

static int read_zone(struct str *s, int64_t *offset_s)
{
	int h, m, sign;

	*offset_s = 0;
	if (!eat(s, 'Z', 'z'))
		return 0;
	if (!s->n || (s->p[0] != '+' && s->p[0] != '-' && s->p[0] != ' '))
		return EINVAL;
	sign = s->p[0] == '-' ? -1 : 1; /* a '+' not escaped in a URL arrives as a space */
	s->p++;
	s->n--;
	if (digits(s, 2, &h) || eat(s, ':', ':') || digits(s, 2, &m) || h > 23 || m > 59)
		return EINVAL;
	*offset_s = sign * (h * 3600 + m * 60);
	return 0;
}

int params_time(struct str s, int64_t *wall_us)
{
	struct tm tm = {0}, check;
	int64_t us = 0, offset = 0;
	time_t t;

	if (digits(&s, 4, &tm.tm_year) || eat(&s, '-', '-') || digits(&s, 2, &tm.tm_mon) ||
	    eat(&s, '-', '-') || digits(&s, 2, &tm.tm_mday))
		return EINVAL;
	if (s.n) {
		if (eat(&s, 'T', 't') || digits(&s, 2, &tm.tm_hour) || eat(&s, ':', ':') ||
		    digits(&s, 2, &tm.tm_min) || eat(&s, ':', ':') || digits(&s, 2, &tm.tm_sec) ||
		    read_fraction(&s, &us) || read_zone(&s, &offset) || s.n)
			return EINVAL;
	}
	if (tm.tm_year < 1970 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	check = tm;
	t = timegm(&check);
	/* 31 February becomes 3 March: no such day */
	if (check.tm_mday != tm.tm_mday || check.tm_mon != tm.tm_mon)
		return EINVAL;
	*wall_us = ((int64_t)t - offset) * 1000000 + us;
	return 0;
}
