/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resources, each described once: the field table that columns, JSON, validation, OpenAPI, audit and the command line read.
 *
 * A resource is a `.def` file in this folder and one line in resources.def.  The struct of its objects (schema/types.h)
 * and its table come from the same lines, so neither can say what the other does not.  docs/adding-a-resource.md.
 *
 * Thread     any: tables are constant, objects immutable once built
 * Ownership  object_free() releases an object and all its text; an object handed to another thread is owned by it
 * Errors     ENOMEM, or EINVAL with the reasons in struct field_errors
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <jansson.h>
#include "base/buf.h"
#include "base/rng.h"

enum field_kind {
	FIELD_TEXT,	/* const char *, never NULL */
	FIELD_INT,	/* int64_t */
	FIELD_BOOL,	/* bool */
	FIELD_ENUM,	/* int */
	FIELD_REF,	/* uint64_t id, 0 = none */
	FIELD_ID,	/* uint64_t id of something that is no resource (a call), 0 = none */
	FIELD_DEST,	/* struct dest: one of several kinds */
	FIELD_LIST,	/* struct object_list: ordered children */
	FIELD_SECRET,	/* const char * in clear; encrypted at rest; never in JSON */
	FIELD_PASSWORD, /* const char *: argon2id string; JSON takes the clear text, never returns */
	FIELD_TIME,	/* int64_t µs since 1970, RFC 3339 in JSON */
	FIELD_CHARS,	/* char[max + 1]: text of a record */
};

enum field_flag {
	REQUIRED = 1 << 0,
	UNIQUE = 1 << 1,      /* within the tenant */
	NUMBER = 1 << 2,      /* a row of the tenant's shared number space (SYS-10) */
	DIRECTORY = 1 << 3,   /* unique in the system when not empty */
	CREATE_ONLY = 1 << 4, /* taken by POST, not stored with this resource */
	GENERATED = 1 << 5,   /* made when empty */
	READ_ONLY = 1 << 6,   /* set by the server */
	ADMIN_SETS = 1 << 7,  /* only an administrator of the system may set it */
	HOSTNAME = 1 << 8,    /* syntax checks; kept in lower case */
	EMAIL = 1 << 9,
	TIMEZONE = 1 << 10,
	SIP_USER = 1 << 11,	 /* can be the user part of a SIP URI as it stands */
	CAPITALS = 1 << 12,	 /* exactly `max` capital letters, or empty */
	NETWORK = 1 << 14,	 /* IP address, or address/prefix; kept as address/prefix */
	INDEXED = 1 << 13,	 /* lists are sorted and filtered by it */
	CLOCK_TIME = 1 << 16,	 /* 08:30; 24:00 is midnight */
	CALENDAR_DATE = 1 << 17, /* 2026-12-25 */
	LINES = 1
		<< 18, /* text in lines: PEM, and what records hold; a SECRET then has up to 16384 characters */
	SELF = 1 << 19,		/* the owner of the extension may change it */
	FEATURE_CODE = 1 << 20, /* * or #, then digits, * and #: no number begins so */
	NAMES_CALLER =
		1 << 21, /* calls from and to this number show whose it is (model/contacts.h) */
	OWNER = 1 << 22, /* REF: the extension whose it is; its user has it, and none of others */
	SHARED = 1
		 << 15, /* follows the template of template_id, unless it is named in `overrides` */
};

/* ONE: of the system, and at most one of it; ONE_EACH: besides at most one of each tenant. */
enum scope { SCOPE_SYSTEM, SCOPE_ONE, SCOPE_TENANT, SCOPE_ANY, SCOPE_ONE_EACH, SCOPE_CHILD };

static inline bool scope_is_system(enum scope scope)
{
	return scope == SCOPE_SYSTEM || scope == SCOPE_ONE;
}

static inline bool scope_is_one(enum scope scope)
{
	return scope == SCOPE_ONE || scope == SCOPE_ONE_EACH;
}

struct resource;
struct enum_text;

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;	  /* in the object's struct */
	int64_t min, max; /* INT: value; TEXT: length in characters; LIST: members */
	const char *text_default;
	int64_t int_default;		/* also of BOOL and ENUM */
	const struct enum_text *values; /* ENUM, and the kinds of DEST */
	const struct resource *ref;	/* REF */
	const struct resource *child;	/* LIST */
	const char *doc;
};

