/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a routing decision takes, by how much is configured.  script/bench-route runs it, and counts instructions too.
 *
 *	one     one tenant with 9,000 outbound rules, 1,000 inbound rules and a pool of 1,000 numbers
 *	many    1,000 tenants with 50 outbound rules, 50 inbound rules and 100 numbers each
 *	small   one tenant with 90 outbound rules, 10 inbound rules: what the others are held against
 *
 * Half of the calls come in, half go out; every third matches no rule at all.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "bench/bench.h"
#include "route/index.h"
#include "route/route.h"

enum { FIRST_TENANT = 1000, EXTENSION = 1, RULES = 100, MAX_CALLS = 200000 };

struct shape {
	const char *name;
	unsigned tenants, outbound, inbound, numbers;
};

static const struct shape shapes[] = {
	{"small", 1, 90, 10, 100},
	{"one", 1, 9000, 1000, 1000},
	{"many", 1000, 50, 50, 100},
};

struct world {
	struct model *model;
	struct route_index *index;
	struct route_facts facts;
	struct rng_seeded rng;
	const struct shape *shape;
};

static void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		const char *fmt, ...)
{
	struct model_change c = {tenant, 1, r, id, NULL};
	struct field_errors errs = {.n = 0};
	char text[600];
	json_t *json;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json = json_loads(text, 0, NULL);
	if (!json || object_from_json(&c.after, r, NULL, json, true, &errs))
		bench_fail("%s: %s", text, errs.n ? errs.v[0].message : "no JSON");
	json_decref(json);
	c.after->tenant_id = tenant;
	c.after->id = id;
	if (model_load(w->model, &c))
		bench_fail("model");
}

static size_t one_contact(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id)
{
	return 1;
}

static size_t no_calls(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id)
{
	return 0;
}

static void fill_tenant(struct world *w, uint64_t t)
{
	unsigned base = (unsigned)(t - FIRST_TENANT);

	put(w, &resource_tenant, 0, t, "{'name':'t%u','domain':'t%u.example','country':'GB'}", base,
	    base);
	put(w, &resource_extension, t, EXTENSION, "{'number':'101'}");
	put(w, &resource_allowed_country_code, t, 2, "{'code':'44'}");
	put(w, &resource_did_pool, t, 3, "{'trunk_id':'1','numbers':'44%04u0000-44%04u%04u'}", base,
	    base, w->shape->numbers - 1);
	for (unsigned i = 0; i < w->shape->inbound; i++)
		put(w, &resource_inbound_rule, t, RULES + i,
		    "{'name':'in%u','trunk_id':'1','did':'44%04u%04u','caller_mask':'%s',"
		    "'destination':{'kind':'extension','id':'1'}}",
		    i, base, i / 2, i % 2 ? "0044**********" : "0033*********");
	for (unsigned i = 0; i < w->shape->outbound; i++)
		put(w, &resource_outbound_rule, t, RULES + w->shape->inbound + i,
		    "{'name':'out%u','priority':%u,'prefixes':'%0*u','number_length':%u,"
		    "'extensions':'100-199','routes':[{'trunk_id':'1','strip':1,'prepend':'+44'}]}",
		    i, i % 100, i % 3 ? 4 : 5, i % 10000, i % 7 ? 10 : 0);
}

static void fill(struct world *w)
{
	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'192.0.2.1'}");
	for (unsigned t = 0; t < w->shape->tenants; t++)
		fill_tenant(w, FIRST_TENANT + t);
}

struct call {
	struct route_query q;
	char caller[24], dialled[24];
};

/* A number that one of the rules takes, as fill_tenant() has made them. */
static void dial_by_rule(struct world *w, struct call *c)
{
	unsigned i = (unsigned)rng_below(&w->rng.rng, w->shape->outbound);
	int digits = i % 3 ? 4 : 5;

	snprintf(c->dialled, sizeof(c->dialled), "%0*u%0*u", digits, i % 10000, 10 - digits,
		 (unsigned)rng_below(&w->rng.rng, 100000));
}

