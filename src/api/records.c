/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has happened: call records and the log of changes, newest first.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <string.h>

enum kind { TEXT_VALUE, NUMBER_VALUE, TIME_VALUE };

struct argument {
	const char *name;
	enum kind kind;
};

static const struct argument cdr_arguments[] = {
	{"cursor", TEXT_VALUE}, {"from", TIME_VALUE},	{"to", TIME_VALUE}, {"caller", TEXT_VALUE},
	{"callee", TEXT_VALUE}, {"status", TEXT_VALUE}, {NULL, TEXT_VALUE},
};
static const struct argument message_arguments[] = {
	{"cursor", TEXT_VALUE}, {"from", TIME_VALUE},	   {"to", TIME_VALUE},
	{"sender", TEXT_VALUE}, {"recipient", TEXT_VALUE}, {"status", TEXT_VALUE},
	{NULL, TEXT_VALUE},
};
static const struct argument member_arguments[] = {{"cursor", NUMBER_VALUE}, {NULL, TEXT_VALUE}};
static const struct argument event_arguments[] = {
	{"cursor", TEXT_VALUE}, {"from", TIME_VALUE},	{"to", TIME_VALUE},
	{"key", TEXT_VALUE},	{"number", TEXT_VALUE}, {NULL, TEXT_VALUE},
};
static const struct argument delivery_arguments[] = {
	{"cursor", NUMBER_VALUE},
	{"webhook_id", NUMBER_VALUE},
	{"state", TEXT_VALUE},
	{NULL, TEXT_VALUE},
};
static const struct argument mail_arguments[] = {
	{"cursor", NUMBER_VALUE}, {"state", TEXT_VALUE}, {NULL, TEXT_VALUE}};
static const struct argument audit_arguments[] = {
	{"cursor", TEXT_VALUE},	  {"from", TIME_VALUE}, {"to", TIME_VALUE},
	{"resource", TEXT_VALUE}, {"id", NUMBER_VALUE}, {"actor", TEXT_VALUE},
	{"outcome", TEXT_VALUE},  {NULL, TEXT_VALUE},
};

static const struct argument *find(const struct argument *all, struct str name)
{
	for (; all->name; all++)
		if (str_eq(name, str_of(all->name)))
			return all;
	return NULL;
}

/* NULL: the value is none of its kind. */
static json_t *read_value(enum kind kind, struct str value)
{
	int64_t us;
	uint64_t n;

	switch (kind) {
	case TIME_VALUE:
		return params_time(value, &us) ? NULL : json_integer(us);
	case NUMBER_VALUE:
		if (str_u64(value, &n) || n > INT64_MAX)
			return NULL;
		return json_stringn(value.p, value.n);
	case TEXT_VALUE:
		return json_stringn(value.p, value.n);
	}
	return NULL;
}

static void refuse(struct ask *k, struct str name, const struct argument *arg)
{
	if (!arg)
		return ask_bad_parameter(k, name, "unknown_parameter", "no parameter of this list");
	if (arg->kind == TIME_VALUE)
		return ask_bad_parameter(k, name, "bad_time",
					 "a time of RFC 3339, as 2026-11-20T08:00:00Z, or a date");
	if (str_eq(name, STR("cursor")))
		return ask_bad_parameter(k, name, "bad_cursor", "not a cursor of this list");
	return ask_bad_parameter(k, name, "bad_id", "not an id");
}

/* Arguments of a page of records; NULL: answered. */
static json_t *page_args(struct ask *k, const struct params *q, const struct argument *known)
{
	json_t *args = json_object(), *value;
	uint32_t limit;

	if (params_limit(q, &limit)) {
		json_decref(args);
		ask_bad_parameter(k, STR("limit"), "out_of_range", "a number from 1 to 500");
		return NULL;
	}
	json_object_set_new(args, "limit", json_integer(limit));
	for (size_t i = 0; i < q->n; i++) {
		struct str name = q->v[i].name;
		const struct argument *arg = find(known, name);

		if (str_eq(name, STR("limit")))
			continue;
		value = arg ? read_value(arg->kind, q->v[i].value) : NULL;
		if (!value) {
			json_decref(args);
			refuse(k, name, arg);
			return NULL;
		}
		json_object_setn_new(args, name.p, name.n, value);
	}
	return args;
}

static void on_page(struct ask *k, const struct answer *ans)
{
	json_t *body;

	if (!ans->err)
		return ask_reply_json(k, 200, ans->json);
	if (ans->err != EINVAL)
		return ask_failed(k, ans);
	body = ans->json.n ? json_loadb(ans->json.p, ans->json.n, 0, NULL) : NULL;
	ask_problem_errors(k, PROBLEM_BAD_REQUEST, "A parameter cannot be used.",
			   json_object_get(body, "errors"));
	json_decref(body);
}

