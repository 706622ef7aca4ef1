/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Create, read, change and delete, for every resource from its table.
 */
#include "api/ask.h"
#include "api/starts.h"
#include "schema/types.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static bool is_own_only(const struct ask *k)
{
	return k->route->right[ask_role(k)] == RIGHT_OWN;
}

/* OWN is one object of a kind. */
static uint64_t own_id(const struct ask *k)
{
	if (k->route->res == &resource_extension)
		return k->who.extension_id;
	return k->route->res == &resource_admin ? k->who.user_id : k->who.tenant_id;
}

static bool is_dealers_tenant(const struct ask *k)
{
	return ask_role(k) == ROLE_DEALER && k->route->res == &resource_tenant;
}

/* TRK-4, TEN-6, EXT-25: of trunks and pools OWN is what the store knows to be the tenant's, of tenants the dealer's, of accounts
 * and all else that has an owner the extension's. */
static uint64_t owner_of(const struct ask *k)
{
	const struct resource *res = k->route->res;

	if (is_dealers_tenant(k))
		return k->who.dealer_id;
	if (is_own_only(k) && resource_owner(res))
		return k->who.extension_id;
	return is_own_only(k) && (res == &resource_trunk || res == &resource_did_pool)
		       ? k->who.tenant_id
		       : 0;
}

/* An extension's owner, or a dealer's user who changes itself. */
static bool is_only_self(const struct ask *k)
{
	return ask_role(k) == ROLE_EXTENSION ||
	       (ask_role(k) == ROLE_DEALER && k->route->res == &resource_admin);
}

static struct store_request request_for(const struct ask *k, enum store_op op)
{
	const struct resource *res = k->route->res;

	return (struct store_request){.op = op,
				      .res = res,
				      .is_admin = is_dealers_tenant(k),
				      .is_own = is_only_self(k),
				      .id = k->target,
				      .owner_id = owner_of(k),
				      .tenant_id =
					      scope_is_system(res->scope) ? 0 : k->who.tenant_id,
				      .if_revision = k->has_if_match ? k->if_revision : 0};
}

/* An id that names nothing here; a tenant's user among tenants knows only its own.  Told in the same words as by the store. */
static bool is_nothing(struct ask *k)
{
	if (!is_own_only(k) || owner_of(k) || k->target == own_id(k))
		return ask_is_nothing(k);
	ask_nothing(k);
	return true;
}

static void reply_object(struct ask *k, unsigned status, const struct answer *ans)
{
	struct buf headers = {0};
	struct web_response r = {
		.status = status, .content_type = "application/json", .body = ans->json};

	buf_printf(&headers, "ETag: \"%" PRIu64 "\"\r\n", ans->revision);
	if (status == 201)
		buf_printf(&headers, "Location: /api/%s/%" PRIu64 "\r\n", k->route->res->plural,
			   ans->id);
	if (ans->is_replay)
		buf_cstr(&headers, "Idempotency-Replayed: true\r\n");
	r.headers = buf_view(&headers);
	ask_reply(k, &r);
	buf_free(&headers);
}

static void on_object(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_failed(k, ans);
	return reply_object(k, k->route->status, ans);
}

void get_start(struct ask *k)
{
	struct store_request req = request_for(k, STORE_GET);

	if (is_nothing(k))
		return;
	return ask_store(k, &req, on_object);
}

/* EXT-7 */
void extension_rights_start(struct ask *k)
{
	if (!k->target || (is_own_only(k) && k->target != k->who.extension_id))
		return ask_nothing(k);
	return ask_query(k, k->who.tenant_id, "extension_rights",
			 json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target)),
			 ask_answered);
}

void delete_start(struct ask *k)
{
	struct store_request req = request_for(k, STORE_DELETE);

	if (is_nothing(k))
		return;
	return ask_store(k, &req, ask_done);
}

/* The body as it came goes to the store, once it is known to be an object. */
static bool give_body(struct ask *k, struct store_request *req)
{
	json_t *body = ask_body(k);

	if (!body)
		return false;
	json_decref(body);
	req->json = k->body;
	req->njson = k->nbody;
	k->body = NULL;
	return true;
}

static void hash_idempotency(const struct ask *k, struct store_request *req)
{
	struct buf who = {0};

	if (!k->idem_key[0])
		return;
	buf_printf(&who, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s", k->who.user_tenant_id,
		   k->who.user_id, req->tenant_id, k->path, k->idem_key);
	token_hash(req->idem_key, buf_view(&who));
	token_hash(req->idem_body, (struct str){req->json, req->njson});
	buf_free(&who);
}

void create_start(struct ask *k)
{
	struct store_request req = request_for(k, STORE_CREATE);

	if (!give_body(k, &req))
		return;
	hash_idempotency(k, &req);
	return ask_store(k, &req, on_object);
}

void update_start(struct ask *k)
{
	struct store_request req = request_for(k, STORE_UPDATE);

	if (is_nothing(k) || !give_body(k, &req))
		return;
	return ask_store(k, &req, on_object);
}

