/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The constant tables, made from the .def files in three readings: fields, heads, lists.  Nothing here names a resource.
 */
#include <stdio.h>
#include <string.h>
#include "schema/record.h"
#include "schema/types.h"

#define QUOTE_(x) #x
#define QUOTE(x)  QUOTE_(x)

/* clang-format off */

/* Values of enums. */
#define ENUMERATION(name) static const char *const name##_texts[] = {
#define E(constant, text) [constant] = text,
#define END() };
#include "schema/enums.def"

#define ENUMERATION(name) \
	const struct enum_text enum_text_##name = {#name, name##_texts, ARRAY_LEN(name##_texts)};
#include "schema/enums.def"

enum { SECRET_MAX = 128, SECRET_LINES_MAX = 16384 }; /* an argon2id string fits too */

/* Fields of resources. */
#define ENTRY(n, k, fl, d) .name = #n, .kind = k, .flags = fl, .offset = offsetof(struct THIS, n), .doc = d
#define RESOURCE(plural, scope, doc) static const struct field SCHEMA_JOIN(THIS, _fields)[] = {
#define CHILD(doc) RESOURCE(, , )
#define TEXT(n, mx, fl, df, d) {ENTRY(n, FIELD_TEXT, fl, d), .max = mx, .text_default = df},
#define INT(n, df, lo, hi, fl, d) {ENTRY(n, FIELD_INT, fl, d), .min = lo, .max = hi, .int_default = df},
#define BOOL(n, fl, df, d) {ENTRY(n, FIELD_BOOL, fl, d), .max = 1, .int_default = df},
#define ENUM(n, type, fl, df, d) \
	{ENTRY(n, FIELD_ENUM, fl, d), .values = &enum_text_##type, .int_default = df},
#define REF(n, target, fl, d) {ENTRY(n, FIELD_REF, fl, d), .ref = &resource_##target},
#define ID(n, fl, d) {ENTRY(n, FIELD_ID, fl, d)},
#define DEST(n, fl, d) {ENTRY(n, FIELD_DEST, fl, d), .values = &enum_text_dest_kind},
#define LIST(n, ch, fl, mx, d) {ENTRY(n, FIELD_LIST, fl, d), .max = mx, .child = &resource_##ch},
#define SECRET(n, fl, d) \
	{ENTRY(n, FIELD_SECRET, fl, d), .max = ((fl) & LINES) ? SECRET_LINES_MAX : SECRET_MAX, .text_default = ""},
#define PASSWORD(n, fl, d) {ENTRY(n, FIELD_PASSWORD, fl, d), .max = SECRET_MAX, .text_default = ""},
#define TIME(n, fl, d) {ENTRY(n, FIELD_TIME, fl, d), .max = INT64_MAX},
#define END() };
#include "schema/resources.def"

/* Heads of resources. */
#define RESOURCE(pl, sc, d)                                          \
	const struct resource SCHEMA_JOIN(resource_, THIS) = {       \
		.name = QUOTE(THIS),                                 \
		.plural = pl,                                        \
		.scope = sc,                                         \
		.fields = SCHEMA_JOIN(THIS, _fields),                \
		.nfields = ARRAY_LEN(SCHEMA_JOIN(THIS, _fields)),    \
		.size = sizeof(struct THIS),                         \
		.doc = d,                                            \
	};
#define CHILD(d) RESOURCE(NULL, SCOPE_CHILD, d)
#include "schema/resources.def"

const struct resource *const resources[] = {
#define RESOURCE(pl, sc, d) &SCHEMA_JOIN(resource_, THIS),
#include "schema/resources.def"
	NULL,
};

/* Fields and heads of records. */
#define RECORD(kind, pl, d) static const struct field SCHEMA_JOIN(THIS, _fields)[] = {
#define TEXT(n, mx, fl, df, d) {ENTRY(n, FIELD_CHARS, fl, d), .max = mx, .text_default = df},
#define INT(n, df, lo, hi, fl, d) {ENTRY(n, FIELD_INT, fl, d), .min = lo, .max = hi, .int_default = df},
#define ID(n, fl, d) {ENTRY(n, FIELD_ID, fl, d)},
#define TIME(n, fl, d) {ENTRY(n, FIELD_TIME, fl, d), .max = INT64_MAX},
#define END() };
#include "schema/records.def"

const struct record_table record_tables[RECORD_NTABLES] = {
#define RECORD(kind, pl, d)                                          \
	[RECORD_##kind] = {                                          \
		.name = QUOTE(THIS),                                 \
		.plural = pl,                                        \
		.fields = SCHEMA_JOIN(THIS, _fields),                \
		.nfields = ARRAY_LEN(SCHEMA_JOIN(THIS, _fields)),    \
		.size = sizeof(struct THIS),                         \
		.doc = d,                                            \
	},
#include "schema/records.def"
};
/* clang-format on */

int enum_value(const struct enum_text *e, struct str text)
{
	for (size_t i = 0; i < e->n; i++)
		if (str_eq(text, str_of(e->texts[i])))
			return (int)i;
	return -1;
}

const char *enum_name(const struct enum_text *e, int value)
{
	return value >= 0 && (size_t)value < e->n ? e->texts[value] : NULL;
}

const struct resource *resource_by_plural(struct str plural)
{
	for (size_t i = 0; resources[i]; i++)
		if (str_eq(plural, str_of(resources[i]->plural)))
			return resources[i];
	return NULL;
}

const struct resource *resource_by_name(struct str name)
{
	for (size_t i = 0; resources[i]; i++)
		if (str_eq(name, str_of(resources[i]->name)))
			return resources[i];
	return NULL;
}

const struct field *resource_field(const struct resource *r, struct str name)
{
	for (size_t i = 0; i < r->nfields; i++)
		if (str_eq(name, str_of(r->fields[i].name)))
			return &r->fields[i];
	return NULL;
}

const struct field *resource_limit(const struct resource *r)
{
	char name[64];

	if (!r->plural)
		return NULL;
	snprintf(name, sizeof(name), "max_%s", r->plural);
	return resource_field(&resource_tenant, str_of(name));
}

const struct field *resource_owner(const struct resource *r)
{
	for (size_t i = 0; i < r->nfields; i++)
		if (r->fields[i].flags & OWNER)
			return &r->fields[i];
	return NULL;
}

const struct field *resource_template(const struct resource *r)
{
	const struct field *f = resource_field(r, STR("template_id"));

	return f && f->kind == FIELD_REF ? f : NULL;
}

const struct resource *resource_follower(const struct resource *tmpl)
{
	for (size_t i = 0; resources[i]; i++) {
		const struct field *f = resource_template(resources[i]);

		if (f && f->ref == tmpl)
			return resources[i];
	}
	return NULL;
}

const struct resource *dest_resource(int kind)
{
	return resource_by_name(str_of(enum_name(&enum_text_dest_kind, kind)));
}
