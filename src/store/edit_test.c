/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change checks, writes and brings with it, on the engine that OFFHOOK_TEST_DB names. */
#include "store/testing.h"

static int open_with_tenant(void **state)
{
	fixture_open(state);
	((struct fixture *)*state)->tenant_id = make_tenant(*state, "acme");
	return 0;
}

static json_t *list(struct fixture *fx, const char *resource, const char *options)
{
	json_t *page = good(ask(fx, STORE_LIST, fx->tenant_id, resource, 0, options));
	json_t *items = json_incref(json_object_get(page, "items"));

	json_decref(page);
	assert_non_null(items);
	return items;
}

static void an_extension_brings_its_account(void **state)
{
	struct fixture *fx = *state;
	json_t *x = good(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0,
			     "{\"number\":\"101\",\"first_name\":\"Ann\"}"));
	json_t *accounts = list(fx, "account", "{}");
	json_t *a = json_array_get(accounts, 0);

	assert_string_equal(text_at(x, "number"), "101");
	assert_int_equal(strlen(text_at(x, "password")), 20); /* told once, as nobody gave it */
	assert_int_equal(json_array_size(accounts), 1);
	assert_string_equal(text_at(a, "username"), "101");
	assert_string_equal(text_at(a, "extension_id"), text_at(x, "id"));
	assert_null(json_object_get(a, "password"));
	json_decref(x);
	json_decref(accounts);
}

static void a_password_that_was_given_is_not_told(void **state)
{
	struct fixture *fx = *state;
	json_t *x = good(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0,
			     "{\"number\":\"101\",\"password\":\"abcdefgh12\"}"));

	assert_null(json_object_get(x, "password"));
	json_decref(x);
}

static void each_object_takes_one_revision(void **state)
{
	struct fixture *fx = *state;
	struct store_reply first, second;

	first = ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}");
	second = ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"102\"}");
	assert_int_equal(first.revision, 1); /* 2: its account */
	assert_int_equal(second.revision, 3);
	json_decref(good(first));
	json_decref(good(second));
}

static void a_number_belongs_to_one(void **state)
{
	struct fixture *fx = *state;
	struct store_reply r;

	make_extension(fx, fx->tenant_id, "101");
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}"),
		EEXIST, "number", "taken");
	r = ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0,
		"{\"number\":\"101\",\"name\":\"Sales\"}");
	assert_non_null(strstr(r.json, "belongs to extension 101"));
	refused(r, EEXIST, "number", "taken");
}

static void a_refused_change_leaves_nothing(void **state)
{
	struct fixture *fx = *state;
	json_t *items, *log;

	/* The account's name is taken: the extension, whose row was already written, must go too. */
	good_id(ask(fx, STORE_CREATE, fx->tenant_id, "account", 0, "{\"username\":\"101\"}"));
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}"),
		EEXIST, "number", "taken");
	items = list(fx, "extension", "{}");
	assert_int_equal(json_array_size(items), 0);
	json_decref(items);
	log = good(query(fx, fx->tenant_id, "audit_logs", "{}"));
	assert_int_equal(json_array_size(json_object_get(log, "items")), 1); /* the account's */
	json_decref(log);
}

static void the_same_number_lives_in_another_tenant(void **state)
{
	struct fixture *fx = *state;
	uint64_t other = make_tenant(fx, "other");

	make_extension(fx, fx->tenant_id, "101");
	make_extension(fx, other, "101");
}

static void a_domain_is_unique_in_the_system(void **state)
{
	struct fixture *fx = *state;
	struct store_reply r = ask(fx, STORE_CREATE, 0, "tenant", 0,
				   "{\"name\":\"b\",\"domain\":\"ACME.example\"}");

	refused(r, EEXIST, "domain", "taken");
}

static void references_must_lead_somewhere_in_the_tenant(void **state)
{
	struct fixture *fx = *state;
	uint64_t other = make_tenant(fx, "other"), id = make_extension(fx, other, "101");
	char body[256];

	snprintf(body, sizeof(body),
		 "{\"number\":\"600\",\"name\":\"S\",\"members\":[{\"extension_id\":\"%llu\"}]}",
		 (unsigned long long)id);
	good_id(ask(fx, STORE_CREATE, other, "ring_group", 0, body));
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0, body), EINVAL,
		"members[0].extension_id", "not_found");
}

static void what_is_used_is_not_deleted(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101"), g;
	struct store_reply r;
	char body[256];

	snprintf(
		body, sizeof(body),
		"{\"number\":\"600\",\"name\":\"Sales\",\"members\":[{\"extension_id\":\"%llu\"}]}",
		(unsigned long long)x);
	g = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0, body));
	r = ask(fx, STORE_DELETE, fx->tenant_id, "extension", x, NULL);
	assert_non_null(strstr(r.json, "extension 101 is used by ring group 600"));
	refused(r, EEXIST, "id", "in_use");
	good_id(ask(fx, STORE_DELETE, fx->tenant_id, "ring_group", g, NULL));
	good_id(ask(fx, STORE_DELETE, fx->tenant_id, "extension", x, NULL));
	refused(ask(fx, STORE_GET, fx->tenant_id, "extension", x, NULL), ENOENT, NULL, NULL);
	make_extension(fx, fx->tenant_id, "101"); /* number and account name are free again */
}

