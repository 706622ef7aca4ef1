/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "route/index.h"
#include "schema/did.h"

enum table { POOLS, INBOUND, OUTBOUND, RATES, COUNTRIES, PBXS, NTABLES };

struct entry {
	struct map_node node; /* the first of its object */
	struct entry *more;   /* of the same object */
	const struct resource *res;
	uint64_t tenant_id, id;
	enum table table;
	uint64_t trunk_id;
	struct did_range range; /* POOLS: numbers; INBOUND: callers */
	int64_t priority;	/* RATES: direction */
	char text[24];		/* INBOUND: did; OUTBOUND, RATES: prefix */
};

struct sorted {
	struct entry **v;
	size_t n, cap;
	uint64_t steps; /* entries compared by look-ups */
	bool is_sorted; /* from the first look-up on; while the model is loaded, entries only pile up */
};

struct route_index {
	struct map objects;
	struct sorted table[NTABLES];
};

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

static int by_range(const struct entry *a, const struct entry *b)
{
	ORDER(a->range.ndigits, b->range.ndigits);
	ORDER(a->range.first, b->range.first);
	return 0;
}

static int order(const struct entry *a, const struct entry *b)
{
	int text;

	if (a->table != POOLS && a->table != PBXS)
		ORDER(a->tenant_id, b->tenant_id);
	ORDER(a->trunk_id, b->trunk_id); /* OUTBOUND: 0 */
	text = strcmp(a->text, b->text);
	if (text)
		return text;
	ORDER(a->priority, b->priority); /* OUTBOUND alone */
	return by_range(a, b);
}

/* The same, with an end to it: of two pools in the midst of a change both may stand there. */
static int order_all(const struct entry *a, const struct entry *b)
{
	int by_key = order(a, b);

	if (by_key)
		return by_key;
	ORDER(a->tenant_id, b->tenant_id);
	ORDER(a->id, b->id);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return order_all(*(struct entry *const *)a, *(struct entry *const *)b);
}

