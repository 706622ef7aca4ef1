/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where bindings are found: by id, by account, by tenant, by record, by connection.
 *
 * Pages go by record id, which only grows: after a contact that is gone meanwhile its place is still known.
 */
#include "base/mem.h"
#include "registrar/inside.h"

/* ---- accounts ---- */

struct reg_account *reg_account_find(struct registrar *r, uint64_t tenant_id, uint64_t account_id)
{
	return IDMAP_FIND(struct reg_account, &r->accounts, tenant_id, account_id);
}

struct reg_account *reg_account_get(struct registrar *r, uint64_t tenant_id, uint64_t account_id)
{
	struct reg_account *a = reg_account_find(r, tenant_id, account_id);

	if (a)
		return a;
	a = mem_alloc(sizeof(*a));
	if (!a)
		return NULL;
	list_init(&a->bindings);
	idmap_add(&r->accounts, &a->key, tenant_id, account_id);
	return a;
}

void reg_account_drop(struct registrar *r, struct reg_account *a, const char *why)
{
	LIST_EACH_SAFE (it, tmp, &a->bindings) {
		binding_remove(CONTAINER_OF(it, struct binding, in_account), why);
	}
	map_remove(&r->accounts, &a->key.node);
	mem_free(a);
}

/* Highest q first; among equals the latest. */
static void link_account(struct binding *b)
{
	struct link *at = &b->account->bindings;

	LIST_EACH (it, &b->account->bindings) {
		if (CONTAINER_OF(it, struct binding, in_account)->c.q <= b->c.q) {
			at = it;
			break;
		}
	}
	list_add_before(at, &b->in_account);
}

/* ---- tenants ---- */

struct reg_tenant *reg_tenant_find(struct registrar *r, uint64_t tenant_id)
{
	return IDMAP_FIND(struct reg_tenant, &r->tenants, tenant_id, 0);
}

static struct reg_tenant *tenant_get(struct registrar *r, uint64_t tenant_id)
{
	struct reg_tenant *t = reg_tenant_find(r, tenant_id);

	if (t)
		return t;
	t = mem_alloc(sizeof(*t));
	if (!t)
		return NULL;
	list_init(&t->bindings);
	idmap_add(&r->tenants, &t->key, tenant_id, 0);
	return t;
}

static void tenant_leave(struct registrar *r, struct reg_tenant *t)
{
	if (!list_empty(&t->bindings))
		return;
	map_remove(&r->tenants, &t->key.node);
	mem_free(t);
}

/* New records have the highest id; restored ones come in any order. */
static void link_tenant(struct binding *b)
{
	struct link *at = &b->tenant->bindings;

	while (at->prev != &b->tenant->bindings &&
	       CONTAINER_OF(at->prev, struct binding, in_tenant)->c.record_id > b->c.record_id)
		at = at->prev;
	list_add_before(at, &b->in_tenant);
}

static void link_all(struct binding *b)
{
	struct link *at = &b->r->all;

	while (at->prev != &b->r->all &&
	       CONTAINER_OF(at->prev, struct binding, in_all)->c.record_id > b->c.record_id)
		at = at->prev;
	list_add_before(at, &b->in_all);
}

/* ---- all of them ---- */

int lists_open(struct registrar *r)
{
	int err = map_init(&r->accounts);

	list_init(&r->all);
	if (!err)
		err = map_init(&r->tenants);
	if (!err)
		err = map_init(&r->by_record);
	if (!err)
		err = map_init(&r->by_conn);
	if (!err)
		err = ids_alloc(&r->bindings, r->conf.max_contacts + 1);
	return err;
}

static void free_accounts(struct registrar *r)
{
	struct map_iter it = {0};
	struct map_node *node;

	while (r->accounts.now && (node = map_next(&r->accounts, &it))) {
		struct reg_account *a = CONTAINER_OF(node, struct reg_account, key.node);

		LIST_EACH_SAFE (l, tmp, &a->bindings)
			binding_free(CONTAINER_OF(l, struct binding, in_account));
		mem_free(a);
	}
}

void lists_close(struct registrar *r)
{
	struct map_iter it = {0};
	struct map_node *node;

	free_accounts(r);
	while (r->tenants.now && (node = map_next(&r->tenants, &it)))
		mem_free(CONTAINER_OF(node, struct reg_tenant, key.node));
	map_close(&r->accounts);
	map_close(&r->tenants);
	map_close(&r->by_record);
	map_close(&r->by_conn);
	ids_free(r->bindings);
}

