/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A CSV file: each line is made as if it had been POSTed, all within the one transaction of the request.  After a fault the
 * lines that follow are still looked at, so that several are named at once; then none of them is there.
 */
#include <string.h>
#include "schema/csv.h"
#include "store/edit.h"

enum { MAX_LINES = 20000 };

static int import_line(struct edit *e, const struct csv_reader *rd, json_t *body, json_t *items)
{
	struct field_errors errs = e->errs; /* what is found now is told with its line */
	const struct object *made = NULL;
	json_t *shown;
	int err;

	e->errs.n = 0;
	err = edit_create_from(e, body, &made);
	csv_add_errors(rd, &e->errs, &errs);
	e->errs = errs;
	if (err)
		return err;
	shown = edit_shown(made, body);
	return shown && !json_array_append_new(items, shown) ? 0 : ENOMEM;
}

static bool is_fault_of_line(int err)
{
	return err == EINVAL || err == EEXIST;
}

static int import_lines(struct edit *e, struct csv_reader *rd, json_t *items)
{
	int err = 0, fault = 0;
	size_t n = 0;

	while (err != ENOENT && e->errs.n < ARRAY_LEN(e->errs.v)) {
		size_t before = e->errs.n;
		json_t *body = NULL;

		if (n++ == MAX_LINES) {
			field_error_add(&e->errs, "", "too_many", "more than %d lines", MAX_LINES);
			return EINVAL;
		}
		err = csv_read_body(rd, &body, &e->errs);
		if (!err)
			err = import_line(e, rd, body, items);
		json_decref(body);
		if (err == ENOENT)
			break;
		if (err && (!is_fault_of_line(err) || e->errs.n == before))
			return err;
		if (err)
			fault = fault == EINVAL ? EINVAL : err;
	}
	return fault;
}

int edit_import(struct edit *e)
{
	const struct str text = {e->req->json ? e->req->json : "", e->req->njson};
	struct csv_reader *rd = NULL;
	json_t *items = json_array();
	int err = items ? 0 : ENOMEM;

	if (!err)
		err = csv_reader_alloc(&rd, e->req->res, text, &e->errs);
	if (!err)
		err = import_lines(e, rd, items);
	if (!err)
		err = store_reply_json(&e->reply, json_pack("{s:O}", "items", items));
	csv_reader_free(rd);
	json_decref(items);
	return err;
}
