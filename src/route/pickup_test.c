/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The codes by which calls are taken: which there are, and who may. */
#include "route/testing.h"

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102'}");
	put(w, &resource_ring_group, TENANT, 7, "{'number':'600','name':'Sales'}");
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

static void takes(const struct route_decision *d, const char *service, uint64_t extension_id)
{
	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, service);
	assert_int_equal(d->service_id, extension_id);
}

static void each_code_takes_its_kind_of_call(void **state)
{
	takes(dial(*state, "**102"), "pickup", 2);
	takes(dial(*state, "##102"), "pickup_held", 2);
	takes(dial(*state, "*8"), "pickup_group", 0);
	assert_string_equal(dial(*state, "**102")->number, "**102");
}

static void only_extensions_are_picked_up_from(void **state)
{
	assert_refused(dial(*state, "**600"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(*state, "**999"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(*state, "**"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(*state, "*81"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_tenant_chooses_its_codes(void **state)
{
	struct world *w = *state;

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','pickup_code':'*5','pickup_held_code':'',"
	    "'pickup_group_code':'#1'}");
	takes(dial(w, "*5102"), "pickup", 2);
	takes(dial(w, "#1"), "pickup_group", 0);
	assert_refused(dial(w, "**102"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(w, "##102"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(w, "*8"), ROUTE_REFUSAL_NOT_FOUND);
}

static void where_there_are_groups_one_of_them_must_allow_it(void **state)
{
	struct world *w = *state;

	put(w, &resource_pickup_group, TENANT, 1, "{'name':'desk'}");
	assert_refused(dial(w, "**102"), ROUTE_REFUSAL_FORBIDDEN);
	takes(dial(w, "**101"), "pickup", 1); /* another device of one's own */
	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','pickup_groups':[{'group_id':'1','may_pick_up':false}]}");
	assert_refused(dial(w, "##102"), ROUTE_REFUSAL_FORBIDDEN);
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','pickup_groups':[{'group_id':'1','is_member':false}]}");
	takes(dial(w, "##102"), "pickup_held", 2);
	w->q.caller_extension_id = 2; /* who may be picked up from may not pick up */
	assert_refused(dial(w, "**101"), ROUTE_REFUSAL_FORBIDDEN);
}

static void it_can_be_off(void **state)
{
	struct world *w = *state;

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','pickup':false}");
	assert_refused(dial(w, "**102"), ROUTE_REFUSAL_FORBIDDEN);
	assert_refused(dial(w, "*8"), ROUTE_REFUSAL_FORBIDDEN);
	takes(dial(w, "**101"), "pickup", 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_code_takes_its_kind_of_call),
		T(only_extensions_are_picked_up_from),
		T(a_tenant_chooses_its_codes),
		T(where_there_are_groups_one_of_them_must_allow_it),
		T(it_can_be_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
