/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/cache.h"
#include "api/fields.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t deadlines_ms[COMMAND_NKINDS] = {
#define X(name, doc, deadline_ms) [COMMAND_##name] = deadline_ms,
#include "base/commands.def"
#undef X
};

void ask_free(struct ask *k)
{
	timer_cancel(&k->deadline);
	ids_remove(k->a->asks, k->id);
	json_decref(k->who.permissions);
	json_decref(k->args);
	buf_free(&k->cache_key);
	free(k->query);
	free(k->fields);
	free(k->body);
	free(k);
}

static void on_deadline(struct timer *t, void *arg)
{
	struct ask *k = arg;

	k->on_answer = NULL;
	log_warn(NULL, LOGID_API, "%s %s: no answer in time [%s]", k->route->method, k->path,
		 k->request_id);
	return ask_problem_headers(k, PROBLEM_UNAVAILABLE,
				   "No answer came in time. A change may still have been made: "
				   "read it, or repeat with the same Idempotency-Key.",
				   STR("Retry-After: 5\r\n"));
}

static void wait_for(struct ask *k, uint32_t ms, ask_answer_h *fn)
{
	k->on_answer = fn;
	timer_start(web_env(k->a->web).wheel, &k->deadline, ms, on_deadline, k);
}

static void set_actor(const struct ask *k, struct store_actor *actor)
{
	char from[ADDR_STR_BYTES];

	actor->tenant_id = k->who.user_tenant_id;
	actor->user_id = k->who.user_id;
	actor->role_id = k->who.role_id;
	record_set_text(actor->name, sizeof(actor->name), str_of(k->who.username));
	record_set_text(actor->from, sizeof(actor->from),
			k->who.is_local ? STR("local") : str_of(addr_ip_str(from, &k->remote)));
}

/* What the same question was answered, when nothing has changed since; else NULL, and the answer will be kept. */
static const struct store_reply *known(struct ask *k, const struct store_request *req)
{
	buf_free(&k->cache_key);
	k->generation = k->request ? store_generation(k->a->store) : 0;
	if (!k->generation)
		return NULL;
	k->cache_ms = cache_key(&k->cache_key, req);
	if (!k->cache_ms) {
		buf_free(&k->cache_key);
		return NULL;
	}
	return cache_get(k->a->cache, buf_view(&k->cache_key), k->generation,
			 clock_mono_ms(web_env(k->a->web).clock));
}

void ask_keep(struct ask *k, const struct store_reply *reply)
{
	if (k->cache_key.n)
		cache_put(k->a->cache, buf_view(&k->cache_key), k->generation,
			  clock_mono_ms(web_env(k->a->web).clock) + k->cache_ms, reply);
}

void ask_store(struct ask *k, struct store_request *req, ask_answer_h *fn)
{
	const struct store_reply *hit;
	int err;

	req->token = k->id;
	req->reply_to = k->a->from_store;
	req->is_admin |= k->who.is_admin;
	req->is_own |= k->who.extension_id != 0;
	set_actor(k, &req->actor);
	hit = known(k, req);
	if (hit) {
		const struct answer ans = {
			.id = hit->id, .revision = hit->revision, .json = {hit->json, hit->njson}};

		free(req->json);
		return fn(k, &ans);
	}
	wait_for(k, STORE_DEADLINE_MS, fn);
	err = store_post(k->a->store, req);
	if (!err)
		return;
	free(req->json);
	return ask_problem_headers(k, PROBLEM_UNAVAILABLE, "The database has too much to do.",
				   STR("Retry-After: 2\r\n"));
}

void ask_query(struct ask *k, uint64_t tenant_id, const char *query, json_t *args, ask_answer_h *fn)
{
	struct store_request req = {.op = STORE_QUERY, .tenant_id = tenant_id, .query = query};

	req.json = json_dumps(args, JSON_COMPACT);
	json_decref(args);
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, fn);
}

void ask_core(struct ask *k, struct command cmd, ask_answer_h *fn)
{
	cmd.token = k->id;
	cmd.reply_to = k->a->from_core;
	wait_for(k, deadlines_ms[cmd.kind], fn);
	if (!ring_push(k->a->commands, &cmd))
		return;
	if (cmd.past)
		k->a->past->close(cmd.past);
	return ask_problem_headers(k, PROBLEM_UNAVAILABLE, "The call manager has too much to do.",
				   STR("Retry-After: 2\r\n"));
}

