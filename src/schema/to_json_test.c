/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/object.h"
#include "schema/record.h"
#include "schema/testing.h"

/* The same value, whatever the order of keys. */
static void is_json(json_t *j, const char *expected)
{
	json_t *want = testing_json(expected);
	char *text;

	assert_non_null(j);
	text = json_dumps(j, JSON_SORT_KEYS);
	if (!json_equal(j, want))
		fail_msg("got %s", text);
	free(text);
	json_decref(want);
	json_decref(j);
}

/* At least these keys, with these values: resources grow fields without a change here. */
static void holds_json(json_t *j, const char *expected)
{
	json_t *want = testing_json(expected), *v;
	const char *key;

	assert_non_null(j);
	json_object_foreach(want, key, v)
	{
		if (!json_equal(json_object_get(j, key), v))
			fail_msg("%s differs", key);
	}
	json_decref(want);
	json_decref(j);
}

static void every_field_is_shown_but_secrets(void **state)
{
	struct object *o =
		testing_make(&resource_account, "{'username':'101','password':'hidden77',"
						"'extension_id':'9223372036854775807'}");
	json_t *j;

	o->id = INT64_MAX;
	o->revision = 12;
	holds_json(object_to_json(o),
		   "{'id':'9223372036854775807','revision':12,'username':'101',"
		   "'extension_id':'9223372036854775807','system_name':'','enabled':true,"
		   "'max_contacts':10,'min_expires':60,'max_expires':3600}");
	j = object_to_json(o);
	assert_null(json_object_get(j, "password"));
	assert_int_equal(json_object_size(j), 2 + o->res->nfields - 1);
	json_decref(j);
	object_free(o);
}

static void lists_destinations_and_nothing_are_shown(void **state)
{
	struct object *o =
		testing_make(&resource_ring_group, "{'number':'600','name':'\\'','members':["
						   "{'extension_id':'4'},{'extension_id':'2'}]}");

	o->id = 1;
	holds_json(object_to_json(o),
		   "{'id':'1','revision':0,'number':'600','name':'\\'','strategy':'simultaneous',"
		   "'ring_seconds':20,'no_answer':{'kind':'hangup'},'members':["
		   "{'extension_id':'4'},{'extension_id':'2'}]}");
	((struct ring_group *)o)->no_answer = (struct dest){DEST_KIND_RING_GROUP, 77};
	is_json(field_to_json(o, resource_field(o->res, STR("no_answer"))),
		"{'kind':'ring_group','id':'77'}");
	object_free(o);
}

static void a_record_shows_its_times_and_ids(void **state)
{
	struct segment_record s = {.tenant_id = 1,
				   .id = 5,
				   .call_id = 6,
				   .leg_a = 7,
				   .service = "echo",
				   .started_at = 1700000000123456};

	holds_json(record_to_json(&record_tables[RECORD_SEGMENT], &s),
		   "{'id':'5','call_id':'6','position':0,'leg_a':'7','leg_b':null,'service':'echo',"
		   "'started_at':'2023-11-14T22:13:20.123Z','ended_at':null}");
}

static void a_record_is_shown_whatever_a_device_sent(void **state)
{
	struct leg_record l = {.id = 5, .user_agent = "caf\xe9 \x01", .sip_call_id = "\xc3"};

	holds_json(record_to_json(&record_tables[RECORD_LEG], &l),
		   "{'id':'5','user_agent':'caf? ?','sip_call_id':'?'}");
}

static void a_difference_names_what_changed(void **state)
{
	struct object *a = testing_make(&resource_account, "{'username':'101','max_contacts':1}");
	struct object *b = object_clone(a);

	is_json(object_diff(a, b), "{}");
	((struct account *)b)->max_contacts = 2;
	((struct account *)b)->extension_id = 4;
	assert_int_equal(object_set_text(b, resource_field(b->res, STR("password")), STR("new")),
			 0);
	is_json(object_diff(a, b),
		"{'max_contacts':[1,2],'extension_id':[null,'4'],'password':true}");
	object_free(a);
	object_free(b);
}

static void what_is_made_or_gone_is_shown_whole(void **state)
{
	struct object *a = testing_make(
		&resource_ring_group, "{'number':'6','name':'S','members':[{'extension_id':'4'}]}");
	struct object *x =
		testing_make(&resource_extension, "{'number':'1','password':'secret12'}");
	json_t *j;

	holds_json(object_diff(NULL, a),
		   "{'number':[null,'6'],'name':[null,'S'],'strategy':[null,'simultaneous'],"
		   "'members':[null,[{'extension_id':'4'}]],'ring_seconds':[null,20],"
		   "'no_answer':[null,{'kind':'hangup'}]}");
	j = object_diff(a, NULL);
	is_json(json_incref(json_object_get(j, "number")), "['6',null]");
	json_decref(j);
	j = object_diff(NULL, x);
	assert_null(json_object_get(j, "password")); /* not stored with it */
	json_decref(j);
	object_free(a);
	object_free(x);
}

