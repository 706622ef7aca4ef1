/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records in few bytes, as the journal holds them: the fields that are not empty, each with its place in the field table.
 *
 *	tenant_id  8 bytes · id  8 bytes · then per field: key (place * 2 + is text), then a number or length and bytes
 *
 * Keys, numbers (zigzag) and lengths are 7 bits a byte, the eighth says "more".  A journal may be read by a program whose
 * tables have changed: the file holds the names of its fields in order, and pack_names_read() finds each one's place today.
 *
 * Thread     any
 * Errors     EBADMSG: these bytes are no record
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "schema/record.h"

enum { PACK_MAX_FIELDS = 64, PACK_NAMES_BYTES = 8192, PACK_HEAD_BYTES = 16 };

size_t pack_bound(const struct record_table *t); /* no record of t is longer */
size_t pack_record(const struct record_table *t, const void *rec, uint8_t *dst);

/* Which of today's fields stands at each place of the file; NULL: gone. */
struct pack_names {
	const struct field *field[RECORD_NTABLES][PACK_MAX_FIELDS];
};
int pack_names_write(char dst[PACK_NAMES_BYTES]) MUST_USE; /* ENOSPC */
void pack_names_read(struct pack_names *names, const char src[PACK_NAMES_BYTES]);
/* rec has t->size bytes; fields that the bytes do not name are empty. */
int pack_read(const struct pack_names *names, enum record_kind kind, void *rec, const uint8_t *src,
	      size_t n) MUST_USE;

/* What is kept of a leg, nearly all of it zeroes: its head, then for each 64 words one that marks those not zero, and these.  dst has
 * n bytes; as it is when that would be no shorter, so that a length of kept_head.size means "not packed". */
size_t pack_kept(const void *kept, size_t n, uint8_t *dst);
/* dst has size bytes: what kept_head.size says. */
int unpack_kept(const uint8_t *src, size_t n, void *dst, size_t size) MUST_USE;

/* One number of it without the rest: of the field at this offset.  0 when it is empty, or no record. */
int64_t pack_peek(const struct pack_names *names, enum record_kind kind, size_t offset,
		  const uint8_t *src, size_t n);

#endif
