/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON → object.  Everything that is wrong is found and named in one go, so that a form can show it all at once.
 *
 * A client may send back what it was given: fields it cannot set are fine as long as they are unchanged.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "schema/object.h"
#include "schema/record.h"
#include "schema/syntax.h"
#include "schema/types.h"

struct reader {
	struct object *o;
	const struct object *base; /* NULL: being created */
	const char *prefix;	   /* "members[2]." */
	bool is_admin;
	struct field_errors *errs;
};

/* Remember what is wrong with a field; returns EINVAL for the caller to pass on. */
static int PRINTF_LIKE(4, 5)
	wrong(const struct reader *rd, const char *name, const char *code, const char *fmt, ...)
{
	char path[128], text[256];
	va_list ap;

	snprintf(path, sizeof(path), "%s%s", rd->prefix, name);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	field_error_add(rd->errs, path, code, "%s", text);
	return EINVAL;
}

/* --- one field of each kind --- */

static const struct {
	unsigned flag;
	bool (*is_fine)(struct str s);
	const char *code, *message;
} text_rules[] = {
	{NUMBER, syntax_number, "bad_number", "may hold only digits and letters"},
	{SIP_USER, syntax_sip_user, "bad_user",
	 "may hold only digits, letters and -_.!~*'()&=+$,;?/"},
	{HOSTNAME, syntax_hostname, "bad_hostname", "is not a host name or IP address"},
	{NETWORK, syntax_network, "bad_network",
	 "is not an IP address, or network/prefix with no bits set after the prefix"},
	{EMAIL, syntax_email, "bad_email", "is not a mail address"},
	{TIMEZONE, syntax_time_zone, "bad_time_zone", "is not a time zone of the IANA database"},
	{CLOCK_TIME, syntax_clock_time, "bad_clock_time", "is no time of day, from 00:00 to 24:00"},
	{CALENDAR_DATE, syntax_date, "bad_date", "is no date as 2026-12-25"},
	{FEATURE_CODE, syntax_feature_code, "bad_code",
	 "begins with * or #, and may hold only digits, * and #"},
	{CAPITALS, syntax_capitals, "bad_code", "may hold only capital letters A to Z"},
};

static int check_text(const struct reader *rd, const struct field *f, struct str s)
{
	size_t nchars;

	if (!(f->flags & LINES ? syntax_lines : syntax_text)(s, &nchars))
		return wrong(rd, f->name, "bad_text", "must be UTF-8 without control characters");
	if (nchars > (size_t)f->max)
		return wrong(rd, f->name, "too_long", "has %zu characters; at most %d are kept",
			     nchars, (int)f->max);
	if (!s.n)
		return 0;
	if ((f->flags & CAPITALS) && nchars != (size_t)f->max)
		return wrong(rd, f->name, "bad_code", "must have %d letters", (int)f->max);
	for (size_t i = 0; i < ARRAY_LEN(text_rules); i++)
		if ((f->flags & text_rules[i].flag) && !text_rules[i].is_fine(s))
			return wrong(rd, f->name, text_rules[i].code, "%s", text_rules[i].message);
	return 0;
}

static int read_text(const struct reader *rd, const struct field *f, const json_t *v)
{
	struct str s = {json_string_value(v), json_string_length(v)};
	struct addr address;
	char folded[256];
	int err;

	if (!json_is_string(v))
		return wrong(rd, f->name, "wrong_type", "must be text");
	err = check_text(rd, f, s);
	if (err)
		return err;
	if ((f->flags & HOSTNAME) && s.n < sizeof(folded)) {
		for (size_t i = 0; i < s.n; i++)
			folded[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
		s.p = folded;
		if (!addr_parse(&address, s, 0)) /* two texts of one address are one host */
			s = str_of(addr_ip_str(folded, &address));
	}
	if ((f->flags & NETWORK) && s.n) {
		struct addr_net net;

		if (!addr_net_parse(&net, s)) /* it was checked above */
			s = str_of(addr_net_str(folded, &net));
	}
	return object_set_text(rd->o, f, s);
}

static int read_int(const struct reader *rd, const struct field *f, const json_t *v)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return wrong(rd, f->name, "not_a_number", "must be a whole number");
	if (i < f->min || i > f->max)
		return wrong(rd, f->name, "out_of_range", "must be from %lld to %lld",
			     (long long)f->min, (long long)f->max);
	field_set_int(rd->o, f, i);
	return 0;
}

