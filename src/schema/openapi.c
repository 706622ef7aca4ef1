/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON Schema (2020-12, as OpenAPI 3.1 has it) of what object_to_json() gives and object_from_json() takes.
 *
 * The same rows of the tables say here what from_json.c checks; the tests hold the two together.
 */
#include <stdio.h>
#include <string.h>
#include "schema/object.h"
#include "schema/record.h"
#include "schema/types.h"

static const struct {
	unsigned flag;
	const char *one_char; /* class of a regular expression */
} patterns[] = {
	{NUMBER, "[0-9A-Za-z]"},
	{SIP_USER, "[0-9A-Za-z_.!~*'()&=+$,;?/-]"},
	{CAPITALS, "[A-Z]"},
};

static const struct {
	unsigned flag;
	const char *text;
} shapes[] = {
	{CLOCK_TIME, "([01][0-9]|2[0-3]):[0-5][0-9]|24:00"},
	{FEATURE_CODE, "[*#][0-9*#]*"},
	{CALENDAR_DATE, "[0-9]{4}-[0-9]{2}-[0-9]{2}"},
};

/* Sets key and takes the value, which may be NULL for want of memory. */
static int set(json_t *j, const char *key, json_t *v)
{
	return json_object_set_new(j, key, v) ? ENOMEM : 0;
}

/* "string", or ["string","null"]. */
static int set_type(json_t *j, const char *type, bool is_nullable)
{
	return set(j, "type", is_nullable ? json_pack("[s,s]", type, "null") : json_string(type));
}

/* What the whole text looks like. */
static int describe_shape(json_t *j, const struct field *f)
{
	bool is_required = f->flags & REQUIRED;
	char pattern[80];

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (!(f->flags & shapes[i].flag))
			continue;
		snprintf(pattern, sizeof(pattern), "^(%s)%s$", shapes[i].text,
			 is_required ? "" : "?");
		return set(j, "pattern", json_string(pattern));
	}
	return 0;
}

static int describe_text(json_t *j, const struct field *f)
{
	bool is_required = f->flags & REQUIRED;
	char pattern[80];
	int err = set(j, "maxLength", json_integer(f->max));

	if (!err && is_required)
		err = set(j, "minLength",
			  json_integer(f->kind == FIELD_PASSWORD ? PASSWORD_MIN : 1));
	if (!err && (f->flags & EMAIL) && is_required)
		err = set(j, "format", json_string("email"));
	for (size_t i = 0; !err && i < ARRAY_LEN(patterns); i++) {
		if (!(f->flags & patterns[i].flag))
			continue;
		if (f->flags & CAPITALS)
			snprintf(pattern, sizeof(pattern), "^(%s{%d})%s$", patterns[i].one_char,
				 (int)f->max, is_required ? "" : "?");
		else
			snprintf(pattern, sizeof(pattern), "^%s%s$", patterns[i].one_char,
				 is_required ? "+" : "*");
		err = set(j, "pattern", json_string(pattern));
	}
	return err ? err : describe_shape(j, f);
}

static int describe_choice(json_t *j, const struct enum_text *values, bool is_nullable)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < values->n; i++)
		json_array_append_new(list, json_string(values->texts[i]));
	if (list && is_nullable)
		json_array_append_new(list, json_null());
	return set(j, "enum", list);
}

static int describe_dest(json_t *j, const struct field *f)
{
	json_t *kind = json_pack("{s:s}", "type", "string");
	int err = kind ? describe_choice(kind, f->values, false) : ENOMEM;

	if (err) {
		json_decref(kind);
		return err;
	}
	err = set(j, "properties",
		  json_pack("{s:o,s:{s:[s,s],s:s}}", "kind", kind, "id", "type", "string", "null",
			    "pattern", "^[1-9][0-9]*$"));
	if (!err)
		err = set(j, "required", json_pack("[s]", "kind"));
	return err ? err : set(j, "additionalProperties", json_false());
}

static json_t *fields_openapi(const struct field *fields, size_t n, bool is_input);

static int describe_list(json_t *j, const struct field *f, bool is_input)
{
	int err = set(j, "maxItems", json_integer(f->max));

	return err ? err
		   : set(j, "items", fields_openapi(f->child->fields, f->child->nfields, is_input));
}

static int describe_int(json_t *j, const struct field *f)
{
	int err = set(j, "minimum", json_integer(f->min));

	return err || f->max == INT64_MAX ? err : set(j, "maximum", json_integer(f->max));
}

