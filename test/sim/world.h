/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulated world: one virtual clock, a network that loses, delays, reorders and repeats datagrams, and nodes that
 * stand on it.  Everything that happens is decided by the seed, so a failing seed replays exactly.
 *
 * A node is a flow_edge (what SIP sends through) with a wheel of its own: a node that crashes loses its timers.
 *
 * Thread     one
 * Units      microseconds of virtual time
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/env.h"
#include "base/flow.h"

enum { WORLD_MAX_NODES = 64 };

struct network_quality { /* shares are per 10,000 datagrams */
	unsigned lost, repeated, late;
	uint64_t delay_us, jitter_us; /* each way: delay + 0 … jitter */
	uint64_t late_us;	      /* what a late one takes more: it is overtaken by others */
};

struct world {
	uint64_t seed;
	struct clock_virtual clock;
	struct rng_seeded rng;
	struct network_quality quality;
	struct node *node[WORLD_MAX_NODES];
	size_t nnodes;
	struct packet *heap; /* by due time, then by number: a min-heap */
	size_t npackets, cap;
	uint64_t number;
	uint64_t sent, lost;
	bool trace;		    /* print every datagram */
	const char *dropped_method; /* negative control: requests of this method never arrive */
};

struct node {
	struct flow_edge edge; /* first */
	struct world *world;
	struct addr addr;
	struct wheel *wheel; /* NULL: down */
	struct flow_sink *sink;
	struct env env;
};

int world_init(struct world *w, uint64_t seed) MUST_USE;
void world_close(struct world *w);
int node_up(struct node *n, struct world *w,
	    const char *ip) MUST_USE; /* port 5060; the sink is set by the caller */
void node_down(struct node *n);	      /* timers forgotten; packets on their way to it are lost */

/* Run until nothing is left to do before that time, or until stop() says so. */
void world_run(struct world *w, uint64_t until_us, bool (*stop)(void *arg), void *arg);
uint64_t world_now(const struct world *w);
bool world_chance(struct world *w, unsigned per_10000);
uint64_t world_between(struct world *w, uint64_t low, uint64_t high);

#endif
