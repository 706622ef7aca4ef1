/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which phone books an extension has seen since a revision: it and they change, and with them what it is to hear of contacts.
 *
 * The log of changes is gone through backwards from what there is now; what counts is each moment between.
 *
 * Thread     reader
 * Ownership  books_close() in any case
 */
#ifndef STORE_SYNC_BOOKS_H
#define STORE_SYNC_BOOKS_H

#include "store/rows.h"

struct book {
	uint64_t id;
	bool is_there;
	json_t *groups;		   /* set of ids; none: everybody sees it */
	bool is_seen;		   /* now */
	bool was_ever, was_always; /* since then, now included */
};

struct books {
	struct book *v; /* by id */
	size_t n, cap;
	json_t *mine; /* groups of the extension, set of ids */
};

int books_open(struct books *b, struct rows *r, uint64_t tenant_id, uint64_t extension_id,
	       uint64_t since, uint64_t now) MUST_USE;
void books_close(struct books *b);
/* NULL: there was none. */
const struct book *books_find(const struct books *b, uint64_t id);
/* One that is seen was not, at some moment since then: what stands in it is new to the extension. */
bool books_any_new(const struct books *b);

#endif
