/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/presets.h"
#include "schema/testing.h"

/* TRK-16 names them. */
static const char *const providers[] = {"QuestBlue", "Twilio",	   "Telnyx", "Vonage",
					"VoIP.ms",   "Voxtelesys", "Wavix",  "VoIP Innovations",
					"Bandwidth", "Flowroute",  "Gamma",  "Aire Networks",
					"VoiceMeUp"};

static void every_preset_makes_a_trunk(void **state)
{
	json_t *all = presets_list(), *p;
	struct field_errors errs = {.n = 0};
	size_t i;

	json_array_foreach(all, i, p)
	{
		json_t *body = json_pack("{ss ss ss}", "name", "x", "host", "sip.example", "brand",
					 json_string_value(json_object_get(p, "brand")));
		struct object *o = NULL;

		assert_int_equal(presets_fill(body), 0);
		if (object_from_json(&o, &resource_trunk, NULL, body, true, &errs))
			fail_msg("%s: %s %s", json_string_value(json_object_get(p, "brand")),
				 errs.v[0].field, errs.v[0].message);
		assert_string_equal(((struct trunk *)o)->host,
				    "sip.example"); /* what is given stays */
		object_free(o);
		json_decref(body);
	}
	json_decref(all);
}

static void every_provider_of_the_requirements_has_one(void **state)
{
	json_t *all = presets_list(), *p;
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(providers); k++) {
		bool is_there = false;

		json_array_foreach(all, i, p) is_there |=
			!strcmp(json_string_value(json_object_get(p, "name")), providers[k]);
		if (!is_there)
			fail_msg("%s", providers[k]);
	}
	json_decref(all);
}

static void what_no_preset_knows_stays_as_it_is(void **state)
{
	json_t *body = testing_json("{'name':'x','brand':'generic'}");

	assert_int_equal(presets_fill(body), 0);
	assert_int_equal(json_object_size(body), 2);
	json_decref(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_preset_makes_a_trunk),
		cmocka_unit_test(every_provider_of_the_requirements_has_one),
		cmocka_unit_test(what_no_preset_knows_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
