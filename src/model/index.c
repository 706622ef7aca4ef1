/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "model/index.h"

/* All that refer to one object by one field, in order of id. */
struct referrers {
	struct map_node node;
	const struct field *field;
	uint64_t tenant_id, target;
	const struct object **v;
	size_t n, cap;
};

int index_open(struct index *ix)
{
	int err = map_init(&ix->objects);

	if (!err)
		err = map_init(&ix->keys);
	if (!err)
		err = map_init(&ix->referred);
	return err;
}

void index_close(struct index *ix)
{
	BUG(ix->objects.count || ix->keys.count || ix->referred.count || ix->bytes);
	map_close(&ix->objects);
	map_close(&ix->keys);
	map_close(&ix->referred);
}

/* --- objects --- */

/* what: a resource, or the REF field whose targets are meant. */
static uint64_t id_hash(const void *what, uint64_t tenant_id, uint64_t id)
{
	return map_hash_u64(tenant_id ^ (uintptr_t)what, id);
}

struct id_key {
	const struct index *ix;
	const void *what;
	uint64_t tenant_id, id;
};

/* Tests count on it; a look-up changes nothing else. */
static void count_step(const struct index *ix)
{
	((struct index *)ix)->steps++;
}

static bool same_object(const struct map_node *node, const void *key)
{
	const struct object *o = CONTAINER_OF(node, const struct entry, node)->o;
	const struct id_key *k = key;

	count_step(k->ix);
	return o->res == k->what && o->tenant_id == k->tenant_id && o->id == k->id;
}

struct entry *index_object(const struct index *ix, const struct resource *r, uint64_t tenant_id,
			   uint64_t id)
{
	const struct id_key key = {ix, r, tenant_id, id};
	struct map_node *node =
		map_find(&ix->objects, id_hash(r, tenant_id, id), same_object, &key);

	return node ? CONTAINER_OF(node, struct entry, node) : NULL;
}

/* --- numbers that name a caller: one person's is written in many ways, +44 20 7946 0001, 020 7946 0001 --- */

enum { TAIL = 7 };

struct str index_digits(char dst[40], struct str number)
{
	size_t n = 0;

	for (size_t i = 0; i < number.n && n < 40; i++)
		if (number.p[i] >= '0' && number.p[i] <= '9' && (n || number.p[i] != '0'))
			dst[n++] = number.p[i];
	return (struct str){dst, n};
}

static uint64_t tail_hash(uint64_t tenant_id, struct str number)
{
	char digits[40];
	struct str d = index_digits(digits, number);
	const size_t n = d.n < TAIL ? d.n : TAIL;

	return map_hash_u64(map_hash(d.p + d.n - n, n), tenant_id);
}

/* --- keys --- */

static bool is_key(const struct field *f)
{
	return f->flags & (NUMBER | DIRECTORY | NAMES_CALLER) ||
	       ((f->flags & UNIQUE) && f->kind == FIELD_TEXT);
}

/* Names of hosts and mail addresses are the same in any case. */
static bool is_folded(const struct field *f)
{
	return f && f->flags & (HOSTNAME | EMAIL);
}

static bool is_of_system(const struct field *f)
{
	return f && f->flags & DIRECTORY;
}

static uint64_t key_hash(const struct field *f, uint64_t tenant_id, struct str text)
{
	uint64_t h = is_folded(f) ? map_hash_istr(text) : map_hash_str(text);

	return map_hash_u64(h ^ (uintptr_t)f, is_of_system(f) ? 0 : tenant_id);
}

static struct str key_text(const struct key *k)
{
	return str_of(field_text(k->e->o, k->field));
}

/* All numbers of a tenant are in one index, whichever field holds them. */
static const struct field *key_index(const struct key *k)
{
	return k->field->flags & NUMBER ? NULL : k->field;
}

struct text_key {
	const struct index *ix;
	const struct field *field;
	uint64_t tenant_id;
	struct str text;
};

