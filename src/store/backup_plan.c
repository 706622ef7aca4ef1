/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups that are made by themselves (OPS-1).  The last moment at which one was due is compared with the newest that was made so:
 * a system that was off at that moment makes it when it is back, and a restart makes none twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/zone.h"
#include "schema/types.h"
#include "store/backup_impl.h"
#include "store/migrate.h"

static const int64_t day_s = 86400;

static int take_it(struct object **op, void *arg)
{
	*(struct object **)arg = *op;
	*op = NULL;
	return 0;
}

/* The last moment not after now, in µs. */
static int64_t due_at(const struct backup_setting *p, int64_t now_us)
{
	const int64_t now_s = now_us / 1000000;
	struct zone *zone = NULL;
	struct local_time t;
	int64_t local, days, at;

	if (zone_open(&zone, p->time_zone))
		zone = NULL;
	local = now_s + zone_offset_s(zone, now_s);
	days = local / day_s;
	if (local % day_s < p->hour * 3600)
		days--;
	zone_date(days, &t);
	if (p->frequency == BACKUP_FREQUENCY_WEEKLY)
		days -= (t.weekday - p->weekday + 7) % 7;
	at = days * day_s + p->hour * 3600;
	at -= zone_offset_s(zone, at - zone_offset_s(zone, at));
	zone_close(zone);
	return at * 1000000;
}

struct own {
	uint64_t id;
	int64_t made_at;
};

static int newest_first(const void *a, const void *b)
{
	const struct own *x = a, *y = b;

	return (x->made_at < y->made_at) - (x->made_at > y->made_at);
}

/* Those made by themselves, newest first. */
static size_t own_ones(struct backups *b, struct own *v)
{
	uint64_t *ids = calloc(BACKUP_FILES, sizeof(*ids)), bytes;
	size_t all = ids ? shelf_ids(b, ids) : 0, n = 0;
	struct backup_label l;

	for (size_t i = 0; i < all; i++)
		if (!shelf_label(b, ids[i], &l, &bytes) && l.is_scheduled && !l.tenant_id)
			v[n++] = (struct own){ids[i], l.made_at};
	free(ids);
	qsort(v, n, sizeof(*v), newest_first);
	return n;
}

static int make(struct backups *b, const struct backup_setting *p, int64_t now_us)
{
	struct archive_lock lock = {.key = b->store->seal.key};
	struct backup_job job = {.kind = BACKUP_MAKING};
	int err;

	job.id = (rng_u64(rng_system()) >> 1) | 1;
	job.label = (struct backup_label){.name = "scheduled",
					  .version = OFFHOOK_VERSION,
					  .made_at = now_us,
					  .schema = migrate_version(),
					  .is_scheduled = true};
	for (unsigned i = 0; i < BACKUP_NPARTS; i++)
		if (i == BACKUP_CONFIGURATION || (i == BACKUP_CDRS && p->with_cdrs) ||
		    (backup_part_is_folder((enum backup_part)i) && p->with_files))
			job.label.parts |= 1u << i;
	if (*p->passphrase) {
		lock = (struct archive_lock){.passphrase = str_of(p->passphrase)};
		job.label.is_passphrase = true;
	}
	if (backup_begin(b, &job))
		return EALREADY;
	err = backup_make(b, job.id, &job.label, &lock);
	backup_end(b, err, "", NULL);
	return err;
}

/* Before one is made, so that one too many is there rather than one too few. */
static void forget_old(struct backups *b, const struct own *v, size_t n, int64_t keep)
{
	for (size_t i = (size_t)keep; i < n; i++) {
		char *path = backup_path(b, v[i].id, "backup");

		if (path && unlink(path))
			log_warn(NULL, LOGID_BACKUP, "an old backup stays: %s", strerror(errno));
		free(path);
	}
}

void backup_plan(struct backups *b, struct rows *r, int64_t now_us)
{
	struct own *v = calloc(BACKUP_FILES + 1, sizeof(*v));
	struct object *o = NULL;
	const struct backup_setting *p;
	size_t n;

	if (!v || rows_each(r, &resource_backup_setting, take_it, &o) || !o) {
		free(v);
		return;
	}
	p = (const struct backup_setting *)o;
	n = own_ones(b, v);
	if (p->enabled && (!n || v[0].made_at < due_at(p, now_us)) && !make(b, p, now_us))
		forget_old(b, v, n, p->keep - 1);
	object_free(o);
	free(v);
}
