/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resources, each described once: the field table that columns, JSON, validation, OpenAPI, audit and the command line read.
 *
 * A resource is a `.def` file in this folder and one line in resources.def.  The struct of its objects (schema/types.h)
 * and its table come from the same lines, so neither can say what the other does not.
 *
 * Thread     any: tables are constant, objects immutable once built
 * Ownership  object_free() releases an object and all its text; an object handed to another thread is owned by it
 * Errors     ENOMEM, or EINVAL with the reasons in struct field_errors
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <jansson.h>
#include "base/buf.h"

enum field_kind {
	FIELD_TEXT,	/* const char *, never NULL */
	FIELD_INT,	/* int64_t */
	FIELD_BOOL,	/* bool */
	FIELD_ENUM,	/* int */
	FIELD_REF,	/* uint64_t id, 0 = none */
	FIELD_DEST,	/* struct dest: one of several kinds */
	FIELD_LIST,	/* struct object_list: ordered children */
	FIELD_SECRET,	/* const char * in clear; encrypted at rest; never in JSON */
	FIELD_PASSWORD, /* const char *: argon2id string; JSON takes the clear text, never returns */
	FIELD_TIME,	/* int64_t µs since 1970, RFC 3339 in JSON */
};

enum field_flag {
	REQUIRED = 1 << 0,
	UNIQUE = 1 << 1,      /* within the tenant */
	NUMBER = 1 << 2,      /* a row of the tenant's shared number space (SYS-10) */
	DIRECTORY = 1 << 3,   /* unique in the system when not empty */
	CREATE_ONLY = 1 << 4, /* taken by POST, not stored with this resource */
	GENERATED = 1 << 5,   /* made when empty */
	READ_ONLY = 1 << 6,   /* set by the server */
	ADMIN_SETS = 1 << 7,  /* only an administrator of the system may set it; the tenant sees it */
	HOSTNAME = 1 << 8,    /* syntax checks */
	EMAIL = 1 << 9,
	TIMEZONE = 1 << 10,
};

enum scope { SCOPE_SYSTEM, SCOPE_TENANT, SCOPE_ANY };

struct resource;
struct enum_text {
	const char *name; /* of the enum */
	const char *const *texts;
	size_t n;
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;	       /* in the object's struct */
	int64_t min, max;      /* INT: value; TEXT: max length; LIST: max members */
	const char *text_default;
	int64_t int_default;
	const struct enum_text *values;
	const struct resource *ref;   /* REF */
	const struct resource *child; /* LIST */
	const char *doc;
};

struct resource {
	const char *name;   /* "extension" */
	const char *plural; /* "extensions" */
	enum scope scope;
	const struct field *fields;
	size_t nfields;
	size_t size; /* of the struct */
};

/* Head of every object. */
struct object {
	const struct resource *res;
	uint64_t tenant_id;
	uint64_t id;
	uint64_t revision; /* of the tenant, when last changed: the ETag */
};

struct dest {
	int kind; /* enum dest_kind */
	uint64_t id;
};

struct object_list {
	struct object **v; /* typed by field->child; tenant_id, id unused */
	size_t n;
};

extern const struct resource *const resources[]; /* NULL-terminated, in the order of resources.def */
const struct resource *resource_by_plural(struct str plural);
const struct resource *resource_by_name(struct str name);
const struct field *resource_field(const struct resource *r, struct str name);

/* What a user did wrong, with field and rule: becomes "errors" of problem+json. */
struct field_error {
	char field[64]; /* "members[2].extension_id" */
	char code[32];	/* required, too_long, out_of_range, not_a_number, unknown_field, read_only, taken, not_found, … */
	char message[192];
};
struct field_errors {
	struct field_error v[16];
	size_t n; /* further ones are not kept */
};
void field_error_add(struct field_errors *e, const char *field, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);

struct object *object_alloc(const struct resource *r) MUST_USE; /* all defaults; NULL without memory */
struct object *object_free(struct object *o);
struct object *object_clone(const struct object *o) MUST_USE;
int object_set_text(struct object *o, const struct field *f, struct str s) MUST_USE;

/* JSON → object.  On POST `base` is NULL: missing fields take their default; on PATCH the fields present change a clone of base.
 * EINVAL: errs says which fields and rules.  `is_admin` decides about ADMIN_SETS. */
int object_from_json(struct object **op, const struct resource *r, const struct object *base, const json_t *json,
		     bool is_admin, struct field_errors *errs) MUST_USE;
/* Object → JSON (id, revision and every field but secrets).  NULL without memory. */
json_t *object_to_json(const struct object *o) MUST_USE;
/* Differences as {"field":[before,after]}; secrets appear as true.  Either side may be NULL. */
json_t *object_diff(const struct object *before, const struct object *after) MUST_USE;
/* JSON Schema of a resource for OpenAPI; `input`: what POST and PATCH take. */
json_t *resource_openapi(const struct resource *r, bool input) MUST_USE;

#endif
