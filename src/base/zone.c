/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/zone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 256 * 1024, HEADER = 44 };

/* A day on which a rule changes: Mm.w.d, Jn (no leap day counted) or n. */
struct rule_day {
	enum { DAY_MONTH, DAY_JULIAN, DAY_ZERO } kind;
	int32_t month, week, day;
	int32_t second; /* of local time in force before */
};

struct zone {
	int64_t *at;	 /* n moments, ascending */
	int32_t *offset; /* from that moment on */
	size_t n;
	int32_t first; /* before all of them */
	bool has_rule; /* after all of them */
	bool has_dst;
	int32_t standard, daylight;
	struct rule_day begin, end;
};

/* ---- the calendar ---- */

static bool is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int32_t zone_month_days(int32_t year, int32_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month < 1 || month > 12)
		return 0;
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Years are counted from 1 March, so that the leap day comes last; 400 of them are an era. */
int64_t zone_days(int32_t year, int32_t month, int32_t day)
{
	const int64_t y = month <= 2 ? (int64_t)year - 1 : year;
	const int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void zone_date(int64_t days, struct local_time *t)
{
	const int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	const int64_t doe = z - era * 146097;
	const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	t->day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
	t->month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
	t->year = (int32_t)(yoe + era * 400 + (t->month <= 2));
	t->weekday = (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
}

static int64_t day_of(int64_t s, int32_t *second)
{
	int64_t days = (s >= 0 ? s : s - 86399) / 86400;

	*second = (int32_t)(s - days * 86400);
	return days;
}

/* ---- the footer ---- */

static bool read_number(struct str *s, int32_t max, int32_t *out)
{
	int32_t v = 0;
	size_t n = 0;

	while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
		v = v * 10 + s->p[n++] - '0';
	s->p += n;
	s->n -= n;
	*out = v;
	return n && v <= max;
}

static bool eat(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool read_name(struct str *s)
{
	size_t n = 0;

	if (eat(s, '<')) {
		while (n < s->n && s->p[n] != '>')
			n++;
		if (n == s->n)
			return false;
		n++;
	} else {
		while (n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
			n++;
	}
	s->p += n;
	s->n -= n;
	return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool read_clock(struct str *s, int32_t *out)
{
	int32_t h, m = 0, sec = 0, sign = eat(s, '-') ? -1 : 1;

	if (sign > 0)
		(void)eat(s, '+');
	if (!read_number(s, 167, &h))
		return false;
	if (eat(s, ':') && !read_number(s, 59, &m))
		return false;
	if (eat(s, ':') && !read_number(s, 59, &sec))
		return false;
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool read_rule_day(struct str *s, struct rule_day *d)
{
	*d = (struct rule_day){.second = 2 * 3600};
	if (eat(s, 'M')) {
		if (!read_number(s, 12, &d->month) || !eat(s, '.') ||
		    !read_number(s, 5, &d->week) || !eat(s, '.') || !read_number(s, 6, &d->day) ||
		    !d->month || !d->week)
			return false;
	} else {
		d->kind = eat(s, 'J') ? DAY_JULIAN : DAY_ZERO;
		if (!read_number(s, 365, &d->day) || (d->kind == DAY_JULIAN && !d->day))
			return false;
	}
	return !eat(s, '/') || read_clock(s, &d->second);
}

static bool read_footer(struct zone *z, struct str s)
{
	if (!s.n)
		return true;
	if (!read_name(&s) || !read_clock(&s, &z->standard))
		return false;
	z->standard = -z->standard; /* POSIX counts west of Greenwich */
	z->has_rule = true;
	if (!s.n)
		return true;
	z->daylight = z->standard + 3600;
	if (!read_name(&s))
		return false;
	if (s.n && s.p[0] != ',') {
		if (!read_clock(&s, &z->daylight))
			return false;
		z->daylight = -z->daylight;
	}
	z->has_dst = true;
	return eat(&s, ',') && read_rule_day(&s, &z->begin) && eat(&s, ',') &&
	       read_rule_day(&s, &z->end) && !s.n;
}

/* The moment a rule day begins, in seconds of local time since 1970. */
static int64_t rule_moment(const struct rule_day *d, int32_t year)
{
	int64_t days = zone_days(year, 1, 1);
	struct local_time t;
	int32_t first, last;

	switch (d->kind) {
	case DAY_JULIAN:
		days += d->day - 1 + (is_leap(year) && d->day > 59);
		break;
	case DAY_ZERO:
		days += d->day;
		break;
	case DAY_MONTH:
		days = zone_days(year, d->month, 1);
		zone_date(days, &t);
		first = (d->day - t.weekday + 7) % 7 + 7 * (d->week - 1);
		last = zone_month_days(year, d->month);
		days += first < last ? first : first - 7;
		break;
	}
	return days * 86400 + d->second;
}

static int32_t by_rule(const struct zone *z, int64_t utc_s)
{
	struct local_time t;
	int64_t begin, end;
	int32_t second;

	if (!z->has_dst)
		return z->standard;
	zone_date(day_of(utc_s + z->standard, &second), &t);
	begin = rule_moment(&z->begin, t.year) - z->standard;
	end = rule_moment(&z->end, t.year) - z->daylight;
	if (begin < end)
		return utc_s >= begin && utc_s < end ? z->daylight : z->standard;
	return utc_s >= end && utc_s < begin ? z->standard : z->daylight;
}

/* ---- the file ---- */

static int64_t be(const char *p, size_t n)
{
	uint64_t v = (*p & 0x80) ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (uint8_t)p[i];
	return (int64_t)v;
}

struct counts {
	size_t isut, isstd, leap, time, type, chars;
};

static bool read_header(struct str s, struct counts *c)
{
	size_t *const fields[] = {&c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};

	if (s.n < HEADER || memcmp(s.p, "TZif", 4) || s.p[4] < '2')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int64_t v = be(s.p + 20 + 4 * i, 4);

		if (v < 0 || v > MAX_FILE)
			return false;
		*fields[i] = (size_t)v;
	}
	return true;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes)
{
	return c->time * (time_bytes + 1) + c->type * 6 + c->chars + c->leap * (time_bytes + 4) +
	       c->isstd + c->isut;
}

static int read_block(struct zone *z, const char *p, const struct counts *c)
{
	const char *types = p + c->time * 8, *infos = types + c->time;

	z->at = calloc(c->time + 1, sizeof(*z->at));
	z->offset = calloc(c->time + 1, sizeof(*z->offset));
	if (!z->at || !z->offset)
		return ENOMEM;
	z->first = (int32_t)be(infos, 4);
	for (size_t i = 0; i < c->time; i++) {
		size_t type = (uint8_t)types[i];

		z->at[i] = be(p + 8 * i, 8);
		if (type >= c->type || (i && z->at[i] <= z->at[i - 1]))
			return EINVAL;
		z->offset[i] = (int32_t)be(infos + 6 * type, 4);
	}
	z->n = c->time;
	return 0;
}

int zone_parse(struct zone **zp, struct str file)
{
	struct zone *z = calloc(1, sizeof(*z));
	struct counts c;
	size_t skip;
	int err = z ? 0 : ENOMEM;

	/* First the block for readers of 32 bits, then the same with 64 bits, then the footer between two line feeds. */
	if (!err && (!read_header(file, &c) || file.n < HEADER + block_bytes(&c, 4)))
		err = EINVAL;
	if (!err) {
		skip = HEADER + block_bytes(&c, 4);
		file = (struct str){file.p + skip, file.n - skip};
		if (!read_header(file, &c) || !c.type || file.n < HEADER + block_bytes(&c, 8) + 2)
			err = EINVAL;
	}
	if (!err)
		err = read_block(z, file.p + HEADER, &c);
	if (!err) {
		skip = HEADER + block_bytes(&c, 8);
		file = (struct str){file.p + skip, file.n - skip};
		if (!eat(&file, '\n') || file.p[file.n - 1] != '\n' ||
		    !read_footer(z, (struct str){file.p, file.n - 1}))
			err = EINVAL;
	}
	if (err)
		zone_close(z);
	else
		*zp = z;
	return err;
}

int zone_open(struct zone **zp, const char *name)
{
	char path[128], *bytes;
	size_t n;
	FILE *f;
	int err;

	if (!*name || name[0] == '.' || name[0] == '/' || strstr(name, "..") ||
	    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name) >= (int)sizeof(path))
		return EINVAL;
	f = fopen(path, "rbe");
	if (!f)
		return EINVAL;
	bytes = malloc(MAX_FILE);
	n = bytes ? fread(bytes, 1, MAX_FILE, f) : 0;
	err = bytes ? zone_parse(zp, (struct str){bytes, n}) : ENOMEM;
	free(bytes);
	(void)fclose(f);
	return err;
}

struct zone *zone_close(struct zone *z)
{
	if (!z)
		return NULL;
	free(z->at);
	free(z->offset);
	free(z);
	return NULL;
}

/* ---- asking ---- */

int32_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
	size_t lo = 0, hi;

	if (!z)
		return 0;
	if (z->has_rule && (!z->n || utc_s >= z->at[z->n - 1]))
		return by_rule(z, utc_s);
	for (hi = z->n; lo < hi;) { /* the last moment that is not after it */
		size_t mid = (lo + hi) / 2;

		if (z->at[mid] <= utc_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->offset[lo - 1] : z->first;
}

void zone_local(const struct zone *z, int64_t utc_s, struct local_time *t)
{
	zone_date(day_of(utc_s + zone_offset_s(z, utc_s), &t->second), t);
}

/* Lines of the database's own list: country, place, name and what it is for, with tabs between. */
void zone_names(zone_name_h *fn, void *arg)
{
	FILE *f = fopen("/usr/share/zoneinfo/zone.tab", "re");
	char line[512];

	fn(STR_NONE, STR("UTC"), arg);
	while (f && fgets(line, sizeof(line), f)) {
		struct str rest = str_trim(str_of(line)), country = str_cut(&rest, '\t'), name;

		(void)str_cut(&rest, '\t');
		name = str_cut(&rest, '\t');
		if (country.n == 2 && name.n)
			fn(country, name, arg);
	}
	if (f)
		fclose(f);
}
