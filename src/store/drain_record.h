/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One record of the journal: what it is about, whether more is to come, and its way into the database.
 *
 * Thread     journal (main at start)
 * Errors     those of db.h; EBADMSG: these bytes are no record
 */
#ifndef STORE_DRAIN_RECORD_H
#define STORE_DRAIN_RECORD_H

#include "base/map.h"
#include "store/journal_file.h"
#include "store/store_impl.h"
#include "store/sync.h"

struct record_key {
	enum record_kind kind;
	uint64_t tenant_id, id;
};

struct known_tenant {
	uint64_t id;
	bool is_there;
	struct sync_numbers numbers; /* of call records */
};

/* Legs whose rows in leg_kept were written in this boot: the others need no DELETE. */
struct kept_row {
	struct map_node node;
	struct record_key key;
	struct kept_row *next_gone; /* deleted in this transaction */
};

struct record_writer {
	struct rows *rows;
	uint64_t node;
	struct pack_names names;
	union any_record rec;
	int64_t told_us;		 /* of the delivery written last */
	struct known_tenant tenants[64]; /* asked in this transaction */
	size_t ntenants;
	struct map kept; /* struct kept_row */
	struct kept_row *gone;
	bool knows_kept; /* false: rows of another boot may be there */
};

int record_writer_open(struct record_writer *w, struct rows *rows) MUST_USE;
void record_writer_close(struct record_writer *w);
void record_writer_begin(struct record_writer *w, const struct journal_file *f, bool knows_kept);

struct record_key record_key(const struct journal_record *r);
/* Nothing newer of this thing is to be expected. */
bool record_is_final(const struct record_writer *w, const struct journal_record *r);
int record_put(struct record_writer *w, const struct journal_record *r) MUST_USE;
/* What the last record_put() wrote was undone. */
void record_writer_undone(struct record_writer *w);
/* The transaction has ended. */
void record_writer_done(struct record_writer *w, bool is_committed);

#endif
