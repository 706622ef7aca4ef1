/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "route/testing.h"

enum { A = 1, B = 2, C = 3 };

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':5}");
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','outbound_caller_id':'442070000101'}");
	put(w, &resource_extension, TENANT, 2, "{'number':'130','outbound_caller_id':'4999'}");
	put_trunk(w, A, "",
		  ",'numbers':'4420700001**','caller_id':'442070000100','more_caller_ids':'4930*'");
	put_trunk(w, B, ",'username':'bob'", "");
	put_trunk(w, C, ",'enabled':false", "");
	put(w, &resource_outbound_rule, TENANT, 1,
	    "{'name':'world','priority':20,'prefixes':'00','routes':[{'trunk_id':'1','strip':2,"
	    "'prepend':'+44'},{'trunk_id':'3'},{'trunk_id':'2'}]}");
	put(w, &resource_outbound_rule, TENANT, 2,
	    "{'name':'sales','priority':10,'prefixes':'00','extensions':'120-129;131',"
	    "'routes':[{'trunk_id':'2'}]}");
	put(w, &resource_outbound_rule, TENANT, 3,
	    "{'name':'short','prefixes':'5','number_length':4,'routes':[{'trunk_id':'2'}]}");
	put(w, &resource_emergency_number, TENANT, 1,
	    "{'number':'112','trunk_id':'1','caller_id':'442070000199'}");
	put(w, &resource_disallowed_code, TENANT, 1, "{'code':'44900'}");
	put(w, &resource_blacklisted_number, TENANT, 1, "{'number':'33666'}");
	put(w, &resource_blacklisted_number, 0, 1, "{'number':'33667'}");
	put(w, &resource_inbound_rule, TENANT, 1,
	    "{'name':'desk','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'1'}}");
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

static void strip_2_and_prepend_44(void **state)
{
	struct world *w = *state;

	assert_over(dial(w, "002345"), A, "+442345"); /* the guide's example */
	assert_string_equal(w->d.rule, "world");
}

static void a_rule_must_match_in_all_that_is_set(void **state)
{
	struct world *w = *state;

	assert_refused(dial(w, "902345"), ROUTE_REFUSAL_NOT_FOUND);
	assert_over(dial(w, "5123"), B, "5123");
	assert_refused(dial(w, "51234"), ROUTE_REFUSAL_NOT_FOUND);
	put(w, &resource_extension, TENANT, 1, "{'number':'125'}");
	assert_over(dial(w, "002345"), B, "002345"); /* "sales" goes before "world" */
	put(w, &resource_extension, TENANT, 1, "{'number':'130'}");
	assert_over(dial(w, "002345"), A, "+442345");
}

static void the_next_route_is_tried_when_one_does_not_work(void **state)
{
	struct world *w = *state;

	w->supposed.trunk[A] = ROUTE_TRUNK_OFFLINE;
	assert_over(dial(w, "002345"), B, "002345"); /* C is disabled */
	w->supposed.trunk[A] = ROUTE_TRUNK_FULL;
	assert_over(dial(w, "002345"), B, "002345");
	w->supposed.trunk[B] = ROUTE_TRUNK_OFFLINE;
	assert_refused(dial(w, "002345"), ROUTE_REFUSAL_NO_ROUTE);
}

static void after_a_failure_the_cause_decides(void **state)
{
	struct world *w = *state;

	w->q.nhistory = 1;
	w->history[0] = (struct route_attempt){
		.trunk_id = A, .outcome = ROUTE_UNAVAILABLE, .may_retry = true};
	assert_over(dial(w, "002345"), B, "002345");
	w->history[0].may_retry = false; /* 486, 603, 404 */
	assert_int_equal(dial(w, "002345")->action, ROUTE_GIVE_UP);
	w->q.nhistory = 2;
	w->history[1] = (struct route_attempt){.trunk_id = B, .may_retry = true};
	assert_int_equal(dial(w, "002345")->action, ROUTE_GIVE_UP);
}

static void only_the_tenants_numbers_are_shown(void **state)
{
	struct world *w = *state;

	assert_string_equal(dial(w, "002345")->caller_id, "442070000101");
	w->q.caller_extension_id = 2; /* 4999 is nobody's */
	assert_string_equal(dial(w, "002345")->caller_id, "442070000100");
	assert_string_equal(w->d.refused_id, "4999"); /* the log says so */
	put(w, &resource_extension, TENANT, 2, "{'number':'130','outbound_caller_id':'49305'}");
	assert_string_equal(dial(w, "002345")->caller_id, "49305"); /* listed */
	w->supposed.trunk[A] = ROUTE_TRUNK_OFFLINE;
	assert_string_equal(dial(w, "002345")->caller_id, "bob");
}

