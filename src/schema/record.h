/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has happened, as plain structs: written to the journal as they are, drained into the tables of the same name as
 * whole-row upserts by (tenant_id, id).  The fields come from the *_record.def files, like those of resources.
 *
 * Units      times are wall clock in µs since 1970 UTC, 0 = not (yet)
 */
#ifndef SCHEMA_RECORD_H
#define SCHEMA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(kind, struct/table name, plural in REST) */
#define RECORD_KINDS(X)                            \
	X(CONTACT, contact_record, "registrations") \
	X(CALL, call_record, "cdrs")                \
	X(LEG, leg_record, "cdr_legs")              \
	X(SEGMENT, segment_record, "cdr_segments")

enum record_kind {
#define X(kind, name, plural) RECORD_##kind,
	RECORD_KINDS(X)
#undef X
	RECORD_LEG_KEPT, /* not a table: given back to the core at start */
	RECORD_NKINDS
};

#define TEXT(name, max, flags, dflt, doc) char name[(max) + 1];
#define INT(name, dflt, lo, hi, flags, doc) int64_t name;
#define TIME(name, flags, doc) int64_t name;

struct contact_record {
	uint64_t tenant_id, id;
#include "schema/contact_record.def"
};
struct call_record {
	uint64_t tenant_id, id;
#include "schema/call_record.def"
};
struct leg_record {
	uint64_t tenant_id, id;
#include "schema/leg_record.def"
};
struct segment_record {
	uint64_t tenant_id, id;
#include "schema/segment_record.def"
};

#undef TEXT
#undef INT
#undef TIME

/* Head of what is kept of a leg (call/leg_kept.h): the rest is opaque here. */
struct kept_head {
	uint32_t version;
	uint32_t size; /* of the whole struct when written */
	uint64_t tenant_id, call_id, leg_id;
	uint64_t is_ended; /* the leg is over: forget it */
};

/* Where logic sends records: implemented by store/journal through main, by a list in tests and the simulator. */
struct record_sink {
	/* Returns when the record is safe from kill -9.  ENOSPC: it could not be kept (logged by the sink). */
	int (*write)(struct record_sink *s, enum record_kind kind, const void *rec, size_t n);
};

#endif
