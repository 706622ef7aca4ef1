/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/object.h"
#include "schema/record.h"
#include "schema/testing.h"

static void a_new_object_holds_the_defaults(void **state)
{
	struct account *a = (struct account *)object_alloc(&resource_account);
	struct tenant *t = (struct tenant *)object_alloc(&resource_tenant);

	assert_ptr_equal(a->o.res, &resource_account);
	assert_string_equal(a->username, "");
	assert_true(a->enabled);
	assert_int_equal(a->max_contacts, 10);
	assert_int_equal(a->extension_id, 0);
	assert_string_equal(t->time_zone, "UTC");
	assert_int_equal(t->sip_digest, DIGEST_CHOICE_MD5);
	object_free(&a->o);
	object_free(&t->o);
	assert_null(object_free(NULL));
}

static void a_clone_shares_nothing(void **state)
{
	struct object *o =
		testing_make(&resource_ring_group, "{'number':'600','name':'Sales','members':["
						   "{'extension_id':'1'},{'extension_id':'2'}]}");
	struct ring_group *a = (struct ring_group *)o, *b;

	o->tenant_id = 7;
	o->id = 8;
	o->revision = 9;
	b = (struct ring_group *)object_clone(o);
	for (size_t i = 0; i < o->res->nfields; i++)
		assert_true(field_equal(o, &b->o, &o->res->fields[i]));
	assert_int_equal(b->o.tenant_id, 7);
	assert_int_equal(b->o.id, 8);
	assert_int_equal(b->o.revision, 9);
	assert_ptr_not_equal(a->name, b->name);
	assert_ptr_not_equal(a->members.v[1], b->members.v[1]);
	assert_int_equal(object_bytes(o), object_bytes(&b->o));

	((struct ring_group_member *)b->members.v[1])->extension_id = 3;
	assert_false(field_equal(o, &b->o, resource_field(o->res, STR("members"))));
	assert_int_equal(((struct ring_group_member *)a->members.v[1])->extension_id, 2);
	object_free(o);
	object_free(&b->o);
}

static void missing_secrets_are_made_once(void **state)
{
	struct account *a = (struct account *)object_alloc(&resource_account);
	struct extension *x = (struct extension *)object_alloc(&resource_extension);
	struct rng_seeded rng;
	char first[64];

	rng_seeded_init(&rng, 1);
	assert_int_equal(object_generate(&a->o, &rng.rng), 0);
	assert_int_equal(strlen(a->password), 20);
	snprintf(first, sizeof(first), "%s", a->password);
	assert_int_equal(object_generate(&a->o, &rng.rng), 0);
	assert_string_equal(a->password, first);

	x->o.id = 5; /* exists already: its first account was made long ago */
	assert_int_equal(object_generate(&x->o, &rng.rng), 0);
	assert_string_equal(x->password, "");
	x->o.id = 0;
	assert_int_equal(object_generate(&x->o, &rng.rng), 0);
	assert_int_equal(strlen(x->password), 20);
	assert_string_not_equal(x->password, first);
	object_free(&a->o);
	object_free(&x->o);
}

struct seen {
	char text[256];
	const char *stop_at;
};

static int note(const struct resource *target, uint64_t id, const char *field, void *arg)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s=%s:%d ", field, target->name, (int)id);
	return s->stop_at && !strcmp(field, s->stop_at) ? ENOENT : 0;
}

static void references_are_found_in_lists_and_destinations(void **state)
{
	struct object *o =
		testing_make(&resource_ring_group, "{'number':'600','name':'Sales','no_answer':"
						   "{'kind':'ring_group','id':'9'},'members':["
						   "{'extension_id':'1'},{'extension_id':'2'}]}");
	struct seen all = {0}, one = {.stop_at = "members[0].extension_id"}, none = {0};
	struct object *bare = object_alloc(&resource_ring_group);

	assert_int_equal(object_refs(o, note, &all), 0);
	assert_string_equal(all.text,
			    "members[0].extension_id=extension:1 "
			    "members[1].extension_id=extension:2 no_answer.id=ring_group:9 ");
	assert_int_equal(object_refs(o, note, &one), ENOENT);
	assert_string_equal(one.text, "members[0].extension_id=extension:1 ");
	assert_int_equal(object_refs(bare, note, &none), 0);
	assert_string_equal(none.text, "");
	object_free(o);
	object_free(bare);
}

/* Rules that hold for every table, also those yet to be written. */
static void check_fields(const struct field *fields, size_t n, bool is_child)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];

		if (f->kind == FIELD_CHARS)
			assert_true(f->max <= RECORD_MAX_TEXT);
		assert_true(strlen(f->name) < 40 && strlen(f->doc) > 2);
		assert_true(strcmp(f->name, "id") && strcmp(f->name, "revision") &&
			    strcmp(f->name, "tenant_id"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(f->name, fields[k].name);
		if (f->kind == FIELD_INT)
			assert_true(f->min <= f->int_default && f->int_default <= f->max);
		if (f->kind == FIELD_ENUM)
			assert_non_null(enum_name(f->values, (int)f->int_default));
		if (f->kind == FIELD_TEXT) {
			assert_true(f->max > 0 && strlen(f->text_default) <= (size_t)f->max);
			if (f->flags & (NUMBER | DIRECTORY | HOSTNAME))
				assert_true(f->max <= 255);
		} else {
			assert_false(f->flags &
				     (NUMBER | DIRECTORY | HOSTNAME | EMAIL | TIMEZONE | SIP_USER |
				      CAPITALS | CLOCK_TIME | CALENDAR_DATE | FEATURE_CODE));
		}
		if (f->kind == FIELD_LIST) {
			assert_false(is_child);
			assert_int_equal(f->child->scope, SCOPE_CHILD);
			check_fields(f->child->fields, f->child->nfields, true);
		}
	}
}

