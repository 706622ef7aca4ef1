/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PASSWORD fields of a body, before object_from_json() sees it: from there on there is only the hash.
 */
#include <stdlib.h>
#include "schema/object.h"
#include "schema/syntax.h"

bool resource_has_password(const struct resource *r)
{
	for (size_t i = 0; i < r->nfields; i++)
		if (r->fields[i].kind == FIELD_PASSWORD)
			return true;
	return false;
}

static int check_clear(const struct field *f, struct str clear, struct field_errors *errs)
{
	size_t nchars;

	if (!syntax_text(clear, &nchars))
		field_error_add(errs, f->name, "bad_text",
				"must be UTF-8 without control characters");
	else if (nchars > (size_t)f->max)
		field_error_add(errs, f->name, "too_long", "must have at most %d characters",
				(int)f->max);
	else if (nchars < PASSWORD_MIN)
		field_error_add(errs, f->name, "too_short", "must have at least %d characters",
				PASSWORD_MIN);
	else
		return 0;
	return EINVAL;
}

static int hash_one(const struct field *f, json_t *body, object_hash_h *hash, void *arg,
		    struct field_errors *errs)
{
	const json_t *v = json_object_get(body, f->name);
	struct str clear = {json_string_value(v), json_string_length(v)};
	char *text = NULL;
	int err;

	/* Absent, empty or of a wrong type: object_from_json() says what that means. */
	if (!json_is_string(v) || !clear.n)
		return 0;
	err = check_clear(f, clear, errs);
	if (!err)
		err = hash(clear, &text, arg);
	if (!err && json_object_set_new(body, f->name, json_string(text)))
		err = ENOMEM;
	free(text);
	return err;
}

int object_hash_passwords(const struct resource *r, json_t *json, object_hash_h *hash, void *arg,
			  struct field_errors *errs)
{
	int err = 0;

	for (size_t i = 0; i < r->nfields && (!err || err == EINVAL); i++) {
		int e = r->fields[i].kind == FIELD_PASSWORD
				? hash_one(&r->fields[i], json, hash, arg, errs)
				: 0;

		if (e)
			err = e;
	}
	return err;
}
