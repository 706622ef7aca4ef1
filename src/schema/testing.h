/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of this folder and of model/: objects from one line of JSON. */
#ifndef SCHEMA_TESTING_H
#define SCHEMA_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "schema/types.h"

/* Single quotes stand for double ones, so that a test reads well. */
static inline json_t *testing_json(const char *text)
{
	char *copy = strdup(text);
	json_t *j;

	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, JSON_DECODE_ANY, NULL);
	if (!j)
		fail_msg("no JSON: %s", copy);
	free(copy);
	return j;
}

/* What the reader says: the object, or NULL with errs. */
static inline struct object *testing_read(const struct resource *r, const struct object *base,
					  const char *text, bool is_admin,
					  struct field_errors *errs)
{
	json_t *j = testing_json(text);
	struct object *o = NULL;
	int err;

	errs->n = 0;
	err = object_from_json(&o, r, base, j, is_admin, errs);
	json_decref(j);
	assert_int_equal(err, errs->n ? EINVAL : 0);
	assert_true(!o == !!errs->n);
	return o;
}

static inline struct object *testing_make(const struct resource *r, const char *text)
{
	struct field_errors errs;
	struct object *o = testing_read(r, NULL, text, true, &errs);

	if (errs.n)
		fail_msg("%s: %s: %s", errs.v[0].field, errs.v[0].code, errs.v[0].message);
	return o;
}

/* The text must be refused with exactly this one error. */
static inline void testing_refused(const struct resource *r, const struct object *base,
				   bool is_admin, const char *text, const char *field,
				   const char *code)
{
	struct field_errors errs;

	assert_null(testing_read(r, base, text, is_admin, &errs));
	assert_int_equal(errs.n, 1);
	assert_string_equal(errs.v[0].code, code);
	assert_string_equal(errs.v[0].field, field);
	assert_true(strlen(errs.v[0].message) > 5);
}

#endif