static void an_account_made_apart_outlives_its_extension(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101");
	json_t *items;
	char body[128];

	snprintf(body, sizeof(body), "{\"username\":\"101_2\",\"extension_id\":\"%llu\"}",
		 (unsigned long long)x);
	good_id(ask(fx, STORE_CREATE, fx->tenant_id, "account", 0, body));
	good_id(ask(fx, STORE_DELETE, fx->tenant_id, "extension", x, NULL));
	items = list(fx, "account", "{}");
	assert_int_equal(json_array_size(items), 1);
	assert_string_equal(text_at(json_array_get(items, 0), "username"), "101_2");
	assert_true(json_is_null(json_object_get(json_array_get(items, 0), "extension_id")));
	json_decref(items);
}

static void the_limit_is_kept_and_named(void **state)
{
	struct fixture *fx = *state;

	good_id(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"max_extensions\":1}"));
	make_extension(fx, fx->tenant_id, "101");
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"102\"}"),
		EINVAL, "max_extensions", "limit");
}

static void if_match_protects_against_the_lost_update(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101");
	struct store_request req =
		request(fx, STORE_UPDATE, fx->tenant_id, "extension", x, "{\"last_name\":\"B\"}");
	struct store_reply r;

	req.if_revision = 1;
	r = post(fx, req);
	assert_int_equal(r.revision, 3);
	json_decref(good(r));
	req.json = strdup("{\"last_name\":\"C\"}");
	req.njson = strlen(req.json);
	refused(post(fx, req), EBUSY, NULL, NULL);
}

static void a_change_to_the_same_is_no_change(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101");
	struct store_reply r =
		ask(fx, STORE_UPDATE, fx->tenant_id, "extension", x, "{\"number\":\"101\"}");

	assert_int_equal(r.revision, 1);
	json_decref(good(r));
}

static void renumbering_moves_the_claim(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101");

	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "extension", x, "{\"number\":\"201\"}"));
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0,
		    "{\"number\":\"201\",\"name\":\"n\"}"),
		EEXIST, "number", "taken");
	good_id(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0,
		    "{\"number\":\"101\",\"name\":\"n\"}"));
}

static void the_order_of_members_is_kept(void **state)
{
	struct fixture *fx = *state;
	unsigned long long x[3];
	char body[256];
	json_t *g, *members;
	uint64_t id;

	x[0] = make_extension(fx, fx->tenant_id, "101");
	x[1] = make_extension(fx, fx->tenant_id, "102");
	x[2] = make_extension(fx, fx->tenant_id, "103");
	snprintf(body, sizeof(body),
		 "{\"number\":\"600\",\"name\":\"S\",\"members\":[{\"extension_id\":\"%llu\"},"
		 "{\"extension_id\":\"%llu\"},{\"extension_id\":\"%llu\"}]}",
		 x[2], x[0], x[1]);
	id = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0, body));
	g = good(ask(fx, STORE_GET, fx->tenant_id, "ring_group", id, NULL));
	members = json_object_get(g, "members");
	assert_int_equal(json_array_size(members), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			strtoull(text_at(json_array_get(members, i), "extension_id"), NULL, 10),
			x[(i + 2) % 3]);
	json_decref(g);
}

static void a_tenant_goes_with_all_it_has(void **state)
{
	struct fixture *fx = *state;
	uint64_t other = make_tenant(fx, "other"), x;
	json_t *log, *items;

	make_extension(fx, fx->tenant_id, "101");
	x = make_extension(fx, other, "101");
	good_id(ask(fx, STORE_DELETE, 0, "tenant", fx->tenant_id, NULL));
	items = list(fx, "extension", "{}");
	assert_int_equal(json_array_size(items), 0);
	json_decref(items);
	log = good(query(fx, fx->tenant_id, "audit_logs", "{}"));
	assert_int_equal(json_array_size(json_object_get(log, "items")), 0);
	json_decref(log);
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"102\"}"),
		ENOENT, NULL, NULL);
	json_decref(good(ask(fx, STORE_GET, other, "extension", x, NULL)));
	make_tenant(fx, "acme"); /* its names are free again */
}

