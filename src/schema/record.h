/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has happened, as plain structs: written to the journal as they are, drained into the tables named by their plural as
 * whole-row upserts by (tenant_id, id).  The fields come from the *_record.def files, like those of resources.
 *
 * Thread     any: values and constant tables
 * Units      times are wall clock in µs since 1970 UTC, 0 = not (yet)
 */
#ifndef SCHEMA_RECORD_H
#define SCHEMA_RECORD_H

#include "schema/schema.h"

enum { RECORD_MAX_TEXT = 4095 }; /* bytes of the longest field */

/* clang-format off */
enum record_kind {
#define RECORD(kind, plural, doc) RECORD_##kind,
#include "schema/records.def"
	RECORD_NTABLES,
	RECORD_LEG_KEPT = RECORD_NTABLES, /* not a table: given back to the core at start */
	RECORD_NKINDS
};

/* struct call_record { uint64_t tenant_id, id; char caller[128]; … int64_t started_at; … }; */
#define RECORD(kind, plural, doc) struct THIS { uint64_t tenant_id, id;
#define TEXT(name, max, flags, dflt, doc) char name[(max) + 1];
#define INT(name, dflt, lo, hi, flags, doc) int64_t name;
#define ID(name, flags, doc) uint64_t name;
#define TIME(name, flags, doc) int64_t name;
#define END() };
#include "schema/records.def"
/* clang-format on */

/* Ids of activities: from here on, their time in µs and ten bits of chance.  Revisions are below. */
#define RECORD_ACTIVITY_IDS (UINT64_C(1) << 62)

/* How each of them begins. */
struct record_head {
	uint64_t tenant_id, id;
};

/* A kind's table.  Fields are FIELD_CHARS, FIELD_INT, FIELD_ID and FIELD_TIME. */
struct record_table {
	const char *name;   /* "call_record" */
	const char *plural; /* "cdrs" */
	const struct field *fields;
	size_t nfields;
	size_t size; /* of the struct */
	const char *doc;
};
extern const struct record_table record_tables[RECORD_NTABLES];

/* Text comes from the network and may be longer than the record keeps: cut at a character's border, control
 * characters replaced by '?', bad UTF-8 too. */
void record_set_text(char *dst, size_t dst_bytes, struct str s);
/* The same; a field of LINES keeps its line ends and tabs. */
void record_set_field(char *dst, size_t dst_bytes, const struct field *f, struct str s);
/* When it was; its id is made of that and chance, so that the newest are last whichever node wrote them. */
void activity_stamp(struct activity_record *rec, int64_t at_us, uint64_t chance);
/* Record → JSON: id and every field.  NULL without memory. */
json_t *record_to_json(const struct record_table *t, const void *rec) MUST_USE;
/* JSON Schema of what record_to_json() gives. */
json_t *record_openapi(const struct record_table *t) MUST_USE;

/* Head of what is kept of a leg (call/leg_kept.h): the rest is opaque here. */
struct kept_head {
	uint32_t version;
	uint32_t size; /* of the whole struct when written */
	uint64_t tenant_id, call_id, leg_id;
	uint64_t is_ended; /* the leg is over: forget it */
};

/* clang-format off */
union any_record { /* contact_record, call_record … */
#define RECORD(kind, plural, doc) struct THIS THIS;
#include "schema/records.def"
	struct kept_head kept;
};
/* clang-format on */

/* Where logic sends records: implemented by store/journal through main, by a list in tests and the simulator. */
struct record_sink {
	/* Returns when the record is safe from kill -9.  ENOSPC: it could not be kept (logged by the sink). */
	int (*write)(struct record_sink *s, enum record_kind kind, const void *rec, size_t n);
};

#endif
