/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resources as CSV: a header line with names of fields, one line per object.
 *
 * Cells are as in JSON: enums by their text, bools true or false, ids decimal, times RFC 3339, a destination "hangup" or
 * "extension:12", a list "12;13" with the fields of a line joined by ":".  Lists whose lines hold text are the JSON of the API;
 * secrets have no column when exporting.  An empty cell is the default.
 *
 * A spreadsheet runs text that begins with = + - @ as a formula: such text gets a ' in front, and loses it when it comes back.
 *
 * Reading is one object at a time, so that a caller with one transaction around them takes the whole file or nothing.
 *
 * Thread     any
 * Ownership  the text is borrowed as long as the reader lives
 * Errors     EINVAL with errs (field "line[17].number"), ENOENT: no more lines, ENOMEM
 * Sources    RFC 4180; a byte order mark, ";" between cells and bare LF are taken too
 */
#ifndef SCHEMA_CSV_H
#define SCHEMA_CSV_H

#include "schema/schema.h"

void csv_write_header(struct buf *out, const struct resource *r);
void csv_write(struct buf *out, const struct object *o);
/* One text, in quotes when it needs them, and not as something that a spreadsheet would run. */
void csv_write_cell(struct buf *out, struct str s);

struct csv_reader;
int csv_reader_alloc(struct csv_reader **rp, const struct resource *r, struct str text,
		     struct field_errors *errs) MUST_USE;
struct csv_reader *csv_reader_free(struct csv_reader *rd);
/* The next line as a new object, as object_from_json() makes it.  After EINVAL reading may go on, to name further mistakes. */
int csv_read(struct csv_reader *rd, bool is_admin, struct object **op,
	     struct field_errors *errs) MUST_USE;
/* The same, stopping where the API's body would be: *bodyp belongs to the caller. */
int csv_read_body(struct csv_reader *rd, json_t **bodyp, struct field_errors *errs) MUST_USE;
/* Errors about that object, with its line in front. */
void csv_add_errors(const struct csv_reader *rd, const struct field_errors *from,
		    struct field_errors *errs);
size_t csv_line(const struct csv_reader *rd); /* where that object's line began, from 1 */

#endif
