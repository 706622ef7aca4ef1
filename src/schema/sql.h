/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resources and records as tables: DDL for each engine, DML in one text for both, objects to rows and back.
 *
 * Tables: one per resource, named by its plural · one per LIST, `<parent>_<field>` (tenant_id, parent_id, position, …) ·
 * `number` and `directory`, where what must be unique is claimed · one per kind of record.  Keys lead with tenant_id.
 * Every column is an integer of 64 bits or text and NOT NULL; a reference to nothing is 0, a bool 0 or 1, an enum its
 * text.  All DML takes its values as $1, $2 … in the order given here, so nothing is ever concatenated.
 *
 * Thread     any: a struct sql_schema does not change once made
 * Ownership  sql_schema_free() releases tables and texts; encoded values borrow the object's text
 * Errors     ENOMEM; EINVAL: a row that the tables do not describe; EPERM: a clear password would reach the database
 */
#ifndef SCHEMA_SQL_H
#define SCHEMA_SQL_H

#include "schema/record.h"

enum sql_engine { SQL_SQLITE, SQL_POSTGRESQL };
enum sql_kind { SQL_INT, SQL_TEXT };

struct sql_value {
	enum sql_kind kind;
	int64_t i;
	struct str s; /* decoding takes digits for SQL_INT too: PostgreSQL's text format */
};

struct sql_column {
	const char *name;
	enum sql_kind kind;
	bool is_secret; /* the store encrypts it when it binds, decrypts it when it reads */
	const struct field *field; /* NULL: tenant_id, id, revision … */
	/* UNIQUE, REF, DEST: $1 tenant, $2 value, DEST $3 kind → the ids of objects (a child's: of its parent), at most 2 */
	const char *find;
};

enum { SQL_MAX_COLUMNS = 128 };

struct sql_table {
	const char *name;
	const struct resource *res;	   /* NULL: number, directory, records */
	const struct record_table *record; /* or NULL */
	const struct field *list;	   /* child tables: the parent's LIST field */
	const struct sql_table *parent;
	struct sql_column *cols;
	size_t ncols, nkey; /* the first nkey are the primary key */

	const char *insert; /* values: all columns in order */
	const char *upsert; /* the same; a row with this key is replaced */
	/* all columns: by $1 tenant, $2 id (child: $2 parent, in order of position) */
	const char *select;
	const char *select_all;	   /* all columns, all rows, in order of key */
	const char *remove;	   /* by $1 tenant, $2 id (child: all of $2 parent) */
	const char *remove_tenant; /* by $1 tenant */
	const char *count;	   /* by $1 tenant */
};

struct sql_schema;
int sql_schema_alloc(struct sql_schema **sp) MUST_USE;
struct sql_schema *sql_schema_free(struct sql_schema *s);

/* All tables, what is referred to first; each resource's child tables right behind it. */
const struct sql_table *sql_tables(const struct sql_schema *s, size_t *np);
const struct sql_table *sql_table(const struct sql_schema *s, const struct resource *r);
/* A resource's child tables: *pos starts at 0, NULL at the end. */
const struct sql_table *sql_child_table(const struct sql_schema *s, const struct resource *r,
					size_t *pos);
const struct sql_table *sql_record_table(const struct sql_schema *s, enum record_kind kind);
/* Columns that may refer to objects of r, with their `find`: asked before one is deleted.  *pos starts at 0. */
const struct sql_column *sql_referrer(const struct sql_schema *s, const struct resource *r,
				      size_t *pos, const struct sql_table **tablep);

