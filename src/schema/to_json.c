/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects and records → JSON, and the difference of two objects for the audit log.
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "schema/object.h"
#include "schema/record.h"
#include "schema/syntax.h"
#include "schema/types.h"

static bool is_secret(const struct field *f)
{
	return f->kind == FIELD_SECRET || f->kind == FIELD_PASSWORD;
}

static json_t *id_to_json(uint64_t id)
{
	char text[24];

	if (!id)
		return json_null();
	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	return json_string(text);
}

static json_t *time_to_json(int64_t us)
{
	char text[32];

	if (!us)
		return json_null();
	clock_rfc3339(text, sizeof(text), us);
	return json_string(text);
}

/* A record's text may be what a device sent, and is shown whatever it is. */
static json_t *chars_to_json(const void *o, const struct field *f)
{
	char clean[RECORD_MAX_TEXT + 1];

	record_set_field(clean, sizeof(clean), f, str_of(field_text(o, f)));
	return json_string(clean);
}

/* Sets key to v and takes v, which may be NULL for want of memory. */
static int set(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v) ? ENOMEM : 0;
}

static json_t *dest_to_json(const struct dest *d)
{
	json_t *j = json_object();
	int err =
		j ? set(j, "kind", json_string(enum_name(&enum_text_dest_kind, d->kind))) : ENOMEM;

	if (!err && dest_resource(d->kind))
		err = set(j, "id", id_to_json(d->id));
	if (err) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* Every field that is shown, into j. */
static int fields_to_json(json_t *j, const void *o, const struct field *fields, size_t nfields)
{
	int err = 0;

	for (size_t i = 0; !err && i < nfields; i++)
		if (!is_secret(&fields[i]) && !(fields[i].flags & CREATE_ONLY))
			err = set(j, fields[i].name, field_to_json(o, &fields[i]));
	return err;
}

static json_t *list_to_json(const struct object_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < l->n; i++) {
		const struct resource *r = l->v[i]->res;
		json_t *line = json_object();

		if (!line || fields_to_json(line, l->v[i], r->fields, r->nfields) ||
		    json_array_append(a, line)) {
			json_decref(a);
			a = NULL;
		}
		json_decref(line);
	}
	return a;
}

json_t *field_to_json(const void *o, const struct field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return json_string(field_text(o, f));
	case FIELD_CHARS:
		return chars_to_json(o, f);
	case FIELD_INT:
		return json_integer(field_int(o, f));
	case FIELD_BOOL:
		return json_boolean(field_int(o, f));
	case FIELD_ENUM:
		return json_string(enum_name(f->values, (int)field_int(o, f)));
	case FIELD_REF:
	case FIELD_ID:
		return id_to_json(field_id(o, f));
	case FIELD_DEST:
		return dest_to_json(field_dest(o, f));
	case FIELD_LIST:
		return list_to_json(field_list(o, f));
	case FIELD_TIME:
		return time_to_json(field_int(o, f));
	}
	bug_abort(__FILE__, __LINE__, "a known field kind");
}

json_t *object_to_json(const struct object *o)
{
	json_t *j = json_object();

	if (!j || set(j, "id", id_to_json(o->id)) ||
	    set(j, "revision", json_integer((json_int_t)o->revision)) ||
	    fields_to_json(j, o, o->res->fields, o->res->nfields)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

json_t *record_to_json(const struct record_table *t, const void *rec)
{
	const struct record_head *head = rec;
	json_t *j = json_object();

	if (!j || set(j, "id", id_to_json(head->id)) ||
	    fields_to_json(j, rec, t->fields, t->nfields)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* [before, after]; of a secret only that it changed. */
static int diff_field(json_t *j, const struct object *before, const struct object *after,
		      const struct field *f)
{
	json_t *pair;

	if (is_secret(f))
		return set(j, f->name, json_true());
	pair = json_array();
	if (!pair || json_array_append_new(pair, before ? field_to_json(before, f) : json_null()) ||
	    json_array_append_new(pair, after ? field_to_json(after, f) : json_null())) {
		json_decref(pair);
		return ENOMEM;
	}
	return set(j, f->name, pair);
}

json_t *object_diff(const struct object *before, const struct object *after)
{
	const struct object *any = before ? before : after;
	json_t *j = json_object();
	int err = 0;

	for (size_t i = 0; j && !err && any && i < any->res->nfields; i++) {
		const struct field *f = &any->res->fields[i];

		if ((f->flags & CREATE_ONLY) || (before && after && field_equal(before, after, f)))
			continue;
		if (!(before && after) && is_secret(f) && field_is_empty(any, f))
			continue;
		err = diff_field(j, before, after, f);
	}
	if (err) {
		json_decref(j);
		return NULL;
	}
	return j;
}

void record_set_text(char *dst, size_t dst_bytes, struct str s)
{
	static const struct field plain = {.flags = 0};

	record_set_field(dst, dst_bytes, &plain, s);
}

static bool ends_a_line(char c)
{
	return c == '\r' || c == '\n' || c == '\t';
}

void record_set_field(char *dst, size_t dst_bytes, const struct field *f, struct str s)
{
	bool has_lines = f->flags & LINES;
	size_t n = 0;

	while (s.n) {
		size_t len, nchars;

		if (*s.p >= ' ' && *s.p <= '~' && n + 1 < dst_bytes) { /* nearly all there is */
			dst[n++] = *s.p++;
			s.n--;
			continue;
		}
		len = syntax_utf8_len(s);
		bool is_fine = (len && syntax_text((struct str){s.p, len}, &nchars)) ||
			       (has_lines && ends_a_line(*s.p));

		if (n + (is_fine ? len : 1) >= dst_bytes)
			break;
		if (is_fine) {
			memcpy(dst + n, s.p, len);
			n += len;
		} else {
			dst[n++] = '?';
		}
		s.p += len ? len : 1;
		s.n -= len ? len : 1;
	}
	dst[n] = 0;
}

void activity_stamp(struct activity_record *rec, int64_t at_us, uint64_t chance)
{
	rec->at = at_us;
	rec->id = RECORD_ACTIVITY_IDS | ((uint64_t)at_us << 10) | (chance & 1023);
}
