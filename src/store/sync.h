/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which call records are new, have changed or are gone: for who keeps a copy.
 *
 * cdr_change has a row for each record with a number that counts up within the tenant; that of the last change is in the row with
 * id 0, which a transaction holds locked from its first change to its commit.  So numbers become visible in their order, from
 * several nodes too, and nobody who has seen one misses a smaller one.
 *
 * A record that is gone leaves its row there, marked.
 *
 * Thread     writer, journal; tokens and answers: reader
 */
#ifndef STORE_SYNC_H
#define STORE_SYNC_H

#include "store/rows.h"

/* Numbers of one tenant that a transaction has taken; left 0: none.  Those that are left at its end are nobody's. */
struct sync_numbers {
	uint64_t next;
	unsigned left;
};

int sync_call_written(struct rows *r, uint64_t tenant_id, uint64_t id,
		      struct sync_numbers *n) MUST_USE;
int sync_call_gone(struct rows *r, uint64_t tenant_id, uint64_t id,
		   struct sync_numbers *n) MUST_USE;

/* ---- for who answers what has changed ---- */

struct field_errors;
struct store_reply;

struct sync_token { /* what `since` said */
	uint64_t from, revision, id;
	uint64_t begun; /* 0: this is the first page */
};
struct sync_page {
	uint64_t revision, id; /* of its last row */
	bool has_more;
};
int sync_read_token(struct str s, struct sync_token *t, struct field_errors *errs) MUST_USE;
/* What an extension sees was decided by itself and by what else changed: the log is gone through backwards, from `now` to behind `since`.
 * `before` as the log has it, "" before it was made.  fn's error ends it. */
typedef int sync_undo_h(struct str resource, uint64_t id, struct str before, void *arg);
int sync_go_back(struct rows *r, uint64_t tenant_id, uint64_t extension_id, struct str resource,
		 uint64_t since, uint64_t now, sync_undo_h *fn, void *arg) MUST_USE;
/* Sets of ids: objects whose names they are. */
int sync_add_id(json_t *set, uint64_t id) MUST_USE;
/* The groups that a list (`member_of`, `groups`) of an object of the log names, "" none; owned by the caller, NULL: no memory. */
json_t *sync_groups_of(struct str before, const char *list);
int sync_reply(struct store_reply *reply, json_t *items, json_t *gone,
	       const struct sync_token *token, const struct sync_page *p) MUST_USE;

#endif