static void a_rule_has_a_number_for_who_has_none(void **state)
{
	struct world *w = *state;

	put(w, &resource_outbound_rule, TENANT, 1,
	    "{'name':'world','prefixes':'00','caller_id':'442070000155','routes':[{'trunk_id':'1'}]"
	    "}");
	assert_string_equal(dial(w, "002345")->caller_id, "442070000101"); /* it has one */
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	assert_string_equal(dial(w, "002345")->caller_id, "442070000155");
	put(w, &resource_outbound_rule, TENANT, 1,
	    "{'name':'world','prefixes':'00','caller_id':'4999','routes':[{'trunk_id':'1'}]}");
	assert_string_equal(dial(w, "002345")->caller_id, "442070000100"); /* nobody's */
}

static void nothing_keeps_anybody_from_calling_112(void **state)
{
	struct world *w = *state;

	w->supposed.calls = 100;
	w->supposed.trunk[A] = ROUTE_TRUNK_FULL;
	put(w, &resource_disallowed_code, TENANT, 2, "{'code':'112'}");
	assert_over(dial(w, "112"), A, "112");
	assert_string_equal(w->d.caller_id, "442070000199");
	assert_true(w->d.is_emergency);
	assert_refused(dial(w, "002345"), ROUTE_REFUSAL_LIMIT); /* the control */
}

/* RTE-8: by whatever rule takes the number, whoever it is for, and whether it is open or full. */
static void help_is_called_another_way_when_its_trunk_fails(void **state)
{
	struct world *w = *state;

	put(w, &resource_outbound_rule, TENANT, 4,
	    "{'name':'all','priority':90,'extensions':'999','office_hours_id':'31','routes':[{'"
	    "trunk_id':'1'},{'trunk_id':"
	    "'3'},{'trunk_id':'2','prepend':'+44'}]}");
	put(w, &resource_office_hours, TENANT, 31, "{'name':'never'}");
	assert_over(dial(w, "112"), A, "112");
	w->supposed.trunk[B] = ROUTE_TRUNK_FULL;
	assert_over(fails(w, ROUTE_UNAVAILABLE), B, "112"); /* C is disabled */
	assert_true(w->d.is_emergency);
	assert_string_equal(w->d.caller_id, "442070000199");
	assert_int_equal(fails(w, ROUTE_UNAVAILABLE)->action, ROUTE_GIVE_UP);
	w->q.nhistory = 0;
	put(w, &resource_trunk, 0, A, "{'name':'A','host':'192.0.2.1','enabled':false}");
	assert_over(dial(w, "112"), B, "112");
	put(w, &resource_outbound_rule, TENANT, 4, NULL);
	assert_refused(dial(w, "112"), ROUTE_REFUSAL_NO_ROUTE);
}

static void help_is_called_for_by_what_it_is(void **state)
{
	struct world *w = *state;

	assert_over(dial(w, "urn:service:sos"), A, "112");
	assert_true(w->d.is_emergency);
	assert_over(dial(w, "URN:service:SOS.police"), A, "112");
	assert_refused(dial(w, "urn:service:sosx"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(w, "urn:service:counseling"), ROUTE_REFUSAL_NOT_FOUND);
}

static void emergency_services_see_the_extensions_own_number_for_them(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','emergency_caller_id':'442070000155'}");
	assert_over(dial(w, "112"), A, "112");
	assert_string_equal(w->d.caller_id, "442070000155");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','emergency_caller_id':'4999'}");
	assert_string_equal(dial(w, "112")->caller_id, "442070000199"); /* 4999 is nobody's */
}

static void disallowed_codes_are_refused_however_they_are_dialled(void **state)
{
	struct world *w = *state;

	assert_refused(dial(w, "00900123"), ROUTE_REFUSAL_FORBIDDEN); /* +44 900 123 is sent */
	w->supposed.trunk[A] = ROUTE_TRUNK_OFFLINE;
	assert_refused(dial(w, "0044900123"), ROUTE_REFUSAL_FORBIDDEN);
	assert_over(dial(w, "0044800123"), B, "0044800123");
}

static void a_rule_outside_the_class_is_not_considered(void **state)
{
	struct world *w = *state;

	put(w, &resource_routing_class, TENANT, 1,
	    "{'name':'in','rules':[{'outbound_rule_id':'3'}]}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','routing_class_id':'1'}");
	assert_refused(dial(w, "002345"), ROUTE_REFUSAL_NOT_FOUND);
	assert_over(dial(w, "5123"), B, "5123");
	assert_over(dial(w, "112"), A, "112");
	w->q.caller_extension_id = 2;
	assert_over(dial(w, "002345"), A, "+442345");
}

static void without_the_right_of_a_group_only_emergency_calls_go_out(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension_group, TENANT, 1, "{'name':'inside','may_call_out':false}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','member_of':[{'group_id':'1'}]}");
	assert_refused(dial(w, "002345"), ROUTE_REFUSAL_FORBIDDEN);
	assert_refused(dial(w, "77777"), ROUTE_REFUSAL_NOT_FOUND); /* no rule takes it anyway */
	assert_over(dial(w, "112"), A, "112");
	put(w, &resource_extension_group, TENANT, 2, "{'name':'out'}");
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','member_of':[{'group_id':'1'},{'group_id':'2'}]}");
	assert_over(dial(w, "002345"), A, "+442345");
}

