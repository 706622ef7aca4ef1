/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "route/testing.h"

/* 102 with these lines; its number outside is 442070000102. */
static void forwards(struct world *w, const char *lines)
{
	char json[2048];

	snprintf(json, sizeof(json),
		 "{'number':'102','ring_seconds':12,'outbound_caller_id':'442070000102',%s}",
		 lines);
	put(w, &resource_extension, TENANT, 2, json);
}

static void put_all(struct world *w)
{
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6'}");
	put(w, &resource_trunk, 0, 2, "{'name':'two','host':'10.0.0.7'}");
	put(w, &resource_did_pool, TENANT, 31, "{'trunk_id':'1','numbers':'4420700001**'}");
	put(w, &resource_did_pool, TENANT, 32, "{'trunk_id':'2','numbers':'4420700001**'}");
	put(w, &resource_outbound_rule, TENANT, 41,
	    "{'name':'world','prefixes':'00','extensions':'102-109','routes':[{'trunk_id':'1'},{'"
	    "trunk_id':'2'}]}");
	put(w, &resource_extension, TENANT, 1, "{'number':'101'}");
	put(w, &resource_extension, TENANT, 2,
	    "{'number':'102','ring_seconds':12,'outbound_caller_id':'442070000102'}");
	put(w, &resource_extension, TENANT, 3, "{'number':'103'}");
	put(w, &resource_extension, TENANT, 4, "{'number':'104'}");
	put(w, &resource_ring_group, TENANT, 7, "{'number':'600','name':'Sales'}");
}

static int open_world(void **state)
{
	return world_open(state, put_all);
}

#define TO(cause, more, id)                                                                        \
	"{'cause':'" cause "'" more ",'destination':{'kind':'extension','id':'" #id "'}}"

static void always_goes_before_any_device_rings(void **state)
{
	struct world *w = *state;
	const struct route_decision *d;

	forwards(w, "'forwards':[" TO("always", "", 3) "]");
	d = dial(w, "102");
	assert_rings(d, 3);
	assert_int_equal(d->nvia, 1);
	assert_string_equal(d->via[0].number, "102");
	assert_true(d->via[0].is_always);
	assert_int_equal(d->on_behalf_id, 2);
}

static void each_cause_has_its_line(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[" TO("no_answer", ",'seconds':7",
				      1) "," TO("busy", "", 3) "," TO("unavailable", "", 4) "]");
	w->q.caller_extension_id = 4;
	assert_int_equal(dial(w, "102")->ring_seconds, 7);
	assert_rings(fails(w, ROUTE_NO_ANSWER), 1);
	w->q.nhistory = 0;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_BUSY), 3);
	w->q.nhistory = 0;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_DECLINED), 3); /* 603 counts as busy */
	w->q.nhistory = 0;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_UNAVAILABLE), 4);
	w->q.nhistory = 0;
	w->supposed.is_gone[2] = true;
	assert_rings(dial(w, "102"), 4);
}

static void a_busy_level_is_the_busy_line(void **state)
{
	struct world *w = *state;

	forwards(w, "'busy_level':1,'forwards':[" TO("busy", "", 3) "]");
	w->supposed.calls_of[2] = 1;
	assert_rings(dial(w, "102"), 3);
	forwards(w, "'busy_level':1,'forwards':[" TO("no_answer", "", 3) "]");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_BUSY);
}

static void do_not_disturb_is_busy(void **state)
{
	struct world *w = *state;

	forwards(w, "'status':'do_not_disturb'");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_BUSY);
	forwards(w, "'status':'do_not_disturb','forwards':[" TO("busy", "", 4) "]");
	assert_rings(dial(w, "102"), 4);
}

static void the_status_weighs_more_than_the_origin_and_both_more_than_any(void **state)
{
	struct world *w = *state;

	forwards(w, "'status':'lunch','forwards':[" TO("busy", "", 1) "," TO(
			    "busy", ",'origin':'internal'", 3) "," TO("busy", ",'status':'lunch'",
								      4) "]");
	w->q.caller_extension_id = 3;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_BUSY), 4);
	forwards(w, "'status':'away','forwards':[" TO("busy", "", 1) "," TO(
			    "busy", ",'origin':'internal'", 3) "," TO("busy", ",'status':'lunch'",
								      4) "]");
	w->q.nhistory = 0;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_BUSY), 3);
	w->q.nhistory = 0;
	w->q.is_transfer = true;
	dial(w, "102");
	assert_rings(fails(w, ROUTE_BUSY), 1);
}