/* What a template shares is there under the same name and of the same kind in what follows it. */
static void check_template(const struct resource *r)
{
	const struct field *ref = resource_template(r);

	for (size_t i = 0; i < r->nfields; i++) {
		const struct field *f = &r->fields[i], *other;

		if (!(f->flags & SHARED))
			continue;
		assert_true(ref || resource_follower(r));
		other = resource_field(ref ? ref->ref : resource_follower(r), str_of(f->name));
		assert_non_null(other);
		assert_int_equal(other->kind, f->kind);
		assert_int_equal(other->flags, f->flags);
		assert_false(f->flags & (REQUIRED | UNIQUE | NUMBER | DIRECTORY | GENERATED |
					 CREATE_ONLY | READ_ONLY));
		assert_true(f->kind != FIELD_PASSWORD);
	}
	if (ref)
		assert_int_equal(resource_field(r, STR("overrides"))->kind, FIELD_TEXT);
}

static void every_table_is_sound(void **state)
{
	size_t n = 0;

	for (; resources[n]; n++) {
		const struct resource *r = resources[n];

		assert_ptr_equal(resource_by_name(str_of(r->name)), r);
		assert_ptr_equal(resource_by_plural(str_of(r->plural)), r);
		assert_true(r->scope != SCOPE_CHILD && r->nfields && strlen(r->doc) > 5);
		check_fields(r->fields, r->nfields, false);
		check_template(r);
	}
	assert_true(n >= 5);
	for (size_t i = 0; i < RECORD_NTABLES; i++) {
		const struct record_table *t = &record_tables[i];

		assert_true(strlen(t->plural) > 1 && strlen(t->doc) > 5);
		check_fields(t->fields, t->nfields, false);
	}
	assert_null(resource_by_name(STR("ring_group_member")));
	assert_null(resource_by_plural(STR("")));
}

static void a_tenants_limits_are_found_by_their_names(void **state)
{
	assert_string_equal(resource_limit(&resource_extension)->name, "max_extensions");
	assert_string_equal(resource_limit(&resource_ring_group)->name, "max_ring_groups");
	assert_null(resource_limit(&resource_tenant));
	assert_null(resource_limit(&resource_ring_group_member));
}

static void a_kind_of_destination_names_its_resource(void **state)
{
	assert_null(dest_resource(DEST_KIND_HANGUP));
	assert_ptr_equal(dest_resource(DEST_KIND_EXTENSION), &resource_extension);
	assert_ptr_equal(dest_resource(DEST_KIND_RING_GROUP), &resource_ring_group);
	assert_null(dest_resource(-1));
	assert_null(dest_resource(1000));
}

static void text_of_a_record_is_cut_between_characters(void **state)
{
	char text[8];

	record_set_text(text, sizeof(text), STR("abcdef\xc3\xa9"));
	assert_string_equal(text, "abcdef");
	record_set_text(text, sizeof(text), STR("a\r\nb\xff\xc3"));
	assert_string_equal(text, "a??b??");
	record_set_text(text, sizeof(text), STR_NONE);
	assert_string_equal(text, "");
}

static void lines_are_shown_with_their_ends(void **state)
{
	struct message_record rec = {.tenant_id = 1, .id = 2, .body = "one\r\ntwo\t\xc3\xa9"};
	json_t *j = record_to_json(&record_tables[RECORD_MESSAGE], &rec);

	str_fit(rec.sender, sizeof(rec.sender), STR("1\r\n2"));
	assert_string_equal(json_string_value(json_object_get(j, "body")), rec.body);
	json_decref(j);
	memset(rec.body, 'x', sizeof(rec.body) - 1);
	j = record_to_json(&record_tables[RECORD_MESSAGE], &rec);
	assert_int_equal(json_string_length(json_object_get(j, "body")), sizeof(rec.body) - 1);
	assert_string_equal(json_string_value(json_object_get(j, "sender")), "1??2");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_object_holds_the_defaults),
		cmocka_unit_test(a_clone_shares_nothing),
		cmocka_unit_test(missing_secrets_are_made_once),
		cmocka_unit_test(references_are_found_in_lists_and_destinations),
		cmocka_unit_test(every_table_is_sound),
		cmocka_unit_test(a_tenants_limits_are_found_by_their_names),
		cmocka_unit_test(a_kind_of_destination_names_its_resource),
		cmocka_unit_test(text_of_a_record_is_cut_between_characters),
		cmocka_unit_test(lines_are_shown_with_their_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
