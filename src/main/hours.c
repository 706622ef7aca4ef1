/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXT-8: extensions whose status follows office hours.  They stand in a queue and are looked at in turn, some at each tick, so that
 * a hundred thousand of them cost the core no more at a time than a few.  What was seen last stands in the extension: a restart
 * misses no opening and repeats none, and what somebody has set since stays as it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/idmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "main/server.h"
#include "schema/enums.h"

enum { TICK_MS = 100, LOOKS = 200, CHANGES = 20 };

struct follower {
	struct idmap_key key; /* tenant and extension */
	struct link link;
};

struct hours {
	struct server *server;
	struct map map;
	struct link queue; /* who was looked at longest ago is first */
	struct timer timer;
	size_t n;
};

static const struct extension *extension_of(const struct hours *h, const struct follower *f)
{
	return model_extension(h->server->model, f->key.tenant_id, f->key.id);
}

static void forget(struct hours *h, struct follower *f)
{
	map_remove(&h->map, &f->key.node);
	list_remove(&f->link);
	h->n--;
	mem_free(f);
}

static void on_change(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	struct hours *h = arg;
	const struct extension *x;
	struct follower *f;

	if (res != &resource_extension)
		return;
	x = model_extension(m, tenant_id, id);
	f = IDMAP_FIND(struct follower, &h->map, tenant_id, id);
	if (f && (!x || !x->follows_office_hours))
		forget(h, f);
	if (f || !x || !x->follows_office_hours)
		return;
	f = mem_alloc(sizeof(*f));
	if (!f) {
		log_warn(NULL, LOGID_OVERLOAD, "the status of %s does not follow office hours",
			 x->number);
		return;
	}
	idmap_add(&h->map, &f->key, tenant_id, id);
	list_append(&h->queue, &f->link);
	h->n++;
}

static void add_tenant(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	model_tell_all(m, &resource_extension, id, on_change, arg);
}

/* False: it could not be told the store now. */
static bool follow(struct hours *h, const struct extension *x, bool *has_changed)
{
	const enum office_state now = model_office_of(h->server->model, x, x->office_hours_id,
						      clock_wall_us(h->server->env.clock));
	const bool is_open = now == OFFICE_OPEN, was_open = x->office_seen == OFFICE_SEEN_OPEN;
	const char *seen = is_open ? "open" : "closed";
	char json[96];

	*has_changed = x->office_seen == OFFICE_SEEN_UNKNOWN || is_open != was_open;
	if (!*has_changed)
		return true;
	if (x->office_seen == OFFICE_SEEN_UNKNOWN) /* from the next change on */
		(void)snprintf(json, sizeof(json), "{\"office_seen\":\"%s\"}", seen);
	else
		(void)snprintf(json, sizeof(json), "{\"office_seen\":\"%s\",\"status\":\"%s\"}",
			       seen, is_open ? "available" : "away");
	return !writer_change(h->server, "office hours", &x->o, json);
}

static void on_tick(struct timer *t, void *arg)
{
	struct hours *h = arg;
	size_t nlooks = h->n < LOOKS ? h->n : LOOKS, nchanges = 0;
	bool goes_on = true;

	while (nlooks-- && nchanges < CHANGES && goes_on) {
		struct follower *f = LIST_FIRST(&h->queue, struct follower, link);
		bool has_changed;

		goes_on = follow(h, extension_of(h, f), &has_changed);
		nchanges += has_changed;
		list_remove(&f->link);
		list_append(&h->queue, &f->link);
	}
	timer_start(h->server->env.wheel, t, h->n > LOOKS ? TICK_MS : TICK_MS * 10, on_tick, h);
}

int hours_start(struct server *s)
{
	struct hours *h = calloc(1, sizeof(*h));
	int err = h ? map_init(&h->map) : ENOMEM;

	if (err) {
		free(h);
		return err;
	}
	h->server = s;
	list_init(&h->queue);
	s->hours = h;
	err = model_watch(s->model, on_change, h);
	if (err)
		return err;
	model_tell_all(s->model, &resource_tenant, 0, add_tenant, h);
	timer_start(s->env.wheel, &h->timer, TICK_MS, on_tick, h);
	return 0;
}

void hours_stop(struct server *s)
{
	struct hours *h = s->hours;

	if (!h)
		return;
	timer_cancel(&h->timer);
	if (s->model)
		model_unwatch(s->model, on_change, h);
	while (!list_empty(&h->queue))
		forget(h, LIST_FIRST(&h->queue, struct follower, link));
	map_close(&h->map);
	free(h);
	s->hours = NULL;
}
