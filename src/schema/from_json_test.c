/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/object.h"
#include "schema/testing.h"

static void post_refused(const struct resource *r, const char *text, const char *field,
			 const char *code)
{
	testing_refused(r, NULL, true, text, field, code);
}

static void missing_fields_take_their_defaults(void **state)
{
	struct extension *x =
		(struct extension *)testing_make(&resource_extension, "{'number':'101'}");

	assert_string_equal(x->number, "101");
	assert_int_equal(x->ring_seconds, 30);
	assert_true(x->enabled);
	object_free(&x->o);
}

static void a_change_leaves_other_fields_alone(void **state)
{
	struct field_errors errs;
	struct object *base = testing_make(&resource_extension, "{'number':'101','last_name':'Ng',"
								"'ring_seconds':45}");
	struct extension *x;

	base->tenant_id = 3;
	base->id = 77;
	x = (struct extension *)testing_read(&resource_extension, base,
					     "{'first_name':'Zoë','ring_seconds':null}", false,
					     &errs);
	assert_non_null(x);
	assert_string_equal(x->first_name, "Zoë");
	assert_string_equal(x->last_name, "Ng");
	assert_string_equal(x->number, "101");
	assert_int_equal(x->ring_seconds, 30); /* null: the default */
	assert_int_equal(x->o.id, 77);
	assert_int_equal(x->o.tenant_id, 3);
	assert_int_equal(((struct extension *)base)->ring_seconds, 45);
	object_free(&x->o);
	object_free(base);
}

static void every_kind_of_mistake_is_named(void **state)
{
	const struct resource *x = &resource_extension, *t = &resource_tenant;

	post_refused(x, "{}", "number", "required");
	post_refused(x, "{'number':''}", "number", "required");
	post_refused(x, "{'number':null}", "number", "required");
	post_refused(x, "{'number':101}", "number", "wrong_type");
	post_refused(x, "{'number':'101','numbr':'102'}", "numbr", "unknown_field");
	post_refused(x, "{'number':'10*'}", "number", "bad_number");
	post_refused(x, "{'number':'#10'}", "number", "bad_number");
	post_refused(x, "{'number':'1 0'}", "number", "bad_number");
	post_refused(x, "{'number':'é'}", "number", "bad_number");
	post_refused(x, "{'number':'123456789012345678901234567890123'}", "number", "too_long");
	post_refused(x, "{'number':'1','first_name':'a\\u0007'}", "first_name", "bad_text");
	post_refused(x, "{'number':'1','first_name':'a\\u2028'}", "first_name", "bad_text");
	post_refused(x, "{'number':'1','gender':'both'}", "gender", "not_in_list");
	post_refused(x, "{'number':'1','gender':2}", "gender", "wrong_type");
	post_refused(x, "{'number':'1','email':'a@'}", "email", "bad_email");
	post_refused(x, "{'number':'1','enabled':1}", "enabled", "wrong_type");
	post_refused(x, "{'number':'1','ring_seconds':'30'}", "ring_seconds", "not_a_number");
	post_refused(x, "{'number':'1','ring_seconds':30.5}", "ring_seconds", "not_a_number");
	post_refused(x, "{'number':'1','ring_seconds':4}", "ring_seconds", "out_of_range");
	post_refused(x, "{'number':'1','ring_seconds':601}", "ring_seconds", "out_of_range");
	post_refused(x, "{'number':'1','id':'5'}", "id", "read_only");
	post_refused(x, "[]", "", "wrong_type");
	post_refused(x, "null", "", "wrong_type");
	post_refused(t, "{'name':'a','domain':'a b'}", "domain", "bad_hostname");
	post_refused(t, "{'name':'a','domain':'a.b','time_zone':'Mars/Base'}", "time_zone",
		     "bad_time_zone");
	post_refused(t, "{'name':'a','domain':'a.b','country':'fr'}", "country", "bad_code");
	post_refused(t, "{'name':'a','domain':'a.b','currency':'EU'}", "currency", "bad_code");
	post_refused(&resource_account, "{'username':'a b'}", "username", "bad_user");
	post_refused(&resource_account, "{'username':'a','extension_id':5}", "extension_id",
		     "wrong_type");
	post_refused(&resource_account, "{'username':'a','extension_id':'0'}", "extension_id",
		     "bad_id");
	post_refused(&resource_account, "{'username':'a','extension_id':'9223372036854775808'}",
		     "extension_id", "bad_id");
	post_refused(&resource_account, "{'username':'a','min_expires':200,'max_expires':100}",
		     "min_expires", "out_of_range");
}