static void external_callers_have_lines_of_their_own(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[" TO("always", ",'origin':'external'", 4) "]");
	assert_rings(dial(w, "102"), 2);
	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'in','trunk_id':'1','did':'442070000102','destination':{'kind':'extension','"
	    "id':'2'}}");
	w->q.from_trunk_id = 1;
	w->q.caller_extension_id = 0;
	w->q.caller = STR("+33123");
	assert_rings(dial(w, "442070000102"), 4);
}

static void not_registered_is_a_status_of_its_own(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[" TO("unavailable", "",
				      3) "," TO("always", ",'status':'not_registered'", 4) "]");
	assert_rings(dial(w, "102"), 2);
	w->supposed.is_gone[2] = true;
	assert_rings(dial(w, "102"), 4);
}

static void exceptions_go_before_everything(void **state)
{
	struct world *w = *state;

	forwards(w, "'status':'do_not_disturb','forwards':[" TO(
			    "always", "", 3) "],'exceptions':[{'caller_mask':'101','destination':{'"
					     "kind':'extension','id':'4'}}]");
	assert_rings(dial(w, "102"), 4);
	w->q.caller = STR("107");
	assert_rings(dial(w, "102"), 3);
}

static void an_exception_may_be_a_mask_of_the_world(void **state)
{
	struct world *w = *state;

	forwards(w,
		 "'exceptions':[{'caller_mask':'0033*********','destination':{'kind':'hangup'}}]");
	w->q.caller = STR("+33123456789");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_NORMAL);
	w->q.caller = STR("+44123456789");
	assert_rings(dial(w, "102"), 2);
}

#define WORLD "'destination':{'kind':'external_number'},'destination_number':'0033123'"

static void a_number_outside_goes_by_the_rules_of_who_forwards(void **state)
{
	struct world *w = *state;
	const struct route_decision *d;

	forwards(w, "'forwards':[{'cause':'always'," WORLD "}]");
	d = dial(w, "102"); /* the rule is for 102, not for 101 who calls */
	assert_int_equal(d->action, ROUTE_TRUNK);
	assert_int_equal(d->trunk_id, 1);
	assert_string_equal(d->number, "0033123");
	assert_string_equal(d->caller_id, "442070000102");
	d = fails(w, ROUTE_UNAVAILABLE);
	assert_int_equal(d->action, ROUTE_TRUNK);
	assert_int_equal(d->trunk_id, 2);
	assert_string_equal(d->number, "0033123");
	assert_string_equal(d->caller_id, "442070000102");
	assert_int_equal(fails(w, ROUTE_UNAVAILABLE)->action, ROUTE_GIVE_UP);
	w->q.nhistory = 0;
	w->q.outside = STR_NONE;
	assert_refused(dial(w, "0033123"), ROUTE_REFUSAL_NOT_FOUND); /* by himself 101 may not */
}

static void a_busy_number_outside_ends_the_call(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[{'cause':'always'," WORLD "}]");
	assert_int_equal(dial(w, "102")->action, ROUTE_TRUNK);
	assert_int_equal(fails(w, ROUTE_BUSY)->action, ROUTE_GIVE_UP);
}

static void a_circle_is_cut(void **state)
{
	struct world *w = *state;
	const struct route_decision *d;

	forwards(w, "'forwards':[" TO("always", "", 3) "]");
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','forwards':[" TO("always", "", 2) "]}");
	d = dial(w, "102");
	assert_refused(d, ROUTE_REFUSAL_LOOP);
	assert_int_equal(d->nvia, 2);
	assert_string_equal(d->steps[d->nsteps - 1].verdict, "it has been there already");
}

