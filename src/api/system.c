/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server about itself: version, metrics, health; the documentation.
 */
#include "api/ask.h"
#include "api/pages.h"
#include "api/starts.h"
#include "schema/presets.h"
#include "base/metric.h"
#include "base/zone.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void info_start(struct ask *k)
{
	return ask_reply_value(k, 200,
			       json_pack("{s:s,s:s}", "name", "offhook", "version", k->a->version));
}

void trunk_presets_start(struct ask *k)
{
	return ask_reply_value(k, 200, json_pack("{s:o}", "items", presets_list()));
}

static void add_zone(struct str country, struct str name, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s%,s:s%}", "name", name.p, name.n, "country",
					     country.n ? country.p : "", country.n));
}

void time_zones_start(struct ask *k)
{
	json_t *items = json_array();

	zone_names(add_zone, items);
	return ask_reply_value(k, 200, json_pack("{s:o}", "items", items));
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

/* ---- SYS-3, SYS-4 ---- */

static int64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long all, resident = 0;

	if (f && fscanf(f, "%lld %lld", &all, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

/* Of one core, since the start: who asks again has what was used in between. */
static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void on_status(struct ask *k, const struct answer *ans)
{
	json_t *j = ans->err ? NULL : json_loadb(ans->json.p, ans->json.n, 0, NULL);

	if (!j)
		return ask_problem(k, PROBLEM_UNAVAILABLE, "The call manager does not answer.");
	json_object_update(j, k->args);
	json_object_set_new(j, "cpu_seconds", json_real(cpu_seconds()));
	json_object_set_new(j, "memory_bytes", json_integer(resident_bytes()));
	return ask_reply_value(k, 200, j);
}

/* Without the database there is no such number, and all else is told. */
static void on_online(struct ask *k, const struct answer *ans)
{
	k->args = ans->err ? json_object() : json_loadb(ans->json.p, ans->json.n, 0, NULL);
	return ask_core(k, (struct command){.kind = COMMAND_STATUS}, on_status);
}

void status_start(struct ask *k)
{
	return ask_query(k, 0, "online", json_object(), on_online);
}

static json_t *service(const char *name, const char *reason)
{
	return json_pack("{s:s,s:s,s:s}", "name", name, "state", *reason ? "down" : "up", "reason",
			 reason);
}

static void on_services(struct ask *k, const struct answer *ans)
{
	json_t *j = ans->err ? NULL : json_loadb(ans->json.p, ans->json.n, 0, NULL);
	json_t *items = j ? json_incref(json_object_get(j, "items")) : json_array();

	json_decref(j);
	if (!j)
		json_array_append_new(items, service("call_manager", "it does not answer"));
	json_array_append_new(items, service("rest", ""));
	json_array_append(items, json_object_get(k->args, "database"));
	return ask_reply_value(k, 200, json_pack("{s:o}", "items", items));
}

static void on_database(struct ask *k, const struct answer *ans)
{
	k->args = json_pack("{s:o}", "database",
			    service("database", ans->err ? "it does not answer" : ""));
	return ask_core(k, (struct command){.kind = COMMAND_SERVICES}, on_services);
}

void parts_start(struct ask *k)
{
	return ask_query(k, 0, "ready", json_object(), on_database);
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