static void mistakes_inside_lists_and_destinations_say_where(void **state)
{
	const struct resource *g = &resource_ring_group;
	struct field_errors errs;

	post_refused(g, "{'number':'6','name':'S','members':[{'extension_id':'1'},{}]}",
		     "members[1].extension_id", "required");
	post_refused(g, "{'number':'6','name':'S','members':[{'extension_id':'x'}]}",
		     "members[0].extension_id", "bad_id");
	post_refused(g, "{'number':'6','name':'S','members':[{'extension_id':'1','id':'2'}]}",
		     "members[0].id", "unknown_field");
	post_refused(g, "{'number':'6','name':'S','members':['1']}", "members[0]", "wrong_type");
	post_refused(g, "{'number':'6','name':'S','members':{}}", "members", "wrong_type");
	post_refused(g,
		     "{'number':'6','name':'S','members':[{'extension_id':'1'},"
		     "{'extension_id':'2'},{'extension_id':'1'}]}",
		     "members[2]", "repeated");
	post_refused(g, "{'number':'6','name':'S','no_answer':'hangup'}", "no_answer",
		     "wrong_type");
	post_refused(g, "{'number':'6','name':'S','no_answer':{}}", "no_answer.kind", "required");
	post_refused(g, "{'number':'6','name':'S','no_answer':{'kind':'moon'}}", "no_answer.kind",
		     "not_in_list");
	post_refused(g, "{'number':'6','name':'S','no_answer':{'kind':'extension'}}",
		     "no_answer.id", "required");
	post_refused(g, "{'number':'6','name':'S','no_answer':{'kind':'extension','id':7}}",
		     "no_answer.id", "wrong_type");
	post_refused(g, "{'number':'6','name':'S','no_answer':{'kind':'hangup','id':'7'}}",
		     "no_answer.id", "unknown_field");
	post_refused(g, "{'number':'6','name':'S','no_answer':{'kind':'hangup','x':1}}",
		     "no_answer", "unknown_field");

	/* All at once, each named. */
	assert_null(testing_read(g, NULL, "{'numbr':1,'name':7,'ring_seconds':0}", true, &errs));
	assert_int_equal(errs.n, 4);
}

static void a_list_longer_than_its_limit_is_refused(void **state)
{
	struct field_errors errs = {0};
	struct object *o = NULL;
	json_t *members = json_array();
	json_t *j = json_pack("{s:s,s:s,s:o}", "number", "6", "name", "S", "members", members);

	for (int i = 1; i <= 201; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		if (i == 201) {
			assert_int_equal(
				object_from_json(&o, &resource_ring_group, NULL, j, false, &errs),
				0);
			o = object_free(o);
		}
		json_array_append_new(members, json_pack("{s:s}", "extension_id", id));
	}
	assert_int_equal(object_from_json(&o, &resource_ring_group, NULL, j, false, &errs), EINVAL);
	assert_string_equal(errs.v[0].code, "too_many");
	json_decref(j);
}

static void a_list_is_replaced_as_a_whole(void **state)
{
	struct field_errors errs;
	struct object *base =
		testing_make(&resource_ring_group, "{'number':'6','name':'S','members':["
						   "{'extension_id':'1'},{'extension_id':'2'}]}");
	struct ring_group *g = (struct ring_group *)testing_read(
		base->res, base, "{'members':[{'extension_id':'2'}]}", false, &errs);

	assert_int_equal(g->members.n, 1);
	assert_int_equal(((struct ring_group_member *)g->members.v[0])->extension_id, 2);
	object_free(&g->o);
	g = (struct ring_group *)testing_read(base->res, base, "{'members':null}", false, &errs);
	assert_int_equal(g->members.n, 0);
	object_free(&g->o);
	object_free(base);
}

static void only_an_administrator_sets_limits(void **state)
{
	struct field_errors errs;
	struct object *base = testing_make(&resource_tenant,
					   "{'name':'a','domain':'a.example','max_extensions':5}");
	struct object *o;

	testing_refused(base->res, base, false, "{'max_extensions':6}", "max_extensions",
			"admin_only");
	o = testing_read(base->res, base, "{'max_extensions':6}", true, &errs);
	assert_int_equal(((struct tenant *)o)->max_extensions, 6);
	object_free(o);
	/* What was read may be sent back. */
	o = testing_read(base->res, base, "{'max_extensions':5,'company':'A'}", false, &errs);
	assert_non_null(o);
	object_free(o);
	object_free(base);
}

