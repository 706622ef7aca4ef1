/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recorded calls (PBX-7) as files and rows: the file of a row is recordings/TENANT/ID.FORMAT in the data folder.
 *
 * A row is written before its file begins, and a file is removed before its row, so there is no file that no row knows of, but
 * those of a tenant that was deleted: recordings_sweep().  A file that was being written when we were cut off has ".part" behind its name, and is
 * good as far as it goes.
 *
 * Thread     the connection's
 * Units      bytes
 * Errors     those of db.h; ENOENT: there is no such recording, or its file is not on this machine; EEXIST: it is being recorded
 */
#ifndef STORE_RECORDINGS_H
#define STORE_RECORDINGS_H

#include "store/rows.h"

struct recording_file_info {
	char path[1024], format[4];
	uint64_t nbytes;
};
int recording_find(struct rows *r, uint64_t tenant_id, uint64_t id,
		   struct recording_file_info *f) MUST_USE;
int recording_remove(struct rows *r, uint64_t tenant_id, uint64_t id) MUST_USE;

/* At start: those of this node that have no end are ended as interrupted. */
int recordings_close_interrupted(struct rows *r, uint64_t node, int64_t alive_at_us) MUST_USE;

/* Within a transaction: removes what began before (0: nothing does for that), and the oldest beyond `most` (UINT64_MAX: nothing is); at
 * most RECORDINGS_BATCH.  *more: there is more to do. */
enum { RECORDINGS_BATCH = 50 };
int recordings_clean(struct rows *r, uint64_t tenant_id, int64_t before_us, uint64_t most,
		     bool *more) MUST_USE;
/* Files of tenants that there are no more, some of them at a time. */
int recordings_sweep(struct rows *r) MUST_USE;

/* TEN-2: what a tenant has on the disk. */
struct storage_use {
	uint64_t recordings, reports;
};
int storage_used(struct rows *r, uint64_t tenant_id, struct storage_use *use) MUST_USE;

/* Whose use has changed in a way that the core does not know of.  Any thread. */
struct storage_marks;
int storage_marks_alloc(struct storage_marks **mp) MUST_USE;
struct storage_marks *storage_marks_free(struct storage_marks *m);
void storage_mark(struct rows *r, uint64_t tenant_id);
uint64_t storage_next_mark(struct storage_marks *m); /* 0: none */

#endif