struct resource {
	const char *name;   /* "extension" */
	const char *plural; /* "extensions"; NULL for a child */
	enum scope scope;
	const struct field *fields;
	size_t nfields;
	size_t size; /* of the struct */
	const char *doc;
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

/* NULL-terminated, in the order of resources.def; no children. */
extern const struct resource *const resources[];
const struct resource *resource_by_plural(struct str plural);
const struct resource *resource_by_name(struct str name);
const struct field *resource_field(const struct resource *r, struct str name);
/* The tenant's field that caps how many it may have ("max_extensions", INT, 0 = no limit), or NULL. */
const struct field *resource_limit(const struct resource *r);
/* The field that says which extension it is of (OWNER), or NULL. */
const struct field *resource_owner(const struct resource *r);
/* The field that names the template which SHARED fields follow, or NULL; and what follows templates of this kind. */
const struct field *resource_template(const struct resource *r);
const struct resource *resource_follower(const struct resource *tmpl);
/* The resource a kind of destination names, or NULL (hang up …). */
const struct resource *dest_resource(int kind);

/* What a user did wrong, with field and rule: becomes "errors" of problem+json.  Codes: required, wrong_type, not_a_number,
 * too_long, too_short, out_of_range, not_in_list, unknown_field, read_only, create_only, admin_only, too_many, bad_text, bad_number,
 * bad_user, bad_clock_time, bad_date, bad_hostname, bad_network, bad_email, bad_time_zone, bad_time, bad_id, bad_code, repeated;
 * by the store: taken, not_found, limit, in_use, own_address. */
struct field_error {
	char field[64]; /* "members[2].extension_id" */
	char code[32];
	char message[192];
};
struct field_errors {
	struct field_error v[16];
	size_t n; /* further ones are not kept */
};
void field_error_add(struct field_errors *e, const char *field, const char *code, const char *fmt,
		     ...) PRINTF_LIKE(4, 5);
/* {"errors":[{"field","code","message"}]}.  NULL without memory. */
json_t *field_errors_to_json(const struct field_errors *e) MUST_USE;

/* All defaults; NULL without memory. */
struct object *object_alloc(const struct resource *r) MUST_USE;
struct object *object_free(struct object *o);
struct object *object_clone(const struct object *o) MUST_USE;
size_t object_bytes(const struct object *o); /* memory it holds */
int object_set_text(struct object *o, const struct field *f, struct str s) MUST_USE;
/* Give a child of f's kind to the list.  Takes *childp. */
int object_list_add(struct object *o, const struct field *f, struct object **childp) MUST_USE;
/* Fill empty GENERATED fields with 20 letters and digits; those that are CREATE_ONLY while the object has no id yet. */
int object_generate(struct object *o, struct rng *rng) MUST_USE;

/* Fields as they lie in the struct.  The kind must fit: text is TEXT, SECRET, PASSWORD, CHARS; id is REF, ID. */
const char *field_text(const void *o, const struct field *f);
int64_t field_int(const void *o, const struct field *f); /* INT, TIME, BOOL, ENUM */
uint64_t field_id(const void *o, const struct field *f);
const struct dest *field_dest(const void *o, const struct field *f);
const struct object_list *field_list(const void *o, const struct field *f);
void field_set_int(void *o, const struct field *f, int64_t v);
void field_set_id(void *o, const struct field *f, uint64_t id);

int field_copy(struct object *to, const struct field *tf, const struct object *from,
	       const struct field *ff) MUST_USE; /* of the same kind */
bool field_equal(const struct object *a, const struct object *b, const struct field *f);

/* Every reference the object holds, its children's too: what must exist.  Stops when fn returns non-zero, and returns that. */
typedef int object_ref_h(const struct resource *target, uint64_t id, const char *field, void *arg);
int object_refs(const struct object *o, object_ref_h *fn, void *arg);

/* JSON → object.  On POST `base` is NULL: missing fields take their default; on PATCH the fields present change a clone of base.
 * null is the default.  EINVAL: errs says which fields and rules.  `is_admin` decides about ADMIN_SETS.
 * A PASSWORD is taken as it stands: see object_hash_passwords(). */
int object_from_json(struct object **op, const struct resource *r, const struct object *base,
		     const json_t *json, bool is_admin, struct field_errors *errs) MUST_USE;
/* min_x is not above max_x, which an object made of several sources must show again.  EINVAL with errs. */
int object_check_pairs(const struct object *o, struct field_errors *errs) MUST_USE;
/* Replace each PASSWORD in the body by what `hash` makes of it (an argon2id string, malloc'd), after checking the clear text's
 * length.  Slow when hash is: never on the core thread.  EINVAL with errs, ENOMEM, or hash's own error. */
typedef int object_hash_h(struct str clear, char **hashp, void *arg);
int object_hash_passwords(const struct resource *r, json_t *json, object_hash_h *hash, void *arg,
			  struct field_errors *errs) MUST_USE;
bool resource_has_password(const struct resource *r);
/* Object → JSON (id, revision and every field but secrets and CREATE_ONLY).  NULL without memory. */
json_t *object_to_json(const struct object *o) MUST_USE;
/* Differences as {"field":[before,after]}; secrets appear as true.  Either side may be NULL. */
json_t *object_diff(const struct object *before, const struct object *after) MUST_USE;
/* JSON Schema of a resource for OpenAPI; `input`: what POST and PATCH take. */
json_t *resource_openapi(const struct resource *r, bool input) MUST_USE;

#endif
