/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "route/testing.h"
#include "schema/feature_codes.h"

/* Office hours, night mode, the electronic lock, forms of numbers, PBXs behind a trunk. */

enum { A = 1, PBX = 2 };

#define MONDAY_8 INT64_C(1795420800000000) /* 2026-11-23 08:00 UTC */
#define HOUR	 INT64_C(3600000000)

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','country':'GB'}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102'}");
	put(w, &resource_ring_group, TENANT, 8, "{'number':'8000','name':'English'}");
	put(w, &resource_ring_group, TENANT, 9, "{'number':'9000','name':'French'}");
	put_trunk(w, A, "", ",'numbers':'4420123456**','caller_id':'442012345600'");
	put_trunk(w, PBX, "", ",'is_pbx':true");
	put(w, &resource_office_hours, TENANT, 31,
	    "{'name':'week','is_default':true,'periods':[{'weekday':'monday','opens_at':'08:00',"
	    "'closes_at':'17:00'}]}");
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','priority':1,'prefixes':'0;+','routes':[{'trunk_id':'1'}]}");
	put(w, &resource_outbound_rule, TENANT, 42,
	    "{'name':'local','priority':2,'prefixes':'5','routes':[{'trunk_id':'1'}]}");
	w->q.wall_us = MONDAY_8;
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

#define DAY_RULE                                                                                   \
	"'name':'in','trunk_id':'1','did':'442012345670','destination':{'kind':'extension','id':"  \
	"'1'},'outside_destination':{'kind':'extension','id':'2'}"

