/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From HTTP request to ask: which operation, who asks, may they; then the operation's handler has it.
 */
#include "api/cache.h"
#include "api/fields.h"
#include "api/openapi.h"
#include "api/stream.h"
#include "base/log.h"
#include "schema/enums.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_ASKS = 2048, RING_SLOTS = 8192 };

static void reply_directly(struct api *a, const struct web_request *req, enum problem kind,
			   const char *detail, struct str headers)
{
	char *text = problem_text(kind, detail, NULL);
	struct web_response r = {.status = problem_kinds[kind].status,
				 .content_type = "application/problem+json",
				 .headers = headers,
				 .body = str_of(text)};

	(void)web_reply(a->web, req->id, &r);
	free(text);
}

static void no_route(struct api *a, const struct web_request *req, struct buf *allow)
{
	struct buf headers = {0};

	if (!allow->n)
		return reply_directly(a, req, PROBLEM_NOT_FOUND, "There is no such path.",
				      STR_NONE);
	buf_printf(&headers, "Allow: %.*s, OPTIONS\r\n", STR_ARG(buf_view(allow)));
	if (str_eq(req->method, STR("OPTIONS"))) {
		struct web_response r = {.status = 204, .headers = buf_view(&headers)};

		(void)web_reply(a->web, req->id, &r);
	} else {
		reply_directly(a, req, PROBLEM_METHOD, "This path does not know the method.",
			       buf_view(&headers));
	}
	buf_free(&headers);
}

static bool is_csv_type(struct str type)
{
	return str_ieq(str_trim(str_cut(&type, ';')), STR("text/csv"));
}

static bool is_json_type(struct str type)
{
	type = str_trim(str_cut(&type, ';'));
	return str_ieq(type, STR("application/json")) ||
	       str_ieq(type, STR("application/merge-patch+json"));
}

/* "17" in quotes, or *.  Any other tag is none of ours and matches nothing. */
static void read_if_match(struct ask *k, const struct web_request *req)
{
	struct str tag = web_header(req, "if-match");

	if (!tag.p || str_eq(tag, STR("*")))
		return;
	k->has_if_match = true;
	if (web_header_count(req, "if-match") != 1 || tag.n < 3 || tag.p[0] != '"' ||
	    tag.p[tag.n - 1] != '"' ||
	    str_u64((struct str){tag.p + 1, tag.n - 2}, &k->if_revision) || !k->if_revision)
		k->if_revision = INT64_MAX;
}

/* One range of bytes; any other is as if none were asked for (RFC 9110 14.2). */
static void read_range(struct ask *k, struct str range)
{
	struct str from;

	k->range.to = UINT64_MAX;
	if (!range.p || !str_eq(str_cut(&range, '='), STR("bytes")) || !range.p)
		return;
	from = str_trim(str_cut(&range, '-'));
	if (!range.p)
		return;
	range = str_trim(range);
	k->range.is_suffix = !from.n;
	if ((from.n && str_u64(from, &k->range.from)) ||
	    (range.n && (str_u64(range, &k->range.to) || k->range.to == UINT64_MAX)) ||
	    (!from.n && !range.n) || (range.n && from.n && k->range.to < k->range.from)) {
		k->range.is_suffix = false;
		k->range.from = 0;
		k->range.to = UINT64_MAX;
		return;
	}
	k->range.to += range.n && from.n;
	k->range.is_asked = true;
}

/* https://pbx.example:8887 is of the server that was asked as pbx.example:8887. */
static bool is_foreign(struct str origin, struct str host)
{
	struct str at = origin;

	if (!origin.p)
		return false;
	for (size_t i = 0; i + 3 <= origin.n; i++)
		if (!memcmp(origin.p + i, "://", 3)) {
			at.p = origin.p + i + 3;
			at.n = origin.n - i - 3;
			break;
		}
	return !str_ieq(at, host);
}

