/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server about itself: version, metrics, health; the documentation.
 */
#include "api/ask.h"
#include "api/pages.h"
#include "api/starts.h"
#include "schema/presets.h"
#include "base/metric.h"
#include <string.h>

void info_start(struct ask *k)
{
	return ask_reply_value(k, 200,
			       json_pack("{s:s,s:s}", "name", "offhook", "version", k->a->version));
}

void trunk_presets_start(struct ask *k)
{
	return ask_reply_value(k, 200, json_pack("{s:o}", "items", presets_list()));
}

void metrics_start(struct ask *k)
{
	struct buf text = {0};
	struct web_response r = {.status = 200,
				 .content_type = "text/plain; version=0.0.4; charset=utf-8"};

	metric_write(&text);
	r.body = buf_view(&text);
	ask_reply(k, &r);
	buf_free(&text);
}

void healthz_start(struct ask *k)
{
	return ask_reply_json(k, 200, STR("{\"status\":\"ok\"}"));
}

static void on_core_ready(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_problem(k, PROBLEM_UNAVAILABLE, "The call manager is not ready.");
	return ask_reply_json(k, 200, STR("{\"status\":\"ok\"}"));
}

static void on_store_ready(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_problem(k, PROBLEM_UNAVAILABLE, "The database does not answer.");
	return ask_core(k, (struct command){.kind = COMMAND_STATUS}, on_core_ready);
}

void readyz_start(struct ask *k)
{
	return ask_query(k, 0, "ready", json_object(), on_store_ready);
}

void openapi_start(struct ask *k)
{
	return ask_reply_json(k, 200, (struct str){k->a->openapi, k->a->nopenapi});
}

void docs_start(struct ask *k)
{
	/* The page loads its script, its style and the document from here, and nothing from anywhere else. */
	struct web_response r = {
		.status = 200,
		.content_type = "text/html; charset=utf-8",
		.csp = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src "
		       "'self'; "
		       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		.body = page_text("docs.html")};

	if (strstr(k->route->path, ".js")) {
		r.content_type = "text/javascript; charset=utf-8";
		r.body = page_text("docs.js");
	} else if (strstr(k->route->path, ".css")) {
		r.content_type = "text/css; charset=utf-8";
		r.body = page_text("docs.css");
	}
	return ask_reply(k, &r);
}