static void errors_become_a_list(void **state)
{
	struct field_errors errs = {0};

	field_error_add(&errs, "a.b", "taken", "is \"taken\" by %d", 5);
	is_json(field_errors_to_json(&errs),
		"{'errors':[{'field':'a.b','code':'taken','message':'is \\'taken\\' by 5'}]}");
}

/* --- OpenAPI --- */

static json_t *property(json_t *schema, const char *name)
{
	return json_object_get(json_object_get(schema, "properties"), name);
}

static bool is_required(json_t *schema, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(schema, "required"), i, v)
	{
		if (!strcmp(json_string_value(v), name))
			return true;
	}
	return false;
}

/* For every resource: what is shown is described, and nothing else. */
static void the_schema_describes_what_is_shown(void **state)
{
	for (size_t i = 0; resources[i]; i++) {
		struct object *o = object_alloc(resources[i]);
		json_t *shown, *schema = resource_openapi(resources[i], false);
		const char *key;
		json_t *v;

		o->id = 1;
		shown = object_to_json(o);
		json_object_foreach(shown, key, v)
		{
			assert_non_null(property(schema, key));
			assert_true(is_required(schema, key));
		}
		json_object_foreach(json_object_get(schema, "properties"), key, v)
		{
			assert_true(is_required(schema, key) == !!json_object_get(shown, key));
			assert_true(json_object_get(shown, key) || strstr(key, "password") ||
				    !strcmp(key, "key") || !strcmp(key, "secret"));
		}
		json_decref(shown);
		json_decref(schema);
		object_free(o);
	}
}

/* For every field: the limits that the schema tells are those that the reader keeps. */
static void the_schema_tells_the_limits_that_are_kept(void **state)
{
	size_t checked = 0;

	for (size_t i = 0; resources[i]; i++) {
		json_t *schema = resource_openapi(resources[i], true);

		for (size_t k = 0; k < resources[i]->nfields; k++) {
			const struct field *f = &resources[i]->fields[k];
			json_t *p = property(schema, f->name);
			char json[96];
			struct field_errors errs = {0};

			assert_true(!p == !!(f->flags & READ_ONLY));
			assert_true(is_required(schema, f->name) == !!(f->flags & REQUIRED));
			if (!p || f->kind != FIELD_INT || f->max == INT64_MAX)
				continue;
			checked++;
			snprintf(json, sizeof(json), "{'%s':%lld}", f->name,
				 (long long)json_integer_value(json_object_get(p, "maximum")) + 1);
			object_free(testing_read(resources[i], NULL, json, true, &errs));
			assert_string_equal(errs.v[0].code, "out_of_range");
			snprintf(json, sizeof(json), "{'%s':%lld}", f->name,
				 (long long)json_integer_value(json_object_get(p, "maximum")));
			object_free(testing_read(resources[i], NULL, json, true, &errs));
			assert_true(!errs.n || strcmp(errs.v[0].field, f->name));
		}
		json_decref(schema);
	}
	assert_true(checked > 5);
}

static void secrets_are_written_only(void **state)
{
	json_t *in = resource_openapi(&resource_admin, true),
	       *out = resource_openapi(&resource_admin, false);

	is_json(json_incref(property(in, "password")),
		"{'type':'string','minLength':8,'maxLength':128,'writeOnly':true,"
		"'description':'sign-in password; stored as argon2id, never returned'}");
	assert_null(property(out, "password"));
	json_decref(in);
	json_decref(out);
}

static void records_are_described_too(void **state)
{
	for (size_t i = 0; i < RECORD_NTABLES; i++) {
		json_t *j = record_openapi(&record_tables[i]);

		assert_int_equal(json_object_size(json_object_get(j, "properties")),
				 record_tables[i].nfields + 1);
		json_decref(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_shown_but_secrets),
		cmocka_unit_test(lists_destinations_and_nothing_are_shown),
		cmocka_unit_test(a_record_shows_its_times_and_ids),
		cmocka_unit_test(a_record_is_shown_whatever_a_device_sent),
		cmocka_unit_test(a_difference_names_what_changed),
		cmocka_unit_test(what_is_made_or_gone_is_shown_whole),
		cmocka_unit_test(errors_become_a_list),
		cmocka_unit_test(the_schema_describes_what_is_shown),
		cmocka_unit_test(the_schema_tells_the_limits_that_are_kept),
		cmocka_unit_test(secrets_are_written_only),
		cmocka_unit_test(records_are_described_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
