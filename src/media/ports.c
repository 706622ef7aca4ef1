/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pairs are numbered from 0.  `idle` is a bag to draw from; `cooling` a queue in order of return; `is_taken` finds a
 * port returned twice, which would let two calls share it.
 */
#include <stdlib.h>
#include "base/mem.h"
#include "media/ports.h"

struct cooling {
	uint16_t pair;
	uint64_t since_ms;
};

struct ports {
	struct rng *rng;
	uint16_t first;
	size_t npairs, nidle, ncooling, oldest;
	uint16_t *idle;
	struct cooling *cooling;
	bool *is_taken;
};

int ports_alloc(struct ports **pp, uint16_t min, uint16_t max, struct rng *rng)
{
	uint32_t first = (min + 1u) & ~1u;
	struct ports *p;

	if (!min || first + 1 > max)
		return EINVAL;
	p = mem_alloc(sizeof(*p));
	if (!p)
		return ENOMEM;
	p->rng = rng;
	p->first = (uint16_t)first;
	p->npairs = (max - first + 1) / 2;
	p->idle = mem_alloc(p->npairs * sizeof(*p->idle));
	p->cooling = mem_alloc(p->npairs * sizeof(*p->cooling));
	p->is_taken = mem_alloc(p->npairs * sizeof(*p->is_taken));
	if (!p->idle || !p->cooling || !p->is_taken) {
		ports_free(p);
		return ENOMEM;
	}
	for (size_t i = 0; i < p->npairs; i++)
		p->idle[p->nidle++] = (uint16_t)i;
	*pp = p;
	return 0;
}

struct ports *ports_free(struct ports *p)
{
	if (!p)
		return NULL;
	mem_free(p->idle);
	mem_free(p->cooling);
	mem_free(p->is_taken);
	return mem_free(p);
}

static void warm_oldest(struct ports *p)
{
	p->idle[p->nidle++] = p->cooling[p->oldest].pair;
	p->oldest = (p->oldest + 1) % p->npairs;
	p->ncooling--;
}

int ports_take(struct ports *p, uint64_t now_ms, uint16_t *port)
{
	size_t i;
	uint16_t pair;

	while (p->ncooling && now_ms - p->cooling[p->oldest].since_ms >= PORTS_COOL_MS)
		warm_oldest(p);
	if (!p->nidle && p->ncooling)
		warm_oldest(p);
	if (!p->nidle)
		return ENOSPC;
	i = rng_below(p->rng, p->nidle);
	pair = p->idle[i];
	p->idle[i] = p->idle[--p->nidle];
	p->is_taken[pair] = true;
	*port = (uint16_t)(p->first + 2 * pair);
	return 0;
}

void ports_return(struct ports *p, uint16_t port, uint64_t now_ms)
{
	uint16_t pair = (uint16_t)((port - p->first) / 2);

	BUG(port < p->first || pair >= p->npairs || !p->is_taken[pair]);
	p->is_taken[pair] = false;
	p->cooling[(p->oldest + p->ncooling) % p->npairs] = (struct cooling){pair, now_ms};
	p->ncooling++;
}

size_t ports_in_use(const struct ports *p)
{
	return p->npairs - p->nidle - p->ncooling;
}

size_t ports_total(const struct ports *p)
{
	return p->npairs;
}
