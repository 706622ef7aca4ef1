/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes in order, tenants that come and go, and look-ups over the index.
 *
 * A change first makes all that can fail, then puts the new object in before it takes the old one out, so that there is no way
 * back to find and no instant without either.
 */
#include <string.h>
#include <stdlib.h>
#include "base/idmap.h"
#include "base/mem.h"
#include "base/thread.h"
#include "model/index.h"
#include "model/model.h"
#include "model/office.h"

/* What the model knows of a tenant besides its objects. */
struct home {
	struct idmap_key key; /* the tenant */
	uint64_t revision;
	bool is_known; /* a revision has come */
	struct link objects;
	uint32_t counts[]; /* by place in resources[] */
};

struct alias {
	struct map_node node;
	struct link link;
	char *domain;
	uint64_t tenant_id;
};

struct watcher {
	model_changed_h *fn;
	void *arg;
};

struct model {
	enum thread_role owner;
	bool is_telling; /* watchers are at work: no change now */
	struct index index;
	struct offices *offices;
	struct map homes;
	struct map aliases;
	struct link all_aliases;
	struct watcher *watchers;
	size_t nwatchers;
	size_t nresources;
	size_t *counts; /* by place in resources[] */
	size_t bytes;	/* besides the index */
	const struct field *domain, *username, *system_name, *extension_id;
};

static void check_thread(const struct model *m)
{
	if (m->owner != THREAD_ANY)
		ON_THREAD(m->owner);
}

const struct index *model_index(const struct model *m)
{
	check_thread(m);
	return &m->index;
}

/* --- homes --- */

static struct home *home_of(const struct model *m, uint64_t tenant_id)
{
	return IDMAP_FIND(struct home, &m->homes, tenant_id, 0);
}

static struct home *home_alloc(struct model *m, uint64_t tenant_id)
{
	size_t bytes = sizeof(struct home) + m->nresources * sizeof(uint32_t);
	struct home *h = mem_fault() ? NULL : calloc(1, bytes);

	if (!h)
		return NULL;
	list_init(&h->objects);
	idmap_add(&m->homes, &h->key, tenant_id, 0);
	m->bytes += bytes;
	return h;
}

static void home_free(struct model *m, struct home *h)
{
	BUG(!list_empty(&h->objects));
	map_remove(&m->homes, &h->key.node);
	m->bytes -= sizeof(*h) + m->nresources * sizeof(*h->counts);
	free(h);
}

/* --- model --- */

int model_alloc(struct model **mp)
{
	struct model *m = mem_fault() ? NULL : calloc(1, sizeof(*m));
	size_t n = 0;
	int err;

	if (!m)
		return ENOMEM;
	while (resources[n])
		n++;
	m->nresources = n;
	m->owner = thread_role();
	list_init(&m->all_aliases);
	m->domain = resource_field(&resource_tenant, STR("domain"));
	m->username = resource_field(&resource_account, STR("username"));
	m->system_name = resource_field(&resource_account, STR("system_name"));
	m->extension_id = resource_field(&resource_account, STR("extension_id"));
	BUG(!m->domain || !m->username || !m->system_name || !m->extension_id);
	m->counts = mem_fault() ? NULL : calloc(n, sizeof(*m->counts));
	err = m->counts ? map_init(&m->homes) : ENOMEM;
	if (!err)
		err = map_init(&m->aliases);
	if (!err)
		err = index_open(&m->index);
	if (!err)
		err = offices_alloc(&m->offices);
	if (err)
		model_free(m);
	else
		*mp = m;
	return err;
}

static size_t place_of(const struct resource *r)
{
	size_t i = 0;

	while (resources[i] && resources[i] != r)
		i++;
	BUG(!resources[i]);
	return i;
}

static void drop(struct model *m, struct entry *e)
{
	size_t place = place_of(e->o->res);

	m->counts[place]--;
	home_of(m, e->o->tenant_id)->counts[place]--;
	index_remove(&m->index, e);
	index_discard(&m->index, e);
}

void model_give(struct model *m)
{
	m->owner = THREAD_ANY;
}

