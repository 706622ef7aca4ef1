/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside schema/: fields of objects as generic code needs them.  schema.h has what others use.
 */
#ifndef SCHEMA_OBJECT_H
#define SCHEMA_OBJECT_H

#include "schema/schema.h"

enum {
	OBJECT_TOKEN_CHARS = 20, /* of [A-Za-z0-9]: 119 bits */
	PASSWORD_MIN = 8,	 /* characters of a password that a person chooses */
};

bool field_is_text(const struct field *f); /* TEXT, SECRET, PASSWORD: a pointer to text */
bool field_is_empty(const struct object *o, const struct field *f);
int field_set_default(struct object *o, const struct field *f) MUST_USE;
void field_set_dest(void *o, const struct field *f, struct dest d);
void field_clear_list(struct object *o, const struct field *f);

/* One field as JSON, a new reference.  Secrets too: callers leave them out. */
json_t *field_to_json(const void *o, const struct field *f) MUST_USE;

#endif