static void outside_its_hours_a_number_goes_elsewhere(void **state)
{
	struct world *w = *state;

	put(w, &resource_inbound_rule, TENANT, 51, "{" DAY_RULE ",'by_office_hours':true}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 1);
	w->q.wall_us = MONDAY_8 - 1000000;
	assert_rings(arrives(w, A, "0033", "442012345670"), 2);
	w->q.wall_us = MONDAY_8 + 9 * HOUR;
	assert_rings(arrives(w, A, "0033", "442012345670"), 2);
	w->q.wall_us = MONDAY_8 + HOUR;
	put(w, &resource_holiday, TENANT, 61, "{'name':'rest','day':'2026-11-23'}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 2);
	put(w, &resource_inbound_rule, TENANT, 51,
	    "{" DAY_RULE "}"); /* it does not look at hours */
	assert_rings(arrives(w, A, "0033", "442012345670"), 1);
}

static void a_rule_may_have_hours_of_its_own(void **state)
{
	struct world *w = *state;

	put(w, &resource_office_hours, TENANT, 32,
	    "{'name':'late','periods':[{'weekday':'monday','opens_at':'20:00','closes_at':'24:00'}]"
	    "}");
	put(w, &resource_inbound_rule, TENANT, 51,
	    "{" DAY_RULE ",'by_office_hours':true,'office_hours_id':'32'}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 2);
	w->q.wall_us = MONDAY_8 + 13 * HOUR;
	assert_rings(arrives(w, A, "0033", "442012345670"), 1);
}

static void night_mode_is_as_outside_the_hours(void **state)
{
	struct world *w = *state;

	put(w, &resource_inbound_rule, TENANT, 51, "{" DAY_RULE ",'by_office_hours':true}");
	put(w, &resource_inbound_rule, TENANT, 52,
	    "{'name':'always','trunk_id':'1','did':'442012345671','destination':{'kind':"
	    "'extension','id':'1'},'outside_destination':{'kind':'extension','id':'2'}}");
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','country':'GB','night_mode':true}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 2);
	assert_rings(arrives(w, A, "0033", "442012345671"), 1);
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','country':'GB'}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 1);
	put(w, &resource_inbound_rule, TENANT, 51, "{" DAY_RULE ",'night_mode':true}");
	assert_rings(arrives(w, A, "0033", "442012345670"), 2); /* this rule alone */
}

/* The guide's example, with groups for its queues. */
static void callers_from_the_uk_and_from_france_are_told_apart(void **state)
{
	struct world *w = *state;

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'uk','trunk_id':'1','did':'442012345670','caller_mask':'0044**********',"
	    "'destination':{'kind':'ring_group','id':'8'}}");
	put(w, &resource_inbound_rule, TENANT, 52,
	    "{'name':'france','trunk_id':'1','did':'442012345670','caller_mask':'0033*********',"
	    "'destination':{'kind':'ring_group','id':'9'}}");
	assert_int_equal(arrives(w, A, "+447700900123", "00442012345670")->service_id, 8);
	assert_int_equal(arrives(w, A, "0033123456789", "442012345670")->service_id, 9);
	assert_refused(arrives(w, A, "0049301234567", "442012345670"), ROUTE_REFUSAL_NOT_FOUND);
}

static void a_locked_extension_uses_its_restricted_class(void **state)
{
	struct world *w = *state;

	put(w, &resource_routing_class, TENANT, 71,
	    "{'name':'local','rules':[{'outbound_rule_id':'42'}]}");
	put(w, &resource_emergency_number, TENANT, 72, "{'number':'112','trunk_id':'1'}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','lock_mode':'code'}");
	assert_refused(dial(w, "0201234567"), ROUTE_REFUSAL_LOCKED);
	assert_refused(dial(w, "5555"), ROUTE_REFUSAL_LOCKED);
	assert_rings(dial(w, "102"), 2);
	assert_sent(dial(w, "112"), "112");
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','lock_mode':'code','restricted_class_id':'71'}");
	assert_sent(dial(w, "5555"), "5555");
	assert_refused(dial(w, "0201234567"), ROUTE_REFUSAL_LOCKED);
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','lock_mode':'code','unlocked_until':'2026-11-23T09:00:00Z'}");
	assert_sent(dial(w, "0201234567"), "0201234567");
	w->q.wall_us += HOUR;
	assert_refused(dial(w, "0201234567"), ROUTE_REFUSAL_LOCKED);
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}"); /* open */
	assert_sent(dial(w, "0201234567"), "0201234567");
}

static void codes_are_for_those_who_may(void **state)
{
	struct world *w = *state;

	assert_refused(dial(w, "*28"), ROUTE_REFUSAL_FORBIDDEN);
	assert_refused(dial(w, NIGHT_MODE_CODE), ROUTE_REFUSAL_FORBIDDEN);
	assert_refused(dial(w, "*47"), ROUTE_REFUSAL_FORBIDDEN); /* it has no lock */
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','may_switch_night':true,'lock_mode':'code'}");
	assert_int_equal(dial(w, "*28")->service_id, ROUTE_SWITCH_NIGHT_ON);
	assert_int_equal(dial(w, "*29")->service_id, ROUTE_SWITCH_NIGHT_OFF);
	assert_int_equal(dial(w, NIGHT_MODE_CODE)->service_id, ROUTE_SWITCH_NIGHT_OTHER);
	assert_int_equal(dial(w, "*47")->service_id, ROUTE_SWITCH_LOCK);
	assert_int_equal(dial(w, "*48")->service_id, ROUTE_SWITCH_UNLOCK);
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','lock_mode':'code_and_pin','service_pin':'4711'}");
	assert_string_equal(dial(w, "*48")->service, "ask_pin");
	assert_string_equal(w->d.argument, "*48");
	assert_refused(dial(w, "*484712"), ROUTE_REFUSAL_WRONG_PIN);
	assert_int_equal(dial(w, "*484711")->service_id, ROUTE_SWITCH_UNLOCK);
	assert_string_equal(w->d.number, "*48");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','lock_mode':'code_and_pin'}");
	assert_refused(dial(w, "*48"), ROUTE_REFUSAL_FORBIDDEN);
}

static void numbers_are_sent_in_the_form_that_the_trunk_takes(void **state)
{
	static const struct {
		const char *form, *dialled, *sent;
	} cases[] = {
		{"as_is", "02071234567", "02071234567"},
		{"e164", "02071234567", "+442071234567"},
		{"e164", "0033123456789", "+33123456789"},
		{"e164", "+33123456789", "+33123456789"},
		{"digits", "02071234567", "442071234567"},
		{"international", "02071234567", "00442071234567"},
		{"international", "+33123456789", "0033123456789"},
		{"national", "+442071234567", "02071234567"},
		{"national", "00442071234567", "02071234567"},
		{"national", "0033123456789", "0033123456789"},
		{"e164", "0112", "0112"}, /* no area and subscriber in that */
	};
	struct world *w = *state;
	char json[128];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(json, sizeof(json), "{'name':'A','host':'192.0.2.1','number_form':'%s'}",
			 cases[i].form);
		put(w, &resource_trunk, 0, A, json);
		put(w, &resource_allowed_country_code, TENANT, 81, "{'code':'33'}");
		put(w, &resource_allowed_country_code, TENANT, 82, "{'code':'44'}");
		assert_sent(dial(w, cases[i].dialled), cases[i].sent);
	}
}