struct model *model_free(struct model *m)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!m)
		return NULL;
	while (m->homes.now && (node = map_next(&m->homes, &it))) {
		struct home *h = CONTAINER_OF(node, struct home, key.node);

		LIST_EACH_SAFE (l, next, &h->objects)
			drop(m, CONTAINER_OF(l, struct entry, in_tenant));
		home_free(m, h);
	}
	LIST_EACH_SAFE (l, next, &m->all_aliases) {
		struct alias *a = CONTAINER_OF(l, struct alias, link);

		free(a->domain);
		free(a);
	}
	index_close(&m->index);
	offices_free(m->offices);
	map_close(&m->homes);
	map_close(&m->aliases);
	free(m->watchers);
	free(m->counts);
	free(m);
	return NULL;
}

int model_watch(struct model *m, model_changed_h *fn, void *arg)
{
	struct watcher *v;

	check_thread(m);
	v = mem_fault() ? NULL : reallocarray(m->watchers, m->nwatchers + 1, sizeof(*v));
	if (!v)
		return ENOMEM;
	m->watchers = v;
	m->watchers[m->nwatchers++] = (struct watcher){fn, arg};
	return 0;
}

void model_unwatch(struct model *m, model_changed_h *fn, const void *arg)
{
	check_thread(m);
	for (size_t i = 0; i < m->nwatchers; i++) {
		if (m->watchers[i].fn != fn || m->watchers[i].arg != arg)
			continue;
		m->nwatchers--;
		memmove(m->watchers + i, m->watchers + i + 1,
			(m->nwatchers - i) * sizeof(m->watchers[0]));
		return;
	}
}

static void tell(struct model *m, const struct resource *res, uint64_t tenant_id, uint64_t id)
{
	offices_changed(m->offices, m, res, tenant_id, id);
	m->is_telling = true;
	for (size_t i = 0; i < m->nwatchers; i++)
		m->watchers[i].fn(m, res, tenant_id, id, m->watchers[i].arg);
	m->is_telling = false;
}

/* --- changes --- */

static void drop_and_tell(struct model *m, struct entry *e)
{
	const struct resource *res = e->o->res;
	const uint64_t tenant_id = e->o->tenant_id, id = e->o->id;

	drop(m, e);
	tell(m, res, tenant_id, id);
}

/* What came last goes first: it may refer to what came before. */
static void drop_tenant(struct model *m, uint64_t tenant_id)
{
	struct home *h = home_of(m, tenant_id);

	if (!h)
		return;
	while (!list_empty(&h->objects))
		drop_and_tell(m, CONTAINER_OF(h->objects.prev, struct entry, in_tenant));
	home_free(m, h);
}

static bool is_in_order(const struct home *h, const struct model_change *c)
{
	return !h->is_known || c->revision == h->revision || c->revision == h->revision + 1;
}

static bool is_sound(const struct model_change *c)
{
	const struct object *o = c->after;

	return c->id &&
	       (!o || (o->res == c->res && o->id == c->id && o->tenant_id == c->tenant_id));
}

static void remove_object(struct model *m, const struct model_change *c)
{
	struct entry *e = index_object(&m->index, c->res, c->tenant_id, c->id);

	if (c->res == &resource_tenant)
		drop_tenant(m, c->id);
	if (e)
		drop_and_tell(m, e);
}

static int put_object(struct model *m, struct home *h, struct model_change *c)
{
	struct entry *e, *old = index_object(&m->index, c->res, c->tenant_id, c->id);
	size_t place = place_of(c->res);
	int err = index_prepare(&m->index, &e, &c->after);

	if (err)
		return err;
	index_add(&m->index, e);
	m->counts[place]++;
	h->counts[place]++;
	if (old) {
		list_add_before(&old->in_tenant, &e->in_tenant);
		drop(m, old);
	} else {
		list_append(&h->objects, &e->in_tenant);
	}
	return 0;
}