static void the_log_says_who_did_what(void **state)
{
	struct fixture *fx = *state;
	uint64_t x = make_extension(fx, fx->tenant_id, "101");
	json_t *page, *entry, *diff;

	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "extension", x, "{\"last_name\":\"Bee\"}"));
	page = good(query(fx, fx->tenant_id, "audit_logs", "{\"limit\":1}"));
	entry = json_array_get(json_object_get(page, "items"), 0);
	assert_string_equal(text_at(entry, "action"), "update");
	assert_string_equal(text_at(entry, "resource"), "extension");
	assert_string_equal(text_at(entry, "actor"), "tester");
	assert_string_equal(text_at(entry, "actor_from"), "192.0.2.1");
	diff = json_object_get(json_object_get(entry, "changes"), "last_name");
	assert_string_equal(json_string_value(json_array_get(diff, 0)), "");
	assert_string_equal(json_string_value(json_array_get(diff, 1)), "Bee");
	assert_string_equal(text_at(page, "next"), "3");
	json_decref(page);
	page = good(query(fx, fx->tenant_id, "audit_logs", "{\"cursor\":\"3\"}"));
	assert_int_equal(json_array_size(json_object_get(page, "items")), 2);
	assert_true(json_is_null(json_object_get(page, "next")));
	json_decref(page);
}

static void a_post_repeated_is_answered_again(void **state)
{
	struct fixture *fx = *state;
	struct store_request req =
		request(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}");
	struct store_reply first, again;
	json_t *items;

	strcpy(req.idem_key, "k1");
	strcpy(req.idem_body, "b1");
	first = post(fx, req);
	assert_false(first.is_replay);
	req.json = strdup("{\"number\":\"101\"}");
	again = post(fx, req);
	assert_true(again.is_replay);
	assert_int_equal(first.id, again.id);
	assert_string_equal(first.json, again.json);
	json_decref(good(first));
	json_decref(good(again));
	req.json = strdup("{\"number\":\"102\"}");
	strcpy(req.idem_body, "b2");
	refused(post(fx, req), EBADMSG, NULL, NULL);
	items = list(fx, "extension", "{}");
	assert_int_equal(json_array_size(items), 1);
	json_decref(items);
}

static void secrets_are_not_readable_in_the_database(void **state)
{
	struct fixture *fx = *state;
	const struct db_conf conf = {.url = fx->place.url};
	struct object *o = NULL;
	struct db_stmt *st;
	struct rows rows;
	struct db *db;

	good_id(ask(fx, STORE_CREATE, fx->tenant_id, "account", 0,
		    "{\"username\":\"a\",\"password\":\"open sesame 1\"}"));
	assert_int_equal(db_open(&db, &conf), 0);
	assert_int_equal(db_sql(db, "SELECT password, id FROM accounts", &st), 0);
	assert_int_equal(db_step(st), 0);
	assert_true(str_starts(db_text(st, 0), STR("s1.")));
	assert_null(strstr(db_text(st, 0).p, "sesame"));
	rows = store_rows(fx->store, db);
	assert_int_equal(rows_load(&rows, &resource_account, fx->tenant_id, db_id(st, 1), true, &o),
			 0);
	assert_string_equal(((struct account *)o)->password, "open sesame 1");
	object_free(o);
	buf_free(&rows.hold);
	db_close(db);
}

static void requests_that_wait_together_are_each_their_own(void **state)
{
	struct fixture *fx = *state;
	unsigned taken = 0, made = 0;

	/* More than a batch, all at once; half of them want the same number. */
	for (unsigned i = 0; i < 60; i++) {
		char body[64];
		struct store_request req;

		snprintf(body, sizeof(body), "{\"number\":\"%u\"}", i % 2 ? 100 : 200 + i);
		req = request(fx, STORE_CREATE, fx->tenant_id, "extension", 0, body);
		assert_int_equal(store_post(fx->store, &req), 0);
	}
	for (unsigned i = 0; i < 60; i++) {
		struct store_reply r = wait_answer(fx);

		if (r.err)
			assert_int_equal(r.err, EEXIST);
		*(r.err ? &taken : &made) += 1;
		free(r.json);
	}
	assert_int_equal(made, 31);
	assert_int_equal(taken, 29);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_with_tenant, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_extension_brings_its_account),
		T(a_password_that_was_given_is_not_told),
		T(each_object_takes_one_revision),
		T(a_number_belongs_to_one),
		T(a_refused_change_leaves_nothing),
		T(the_same_number_lives_in_another_tenant),
		T(a_domain_is_unique_in_the_system),
		T(references_must_lead_somewhere_in_the_tenant),
		T(what_is_used_is_not_deleted),
		T(an_account_made_apart_outlives_its_extension),
		T(the_limit_is_kept_and_named),
		T(if_match_protects_against_the_lost_update),
		T(a_change_to_the_same_is_no_change),
		T(renumbering_moves_the_claim),
		T(the_order_of_members_is_kept),
		T(a_tenant_goes_with_all_it_has),
		T(the_log_says_who_did_what),
		T(a_post_repeated_is_answered_again),
		T(secrets_are_not_readable_in_the_database),
		T(requests_that_wait_together_are_each_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
