/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The LDAP phone book: entries of three kinds, made of rows when they are asked for.
 *
 * A filter is JSON: {"is":"and"|"or","of":[…]} · {"is":"not","of":[one]} · {"is":"equal"|"least"|"most","name","value"} ·
 * {"is":"present","name"} · {"is":"part","name","first"?,"any":[…],"last"?} · {"is":"undefined"}.  It becomes a condition of SQL,
 * whose NULL is what LDAP calls Undefined.
 *
 * Thread     reader
 * Sources    RFC 4511 4.5.1.7 (filters); RFC 4519, RFC 4524, RFC 2798 (attributes)
 */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "store/rows.h"

enum directory_kind { DIRECTORY_TENANT, DIRECTORY_EXTENSION, DIRECTORY_CONTACT, DIRECTORY_NKINDS };

struct directory_attribute {
	const char *name;
	const char *others; /* other names that it is asked for by, each with a blank behind it */
	bool is_number;	    /* blanks and hyphens do not count */
	const char *sql[DIRECTORY_NKINDS]; /* NULL: entries of this kind have none */
};
extern const struct directory_attribute directory_attributes[];
extern const size_t directory_nattributes;
/* By any of its names, in any case; NULL: there is none.  objectClass, which is no column, is not among them. */
const struct directory_attribute *directory_attribute(struct str name);
bool directory_is_class_name(struct str attribute);
/* Values of objectClass, ended by NULL. */
const char *const *directory_classes(enum directory_kind kind);

enum { DIRECTORY_MAX_VALUES = 40 }; /* in a filter */

/* The condition, with its values from $first on. */
struct directory_where {
	struct buf sql;
	struct buf values[DIRECTORY_MAX_VALUES];
	size_t n, first;
	enum directory_kind kind;
};
/* E2BIG: too much of it; to be freed in any case. */
int directory_where(struct directory_where *w, const json_t *filter) MUST_USE;
void directory_where_free(struct directory_where *w);

#endif
