/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables into an archive, and out of one.  A table is an entry by its name; its first piece is the list of its columns, each further
 * one a row: JSON arrays of whole numbers and texts, the same from either engine.  Secrets are in clear there, as the archive is
 * sealed as a whole, and are sealed again with the key of the system that reads them.
 *
 * What is made from other rows (`number`, `directory`) and what dies with the system that wrote it (sessions, marks of journals,
 * what is kept of legs, contacts) is not in it.
 *
 * Thread     the connection's
 * Errors     those of db.h and archive.h; EBADMSG: no rows of this table
 */
#ifndef STORE_DUMP_H
#define STORE_DUMP_H

#include "store/archive.h"
#include "store/rows.h"

enum backup_part {
#define PART(NAME, name, doc) BACKUP_##NAME,
#define FOLDER		      PART
#include "store/backup_parts.def"
	BACKUP_NPARTS
};
extern const char *const backup_part_names[BACKUP_NPARTS];
bool backup_part_is_folder(enum backup_part part);
/* The folder that a file's name begins with; BACKUP_NPARTS: none. */
enum backup_part backup_part_of_file(const char *name);

struct dump_table {
	const struct sql_table *t;
	enum backup_part part;
	bool is_of_tenant; /* its rows live within tenants */
};
struct dump_tables {
	struct dump_table v[160];
	size_t n;
	struct sql_table revision, change, report, report_piece; /* the store's own */
	struct sql_column revision_columns[3], change_columns[13], report_columns[18],
		report_piece_columns[4];
};
void dump_tables_fill(struct dump_tables *d, const struct sql_schema *schema);
const struct dump_table *dump_table(const struct dump_tables *d, const char *name);

/* All rows, or those of one tenant (its own row of `tenants` too), in pages by key; v is borrowed, with secrets in clear. */
typedef int dump_row_h(const struct sql_table *t, const struct sql_value *v, void *arg);
typedef int dump_page_h(void *arg); /* after each page */
int dump_rows(struct rows *r, const struct dump_table *t, uint64_t tenant_id, dump_row_h *fn,
	      dump_page_h *page_fn, void *arg) MUST_USE;
int dump_write(struct rows *r, const struct dump_table *t, uint64_t tenant_id,
	       struct archive_out *a, dump_page_h *fn, void *arg) MUST_USE;

/* ---- reading: one row after the other ---- */

struct dump_reader {
	const struct sql_table *t;
	bool is_older;		    /* columns that there are no more are passed over */
	int place[SQL_MAX_COLUMNS]; /* of the archive's columns in t; -1: none */
	size_t ncols;		    /* of the archive */
	struct sql_value dflt[SQL_MAX_COLUMNS];
	json_t *row; /* borrowed by the values */
	char *piece; /* ARCHIVE_PIECE_BYTES */
};
/* At the beginning of the entry: reads the columns. */
int dump_open(struct dump_reader *d, const struct dump_table *t, struct archive_in *a,
	      bool is_older) MUST_USE;
/* v has t->ncols values until the next row.  ENOENT: there are no more. */
int dump_row(struct dump_reader *d, struct archive_in *a,
	     struct sql_value v[SQL_MAX_COLUMNS]) MUST_USE;
void dump_close(struct dump_reader *d);
/* Into the table; replaces: a row by that key, if there is one. */
int dump_put(struct rows *r, const struct sql_table *t, const struct sql_value *v,
	     bool replaces) MUST_USE;

#endif
