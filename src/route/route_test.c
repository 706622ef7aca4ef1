/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "route/testing.h"

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':2}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102','ring_seconds':12}");
	put(w, &resource_extension, TENANT, 3, "{'number':'103','enabled':false}");
	put(w, &resource_ring_group, TENANT, 7, "{'number':'600','name':'Sales'}");
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

static void a_number_rings_its_extension(void **state)
{
	const struct route_decision *d = dial(*state, "102");

	assert_int_equal(d->action, ROUTE_RING);
	assert_int_equal(d->extension_id, 2);
	assert_int_equal(d->ring_seconds, 12);
	assert_string_equal(d->number, "102");
	assert_int_equal(d->dest.kind, DEST_KIND_EXTENSION);
	assert_int_equal(d->revision, 4);
}

static void a_number_that_nobody_has_is_not_found(void **state)
{
	assert_refused(dial(*state, "999"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(*state, ""), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(*state, "1020"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_disabled_extension_is_refused(void **state)
{
	assert_refused(dial(*state, "103"), ROUTE_REFUSAL_DISABLED);
}

static void without_device_it_is_unavailable(void **state)
{
	struct world *w = *state;

	w->supposed.is_gone[2] = true;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_UNAVAILABLE);
}

static void an_account_without_extension_may_not_call(void **state)
{
	struct world *w = *state;

	w->q.caller_extension_id = 0;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_FORBIDDEN);
	w->q.caller_extension_id = 3;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_FORBIDDEN);
	w->q.caller_extension_id = 1;
	assert_int_equal(dial(w, "102")->action, ROUTE_RING);
}

static void nobody_calls_in_a_disabled_tenant(void **state)
{
	struct world *w = *state;

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','enabled':false}");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_FORBIDDEN);
}

static void the_tenants_limit_holds(void **state)
{
	struct world *w = *state;

	w->supposed.calls = 1;
	assert_int_equal(dial(w, "102")->action, ROUTE_RING);
	w->supposed.calls = 2;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_LIMIT);
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':0}");
	assert_int_equal(dial(w, "102")->action, ROUTE_RING);
}

static void an_extension_calls_up_to_its_limit(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension, TENANT, 1, "{'number':'101','max_calls':2}");
	w->supposed.calls_of[1] = 1;
	assert_int_equal(dial(w, "102")->action, ROUTE_RING);
	w->supposed.calls_of[1] = 2;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_EXTENSION_LIMIT);
	put(w, &resource_extension, TENANT, 1, "{'number':'101','busy_level':2}");
	assert_int_equal(dial(w, "102")->action, ROUTE_RING); /* of calls to it only */
}

static void an_extension_is_busy_from_its_limit_or_busy_level_on(void **state)
{
	static const char *const limits[] = {"{'number':'102','max_calls':3}",
					     "{'number':'102','busy_level':3}",
					     "{'number':'102','max_calls':9,'busy_level':3}",
					     "{'number':'102','max_calls':3,'busy_level':9}"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		put(w, &resource_extension, TENANT, 2, limits[i]);
		w->supposed.calls_of[2] = 2;
		assert_int_equal(dial(w, "102")->action, ROUTE_RING);
		w->supposed.calls_of[2] = 3;
		assert_refused(dial(w, "102"), ROUTE_REFUSAL_BUSY);
	}
}

