/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Named queries: one function for each line of queries.def, and what they share.
 *
 * Thread     reader
 * Errors     EINVAL with errs; ENOENT; those of db.h
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include "store/args.h"
#include "store/store_impl.h"

typedef int query_h(struct rows *r, uint64_t tenant_id, const struct args *a,
		    struct store_reply *reply, struct field_errors *errs);

#define X(name, arguments, answer) query_h query_##name;
#include "store/queries.def"
#undef X

/* A page of a table's rows, as sql_list() describes it. */
int query_list(struct rows *r, const struct sql_table *t, const struct sql_list *l,
	       struct store_reply *reply, struct field_errors *errs) MUST_USE;
/* query_export.c: all of them as CSV. */
int query_export(struct rows *r, const struct sql_table *t, struct sql_list *l,
		 struct store_reply *reply, struct field_errors *errs) MUST_USE;
int query_one_call(struct rows *r, uint64_t tenant_id, uint64_t id, json_t **out) MUST_USE;
size_t query_page_limit(const struct args *a);
/* {"items":[…],"next":"…"|null}; takes items. */
int query_page(struct store_reply *reply, json_t *items, struct str next) MUST_USE;

#endif