static int read_bool(const struct reader *rd, const struct field *f, const json_t *v)
{
	if (!json_is_boolean(v))
		return wrong(rd, f->name, "wrong_type", "must be true or false");
	field_set_int(rd->o, f, json_is_true(v));
	return 0;
}

/* The value of one of the enum's texts. */
static int read_choice(const struct reader *rd, const struct field *f, const char *name,
		       const json_t *v, int *choicep)
{
	char list[160] = "";
	size_t n = 0;

	if (!json_is_string(v))
		return wrong(rd, name, "wrong_type", "must be text");
	*choicep = enum_value(f->values, (struct str){json_string_value(v), json_string_length(v)});
	if (*choicep >= 0)
		return 0;
	for (size_t i = 0; i < f->values->n && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
				      f->values->texts[i]);
	return wrong(rd, name, "not_in_list", "must be one of: %s", list);
}

static int read_enum(const struct reader *rd, const struct field *f, const json_t *v)
{
	int choice, err = read_choice(rd, f, f->name, v, &choice);

	if (!err)
		field_set_int(rd->o, f, choice);
	return err;
}

static int read_id(const struct reader *rd, const char *name, const json_t *v, uint64_t *idp)
{
	if (!json_is_string(v))
		return wrong(rd, name, "wrong_type", "must be an id, as text");
	if (str_u64((struct str){json_string_value(v), json_string_length(v)}, idp) || !*idp ||
	    *idp > INT64_MAX)
		return wrong(rd, name, "bad_id", "is not an id");
	return 0;
}

static int read_ref(const struct reader *rd, const struct field *f, const json_t *v)
{
	uint64_t id = 0;
	int err = 0;

	if (!json_is_string(v) || json_string_length(v))
		err = read_id(rd, f->name, v, &id);
	if (!err)
		field_set_id(rd->o, f, id);
	return err;
}

static int read_dest(const struct reader *rd, const struct field *f, const json_t *v)
{
	char kind_path[96], id_path[96];
	struct dest d = {0};
	const json_t *id = json_object_get(v, "id");
	const char *key;
	json_t *unused;
	int err;

	snprintf(kind_path, sizeof(kind_path), "%s.kind", f->name);
	snprintf(id_path, sizeof(id_path), "%s.id", f->name);
	if (!json_is_object(v))
		return wrong(rd, f->name, "wrong_type", "must be an object with kind and id");
	json_object_foreach((json_t *)v, key, unused)
	{
		if (strcmp(key, "kind") && strcmp(key, "id"))
			return wrong(rd, f->name, "unknown_field", "has only kind and id");
	}
	if (!json_object_get(v, "kind"))
		return wrong(rd, kind_path, "required", "is missing");
	err = read_choice(rd, f, kind_path, json_object_get(v, "kind"), &d.kind);
	if (err)
		return err;
	if (dest_resource(d.kind)) {
		if (!id || json_is_null(id))
			return wrong(rd, id_path, "required", "is missing");
		err = read_id(rd, id_path, id, &d.id);
		if (err)
			return err;
	} else if (id && !json_is_null(id)) {
		return wrong(rd, id_path, "unknown_field", "this kind has no id");
	}
	field_set_dest(rd->o, f, d);
	return 0;
}

static int read_time(const struct reader *rd, const struct field *f, const json_t *v)
{
	int64_t us;

	if (!json_is_string(v))
		return wrong(rd, f->name, "wrong_type", "must be a time, as text");
	if (syntax_time((struct str){json_string_value(v), json_string_length(v)}, &us))
		return wrong(rd, f->name, "bad_time", "is not a time like 2026-01-31T09:00:00Z");
	field_set_int(rd->o, f, us);
	return 0;
}

