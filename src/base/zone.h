/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time zones: how far local time is from UTC at a moment, daylight saving included.
 *
 * The C library knows one zone for the whole process; tenants have one each.  A zone is read once, from the system's
 * database, and then only asked.
 *
 * Thread     a zone does not change once made; zone_open() reads a file
 * Ownership  zone_close() releases it
 * Errors     EINVAL: no such name, or a file that is none; ENOMEM
 * Sources    RFC 9636 (TZif), its footer as POSIX TZ
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/str.h"

struct zone;

int zone_open(struct zone **zp, const char *name) MUST_USE; /* "Europe/Berlin" */
int zone_parse(struct zone **zp, struct str file) MUST_USE; /* the bytes of a TZif file */
struct zone *zone_close(struct zone *z);

/* Every zone that people live in, by their country ("DE"); first UTC, which has none. */
typedef void zone_name_h(struct str country, struct str name, void *arg);
void zone_names(zone_name_h *fn, void *arg);

/* Seconds to add to UTC.  NULL is UTC. */
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);

struct local_time {
	int32_t year, month, day; /* 1 … 12, 1 … 31 */
	int weekday;		  /* 0: Sunday */
	int32_t second;		  /* of the day */
};
void zone_local(const struct zone *z, int64_t utc_s, struct local_time *t);
/* The civil calendar, without a zone. */
int64_t zone_days(int32_t year, int32_t month, int32_t day); /* since 1970-01-01 */
void zone_date(int64_t days, struct local_time *t);	     /* sets year, month, day, weekday */
int32_t zone_month_days(int32_t year, int32_t month);

#endif
