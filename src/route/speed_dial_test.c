/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-19: what is behind which key, and which codes set it. */
#include "route/testing.h"

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','speed_dials':[{'key':'2','number':'102'},{'key':'02','number':'103'},"
	    "{'key':'99','number':'0044123'},{'key':'7','number':'777'}]}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102'}");
	put(w, &resource_extension, TENANT, 3, "{'number':'7'}");
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

static void behind(struct world *w, uint64_t extension_id, const char *dialled, const char *number)
{
	const char *got = route_speed_dial(w->model, TENANT, extension_id, str_of(dialled));

	if (number)
		assert_string_equal(got ? got : "nothing", number);
	else
		assert_null(got);
}

static void a_key_leads_to_its_number(void **state)
{
	behind(*state, 1, "2", "102");
	behind(*state, 1, "*002", "103");
	behind(*state, 1, "*099", "0044123");
}

static void other_keys_and_other_extensions_lead_nowhere(void **state)
{
	static const char *const none[] = {"3",	  "02",	   "1",	   "0",	   "22", "*0",
					   "*02", "*0021", "*003", "*00a", ""};

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		behind(*state, 1, none[i], NULL);
	behind(*state, 2, "2", NULL);
	behind(*state, 0, "2", NULL);
	assert_refused(dial(*state, "*055"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_number_of_the_tenants_goes_before_a_key(void **state)
{
	behind(*state, 1, "7", NULL);
	assert_rings(dial(*state, "7"), 3);
}

static void sets(const struct route_decision *d, enum route_switch what, const char *said)
{
	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "switch");
	assert_int_equal(d->service_id, what);
	assert_string_equal(d->argument, said);
}

static void codes_say_key_and_number(void **state)
{
	sets(dial(*state, "*7430044123"), ROUTE_SWITCH_SPEED_DIAL_8, "30044123");
	sets(dial(*state, "*743"), ROUTE_SWITCH_SPEED_DIAL_8, "3");
	sets(dial(*state, "*7500102"), ROUTE_SWITCH_SPEED_DIAL_100, "00102");
	sets(dial(*state, "*7599"), ROUTE_SWITCH_SPEED_DIAL_100, "99");
	assert_string_equal(dial(*state, "*7430044123")->number, "*74");
}

static void a_key_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {"*74",     "*741102",
					    "*740102", "*75",
					    "*755",    "*75a1102",
					    "*7422",   "*7501*012",
					    "*742a-b", "*742123456789012345678901234567890123"};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_refused(dial(*state, wrong[i]), ROUTE_REFUSAL_FORBIDDEN);
}

static void do_not_disturb_is_a_switch_of_ones_own(void **state)
{
	struct world *w = *state;

	sets(dial(w, "*78"), ROUTE_SWITCH_DND_ON, "");
	sets(dial(w, "*79"), ROUTE_SWITCH_DND_OFF, "");
	assert_refused(dial(w, "*781"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_pin_is_no_argument(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','lock_mode':'code_and_pin','service_pin':'4711'}");
	sets(dial(w, "*484711"), ROUTE_SWITCH_UNLOCK, "");
	assert_refused(dial(w, "*484712"), ROUTE_REFUSAL_WRONG_PIN);
	assert_string_equal(dial(w, "*48")->service, "ask_pin");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(a_key_leads_to_its_number),
		T(other_keys_and_other_extensions_lead_nowhere),
		T(a_number_of_the_tenants_goes_before_a_key),
		T(codes_say_key_and_number),
		T(a_key_that_is_none_is_refused),
		T(do_not_disturb_is_a_switch_of_ones_own),
		T(a_pin_is_no_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