/* What every answer says of how much more may be asked. */
static struct str rate_lines(const struct ask *k, struct buf *out, struct str lines)
{
	if (!k->rate.limit)
		return lines;
	buf_str(out, lines);
	buf_printf(out,
		   "RateLimit-Limit: %" PRIu32 "\r\nRateLimit-Remaining: %" PRIu32
		   "\r\nRateLimit-Reset: %" PRIu32 "\r\n",
		   k->rate.limit, k->rate.left, k->rate.reset_s);
	return buf_view(out);
}

static void tell_done(struct ask *k, unsigned status);

void ask_begin(struct ask *k, const struct web_response *resp)
{
	struct web_response r = *resp;
	struct buf lines = {0};
	char *partial = NULL;

	if (k->fields && r.status == 200 && (partial = fields_of(k, r.body)))
		r.body = str_of(partial);
	r.headers = rate_lines(k, &lines, r.headers);
	log_debug(NULL, LOGID_API, "%s %s: %u for %s [%s]", k->route->method, k->path, resp->status,
		  k->who.username[0] ? k->who.username : "nobody", k->request_id);
	tell_done(k, resp->status);
	/* ENOENT: the client has left, which is its right. */
	(void)web_reply(k->a->web, k->request, &r);
	buf_free(&lines);
	free(partial);
}

void ask_reply(struct ask *k, const struct web_response *resp)
{
	ask_begin(k, resp);
	ask_free(k);
}

void ask_reply_json(struct ask *k, unsigned status, struct str json)
{
	struct web_response r = {
		.status = status, .content_type = "application/json", .body = json};

	return ask_reply(k, &r);
}

void ask_reply_value(struct ask *k, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	ask_reply_json(k, status, str_of(text));
	free(text);
}

/* A user that asks without end fills no log. */
static bool is_room_to_tell(struct api *a)
{
	const uint64_t second = clock_mono_ms(web_env(a->web).clock) / 1000;

	if (a->refused.second != second)
		a->refused.second = second, a->refused.n = 0;
	if (a->refused.n < MAX_TOLD_A_SECOND)
		return ++a->refused.n;
	log_warn(NULL, LOGID_API, "more is refused than the audit log takes");
	return false;
}

static struct activity_record *activity_of(const struct ask *k, const struct store_actor *actor,
					   unsigned status)
{
	static const char *const actions[OP_COUNT] = {
		[OP_CREATE] = "create", [OP_UPDATE] = "update", [OP_DELETE] = "delete"};
	const struct route *r = k->route;
	struct activity_record *rec = actions[r->op] ? calloc(1, sizeof(*rec)) : NULL;

	if (!rec)
		return NULL;
	activity_stamp(rec, clock_wall_us(web_env(k->a->web).clock), rng_u64(rng_system()));
	rec->tenant_id = k->who.tenant_id;
	/* An id that was not looked up, or not found here, is the client's own words. */
	if (status != 403 && status != 404)
		rec->resource_id = k->target;
	rec->actor_tenant_id = actor->tenant_id;
	rec->status = status;
	(void)snprintf(rec->request, sizeof(rec->request), "%s %.55s", r->method, r->path);
	str_fit(rec->resource, sizeof(rec->resource), str_of(r->res ? r->res->name : r->what));
	str_fit(rec->action, sizeof(rec->action), str_of(actions[r->op]));
	str_fit(rec->actor, sizeof(rec->actor), str_of(actor->name));
	str_fit(rec->actor_from, sizeof(rec->actor_from), str_of(actor->from));
	return rec;
}

static void add_rule(struct activity_record *rec, enum problem kind, struct str field,
		     struct str code)
{
	str_fit(rec->reason, sizeof(rec->reason), str_of(problem_kinds[kind].slug));
	/* The name of a field that there is none of is the client's own words too. */
	if (!str_eq(code, STR("unknown_field")))
		record_set_text(rec->field, sizeof(rec->field), field);
	str_fit(rec->code, sizeof(rec->code), code);
}

static bool is_worth_telling(const struct ask *k)
{
	return k->route && strcmp(k->route->method, "GET") != 0 &&
	       (k->who.is_local || *k->who.username);
}

static void tell(struct ask *k, struct command *cmd)
{
	if (!ring_push(k->a->commands, cmd))
		return;
	free(cmd->activity);
	log_warn(NULL, LOGID_API, "the audit log has too much to do for: %s %s", k->route->method,
		 k->route->path);
}

