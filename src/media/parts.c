/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "media/parts.h"

struct room { /* a call: its sessions open on one thread */
	struct map_node node;
	oid call;
	size_t nparts;
	uint16_t worker;
};

static uint64_t now_ms(void)
{
	return clock_mono_ms(clock_real());
}

static bool same_part(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct part, node)->id == *(const oid *)key;
}

struct part *parts_find(const struct parts *ps, oid id)
{
	struct map_node *node = map_find(&ps->parts, map_hash_u64(id, 0), same_part, &id);

	return node ? CONTAINER_OF(node, struct part, node) : NULL;
}

static bool same_room(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct room, node)->call == *(const oid *)key;
}

static uint16_t pick_worker(const struct parts *ps)
{
	size_t least = SIZE_MAX;
	uint16_t best = 0;

	for (uint16_t i = 0; i < ps->nworkers; i++)
		if (ps->load[i] < ps->fill &&
		    worker_busy_permille(ps->workers[i]) < PARTS_FILL_PERMILLE)
			return i;
	/* All are: the one with most room.  A session that sends 50 packets a second takes a quarter of a permille or so. */
	for (uint16_t i = 0; i < ps->nworkers; i++) {
		size_t load = ps->load[i] + 4 * worker_busy_permille(ps->workers[i]);

		if (load < least) {
			least = load;
			best = i;
		}
	}
	return best;
}

static struct room *room_enter(struct parts *ps, oid call)
{
	struct map_node *node = map_find(&ps->rooms, map_hash_u64(call, 0), same_room, &call);
	struct room *room;

	if (node) {
		room = CONTAINER_OF(node, struct room, node);
	} else {
		room = mem_alloc(sizeof(*room));
		if (!room)
			return NULL;
		room->call = call;
		room->worker = pick_worker(ps);
		map_add(&ps->rooms, &room->node, map_hash_u64(call, 0));
	}
	room->nparts++;
	return room;
}

static void room_leave(struct parts *ps, struct room *room)
{
	if (!room || --room->nparts)
		return;
	map_remove(&ps->rooms, &room->node);
	mem_free(room);
}

int parts_init(struct parts *ps, uint16_t port_min, uint16_t port_max, size_t fill, size_t nspares)
{
	int err = ports_alloc(&ps->ports, port_min, port_max, rng_system());

	if (!err)
		err = spares_alloc(&ps->spares, nspares, rng_system());
	if (!err)
		err = map_init(&ps->parts);
	if (!err)
		err = map_init(&ps->rooms);
	ps->fill = fill ? fill : PARTS_FILL_SESSIONS;
	return err;
}

void parts_close(struct parts *ps)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&ps->parts, &it)))
		parts_remove(ps, CONTAINER_OF(node, struct part, node));
	map_close(&ps->parts);
	map_close(&ps->rooms);
	ps->spares = spares_free(ps->spares);
	ps->ports = ports_free(ps->ports);
}

struct part *parts_add(struct parts *ps, oid id, oid call)
{
	struct part *p = mem_alloc(sizeof(*p));

	if (!p)
		return NULL;
	p->id = id;
	if (call) {
		p->room = room_enter(ps, call);
		if (!p->room)
			return mem_free(p);
	}
	p->worker = p->room ? p->room->worker : pick_worker(ps);
	ps->load[p->worker]++;
	map_add(&ps->parts, &p->node, map_hash_u64(id, 0));
	return p;
}

void parts_remove(struct parts *ps, struct part *p)
{
	list_remove(&p->closing);
	part_return_ports(ps, p, 0);
	ps->load[p->worker]--;
	map_remove(&ps->parts, &p->node);
	room_leave(ps, p->room);
	mem_free(p);
	parts_show(ps);
}

void parts_set_worker(struct parts *ps, struct part *p, uint16_t worker)
{
	ps->load[p->worker]--;
	p->worker = worker;
	ps->load[p->worker]++;
}

void part_return_ports(struct parts *ps, struct part *p, uint8_t n)
{
	while (p->nports > n)
		ports_return(ps->ports, p->ports[--p->nports], now_ms());
}

int part_take_ports(struct parts *ps, struct part *p, uint8_t n)
{
	uint8_t before = p->nports;
	int err = 0;

	while (!err && p->nports < n) {
		err = ports_take(ps->ports, now_ms(), &p->ports[p->nports]);
		if (!err)
			p->nports++;
	}
	if (err)
		part_return_ports(ps, p, before);
	return err;
}

int part_change_port(struct parts *ps, struct part *p, uint8_t i)
{
	uint16_t before = p->ports[i];
	int err = ports_take(ps->ports, now_ms(), &p->ports[i]);

	/* After the other was drawn, so that it is not drawn again; then it rests like any returned one. */
	if (!err)
		ports_return(ps->ports, before, now_ms());
	return err;
}

void part_add_spare(struct part *p, uint16_t port)
{
	p->ports[p->nports++] = port;
}

void part_leave_spare(struct part *p, uint16_t port)
{
	for (uint8_t i = 0; i < p->nports; i++)
		if (p->ports[i] == port) {
			p->ports[i] = p->ports[--p->nports];
			return;
		}
	BUG(true); /* the part knows all ports of its session */
}

size_t parts_ports_in_use(const struct parts *ps)
{
	return ports_in_use(ps->ports) - spares_count(ps->spares);
}

void parts_show(const struct parts *ps)
{
	metric_set(METRIC_MEDIA_SESSIONS, ps->parts.count);
	metric_set(METRIC_MEDIA_PORTS, parts_ports_in_use(ps));
}