static int change_object(struct model *m, struct model_change *c, bool is_load)
{
	const bool is_gone = !c->after;
	struct home *h;
	bool is_new;
	int err = 0;

	check_thread(m);
	BUG(m->is_telling);
	if (!is_sound(c))
		return EPROTO;
	h = home_of(m, c->tenant_id);
	is_new = !h;
	if (!h)
		h = home_alloc(m, c->tenant_id);
	if (!h)
		return ENOMEM;
	if (!is_load && !is_in_order(h, c))
		return EPROTO;
	if (!is_gone)
		err = offices_prepare(m->offices, c);
	if (!is_gone && !err)
		err = put_object(m, h, c);
	if (err) {
		if (is_new)
			home_free(m, h);
		return err;
	}
	if (!h->is_known || c->revision > h->revision)
		h->revision = c->revision;
	h->is_known = true;
	if (is_gone)
		remove_object(m, c);
	else
		tell(m, c->res, c->tenant_id, c->id);
	return 0;
}

int model_apply(struct model *m, struct model_change *change)
{
	return change_object(m, change, false);
}

int model_load(struct model *m, struct model_change *change)
{
	return change_object(m, change, true);
}

static void mark_stale(struct home *h)
{
	h->is_known = false;
	LIST_EACH (l, &h->objects)
		CONTAINER_OF(l, struct entry, in_tenant)->is_stale = true;
}

static void drop_stale(struct model *m, struct home *h)
{
	struct link *l, *before;

	for (l = h->objects.prev; l != &h->objects; l = before) {
		struct entry *e = CONTAINER_OF(l, struct entry, in_tenant);

		before = l->prev;
		if (e->is_stale)
			drop_and_tell(m, e);
	}
}

void model_reload(struct model *m, uint64_t tenant_id)
{
	struct home *h = home_of(m, tenant_id);

	check_thread(m);
	if (h)
		mark_stale(h);
}

void model_reloaded(struct model *m, uint64_t tenant_id)
{
	struct home *h = home_of(m, tenant_id);

	check_thread(m);
	BUG(m->is_telling);
	if (h)
		drop_stale(m, h);
}

void model_reload_all(struct model *m)
{
	struct map_iter it = {0};
	struct map_node *node;

	check_thread(m);
	while ((node = map_next(&m->homes, &it)))
		mark_stale(CONTAINER_OF(node, struct home, key.node));
}

/* What the system has goes last: tenants refer to it, and are of it themselves. */
void model_reloaded_all(struct model *m)
{
	struct map_iter it = {0};
	struct map_node *node;

	check_thread(m);
	BUG(m->is_telling);
	while ((node = map_next(&m->homes, &it))) {
		struct home *h = CONTAINER_OF(node, struct home, key.node);

		if (!h->key.tenant_id)
			continue;
		drop_stale(m, h);
		if (list_empty(&h->objects) && !h->is_known)
			home_free(m, h);
	}
	model_reloaded(m, 0);
}

void model_tell_all(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    model_changed_h *fn, void *arg)
{
	const struct home *h = home_of(m, tenant_id);

	check_thread(m);
	if (!h)
		return;
	LIST_EACH (l, &h->objects) {
		const struct object *o = CONTAINER_OF(l, struct entry, in_tenant)->o;

		if (o->res == res)
			fn(m, res, tenant_id, o->id, arg);
	}
}

uint64_t model_revision(const struct model *m, uint64_t tenant_id)
{
	const struct home *h = home_of(m, tenant_id);

	check_thread(m);
	return h ? h->revision : 0;
}

/* --- look-ups --- */

const struct object *model_object(const struct model *m, const struct resource *res,
				  uint64_t tenant_id, uint64_t id)
{
	const struct entry *e = index_object(&m->index, res, tenant_id, id);

	check_thread(m);
	return e ? e->o : NULL;
}

const struct object *model_find(const struct model *m, const struct field *f, uint64_t tenant_id,
				struct str text)
{
	check_thread(m);
	return text.n ? index_key(&m->index, f, tenant_id, text) : NULL;
}

const struct object *model_referrer(const struct model *m, const struct field *f,
				    uint64_t tenant_id, uint64_t id, size_t *pos)
{
	check_thread(m);
	return index_referrer(&m->index, f, tenant_id, id, pos);
}

const struct object *model_number(const struct model *m, uint64_t tenant_id, struct str number)
{
	return model_find(m, NULL, tenant_id, number);
}

const struct tenant *model_tenant(const struct model *m, uint64_t tenant_id)
{
	return (const struct tenant *)model_object(m, &resource_tenant, 0, tenant_id);
}