/* WEB-4: what somebody who is known wanted to do and could not.  Who is not known, or asks too often, is the throttle's. */
static void tell_refused(struct ask *k, enum problem kind, const json_t *errors)
{
	const unsigned status = problem_kinds[kind].status;
	const json_t *first = json_array_get(errors, 0);
	const char *field = json_string_value(json_object_get(first, "field"));
	const char *code = json_string_value(json_object_get(first, "code"));
	struct command cmd = {.kind = COMMAND_TELL_ACTIVITY, .tenant_id = k->who.tenant_id};
	struct store_actor actor = {.user_id = 0};
	struct activity_record *rec;

	if (status == 401 || status == 429 || !is_worth_telling(k) || !is_room_to_tell(k->a))
		return;
	set_actor(k, &actor);
	str_fit(cmd.caller, sizeof(cmd.caller), str_of(actor.name));
	str_fit(cmd.transferred_by, sizeof(cmd.transferred_by), str_of(actor.from));
	(void)snprintf(cmd.number, sizeof(cmd.number), "%s %.50s", k->route->method, k->path);
	(void)snprintf(cmd.headers, sizeof(cmd.headers), "%u%s%.40s%s%.32s", status,
		       field && *field ? " " : "", field ? field : "", code ? ": " : "",
		       code ? code : "");
	cmd.activity = rec = activity_of(k, &actor, status);
	if (rec)
		add_rule(rec, kind, str_of(field), str_of(code));
	return tell(k, &cmd);
}

/* WEB-4: what was done, where no change of configuration says so. */
static void tell_done(struct ask *k, unsigned status)
{
	struct command cmd = {.kind = COMMAND_TELL_ACTIVITY, .tenant_id = k->who.tenant_id};
	struct store_actor actor = {.user_id = 0};

	if (status >= 300 || !k->route || !(k->route->takes & IS_TOLD) || !is_worth_telling(k))
		return;
	set_actor(k, &actor);
	cmd.activity = activity_of(k, &actor, status);
	return tell(k, &cmd);
}

static void end_with_problem(struct ask *k, enum problem kind, const char *detail, json_t *errors,
			     struct str headers)
{
	char *text = problem_text(kind, detail, errors);
	struct web_response r = {.status = problem_kinds[kind].status,
				 .content_type = "application/problem+json",
				 .headers = headers,
				 .body = str_of(text)};

	tell_refused(k, kind, errors);
	if (r.status == 401 && !headers.n)
		r.headers = STR("WWW-Authenticate: Bearer realm=\"offhook\"\r\n");
	if (r.status == 503 && !headers.n)
		r.headers = STR("Retry-After: 5\r\n");
	ask_reply(k, &r);
	free(text);
}

void ask_problem(struct ask *k, enum problem kind, const char *detail)
{
	end_with_problem(k, kind, detail, NULL, STR_NONE);
}

void ask_problem_errors(struct ask *k, enum problem kind, const char *detail, json_t *errors)
{
	end_with_problem(k, kind, detail, errors, STR_NONE);
}

void ask_invalid(struct ask *k, const struct field_errors *errs)
{
	json_t *j = field_errors_to_json(errs);

	ask_problem_errors(k, PROBLEM_INVALID, "Fields break rules.", json_object_get(j, "errors"));
	json_decref(j);
}

void ask_problem_headers(struct ask *k, enum problem kind, const char *detail, struct str headers)
{
	end_with_problem(k, kind, detail, NULL, headers);
}

static const char *detail_of(enum problem kind)
{
	switch (kind) {
	case PROBLEM_NOT_FOUND:
		return "There is nothing here by this id.";
	case PROBLEM_CONFLICT:
		return "Something else stands in the way.";
	case PROBLEM_INVALID:
		return "Fields break rules.";
	case PROBLEM_PRECONDITION:
		return "The object has another revision than If-Match says.";
	case PROBLEM_IDEMPOTENCY:
		return "This Idempotency-Key came with another request in the last 24 hours.";
	case PROBLEM_UNAVAILABLE:
		return "The database does not answer. Nothing was changed.";
	case PROBLEM_FULL:
		return "There is no space left. Nothing was changed.";
	default:
		return problem_kinds[kind].doc;
	}
}

void ask_act(struct ask *k, const char *act, json_t *args, ask_answer_h *fn)
{
	struct store_request req = {.op = STORE_ACT,
				    .query = act,
				    .tenant_id = k->who.tenant_id,
				    .is_own = k->who.extension_id != 0,
				    .owner_id = k->who.extension_id,
				    .id = k->target};

	req.json = args ? json_dumps(args, JSON_COMPACT) : NULL;
	req.njson = req.json ? strlen(req.json) : 0;
	if (args && !req.json) {
		json_decref(args);
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	}
	json_decref(args);
	return ask_store(k, &req, fn);
}

void ask_add_own(const struct ask *k, json_t *args)
{
	if (k->who.extension_id)
		json_object_set_new(args, "own_extension",
				    json_sprintf("%" PRIu64, k->who.extension_id));
}