static void disallowed_codes_hold_in_every_form(void **state)
{
	struct world *w = *state;

	put(w, &resource_disallowed_code, TENANT, 83, "{'code':'4490'}");
	put(w, &resource_trunk, 0, A, "{'name':'A','host':'192.0.2.1','number_form':'e164'}");
	assert_refused(dial(w, "0907123456"), ROUTE_REFUSAL_FORBIDDEN);
	put(w, &resource_trunk, 0, A, "{'name':'A','host':'192.0.2.1','number_form':'national'}");
	assert_refused(dial(w, "00449071234567"), ROUTE_REFUSAL_FORBIDDEN);
	put(w, &resource_trunk, 0, A, "{'name':'A','host':'192.0.2.1'}");
	assert_refused(dial(w, "0907123456"), ROUTE_REFUSAL_FORBIDDEN);
}

static void a_did_leads_to_a_pbx_with_the_number_kept(void **state)
{
	struct world *w = *state;

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'branch','trunk_id':'1','did':'*','destination':{'kind':'trunk','id':'2'}}");
	assert_sent(arrives(w, A, "0033123456789", "442012345677"), "442012345677");
	assert_int_equal(w->d.trunk_id, PBX);
	assert_string_equal(w->d.caller_id, "0033123456789");
	w->supposed.trunk[PBX] = ROUTE_TRUNK_OFFLINE;
	assert_refused(arrives(w, A, "0033123456789", "442012345677"), ROUTE_REFUSAL_UNAVAILABLE);
}

