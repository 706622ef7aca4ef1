/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schemas of resources and records, each with an example made from its fields.
 */
#include "api/openapi.h"
#include "schema/enums.h"
#include "schema/record.h"
#include <stdio.h>
#include <string.h>

static json_t *ref(const char *name)
{
	return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *example_of(const struct resource *res, bool input);

static json_t *text_example(const struct field *f)
{
	if (f->flags & NUMBER)
		return json_string("101");
	if (f->flags & CREATE_ONLY && !strcmp(f->name, "username"))
		return json_string("anna");
	if (f->flags & EMAIL)
		return json_string("anna@example.com");
	if (f->flags & HOSTNAME)
		return json_string("sip.example.com");
	if (f->flags & NETWORK)
		return json_string("2001:db8:7::/48");
	if (f->flags & LINES && f->flags & REQUIRED)
		return json_string("-----BEGIN CERTIFICATE-----\nMIIB...\n"
				   "-----END CERTIFICATE-----\n");
	if (f->flags & CLOCK_TIME)
		return json_string("08:00");
	if (f->flags & CALENDAR_DATE)
		return json_string("2026-12-25");
	if (f->flags & TIMEZONE)
		return json_string("Europe/Berlin");
	if (f->flags & SIP_USER)
		return json_string("101");
	if (f->text_default && *f->text_default)
		return json_string(f->text_default);
	if (f->flags & (CAPITALS | DIRECTORY))
		return (f->flags & REQUIRED) ? json_string("example") : json_string("");
	if (f->flags & REQUIRED && f->max < (int64_t)strlen("example"))
		return json_string("7");
	return json_string((f->flags & REQUIRED) ? "example" : "");
}

static bool is_pin(const struct field *f)
{
	size_t n = strlen(f->name);

	return n >= 3 && !strcmp(f->name + n - 3, "pin");
}

static json_t *field_example(const struct field *f, bool input)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_CHARS:
		return text_example(f);
	case FIELD_INT:
		return json_integer(f->int_default);
	case FIELD_BOOL:
		return json_boolean(f->int_default);
	case FIELD_ENUM:
		return json_string(enum_name(f->values, (int)f->int_default));
	case FIELD_REF:
	case FIELD_ID:
		return json_string("3");
	case FIELD_DEST:
		return json_pack("{s:s}", "kind", enum_name(f->values, 0));
	case FIELD_LIST:
		return json_pack("[o]", example_of(f->child, input));
	case FIELD_SECRET:
		return json_string(is_pin(f) ? "471147" : "Xb7cMq92LkdTw4PzR8sV");
	case FIELD_PASSWORD:
		return json_string("correct horse battery");
	case FIELD_TIME:
		return json_string("2026-11-20T15:00:00.000Z");
	}
	return json_null();
}

static bool is_shown(const struct field *f, bool input)
{
	if (input)
		return !(f->flags & READ_ONLY);
	return f->kind != FIELD_SECRET && f->kind != FIELD_PASSWORD && !(f->flags & CREATE_ONLY);
}

static json_t *example_of(const struct resource *res, bool input)
{
	json_t *j = json_object();

	if (!input && res->plural) {
		json_object_set_new(j, "id", json_string("3"));
		json_object_set_new(j, "revision", json_integer(17));
	}
	for (size_t i = 0; i < res->nfields; i++)
		if (is_shown(&res->fields[i], input))
			json_object_set_new(j, res->fields[i].name,
					    field_example(&res->fields[i], input));
	return j;
}

static int put(json_t *schemas, const char *name, const char *suffix, json_t *schema)
{
	char key[96];

	snprintf(key, sizeof(key), "%s%s", name, suffix);
	if (!schema)
		return ENOMEM;
	return json_object_set_new(schemas, key, schema) ? ENOMEM : 0;
}

/* What an import has made. */
static json_t *list_of(const char *one)
{
	return json_pack("{s:s,s:[s],s:{s:{s:s,s:{s:o}}},s:b}", "type", "object", "required",
			 "items", "properties", "items", "type", "array", "items", "$ref",
			 json_sprintf("#/components/schemas/%s", one), "additionalProperties", 0);
}

static json_t *page_of(const char *name)
{
	return json_pack("{s:s,s:[s,s],s:{s:{s:s,s:o},s:{s:[s,s],s:s}},s:b}", "type", "object",
			 "required", "items", "next", "properties", "items", "type", "array",
			 "items", ref(name), "next", "type", "string", "null", "description",
			 "cursor of the next page; null: this is the last", "additionalProperties",
			 0);
}