static int read_object(struct reader *rd, const json_t *json);

static bool is_repeated(const struct object_list *l, const struct object *child)
{
	for (size_t k = 0; k < child->res->nfields; k++) {
		const struct field *f = &child->res->fields[k];

		for (size_t i = 0; (f->flags & UNIQUE) && i < l->n; i++)
			if (!field_is_empty(child, f) && field_equal(child, l->v[i], f))
				return true;
	}
	return false;
}

/* One line of a list: made like a new object, then given to it. */
static int read_line(const struct reader *rd, const struct field *f, size_t i, const json_t *v)
{
	char name[64], prefix[96];
	struct reader line = *rd;
	int err;

	snprintf(name, sizeof(name), "%s[%zu]", f->name, i);
	snprintf(prefix, sizeof(prefix), "%s%s.", rd->prefix, name);
	line.prefix = prefix;
	line.base = NULL;
	line.o = object_alloc(f->child);
	if (!line.o)
		return ENOMEM;
	err = read_object(&line, v);
	if (!err && is_repeated(field_list(rd->o, f), line.o))
		err = wrong(rd, name, "repeated", "stands in the list already");
	if (!err)
		err = object_list_add(rd->o, f, &line.o);
	object_free(line.o);
	return err;
}

static int read_list(const struct reader *rd, const struct field *f, const json_t *v)
{
	int err = 0;

	if (!json_is_array(v))
		return wrong(rd, f->name, "wrong_type", "must be a list");
	if (json_array_size(v) > (size_t)f->max)
		return wrong(rd, f->name, "too_many", "has %zu lines; at most %d are kept",
			     json_array_size(v), (int)f->max);
	field_clear_list(rd->o, f);
	for (size_t i = 0; i < json_array_size(v); i++) {
		int e = read_line(rd, f, i, json_array_get(v, i));

		if (e == ENOMEM)
			return e;
		if (e)
			err = e;
	}
	return err;
}

static int read_value(const struct reader *rd, const struct field *f, const json_t *v)
{
	if (json_is_null(v))
		return field_set_default(rd->o, f);
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return read_text(rd, f, v);
	case FIELD_INT:
		return read_int(rd, f, v);
	case FIELD_BOOL:
		return read_bool(rd, f, v);
	case FIELD_ENUM:
		return read_enum(rd, f, v);
	case FIELD_REF:
	case FIELD_ID:
		return read_ref(rd, f, v);
	case FIELD_DEST:
		return read_dest(rd, f, v);
	case FIELD_LIST:
		return read_list(rd, f, v);
	case FIELD_TIME:
		return read_time(rd, f, v);
	case FIELD_CHARS:
		break;
	}
	bug_abort(__FILE__, __LINE__, "a field kind of resources");
}

/* --- whole objects --- */

/* Is v what the client was given?  A field that may not be set is then no mistake. */
static int unchanged(const struct reader *rd, const struct field *f, const json_t *v, bool *is_same)
{
	json_t *now = field_to_json(rd->o, f);

	if (!now)
		return ENOMEM;
	*is_same = json_equal(now, v);
	json_decref(now);
	return 0;
}

static int read_field(const struct reader *rd, const struct field *f, const json_t *v)
{
	bool is_same = false;
	int err = 0;

	if ((f->flags & CREATE_ONLY) && rd->base)
		return wrong(rd, f->name, "create_only", "can be given only when it is created");
	if ((f->flags & READ_ONLY) || ((f->flags & ADMIN_SETS) && !rd->is_admin)) {
		err = unchanged(rd, f, v, &is_same);
		if (err || is_same)
			return err;
		if (f->flags & READ_ONLY)
			return wrong(rd, f->name, "read_only", "is set by the server");
		return wrong(rd, f->name, "admin_only",
			     "is set by the administrator of the system");
	}
	return read_value(rd, f, v);
}