static void on_page(struct ask *k, const struct answer *ans)
{
	json_t *body;

	if (!ans->err)
		return ask_reply_json(k, 200, ans->json);
	if (ans->err != EINVAL)
		return ask_failed(k, ans);
	/* It is the query that is wrong, no body. */
	body = json_loadb(ans->json.p ? ans->json.p : "", ans->json.n, 0, NULL);
	ask_problem_errors(k, PROBLEM_BAD_REQUEST, "A parameter cannot be used.",
			   json_object_get(body, "errors"));
	json_decref(body);
}

static bool is_filter(const struct resource *res, struct str name)
{
	const struct field *f = resource_field(res, name);

	return f && !(f->flags & CREATE_ONLY) && f->kind != FIELD_LIST && f->kind != FIELD_DEST &&
	       f->kind != FIELD_SECRET && f->kind != FIELD_PASSWORD;
}

static bool is_list_option(const struct ask *k, struct str name)
{
	if (str_eq(name, STR("q")) || str_eq(name, STR("sort")))
		return true;
	return (k->route->takes & TAKES_PAGE) && str_eq(name, STR("cursor"));
}

static json_t *list_options(struct ask *k, const struct params *q)
{
	json_t *options = json_object(), *filter = json_object();
	const bool has_pages = k->route->takes & TAKES_PAGE;
	uint32_t limit = PAGE_DEFAULT;

	json_object_set_new(options, "filter", filter);
	if (has_pages && params_limit(q, &limit)) {
		json_decref(options);
		ask_bad_parameter(k, STR("limit"), "out_of_range", "a number from 1 to 500");
		return NULL;
	}
	json_object_set_new(options, "limit", json_integer(limit));
	for (size_t i = 0; i < q->n; i++) {
		struct str name = q->v[i].name;
		json_t *value = json_stringn(q->v[i].value.p, q->v[i].value.n);

		if (has_pages && str_eq(name, STR("limit"))) {
			json_decref(value);
		} else if (is_list_option(k, name)) {
			json_object_setn_new(options, name.p, name.n, value);
		} else if (is_filter(k->route->res, name)) {
			json_object_setn_new(filter, name.p, name.n, value);
		} else {
			json_decref(value);
			json_decref(options);
			ask_bad_parameter(k, name, "unknown_parameter",
					  "no parameter of this list");
			return NULL;
		}
	}
	return options;
}

static void add_own_extension(const struct ask *k, json_t *options)
{
	json_object_set_new(options, "own_extension",
			    json_sprintf("%" PRIu64, k->who.extension_id));
}

static void start_list(struct ask *k, enum store_op op, ask_answer_h *fn)
{
	struct store_request req = request_for(k, op);
	struct params q;
	json_t *options;

	if (!ask_read_params(k, &q))
		return;
	options = list_options(k, &q);
	params_close(&q);
	if (!options)
		return;
	if (is_own_only(k) && route_tells_own(k->route))
		add_own_extension(k, options);
	else if (is_own_only(k))
		json_object_set_new(
			json_object_get(options, "filter"),
			is_dealers_tenant(k) ? "dealer_id"
			: owner_of(k)	     ? "owner_id"
					     : "id",
			json_sprintf("%" PRIu64, owner_of(k) ? owner_of(k) : own_id(k)));
	req.json = json_dumps(options, JSON_COMPACT);
	json_decref(options);
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, fn);
}

void list_start(struct ask *k)
{
	return start_list(k, STORE_LIST, on_page);
}

/* ---- what has changed ---- */

void changes_start(struct ask *k)
{
	json_t *args = ask_sync_args(k);

	if (!args)
		return;
	json_object_set_new(args, "resource", json_string(k->route->res->plural));
	if (is_own_only(k))
		add_own_extension(k, args);
	return ask_query(k, k->who.tenant_id, "changes", args, on_page);
}

/* ---- CSV ---- */

static void on_export(struct ask *k, const struct answer *ans)
{
	struct buf headers = {0};
	struct web_response r = {
		.status = 200, .content_type = "text/csv; charset=utf-8", .body = ans->json};

	if (ans->err)
		return on_page(k, ans);
	buf_printf(&headers, "Content-Disposition: attachment; filename=\"%s.csv\"\r\n",
		   k->route->res->plural);
	r.headers = buf_view(&headers);
	ask_reply(k, &r);
	buf_free(&headers);
}

void export_start(struct ask *k)
{
	return start_list(k, STORE_EXPORT, on_export);
}

void import_start(struct ask *k)
{
	struct store_request req = request_for(k, STORE_IMPORT);

	if (!k->is_csv)
		return ask_problem(k, PROBLEM_MEDIA_TYPE,
				   "Send the file as Content-Type: text/csv.");
	req.json = k->body;
	req.njson = k->nbody;
	k->body = NULL;
	hash_idempotency(k, &req);
	return ask_store(k, &req, ask_answered);
}