static int fill_ask(struct ask *k, const struct web_request *req)
{
	struct str key = web_header(req, "idempotency-key");

	k->is_csv = is_csv_type(web_header(req, "content-type"));
	k->is_bytes = str_ieq(web_header(req, "content-type"), STR("application/octet-stream"));
	k->is_json = is_json_type(web_header(req, "content-type"));
	k->is_upgrade = web_header(req, "upgrade").p != NULL;
	k->is_foreign_origin = is_foreign(web_header(req, "origin"), web_header(req, "host"));
	k->remote = req->remote;
	k->who.is_local = req->is_local;
	read_if_match(k, req);
	read_range(k, web_header(req, "range"));
	if (str_copy(k->request_id, sizeof(k->request_id), str_of(req->request_id)) ||
	    str_copy(k->path, sizeof(k->path), req->path) ||
	    str_copy(k->idem_key, sizeof(k->idem_key), key) ||
	    web_header_count(req, "idempotency-key") > 1 || (key.p && !key.n))
		return EINVAL;
	k->query = str_dup(req->query);
	k->body = str_dup(req->body);
	k->nbody = req->body.n;
	return k->query && k->body ? 0 : ENOMEM;
}

/* The machine itself, not a proxy on it that passes strangers on. */
static bool is_machine_itself(const struct web_request *req)
{
	if (req->is_local)
		return true;
	return addr_is_loopback(&req->remote) && !web_header(req, "x-forwarded-for").p &&
	       !web_header(req, "forwarded").p && !web_header(req, "x-real-ip").p &&
	       !web_header(req, "via").p;
}

static void on_request(const struct web_request *req, void *arg)
{
	struct api *a = arg;
	struct buf allow = {0};
	uint64_t target = 0;
	const struct route *route =
		route_match(&a->routes, req->method, req->path, &target, &allow);
	struct ask *k;

	if (!route) {
		no_route(a, req, &allow);
		buf_free(&allow);
		return;
	}
	buf_free(&allow);
	k = calloc(1, sizeof(*k));
	if (!k || ids_add(a->asks, k, &k->id)) {
		free(k);
		return reply_directly(a, req, PROBLEM_UNAVAILABLE,
				      "Too many requests are in progress.",
				      STR("Retry-After: 1\r\n"));
	}
	k->a = a;
	k->request = req->id;
	k->route = route;
	k->target = target;
	if (fill_ask(k, req))
		return ask_problem(
			k, PROBLEM_BAD_REQUEST,
			"The path or the Idempotency-Key is too long, or a header came twice.");
	if (!fields_take(k))
		return;
	if (route->access == ACCESS_PUBLIC ||
	    (route->access == ACCESS_METRICS && is_machine_itself(req)))
		return route->fn(k);
	return identity_start(k, req);
}

static int access_of(const json_t *permissions, const char *what)
{
	const char *any = NULL, *one = NULL;
	json_t *p;
	size_t i;

	json_array_foreach(permissions, i, p)
	{
		const char *name = json_string_value(json_object_get(p, "resource"));

		if (name && !strcmp(name, what))
			one = json_string_value(json_object_get(p, "access"));
		else if (name && !strcmp(name, "*"))
			any = json_string_value(json_object_get(p, "access"));
	}
	one = one ? one : any ? any : "none";
	return !strcmp(one, "write")  ? ROLE_ACCESS_WRITE
	       : !strcmp(one, "read") ? ROLE_ACCESS_READ
				      : ROLE_ACCESS_NONE;
}

/* TEN-5: within what its kind may, what its role says. */
static bool role_allows(const struct ask *k, const char *what, enum op op)
{
	static const char *const always[] = {"me", "logout", "info"};
	const int need = op == OP_LIST || op == OP_GET ? ROLE_ACCESS_READ : ROLE_ACCESS_WRITE;

	if (!k->who.permissions)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!strcmp(what, always[i]))
			return true;
	return access_of(k->who.permissions, what) >= need;
}

bool ask_may(const struct ask *k, const char *what, enum op op)
{
	return right_of(what, op, ask_role(k)) != RIGHT_NO && role_allows(k, what, op);
}

void ask_go_on(struct ask *k)
{
	const struct route *r = k->route;

	if (r->right[ask_role(k)] == RIGHT_NO || !role_allows(k, r->what, r->op))
		return ask_problem(k, PROBLEM_FORBIDDEN, "Your role may not do this.");
	if ((r->takes & TAKES_TENANT) && !k->who.has_tenant)
		return ask_problem(k, PROBLEM_TENANT_REQUIRED,
				   "Give the tenant's domain in the header X-Tenant.");
	return r->fn(k);
}

/* False: nobody waits for it any more. */
static bool deliver(struct api *a, uint64_t token, const struct answer *ans)
{
	struct ask *k = ids_get(a->asks, token);
	ask_answer_h *fn;

	if (!k || !k->on_answer) /* its deadline has passed, or the client is gone */
		return false;
	timer_cancel(&k->deadline);
	fn = k->on_answer;
	k->on_answer = NULL;
	fn(k, ans);
	return true;
}