/* The type and what limits it.  Input takes null for the default; output has null where there is nothing. */
static int describe_kind(json_t *j, const struct field *f, bool is_input)
{
	bool is_nullable = is_input && !(f->flags & REQUIRED);
	int err;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
	case FIELD_CHARS:
		err = set_type(j, "string", is_nullable);
		return err ? err : describe_text(j, f);
	case FIELD_INT:
		err = set_type(j, "integer", is_nullable);
		return err ? err : describe_int(j, f);
	case FIELD_BOOL:
		return set_type(j, "boolean", is_nullable);
	case FIELD_ENUM:
		err = set_type(j, "string", is_nullable);
		return err ? err : describe_choice(j, f->values, is_nullable);
	case FIELD_REF:
	case FIELD_ID:
		err = set_type(j, "string", !(f->flags & REQUIRED));
		if (!err && f->kind == FIELD_REF)
			err = set(j, "x-refers-to", json_string(f->ref->plural));
		return err ? err
			   : set(j, "pattern",
				 json_string(is_nullable ? "^([1-9][0-9]*)?$" : "^[1-9][0-9]*$"));
	case FIELD_DEST:
		err = set_type(j, "object", is_nullable);
		return err ? err : describe_dest(j, f);
	case FIELD_LIST:
		err = set_type(j, "array", is_nullable);
		return err ? err : describe_list(j, f, is_input);
	case FIELD_TIME:
		err = set_type(j, "string", !(f->flags & REQUIRED));
		return err ? err : set(j, "format", json_string("date-time"));
	}
	return EINVAL;
}

static int describe_default(json_t *j, const struct field *f)
{
	if (f->flags & (REQUIRED | GENERATED | READ_ONLY))
		return 0;
	switch (f->kind) {
	case FIELD_TEXT:
		return set(j, "default", json_string(f->text_default));
	case FIELD_INT:
		return set(j, "default", json_integer(f->int_default));
	case FIELD_BOOL:
		return set(j, "default", json_boolean(f->int_default));
	case FIELD_ENUM:
		return set(j, "default", json_string(enum_name(f->values, (int)f->int_default)));
	default:
		return 0;
	}
}

/* What the server made up is in the answer to the POST, and never again. */
static bool is_told_once(const struct field *f)
{
	return f->kind == FIELD_SECRET && f->flags & GENERATED;
}

static bool is_shown(const struct field *f, bool is_input)
{
	if (is_input)
		return !(f->flags & READ_ONLY);
	return is_told_once(f) ||
	       (!(f->flags & CREATE_ONLY) && f->kind != FIELD_SECRET && f->kind != FIELD_PASSWORD);
}

static const char *note_on(const struct field *f, bool is_input)
{
	if (!is_input && is_told_once(f))
		return " (only in the answer to its creation, when it was generated)";
	if (f->flags & CREATE_ONLY)
		return " (only when it is created)";
	return f->flags & ADMIN_SETS ? " (set by the administrator of the system)" : "";
}

static json_t *field_openapi(const struct field *f, bool is_input)
{
	json_t *j = json_object();
	char doc[256];
	int err;

	if (!j)
		return NULL;
	snprintf(doc, sizeof(doc), "%s%s", f->doc, note_on(f, is_input));
	err = set(j, "description", json_string(doc));
	if (!err)
		err = describe_kind(j, f, is_input);
	if (!err && is_input)
		err = describe_default(j, f);
	if (!err && is_input && (f->kind == FIELD_SECRET || f->kind == FIELD_PASSWORD))
		err = set(j, "writeOnly", json_true());
	if (!err && !is_input && f->flags & READ_ONLY)
		err = set(j, "readOnly", json_true());
	if (err) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* Output always has every field but what is told once; input must have what is required. */
static json_t *fields_openapi(const struct field *fields, size_t n, bool is_input)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *j = json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "required", required,
			      "properties", properties, "additionalProperties", 0);

	for (size_t i = 0; j && i < n; i++) {
		if (!is_shown(&fields[i], is_input))
			continue;
		if (set(properties, fields[i].name, field_openapi(&fields[i], is_input)) ||
		    ((is_input ? fields[i].flags & REQUIRED : !is_told_once(&fields[i])) &&
		     json_array_append_new(required, json_string(fields[i].name)))) {
			json_decref(j);
			j = NULL;
		}
	}
	return j;
}

/* id, and revision where there is one, in front of the fields. */
static json_t *with_head(json_t *j, bool has_revision)
{
	json_t *head = json_object(), *required = json_object_get(j, "required");
	int err = head ? 0 : ENOMEM;

	if (!err)
		err = set(head, "id",
			  json_pack("{s:s,s:s,s:b}", "type", "string", "pattern", "^[1-9][0-9]*$",
				    "readOnly", 1));
	if (!err && has_revision)
		err = set(head, "revision",
			  json_pack("{s:s,s:i,s:b,s:s}", "type", "integer", "minimum", 0,
				    "readOnly", 1, "description",
				    "the tenant's revision when this last changed: its ETag"));
	if (!err && (json_object_update_missing(head, json_object_get(j, "properties")) ||
		     json_array_insert_new(required, 0, json_string("id")) ||
		     (has_revision && json_array_insert_new(required, 1, json_string("revision")))))
		err = ENOMEM;
	if (!j || err) {
		json_decref(head);
		json_decref(j);
		return NULL;
	}
	if (set(j, "properties", head)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *with_doc(json_t *j, const char *doc)
{
	if (j && set(j, "description", json_string(doc))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

json_t *resource_openapi(const struct resource *r, bool input)
{
	json_t *j = fields_openapi(r->fields, r->nfields, input);

	return with_doc(input ? j : with_head(j, true), r->doc);
}

json_t *record_openapi(const struct record_table *t)
{
	return with_doc(with_head(fields_openapi(t->fields, t->nfields, false), false), t->doc);
}