static void what_was_read_can_be_sent_back(void **state)
{
	struct field_errors errs = {0};
	struct object *o = NULL;
	struct object *base =
		testing_make(&resource_ring_group, "{'number':'6','name':'S','members':["
						   "{'extension_id':'1'}],'no_answer':"
						   "{'kind':'extension','id':'4'}}");
	json_t *j;

	base->id = 42;
	base->revision = 9;
	j = object_to_json(base);
	assert_int_equal(object_from_json(&o, base->res, base, j, false, &errs), 0);
	for (size_t i = 0; i < base->res->nfields; i++)
		assert_true(field_equal(base, o, &base->res->fields[i]));
	json_decref(j);
	testing_refused(base->res, base, true, "{'id':'43'}", "id", "read_only");
	testing_refused(base->res, base, true, "{'revision':8}", "revision", "read_only");
	object_free(o);
	object_free(base);
}

static void some_fields_are_taken_only_at_the_start(void **state)
{
	struct object *base =
		testing_make(&resource_extension, "{'number':'101','password':'secret99'}");

	assert_string_equal(((struct extension *)base)->password, "secret99");
	testing_refused(base->res, base, true, "{'password':'other'}", "password", "create_only");
	object_free(base);
}

static void host_names_are_kept_in_lower_case(void **state)
{
	struct object *o =
		testing_make(&resource_tenant, "{'name':'Acme','domain':'PBX.Acme.Example'}");

	assert_string_equal(((struct tenant *)o)->domain, "pbx.acme.example");
	assert_string_equal(((struct tenant *)o)->name, "Acme");
	object_free(o);
}

static int fake_hash(struct str clear, char **hashp, void *arg)
{
	++*(int *)arg;
	return asprintf(hashp, "$argon2id$%zu", clear.n) < 0 ? ENOMEM : 0;
}

static void passwords_are_hashed_in_the_body(void **state)
{
	struct field_errors errs = {0};
	json_t *j = testing_json("{'username':'ann','password':'correct horse'}");
	int calls = 0;

	assert_true(resource_has_password(&resource_admin));
	assert_false(resource_has_password(&resource_account));
	assert_int_equal(object_hash_passwords(&resource_admin, j, fake_hash, &calls, &errs), 0);
	assert_int_equal(calls, 1);
	assert_string_equal(json_string_value(json_object_get(j, "password")), "$argon2id$13");
	json_object_set_new(j, "password", json_string("short"));
	assert_int_equal(object_hash_passwords(&resource_admin, j, fake_hash, &calls, &errs),
			 EINVAL);
	assert_string_equal(errs.v[0].code, "too_short");
	assert_int_equal(calls, 1);
	json_object_del(j, "password");
	assert_int_equal(object_hash_passwords(&resource_admin, j, fake_hash, &calls, &errs), 0);
	assert_int_equal(calls, 1);
	json_decref(j);
}

static void more_errors_than_fit_are_dropped(void **state)
{
	struct field_errors errs = {0};

	for (int i = 0; i < 40; i++)
		field_error_add(&errs, "x\n", "code", "%d\xff", i);
	assert_int_equal(errs.n, ARRAY_LEN(errs.v));
	assert_string_equal(errs.v[15].message, "15?");
	assert_string_equal(errs.v[0].field, "x?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_fields_take_their_defaults),
		cmocka_unit_test(a_change_leaves_other_fields_alone),
		cmocka_unit_test(every_kind_of_mistake_is_named),
		cmocka_unit_test(mistakes_inside_lists_and_destinations_say_where),
		cmocka_unit_test(a_list_longer_than_its_limit_is_refused),
		cmocka_unit_test(a_list_is_replaced_as_a_whole),
		cmocka_unit_test(only_an_administrator_sets_limits),
		cmocka_unit_test(what_was_read_can_be_sent_back),
		cmocka_unit_test(some_fields_are_taken_only_at_the_start),
		cmocka_unit_test(host_names_are_kept_in_lower_case),
		cmocka_unit_test(passwords_are_hashed_in_the_body),
		cmocka_unit_test(more_errors_than_fit_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
