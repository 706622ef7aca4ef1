/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects: memory, fields, references.
 *
 * Most text of most objects is empty, so all empty text is one constant that is never freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "schema/object.h"
#include "schema/types.h"

static const char no_text[] = "";

static void *at(const void *o, const struct field *f)
{
	return (char *)o + f->offset;
}

bool field_is_text(const struct field *f)
{
	return f->kind == FIELD_TEXT || f->kind == FIELD_SECRET || f->kind == FIELD_PASSWORD;
}

const char *field_text(const void *o, const struct field *f)
{
	if (f->kind == FIELD_CHARS)
		return at(o, f);
	BUG(!field_is_text(f));
	return *(const char **)at(o, f);
}

int64_t field_int(const void *o, const struct field *f)
{
	switch (f->kind) {
	case FIELD_INT:
	case FIELD_TIME:
		return *(int64_t *)at(o, f);
	case FIELD_BOOL:
		return *(bool *)at(o, f);
	case FIELD_ENUM:
		return *(int *)at(o, f);
	default:
		bug_abort(__FILE__, __LINE__, "a field that is a number");
	}
}

void field_set_int(void *o, const struct field *f, int64_t v)
{
	switch (f->kind) {
	case FIELD_INT:
	case FIELD_TIME:
		*(int64_t *)at(o, f) = v;
		break;
	case FIELD_BOOL:
		*(bool *)at(o, f) = v != 0;
		break;
	case FIELD_ENUM:
		*(int *)at(o, f) = (int)v;
		break;
	default:
		bug_abort(__FILE__, __LINE__, "a field that is a number");
	}
}

uint64_t field_id(const void *o, const struct field *f)
{
	BUG(f->kind != FIELD_REF && f->kind != FIELD_ID);
	return *(uint64_t *)at(o, f);
}

void field_set_id(void *o, const struct field *f, uint64_t id)
{
	BUG(f->kind != FIELD_REF && f->kind != FIELD_ID);
	*(uint64_t *)at(o, f) = id;
}

const struct dest *field_dest(const void *o, const struct field *f)
{
	BUG(f->kind != FIELD_DEST);
	return at(o, f);
}

void field_set_dest(void *o, const struct field *f, struct dest d)
{
	BUG(f->kind != FIELD_DEST);
	*(struct dest *)at(o, f) = d;
}

const struct object_list *field_list(const void *o, const struct field *f)
{
	BUG(f->kind != FIELD_LIST);
	return at(o, f);
}

bool field_is_empty(const struct object *o, const struct field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
	case FIELD_CHARS:
		return !*field_text(o, f);
	case FIELD_REF:
	case FIELD_ID:
		return !field_id(o, f);
	case FIELD_LIST:
		return !field_list(o, f)->n;
	case FIELD_TIME:
		return !field_int(o, f);
	default:
		return false;
	}
}

static bool lists_equal(const struct object_list *a, const struct object_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < a->v[i]->res->nfields; k++)
			if (!field_equal(a->v[i], b->v[i], &a->v[i]->res->fields[k]))
				return false;
	return true;
}

bool field_equal(const struct object *a, const struct object *b, const struct field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
	case FIELD_CHARS:
		return !strcmp(field_text(a, f), field_text(b, f));
	case FIELD_REF:
	case FIELD_ID:
		return field_id(a, f) == field_id(b, f);
	case FIELD_DEST:
		return field_dest(a, f)->kind == field_dest(b, f)->kind &&
		       field_dest(a, f)->id == field_dest(b, f)->id;
	case FIELD_LIST:
		return lists_equal(field_list(a, f), field_list(b, f));
	default:
		return field_int(a, f) == field_int(b, f);
	}
}

int object_set_text(struct object *o, const struct field *f, struct str s)
{
	const char **p = at(o, f);
	char *dup;

	BUG(!field_is_text(f));
	if (s.n) {
		dup = str_dup(s);
		if (!dup)
			return ENOMEM;
	} else {
		dup = NULL;
	}
	if (*p != no_text)
		free((char *)*p);
	*p = dup ? dup : no_text;
	return 0;
}

void field_clear_list(struct object *o, const struct field *f)
{
	struct object_list *l = at(o, f);

	for (size_t i = 0; i < l->n; i++)
		object_free(l->v[i]);
	free(l->v);
	*l = (struct object_list){0};
}

int object_list_add(struct object *o, const struct field *f, struct object **childp)
{
	struct object_list *l = at(o, f);
	struct object **v;

	BUG(f->kind != FIELD_LIST || (*childp)->res != f->child);
	v = mem_fault() ? NULL : reallocarray(l->v, l->n + 1, sizeof(struct object *));
	if (!v)
		return ENOMEM;
	l->v = v;
	l->v[l->n++] = *childp;
	*childp = NULL;
	return 0;
}

int field_set_default(struct object *o, const struct field *f)
{
	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return object_set_text(o, f, str_of(f->text_default));
	case FIELD_REF:
	case FIELD_ID:
		field_set_id(o, f, 0);
		break;
	case FIELD_DEST:
		field_set_dest(o, f, (struct dest){0});
		break;
	case FIELD_LIST:
		field_clear_list(o, f);
		break;
	default:
		field_set_int(o, f, f->int_default);
	}
	return 0;
}

