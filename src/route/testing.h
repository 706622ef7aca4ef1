/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of the tests of this folder: a model and its index, suppositions about what is true now, one question.
 *
 * A test file says in its world_open() what there is; a story changes it and asks.
 */
#ifndef ROUTE_TESTING_H
#define ROUTE_TESTING_H

#include "model/testing.h"
#include "route/index.h"
#include "route/route.h"

enum { TENANT = 9 };

struct supposed {
	struct route_facts facts;
	bool is_gone[16];    /* extensions without a device */
	size_t calls;	     /* of the tenant */
	size_t calls_of[16]; /* of an extension */
	enum route_trunk_state trunk[4];
};

struct world {
	struct model *model;
	struct route_index *index;
	struct supposed supposed;
	struct route_query q;
	struct route_decision d;
	struct route_attempt history[ROUTE_MAX_HISTORY];
	char outside[33];
};

static inline size_t supposed_contacts(const struct route_facts *f, uint64_t tenant_id,
				       uint64_t extension_id)
{
	return !((const struct supposed *)f)->is_gone[extension_id];
}

static inline size_t supposed_calls(const struct route_facts *f, uint64_t tenant_id,
				    uint64_t extension_id)
{
	const struct supposed *s = (const struct supposed *)f;

	return extension_id ? s->calls_of[extension_id] : s->calls;
}

static inline enum route_trunk_state supposed_trunk(const struct route_facts *f, uint64_t trunk_id)
{
	return ((const struct supposed *)f)->trunk[trunk_id];
}

static inline void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		       const char *json)
{
	testing_put(w->model, r, tenant, id, json);
}

/* A trunk at an address of its own, given to the tenant: what else is set of it, and its pool. */
static inline void put_trunk(struct world *w, uint64_t id, const char *more, const char *pool)
{
	char json[512];

	(void)snprintf(json, sizeof(json), "{'name':'%c','host':'192.0.2.%u'%s}",
		       (char)('A' + id - 1), (unsigned)id, more);
	put(w, &resource_trunk, 0, id, json);
	(void)snprintf(json, sizeof(json), "{'trunk_id':'%u'%s}", (unsigned)id, pool);
	put(w, &resource_did_pool, TENANT, id, json);
}

/* Extension 1 of the tenant asks; put_all says what there is. */
static inline int world_open(void **state, void (*put_all)(struct world *w))
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(model_alloc(&w->model), 0);
	assert_int_equal(route_index_alloc(&w->index, w->model), 0);
	w->supposed.facts = (struct route_facts){
		.contacts = supposed_contacts, .calls = supposed_calls, .trunk = supposed_trunk};
	w->q = (struct route_query){
		.model = w->model,
		.facts = &w->supposed.facts,
		.index = w->index,
		.tenant_id = TENANT,
		.caller_extension_id = 1,
		.caller = STR("101"),
		.history = w->history,
	};
	if (put_all)
		put_all(w);
	*state = w;
	return 0;
}

static inline int close_world(void **state)
{
	struct world *w = *state;

	model_free(w->model);
	route_index_free(w->index);
	free(w);
	return 0;
}

static inline const struct route_decision *dial(struct world *w, const char *number)
{
	w->q.dialled = str_of(number);
	route_decide(&w->q, &w->d);
	return &w->d;
}

/* A call from a trunk. */
static inline const struct route_decision *arrives(struct world *w, uint64_t trunk_id,
						   const char *caller, const char *number)
{
	w->q.from_trunk_id = trunk_id;
	w->q.caller_extension_id = 0;
	w->q.caller = str_of(caller);
	return dial(w, number);
}

/* As call/ does: what was decided was tried, and came to that. */
static inline const struct route_decision *fails(struct world *w, enum route_outcome outcome)
{
	for (size_t i = 0; i < w->d.nvia; i++)
		w->history[w->q.nhistory++] = (struct route_attempt){.dest = w->d.via[i].dest};
	w->history[w->q.nhistory++] = (struct route_attempt){
		.dest = w->d.dest,
		.outcome = outcome,
		.trunk_id = w->d.trunk_id,
		.may_retry = w->d.trunk_id && outcome == ROUTE_UNAVAILABLE,
	};
	snprintf(w->outside, sizeof(w->outside), "%s", w->d.outside);
	w->q.outside = str_of(w->outside);
	w->q.on_behalf_id = w->d.on_behalf_id;
	route_decide(&w->q, &w->d);
	return &w->d;
}

static inline void assert_rings(const struct route_decision *d, uint64_t extension_id)
{
	assert_int_equal(d->action, ROUTE_RING);
	assert_int_equal(d->extension_id, extension_id);
}

static inline void assert_sent(const struct route_decision *d, const char *number)
{
	assert_int_equal(d->action, ROUTE_TRUNK);
	assert_string_equal(d->number, number);
}

static inline void assert_over(const struct route_decision *d, uint64_t trunk_id,
			       const char *number)
{
	assert_sent(d, number);
	assert_int_equal(d->trunk_id, trunk_id);
}

static inline void assert_refused(const struct route_decision *d, enum route_refusal why)
{
	assert_int_equal(d->action, ROUTE_REFUSE);
	assert_int_equal(d->refusal, why);
	for (size_t i = 0; i < d->nsteps; i++)
		if (d->steps[i].has_won)
			return;
	fail_msg("it does not say why");
}

#endif