/* id and revision, which every object shows. */
static int read_head(const struct reader *rd, const char *name, const json_t *v)
{
	char id[24];

	snprintf(id, sizeof(id), "%llu", (unsigned long long)rd->o->id);
	if (rd->base && !strcmp(name, "id") && json_is_string(v) &&
	    !strcmp(json_string_value(v), id))
		return 0;
	if (rd->base && !strcmp(name, "revision") && json_is_integer(v) &&
	    (uint64_t)json_integer_value(v) == rd->o->revision)
		return 0;
	return wrong(rd, name, "read_only", "is set by the server");
}

static int check_required(const struct reader *rd, const json_t *json)
{
	int err = 0;

	for (size_t i = 0; i < rd->o->res->nfields; i++) {
		const struct field *f = &rd->o->res->fields[i];
		const json_t *v = json_object_get(json, f->name);

		if (!(f->flags & REQUIRED) || !field_is_empty(rd->o, f) ||
		    ((f->flags & CREATE_ONLY) && rd->base))
			continue;
		/* A value that was given and refused has its error already. */
		if (!v)
			err = wrong(rd, f->name, "required", "is missing");
		else if (json_is_null(v) || (json_is_string(v) && !json_string_length(v)) ||
			 (json_is_array(v) && !json_array_size(v)))
			err = wrong(rd, f->name, "required", "must not be empty");
	}
	return err;
}

/* min_x and max_x of one resource are a pair. */
static int check_pairs(const struct reader *rd)
{
	const struct resource *r = rd->o->res;
	int err = 0;

	for (size_t i = 0; i < r->nfields; i++) {
		const struct field *lo = &r->fields[i], *hi;
		char name[64];

		if (lo->kind != FIELD_INT || !str_starts(str_of(lo->name), STR("min_")))
			continue;
		snprintf(name, sizeof(name), "max_%s", lo->name + 4);
		hi = resource_field(r, str_of(name));
		if (hi && field_int(rd->o, lo) > field_int(rd->o, hi))
			err = wrong(rd, lo->name, "out_of_range", "must not be above %s", hi->name);
	}
	return err;
}

int object_check_pairs(const struct object *o, struct field_errors *errs)
{
	/* Only read. */
	const struct reader rd = {.o = (struct object *)(uintptr_t)o, .prefix = "", .errs = errs};

	return check_pairs(&rd);
}

/* All of json into rd->o.  Goes on after an error, except for want of memory. */
static int read_object(struct reader *rd, const json_t *json)
{
	const bool is_child = rd->o->res->scope == SCOPE_CHILD;
	const char *key;
	json_t *v;
	int err = 0, e;

	if (!json_is_object(json)) {
		char name[96] = "";

		/* "members[2]." without the dot */
		if (*rd->prefix)
			snprintf(name, sizeof(name), "%.*s", (int)strlen(rd->prefix) - 1,
				 rd->prefix);
		field_error_add(rd->errs, name, "wrong_type", "must be an object");
		return EINVAL;
	}
	json_object_foreach((json_t *)json, key, v)
	{
		const struct field *f = resource_field(rd->o->res, str_of(key));

		if (f)
			e = read_field(rd, f, v);
		else if (!is_child && (!strcmp(key, "id") || !strcmp(key, "revision")))
			e = read_head(rd, key, v);
		else
			e = wrong(rd, key, "unknown_field", "%s has no such field",
				  rd->o->res->name);
		if (e == ENOMEM)
			return e;
		if (e)
			err = e;
	}
	e = check_required(rd, json);
	if (e)
		err = e;
	e = err ? 0 : check_pairs(rd);
	return e ? e : err;
}

int object_from_json(struct object **op, const struct resource *r, const struct object *base,
		     const json_t *json, bool is_admin, struct field_errors *errs)
{
	struct reader rd = {.base = base, .prefix = "", .is_admin = is_admin, .errs = errs};
	int err;

	BUG(base && base->res != r);
	rd.o = base ? object_clone(base) : object_alloc(r);
	if (!rd.o)
		return ENOMEM;
	err = read_object(&rd, json);
	if (err)
		object_free(rd.o);
	else
		*op = rd.o;
	return err;
}
