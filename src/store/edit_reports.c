/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call reports that are asked for, and deleted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "schema/syntax.h"
#include "store/args.h"
#include "store/edit.h"
#include "store/mail.h"
#include "store/report.h"

enum { NAME_CHARS = 64, SECONDS = 10000000 };

static const char *const types[] = {"call_detail", NULL}, *const formats[] = {"csv", NULL};
static const char *const statuses[] = {"any", "answered", "not_answered", NULL};
static const char *const sides[] = {"any", "internal", "external", NULL};

/* One of the words, the first when none is given: into the filter. */
static void take_word(struct edit *e, const struct args *a, const char *name,
		      const char *const *words, json_t *filter)
{
	const json_t *given = json_object_get(a->json, name);
	const char *text = given ? json_string_value(given) : words[0];
	size_t i = 0;

	while (words[i] && (!text || strcmp(words[i], text) != 0))
		i++;
	if (words[i])
		json_object_set_new(filter, name, json_string(text));
	else
		field_error_add(&e->errs, name, "not_in_list", "is none of %s, …", words[0]);
}

static void take_seconds(struct edit *e, const struct args *a, const char *name, json_t *filter)
{
	const json_t *given = json_object_get(a->json, name);
	const json_int_t n = json_integer_value(given);

	if (given && !json_is_null(given) && (!json_is_integer(given) || n < 0 || n > SECONDS))
		field_error_add(&e->errs, name, "out_of_range", "seconds, from 0 to %d", SECONDS);
	json_object_set_new(filter, name, json_is_integer(given) ? json_integer(n) : json_null());
}

static int64_t take_time(struct edit *e, const struct args *a, const char *name)
{
	int64_t us = 0;

	if (!json_object_get(a->json, name))
		field_error_add(&e->errs, name, "required", "must be given");
	else if (syntax_time(args_text(a, name), &us))
		field_error_add(&e->errs, name, "bad_time", "a time as 2026-11-20T08:00:00Z");
	return us;
}

static struct str take_text(struct edit *e, const struct args *a, const char *name, size_t most)
{
	const json_t *given = json_object_get(a->json, name);
	struct str s = args_text(a, name);
	size_t n = 0;

	if (given && !json_is_string(given))
		field_error_add(&e->errs, name, "wrong_type", "must be a text");
	else if (!syntax_text(s, &n))
		field_error_add(&e->errs, name, "bad_text", "holds control characters");
	else if (n > most)
		field_error_add(&e->errs, name, "too_long", "at most %zu characters", most);
	return s.p ? s : STR("");
}

static void check_names(struct edit *e, const struct args *a)
{
	static const char *const known[] = {"name",	    "type",	    "format", "from",
					    "to",	    "status",	    "source", "destination",
					    "min_duration", "max_duration", "mail_to"};
	const char *name;
	json_t *value;

	json_object_foreach(a->json, name, value)
	{
		size_t i = 0;

		while (i < ARRAY_LEN(known) && strcmp(known[i], name) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			field_error_add(&e->errs, name, "unknown_field", "no such field");
	}
}

struct wanted {
	struct str name, mail_to;
	int64_t from, to;
	json_t *filter;
};

static int read_wanted(struct edit *e, const struct args *a, struct wanted *w)
{
	const json_t *least, *most;
	int err = 0;

	check_names(e, a);
	w->name = take_text(e, a, "name", NAME_CHARS);
	w->mail_to = take_text(e, a, "mail_to", 255);
	w->from = take_time(e, a, "from");
	w->to = take_time(e, a, "to");
	take_word(e, a, "type", types, w->filter);
	take_word(e, a, "format", formats, w->filter);
	take_word(e, a, "status", statuses, w->filter);
	take_word(e, a, "source", sides, w->filter);
	take_word(e, a, "destination", sides, w->filter);
	take_seconds(e, a, "min_duration", w->filter);
	take_seconds(e, a, "max_duration", w->filter);
	least = json_object_get(w->filter, "min_duration");
	most = json_object_get(w->filter, "max_duration");
	if (json_is_integer(most) && json_integer_value(most) < json_integer_value(least))
		field_error_add(&e->errs, "max_duration", "out_of_range", "below min_duration");
	if (!w->name.n && !e->errs.n)
		field_error_add(&e->errs, "name", "required", "must be given");
	if (w->from && w->to && w->to <= w->from)
		field_error_add(&e->errs, "to", "out_of_range", "must be after from");
	if (w->mail_to.n && !syntax_email(w->mail_to))
		field_error_add(&e->errs, "mail_to", "bad_email", "is not a mail address");
	else if (w->mail_to.n)
		err = mail_needs_server(e->rows, e->req->tenant_id, "mail_to", &e->errs);
	return err ? err : e->errs.n ? EINVAL : 0;
}

static int check_room(struct edit *e)
{
	uint64_t n = 0;
	int err = db_number(e->rows->db, "SELECT count(*) FROM call_report WHERE tenant_id = $1",
			    e->req->tenant_id, &n);

	if (err || n < REPORTS_OF_TENANT)
		return err;
	field_error_add(&e->errs, "", "limit", "there are %d reports: delete some",
			REPORTS_OF_TENANT);
	return EINVAL;
}

static int insert(struct edit *e, const struct wanted *w, uint64_t id)
{
	char *filter = json_dumps(w->filter, JSON_COMPACT);
	struct db_stmt *st;
	int err =
		filter ? db_sql(e->rows->db,
				"INSERT INTO call_report (tenant_id, id, name, from_at, to_at, "
				"filter, mail_to, mail_id, state, error, at, ended_at, turns, "
				"cursor_at, cursor_id, line_count, bytes, pieces) VALUES "
				"($1, $2, $3, $4, $5, $6, $7, 0, 0, '', $8, 0, 0, $4, 0, 0, 0, 0)",
				&st)
		       : ENOMEM;

	if (!err) {
		db_bind_id(st, 1, e->req->tenant_id);
		db_bind_id(st, 2, id);
		db_bind_text(st, 3, w->name);
		db_bind_int(st, 4, w->from);
		db_bind_int(st, 5, w->to);
		db_bind_text(st, 6, str_of(filter));
		db_bind_text(st, 7, w->mail_to);
		db_bind_int(st, 8, e->now_us);
		err = db_run(st);
	}
	free(filter);
	return err;
}

int act_report_create(struct edit *e, const struct args *a)
{
	struct wanted w = {.filter = json_object()};
	const uint64_t id = (rng_u64(rng_system()) >> 1) | 1;
	int err = w.filter ? read_wanted(e, a, &w) : ENOMEM;

	if (!err)
		err = check_room(e);
	if (!err)
		err = insert(e, &w, id);
	json_decref(w.filter);
	return err ? err : query_one_report(e->rows, e->req->tenant_id, id, &e->reply);
}

int act_report_delete(struct edit *e, const struct args *a)
{
	return report_remove(e->rows, e->req->tenant_id, e->req->id);
}