static void on_store(const void *msg, void *arg)
{
	const struct store_reply *r = msg;
	const struct answer ans = {.err = r->err,
				   .id = r->id,
				   .revision = r->revision,
				   .is_replay = r->is_replay,
				   .json = {r->json, r->njson},
				   .past = r->past};
	struct api *a = arg;
	struct ask *k = ids_get(a->asks, r->token);

	if (k && k->on_answer)
		ask_keep(k, r);
	if (!deliver(a, r->token, &ans) && r->past)
		a->past->close(r->past);
	free(r->json);
}

static void on_core(const void *msg, void *arg)
{
	const struct command_reply *r = msg;
	const struct answer ans = {.err = r->err, .json = {r->json, r->njson}};

	(void)deliver(arg, r->token, &ans);
	free(r->json);
}

void api_event(const struct bus_event *ev, void *api)
{
	stream_hub_event(((struct api *)api)->hub, ev);
}

void api_call_ended(struct api *a, const struct call_record *call)
{
	stream_hub_call(a->hub, call);
}

static int make_parts(struct api *a, const struct api_conf *conf)
{
	int err = routes_make(&a->routes);

	if (!err)
		err = ids_alloc(&a->asks, MAX_ASKS);
	if (!err)
		err = ring_alloc(&a->from_store, RING_SLOTS, sizeof(struct store_reply));
	if (!err)
		err = ring_alloc(&a->from_core, RING_SLOTS, sizeof(struct command_reply));
	if (!err)
		err = throttle_alloc(&a->throttle);
	if (!err)
		err = cache_alloc(&a->cache);
	if (!err)
		err = stream_hub_alloc(&a->hub, a, conf->events_path);
	if (!err)
		err = openapi_make(&a->routes, &a->openapi, &a->nopenapi);
	return err;
}

int api_open(struct api **ap, const struct api_conf *conf, struct addr *bound)
{
	struct api *a = calloc(1, sizeof(*a));
	struct web_conf web = {.listen = conf->listen,
			       .unix_path = conf->unix_path,
			       .fn = on_request,
			       .error = problem_web_error,
			       .arg = a};
	int err;

	if (!a)
		return ENOMEM;
	a->store = conf->store;
	a->commands = conf->commands;
	a->past = conf->past;
	err = str_copy(a->version, sizeof(a->version), str_of(conf->version));
	if (conf->log_file && !(a->log_file = str_dup(str_of(conf->log_file))))
		err = ENOMEM;
	if (!err && conf->setup_token)
		err = str_copy(a->setup_token, sizeof(a->setup_token), str_of(conf->setup_token));
	if (!err)
		err = make_parts(a, conf);
	if (!err)
		err = web_open(&a->web, &web, bound);
	if (!err)
		err = web_watch_ring(a->web, a->from_store, sizeof(struct store_reply), on_store,
				     a);
	if (!err)
		err = web_watch_ring(a->web, a->from_core, sizeof(struct command_reply), on_core,
				     a);
	if (!err)
		err = stream_hub_start(a->hub);
	if (!err)
		err = web_start(a->web);
	if (err)
		a = api_close(a);
	else
		*ap = a;
	return err;
}

void api_stop(struct api *a)
{
	size_t pos = 0;
	struct ask *k;
	oid id;

	if (!a || !a->asks)
		return;
	web_stop(a->web);
	while ((k = ids_next(a->asks, &pos, &id)))
		ask_free(k);
	stream_hub_stop(a->hub);
	a->web = web_close(a->web);
}

struct api *api_close(struct api *a)
{
	struct store_reply from_store;
	struct command_reply from_core;

	if (!a)
		return NULL;
	api_stop(a);
	while (a->from_store && ring_pop(a->from_store, &from_store)) {
		free(from_store.json);
		if (from_store.past)
			a->past->close(from_store.past);
	}
	while (a->from_core && ring_pop(a->from_core, &from_core))
		free(from_core.json);
	a->from_store = ring_free(a->from_store);
	a->from_core = ring_free(a->from_core);
	a->hub = stream_hub_free(a->hub);
	a->cache = cache_free(a->cache);
	a->asks = ids_free(a->asks);
	a->throttle = throttle_free(a->throttle);
	routes_close(&a->routes);
	free(a->openapi);
	free(a->log_file);
	free(a);
	return NULL;
}
