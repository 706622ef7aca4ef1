/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ids with generations: index + generation, so that an id of something dead resolves to NULL instead of to its successor.
 *
 * Thread     one owner; the ids themselves go anywhere
 * Errors     ids_add ENOMEM, ENOSPC (max reached)
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include "base/defs.h"

typedef uint64_t oid; /* 0 is never a valid id; upper 32 bits generation, lower 32 index + 1 */

struct ids;

int ids_alloc(struct ids **idsp, size_t max) MUST_USE;
struct ids *ids_free(struct ids *ids);
int ids_add(struct ids *ids, void *obj, oid *idp) MUST_USE;
void *ids_get(const struct ids *ids, oid id); /* NULL: unknown or dead */
void ids_remove(struct ids *ids, oid id);
size_t ids_count(const struct ids *ids);
/* Walk: *pos starts at 0; NULL at the end.  The object returned may be removed. */
void *ids_next(const struct ids *ids, size_t *pos, oid *idp);

#endif
