/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What routing finds rules by: sorted tables over the model's pools and rules, kept as they change.
 *
 * A look-up is a few binary searches, whatever the number of rules and tenants; a change moves pointers in one array.
 *
 * Thread     the model's
 * Ownership  belongs to who made it; lives as long as the model's watchers may be called
 * Errors     ENOMEM at the start; later a rule that could not be indexed is logged, and not found
 */
#ifndef ROUTE_INDEX_H
#define ROUTE_INDEX_H

#include "model/model.h"

struct route_index;

/* Before the model is loaded: it watches from now on. */
int route_index_alloc(struct route_index **rp, struct model *m) MUST_USE;
struct route_index *route_index_free(struct route_index *r); /* after the model */

/* The pool that holds a number (digits, plain) on a trunk: its tenant, 0 = none. */
uint64_t route_index_did(const struct route_index *r, uint64_t trunk_id, struct str plain);
/* The tenant whose PBX is behind a trunk (TRK-8), 0 = none. */
uint64_t route_index_pbx(const struct route_index *r, uint64_t trunk_id);
/* The inbound rule of that number and caller (both plain); id 0 = none.  did "*" is looked for by asking for it. */
uint64_t route_index_inbound(const struct route_index *r, uint64_t tenant_id, uint64_t trunk_id,
			     struct str did, struct str caller);

/* Outbound rules whose prefixes fit a number, in order of priority and age. */
enum { ROUTE_INDEX_PREFIX = 18 };
struct route_index_walk {
	const struct route_index *index;
	struct {
		size_t at, end;
	} bucket[ROUTE_INDEX_PREFIX + 1];
	size_t n;
	uint64_t last_id;
};
void route_index_outbound(struct route_index_walk *w, const struct route_index *r,
			  uint64_t tenant_id, struct str number);
uint64_t route_index_next(struct route_index_walk *w); /* id of a rule; 0: no more */

/* Has the tenant said which countries may be called? */
bool route_index_has_countries(const struct route_index *r, uint64_t tenant_id);
/* The rate of the longest prefix of a plain number; 0: none. */
uint64_t route_index_rate(const struct route_index *r, uint64_t tenant_id,
			  int direction /* enum call_direction */, struct str plain);

size_t route_index_bytes(const struct route_index *r);
uint64_t
route_index_steps(const struct route_index *r); /* entries looked at so far: what tests hold flat */

#endif
