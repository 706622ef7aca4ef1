/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bodies and CSV files for every resource: refused with errors that can be shown, or an object that can be shown, sent back and
 * written to a file and read from it, always the same.  The first byte chooses the resource, and JSON or CSV.
 */
#include <string.h>
#include "fuzz.h"
#include "schema/csv.h"
#include "schema/object.h"
#include "schema/syntax.h"
#include "schema/types.h"

static void look_at_errors(const struct field_errors *errs)
{
	size_t nchars;

	MUST(errs->n > 0 && errs->n <= ARRAY_LEN(errs->v));
	for (size_t i = 0; i < errs->n; i++) {
		MUST(errs->v[i].code[0] && errs->v[i].message[0]);
		MUST(syntax_text(str_of(errs->v[i].field), &nchars));
		MUST(syntax_text(str_of(errs->v[i].message), &nchars));
	}
}

static bool is_secret(const struct field *f)
{
	return f->kind == FIELD_SECRET || f->kind == FIELD_PASSWORD;
}

/* Of what is shown, all is the same. */
static void same(const struct object *a, const struct object *b)
{
	for (size_t i = 0; i < a->res->nfields; i++) {
		const struct field *f = &a->res->fields[i];

		MUST(is_secret(f) || f->flags & CREATE_ONLY || field_equal(a, b, f));
	}
}

static void send_back(const struct object *o)
{
	struct field_errors errs = {0};
	struct object *again = NULL;
	json_t *j = object_to_json(o);

	MUST(j && !object_from_json(&again, o->res, o, j, false, &errs));
	same(o, again);
	object_free(again);
	json_decref(j);
}

static void through_a_file(const struct object *o)
{
	struct field_errors errs = {0};
	struct csv_reader *rd = NULL;
	struct object *again = NULL;
	struct buf file = {0};
	int err;

	csv_write_header(&file, o->res);
	csv_write(&file, o);
	MUST(!file.err && !csv_reader_alloc(&rd, o->res, buf_view(&file), &errs));
	err = csv_read(rd, true, &again, &errs);
	/* What is required but never shown is not in the file. */
	for (size_t i = 0; err && i < errs.n; i++)
		MUST(!strcmp(errs.v[i].code, "required") && strstr(errs.v[i].field, ".password"));
	if (!err)
		same(o, again);
	object_free(again);
	csv_reader_free(rd);
	buf_free(&file);
}

static void look(struct object *o)
{
	struct object *copy = object_clone(o);
	json_t *diff = copy ? object_diff(o, copy) : NULL;

	MUST(diff && !json_object_size(diff));
	json_decref(diff);
	object_free(copy);
	o->id = 1;
	send_back(o);
	through_a_file(o);
	object_free(o);
}

static void body(const struct resource *r, struct str text)
{
	json_t *j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	struct field_errors errs = {0};
	struct object *o = NULL;
	int err = j ? object_from_json(&o, r, NULL, j, true, &errs) : 0;

	json_decref(j);
	MUST(!err || err == EINVAL);
	if (err)
		look_at_errors(&errs);
	else if (o)
		look(o);
}

static void file(const struct resource *r, struct str text)
{
	struct field_errors errs = {0};
	struct csv_reader *rd = NULL;
	int err = csv_reader_alloc(&rd, r, text, &errs);

	MUST(!err == !!rd);
	while (!err || (err == EINVAL && rd)) {
		struct object *o = NULL;

		errs.n = 0;
		err = csv_read(rd, true, &o, &errs);
		if (!err)
			look(o);
		else if (err == EINVAL)
			look_at_errors(&errs);
	}
	MUST(err == ENOENT || err == EINVAL);
	csv_reader_free(rd);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str text = {(const char *)p + 1, n - 1};
	size_t count = 0;

	if (!n)
		return 0;
	while (resources[count])
		count++;
	if (p[0] & 1)
		file(resources[(p[0] >> 1) % count], text);
	else
		body(resources[(p[0] >> 1) % count], text);
	return 0;
}