/* RTE-4: extensions and groups are one condition. */
static void a_rule_is_for_extensions_or_for_groups(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension_group, TENANT, 1, "{'name':'sales'}");
	put(w, &resource_outbound_rule, TENANT, 80,
	    "{'name':'far','priority':1,'prefixes':'0088','groups':[{'group_id':'1'}],"
	    "'routes':[{'trunk_id':'2'}]}");
	assert_over(dial(w, "0088123"), A, "+4488123"); /* not in the group: the next rule */
	put(w, &resource_extension, TENANT, 1, "{'number':'101','member_of':[{'group_id':'1'}]}");
	assert_over(dial(w, "0088123"), B, "0088123");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_outbound_rule, TENANT, 80,
	    "{'name':'far','priority':1,'prefixes':'0088','groups':[{'group_id':'1'}],"
	    "'extensions':'100-105','routes':[{'trunk_id':'2'}]}");
	assert_over(dial(w, "0088123"), B, "0088123");
	w->q.caller_extension_id = 0; /* a PBX, a forward of nobody: none of them */
	w->q.from_trunk_id = C;
	w->q.nhistory = 1;
	w->history[0] = (struct route_attempt){.may_retry = true, .trunk_id = B};
	assert_over(dial(w, "0088123"), A, "+4488123");
}

static void outside_its_hours_a_rule_that_matches_refuses(void **state)
{
	struct world *w = *state;

	put(w, &resource_office_hours, TENANT, 1,
	    "{'name':'w','periods':[{'weekday':'monday','opens_at':'08:00','closes_at':'17:00'}]}");
	put(w, &resource_outbound_rule, TENANT, 70,
	    "{'name':'timed','priority':1,'prefixes':'0099','office_hours_id':'1','routes':"
	    "[{'trunk_id':'1'}]}");
	put(w, &resource_outbound_rule, TENANT, 71,
	    "{'name':'later','priority':2,'prefixes':'0099','routes':[{'trunk_id':'2'}]}");
	w->q.wall_us = INT64_C(1795420800000000); /* Monday 2026-11-23 08:00 UTC */
	assert_over(dial(w, "0099123"), A, "0099123");
	w->q.wall_us -= 1000000;
	assert_refused(dial(w, "0099123"), ROUTE_REFUSAL_FORBIDDEN);
	put(w, &resource_holiday, TENANT, 1, "{'name':'rest','day':'2026-11-23'}");
	w->q.wall_us += 1000000;
	assert_refused(dial(w, "0099123"), ROUTE_REFUSAL_FORBIDDEN);
	assert_string_equal(w->d.steps[w->d.nsteps - 1].verdict, "holiday: rest");
}

static void only_allowed_countries_are_called(void **state)
{
	struct world *w = *state;

	w->supposed.trunk[A] = ROUTE_TRUNK_OFFLINE; /* B sends what was dialled */
	assert_over(dial(w, "00331234"), B,
		    "00331234"); /* nothing is known of the tenant's country */
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','country':'GB','max_calls':5}");
	assert_refused(dial(w, "00331234"), ROUTE_REFUSAL_FORBIDDEN);
	assert_over(dial(w, "00441234"), B, "00441234");
	assert_over(dial(w, "5123"), B, "5123"); /* at home */
	put(w, &resource_allowed_country_code, TENANT, 1, "{'code':'33'}");
	assert_over(dial(w, "00331234"), B, "00331234");
	assert_refused(dial(w, "00441234"), ROUTE_REFUSAL_FORBIDDEN); /* the list is the list */
	w->supposed.trunk[A] = ROUTE_TRUNK_READY;
	put(w, &resource_allowed_country_code, TENANT, 1, "{'code':'44'}");
	assert_over(dial(w, "00331234"), A,
		    "+44331234"); /* what is sent counts: 00 was an access code */
	assert_over(dial(w, "112"), A, "112");
}