const struct extension *model_extension(const struct model *m, uint64_t tenant_id, uint64_t id)
{
	return (const struct extension *)model_object(m, &resource_extension, tenant_id, id);
}

const struct account *model_account(const struct model *m, uint64_t tenant_id, uint64_t id)
{
	return (const struct account *)model_object(m, &resource_account, tenant_id, id);
}

const struct ring_group *model_ring_group(const struct model *m, uint64_t tenant_id, uint64_t id)
{
	return (const struct ring_group *)model_object(m, &resource_ring_group, tenant_id, id);
}

const struct trunk *model_trunk(const struct model *m, uint64_t id)
{
	return (const struct trunk *)model_object(m, &resource_trunk, 0, id);
}

const struct account *model_account_by_username(const struct model *m, uint64_t tenant_id,
						struct str username)
{
	return (const struct account *)model_find(m, m->username, tenant_id, username);
}

const struct account *model_account_by_system_name(const struct model *m, struct str name)
{
	return (const struct account *)model_find(m, m->system_name, 0, name);
}

const struct account *model_extension_accounts(const struct model *m, uint64_t tenant_id,
					       uint64_t extension_id, size_t *pos)
{
	return (const struct account *)model_referrer(m, m->extension_id, tenant_id, extension_id,
						      pos);
}

enum office_state model_office(const struct model *m, uint64_t tenant_id, uint64_t office_hours_id,
			       int64_t wall_us, const struct holiday **reasonp)
{
	check_thread(m);
	return offices_ask(m->offices, m, tenant_id, office_hours_id, wall_us, reasonp);
}

enum office_state model_office_of(const struct model *m, const struct extension *x,
				  uint64_t office_hours_id, int64_t wall_us)
{
	check_thread(m);
	if (offices_is_own_holiday(m->offices, m, x, wall_us))
		return OFFICE_HOLIDAY;
	return model_office(m, x->o.tenant_id, office_hours_id, wall_us, NULL);
}

void model_local_time(const struct model *m, uint64_t tenant_id, int64_t wall_us,
		      struct local_time *t)
{
	check_thread(m);
	zone_local(offices_zone(m->offices, tenant_id), wall_us / 1000000, t);
}

/* --- domains --- */

static bool same_alias(const struct map_node *node, const void *key)
{
	return str_ieq(str_of(CONTAINER_OF(node, struct alias, node)->domain),
		       *(const struct str *)key);
}

static struct alias *alias_of(const struct model *m, struct str domain)
{
	struct map_node *node = map_find(&m->aliases, map_hash_istr(domain), same_alias, &domain);

	return node ? CONTAINER_OF(node, struct alias, node) : NULL;
}

const struct tenant *model_tenant_by_domain(const struct model *m, struct str domain)
{
	const struct object *o = model_find(m, m->domain, 0, domain);
	const struct alias *a = o ? NULL : alias_of(m, domain);

	return a ? model_tenant(m, a->tenant_id) : (const struct tenant *)o;
}

int model_add_domain(struct model *m, struct str domain, uint64_t tenant_id)
{
	struct alias *a = alias_of(m, domain);

	check_thread(m);
	if (!a) {
		a = mem_fault() ? NULL : calloc(1, sizeof(*a));
		if (!a)
			return ENOMEM;
		a->domain = str_dup(domain);
		if (!a->domain) {
			free(a);
			return ENOMEM;
		}
		map_add(&m->aliases, &a->node, map_hash_istr(domain));
		list_append(&m->all_aliases, &a->link);
		m->bytes += sizeof(*a) + domain.n + 1;
	}
	a->tenant_id = tenant_id;
	return 0;
}

/* --- counts --- */

size_t model_count(const struct model *m, const struct resource *res)
{
	check_thread(m);
	return m->counts[place_of(res)];
}

size_t model_count_in(const struct model *m, const struct resource *res, uint64_t tenant_id)
{
	const struct home *h = home_of(m, tenant_id);

	check_thread(m);
	return h ? h->counts[place_of(res)] : 0;
}

size_t model_bytes(const struct model *m)
{
	check_thread(m);
	return m->bytes + m->index.bytes;
}

uint64_t model_steps(const struct model *m)
{
	return m->index.steps;
}
