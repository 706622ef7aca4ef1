/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects and records to rows and back, and what an object claims for itself alone.
 */
#include <stdio.h>
#include <string.h>
#include "schema/object.h"
#include "schema/sql.h"
#include "schema/types.h"

static struct sql_value of_int(int64_t i)
{
	return (struct sql_value){.kind = SQL_INT, .i = i};
}

static struct sql_value of_text(const char *s)
{
	return (struct sql_value){.kind = SQL_TEXT, .s = str_of(s)};
}

static struct sql_value encode_field(const struct sql_column *c, const void *o)
{
	const struct field *f = c->field;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_CHARS:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return of_text(field_text(o, f));
	case FIELD_ENUM:
		return of_text(enum_name(f->values, (int)field_int(o, f)));
	case FIELD_REF:
	case FIELD_ID:
		return of_int((int64_t)field_id(o, f));
	case FIELD_DEST:
		return c->kind == SQL_INT ? of_int((int64_t)field_dest(o, f)->id)
					  : of_text(enum_name(f->values, field_dest(o, f)->kind));
	default:
		return of_int(field_int(o, f));
	}
}

/* The columns behind the head, which differs. */
static int encode_fields(const struct sql_table *t, size_t from, const struct object *o,
			 struct sql_value *v)
{
	for (size_t i = from; i < t->ncols; i++) {
		const struct field *f = t->cols[i].field;

		if (f->kind == FIELD_PASSWORD && *field_text(o, f) &&
		    !str_starts(str_of(field_text(o, f)), STR("$argon2id$")))
			return EPERM;
		v[i] = encode_field(&t->cols[i], o);
	}
	return 0;
}

int sql_encode(const struct sql_table *t, const struct object *o, struct sql_value *v)
{
	BUG(t->res != o->res || t->parent);
	v[0] = of_int((int64_t)o->tenant_id);
	v[1] = of_int((int64_t)o->id);
	v[2] = of_int((int64_t)o->revision);
	return encode_fields(t, 3, o, v);
}

int sql_encode_child(const struct sql_table *t, const struct object *parent, size_t position,
		     struct sql_value *v)
{
	const struct object_list *l = field_list(parent, t->list);

	BUG(t->parent->res != parent->res || position >= l->n);
	v[0] = of_int((int64_t)parent->tenant_id);
	v[1] = of_int((int64_t)parent->id);
	v[2] = of_int((int64_t)position);
	return encode_fields(t, 3, l->v[position], v);
}

void sql_encode_record(const struct sql_table *t, const void *rec, struct sql_value *v)
{
	const struct record_head *head = rec;

	BUG(!t->record);
	v[0] = of_int((int64_t)head->tenant_id);
	v[1] = of_int((int64_t)head->id);
	for (size_t i = 2; i < t->ncols; i++)
		v[i] = encode_field(&t->cols[i], rec);
}

static int to_int(const struct sql_value *v, int64_t *ip)
{
	*ip = v->i;
	return v->kind == SQL_INT ? 0 : str_i64(v->s, ip) ? EINVAL : 0;
}

static int to_id(const struct sql_value *v, uint64_t *idp)
{
	int64_t i;

	if (to_int(v, &i) || i < 0)
		return EINVAL;
	*idp = (uint64_t)i;
	return 0;
}

static int decode_choice(const struct sql_value *v, const struct field *f, int *choicep)
{
	if (v->kind != SQL_TEXT)
		return EINVAL;
	*choicep = enum_value(f->values, v->s);
	return *choicep < 0 ? EINVAL : 0;
}

static int decode_text(void *o, const struct field *f, const struct sql_value *v)
{
	if (v->kind != SQL_TEXT)
		return EINVAL;
	if (f->kind != FIELD_CHARS)
		return object_set_text(o, f, v->s);
	return str_copy((char *)o + f->offset, (size_t)f->max + 1, v->s) ? EINVAL : 0;
}

static int decode_dest(void *o, const struct sql_column *c, const struct sql_value *v)
{
	struct dest d = *field_dest(o, c->field);
	int err = c->kind == SQL_INT ? to_id(v, &d.id) : decode_choice(v, c->field, &d.kind);

	if (!err)
		field_set_dest(o, c->field, d);
	return err;
}