static const struct sorted *table_of(const struct route_index *r, enum table t)
{
	struct sorted *s = (struct sorted *)&r->table[t];

	if (!s->is_sorted && s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	s->is_sorted = true;
	return s;
}

/* How many come before `key`; with_equal: or are its equal by key alone. */
static size_t place(const struct sorted *s, const struct entry *key,
		    int (*cmp)(const struct entry *, const struct entry *), bool with_equal)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = cmp(s->v[mid], key);

		((struct sorted *)s)->steps++;

		if (c < 0 || (with_equal && c == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int insert(struct route_index *r, struct entry *e)
{
	struct sorted *s = &r->table[e->table];
	size_t at = s->n;

	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct entry **v =
			mem_fault() ? NULL : reallocarray(s->v, cap, sizeof(struct entry *));

		if (!v)
			return ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	if (s->is_sorted)
		at = place(s, e, order_all, false);
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(*s->v));
	s->v[at] = e;
	s->n++;
	return 0;
}

static void take_out(struct route_index *r, struct entry *e)
{
	struct sorted *s = &r->table[e->table];
	size_t at = s->is_sorted ? place(s, e, order_all, false) : 0;

	while (at < s->n && s->v[at] != e)
		at++;
	if (at == s->n)
		return; /* it never got in */
	memmove(&s->v[at], &s->v[at + 1], (s->n - at - 1) * sizeof(*s->v));
	s->n--;
}

/* ---- objects ---- */

struct object_key {
	const struct resource *res;
	uint64_t tenant_id, id;
};

static bool same_object(const struct map_node *node, const void *key)
{
	const struct entry *e = CONTAINER_OF(node, const struct entry, node);
	const struct object_key *k = key;

	return e->res == k->res && e->tenant_id == k->tenant_id && e->id == k->id;
}

static uint64_t object_hash(const struct object_key *k)
{
	return map_hash_u64(k->tenant_id ^ (uintptr_t)k->res, k->id);
}

static void forget(struct route_index *r, const struct object_key *k)
{
	struct map_node *node = map_find(&r->objects, object_hash(k), same_object, k);
	struct entry *e = node ? CONTAINER_OF(node, struct entry, node) : NULL;

	if (node)
		map_remove(&r->objects, node);
	while (e) {
		struct entry *more = e->more;

		take_out(r, e);
		free(e);
		e = more;
	}
}

static struct entry *add(struct route_index *r, struct entry **firstp, const struct object *o,
			 const struct entry *what)
{
	struct entry *e = mem_fault() ? NULL : malloc(sizeof(*e));

	if (!e)
		return NULL;
	*e = *what;
	e->res = o->res;
	e->tenant_id = o->tenant_id;
	e->id = o->id;
	e->more = NULL;
	if (insert(r, e)) {
		free(e);
		return NULL;
	}
	if (*firstp) {
		e->more = (*firstp)->more;
		(*firstp)->more = e;
	} else {
		const struct object_key k = {o->res, o->tenant_id, o->id};

		map_add(&r->objects, &e->node, object_hash(&k));
		*firstp = e;
	}
	return e;
}

static bool add_pool(struct route_index *r, const struct did_pool *p)
{
	struct did_list *l = malloc(sizeof(*l));
	struct entry *first = NULL;
	struct did_why why;
	bool ok = l && !did_pool_parse(l, str_of(p->numbers), &why);

	for (size_t i = 0; ok && i < l->n; i++)
		ok = add(
			r, &first, &p->o,
			&(struct entry){.table = POOLS, .trunk_id = p->trunk_id, .range = l->v[i]});
	if (ok && p->is_pbx)
		ok = add(r, &first, &p->o, &(struct entry){.table = PBXS, .trunk_id = p->trunk_id});
	free(l);
	return ok;
}

static bool add_inbound(struct route_index *r, const struct inbound_rule *rule)
{
	struct entry e = {.table = INBOUND, .trunk_id = rule->trunk_id}, *first = NULL;
	struct did_why why;

	if (*rule->caller_mask && did_mask_parse(&e.range, str_of(rule->caller_mask), &why))
		return false;
	return !str_copy(e.text, sizeof(e.text), str_of(rule->did)) && add(r, &first, &rule->o, &e);
}

static bool add_outbound(struct route_index *r, const struct outbound_rule *rule)
{
	struct str rest = str_trim(str_of(rule->prefixes));
	struct entry *first = NULL;
	bool ok = true;

	do {
		struct entry e = {.table = OUTBOUND, .priority = rule->priority};

		ok = !str_copy(e.text, sizeof(e.text), str_trim(str_cut(&rest, ';'))) &&
		     add(r, &first, &rule->o, &e);
	} while (ok && rest.p);
	return ok;
}

static bool add_rate(struct route_index *r, const struct call_rate *rate)
{
	struct entry e = {.table = RATES, .priority = rate->direction}, *first = NULL;

	return !str_copy(e.text, sizeof(e.text), str_of(rate->prefix)) &&
	       add(r, &first, &rate->o, &e);
}

static bool add_country(struct route_index *r, const struct allowed_country_code *c)
{
	struct entry e = {.table = COUNTRIES}, *first = NULL;

	return !str_copy(e.text, sizeof(e.text), str_of(c->code)) && add(r, &first, &c->o, &e);
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct route_index *r = arg;
	const struct object *o;
	bool ok;

	if (res != &resource_did_pool && res != &resource_inbound_rule &&
	    res != &resource_outbound_rule && res != &resource_call_rate &&
	    res != &resource_allowed_country_code)
		return;
	forget(r, &(struct object_key){res, tenant_id, id});
	o = model_object(m, res, tenant_id, id);
	if (!o)
		return;
	if (res == &resource_did_pool)
		ok = add_pool(r, (const struct did_pool *)o);
	else if (res == &resource_inbound_rule)
		ok = add_inbound(r, (const struct inbound_rule *)o);
	else if (res == &resource_allowed_country_code)
		ok = add_country(r, (const struct allowed_country_code *)o);
	else if (res == &resource_call_rate)
		ok = add_rate(r, (const struct call_rate *)o);
	else
		ok = add_outbound(r, (const struct outbound_rule *)o);
	if (!ok)
		log_error(&(struct log_ctx){.tenant = tenant_id}, LOGID_OVERLOAD,
			  "no memory to find %s %llu by: calls do not take it", res->name,
			  (unsigned long long)id);
}

int route_index_alloc(struct route_index **rp, struct model *m)
{
	struct route_index *r = mem_fault() ? NULL : calloc(1, sizeof(*r));
	int err;

	if (!r)
		return ENOMEM;
	err = map_init(&r->objects);
	if (!err)
		err = model_watch(m, changed, r);
	if (err)
		route_index_free(r);
	else
		*rp = r;
	return err;
}

struct route_index *route_index_free(struct route_index *r)
{
	if (!r)
		return NULL;
	for (size_t t = 0; t < NTABLES; t++) {
		for (size_t i = 0; i < r->table[t].n; i++)
			free(r->table[t].v[i]);
		free(r->table[t].v);
	}
	map_close(&r->objects);
	free(r);
	return NULL;
}

size_t route_index_bytes(const struct route_index *r)
{
	size_t n = sizeof(*r);

	for (size_t t = 0; t < NTABLES; t++)
		n += r->table[t].cap * sizeof(struct entry *) +
		     r->table[t].n * sizeof(struct entry);
	return n;
}

uint64_t route_index_steps(const struct route_index *r)
{
	uint64_t n = 0;

	for (size_t t = 0; t < NTABLES; t++)
		n += r->table[t].steps;
	return n;
}

/* ---- look-ups ---- */

static uint64_t value(struct str digits)
{
	uint64_t v = 0;

	if (str_u64(digits, &v))
		v = 0; /* did_range_has() says no to what is no number */
	return v;
}

/* The entry whose range may hold `plain` among those that are like `key`: ranges there do not overlap. */
static const struct entry *by_number(const struct sorted *s, struct entry *key, struct str plain)
{
	const struct entry *e;
	size_t at;

	for (int any = 0; any < 2; any++) {
		key->range = (struct did_range){0};
		if (!any && plain.n && plain.n <= DID_MAX_DIGITS)
			key->range = (struct did_range){(uint8_t)plain.n, value(plain), 0};
		at = place(s, key, order, true);
		e = at ? s->v[at - 1] : NULL;
		if (e && e->trunk_id == key->trunk_id && strcmp(e->text, key->text) == 0 &&
		    (key->table == POOLS || e->tenant_id == key->tenant_id) &&
		    did_range_has(&e->range, plain))
			return e;
	}
	return NULL;
}

uint64_t route_index_did(const struct route_index *r, uint64_t trunk_id, struct str plain)
{
	struct entry key = {.table = POOLS, .trunk_id = trunk_id};
	const struct entry *e = by_number(table_of(r, POOLS), &key, plain);

	return e ? e->tenant_id : 0;
}

uint64_t route_index_pbx(const struct route_index *r, uint64_t trunk_id)
{
	const struct sorted *s = table_of(r, PBXS);
	const struct entry key = {.table = PBXS, .trunk_id = trunk_id};
	size_t at = place(s, &key, order, false);

	return at < s->n && s->v[at]->trunk_id == trunk_id ? s->v[at]->tenant_id : 0;
}

uint64_t route_index_inbound(const struct route_index *r, uint64_t tenant_id, uint64_t trunk_id,
			     struct str did, struct str caller)
{
	struct entry key = {.table = INBOUND, .tenant_id = tenant_id, .trunk_id = trunk_id};
	const struct entry *e;

	if (str_copy(key.text, sizeof(key.text), did))
		return 0;
	e = by_number(table_of(r, INBOUND), &key, caller);
	return e ? e->id : 0;
}

void route_index_outbound(struct route_index_walk *w, const struct route_index *r,
			  uint64_t tenant_id, struct str number)
{
	const struct sorted *s = table_of(r, OUTBOUND);

	*w = (struct route_index_walk){.index = r};
	for (size_t n = 0; n <= number.n && n <= ROUTE_INDEX_PREFIX; n++) {
		struct entry key = {
			.table = OUTBOUND, .tenant_id = tenant_id, .priority = INT64_MIN};
		size_t at, end;

		if (str_copy(key.text, sizeof(key.text), (struct str){number.p, n}))
			break;
		at = place(s, &key, order, false);
		if (at == s->n || s->v[at]->tenant_id != tenant_id ||
		    strcmp(s->v[at]->text, key.text) != 0)
			continue;
		key.priority = INT64_MAX;
		end = place(s, &key, order, true);
		w->bucket[w->n].at = at;
		w->bucket[w->n++].end = end;
	}
}

uint64_t route_index_next(struct route_index_walk *w)
{
	const struct sorted *s = &w->index->table[OUTBOUND];
	const struct entry *best;

	do { /* a rule of two prefixes of one number comes twice, one behind the other */
		size_t *at = NULL;

		best = NULL;
		for (size_t i = 0; i < w->n; i++) {
			const struct entry *e;

			if (w->bucket[i].at == w->bucket[i].end)
				continue;
			e = s->v[w->bucket[i].at];
			if (best && (e->priority > best->priority ||
				     (e->priority == best->priority && e->id > best->id)))
				continue;
			best = e;
			at = &w->bucket[i].at;
		}
		if (best)
			++*at;
	} while (best && best->id == w->last_id);
	w->last_id = best ? best->id : 0;
	return w->last_id;
}

bool route_index_has_countries(const struct route_index *r, uint64_t tenant_id)
{
	const struct sorted *s = table_of(r, COUNTRIES);
	const struct entry key = {.table = COUNTRIES, .tenant_id = tenant_id};
	size_t at = place(s, &key, order, false);

	return at < s->n && s->v[at]->tenant_id == tenant_id;
}

uint64_t route_index_rate(const struct route_index *r, uint64_t tenant_id, int direction,
			  struct str plain)
{
	const struct sorted *s = table_of(r, RATES);
	size_t n = plain.n < ROUTE_INDEX_PREFIX ? plain.n : ROUTE_INDEX_PREFIX;

	for (; n > 0; n--) {
		struct entry key = {.table = RATES, .tenant_id = tenant_id, .priority = direction};
		size_t at;

		if (str_copy(key.text, sizeof(key.text), (struct str){plain.p, n}))
			return 0;
		at = place(s, &key, order, false);
		if (at < s->n && order(s->v[at], &key) == 0)
			return s->v[at]->id;
	}
	return 0;
}