static void star_43_is_the_echo(void **state)
{
	const struct route_decision *d = dial(*state, "*43");

	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "echo");
	assert_refused(dial(*state, "*99"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_group_is_a_service(void **state)
{
	const struct route_decision *d = dial(*state, "600");

	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "ring_group");
	assert_int_equal(d->service_id, 7);
	assert_int_equal(d->dest.kind, DEST_KIND_RING_GROUP);
}

static void after_a_failure_nothing_else_is_tried(void **state)
{
	struct world *w = *state;
	const struct route_attempt tried = {.dest = {DEST_KIND_EXTENSION, 2},
					    .outcome = ROUTE_BUSY};

	w->q.history = &tried;
	w->q.nhistory = 1;
	assert_int_equal(dial(w, "102")->action, ROUTE_GIVE_UP);
}

static void a_service_sends_the_call_on(void **state)
{
	struct world *w = *state;
	const struct route_attempt tried = {.dest = {DEST_KIND_RING_GROUP, 7},
					    .outcome = ROUTE_NO_ANSWER};
	const struct dest dest = {DEST_KIND_EXTENSION, 2};

	w->q.history = &tried;
	w->q.nhistory = 1;
	w->q.dest = &dest;
	assert_int_equal(dial(w, "600")->action, ROUTE_RING);
	assert_int_equal(w->d.extension_id, 2);
}

static void a_place_it_has_been_to_is_a_loop(void **state)
{
	struct world *w = *state;
	const struct route_attempt tried = {.dest = {DEST_KIND_RING_GROUP, 7},
					    .outcome = ROUTE_NO_ANSWER};
	const struct dest back = {DEST_KIND_RING_GROUP, 7};

	w->q.history = &tried;
	w->q.nhistory = 1;
	w->q.dest = &back;
	assert_refused(dial(w, "600"), ROUTE_REFUSAL_LOOP);
}

static void a_chain_has_an_end(void **state)
{
	struct world *w = *state;
	struct route_attempt tried[ROUTE_MAX_HISTORY];
	const struct dest dest = {DEST_KIND_EXTENSION, 2};

	for (size_t i = 0; i < ROUTE_MAX_HISTORY; i++)
		tried[i] = (struct route_attempt){.dest = {DEST_KIND_RING_GROUP, 100 + i},
						  .outcome = ROUTE_NO_ANSWER};
	w->q.history = tried;
	w->q.nhistory = ROUTE_MAX_FORWARDS; /* this is the tenth */
	w->q.dest = &dest;
	assert_int_equal(dial(w, "600")->action, ROUTE_RING);
	w->q.nhistory++;
	assert_refused(dial(w, "600"), ROUTE_REFUSAL_LOOP);
}

static void a_destination_that_is_gone_is_not_found(void **state)
{
	struct world *w = *state;
	struct dest dest = {DEST_KIND_EXTENSION, 55};

	w->q.dest = &dest;
	assert_refused(dial(w, "600"), ROUTE_REFUSAL_NOT_FOUND);
	dest = (struct dest){DEST_KIND_RING_GROUP, 55};
	assert_refused(dial(w, "600"), ROUTE_REFUSAL_NOT_FOUND);
	dest = (struct dest){DEST_KIND_HANGUP, 0};
	assert_refused(dial(w, "600"), ROUTE_REFUSAL_NORMAL);
}

static void another_tenants_number_is_nobodys(void **state)
{
	struct world *w = *state;

	put(w, &resource_tenant, 0, 10, "{'name':'other','domain':'other.example'}");
	put(w, &resource_extension, 10, 1, "{'number':'777'}");
	assert_refused(dial(w, "777"), ROUTE_REFUSAL_NOT_FOUND);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_number_rings_its_extension),
		T(a_number_that_nobody_has_is_not_found),
		T(a_disabled_extension_is_refused),
		T(without_device_it_is_unavailable),
		T(an_account_without_extension_may_not_call),
		T(nobody_calls_in_a_disabled_tenant),
		T(the_tenants_limit_holds),
		T(an_extension_calls_up_to_its_limit),
		T(an_extension_is_busy_from_its_limit_or_busy_level_on),
		T(star_43_is_the_echo),
		T(a_group_is_a_service),
		T(after_a_failure_nothing_else_is_tried),
		T(a_service_sends_the_call_on),
		T(a_place_it_has_been_to_is_a_loop),
		T(a_chain_has_an_end),
		T(a_destination_that_is_gone_is_not_found),
		T(another_tenants_number_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
