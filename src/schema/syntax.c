/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/addr.h"
#include "schema/syntax.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Every byte is a letter, a digit or one of `more`. */
static bool only(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || (!is_digit(s.p[i]) && !is_letter(s.p[i]) && !strchr(more, s.p[i])))
			return false;
	return s.n > 0;
}

size_t syntax_utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;
	uint32_t c;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (!s.n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < n)
		return 0;
	c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* p[0..n) is one valid character. */
static bool is_control(const char *p, size_t n)
{
	unsigned char a = (unsigned char)p[0], b = n > 1 ? (unsigned char)p[1] : 0;

	return a < 0x20 || a == 0x7f || (a == 0xc2 && b < 0xa0) ||
	       (a == 0xe2 && b == 0x80 &&
		((unsigned char)p[2] == 0xa8 || (unsigned char)p[2] == 0xa9));
}

bool syntax_text(struct str s, size_t *ncharsp)
{
	size_t count = 0;

	while (s.n) {
		size_t n = syntax_utf8_len(s);

		if (!n || is_control(s.p, n))
			return false;
		s.p += n;
		s.n -= n;
		count++;
	}
	*ncharsp = count;
	return true;
}

bool syntax_lines(struct str s, size_t *ncharsp)
{
	size_t count = 0, n;

	while (s.n) {
		const char *end = memchr(s.p, '\n', s.n);
		struct str line = {s.p, end ? (size_t)(end - s.p) : s.n};
		size_t taken = line.n + (end != NULL);

		if (end && line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!syntax_text(line, &n))
			return false;
		count += n + taken - line.n;
		s.p += taken;
		s.n -= taken;
	}
	*ncharsp = count;
	return true;
}

bool syntax_number(struct str s)
{
	return only(s, "");
}

bool syntax_feature_code(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '*' && s.p[i] != '#' && !(i && is_digit(s.p[i])))
			return false;
	return s.n > 0;
}

bool syntax_speed_dial(struct str s)
{
	/* One that leads to another could lead round in a circle. */
	bool is_key = s.n == 1 && s.p[0] >= '2' && s.p[0] <= '9';

	return only(s, "+*#") && !is_key && !str_starts(s, STR("*0"));
}

bool syntax_sip_user(struct str s)
{
	return only(s, "-_.!~*'()&=+$,;?/");
}

/* Digits in these places: "dd:dd". */
static bool has_shape(struct str s, const char *shape)
{
	if (s.n != strlen(shape))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (shape[i] == 'd' ? !is_digit(s.p[i]) : s.p[i] != shape[i])
			return false;
	return true;
}

bool syntax_clock_time(struct str s)
{
	int hour, minute;

	if (!has_shape(s, "dd:dd"))
		return false;
	hour = (s.p[0] - '0') * 10 + s.p[1] - '0';
	minute = (s.p[3] - '0') * 10 + s.p[4] - '0';
	return (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
}

bool syntax_date(struct str s)
{
	char text[24];
	int64_t us;

	if (!has_shape(s, "dddd-dd-dd"))
		return false;
	snprintf(text, sizeof(text), "%.10sT00:00:00Z", s.p);
	return !syntax_time(str_of(text), &us);
}

bool syntax_capitals(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return true;
}

static bool is_address(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	return !str_copy(text, sizeof(text), s) &&
	       (inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1);
}

bool syntax_hostname(struct str s)
{
	struct str rest = s, label = STR_NONE;

	if (is_address(s))
		return true;
	if (!s.n || s.n > 253)
		return false;
	while (rest.p) {
		label = str_cut(&rest, '.');
		if (label.n > 63 || !only(label, "-") || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
	}
	/* A last label of digits only would be an address, and a wrong one. */
	for (size_t i = 0; i < label.n; i++)
		if (!is_digit(label.p[i]))
			return true;
	return false;
}

bool syntax_network(struct str s)
{
	struct addr_net net;

	return !addr_net_parse(&net, s);
}

bool syntax_email(struct str s)
{
	struct str domain = s, local, rest;

	if (s.n > 254)
		return false;
	local = str_cut(&domain, '@');
	if (!domain.p || !local.n || local.n > 64 || is_address(domain) || !syntax_hostname(domain))
		return false;
	rest = local;
	while (rest.p)
		if (!only(str_cut(&rest, '.'), "!#$%&'*+-/=?^_`{|}~"))
			return false;
	return true;
}

bool syntax_time_zone(struct str s)
{
	static const char dir[] = "/usr/share/zoneinfo";
	char path[128], magic[4] = "";
	struct str rest = s;
	struct stat st;
	FILE *f;

	if (str_eq(s, STR("UTC")))
		return true;
	if (s.n > 64 || str_starts(s, STR("posix/")) || str_starts(s, STR("right/")))
		return false;
	while (rest.p)
		if (!only(str_cut(&rest, '/'), "_+-"))
			return false;
	snprintf(path, sizeof(path), "%s/%.*s", dir, STR_ARG(s));
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fread(magic, 1, sizeof(magic), f) != sizeof(magic))
		magic[0] = 0;
	fclose(f);
	return !memcmp(magic, "TZif", sizeof(magic));
}

/* n digits at the start of *s, cut off; -1 when they are not. */
static int take_digits(struct str *s, size_t n)
{
	int v = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s->p[i]))
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	return v;
}

static bool take_char(struct str *s, const char *any_of)
{
	if (!s->n || !s->p[0] || !strchr(any_of, s->p[0]))
		return false;
	s->p++;
	s->n--;
	return true;
}

/* Days from 1970-01-01, proleptic Gregorian: years start in March, so that the leap day is the last of its year. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static bool is_date(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && is_leap);
}

static int take_offset(struct str *s, int *minutesp)
{
	bool is_west = s->n && s->p[0] == '-';
	int h, m;

	*minutesp = 0;
	if (take_char(s, "Zz"))
		return 0;
	if (!take_char(s, "+-"))
		return EINVAL;
	h = take_digits(s, 2);
	if (h < 0 || h > 23 || !take_char(s, ":"))
		return EINVAL;
	m = take_digits(s, 2);
	if (m < 0 || m > 59)
		return EINVAL;
	*minutesp = (h * 60 + m) * (is_west ? -1 : 1);
	return 0;
}

int syntax_time(struct str s, int64_t *usp)
{
	int part[6], offset;
	static const size_t width[] = {4, 2, 2, 2, 2, 2};
	static const char *const sep[] = {"-", "-", "Tt ", ":", ":"};
	int64_t us = 0, unit = 100000;

	for (size_t i = 0; i < 6; i++) {
		part[i] = take_digits(&s, width[i]);
		if (part[i] < 0 || (i < 5 && !take_char(&s, sep[i])))
			return EINVAL;
	}
	if (!is_date(part[0], part[1], part[2]) || part[3] > 23 || part[4] > 59 || part[5] > 60)
		return EINVAL;
	if (take_char(&s, ".")) {
		if (!s.n || !is_digit(s.p[0]))
			return EINVAL;
		for (; s.n && is_digit(s.p[0]); unit /= 10)
			us += unit * take_digits(&s, 1);
	}
	if (take_offset(&s, &offset) || s.n)
		return EINVAL;
	us += ((days_of(part[0], part[1], part[2]) * 24 + part[3]) * 60 + part[4] - offset) *
		      60000000 +
	      (int64_t)part[5] * 1000000;
	if (us < 0)
		return EINVAL;
	*usp = us;
	return 0;
}