static void a_pbx_dials_as_an_extension_does(void **state)
{
	struct world *w = *state;

	assert_rings(arrives(w, PBX, "201", "101"), 1);
	assert_sent(arrives(w, PBX, "201", "0207123456"), "0207123456");
	assert_int_equal(w->d.trunk_id, A);
	put(w, &resource_emergency_number, TENANT, 72, "{'number':'112','trunk_id':'1'}");
	assert_sent(arrives(w, PBX, "201", "112"), "112");
	put(w, &resource_outbound_rule, TENANT, 43,
	    "{'name':'back','priority':0,'prefixes':'7','routes':[{'trunk_id':'2'}]}");
	assert_refused(arrives(w, PBX, "201", "777"), ROUTE_REFUSAL_NO_ROUTE);
	put(w, &resource_did_pool, TENANT, PBX, "{'trunk_id':'2'}"); /* a provider may not */
	assert_refused(arrives(w, PBX, "201", "0207123456"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(arrives(w, PBX, "201", "112"), ROUTE_REFUSAL_NOT_FOUND);
	assert_int_equal(route_index_pbx(w->index, PBX), 0);
	put(w, &resource_did_pool, TENANT, PBX, "{'trunk_id':'2','is_pbx':true}");
	assert_int_equal(route_index_pbx(w->index, PBX), TENANT);
	assert_int_equal(route_index_pbx(w->index, A), 0);
}

/* TRK-13 */
static void a_pbx_shows_the_tenants_numbers_unless_that_is_lifted(void **state)
{
	struct world *w = *state;

	arrives(w, PBX, "442012345677", "0207123456");
	assert_string_equal(w->d.caller_id, "442012345677");
	arrives(w, PBX, "004930123", "0207123456");
	assert_string_equal(w->d.caller_id, "442012345600"); /* the main number */
	put(w, &resource_did_pool, TENANT, PBX,
	    "{'trunk_id':'2','is_pbx':true,'any_caller_id':true}");
	arrives(w, PBX, "004930123", "0207123456");
	assert_string_equal(w->d.caller_id, "004930123");
	arrives(w, PBX, "anna", "0207123456");
	assert_string_equal(w->d.caller_id, "442012345600"); /* that is no number */
}

/* EXT-5: caller and time frame. */
static void an_exception_may_hold_at_some_times_only(void **state)
{
	struct world *w = *state;

	put(w, &resource_office_hours, TENANT, 32,
	    "{'name':'lunch','periods':[{'weekday':'monday','opens_at':'12:00','closes_at':"
	    "'13:00'}]}");
	put(w, &resource_extension, TENANT, 3, "{'number':'103'}");
	put(w, &resource_extension, TENANT, 4, "{'number':'104'}");
	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','exceptions':[{'time_frame':'office_hours','office_hours_id':'32',"
	    "'destination':{'kind':'extension','id':'3'}},{'caller_mask':'101','time_frame':"
	    "'outside_office_hours','destination':{'kind':'extension','id':'4'}}]}");
	assert_rings(dial(w, "102"), 2); /* 08:00 */
	w->q.wall_us = MONDAY_8 + 4 * HOUR;
	assert_rings(dial(w, "102"), 3);
	w->q.wall_us = MONDAY_8 + 5 * HOUR;
	assert_rings(dial(w, "102"), 2);
	w->q.wall_us = MONDAY_8 + 9 * HOUR; /* the tenant's own week has ended */
	assert_rings(dial(w, "102"), 4);
	w->q.caller_extension_id = 3;
	w->q.caller = STR("103");
	assert_rings(dial(w, "102"), 2);
}

/* EXT-25: on its own holiday the office is closed for it, and open for everybody else. */
static void an_extension_has_holidays_of_its_own(void **state)
{
	static const char exceptions[] =
		"{'number':'%s','exceptions':[{'time_frame':'outside_office_hours','destination':{"
		"'kind':'extension','id':'4'}}]}";
	struct world *w = *state;
	char json[256];

	put(w, &resource_extension, TENANT, 4, "{'number':'104'}");
	for (uint64_t id = 2; id <= 3; id++) {
		(void)snprintf(json, sizeof(json), exceptions, id == 2 ? "102" : "103");
		put(w, &resource_extension, TENANT, id, json);
	}
	put(w, &resource_holiday, TENANT, 61,
	    "{'extension_id':'2','name':'moving house','day':'2026-11-23','ends_at':'12:00'}");
	assert_rings(dial(w, "102"), 4); /* 08:00 */
	assert_rings(dial(w, "103"), 3);
	w->q.wall_us = MONDAY_8 + 5 * HOUR;
	assert_rings(dial(w, "102"), 2);
	w->q.wall_us = MONDAY_8;
	put(w, &resource_holiday, TENANT, 61, NULL);
	assert_rings(dial(w, "102"), 2);
}

static void a_pbx_is_bound_as_everybody(void **state)
{
	struct world *w = *state;

	put(w, &resource_disallowed_code, TENANT, 83, "{'code':'33'}");
	assert_refused(arrives(w, PBX, "201", "0033123456789"), ROUTE_REFUSAL_FORBIDDEN);
	assert_refused(arrives(w, PBX, "201", "0049301234567"), ROUTE_REFUSAL_FORBIDDEN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(outside_its_hours_a_number_goes_elsewhere),
		T(a_rule_may_have_hours_of_its_own),
		T(night_mode_is_as_outside_the_hours),
		T(callers_from_the_uk_and_from_france_are_told_apart),
		T(a_locked_extension_uses_its_restricted_class),
		T(codes_are_for_those_who_may),
		T(numbers_are_sent_in_the_form_that_the_trunk_takes),
		T(disallowed_codes_hold_in_every_form),
		T(a_did_leads_to_a_pbx_with_the_number_kept),
		T(a_pbx_dials_as_an_extension_does),
		T(a_pbx_is_bound_as_everybody),
		T(a_pbx_shows_the_tenants_numbers_unless_that_is_lifted),
		T(an_exception_may_hold_at_some_times_only),
		T(an_extension_has_holidays_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
