/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time, as logic sees it.  Real in the server, driven by hand in tests and in the simulator.
 *
 * Thread     clock_real(): any; a virtual clock: the thread that drives it
 * Units      _us microseconds; mono from an arbitrary start, wall since 1970-01-01 UTC
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/defs.h"

struct clock {
	uint64_t (*mono_us)(const struct clock *c);
	int64_t (*wall_us)(const struct clock *c);
};

struct clock_virtual {
	struct clock clock; /* first */
	uint64_t now_us;
	int64_t wall_base_us; /* wall = base + now */
};

const struct clock *clock_real(void);
void clock_virtual_init(struct clock_virtual *v, int64_t wall_base_us);

static inline uint64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c);
}
static inline uint64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_us(c) / 1000;
}
static inline int64_t clock_wall_us(const struct clock *c)
{
	return c->wall_us(c);
}
/* RFC 3339 in UTC with milliseconds: "2026-11-20T14:05:00.123Z".  dst of at least 32 bytes. */
void clock_rfc3339(char *dst, size_t dst_bytes, int64_t wall_us);

#endif