static void an_inbound_rule_leads_to_an_extension(void **state)
{
	struct world *w = *state;

	assert_int_equal(arrives(w, A, "+33123", "+442070000101")->action, ROUTE_RING);
	assert_int_equal(w->d.extension_id, 1);
	assert_string_equal(w->d.rule, "desk");
	assert_refused(arrives(w, A, "+33123", "442070000102"), ROUTE_REFUSAL_NOT_FOUND);
	/* nobody dials an extension, a feature code or another trunk from outside */
	assert_refused(arrives(w, A, "+33123", "101"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(arrives(w, A, "+33123", "*43"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(arrives(w, A, "+33123", "002345"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(arrives(w, A, "+33123", "112"), ROUTE_REFUSAL_NOT_FOUND);
}

static void blacklisted_callers_are_refused(void **state)
{
	struct world *w = *state;

	assert_refused(arrives(w, A, "+33666", "442070000101"), ROUTE_REFUSAL_BLACKLISTED);
	assert_refused(arrives(w, A, "0033667", "442070000101"), ROUTE_REFUSAL_BLACKLISTED);
	assert_int_equal(arrives(w, A, "33668", "442070000101")->action, ROUTE_RING);
	assert_int_equal(arrives(w, A, "anonymous", "442070000101")->action, ROUTE_RING);
}

/* Rules of other prefixes and numbers, as a large tenant has them. */
static void put_many(struct world *w, unsigned from, unsigned to)
{
	char json[256];

	for (unsigned i = from; i < to; i++) {
		snprintf(json, sizeof(json),
			 "{'name':'o%u','priority':5,'prefixes':'7%05u','routes':[{'trunk_id':'1'}]"
			 "}",
			 i, i);
		put(w, &resource_outbound_rule, TENANT, 100 + i, json);
		snprintf(json, sizeof(json),
			 "{'name':'i%u','trunk_id':'1','did':'4930%05u','destination':{'kind':"
			 "'extension','id':'1'}}",
			 i, i);
		put(w, &resource_inbound_rule, TENANT, 100 + i, json);
	}
}

static uint64_t cost_of_both(struct world *w)
{
	const struct route_query out = w->q;
	uint64_t before;

	(void)dial(w, "002345"); /* sorts what has piled up */
	before = route_index_steps(w->index) + model_steps(w->model);
	assert_over(dial(w, "700042123"), A, "700042123");
	assert_int_equal(arrives(w, A, "33123", "493000042")->action, ROUTE_RING);
	w->q = out;
	return route_index_steps(w->index) + model_steps(w->model) - before;
}

static void ten_thousand_rules_cost_hardly_more_than_a_hundred(void **state)
{
	struct world *w = *state;
	uint64_t few, many;

	put_many(w, 0, 100);
	few = cost_of_both(w);
	put_many(w, 100, 10000);
	many = cost_of_both(w);
	assert_true(few > 10);
	assert_true(many <= few * 2 + 40); /* log2 of 100 and of 10000 are 7 and 14 */
}

/* GRP-2 */
static void paging_needs_a_group_that_may(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension_group, TENANT, 1, "{'name':'quiet'}");
	put(w, &resource_extension_group, TENANT, 2, "{'name':'loud','may_page':true}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101','member_of':[{'group_id':'1'}]}");
	assert_refused(dial(w, "*45"), ROUTE_REFUSAL_FORBIDDEN);
	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','member_of':[{'group_id':'1'},{'group_id':'2'}]}");
	assert_int_equal(dial(w, "*45")->action, ROUTE_SERVICE);
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	assert_refused(dial(w, "*45"), ROUTE_REFUSAL_FORBIDDEN);
	assert_int_equal(dial(w, "*46")->action, ROUTE_SERVICE); /* all may listen */
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(strip_2_and_prepend_44),
		T(a_rule_must_match_in_all_that_is_set),
		T(the_next_route_is_tried_when_one_does_not_work),
		T(after_a_failure_the_cause_decides),
		T(only_the_tenants_numbers_are_shown),
		T(a_rule_has_a_number_for_who_has_none),
		T(nothing_keeps_anybody_from_calling_112),
		T(help_is_called_another_way_when_its_trunk_fails),
		T(help_is_called_for_by_what_it_is),
		T(emergency_services_see_the_extensions_own_number_for_them),
		T(a_rule_is_for_extensions_or_for_groups),
		T(disallowed_codes_are_refused_however_they_are_dialled),
		T(a_rule_outside_the_class_is_not_considered),
		T(without_the_right_of_a_group_only_emergency_calls_go_out),
		T(paging_needs_a_group_that_may),
		T(outside_its_hours_a_rule_that_matches_refuses),
		T(only_allowed_countries_are_called),
		T(an_inbound_rule_leads_to_an_extension),
		T(blacklisted_callers_are_refused),
		T(ten_thousand_rules_cost_hardly_more_than_a_hundred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
