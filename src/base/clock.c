/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static uint64_t real_mono_us(const struct clock *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int64_t real_wall_us(const struct clock *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const struct clock *clock_real(void)
{
	static const struct clock real = {real_mono_us, real_wall_us};

	return &real;
}

static uint64_t virtual_mono_us(const struct clock *c)
{
	return ((const struct clock_virtual *)c)->now_us;
}

static int64_t virtual_wall_us(const struct clock *c)
{
	const struct clock_virtual *v = (const struct clock_virtual *)c;

	return v->wall_base_us + (int64_t)v->now_us;
}

void clock_virtual_init(struct clock_virtual *v, int64_t wall_base_us)
{
	*v = (struct clock_virtual){.clock = {virtual_mono_us, virtual_wall_us},
				    .wall_base_us = wall_base_us};
}

/* v in n digits, and what stands behind them. */
static char *digits(char *dst, int v, int n, char behind)
{
	for (int i = n; i--; v /= 10)
		dst[i] = (char)('0' + v % 10);
	dst[n] = behind;
	return dst + n + 1;
}

void clock_rfc3339(char *dst, size_t dst_bytes, int64_t wall_us)
{
	int64_t ms = wall_us / 1000 - (wall_us % 1000 < 0);
	int64_t rest = ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000;
	time_t seconds = (time_t)((ms - rest) / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm))
		tm = (struct tm){.tm_mday = 1, .tm_year = 70};
	if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999 ||
	    dst_bytes < sizeof("2026-11-20T14:05:00.123Z")) {
		snprintf(dst, dst_bytes, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)rest);
		return;
	}
	/* Each line of the log begins so: printf would take ten times as long. */
	dst = digits(dst, tm.tm_year + 1900, 4, '-');
	dst = digits(dst, tm.tm_mon + 1, 2, '-');
	dst = digits(dst, tm.tm_mday, 2, 'T');
	dst = digits(dst, tm.tm_hour, 2, ':');
	dst = digits(dst, tm.tm_min, 2, ':');
	dst = digits(dst, tm.tm_sec, 2, '.');
	dst = digits(dst, (int)rest, 3, 'Z');
	*dst = '\0';
}
