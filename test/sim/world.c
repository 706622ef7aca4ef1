/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet {
	uint64_t due_us, number;
	struct addr from, to;
	uint8_t *bytes;
	size_t n;
};

enum { WALL_START_S = 1795000000 };

/* ---- packets on their way ---- */

static bool before(const struct packet *a, const struct packet *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->number < b->number;
}

static void swap(struct packet *a, struct packet *b)
{
	struct packet t = *a;

	*a = *b;
	*b = t;
}

static int heap_push(struct world *w, const struct packet *p)
{
	size_t i = w->npackets;

	if (w->npackets == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		struct packet *heap = realloc(w->heap, cap * sizeof(*heap));

		if (!heap)
			return ENOMEM;
		w->heap = heap;
		w->cap = cap;
	}
	w->heap[w->npackets++] = *p;
	for (; i && before(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
	return 0;
}

static struct packet heap_pop(struct world *w)
{
	struct packet top = w->heap[0];
	size_t i = 0;

	w->heap[0] = w->heap[--w->npackets];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < w->npackets; child++)
			if (before(&w->heap[child], &w->heap[least]))
				least = child;
		if (least == i)
			return top;
		swap(&w->heap[i], &w->heap[least]);
		i = least;
	}
}

static void post(struct world *w, const struct addr *from, const struct addr *to, const void *p,
		 size_t n)
{
	const struct network_quality *q = &w->quality;
	struct packet packet = {.number = w->number++, .from = *from, .to = *to, .n = n};

	packet.due_us = w->clock.now_us + q->delay_us + rng_below(&w->rng.rng, q->jitter_us + 1);
	if (world_chance(w, q->late))
		packet.due_us += q->late_us;
	packet.bytes = malloc(n ? n : 1);
	if (!packet.bytes)
		abort();
	memcpy(packet.bytes, p, n);
	if (heap_push(w, &packet))
		abort();
}

static struct node *find_node(struct world *w, const struct addr *addr)
{
	for (size_t i = 0; i < w->nnodes; i++)
		if (w->node[i]->wheel && addr_eq(&w->node[i]->addr, addr))
			return w->node[i];
	return NULL;
}

static void print(const struct world *w, const struct addr *from, const struct addr *to,
		  const void *p, size_t n, const char *fate)
{
	char a[ADDR_STR_BYTES], b[ADDR_STR_BYTES];
	const char *text = p, *end = memchr(text, '\r', n);

	if (w->trace)
		printf("%10.3f  %s → %s  %.*s%s\n", (double)w->clock.now_us / 1e6,
		       addr_str(a, from), addr_str(b, to), end ? (int)(end - text) : (int)n, text,
		       fate);
}

/* ---- the edge of a node ---- */

static int node_send(struct flow_edge *e, struct flow *flow, const void *p, size_t n)
{
	struct node *node = CONTAINER_OF(e, struct node, edge);
	struct world *w = node->world;

	w->sent++;
	if (w->dropped_method && n > strlen(w->dropped_method) &&
	    !memcmp(p, w->dropped_method, strlen(w->dropped_method)))
		return 0;
	if (world_chance(w, w->quality.lost)) {
		w->lost++;
		print(w, &node->addr, &flow->remote, p, n, "   (lost)");
		return 0;
	}
	print(w, &node->addr, &flow->remote, p, n, "");
	post(w, &node->addr, &flow->remote, p, n);
	if (world_chance(w, w->quality.repeated))
		post(w, &node->addr, &flow->remote, p, n);
	return 0;
}

static void node_close(struct flow_edge *e, oid conn)
{
	(void)e;
	(void)conn;
}

static int node_local_for(struct flow_edge *e, enum flow_transport t, const struct addr *remote,
			  struct addr *local)
{
	struct node *node = CONTAINER_OF(e, struct node, edge);

	(void)remote;
	if (t != FLOW_UDP)
		return EAFNOSUPPORT;
	*local = node->addr;
	return 0;
}

static void node_keep(struct flow_edge *e, oid conn, uint32_t seconds)
{
	(void)e;
	(void)conn;
	(void)seconds;
}

int node_up(struct node *n, struct world *w, const char *ip)
{
	int err = addr_parse(&n->addr, str_of(ip), 5060);

	if (err)
		return err;
	n->edge = (struct flow_edge){.send = node_send,
				     .close = node_close,
				     .local_for = node_local_for,
				     .keep = node_keep};
	n->world = w;
	err = wheel_alloc(&n->wheel, clock_mono_ms(&w->clock.clock));
	if (err)
		return err;
	n->env = (struct env){.clock = &w->clock.clock, .wheel = n->wheel, .rng = &w->rng.rng};
	for (size_t i = 0; i < w->nnodes; i++)
		if (w->node[i] == n)
			return 0;
	BUG(w->nnodes == WORLD_MAX_NODES);
	w->node[w->nnodes++] = n;
	return 0;
}

void node_down(struct node *n)
{
	n->sink = NULL;
	n->wheel = wheel_free(n->wheel);
}

/* ---- time ---- */

int world_init(struct world *w, uint64_t seed)
{
	static const uint8_t key[16] = {1};

	*w = (struct world){.seed = seed};
	clock_virtual_init(&w->clock, (int64_t)WALL_START_S * 1000000);
	rng_seeded_init(&w->rng, seed);
	map_seed(key);
	return 0;
}

void world_close(struct world *w)
{
	for (size_t i = 0; i < w->npackets; i++)
		free(w->heap[i].bytes);
	free(w->heap);
	*w = (struct world){.seed = 0};
}

static uint64_t next_us(const struct world *w)
{
	uint64_t next = w->npackets ? w->heap[0].due_us : UINT64_MAX;

	for (size_t i = 0; i < w->nnodes; i++) {
		uint64_t ms = w->node[i]->wheel ? wheel_next_ms(w->node[i]->wheel) : UINT64_MAX;

		if (ms != UINT64_MAX && ms * 1000 < next)
			next = ms * 1000;
	}
	return next > w->clock.now_us ? next : w->clock.now_us;
}

static void deliver(struct world *w)
{
	struct packet p = heap_pop(w);
	struct node *to = find_node(w, &p.to);
	struct flow flow = {.transport = FLOW_UDP, .local = p.to, .remote = p.from};

	if (to && to->sink)
		to->sink->received(to->sink, &flow, p.bytes, p.n);
	free(p.bytes);
}

void world_run(struct world *w, uint64_t until_us, bool (*stop)(void *arg), void *arg)
{
	while (!stop || !stop(arg)) {
		uint64_t next = next_us(w);

		if (next > until_us) {
			w->clock.now_us = until_us;
			return;
		}
		w->clock.now_us = next;
		/* A node that its own handlers take down has no wheel any more. */
		for (size_t i = 0; i < w->nnodes; i++)
			if (w->node[i]->wheel)
				wheel_advance(w->node[i]->wheel, next / 1000);
		while (w->npackets && w->heap[0].due_us <= next)
			deliver(w);
	}
}

uint64_t world_now(const struct world *w)
{
	return w->clock.now_us;
}

bool world_chance(struct world *w, unsigned per_10000)
{
	return rng_below(&w->rng.rng, 10000) < per_10000;
}

uint64_t world_between(struct world *w, uint64_t low, uint64_t high)
{
	return low + rng_below(&w->rng.rng, high - low + 1);
}