/* Every text no_text, all else zero. */
static struct object *object_bare(const struct resource *r)
{
	struct object *o = mem_fault() ? NULL : calloc(1, r->size);

	if (!o)
		return NULL;
	o->res = r;
	for (size_t i = 0; i < r->nfields; i++)
		if (field_is_text(&r->fields[i]))
			*(const char **)at(o, &r->fields[i]) = no_text;
	return o;
}

struct object *object_alloc(const struct resource *r)
{
	struct object *o = object_bare(r);

	for (size_t i = 0; o && i < r->nfields; i++)
		if (field_set_default(o, &r->fields[i]))
			o = object_free(o);
	return o;
}

struct object *object_free(struct object *o)
{
	if (!o)
		return NULL;
	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (field_is_text(f)) {
			char *s = *(char **)at(o, f);

			if (s == no_text)
				continue;
			/* Clear text secrets do not linger in freed memory. */
			if (f->kind != FIELD_TEXT)
				explicit_bzero(s, strlen(s));
			free(s);
		} else if (f->kind == FIELD_LIST) {
			field_clear_list(o, f);
		}
	}
	free(o);
	return NULL;
}

static int list_copy(struct object *to, const struct field *tf, const struct object *from,
		     const struct field *ff)
{
	const struct object_list *l = field_list(from, ff);
	int err = 0;

	field_clear_list(to, tf);
	for (size_t i = 0; !err && i < l->n; i++) {
		struct object *child = object_clone(l->v[i]);

		err = child ? object_list_add(to, tf, &child) : ENOMEM;
		object_free(child);
	}
	return err;
}

int field_copy(struct object *to, const struct field *tf, const struct object *from,
	       const struct field *ff)
{
	BUG(tf->kind != ff->kind);
	switch (tf->kind) {
	case FIELD_TEXT:
	case FIELD_SECRET:
	case FIELD_PASSWORD:
		return object_set_text(to, tf, str_of(field_text(from, ff)));
	case FIELD_REF:
	case FIELD_ID:
		field_set_id(to, tf, field_id(from, ff));
		break;
	case FIELD_DEST:
		field_set_dest(to, tf, *field_dest(from, ff));
		break;
	case FIELD_LIST:
		return list_copy(to, tf, from, ff);
	default:
		field_set_int(to, tf, field_int(from, ff));
	}
	return 0;
}

struct object *object_clone(const struct object *o)
{
	struct object *c = object_bare(o->res);
	int err = 0;

	if (!c)
		return NULL;
	c->tenant_id = o->tenant_id;
	c->id = o->id;
	c->revision = o->revision;
	for (size_t i = 0; !err && i < o->res->nfields; i++)
		err = field_copy(c, &o->res->fields[i], o, &o->res->fields[i]);
	return err ? object_free(c) : c;
}

size_t object_bytes(const struct object *o)
{
	size_t n = o->res->size;

	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (field_is_text(f) && *field_text(o, f)) {
			n += strlen(field_text(o, f)) + 1;
		} else if (f->kind == FIELD_LIST) {
			const struct object_list *l = field_list(o, f);

			for (size_t k = 0; k < l->n; k++)
				n += sizeof(l->v[k]) + object_bytes(l->v[k]);
		}
	}
	return n;
}

int object_generate(struct object *o, struct rng *rng)
{
	char token[OBJECT_TOKEN_CHARS + 1];
	int err = 0;

	for (size_t i = 0; !err && i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (!(f->flags & GENERATED) || !field_is_text(f) || *field_text(o, f))
			continue;
		if ((f->flags & CREATE_ONLY) && o->id)
			continue;
		rng_token(rng, token, OBJECT_TOKEN_CHARS);
		err = object_set_text(o, f, str_of(token));
	}
	explicit_bzero(token, sizeof(token));
	return err;
}

struct in_list {
	const char *list;
	size_t position;
	object_ref_h *fn;
	void *arg;
};

static int in_list(const struct resource *target, uint64_t id, const char *field, void *arg)
{
	const struct in_list *in = arg;
	char path[160];

	snprintf(path, sizeof(path), "%s[%zu].%s", in->list, in->position, field);
	return in->fn(target, id, path, in->arg);
}

static int list_refs(const struct object_list *l, const struct field *f, object_ref_h *fn,
		     void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++) {
		struct in_list in = {f->name, i, fn, arg};

		r = object_refs(l->v[i], in_list, &in);
	}
	return r;
}

int object_refs(const struct object *o, object_ref_h *fn, void *arg)
{
	char path[96];
	int r = 0;

	for (size_t i = 0; !r && i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (f->kind == FIELD_REF && field_id(o, f))
			r = fn(f->ref, field_id(o, f), f->name, arg);
		if (f->kind == FIELD_DEST && dest_resource(field_dest(o, f)->kind)) {
			snprintf(path, sizeof(path), "%s.id", f->name);
			r = fn(dest_resource(field_dest(o, f)->kind), field_dest(o, f)->id, path,
			       arg);
		}
		if (f->kind == FIELD_LIST)
			r = list_refs(field_list(o, f), f, fn, arg);
	}
	return r;
}
