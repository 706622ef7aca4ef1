/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects and records in the database, over one connection: the table's own statements with the object's values, the lists
 * of children in their own tables, secrets sealed on the way in and opened on the way out.
 *
 * Thread     the connection's
 * Ownership  an object read belongs to the caller
 * Errors     those of db.h; ENOENT: no such object
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "schema/sql.h"
#include "schema/types.h"
#include "store/db.h"
#include "store/seal.h"

struct storage_marks; /* store/recordings.h */

struct rows {
	struct db *db;
	const struct sql_schema *schema;
	const struct seal *seal;
	uint64_t node;		/* that writes */
	const struct addr *own; /* what we listen on */
	size_t nown;
	uint16_t sip_port, tls_port; /* of transports that name none */
	const char *data_dir;
	struct storage_marks *storage; /* NULL: nobody wants to know */
	struct buf hold;	       /* texts made for binding */
};

/* Borrow a row of the statement as values: until its next step.  is_open: with secrets opened, else they are empty. */
int rows_values(struct rows *r, const struct sql_table *t, struct db_stmt *st, bool is_open,
		struct sql_value v[SQL_MAX_COLUMNS]) MUST_USE;
/* Bind n values as $1 …; columns: those of a table, whose secrets are sealed; NULL: plain values. */
int rows_bind(struct rows *r, struct db_stmt *st, const struct sql_table *columns,
	      const struct sql_value *v, size_t n) MUST_USE;

int rows_load(struct rows *r, const struct resource *res, uint64_t tenant_id, uint64_t id,
	      bool is_open, struct object **op) MUST_USE;
bool rows_exists(struct rows *r, const struct resource *res, uint64_t tenant_id, uint64_t id,
		 int *errp);
int rows_insert(struct rows *r, const struct object *o) MUST_USE;
int rows_replace(struct rows *r, const struct object *o) MUST_USE;
int rows_remove(struct rows *r, const struct object *o) MUST_USE;
/* The children of an object that was read without: into its lists. */
int rows_load_children(struct rows *r, struct object *o) MUST_USE;

/* Every object of a resource, of all tenants, in order of key. */
typedef int rows_each_h(struct object **op, void *arg); /* may take it */
int rows_each(struct rows *r, const struct resource *res, rows_each_h *fn, void *arg) MUST_USE;
/* The same of one tenant. */
int rows_each_of(struct rows *r, const struct resource *res, uint64_t tenant_id, rows_each_h *fn,
		 void *arg) MUST_USE;

/* What the object claims in `number` and `directory`. */
int rows_claim(struct rows *r, const struct object *o) MUST_USE;
int rows_unclaim(struct rows *r, const struct object *o) MUST_USE;
/* Who holds a claim: ENOENT nobody. */
struct rows_owner {
	uint64_t tenant_id, id;
	char resource[64];
};
int rows_claim_owner(struct rows *r, const struct sql_claim *c, struct rows_owner *owner) MUST_USE;

#endif