int lists_add(struct binding *b)
{
	struct registrar *r = b->r;
	int err = ids_add(r->bindings, b, &b->c.id);

	if (err)
		return err;
	b->tenant = tenant_get(r, b->c.tenant_id);
	if (!b->tenant) {
		ids_remove(r->bindings, b->c.id);
		return ENOMEM;
	}
	link_account(b);
	b->account->nbindings++;
	link_tenant(b);
	link_all(b);
	map_add(&r->by_record, &b->by_record, map_hash_u64(2, b->c.record_id));
	return 0;
}

void lists_remove(struct binding *b)
{
	struct registrar *r = b->r;

	lists_unlink_conn(b);
	map_remove(&r->by_record, &b->by_record);
	list_remove(&b->in_all);
	list_remove(&b->in_tenant);
	list_remove(&b->in_account);
	b->account->nbindings--;
	ids_remove(r->bindings, b->c.id);
	tenant_leave(r, b->tenant);
}

void lists_move(struct binding *b)
{
	list_remove(&b->in_account);
	link_account(b);
}

/* ---- connections ---- */

void lists_link_conn(struct binding *b)
{
	struct flow_edge *edge = sip_edge(b->r->conf.sip);
	int64_t left_us = b->c.expires_at_us - clock_wall_us(b->r->conf.env.clock);

	if (!b->c.flow.conn || !flow_is_stream(b->c.flow.transport))
		return;
	map_add(&b->r->by_conn, &b->by_conn, map_hash_u64(0, b->c.flow.conn));
	b->is_by_conn = true;
	if (edge->keep)
		edge->keep(edge, b->c.flow.conn,
			   left_us > 0 ? (uint32_t)(left_us / 1000000) + 60 : 60);
}

void lists_unlink_conn(struct binding *b)
{
	if (b->is_by_conn)
		map_remove(&b->r->by_conn, &b->by_conn);
	b->is_by_conn = false;
}

static bool same_conn(const struct map_node *node, const void *arg)
{
	return CONTAINER_OF(node, struct binding, by_conn)->c.flow.conn == *(const oid *)arg;
}

struct binding *lists_of_conn(struct registrar *r, oid conn)
{
	struct map_node *node = map_find(&r->by_conn, map_hash_u64(0, conn), same_conn, &conn);

	return node ? CONTAINER_OF(node, struct binding, by_conn) : NULL;
}

/* ---- pages ---- */

struct record_key {
	uint64_t tenant_id; /* 0: any */
	uint64_t record_id;
};

static bool same_record(const struct map_node *node, const void *arg)
{
	const struct binding *b = CONTAINER_OF(node, struct binding, by_record);
	const struct record_key *k = arg;

	return b->c.record_id == k->record_id && (!k->tenant_id || b->c.tenant_id == k->tenant_id);
}

static struct binding *of_record(struct registrar *r, uint64_t tenant_id, uint64_t record_id)
{
	struct record_key k = {tenant_id, record_id};
	struct map_node *node =
		map_find(&r->by_record, map_hash_u64(2, record_id), same_record, &k);

	return node ? CONTAINER_OF(node, struct binding, by_record) : NULL;
}

static const struct contact *next_of_all(struct registrar *r, uint64_t after)
{
	struct binding *b = of_record(r, 0, after);

	for (struct link *it = b ? b->in_all.next : r->all.next; it != &r->all; it = it->next) {
		b = CONTAINER_OF(it, struct binding, in_all);
		if (b->c.record_id > after)
			return &b->c;
	}
	return NULL;
}

const struct contact *registrar_next(struct registrar *r, uint64_t tenant_id, uint64_t after)
{
	struct reg_tenant *t = reg_tenant_find(r, tenant_id);
	struct binding *b;

	if (!tenant_id)
		return next_of_all(r, after);
	if (!t)
		return NULL;
	b = of_record(r, tenant_id, after);
	for (struct link *it = b ? b->in_tenant.next : t->bindings.next; it != &t->bindings;
	     it = it->next) {
		b = CONTAINER_OF(it, struct binding, in_tenant);
		if (b->c.record_id > after)
			return &b->c;
	}
	return NULL;
}
