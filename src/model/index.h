/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside model/: objects in memory and what finds them.
 *
 * An entry holds one object, and one key for each indexed field of it; keys are nodes of one map, so that taking an object out
 * needs no search.  What refers to an object by a REF field is kept as one sorted list per target.  Two objects may hold the
 * same key for a moment, between two changes of one transaction: the newer is found.
 *
 * Thread     as model.h
 * Errors     ENOMEM: nothing changed
 */
#ifndef MODEL_INDEX_H
#define MODEL_INDEX_H

#include "base/list.h"
#include "base/map.h"
#include "schema/types.h"

struct index {
	struct map objects;  /* struct entry, by resource, tenant, id */
	struct map keys;     /* struct key, by field (NULL: all NUMBER fields), tenant, text */
	struct map referred; /* struct referrers, by field, tenant, target */
	size_t bytes;
	uint64_t steps; /* nodes compared */
};

struct model;
const struct index *model_index(const struct model *m);

struct entry;

struct key {
	struct map_node node;
	const struct entry *e;
	const struct field *field; /* where its text is */
};

struct entry {
	struct map_node node;
	struct link in_tenant;
	struct object *o;
	bool is_stale; /* being reloaded, and not yet come again */
	size_t nkeys;
	struct key keys[];
};

int index_open(struct index *ix) MUST_USE;
void index_close(struct index *ix); /* must be empty */

/* An entry for the object, its keys filled in but not yet found by anyone.  Takes *op. */
int index_prepare(struct index *ix, struct entry **ep, struct object **op) MUST_USE;
/* An entry that is not in the index, with its object. */
struct entry *index_discard(struct index *ix, struct entry *e);
/* After index_prepare(), before anything else changes: cannot fail.  What it replaces is removed afterwards. */
void index_add(struct index *ix, struct entry *e);
void index_remove(struct index *ix, struct entry *e);

struct entry *index_object(const struct index *ix, const struct resource *r, uint64_t tenant_id,
			   uint64_t id);
/* f NULL: by number. */
const struct object *index_key(const struct index *ix, const struct field *f, uint64_t tenant_id,
			       struct str text);
/* By a NAMES_CALLER field: those of the tenant with a number whose last digits are those of this one; *pos NULL to start. */
const struct object *index_named(const struct index *ix, uint64_t tenant_id, struct str number,
				 const struct key **pos);
/* The digits that count: without what only makes it readable, and without what stands before the country or the area. */
struct str index_digits(char dst[40], struct str number);
const struct object *index_referrer(const struct index *ix, const struct field *f,
				    uint64_t tenant_id, uint64_t target, size_t *pos);

#endif
