/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-12: 101 has a service PIN, which switches and paging want. */
#include "call/testing_phone.h"
#include "service/service.h"

#define MAY                                                                                        \
	"'number':'101','may_switch_night':true,'pin_to_switch_night':true,'pin_to_page':true,"    \
	"'lock_mode':'code_and_pin'"

static int open_pin_world(void **state)
{
	struct world *w;

	open_world(state);
	w = *state;
	assert_int_equal(services_register_all(w->calls), 0);
	put(w, &resource_extension_group, TENANT, 90, "{'name':'all','may_page':true}");
	put(w, &resource_extension, TENANT, 1,
	    "{" MAY ",'service_pin':'471147','member_of':[{'group_id':'90'}]}");
	return 0;
}

static void is_asked(struct world *w, struct ua *a, const char *number)
{
	calls_number(a, &w->phone[1], number, audio(&w->phone[1]));
	ua_got(a, 200);
	ua_request(a, "ACK", "");
	run(w);
	assert_string_equal(w->written, "");
}

static void presses(struct world *w, struct ua *a, const char *keys)
{
	for (; *keys; keys++) {
		ua_presses(a, *keys);
		ua_got(a, 200);
	}
	run(w);
}

static void is_over(struct ua *a)
{
	ua_asked_by_bye(a);
	ua_done(a);
}

static void is_refused(struct world *w, const char *number, const char *reason)
{
	struct ua a;

	calls_number(&a, &w->phone[1], number, audio(&w->phone[1]));
	ua_got(&a, 403);
	assert_string_equal(last_call(w)->reason, reason);
	assert_string_equal(w->written, "");
}

static void who_keys_it_in_switches(void **state)
{
	static const struct {
		const char *code, *written;
	} codes[] = {{"*28", "{\"night_mode\":true}"},
		     {"*29", "{\"night_mode\":false}"},
		     {"*27", "{\"night_mode\":true}"},
		     {"*48", "{\"unlocked_until\":\"9999-12-31T00:00:00Z\"}"}};
	struct world *w = *state;
	struct ua a;

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		is_asked(w, &a, codes[i].code);
		presses(w, &a, "471147#");
		assert_string_equal(w->written, codes[i].written);
		pass(w, 1100);
		is_over(&a);
		assert_string_equal(last_call(w)->callee, codes[i].code);
		assert_string_equal(last_call(w)->final_dest, codes[i].code);
		w->written[0] = '\0';
	}
}

static void who_dials_it_behind_the_code_is_not_asked(void **state)
{
	struct world *w = *state;
	struct ua a;

	calls_number(&a, &w->phone[1], "*28471147", audio(&w->phone[1]));
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	run(w);
	assert_string_equal(w->written, "{\"night_mode\":true}");
	pass(w, 1100);
	is_over(&a);
	assert_string_equal(last_call(w)->callee, "*28");
	w->written[0] = '\0';
	is_refused(w, "*28471148", "wrong_pin");
	assert_string_equal(last_call(w)->callee, "*28");
	is_refused(w, "*45471148", "wrong_pin");
	is_refused(w, "*484711", "wrong_pin");
}

static void three_wrong_ones_and_it_is_over(void **state)
{
	struct world *w = *state;
	struct ua a;

	is_asked(w, &a, "*28");
	presses(w, &a, "471148#4711#");
	presses(w, &a, "1234");
	ua_presses(&a, '#');
	ua_asked_by_bye(&a);
	ua_got(&a, 200);
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "wrong_pin");
	assert_string_equal(w->written, "");
	is_asked(w, &a, "*28"); /* the second is right */
	presses(w, &a, "1#471147#");
	assert_string_equal(w->written, "{\"night_mode\":true}");
	pass(w, 1100);
	is_over(&a);
}

static void nobody_waits_for_ever(void **state)
{
	struct world *w = *state;
	struct ua a;

	is_asked(w, &a, "*28");
	pass(w, 15100);
	is_over(&a);
	assert_string_equal(last_call(w)->reason, "no_answer");
}

static void who_pages_has_it_too(void **state)
{
	struct world *w = *state;
	struct ua a;

	is_asked(w, &a, "*45");
	presses(w, &a, "471147#");
	pass(w, 20000); /* it speaks until it hangs up */
	nothing(&w->phone[1]);
	ua_request(&a, "BYE", "");
	ua_got(&a, 200);
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "normal");
}

static void without_one_it_may_not(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension, TENANT, 1, "{" MAY ",'member_of':[{'group_id':'90'}]}");
	is_refused(w, "*28", "forbidden");
	is_refused(w, "*45", "forbidden");
	is_refused(w, "*48", "forbidden");
}

static void where_none_is_wanted_none_is_asked_for(void **state)
{
	struct world *w = *state;
	struct ua a;

	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','may_switch_night':true,'service_pin':'471147'}");
	calls_number(&a, &w->phone[1], "*28", audio(&w->phone[1]));
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	run(w);
	assert_string_equal(w->written, "{\"night_mode\":true}");
	pass(w, 1100);
	is_over(&a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_pin_world, close_world)
	const struct CMUnitTest tests[] = {
		T(who_keys_it_in_switches),
		T(who_dials_it_behind_the_code_is_not_asked),
		T(three_wrong_ones_and_it_is_over),
		T(nobody_waits_for_ever),
		T(who_pages_has_it_too),
		T(without_one_it_may_not),
		T(where_none_is_wanted_none_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
