/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has happened: call records and the log of changes, newest first.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <string.h>

static const char *const cdr_filters[] = {"caller", "callee", "status", NULL};
static const char *const audit_filters[] = {"resource", "id", NULL};

static bool is_one_of(struct str name, const char *const *names)
{
	for (; *names; names++)
		if (str_eq(name, str_of(*names)))
			return true;
	return false;
}

static bool is_time(struct str name)
{
	return str_eq(name, STR("from")) || str_eq(name, STR("to"));
}

/* Arguments of a page of records; NULL: answered. */
static json_t *page_args(struct ask *k, const struct params *q, const char *const *filters)
{
	json_t *args = json_object();
	uint32_t limit;

	if (params_limit(q, &limit)) {
		json_decref(args);
		ask_bad_parameter(k, STR("limit"), "out_of_range", "a number from 1 to 500");
		return NULL;
	}
	json_object_set_new(args, "limit", json_integer(limit));
	for (size_t i = 0; i < q->n; i++) {
		struct str name = q->v[i].name, value = q->v[i].value;
		int64_t us;

		if (str_eq(name, STR("limit")))
			continue;
		if (is_time(name) && !params_time(value, &us)) {
			json_object_setn_new(args, name.p, name.n, json_integer(us));
		} else if (!is_time(name) &&
			   (str_eq(name, STR("cursor")) || is_one_of(name, filters))) {
			json_object_setn_new(args, name.p, name.n, json_stringn(value.p, value.n));
		} else {
			json_decref(args);
			if (is_time(name))
				ask_bad_parameter(
					k, name, "bad_time",
					"a time of RFC 3339, as 2026-11-20T08:00:00Z, or a date");
			else
				ask_bad_parameter(k, name, "unknown_parameter",
						  "no parameter of this list");
			return NULL;
		}
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

static void page_start(struct ask *k, const char *query, const char *const *filters)
{
	struct params q;
	json_t *args;

	if (!ask_read_params(k, &q))
		return;
	args = page_args(k, &q, filters);
	params_close(&q);
	if (args)
		return ask_query(k, k->who.tenant_id, query, args, on_page);
}

void cdrs_start(struct ask *k)
{
	return page_start(k, "cdrs", cdr_filters);
}

void audit_logs_start(struct ask *k)
{
	return page_start(k, "audit_logs", audit_filters);
}

static void on_cdr(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_failed(k, ans);
	return ask_reply_json(k, 200, ans->json);
}

void cdr_start(struct ask *k)
{
	const struct answer nothing = {.err = ENOENT};

	if (!k->target)
		return ask_failed(k, &nothing);
	return ask_query(k, k->who.tenant_id, "cdr",
			 json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target)), on_cdr);
}
