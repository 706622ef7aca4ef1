/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A topic is one thing that is watched, under one package: the calls of an extension, the messages of a mailbox.
 *
 * It exists while somebody watches it, so what nobody watches costs one look-up that finds nothing.  Its document is written
 * once for all its watchers; only the version differs, and is put in for each of them.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "presence/inside.h"

struct key {
	const struct package *package;
	uint64_t tenant_id, id;
};

static uint64_t hash_of(const struct key *k)
{
	return map_hash_u64(k->tenant_id ^ (uint64_t)(uintptr_t)k->package, k->id);
}

static bool same(const struct map_node *node, const void *key)
{
	const struct topic *t = CONTAINER_OF(node, struct topic, node);
	const struct key *k = key;

	return t->package == k->package && t->tenant_id == k->tenant_id && t->id == k->id;
}

struct topic *topic_find(const struct presence *p, const struct package *package,
			 uint64_t tenant_id, uint64_t id)
{
	struct key k = {package, tenant_id, id};
	struct map_node *node = map_find(&p->topics, hash_of(&k), same, &k);

	return node ? CONTAINER_OF(node, struct topic, node) : NULL;
}

static struct topic *make(struct presence *p, const struct package *package, uint64_t tenant_id,
			  uint64_t id)
{
	struct topic *t = mem_alloc(sizeof(*t) + package->state_bytes);
	struct key k = {package, tenant_id, id};

	if (!t)
		return NULL;
	t->p = p;
	t->package = package;
	t->tenant_id = tenant_id;
	t->id = id;
	t->seq = 1;
	t->is_stale = true;
	list_init(&t->watches);
	map_add(&p->topics, &t->node, hash_of(&k));
	return t;
}

static void drop(struct topic *t)
{
	if (t->package->close)
		t->package->close(t);
	map_remove(&t->p->topics, &t->node);
	buf_free(&t->whole.text);
	buf_free(&t->part.text);
	mem_free(t);
}

int topic_watch(struct presence *p, const struct package *package, uint64_t tenant_id, uint64_t id,
		struct watch *w)
{
	struct topic *t = topic_find(p, package, tenant_id, id);

	if (!t)
		t = make(p, package, tenant_id, id);
	if (!t)
		return ENOMEM;
	w->topic = t;
	list_append(&t->watches, &w->link);
	return 0;
}

void topic_unwatch(struct watch *w)
{
	struct topic *t = w->topic;

	if (!t)
		return;
	list_remove(&w->link);
	w->topic = NULL;
	if (list_empty(&t->watches))
		drop(t);
}

void topic_changed(struct topic *t)
{
	t->seq++;
	t->is_stale = true;
	LIST_EACH_SAFE (it, tmp, &t->watches)
		sub_event(CONTAINER_OF(it, struct watch, link)->sub, SUB_EV_CHANGE);
}

uint32_t topic_seen_by_all(const struct topic *t)
{
	uint32_t least = t->seq;

	LIST_EACH (it, &t->watches) {
		const struct watch *w = CONTAINER_OF(it, struct watch, link);

		if (w->seen && w->seen < least)
			least = w->seen;
	}
	return least;
}

void topic_gone(struct topic *t)
{
	LIST_EACH_SAFE (it, tmp, &t->watches) {
		struct watch *w = CONTAINER_OF(it, struct watch, link);

		if (w == &w->sub->own)
			sub_end(w->sub, SUB_NORESOURCE);
	}
}

static void write(struct topic *t, struct document *doc, uint32_t since)
{
	buf_reset(&doc->text);
	doc->text.max = SIP_MAX_BYTES / 2;
	doc->version_at = SIZE_MAX;
	doc->since = since;
	t->package->write(t, &doc->text, since);
	doc->is_fresh = !doc->text.err;
}

const struct document *topic_document(struct topic *t, uint32_t since)
{
	if (t->is_stale) {
		if (t->package->look)
			t->package->look(t);
		t->is_stale = t->whole.is_fresh = t->part.is_fresh = false;
	}
	if (!t->whole.is_fresh)
		write(t, &t->whole, 0);
	if (!since || t->whole.text.n <= DATAGRAM_DOCUMENT)
		return &t->whole;
	if (!t->part.is_fresh || t->part.since != since)
		write(t, &t->part, since);
	return &t->part;
}

void write_version(struct buf *out, struct topic *t)
{
	struct document *doc = out == &t->whole.text ? &t->whole : &t->part;

	doc->version_at = out->n;
}

void topic_write(const struct document *doc, uint32_t version, struct buf *out)
{
	const struct buf *text = &doc->text;

	if (text->err) {
		out->err = text->err;
		return;
	}
	if (doc->version_at > text->n) {
		buf_add(out, text->p, text->n);
		return;
	}
	buf_add(out, text->p, doc->version_at);
	buf_u64(out, version);
	buf_add(out, text->p + doc->version_at, text->n - doc->version_at);
}
