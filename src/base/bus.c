/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include "base/bus.h"
#include "base/thread.h"

/* Subscribers are parts of the program, named in main.c: a dozen, never a peer. */
enum { BUS_MAX_SUBSCRIBERS = 16 };

struct bus {
	struct {
		bus_h *fn;
		void *arg;
	} subscriber[BUS_MAX_SUBSCRIBERS];
	size_t n;
};

int bus_alloc(struct bus **bp)
{
	struct bus *b;

	if (!bp)
		return EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return ENOMEM;
	*bp = b;
	return 0;
}

struct bus *bus_free(struct bus *b)
{
	free(b);
	return NULL;
}

int bus_subscribe(struct bus *b, bus_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	if (!b || !fn)
		return EINVAL;
	if (b->n == BUS_MAX_SUBSCRIBERS)
		return ENOSPC;
	b->subscriber[b->n].fn = fn;
	b->subscriber[b->n].arg = arg;
	b->n++;
	return 0;
}

void bus_publish(struct bus *b, const struct bus_event *ev)
{
	ON_THREAD(THREAD_CORE);
	if (!b || !ev)
		return;
	BUG(ev->kind >= BUS_NKINDS);
	for (size_t i = 0; i < b->n; i++)
		b->subscriber[i].fn(ev, b->subscriber[i].arg);
}

static const struct {
	const char *topic, *key;
} names[BUS_NKINDS] = {
#define X(kind, topic, key) [BUS_##kind] = {topic, key},
#include "base/events.def"
#undef X
};

const char *bus_topic(enum bus_kind kind)
{
	return (unsigned)kind < BUS_NKINDS ? names[kind].topic : "";
}

const char *bus_key(enum bus_kind kind)
{
	return (unsigned)kind < BUS_NKINDS ? names[kind].key : "";
}
