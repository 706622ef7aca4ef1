/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-16: every destination there is, from every origin, for every cause; what it is dialled with; what ends in a circle. */
#include "route/testing.h"

enum { A = 1, GROUP = 7, CHECK = 8, WAY_IN = 9 };

#define MONDAY_8 INT64_C(1795420800000000) /* 2026-11-23 08:00 UTC */
#define HOUR	 INT64_C(3600000000)

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put_trunk(w, A, "", ",'numbers':'4420700001**','caller_id':'442070000100'");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102'}");
	put(w, &resource_extension, TENANT, 3, "{'number':'103'}");
	put(w, &resource_extension, TENANT, 4, "{'number':'104'}");
	put(w, &resource_ring_group, TENANT, GROUP, "{'number':'sales','name':'Sales'}");
	put(w, &resource_office_hours, TENANT, 31,
	    "{'name':'week','is_default':true,'periods':[{'weekday':'monday','opens_at':'08:00',"
	    "'closes_at':'17:00'}]}");
	put(w, &resource_disa, TENANT, WAY_IN, "{'name':'in','extension_id':'3','pin':'123456'}");
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','extensions':'102','routes':[{'trunk_id':'1'}]}");
	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'in','trunk_id':'1','did':'*','destination':{'kind':'extension','id':'2'}}");
	put(w, &resource_time_check, TENANT, CHECK,
	    "{'name':'lunch','open_destination':{'kind':'custom_dial'},'open_destination_number':'"
	    "103',"
	    "'closed_destination':{'kind':'external_number'},'closed_destination_number':'0033123'"
	    "}");
	w->q.wall_us = MONDAY_8;
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

static void forwards_to(struct world *w, const char *line)
{
	char json[512];

	(void)snprintf(json, sizeof(json),
		       "{'number':'102','speed_dials':[{'key':'2','number':'103'},"
		       "{'key':'02','number':'0033123'}],'forwards':[{%s}]}",
		       line);
	put(w, &resource_extension, TENANT, 2, json);
}

static const char *const origins[] = {"internal", "external", "transfer"};
static const struct {
	const char *name;
	enum route_outcome outcome;
} causes[] = {
	{"no_answer", ROUTE_NO_ANSWER},
	{"busy", ROUTE_BUSY},
	{"unavailable", ROUTE_UNAVAILABLE},
};

/* 102 is called from there, rings, and comes to that. */
static const struct route_decision *comes_to(struct world *w, size_t origin, enum route_outcome how)
{
	w->q.nhistory = 0;
	w->q.outside = STR_NONE;
	w->q.on_behalf_id = 0;
	w->q.from_trunk_id = origin == 1 ? A : 0;
	w->q.caller_extension_id = origin == 1 ? 0 : 1;
	w->q.is_transfer = origin == 2;
	assert_rings(dial(w, origin == 1 ? "442070000102" : "102"), 2);
	return fails(w, how);
}

static void rings_103(const struct route_decision *d)
{
	assert_rings(d, 3);
}

static void goes_outside(const struct route_decision *d)
{
	assert_over(d, A, "0033123");
	assert_int_equal(d->on_behalf_id, 2);
}

static void is_hung_up_on(const struct route_decision *d)
{
	assert_refused(d, ROUTE_REFUSAL_NORMAL);
}

static void rings_the_group(const struct route_decision *d)
{
	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "ring_group");
}

static void asks_for_a_number(const struct route_decision *d)
{
	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "ask_number");
}

static void asks_for_a_pin(const struct route_decision *d)
{
	assert_int_equal(d->action, ROUTE_SERVICE);
	assert_string_equal(d->service, "disa");
}

static void goes_to_the_pbx(const struct route_decision *d)
{
	assert_int_equal(d->action, ROUTE_TRUNK);
	assert_int_equal(d->trunk_id, A);
}

