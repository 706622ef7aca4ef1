/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/office.h"
#include "schema/syntax.h"
#include "model/testing.h"

enum { TENANT = 9 };

/* Monday to Friday 8 to 17:30 but for the lunch of Wednesday; Friday night; the whole of Sunday. */
static const char week_json[] =
	"{'name':'w','periods':[{'weekday':'monday','opens_at':'08:00','closes_at':'17:30'},"
	"{'weekday':'tuesday','opens_at':'08:00','closes_at':'17:30'},"
	"{'weekday':'wednesday','opens_at':'08:00','closes_at':'12:00'},"
	"{'weekday':'wednesday','opens_at':'13:00','closes_at':'17:30'},"
	"{'weekday':'friday','opens_at':'22:00','closes_at':'02:00'},"
	"{'weekday':'sunday','opens_at':'00:00','closes_at':'24:00'}]}";

static int64_t at(const char *time)
{
	int64_t us;

	assert_int_equal(syntax_time(str_of(time), &us), 0);
	return us;
}

static void a_week_is_open_when_it_says(void **state)
{
	static const struct {
		const char *when; /* with its offset */
		enum office_state state;
	} rows[] = {
		{"2026-11-23T07:59:59+01:00", OFFICE_CLOSED}, /* Monday */
		{"2026-11-23T08:00:00+01:00", OFFICE_OPEN},
		{"2026-11-23T17:29:59+01:00", OFFICE_OPEN},
		{"2026-11-23T17:30:00+01:00", OFFICE_CLOSED},
		{"2026-11-25T12:30:00+01:00", OFFICE_CLOSED}, /* Wednesday's lunch */
		{"2026-11-25T13:00:00+01:00", OFFICE_OPEN},
		{"2026-11-26T10:00:00+01:00", OFFICE_CLOSED}, /* Thursday */
		{"2026-11-27T21:59:59+01:00", OFFICE_CLOSED},
		{"2026-11-27T23:00:00+01:00", OFFICE_OPEN},
		{"2026-11-28T01:59:59+01:00", OFFICE_OPEN}, /* Friday's night is on Saturday too */
		{"2026-11-28T02:00:00+01:00", OFFICE_CLOSED},
		{"2026-11-28T23:59:59+01:00", OFFICE_CLOSED},
		{"2026-11-29T00:00:00+01:00", OFFICE_OPEN}, /* Sunday */
		{"2026-11-29T23:59:59+01:00", OFFICE_OPEN},
		{"2026-11-30T00:00:00+01:00", OFFICE_CLOSED},
		{"2026-07-06T08:00:00+02:00", OFFICE_OPEN}, /* in summer an hour earlier of UTC */
		{"2026-07-06T07:59:59+02:00", OFFICE_CLOSED},
		{"2026-03-30T08:00:00+02:00", OFFICE_OPEN}, /* the Monday after the change */
		{"2026-03-30T07:59:59+02:00", OFFICE_CLOSED},
		{"2026-10-26T08:00:00+01:00", OFFICE_OPEN},
		{"2026-10-26T07:59:59+01:00", OFFICE_CLOSED},
	};
	struct object *week = testing_make(&resource_office_hours, week_json);
	struct zone *berlin;

	assert_int_equal(zone_open(&berlin, "Europe/Berlin"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (office_at(berlin, (struct office_hours *)week, NULL, 0, at(rows[i].when),
			      NULL) != rows[i].state)
			fail_msg("%s", rows[i].when);
	object_free(week);
	zone_close(berlin);
}

static void on_a_holiday_it_is_closed(void **state)
{
	static const struct {
		const char *holiday, *when;
		bool is_holiday;
	} rows[] = {
		{"{'name':'h','day':'2026-11-29'}", "2026-11-28T23:59:59+01:00", false},
		{"{'name':'h','day':'2026-11-29'}", "2026-11-29T00:00:00+01:00", true},
		{"{'name':'h','day':'2026-11-29'}", "2026-11-29T23:59:59+01:00", true},
		{"{'name':'h','day':'2026-11-29'}", "2026-11-30T00:00:00+01:00", false},
		{"{'name':'h','day':'2026-11-29'}", "2027-11-29T12:00:00+01:00", false},
		{"{'name':'h','day':'2020-11-29','every_year':true}", "2026-11-29T12:00:00+01:00",
		 true},
		{"{'name':'h','day':'2026-11-29','starts_at':'12:00'}", "2026-11-29T11:59:59+01:00",
		 false},
		{"{'name':'h','day':'2026-11-29','starts_at':'12:00'}", "2026-11-29T12:00:00+01:00",
		 true},
		{"{'name':'h','day':'2026-11-29','ends_at':'12:00'}", "2026-11-29T12:00:00+01:00",
		 false},
		{"{'name':'h','day':'2028-02-29','every_year':true}", "2027-03-01T12:00:00+01:00",
		 false},
		{"{'name':'h','day':'2028-02-29','every_year':true}", "2032-02-29T12:00:00+01:00",
		 true},
	};
	struct zone *berlin;

	assert_int_equal(zone_open(&berlin, "Europe/Berlin"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct object *o = testing_make(&resource_holiday, rows[i].holiday);
		const struct holiday *h = (const struct holiday *)o, *reason = NULL;
		bool is =
			office_at(berlin, NULL, &h, 1, at(rows[i].when), &reason) == OFFICE_HOLIDAY;

		if (is != rows[i].is_holiday || (is && reason != h))
			fail_msg("%s at %s", rows[i].holiday, rows[i].when);
		object_free(o);
	}
	zone_close(berlin);
}

/* ---- in the model ---- */

static enum office_state sunday(const struct model *m, uint64_t hours_id)
{
	return model_office(m, TENANT, hours_id, at("2026-11-29T23:30:00Z"), NULL);
}

static void changes_count_at_once(void **state)
{
	const struct holiday *reason = NULL;
	struct model *m;

	assert_int_equal(model_alloc(&m), 0);
	assert_int_equal(sunday(m, 0), OFFICE_OPEN); /* nobody knows the tenant */
	testing_put(m, &resource_tenant, 0, TENANT, "{'name':'a','domain':'a.example'}");
	assert_int_equal(sunday(m, 0), OFFICE_OPEN); /* it has no week */
	testing_put(m, &resource_office_hours, TENANT, 1, week_json);
	assert_int_equal(sunday(m, 0), OFFICE_OPEN); /* which is not its default */
	testing_put(m, &resource_office_hours, TENANT, 2, "{'name':'never','is_default':true}");
	assert_int_equal(sunday(m, 0), OFFICE_CLOSED);
	assert_int_equal(sunday(m, 1), OFFICE_OPEN);
	testing_put(m, &resource_tenant, 0, TENANT,
		    "{'name':'a','domain':'a.example','time_zone':'Asia/Tokyo'}");
	assert_int_equal(sunday(m, 1), OFFICE_OPEN); /* Monday 8:30 there */
	testing_put(m, &resource_tenant, 0, TENANT,
		    "{'name':'a','domain':'a.example','time_zone':'Asia/Dubai'}");
	assert_int_equal(sunday(m, 1), OFFICE_CLOSED); /* Monday 3:30 */
	testing_put(m, &resource_holiday, TENANT, 5, "{'name':'party','day':'2026-11-30'}");
	testing_put(m, &resource_holiday, TENANT, 6, "{'name':'other','day':'2026-12-30'}");
	assert_int_equal(model_office(m, TENANT, 1, at("2026-11-29T23:30:00Z"), &reason),
			 OFFICE_HOLIDAY);
	assert_string_equal(reason->name, "party");
	testing_put(m, &resource_holiday, TENANT, 5, NULL);
	assert_int_equal(sunday(m, 1), OFFICE_CLOSED);
	testing_put(m, &resource_office_hours, TENANT, 2, NULL);
	assert_int_equal(sunday(m, 0), OFFICE_OPEN);
	testing_put(m, &resource_tenant, 0, TENANT, NULL);
	assert_int_equal(sunday(m, 1), OFFICE_OPEN);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week_is_open_when_it_says),
		cmocka_unit_test(on_a_holiday_it_is_closed),
		cmocka_unit_test(changes_count_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