static void page_start(struct ask *k, const char *query, const struct argument *known)
{
	struct params q;
	json_t *args;

	if (!ask_read_params(k, &q))
		return;
	args = page_args(k, &q, known);
	params_close(&q);
	if (!args)
		return;
	ask_add_own(k, args);
	return ask_query(k, k->who.tenant_id, query, args, on_page);
}

void cdrs_start(struct ask *k)
{
	return page_start(k, "cdrs", cdr_arguments);
}

/* ---- all of them, in pieces: the next is asked for when the client has taken most of those before ---- */

enum { EXPORT_LINES = 500 };

static void on_lines(struct ask *k, const struct answer *ans);

static void next_lines(struct ask *k)
{
	return ask_query(k, k->who.tenant_id, k->pieces, json_copy(k->args), on_lines);
}

static struct str name_of_file(const struct ask *k)
{
#define FILE_NAMED(name) STR("Content-Disposition: attachment; filename=\"" name "\"\r\n")
	if (str_eq(str_of(k->pieces), STR("audit_export")))
		return FILE_NAMED("changes.csv");
	if (str_eq(str_of(k->pieces), STR("event_export")))
		return FILE_NAMED("events.csv");
	return FILE_NAMED("calls.csv");
#undef FILE_NAMED
}

static void on_lines(struct ask *k, const struct answer *ans)
{
	json_t *j = ans->err ? NULL : json_loadb(ans->json.p, ans->json.n, 0, NULL);
	json_t *next = json_object_get(j, "next");
	const bool is_last = !json_is_string(next);
	int err = 0;

	if (ans->err) /* in the middle that ends the connection */
		return on_page(k, ans);
	if (json_object_get(k->args, "cursor")) {
		err = web_more(k->a->web, k->request, ask_text(j, "csv"), is_last);
	} else {
		const struct web_response r = {.status = 200,
					       .content_type = "text/csv; charset=utf-8",
					       .headers = name_of_file(k),
					       .body = ask_text(j, "csv"),
					       .has_more = !is_last};

		ask_begin(k, &r);
	}
	if (!is_last)
		json_object_set(k->args, "cursor", next);
	json_decref(j);
	if (err || is_last)
		return ask_free(k);
	return ask_pace(k, next_lines);
}

static void export_pieces(struct ask *k, const char *query, const struct argument *known)
{
	json_t *args = NULL;
	struct params q;

	if (!ask_read_params(k, &q))
		return;
	if (params_get(&q, "limit").p || params_get(&q, "cursor").p)
		ask_bad_parameter(k, STR("limit"), "unknown_parameter", "an export is whole");
	else
		args = page_args(k, &q, known);
	params_close(&q);
	if (!args) /* answered */
		return;
	k->pieces = query;
	k->args = args;
	json_object_set_new(args, "limit", json_integer(EXPORT_LINES));
	ask_add_own(k, args);
	return next_lines(k);
}

void cdr_export_start(struct ask *k)
{
	return export_pieces(k, "cdr_export", cdr_arguments);
}

void audit_export_start(struct ask *k)
{
	return export_pieces(k, "audit_export", audit_arguments);
}

void event_export_start(struct ask *k)
{
	return export_pieces(k, "event_export", event_arguments);
}

void call_report_content_start(struct ask *k)
{
	if (ask_is_nothing(k))
		return;
	k->pieces = "call_report_csv";
	k->args = json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target));
	return next_lines(k);
}

void call_reports_start(struct ask *k)
{
	return page_start(k, "call_reports", member_arguments);
}

static const struct argument range_arguments[] = {
	{"from", TIME_VALUE}, {"to", TIME_VALUE}, {NULL, TEXT_VALUE}};

void call_statistics_start(struct ask *k)
{
	const int64_t day_us = INT64_C(86400000000);
	struct params q;
	json_t *args;
	int64_t from, to;

	if (!ask_read_params(k, &q))
		return;
	args = page_args(k, &q, range_arguments);
	params_close(&q);
	if (!args)
		return;
	to = json_integer_value(json_object_get(args, "to"));
	to = to ? to : clock_wall_us(web_env(k->a->web).clock);
	from = json_integer_value(json_object_get(args, "from"));
	from = from ? from : to - day_us;
	if (from >= to || to - from > 31 * day_us) {
		json_decref(args);
		return ask_bad_parameter(k, STR("from"), "out_of_range",
					 "before to, by 31 days at most");
	}
	json_object_set_new(args, "from", json_integer(from));
	json_object_set_new(args, "to", json_integer(to));
	return ask_query(k, k->who.has_tenant ? k->who.tenant_id : 0, "call_statistics", args,
			 on_page);
}

