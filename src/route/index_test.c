/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rng.h"
#include "route/testing.h"
#include "schema/did.h"

enum { OTHER = 10, TRUNK = 1 };

static int open_world(void **state)
{
	return world_open(state, NULL);
}

static void pool(struct world *w, uint64_t tenant, uint64_t id, const char *numbers)
{
	char json[256];

	snprintf(json, sizeof(json), "{'trunk_id':'1','numbers':'%s'}", numbers);
	put(w, &resource_did_pool, tenant, id, json);
}

static uint64_t owner(struct world *w, const char *number)
{
	return route_index_did(w->index, TRUNK, str_of(number));
}

static void a_number_is_found_in_its_pool(void **state)
{
	struct world *w = *state;

	pool(w, TENANT, 1, "44******;1000-1999");
	pool(w, OTHER, 1, "33123456789;2000-2999");
	assert_int_equal(owner(w, "44123456"), TENANT);
	assert_int_equal(owner(w, "441234567"), 0);
	assert_int_equal(owner(w, "1500"), TENANT);
	assert_int_equal(owner(w, "2000"), OTHER);
	assert_int_equal(owner(w, "33123456789"), OTHER);
	assert_int_equal(owner(w, "999"), 0);
	assert_int_equal(owner(w, "x"), 0);
	assert_int_equal(route_index_did(w->index, 2, STR("1500")), 0);
}

static void a_pool_that_changes_or_goes_is_obeyed_at_once(void **state)
{
	struct world *w = *state;

	pool(w, TENANT, 1, "1000-1999");
	assert_int_equal(owner(w, "1500"), TENANT);
	pool(w, TENANT, 1, "3000-3999");
	assert_int_equal(owner(w, "1500"), 0);
	assert_int_equal(owner(w, "3500"), TENANT);
	put(w, &resource_did_pool, TENANT, 1, NULL);
	assert_int_equal(owner(w, "3500"), 0);
	pool(w, OTHER, 1, "*");
	assert_int_equal(owner(w, "3500"), OTHER);
}

static void rule(struct world *w, uint64_t id, const char *did, const char *mask)
{
	char json[256];

	snprintf(json, sizeof(json), "{'name':'r%d','trunk_id':'1','did':'%s','caller_mask':'%s'}",
		 (int)id, did, mask);
	put(w, &resource_inbound_rule, TENANT, id, json);
}

static void the_callers_mask_chooses_the_rule(void **state)
{
	struct world *w = *state;

	rule(w, 1, "4420", "0044*****");
	rule(w, 2, "4420", "33100-33200");
	rule(w, 3, "*", "");
	assert_int_equal(route_index_inbound(w->index, TENANT, TRUNK, STR("4420"), STR("4412345")),
			 1);
	assert_int_equal(route_index_inbound(w->index, TENANT, TRUNK, STR("4420"), STR("33150")),
			 2);
	assert_int_equal(route_index_inbound(w->index, TENANT, TRUNK, STR("4420"), STR("33201")),
			 0);
	assert_int_equal(route_index_inbound(w->index, TENANT, TRUNK, STR("4420"), STR("x")), 0);
	assert_int_equal(route_index_inbound(w->index, TENANT, TRUNK, STR("*"), STR("x")), 3);
	assert_int_equal(route_index_inbound(w->index, OTHER, TRUNK, STR("*"), STR("x")), 0);
}

static void outbound_rules_come_in_order(void **state)
{
	struct world *w = *state;
	struct route_index_walk walk;

	put(w, &resource_outbound_rule, TENANT, 1, "{'name':'a','priority':50}");
	put(w, &resource_outbound_rule, TENANT, 2,
	    "{'name':'b','priority':10,'prefixes':'00;0044'}");
	put(w, &resource_outbound_rule, TENANT, 3, "{'name':'c','priority':10,'prefixes':'004'}");
	put(w, &resource_outbound_rule, TENANT, 4, "{'name':'d','priority':1,'prefixes':'9'}");
	put(w, &resource_outbound_rule, OTHER, 4, "{'name':'e','priority':1}");
	route_index_outbound(&walk, w->index, TENANT, STR("004412"));
	assert_int_equal(route_index_next(&walk), 2);
	assert_int_equal(route_index_next(&walk), 3);
	assert_int_equal(route_index_next(&walk), 1);
	assert_int_equal(route_index_next(&walk), 0);
	route_index_outbound(&walk, w->index, TENANT, STR(""));
	assert_int_equal(route_index_next(&walk), 1);
	assert_int_equal(route_index_next(&walk), 0);
}

/* Thousands of pools that come, change and go in any order: the index says what a walk over all of them says. */
static void it_agrees_with_a_walk_over_everything(void **state)
{
	struct world *w = *state;
	struct {
		bool there;
		unsigned first, last;
	} is[200] = {{false, 0, 0}};
	struct rng_seeded seeded;
	struct rng *rng = &seeded.rng;

	rng_seeded_init(&seeded, 4);
	for (int n = 0; n < 4000; n++) {
		unsigned i = (unsigned)rng_below(rng, 200), number = (unsigned)rng_below(rng, 2000);
		char text[64], json[32];
		uint64_t want = 0;

		if (is[i].there && rng_below(rng, 2)) {
			put(w, &resource_did_pool, TENANT + i, 1, NULL);
			is[i].there = false;
		} else {
			/* each has its own ten numbers: pools never overlap */
			is[i].first = 1000 + i * 10 + (unsigned)rng_below(rng, 5);
			is[i].last = is[i].first + 1 + (unsigned)rng_below(rng, 4);
			is[i].there = true;
			snprintf(text, sizeof(text), "%u-%u", is[i].first, is[i].last);
			pool(w, TENANT + i, 1, text);
		}
		for (unsigned k = 0; k < 200; k++)
			if (is[k].there && 1000 + number >= is[k].first &&
			    1000 + number <= is[k].last)
				want = TENANT + k;
		snprintf(json, sizeof(json), "%u", 1000 + number);
		assert_int_equal(owner(w, json), want);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_number_is_found_in_its_pool),
		T(a_pool_that_changes_or_goes_is_obeyed_at_once),
		T(the_callers_mask_chooses_the_rule),
		T(outbound_rules_come_in_order),
		T(it_agrees_with_a_walk_over_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