/* CREATE TABLE and its CREATE INDEX statements, each ended by ";\n". */
void sql_ddl(struct buf *out, const struct sql_table *t, enum sql_engine e);
/* The same for a table that is there without its column i: rows get the field's default. */
void sql_ddl_add_column(struct buf *out, const struct sql_table *t, size_t i, enum sql_engine e);
/* Its indexes, but those that stand as "\nname\n" in `have`; NULL: all. */
void sql_ddl_indexes(struct buf *out, const struct sql_table *t, const struct buf *have);
/* Rows.  v has t->ncols values.  A child's row also needs its parent and position. */
int sql_encode(const struct sql_table *t, const struct object *o, struct sql_value *v) MUST_USE;
int sql_encode_child(const struct sql_table *t, const struct object *parent, size_t position,
		     struct sql_value *v) MUST_USE;
void sql_encode_record(const struct sql_table *t, const void *rec, struct sql_value *v);
int sql_decode(const struct sql_table *t, struct object **op, const struct sql_value *v) MUST_USE;
/* Adds the row to the end of the parent's list: ask for rows in order of position. */
int sql_decode_child(const struct sql_table *t, struct object *parent,
		     const struct sql_value *v) MUST_USE;
int sql_decode_record(const struct sql_table *t, void *rec, const struct sql_value *v) MUST_USE;
/* The parent's (tenant_id, id) of a child's row. */
int sql_child_key(const struct sql_value *v, uint64_t *tenant_id, uint64_t *parent_id) MUST_USE;

/* What an object claims in `number` (tenant_id, number, resource, id) and `directory` (kind, name, tenant_id, resource, id).
 * kind is "<resource>.<field>"; names of hosts and mail addresses are folded to lower case.
 * table->insert: v.  table->select: owner by v[0], v[1].  table->remove: $1 tenant, $2 resource's name, $3 id. */
struct sql_claim {
	const struct sql_table *table;
	const struct field *field;
	struct sql_value v[5];
	char kind[64];
	char name[1024]; /* 255 characters of four bytes */
};
enum { SQL_MAX_CLAIMS = 8 };
/* Fills claims, which must stay where they are (values point into them); returns how many. */
size_t sql_claims(const struct sql_schema *s, const struct object *o,
		  struct sql_claim claims[SQL_MAX_CLAIMS]);
const struct sql_table *sql_number_table(const struct sql_schema *s);
const struct sql_table *sql_directory_table(const struct sql_schema *s);

/* A page of a list, for resources and records alike: whole rows, after the cursor. */
struct sql_filter {
	struct str
		field; /* or "id"; numbers and times also "<field>_from" (at least) and "<field>_to" (below) */
	struct str
		value; /* as in the URL: ids decimal, bools true/false, enums and times as in JSON,
			     destinations "kind" or "kind:id" */
};
struct sql_list {
	uint64_t tenant_id;
	const struct sql_filter *filters;
	size_t nfilters;
	struct str q; /* found within any text that is no secret, ASCII case folded */
	/* "number", "-number"; empty: by id, records by time, newest first.  Records: only by what has an index. */
	struct str sort;
	struct str cursor; /* as made by sql_cursor(), or empty */
	uint64_t
		extension_id; /* of calls: only its own, and those of members of groups that it manages;
			      * of contacts: those of phone books that it sees; of what has an owner: its own; 0: all */
	size_t limit; /* the statement asks for one more, which tells whether there is a next page */
};
enum { SQL_MAX_PARAMS = 40, SQL_MAX_FILTERS = 16 };
struct sql_query {
	const struct sql_table *table;
	struct buf text;
	struct sql_value v[SQL_MAX_PARAMS];
	size_t nv;
	char *hold[SQL_MAX_PARAMS]; /* texts of v that were made here */
	const struct sql_column *sort;
	bool is_descending;
};
/* EINVAL: errs names the filter, sort or cursor that is none.  q is to be freed in any case. */
int sql_list(struct sql_query *q, const struct sql_table *t, const struct sql_list *l,
	     struct field_errors *errs) MUST_USE;
void sql_query_free(struct sql_query *q);
/* The cursor of a page of this list that ended with this row: letters, digits, '-', '_' and '.'. */
void sql_cursor(struct buf *out, const struct sql_query *q, const struct sql_value *row);

#endif