static void every_destination_from_every_origin_for_every_cause(void **state)
{
	static const struct {
		const char *dest;
		void (*is_right)(const struct route_decision *d);
	} dests[] = {
		{"{'kind':'hangup'}", is_hung_up_on},
		{"{'kind':'extension','id':'3'}", rings_103},
		{"{'kind':'ring_group','id':'7'}", rings_the_group},
		{"{'kind':'external_number'},'destination_number':'0033123'", goes_outside},
		{"{'kind':'custom_dial'},'destination_number':'103'", rings_103},
		{"{'kind':'custom_dial'},'destination_number':'sales'", rings_the_group},
		{"{'kind':'custom_dial'},'destination_number':'0033123'", goes_outside},
		{"{'kind':'custom_dial'},'destination_number':'2'", rings_103},
		{"{'kind':'custom_dial'},'destination_number':'*002'", goes_outside},
		{"{'kind':'ask_number'}", asks_for_a_number},
		{"{'kind':'time_check','id':'8'}", rings_103},
		{"{'kind':'disa','id':'9'}", asks_for_a_pin},
		{"{'kind':'trunk','id':'1'}", goes_to_the_pbx},
	};
	struct world *w = *state;
	char line[256];

	for (size_t o = 0; o < ARRAY_LEN(origins); o++)
		for (size_t c = 0; c < ARRAY_LEN(causes); c++)
			for (size_t i = 0; i < ARRAY_LEN(dests); i++) {
				(void)snprintf(line, sizeof(line),
					       "'origin':'%s','cause':'%s','destination':%s",
					       origins[o], causes[c].name, dests[i].dest);
				forwards_to(w, line);
				dests[i].is_right(comes_to(w, o, causes[c].outcome));
				/* and from elsewhere, or for another cause, it ends */
				assert_int_equal(
					comes_to(w, (o + 1) % 3, causes[c].outcome)->action,
					ROUTE_GIVE_UP);
				assert_int_equal(
					comes_to(w, o, causes[(c + 1) % 3].outcome)->action,
					ROUTE_GIVE_UP);
			}
}

static void a_time_check_leads_elsewhere_when_the_office_is_closed(void **state)
{
	struct world *w = *state;

	forwards_to(w, "'cause':'always','destination':{'kind':'time_check','id':'8'}");
	assert_rings(dial(w, "102"), 3);
	w->q.wall_us = MONDAY_8 - 1;
	goes_outside(dial(w, "102"));
	w->q.wall_us = MONDAY_8 + HOUR;
	put(w, &resource_holiday, TENANT, 61, "{'name':'rest','day':'2026-11-23'}");
	goes_outside(dial(w, "102"));
	put(w, &resource_holiday, TENANT, 61, NULL);
	assert_rings(dial(w, "102"), 3);
	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','night_mode':true}");
	goes_outside(dial(w, "102"));
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, &resource_time_check, TENANT, CHECK,
	    "{'name':'own','office_hours_id':'32','closed_destination':{'kind':'extension','id':'4'"
	    "}}");
	put(w, &resource_office_hours, TENANT, 32, "{'name':'never'}");
	assert_rings(dial(w, "102"), 4); /* its own hours, not the tenant's */
}

static void an_inbound_rule_leads_to_a_time_check(void **state)
{
	struct world *w = *state;

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'in','trunk_id':'1','did':'*','destination':{'kind':'time_check','id':'8'}}");
	assert_rings(arrives(w, A, "0033", "442070000102"), 3);
	w->q.wall_us = MONDAY_8 - 1; /* the rule is for 102: nobody has sent it there */
	assert_refused(arrives(w, A, "0033", "442070000102"), ROUTE_REFUSAL_NOT_FOUND);
}

static void time_checks_that_lead_to_each_other_end(void **state)
{
	struct world *w = *state;

	put(w, &resource_time_check, TENANT, CHECK,
	    "{'name':'a','open_destination':{'kind':'time_check','id':'10'}}");
	put(w, &resource_time_check, TENANT, 10,
	    "{'name':'b','open_destination':{'kind':'time_check','id':'8'}}");
	forwards_to(w, "'cause':'always','destination':{'kind':'time_check','id':'8'}");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_LOOP);
}

static void a_custom_number_that_comes_back_is_cut(void **state)
{
	struct world *w = *state;

	forwards_to(w, "'cause':'always','destination':{'kind':'custom_dial'},'destination_number':"
		       "'102'");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_LOOP);
}

static void a_custom_number_is_no_feature_code(void **state)
{
	struct world *w = *state;

	forwards_to(w, "'cause':'always','destination':{'kind':'custom_dial'},'destination_number':"
		       "'*43'");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_NOT_FOUND);
}

