/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/groups.h"
#include "model/testing.h"

enum { TENANT = 9 };

static void put(struct model *m, const struct resource *r, uint64_t id, const char *json)
{
	testing_put(m, r, TENANT, id, json);
}

static int open_model(void **state)
{
	struct model *m;

	assert_int_equal(model_alloc(&m), 0);
	put(m, &resource_extension_group, 1, "{'name':'DEFAULT'}");
	put(m, &resource_extension_group, 2,
	    "{'name':'inside','may_call_out':false,'may_see_members':false,'may_use_console':"
	    "false}");
	put(m, &resource_extension_group, 3,
	    "{'name':'desk','may_page':true,'may_call_out':false,'allow_monitor':true}");
	put(m, &resource_extension, 1, "{'number':'101'}");
	put(m, &resource_extension, 2, "{'number':'102','member_of':[{'group_id':'2'}]}");
	put(m, &resource_extension, 3,
	    "{'number':'103','member_of':[{'group_id':'2','may_monitor':true},"
	    "{'group_id':'3','role':'manager','may_monitor':true}]}");
	put(m, &resource_extension, 4, "{'number':'104','member_of':[{'group_id':'3'}]}");
	*state = m;
	return 0;
}

static int close_model(void **state)
{
	model_free(*state);
	return 0;
}

static const struct extension *ext(struct model *m, uint64_t id)
{
	return model_extension(m, TENANT, id);
}

static void rights_are_those_of_all_groups(void **state)
{
	struct model *m = *state;

	assert_int_equal(model_rights(m, ext(m, 1)), MODEL_MAY_CALL_OUT);
	assert_int_equal(model_rights(m, ext(m, 2)), 0);
	assert_int_equal(model_rights(m, ext(m, 3)), MODEL_MAY_PAGE);
}

static void a_change_of_the_group_counts_at_once(void **state)
{
	struct model *m = *state;

	put(m, &resource_extension_group, 2, "{'name':'inside','may_call_out':true}");
	assert_true(model_rights(m, ext(m, 2)) & MODEL_MAY_CALL_OUT);
}

static void monitors_hear_members_of_groups_that_allow_it(void **state)
{
	struct model *m = *state;

	assert_true(model_may_monitor(m, ext(m, 3), ext(m, 4)));
	assert_false(model_may_monitor(m, ext(m, 3), ext(m, 2))); /* their group does not */
	assert_false(model_may_monitor(m, ext(m, 4), ext(m, 3))); /* not marked */
	assert_false(model_may_monitor(m, ext(m, 3), ext(m, 1)));
}

static void managers_are_of_their_own_groups_only(void **state)
{
	struct model *m = *state;

	assert_true(model_is_manager_of(ext(m, 3), ext(m, 4)));
	assert_false(model_is_manager_of(ext(m, 3), ext(m, 2)));
	assert_false(model_is_manager_of(ext(m, 4), ext(m, 3)));
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_model, close_model)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rights_are_those_of_all_groups),
		T(a_change_of_the_group_counts_at_once),
		T(monitors_hear_members_of_groups_that_allow_it),
		T(managers_are_of_their_own_groups_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
