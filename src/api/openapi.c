/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/openapi.h"
#include "api/pages.h"
#include "api/problem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Which statuses an operation may answer beside success: those that need something of it. */
static const struct {
	unsigned status;
	bool user;	/* every operation of signed-in users */
	unsigned takes; /* any of these */
} expected[] = {
	{400, true, 0},
	{401, true, 0},
	{403, true, 0},
	{404, true, 0},
	{409, false, TAKES_IDEMPOTENCY | TAKES_IF_MATCH},
	{412, false, TAKES_IF_MATCH},
	{413, false, TAKES_BODY | TAKES_CSV | TAKES_BYTES},
	{415, false, TAKES_BODY | TAKES_CSV | TAKES_BYTES},
	{422, false, TAKES_BODY | TAKES_CSV | TAKES_BYTES},
	{429, true, 0},
	{503, true, 0},
	{507, false, TAKES_IDEMPOTENCY | TAKES_IF_MATCH},
};

static json_t *ref(const char *kind, const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

static void add_parameter(json_t *list, const char *name)
{
	json_array_append_new(list, ref("parameters", name));
}

static bool is_filter_kind(const struct field *f)
{
	return !(f->flags & CREATE_ONLY) && f->kind != FIELD_LIST && f->kind != FIELD_DEST &&
	       f->kind != FIELD_SECRET && f->kind != FIELD_PASSWORD;
}

/* sort: the names of fields up and down; and each field as a filter. */
static void add_list_parameters(json_t *list, const struct resource *res)
{
	json_t *names = json_array();

	json_array_append_new(names, json_string("id"));
	json_array_append_new(names, json_string("-id"));
	for (size_t i = 0; i < res->nfields; i++) {
		const struct field *f = &res->fields[i];

		if (!is_filter_kind(f))
			continue;
		json_array_append_new(names, json_string(f->name));
		json_array_append_new(names, json_sprintf("-%s", f->name));
	}
	json_array_append_new(list,
			      json_pack("{s:s,s:s,s:s,s:{s:s,s:o}}", "name", "sort", "in", "query",
					"description", "field to sort by; with - descending",
					"schema", "type", "string", "enum", names));
	for (size_t i = 0; i < res->nfields; i++) {
		const struct field *f = &res->fields[i];

		if (is_filter_kind(f))
			json_array_append_new(
				list, json_pack("{s:s,s:s,s:o,s:{s:s}}", "name", f->name, "in",
						"query", "description",
						json_sprintf("only those with this %s", f->name),
						"schema", "type", "string"));
	}
}

static json_t *parameters(const struct route *r)
{
	static const struct {
		unsigned takes;
		const char *name;
	} table[] = {
		{TAKES_ID, "id"},
		{TAKES_PAGE, "limit"},
		{TAKES_PAGE, "cursor"},
		{TAKES_LIST, "q"},
		{TAKES_IF_MATCH, "if_match"},
		{TAKES_IDEMPOTENCY, "idempotency_key"},
		{TAKES_CDR_FILTER, "from"},
		{TAKES_CDR_FILTER, "to"},
		{TAKES_CDR_FILTER, "caller"},
		{TAKES_CDR_FILTER, "callee"},
		{TAKES_CDR_FILTER, "status"},
		{TAKES_RECORDING_FILTER, "from"},
		{TAKES_RECORDING_FILTER, "to"},
		{TAKES_RECORDING_FILTER, "caller"},
		{TAKES_RECORDING_FILTER, "callee"},
		{TAKES_RECORDING_FILTER, "call_id"},
		{TAKES_RANGE, "from"},
		{TAKES_RANGE, "to"},
		{TAKES_MESSAGE_FILTER, "from"},
		{TAKES_MESSAGE_FILTER, "to"},
		{TAKES_MESSAGE_FILTER, "sender"},
		{TAKES_MESSAGE_FILTER, "recipient"},
		{TAKES_MESSAGE_FILTER, "message_status"},
		{TAKES_AUDIT_FILTER, "from"},
		{TAKES_AUDIT_FILTER, "to"},
		{TAKES_AUDIT_FILTER, "resource"},
		{TAKES_AUDIT_FILTER, "resource_id"},
		{TAKES_EVENT_FILTER, "from"},
		{TAKES_EVENT_FILTER, "to"},
		{TAKES_EVENT_FILTER, "event_key"},
		{TAKES_EVENT_FILTER, "event_number"},
		{TAKES_DELIVERY_FILTER, "webhook_id"},
		{TAKES_DELIVERY_FILTER, "delivery_state"},
		{TAKES_MAIL_FILTER, "mail_state"},
		{TAKES_EVENTS, "topics"},
		{TAKES_EVENTS, "since"},
		{TAKES_EVENTS, "access_token"},
		{TAKES_AUDIT_FILTER, "actor"},
		{TAKES_AUDIT_FILTER, "outcome"},
		{TAKES_OFFSET, "offset"},
		{TAKES_FIELDS, "fields"},
		{TAKES_SYNC, "sync_since"},
		{TAKES_TENANT_NAME, "tenantname"},
		{TAKES_EXTENSION, "extension_number"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (r->takes & table[i].takes)
			add_parameter(list, table[i].name);
	if (r->takes & TAKES_LIST)
		add_list_parameters(list, r->res);
	if (r->access != ACCESS_PUBLIC)
		add_parameter(list, "tenant");
	return list;
}

static json_t *content(const char *schema)
{
	struct str rest = str_of(schema);
	json_t *j;

	if (!strchr(schema, '/'))
		return json_pack("{s:{s:o}}", "application/json", "schema", ref("schemas", schema));
	j = json_object(); /* types of media, with spaces */
	while (rest.n) {
		struct str type = str_cut(&rest, ' ');

		json_object_setn_new(j, type.p, type.n,
				     json_pack("{s:{s:s}}", "schema", "type", "string"));
	}
	return j;
}

static json_t *success(const struct route *r)
{
	json_t *headers = json_pack("{s:o}", "X-Request-Id", ref("headers", "X-Request-Id"));
	json_t *j = json_pack("{s:s,s:o}", "description",
			      r->status == 201	 ? "Created"
			      : r->status == 101 ? "It is a WebSocket now"
			      : r->status == 202 ? "It has begun"
			      : r->status == 204 ? "Done"
						 : "OK",
			      "headers", headers);

	if (r->output)
		json_object_set_new(j, "content", content(r->output));
	if (r->res && r->op != OP_LIST && r->status != 204 && !(r->takes & TAKES_CSV))
		json_object_set_new(headers, "ETag", ref("headers", "ETag"));
	if (r->status == 201) {
		json_object_set_new(headers, "Location", ref("headers", "Location"));
		json_object_set_new(headers, "Idempotency-Replayed",
				    ref("headers", "Idempotency-Replayed"));
	}
	return j;
}

static void add_problem(json_t *responses, unsigned status)
{
	char key[12], name[16];

	snprintf(key, sizeof(key), "%u", status);
	snprintf(name, sizeof(name), "problem_%u", status);
	json_object_set_new(responses, key, ref("responses", name));
}

static json_t *responses(const struct route *r)
{
	json_t *j = json_object();
	char key[12];

	snprintf(key, sizeof(key), "%u", r->status);
	json_object_set_new(j, key, success(r));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		if ((expected[i].user && r->access != ACCESS_PUBLIC) ||
		    (expected[i].takes & r->takes))
			add_problem(j, expected[i].status);
	if (!strcmp(r->operation_id, "login") || !strcmp(r->operation_id, "create_setup")) {
		add_problem(j, 400);
		add_problem(j, 401);
		if (!strcmp(r->operation_id, "login"))
			add_problem(j, 403);
		add_problem(j, 429);
		add_problem(j, 503);
	}
	if (!strcmp(r->operation_id, "undo_audit_log"))
		add_problem(j, 409);
	if (!strncmp(r->path, "/api/backup", 11) && r->op != OP_LIST && r->op != OP_GET)
		add_problem(j, 409);
	if (r->takes & TAKES_EVENTS)
		add_problem(j, 426);
	if (!strcmp(r->operation_id, "get_readyz") || !strcmp(r->operation_id, "get_setup"))
		add_problem(j, 503);
	json_object_set_new(j, "default", ref("responses", "problem"));
	return j;
}

static json_t *operation(const struct route *r)
{
	json_t *j = json_pack("{s:s,s:s,s:[s],s:o,s:o}", "operationId", r->operation_id, "summary",
			      r->summary, "tags", r->tag, "parameters", parameters(r), "responses",
			      responses(r));

	if (r->access == ACCESS_PUBLIC)
		json_object_set_new(j, "security", json_array());
	else
		json_object_set_new(j, "x-roles",
				    json_pack("{s:b,s:b,s:b,s:b}", "administrator",
					      r->right[ROLE_ADMIN] != RIGHT_NO, "tenant",
					      r->right[ROLE_TENANT] != RIGHT_NO, "extension",
					      r->right[ROLE_EXTENSION] != RIGHT_NO, "dealer",
					      r->right[ROLE_DEALER] != RIGHT_NO));
	if (r->input)
		json_object_set_new(
			j, "requestBody",
			json_pack("{s:b,s:o}", "required", 1, "content", content(r->input)));
	return j;
}

static json_t *member(json_t *parent, const char *name)
{
	json_t *j = json_object_get(parent, name);

	if (!j) {
		j = json_object();
		json_object_set_new(parent, name, j);
	}
	return j;
}

static void add_paths(json_t *paths, const struct routes *routes)
{
	for (size_t i = 0; i < routes->n; i++) {
		const struct route *r = &routes->v[i];
		char method[16] = "";

		for (size_t k = 0; r->method[k] && k < sizeof(method) - 1; k++)
			method[k] = (char)tolower((unsigned char)r->method[k]);
		json_object_set_new(member(paths, r->path), method, operation(r));
	}
}

static json_t *problem_response(const char *description, json_t *examples)
{
	return json_pack("{s:s,s:{s:o},s:{s:{s:o,s:o}}}", "description", description, "headers",
			 "X-Request-Id", ref("headers", "X-Request-Id"), "content",
			 "application/problem+json", "schema", ref("schemas", "Problem"),
			 "examples", examples);
}

static json_t *problem_example(enum problem kind)
{
	const struct problem_kind *p = &problem_kinds[kind];
	json_t *value = json_pack("{s:o,s:s,s:i,s:s}", "type",
				  json_sprintf("/api/docs#problem-%s", p->slug), "title", p->title,
				  "status", (int)p->status, "detail", p->doc);

	if (kind == PROBLEM_INVALID || kind == PROBLEM_CONFLICT)
		json_object_set_new(value, "errors",
				    json_pack("[{s:s,s:s,s:s}]", "field", "number", "code",
					      p->status == 409 ? "taken" : "required", "message",
					      p->status == 409 ? "101 is taken" : "must be given"));
	return json_pack("{s:o}", "value", value);
}

/* One response for each status, its kinds as examples. */
static void add_problems(json_t *components)
{
	json_t *all = member(components, "responses");

	for (size_t i = 0; i < PROBLEM_NKINDS; i++) {
		const struct problem_kind *p = &problem_kinds[i];
		char name[16];
		json_t *j, *media, *doc;

		snprintf(name, sizeof(name), "problem_%u", p->status);
		j = json_object_get(all, name);
		if (!j) {
			j = problem_response(p->title, json_object());
			json_object_set_new(all, name, j);
			if (p->status == 429 || p->status == 503)
				json_object_set_new(json_object_get(j, "headers"), "Retry-After",
						    ref("headers", "Retry-After"));
		}
		media = json_object_get(json_object_get(j, "content"), "application/problem+json");
		json_object_set_new(json_object_get(media, "examples"), p->slug,
				    problem_example((enum problem)i));
		doc = json_object_get(j, "x-kinds");
		if (!doc) {
			doc = json_object();
			json_object_set_new(j, "x-kinds", doc);
		}
		json_object_set_new(doc, p->slug, json_string(p->doc));
	}
	json_object_set_new(all, "problem", problem_response("Any other problem", json_object()));
}

static void add_tags(json_t *tags)
{
	for (size_t i = 0; resources[i]; i++)
		json_array_insert_new(tags, i + 1,
				      json_pack("{s:s,s:s}", "name", resources[i]->plural,
						"description", resources[i]->doc));
}

int openapi_make(const struct routes *routes, char **textp, size_t *np)
{
	struct str base = page_text("openapi.json");
	json_t *doc = json_loadb(base.p, base.n, 0, NULL);
	json_t *components = json_object_get(doc, "components");
	int err;

	BUG(!doc && base.n == 0);
	if (!doc)
		return ENOMEM;
	err = openapi_schemas(json_object_get(components, "schemas"));
	if (err) {
		json_decref(doc);
		return err;
	}
	add_tags(json_object_get(doc, "tags"));
	add_problems(components);
	add_paths(json_object_get(doc, "paths"), routes);
	*textp = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!*textp)
		return ENOMEM;
	*np = strlen(*textp);
	return 0;
}