static void make_call(struct world *w, struct call *c)
{
	unsigned base = (unsigned)rng_below(&w->rng.rng, w->shape->tenants);
	unsigned k = (unsigned)rng_below(&w->rng.rng, 3);
	bool is_inbound = rng_below(&w->rng.rng, 2);

	*c = (struct call){.q = {.model = w->model,
				 .facts = &w->facts,
				 .index = w->index,
				 .tenant_id = FIRST_TENANT + base}};
	if (is_inbound) {
		c->q.from_trunk_id = 1;
		snprintf(c->caller, sizeof(c->caller), "+%s%09u",
			 k == 0	  ? "44"
			 : k == 1 ? "33"
				  : "1",
			 (unsigned)rng_below(&w->rng.rng, 1000000000));
		snprintf(c->dialled, sizeof(c->dialled), "+44%04u%04u", base,
			 (unsigned)rng_below(&w->rng.rng, w->shape->inbound / 2));
	} else {
		c->q.caller_extension_id = EXTENSION;
		snprintf(c->caller, sizeof(c->caller), "101");
		if (k)
			dial_by_rule(w, c);
		else
			snprintf(c->dialled, sizeof(c->dialled), "*%09u",
				 (unsigned)rng_below(&w->rng.rng, 1000000000));
	}
	c->q.caller = str_of(c->caller);
	c->q.dialled = str_of(c->dialled);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What callgrind counts: not inlined, whatever the build. */
void bench_decide(const struct route_query *q, struct route_decision *d);
__attribute__((noinline, noclone)) void bench_decide(const struct route_query *q,
						     struct route_decision *d)
{
	route_decide(q, d);
}

static void measure(struct world *w, size_t ncalls)
{
	static uint64_t ns[MAX_CALLS];
	static struct route_decision d;
	size_t found[ROUTE_GIVE_UP + 1] = {0};
	struct call c;

	for (size_t i = 0; i < ncalls; i++) {
		uint64_t began;

		make_call(w, &c);
		c.q.caller = str_of(c.caller); /* it was copied */
		c.q.dialled = str_of(c.dialled);
		began = now_ns();
		bench_decide(&c.q, &d);
		ns[i] = now_ns() - began;
		found[d.action]++;
	}
	qsort(ns, ncalls, sizeof(*ns), by_value);
	printf("{\"shape\":\"%s\",\"decisions\":%zu,\"p50_ns\":%llu,\"p99_ns\":%llu,\"p999_ns\":%"
	       "llu,"
	       "\"rung\":%zu,\"over_trunk\":%zu,\"refused\":%zu,\"model_bytes\":%zu,"
	       "\"index_bytes\":%zu}\n",
	       w->shape->name, ncalls, (unsigned long long)ns[ncalls / 2],
	       (unsigned long long)ns[ncalls * 99 / 100],
	       (unsigned long long)ns[ncalls * 999 / 1000], found[ROUTE_RING], found[ROUTE_TRUNK],
	       found[ROUTE_REFUSE], model_bytes(w->model), route_index_bytes(w->index));
}

int main(int argc, char **argv)
{
	struct world w = {.facts = {.contacts = one_contact, .calls = no_calls}};
	size_t ncalls = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(shapes); i++)
		if (!strcmp(argv[1], shapes[i].name))
			w.shape = &shapes[i];
	if (!w.shape || !ncalls || ncalls > MAX_CALLS) {
		fprintf(stderr, "small|one|many [decisions, at most %d]\n", MAX_CALLS);
		return 1;
	}
	rng_seeded_init(&w.rng, 6);
	if (model_alloc(&w.model) || route_index_alloc(&w.index, w.model))
		bench_fail("model");
	fill(&w);
	measure(&w, ncalls);
	model_free(w.model);
	route_index_free(w.index);
	return 0;
}