static bool same_key(const struct map_node *node, const void *key)
{
	const struct key *k = CONTAINER_OF(node, const struct key, node);
	const struct text_key *want = key;

	count_step(want->ix);
	if (k->field->flags & NAMES_CALLER || key_index(k) != want->field ||
	    (!is_of_system(want->field) && k->e->o->tenant_id != want->tenant_id))
		return false;
	return is_folded(want->field) ? str_ieq(key_text(k), want->text)
				      : str_eq(key_text(k), want->text);
}

struct tail_key {
	uint64_t tenant_id;
};

static bool same_tenant(const struct map_node *node, const void *key)
{
	const struct key *k = CONTAINER_OF(node, const struct key, node);
	const struct tail_key *want = key;

	return k->field->flags & NAMES_CALLER && k->e->o->tenant_id == want->tenant_id;
}

const struct object *index_named(const struct index *ix, uint64_t tenant_id, struct str number,
				 const struct key **pos)
{
	const struct tail_key key = {tenant_id};
	struct map_node *node =
		*pos ? map_find_next(&(*pos)->node, same_tenant, &key)
		     : map_find(&ix->keys, tail_hash(tenant_id, number), same_tenant, &key);

	*pos = node ? CONTAINER_OF(node, struct key, node) : NULL;
	return *pos ? (*pos)->e->o : NULL;
}

const struct object *index_key(const struct index *ix, const struct field *f, uint64_t tenant_id,
			       struct str text)
{
	const struct text_key key = {ix, f, tenant_id, text};
	struct map_node *node = map_find(&ix->keys, key_hash(f, tenant_id, text), same_key, &key);

	return node ? CONTAINER_OF(node, struct key, node)->e->o : NULL;
}

/* --- referrers --- */

static bool same_target(const struct map_node *node, const void *key)
{
	const struct referrers *r = CONTAINER_OF(node, const struct referrers, node);
	const struct id_key *k = key;

	count_step(k->ix);
	return r->field == k->what && r->tenant_id == k->tenant_id && r->target == k->id;
}

static struct referrers *referrers_of(const struct index *ix, const struct field *f,
				      uint64_t tenant_id, uint64_t target)
{
	const struct id_key key = {ix, f, tenant_id, target};
	struct map_node *node =
		map_find(&ix->referred, id_hash(f, tenant_id, target), same_target, &key);

	return node ? CONTAINER_OF(node, struct referrers, node) : NULL;
}

/* Where an id stands or would stand. */
static size_t place(const struct referrers *r, uint64_t id)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->v[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_if_empty(struct index *ix, struct referrers *r)
{
	if (r->n)
		return;
	map_remove(&ix->referred, &r->node);
	ix->bytes -= sizeof(*r) + r->cap * sizeof(*r->v);
	free(r->v);
	free(r);
}

/* Room for one more, so that adding cannot fail. */
static int make_room(struct index *ix, const struct object *o, const struct field *f)
{
	struct referrers *r = referrers_of(ix, f, o->tenant_id, field_id(o, f));
	const struct object **v;
	size_t cap;

	if (!r) {
		r = mem_fault() ? NULL : calloc(1, sizeof(*r));
		if (!r)
			return ENOMEM;
		r->field = f;
		r->tenant_id = o->tenant_id;
		r->target = field_id(o, f);
		map_add(&ix->referred, &r->node, id_hash(f, r->tenant_id, r->target));
		ix->bytes += sizeof(*r);
	}
	/* The object it replaces may stand there too, until the change is complete. */
	if (r->n < r->cap)
		return 0;
	cap = r->cap ? r->cap * 2 : 2;
	v = mem_fault() ? NULL : reallocarray(r->v, cap, sizeof(*v));
	if (!v) {
		drop_if_empty(ix, r);
		return ENOMEM;
	}
	ix->bytes += (cap - r->cap) * sizeof(*v);
	r->v = v;
	r->cap = cap;
	return 0;
}

const struct object *index_referrer(const struct index *ix, const struct field *f,
				    uint64_t tenant_id, uint64_t target, size_t *pos)
{
	const struct referrers *r = referrers_of(ix, f, tenant_id, target);

	return r && *pos < r->n ? r->v[(*pos)++] : NULL;
}

/* --- entries --- */

/* Each REF field of o that refers to something. */
static const struct field *next_ref(const struct object *o, size_t *i)
{
	while (*i < o->res->nfields) {
		const struct field *f = &o->res->fields[(*i)++];

		if (f->kind == FIELD_REF && field_id(o, f))
			return f;
	}
	return NULL;
}

/* Room made for an object that does not come after all. */
static void forget_room(struct index *ix, const struct object *o)
{
	const struct field *f;
	size_t i = 0;

	while ((f = next_ref(o, &i))) {
		struct referrers *r = referrers_of(ix, f, o->tenant_id, field_id(o, f));

		if (r)
			drop_if_empty(ix, r);
	}
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + e->nkeys * sizeof(e->keys[0]) + object_bytes(e->o);
}

static void fill_keys(struct entry *e, const struct object *o)
{
	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (!is_key(f) || !*field_text(o, f))
			continue;
		e->keys[e->nkeys].e = e;
		e->keys[e->nkeys++].field = f;
	}
}