void cdr_changes_start(struct ask *k)
{
	json_t *args = ask_sync_args(k);

	if (args)
		return ask_query(k, k->who.tenant_id, "cdr_changes", args, on_page);
}

static const struct argument recording_arguments[] = {
	{"cursor", TEXT_VALUE}, {"from", TIME_VALUE},	{"to", TIME_VALUE},
	{"caller", TEXT_VALUE}, {"callee", TEXT_VALUE}, {"call_id", NUMBER_VALUE},
	{NULL, TEXT_VALUE},
};

void recordings_start(struct ask *k)
{
	return page_start(k, "recordings", recording_arguments);
}

void messages_start(struct ask *k)
{
	return page_start(k, "messages", message_arguments);
}

void members_start(struct ask *k)
{
	struct params q;
	json_t *args;

	if (!ask_read_params(k, &q))
		return;
	args = page_args(k, &q, member_arguments);
	params_close(&q);
	if (!args)
		return;
	json_object_set_new(args, "extension_id", json_sprintf("%" PRIu64, k->who.extension_id));
	return ask_query(k, k->who.tenant_id, "members", args, on_page);
}

void member_changes_start(struct ask *k)
{
	json_t *args = ask_sync_args(k);

	if (!args)
		return;
	json_object_set_new(args, "extension_id", json_sprintf("%" PRIu64, k->who.extension_id));
	return ask_query(k, k->who.tenant_id, "member_changes", args, on_page);
}

void event_logs_start(struct ask *k)
{
	return page_start(k, "event_logs", event_arguments);
}

void weak_secrets_start(struct ask *k)
{
	return page_start(k, "weak_secrets", member_arguments);
}

void deliveries_start(struct ask *k)
{
	return page_start(k, "webhook_deliveries", delivery_arguments);
}

void mail_deliveries_start(struct ask *k)
{
	return page_start(k, "mail_deliveries", mail_arguments);
}

void audit_logs_start(struct ask *k)
{
	return page_start(k, "audit_logs", audit_arguments);
}

void cdr_start(struct ask *k)
{
	const struct answer nothing = {.err = ENOENT};
	json_t *args;

	if (!k->target)
		return ask_failed(k, &nothing);
	args = json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target));
	ask_add_own(k, args);
	return ask_query(k, k->who.tenant_id, "cdr", args, ask_answered);
}

/* ---- time travel ---- */

void audit_log_start(struct ask *k)
{
	return ask_query(k, k->who.tenant_id, "audit_log",
			 json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target)),
			 ask_answered);
}

/* What this user may not change it cannot bring back either. */
static json_t *refused(const struct ask *k)
{
	json_t *list = json_array();

	for (size_t i = 0; resources[i]; i++)
		if (!ask_may(k, resources[i]->plural, OP_UPDATE))
			json_array_append_new(list, json_string(resources[i]->plural));
	return list;
}

static void ask_change(struct ask *k, struct store_request req, json_t *args)
{
	json_object_set_new(args, "refuse", refused(k));
	req.tenant_id = k->who.tenant_id;
	req.owner_id = ask_role(k) == ROLE_ADMIN ? 0 : k->who.tenant_id;
	req.json = json_dumps(args, JSON_COMPACT);
	json_decref(args);
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, ask_answered);
}

void undo_start(struct ask *k)
{
	const struct answer nothing = {.err = ENOENT};

	if (!k->target)
		return ask_failed(k, &nothing);
	return ask_change(k, (struct store_request){.op = STORE_UNDO, .id = k->target},
			  json_object());
}

void restore_start(struct ask *k)
{
	static const char *const known[] = {"at", NULL};
	json_t *body = ask_body(k), *at;
	struct field_errors errs = {.n = 0};
	int64_t us = 0;

	if (!body)
		return;
	at = json_object_get(body, "at");
	if (!at)
		field_error_add(&errs, "at", "required", "must be given");
	else if (!json_is_string(at) || params_time(str_of(json_string_value(at)), &us))
		field_error_add(&errs, "at", "bad_time", "a time as 2026-11-20T14:05:00Z");
	ask_check_names(body, known, &errs);
	json_decref(body);
	if (!errs.n)
		return ask_change(k, (struct store_request){.op = STORE_RESTORE},
				  json_pack("{s:I}", "at", (json_int_t)us));
	return ask_invalid(k, &errs);
}
