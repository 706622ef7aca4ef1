/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a tenant's configuration was after one of its changes, with the system's at that moment.
 *
 * Rows are read as they are now; of each object that the log has changed since, the first of these changes says what it was
 * before.  Secrets are not in the log's JSON: who needs them has them from beside it.
 *
 * Thread     reader; past_object() also the writer
 * Errors     EINVAL with errs: the log knows no such revision; those of db.h
 */
#ifndef STORE_PAST_H
#define STORE_PAST_H

#include "store/store_impl.h"

/* An object as the log has it: fields of `shown` that are named in `only` (NULL: all) into a clone of base (NULL: none), those that
 * nobody sets too. */
struct past_shown {
	const struct resource *res;
	const json_t *shown, *only;
	json_t *secrets; /* NULL: none are known */
};
int past_object(const struct past_shown *p, const struct object *base, struct object **op,
		struct field_errors *errs) MUST_USE;

/* STORE_PAST */
int past_answer(struct rows *r, const struct store_request *req, struct store_reply *reply,
		struct field_errors *errs) MUST_USE;

#endif