static json_t *changes_of(const char *name)
{
	return json_pack(
		"{s:s,s:[s,s,s,s],s:{s:{s:s,s:o},s:{s:s,s:o,s:s},s:{s:s,s:s},s:{s:s,s:s}},s:b}",
		"type", "object", "required", "items", "deleted", "next", "has_more", "properties",
		"items", "type", "array", "items", ref(name), "deleted", "type", "array", "items",
		ref("Id"), "description", "ids of those that are gone", "next", "type", "string",
		"description", "since of the next request", "has_more", "type", "boolean",
		"description", "more is there already", "additionalProperties", 0);
}

/* PATCH: nothing must be given, and what only POST takes is gone. */
static json_t *change_of(const struct resource *res)
{
	json_t *j = resource_openapi(res, true), *properties = json_object_get(j, "properties");
	json_t *example = json_object();

	json_object_del(j, "required");
	for (size_t i = 0; i < res->nfields; i++)
		if (res->fields[i].flags & CREATE_ONLY)
			json_object_del(properties, res->fields[i].name);
	for (size_t i = 0; i < res->nfields && !json_object_size(example); i++)
		if (is_shown(&res->fields[i], true) && !(res->fields[i].flags & CREATE_ONLY))
			json_object_set_new(example, res->fields[i].name,
					    field_example(&res->fields[i], true));
	json_object_set_new(j, "examples", json_pack("[o]", example));
	return j;
}

static json_t *with_example(json_t *schema, json_t *example)
{
	if (schema)
		json_object_set_new(schema, "examples", json_pack("[o]", example));
	else
		json_decref(example);
	return schema;
}

static int add_resource(json_t *schemas, const struct resource *res)
{
	char one[64];
	int err;

	route_singular(one, res);
	err = put(schemas, one, "",
		  with_example(resource_openapi(res, false), example_of(res, false)));
	if (!err)
		err = put(schemas, one, "_new",
			  with_example(resource_openapi(res, true), example_of(res, true)));
	if (!err)
		err = put(schemas, one, "_change", change_of(res));
	if (!err)
		err = put(schemas, one, "_page", page_of(one));
	if (!err && res->scope == SCOPE_TENANT)
		err = put(schemas, one, "_changes", changes_of(one));
	if (!err && !scope_is_one(res->scope))
		err = put(schemas, one, "_list", list_of(one));
	return err;
}

/* A live call looks like its record, with the record's id. */
static int add_session(json_t *schemas)
{
	json_t *j = record_openapi(&record_tables[RECORD_CALL]);

	if (!j)
		return ENOMEM;
	json_object_set_new(json_object_get(j, "properties"), "cdr_id", ref("Id"));
	json_object_set_new(json_object_get(j, "properties"), "tenant_id", ref("Id"));
	json_object_set_new(j, "description",
			    json_string("a call in progress; cdr_id is its record"));
	return put(schemas, "session", "", j);
}

static int add_records(json_t *schemas)
{
	json_t *detail = record_openapi(&record_tables[RECORD_CALL]),
	       *properties = json_object_get(detail, "properties");
	int err;

	json_object_set_new(properties, "legs",
			    json_pack("{s:s,s:o}", "type", "array", "items", ref("cdr_leg")));
	json_object_set_new(properties, "segments",
			    json_pack("{s:s,s:o}", "type", "array", "items", ref("cdr_segment")));
	err = put(schemas, "cdr_detail", "", detail);
	if (!err)
		err = put(schemas, "cdr", "", record_openapi(&record_tables[RECORD_CALL]));
	if (!err)
		err = put(schemas, "cdr_leg", "", record_openapi(&record_tables[RECORD_LEG]));
	if (!err)
		err = put(schemas, "cdr_segment", "",
			  record_openapi(&record_tables[RECORD_SEGMENT]));
	if (!err)
		err = put(schemas, "cdr_changes", "", changes_of("cdr"));
	if (!err)
		err = put(schemas, "member_changes", "", changes_of("member"));
	if (!err)
		err = put(schemas, "message", "", record_openapi(&record_tables[RECORD_MESSAGE]));
	if (!err)
		err = put(schemas, "event_log", "", record_openapi(&record_tables[RECORD_EVENT]));
	if (!err)
		err = put(schemas, "recording", "",
			  record_openapi(&record_tables[RECORD_RECORDING]));
	return err;
}

int openapi_schemas(json_t *schemas)
{
	static const char *const pages[] = {"registration", "session",	       "blocked_address",
					    "trunk_state",  "transport_state", "cdr",
					    "message",	    "event_log",       "audit_log",
					    "balance",	    "backup",	       "recording"};
	int err = 0;

	for (size_t i = 0; resources[i] && !err; i++)
		err = add_resource(schemas, resources[i]);
	if (!err)
		err = add_session(schemas);
	if (!err)
		err = add_records(schemas);
	for (size_t i = 0; i < ARRAY_LEN(pages) && !err; i++)
		err = put(schemas, pages[i], "_page", page_of(pages[i]));
	return err;
}