static void a_circle_over_devices_is_cut(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[" TO("no_answer", "", 3) "]");
	put(w, &resource_extension, TENANT, 3,
	    "{'number':'103','forwards':[" TO("busy", "", 2) "]}");
	assert_rings(dial(w, "102"), 2);
	assert_rings(fails(w, ROUTE_NO_ANSWER), 3);
	assert_refused(fails(w, ROUTE_BUSY), ROUTE_REFUSAL_LOOP);
}

static void ten_times_is_enough(void **state)
{
	struct world *w = *state;
	const struct route_decision *d;
	char json[256];

	for (unsigned i = 2; i < 15; i++) {
		snprintf(json, sizeof(json),
			 "{'number':'1%02u','forwards':[{'cause':'always','destination':{'kind':'"
			 "extension','id':'%u'}}]}",
			 i, i + 1);
		put(w, &resource_extension, TENANT, i, json);
	}
	put(w, &resource_extension, TENANT, 15, "{'number':'115'}");
	d = dial(w, "102");
	assert_refused(d, ROUTE_REFUSAL_LOOP);
	assert_int_equal(d->nvia, ROUTE_MAX_FORWARDS);
	assert_rings(dial(w, "106") /* 106 … 114 are nine */, 15);
}

static void a_disabled_extension_forwards_nothing(void **state)
{
	struct world *w = *state;

	forwards(w, "'enabled':false,'forwards':[" TO("always", "", 3) "]");
	assert_refused(dial(w, "102"), ROUTE_REFUSAL_DISABLED);
}

static void a_group_may_be_where_it_goes(void **state)
{
	struct world *w = *state;

	forwards(w, "'forwards':[{'cause':'busy','destination':{'kind':'ring_group','id':'7'}}]");
	dial(w, "102");
	assert_int_equal(fails(w, ROUTE_BUSY)->action, ROUTE_SERVICE);
}

static void a_device_that_has_moved_names_its_numbers(void **state)
{
	struct world *w = *state;
	struct str numbers[] = {STR("102"), STR("*43"), STR("103"), STR("0033123")};

	assert_rings(dial(w, "102"), 2);
	w->q.moved = numbers;
	w->q.nmoved = 2;
	assert_int_equal(fails(w, ROUTE_MOVED)->action, ROUTE_REFUSE); /* no feature code */
	assert_int_equal(w->d.nmoved, 2);
}

static void the_next_number_is_tried_when_the_first_comes_to_nothing(void **state)
{
	struct world *w = *state;
	struct str numbers[] = {STR("102"), STR("103"), STR("0033123")};

	assert_rings(dial(w, "102"), 2);
	w->q.moved = numbers;
	w->q.nmoved = 3;
	assert_rings(fails(w, ROUTE_MOVED), 3); /* not back to 102 */
	assert_int_equal(w->d.nmoved, 2);
	assert_int_equal(w->d.on_behalf_id, 2);
	w->q.moved = numbers + 2;
	w->q.nmoved = 1;
	fails(w, ROUTE_BUSY);
	assert_int_equal(w->d.action, ROUTE_TRUNK); /* 102 may call there, 101 may not */
	assert_string_equal(w->d.caller_id, "442070000102");
	w->q.nmoved = 0;
	w->d.dest.id = 5;
	assert_int_equal(fails(w, ROUTE_BUSY)->action, ROUTE_GIVE_UP);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(a_device_that_has_moved_names_its_numbers),
		T(the_next_number_is_tried_when_the_first_comes_to_nothing),
		T(always_goes_before_any_device_rings),
		T(each_cause_has_its_line),
		T(a_busy_level_is_the_busy_line),
		T(do_not_disturb_is_busy),
		T(the_status_weighs_more_than_the_origin_and_both_more_than_any),
		T(external_callers_have_lines_of_their_own),
		T(not_registered_is_a_status_of_its_own),
		T(exceptions_go_before_everything),
		T(an_exception_may_be_a_mask_of_the_world),
		T(a_number_outside_goes_by_the_rules_of_who_forwards),
		T(a_busy_number_outside_ends_the_call),
		T(a_circle_is_cut),
		T(a_circle_over_devices_is_cut),
		T(ten_times_is_enough),
		T(a_disabled_extension_forwards_nothing),
		T(a_group_may_be_where_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