/* Who calls from outside has keyed that in. */
static void who_has_no_rights_reaches_the_tenants_numbers_only(void **state)
{
	struct world *w = *state;

	w->q.is_guest = true;
	assert_rings(arrives(w, A, "0033", "103"), 3);
	rings_the_group(dial(w, "sales"));
	assert_refused(dial(w, "0033123"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(w, "*43"), ROUTE_REFUSAL_NOT_FOUND);
	assert_refused(dial(w, "*28"), ROUTE_REFUSAL_NOT_FOUND);
	w->q.from_trunk_id = 0; /* transferred */
	assert_rings(dial(w, "103"), 3);
	assert_refused(dial(w, "0033123"), ROUTE_REFUSAL_NOT_FOUND);
	/* and what 102 has set for itself it pays for itself */
	forwards_to(w, "'cause':'always','destination':{'kind':'external_number'},'destination_"
		       "number':'0033123'");
	goes_outside(dial(w, "102"));
}

static void nobody_is_asked_for_ever(void **state)
{
	struct world *w = *state;

	forwards_to(w, "'cause':'always','destination':{'kind':'ask_number'}");
	w->q.nasked = ROUTE_MAX_FORWARDS - 1;
	asks_for_a_number(dial(w, "102"));
	w->q.nasked++;
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_LOOP);
}

static void a_group_that_nobody_answers_has_a_number_outside(void **state)
{
	struct world *w = *state;
	struct dest outside = {.kind = DEST_KIND_EXTERNAL_NUMBER};

	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','routes':[{'trunk_id':'1'}]}");
	w->q.dest = &outside;
	assert_refused(dial(w, "sales"), ROUTE_REFUSAL_NOT_FOUND);
	w->q.dest_number = STR("0033123");
	assert_over(dial(w, "sales"), A, "0033123");
}

/* RNG-1; TRK-13: when it is the tenant's. */
static void a_group_is_shown_by_a_number_of_its_own(void **state)
{
	struct world *w = *state;
	struct dest outside = {.kind = DEST_KIND_EXTERNAL_NUMBER};
	const char *const shown[][2] = {
		{"442070000160", "442070000160"}, {"33123", "442070000150"}, {"", "442070000150"}};

	put_trunk(w, 2, "",
		  ",'numbers':'4420700002**','caller_id':'442070000100','more_caller_ids':'"
		  "442070000160'");
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','caller_id':'442070000150','routes':[{'trunk_id':'1'},"
	    "{'trunk_id':'2'}]}");
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		char json[128];

		(void)snprintf(json, sizeof(json),
			       "{'number':'sales','name':'Sales','outbound_caller_id':'%s'}",
			       shown[i][0]);
		put(w, &resource_ring_group, TENANT, GROUP, json);
		w->q.nhistory = 0;
		w->q.outside = STR_NONE;
		rings_the_group(dial(w, "sales"));
		w->q.dest = &outside;
		w->q.dest_number = STR("0033123");
		assert_over(fails(w, ROUTE_NO_ANSWER), A, "0033123");
		assert_string_equal(w->d.caller_id, shown[i][1]);
		w->q.dest = NULL;
		assert_over(fails(w, ROUTE_UNAVAILABLE), 2, "0033123");
		assert_string_equal(w->d.caller_id, i ? "442070000100" : shown[i][1]);
	}
}

/* An extension behind the group shows its own, or the rule's. */
static void who_sends_it_on_behind_a_group_is_shown(void **state)
{
	struct world *w = *state;
	struct dest next = {DEST_KIND_EXTENSION, 2};

	put(w, &resource_ring_group, TENANT, GROUP,
	    "{'number':'sales','name':'Sales','outbound_caller_id':'442070000160'}");
	forwards_to(w, "'cause':'always','destination':{'kind':'external_number'},'destination_"
		       "number':'0033123'");
	rings_the_group(dial(w, "sales"));
	w->q.dest = &next;
	goes_outside(fails(w, ROUTE_NO_ANSWER));
	assert_string_equal(w->d.caller_id, "442070000100");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(every_destination_from_every_origin_for_every_cause),
		T(a_time_check_leads_elsewhere_when_the_office_is_closed),
		T(an_inbound_rule_leads_to_a_time_check),
		T(time_checks_that_lead_to_each_other_end),
		T(a_custom_number_that_comes_back_is_cut),
		T(a_custom_number_is_no_feature_code),
		T(who_has_no_rights_reaches_the_tenants_numbers_only),
		T(nobody_is_asked_for_ever),
		T(a_group_that_nobody_answers_has_a_number_outside),
		T(a_group_is_shown_by_a_number_of_its_own),
		T(who_sends_it_on_behind_a_group_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