int index_prepare(struct index *ix, struct entry **ep, struct object **op)
{
	const struct object *o = *op;
	const struct field *f;
	struct entry *e;
	size_t i = 0, nkeys = 0;
	int err = 0;

	for (size_t k = 0; k < o->res->nfields; k++)
		nkeys += is_key(&o->res->fields[k]);
	e = mem_fault() ? NULL : calloc(1, sizeof(*e) + nkeys * sizeof(e->keys[0]));
	if (!e)
		return ENOMEM;
	while (!err && (f = next_ref(o, &i)))
		err = make_room(ix, o, f);
	if (err) {
		forget_room(ix, o);
		free(e);
		return err;
	}
	fill_keys(e, o);
	list_init(&e->in_tenant);
	e->o = *op;
	*op = NULL;
	*ep = e;
	return 0;
}

struct entry *index_discard(struct index *ix, struct entry *e)
{
	if (!e)
		return NULL;
	list_remove(&e->in_tenant);
	object_free(e->o);
	free(e);
	return NULL;
}

static uint64_t hash_of(const struct key *k, uint64_t tenant_id)
{
	return k->field->flags & NAMES_CALLER ? tail_hash(tenant_id, key_text(k))
					      : key_hash(key_index(k), tenant_id, key_text(k));
}

void index_add(struct index *ix, struct entry *e)
{
	const struct object *o = e->o;
	const struct field *f;
	size_t i = 0;

	map_add(&ix->objects, &e->node, id_hash(o->res, o->tenant_id, o->id));
	for (size_t k = 0; k < e->nkeys; k++)
		map_add(&ix->keys, &e->keys[k].node, hash_of(&e->keys[k], o->tenant_id));
	while ((f = next_ref(o, &i))) {
		struct referrers *r = referrers_of(ix, f, o->tenant_id, field_id(o, f));
		size_t at = place(r, o->id);

		BUG(!r || r->n == r->cap);
		memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof(*r->v));
		r->v[at] = o;
		r->n++;
	}
	ix->bytes += entry_bytes(e);
}

void index_remove(struct index *ix, struct entry *e)
{
	const struct object *o = e->o;
	const struct field *f;
	size_t i = 0;

	ix->bytes -= entry_bytes(e);
	map_remove(&ix->objects, &e->node);
	for (size_t k = 0; k < e->nkeys; k++)
		map_remove(&ix->keys, &e->keys[k].node);
	while ((f = next_ref(o, &i))) {
		struct referrers *r = referrers_of(ix, f, o->tenant_id, field_id(o, f));
		size_t at = place(r, o->id);

		/* Its successor is there already, under the same id. */
		while (at < r->n && r->v[at] != o)
			at++;
		BUG(at == r->n);
		memmove(&r->v[at], &r->v[at + 1], (r->n - at - 1) * sizeof(*r->v));
		r->n--;
		drop_if_empty(ix, r);
	}
}