static int decode_field(void *o, const struct sql_column *c, const struct sql_value *v)
{
	const struct field *f = c->field;
	uint64_t id;
	int64_t i;
	int choice, err;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_CHARS:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return decode_text(o, f, v);
	case FIELD_DEST:
		return decode_dest(o, c, v);
	case FIELD_REF:
	case FIELD_ID:
		err = to_id(v, &id);
		if (!err)
			field_set_id(o, f, id);
		return err;
	case FIELD_ENUM:
		err = decode_choice(v, f, &choice);
		if (!err)
			field_set_int(o, f, choice);
		return err;
	default:
		err = to_int(v, &i);
		if (!err)
			field_set_int(o, f, i);
		return err;
	}
}

static int decode_fields(const struct sql_table *t, size_t from, void *o, const struct sql_value *v)
{
	int err = 0;

	for (size_t i = from; !err && i < t->ncols; i++)
		err = decode_field(o, &t->cols[i], &v[i]);
	return err;
}

int sql_decode(const struct sql_table *t, struct object **op, const struct sql_value *v)
{
	struct object *o;
	int err;

	BUG(!t->res || t->parent);
	o = object_alloc(t->res);
	if (!o)
		return ENOMEM;
	err = to_id(&v[0], &o->tenant_id);
	if (!err)
		err = to_id(&v[1], &o->id);
	if (!err)
		err = to_id(&v[2], &o->revision);
	if (!err)
		err = decode_fields(t, 3, o, v);
	if (err)
		object_free(o);
	else
		*op = o;
	return err;
}

int sql_child_key(const struct sql_value *v, uint64_t *tenant_id, uint64_t *parent_id)
{
	int err = to_id(&v[0], tenant_id);

	return err ? err : to_id(&v[1], parent_id);
}

int sql_decode_child(const struct sql_table *t, struct object *parent, const struct sql_value *v)
{
	struct object *child;
	int err;

	BUG(!t->parent || t->parent->res != parent->res);
	child = object_alloc(t->res);
	if (!child)
		return ENOMEM;
	err = decode_fields(t, 3, child, v);
	if (!err)
		err = object_list_add(parent, t->list, &child);
	object_free(child);
	return err;
}

int sql_decode_record(const struct sql_table *t, void *rec, const struct sql_value *v)
{
	struct record_head *head = rec;
	int err;

	BUG(!t->record);
	memset(rec, 0, t->record->size);
	err = to_id(&v[0], &head->tenant_id);
	if (!err)
		err = to_id(&v[1], &head->id);
	return err ? err : decode_fields(t, 2, rec, v);
}

static void directory_claim(const struct sql_schema *s, struct sql_claim *c, const struct object *o)
{
	snprintf(c->kind, sizeof(c->kind), "%s.%s", o->res->name, c->field->name);
	if (c->field->flags & (HOSTNAME | EMAIL))
		for (char *p = c->name; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p + 32);
	c->table = sql_directory_table(s);
	c->v[0] = of_text(c->kind);
	c->v[1] = of_text(c->name);
	c->v[2] = of_int((int64_t)o->tenant_id);
	c->v[3] = of_text(o->res->name);
	c->v[4] = of_int((int64_t)o->id);
}

static void number_claim(const struct sql_schema *s, struct sql_claim *c, const struct object *o)
{
	c->table = sql_number_table(s);
	c->v[0] = of_int((int64_t)o->tenant_id);
	c->v[1] = of_text(c->name);
	c->v[2] = of_text(o->res->name);
	c->v[3] = of_int((int64_t)o->id);
}

size_t sql_claims(const struct sql_schema *s, const struct object *o,
		  struct sql_claim claims[SQL_MAX_CLAIMS])
{
	size_t n = 0;

	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (!(f->flags & (NUMBER | DIRECTORY)) || !*field_text(o, f))
			continue;
		BUG(n == SQL_MAX_CLAIMS);
		claims[n].field = f;
		snprintf(claims[n].name, sizeof(claims[n].name), "%s", field_text(o, f));
		if (f->flags & NUMBER)
			number_claim(s, &claims[n], o);
		else
			directory_claim(s, &claims[n], o);
		n++;
	}
	return n;
}
