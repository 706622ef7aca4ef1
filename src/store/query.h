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
int query_one_record(struct rows *r, enum record_kind kind, uint64_t tenant_id, uint64_t id,
		     json_t **out) MUST_USE;
/* ENOENT: it is none of those that this extension sees (0: all are). */
int query_is_seen(struct rows *r, enum record_kind kind, uint64_t tenant_id, uint64_t id,
		  uint64_t extension_id, struct field_errors *errs) MUST_USE;
int query_one_call(struct rows *r, uint64_t tenant_id, uint64_t id, json_t **out) MUST_USE;
/* "SELECT a, b, … FROM table"; call records as shown, as lines of CSV. */
void query_select_from(struct buf *sql, const struct sql_table *t);
typedef void query_lines_h(struct buf *out, const json_t *items, bool has_names);
query_lines_h query_csv_lines;
/* A page, as {"csv","next"}; the first has the names of its columns before it. */
typedef int query_page_h(struct rows *r, uint64_t tenant_id, const struct args *a,
			 struct store_reply *reply, struct field_errors *errs);
int query_as_csv(struct rows *r, uint64_t tenant_id, const struct args *a, query_page_h *page_of,
		 query_lines_h *lines, struct store_reply *reply,
		 struct field_errors *errs) MUST_USE;
size_t query_page_limit(const struct args *a);
/* {"items":[…],"next":"…"|null}; takes items. */
int query_page(struct store_reply *reply, json_t *items, struct str next) MUST_USE;
/* The page of what st gives, one more row than limit when there is more; a cursor is the number in a column of the last row. */
typedef json_t *query_row_h(const struct db_stmt *st);
int query_rows(struct db_stmt *st, size_t limit, query_row_h *row, unsigned cursor_column,
	       struct store_reply *reply) MUST_USE;
/* The one row of st; ENOENT. */
int query_one_row(struct db_stmt *st, query_row_h *row, struct store_reply *reply) MUST_USE;

/* An extension as members show it: id, number, first_name, last_name, email, mobile, organization, department, status. */
query_row_h query_member;

/* Ids and times as answers have them: text; a time that is none is null. */
json_t *query_id(uint64_t id);
json_t *query_time(int64_t us);
json_t *query_text(struct str s);

#endif
