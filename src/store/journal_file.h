/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's mapped file: a ring of checksummed records behind a header.
 *
 *	0      head: magic, version, node, boot, sizes, checksum · two checkpoints · the mark "alive at"
 *	4096   the names of the records' fields (store/pack.h)
 *	12288  the ring: records, each a multiple of 8 bytes and never cut in two; a filler record ends each round
 *
 * A record is its head (checksum, length, sequence, boot, kind) and its bytes.  What is in the ring is found by reading
 * from the last checkpoint as long as the sequence goes on and the checksums are right: so a record torn by a crash,
 * and all that is older, ends the reading.  A checkpoint says up to where the records are in the database; it is on the disk
 * before their space is used again.
 *
 * Thread     journal_file_write, _alive: core.  _sync, _checkpoint: the journal's threads.
 * Errors     ENOSPC: no space until a checkpoint frees some.  EMSGSIZE: a record longer than JOURNAL_MAX_RECORD
 */
#ifndef STORE_JOURNAL_FILE_H
#define STORE_JOURNAL_FILE_H

#include <stdatomic.h>
#include "store/pack.h"

enum { JOURNAL_MAX_RECORD = 65536, JOURNAL_MIN_BYTES = 1 << 20 };

struct journal_record { /* borrowed from the map */
	enum record_kind kind;
	uint64_t seq;
	const uint8_t *p;
	size_t n;
};

struct journal_place { /* of a record: counted on, never wrapped */
	uint64_t pos, seq;
};

struct journal_file {
	int fd;
	uint8_t *map;
	size_t map_bytes, ring_bytes;
	uint64_t node, boot;
	struct journal_place head;  /* core: where the next record goes */
	_Atomic uint64_t published; /* head.pos, for the others */
	_Atomic uint64_t freed;	    /* pos before which space may be used again */
	uint64_t synced;	    /* sync thread */
	uint64_t checkpoints;	    /* drain thread: how many were written */
};

/* An empty file for this boot, made aside and renamed to path.  What path held is gone: it is in the database. */
int journal_file_create(struct journal_file *f, const char *path, size_t ring_bytes, uint64_t node,
			uint64_t boot) MUST_USE;
/* The file of an earlier boot, to read.  ENOENT; EBADMSG: it is none or damaged. */
int journal_file_open(struct journal_file *f, const char *path,
		      struct journal_place *from) MUST_USE;
void journal_file_close(struct journal_file *f);
const char *journal_file_names(const struct journal_file *f);

int journal_file_write(struct journal_file *f, enum record_kind kind, const void *rec,
		       size_t n) MUST_USE;
void journal_file_alive(struct journal_file *f, int64_t wall_us);
int64_t journal_file_alive_at(const struct journal_file *f);

/* The record at *at, which then moves behind it.  `end`: published position, or UINT64_MAX to believe checksums only.
 * ENOENT: there is none. */
int journal_file_next(const struct journal_file *f, struct journal_place *at, uint64_t end,
		      struct journal_record *rec) MUST_USE;
/* Everything before `at` is in the database.  Gives its memory back too. */
int journal_file_checkpoint(struct journal_file *f, const struct journal_place *at) MUST_USE;
/* To the disk: the records written since the last time, and the head when with_head. */
int journal_file_sync(struct journal_file *f, bool with_head) MUST_USE;

#endif