enum { UNSENT_BYTES = 256 << 10, PACE_MS = 50 };

static void look_again(struct timer *t, void *arg)
{
	struct ask *k = arg;

	(void)t;
	return ask_pace(k, k->next);
}

void ask_pace(struct ask *k, void (*next)(struct ask *k))
{
	if (web_unsent(k->a->web, k->request) < UNSENT_BYTES)
		return next(k);
	k->next = next;
	timer_start(web_env(k->a->web).wheel, &k->deadline, PACE_MS, look_again, k);
}

void ask_failed(struct ask *k, const struct answer *ans)
{
	json_t *body = ans->json.n ? json_loadb(ans->json.p, ans->json.n, 0, NULL) : NULL;
	json_t *errors = json_object_get(body, "errors");
	enum problem kind = problem_of_errno(ans->err, errors);

	if (kind == PROBLEM_INTERNAL)
		log_error(NULL, LOGID_API, "%s %s: %s [%s]", k->route->method, k->path,
			  strerror(ans->err), k->request_id);
	ask_problem_errors(k, kind, detail_of(kind), json_array_size(errors) ? errors : NULL);
	json_decref(body);
}

void ask_answered(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_failed(k, ans);
	return ask_reply_json(k, k->route->status, ans->json);
}

void ask_done(struct ask *k, const struct answer *ans)
{
	const struct web_response r = {.status = 204};

	if (ans->err)
		return ask_failed(k, ans);
	return ask_reply(k, &r);
}

void ask_nothing(struct ask *k)
{
	const struct answer nothing = {.err = ENOENT};

	ask_failed(k, &nothing);
}

bool ask_is_nothing(struct ask *k)
{
	if (k->target)
		return false;
	ask_nothing(k);
	return true;
}

json_t *ask_body(struct ask *k)
{
	json_error_t error;
	char detail[256];
	json_t *j;

	if (!k->is_json) {
		ask_problem(k, PROBLEM_MEDIA_TYPE,
			    "Send the body as Content-Type: application/json.");
		return NULL;
	}
	j = json_loadb(k->body, k->nbody, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(j))
		return j;
	if (j)
		snprintf(detail, sizeof(detail), "The body must be a JSON object.");
	else
		snprintf(detail, sizeof(detail),
			 "Line %d, column %d: the body is not JSON, or gives a name twice.",
			 error.line, error.column);
	json_decref(j);
	ask_problem(k, PROBLEM_BAD_JSON, detail);
	return NULL;
}

struct str ask_text(const json_t *body, const char *name)
{
	const json_t *v = json_object_get(body, name);

	return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)}
				 : STR_NONE;
}

void ask_check_names(const json_t *body, const char *const *known, struct field_errors *errs)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!known[i])
			field_error_add(errs, name, "unknown_field", "no such field");
	}
}

bool ask_read_params(struct ask *k, struct params *q)
{
	if (!params_parse(q, str_of(k->query)))
		return true;
	ask_problem(k, PROBLEM_BAD_REQUEST,
		    "The query cannot be read: bad escapes, a name given twice, or too many "
		    "parameters.");
	return false;
}

void ask_bad_parameter(struct ask *k, struct str name, const char *code, const char *message)
{
	json_t *errors = json_pack("[{s:s%,s:s,s:s}]", "field", name.p, name.n, "code", code,
				   "message", message);

	ask_problem_errors(k, PROBLEM_BAD_REQUEST, "A parameter cannot be used.", errors);
	json_decref(errors);
}

json_t *ask_sync_args(struct ask *k)
{
	struct params q;
	struct str since;
	json_t *args = NULL;

	if (!ask_read_params(k, &q))
		return NULL;
	since = params_get(&q, "since");
	if (q.n > (since.p ? 1u : 0u))
		ask_bad_parameter(k, q.v[0].name, "unknown_parameter",
				  "no parameter of this list but since and fields");
	else
		args = json_pack("{s:s%}", "since", since.p ? since.p : "", since.n);
	params_close(&q);
	return args;
}

bool ask_read_offset(struct ask *k, uint64_t *offset)
{
	struct str bad = STR_NONE;
	struct params q;

	*offset = 0;
	if (!ask_read_params(k, &q))
		return false;
	for (size_t i = 0; i < q.n; i++)
		if (!str_eq(q.v[i].name, STR("offset")) || str_u64(q.v[i].value, offset))
			bad = q.v[i].name;
	if (bad.p)
		ask_bad_parameter(k, bad, "unknown_parameter",
				  "offset is where the piece begins, in bytes");
	params_close(&q);
	return !bad.p;
}
