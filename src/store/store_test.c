/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists, queries, signing in, and what the core hears, on the engine that OFFHOOK_TEST_DB names. */
#include <time.h>
#include "base/log.h"
#include "store/testing.h"

static int open_with_tenant(void **state)
{
	fixture_open(state);
	((struct fixture *)*state)->tenant_id = make_tenant(*state, "acme");
	return 0;
}

/* ---- lists ---- */

static void make_numbers(struct fixture *fx, unsigned from, unsigned to)
{
	for (; from <= to; from++) {
		char body[64];

		snprintf(body, sizeof(body), "{\"number\":\"%u\"}", from);
		good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, body));
	}
}

static json_t *page(struct fixture *fx, const char *options)
{
	return good(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, options));
}

static size_t count(const json_t *p)
{
	return json_array_size(json_object_get(p, "items"));
}

static const char *first_number(const json_t *p)
{
	return text_at(json_array_get(json_object_get(p, "items"), 0), "number");
}

static void pages_follow_each_other_without_gap_or_repeat(void **state)
{
	struct fixture *fx = *state;
	char options[256] = "{\"limit\":3,\"sort\":\"-number\"}", expected[8];
	unsigned seen = 0;
	json_t *p;

	make_numbers(fx, 100, 109);
	for (;;) {
		p = page(fx, options);
		snprintf(expected, sizeof(expected), "%u", 109 - seen);
		assert_string_equal(first_number(p), expected);
		seen += (unsigned)count(p);
		if (json_is_null(json_object_get(p, "next")))
			break;
		assert_int_equal(count(p), 3);
		snprintf(options, sizeof(options),
			 "{\"limit\":3,\"sort\":\"-number\",\"cursor\":\"%s\"}",
			 text_at(p, "next"));
		json_decref(p);
	}
	json_decref(p);
	assert_int_equal(seen, 10);
}

static void a_page_that_is_just_full_is_the_last(void **state)
{
	struct fixture *fx = *state;
	json_t *p;

	make_numbers(fx, 100, 102);
	p = page(fx, "{\"limit\":3}");
	assert_int_equal(count(p), 3);
	assert_true(json_is_null(json_object_get(p, "next")));
	json_decref(p);
}

static void lists_filter_search_and_refuse_what_is_no_field(void **state)
{
	struct fixture *fx = *state;
	json_t *p;

	make_numbers(fx, 100, 104);
	p = page(fx, "{\"filter\":{\"number\":\"103\"}}");
	assert_int_equal(count(p), 1);
	assert_string_equal(first_number(p), "103");
	json_decref(p);
	p = page(fx, "{\"q\":\"04\"}");
	assert_int_equal(count(p), 1);
	json_decref(p);
	p = page(fx, "{\"q\":\"%\"}"); /* not a wildcard */
	assert_int_equal(count(p), 0);
	json_decref(p);
	refused(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, "{\"sort\":\"number; DROP\"}"),
		EINVAL, "sort", "unknown_field");
	refused(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0,
		    "{\"filter\":{\"1=1 OR number\":\"1\"}}"),
		EINVAL, NULL, NULL);
	refused(ask(fx, STORE_LIST, fx->tenant_id, "account", 0,
		    "{\"filter\":{\"password\":\"x\"}}"),
		EINVAL, NULL, NULL);
	refused(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, "{\"cursor\":\"'\"}"), EINVAL,
		"cursor", "bad_cursor");
}

static void lists_show_the_own_tenant_only(void **state)
{
	struct fixture *fx = *state;
	uint64_t other = make_tenant(fx, "other");
	json_t *p;

	make_extension(fx, other, "101");
	p = page(fx, "{}");
	assert_int_equal(count(p), 0);
	json_decref(p);
	refused(ask(fx, STORE_GET, fx->tenant_id, "extension", 1, NULL), ENOENT, NULL, NULL);
	refused(ask(fx, STORE_UPDATE, fx->tenant_id, "extension", 1, "{}"), ENOENT, NULL, NULL);
	refused(ask(fx, STORE_DELETE, fx->tenant_id, "extension", 1, NULL), ENOENT, NULL, NULL);
	json_decref(good(ask(fx, STORE_GET, other, "extension", 1, NULL)));
}

static void bodies_that_are_no_object_are_refused(void **state)
{
	struct fixture *fx = *state;
	const char *const bodies[] = {"", "[]", "{", "7", "{\"number\":\"1\",\"number\":\"2\"}"};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, bodies[i]), EINVAL, "",
			"wrong_type");
		if (bodies[i][0])
			refused(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, bodies[i]),
				EINVAL, "", "wrong_type");
	}
	refused(ask(fx, STORE_CREATE, 0, "tenant", 0, "nothing"), EINVAL, "", "wrong_type");
	refused(query(fx, 0, "no_such_query", "{}"), ENOSYS, NULL, NULL);
}

/* ---- records ---- */

static void put_record(struct fixture *fx, enum record_kind kind, const void *rec)
{
	const struct sql_table *t = sql_record_table(fx->store->schema, kind);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db_stmt *st;
	struct rows rows;
	struct db *db;

	assert_int_equal(store_connect(fx->store, LINK_JOURNAL, &db), 0);
	rows = store_rows(fx->store, db);
	sql_encode_record(t, rec, v);
	assert_int_equal(db_begin(db, true), 0);
	assert_int_equal(db_sql(db, t->upsert, &st), 0);
	assert_int_equal(rows_bind(&rows, st, NULL, v, t->ncols), 0);
	assert_int_equal(db_run(st), 0);
	assert_int_equal(db_commit(db), 0);
	buf_free(&rows.hold);
	db_close(db);
}

static void put_calls(struct fixture *fx)
{
	for (uint64_t i = 1; i <= 5; i++) {
		struct call_record c = {.tenant_id = fx->tenant_id,
					.id = 100 - i, /* not the order of time */
					.started_at = (int64_t)(1700000000 + i) * 1000000};

		snprintf(c.caller, sizeof(c.caller), "%llu", (unsigned long long)(100 + i % 2));
		strcpy(c.callee, "200");
		strcpy(c.status, i == 3 ? "busy" : "answered");
		put_record(fx, RECORD_CALL, &c);
	}
}

static void call_records_come_newest_first(void **state)
{
	struct fixture *fx = *state;
	char options[256];
	json_t *p, *items;

	put_calls(fx);
	p = good(query(fx, fx->tenant_id, "cdrs", "{\"limit\":2}"));
	items = json_object_get(p, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(text_at(json_array_get(items, 0), "id"), "95");
	assert_string_equal(text_at(json_array_get(items, 1), "id"), "96");
	snprintf(options, sizeof(options), "{\"limit\":\"50\",\"cursor\":\"%s\"}",
		 text_at(p, "next"));
	json_decref(p);
	p = good(query(fx, fx->tenant_id, "cdrs", options));
	assert_int_equal(count(p), 3);
	assert_true(json_is_null(json_object_get(p, "next")));
	json_decref(p);
	p = good(query(fx, fx->tenant_id + 1, "cdrs", "{}"));
	assert_int_equal(count(p), 0);
	json_decref(p);
}

static void call_records_are_filtered(void **state)
{
	struct fixture *fx = *state;
	static const struct {
		const char *options;
		size_t n;
	} cases[] = {
		{"{}", 5},
		{"{\"caller\":\"101\"}", 3},
		{"{\"caller\":\"101\",\"status\":\"busy\"}", 1},
		{"{\"callee\":\"999\"}", 0},
		{"{\"from\":1700000002000000}", 4},
		{"{\"to\":\"1700000002000000\"}", 1},
		{"{\"from\":1700000002000000,\"to\":1700000004000000}", 2},
	};

	put_calls(fx);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *p = good(query(fx, fx->tenant_id, "cdrs", cases[i].options));

		assert_int_equal(count(p), cases[i].n);
		json_decref(p);
	}
}

static void one_call_comes_with_its_legs_and_segments(void **state)
{
	struct fixture *fx = *state;
	struct leg_record leg = {.tenant_id = fx->tenant_id, .call_id = 95};
	struct segment_record seg = {.tenant_id = fx->tenant_id, .call_id = 95, .id = 1};
	json_t *c, *legs;

	put_calls(fx);
	leg.id = 8, leg.position = 1, strcpy(leg.number, "callee");
	put_record(fx, RECORD_LEG, &leg);
	leg.id = 9, leg.position = 0, strcpy(leg.number, "caller");
	put_record(fx, RECORD_LEG, &leg);
	leg.id = 10, leg.call_id = 96;
	put_record(fx, RECORD_LEG, &leg);
	put_record(fx, RECORD_SEGMENT, &seg);
	c = good(query(fx, fx->tenant_id, "cdr", "{\"id\":\"95\"}"));
	legs = json_object_get(c, "legs");
	assert_int_equal(json_array_size(legs), 2);
	assert_string_equal(text_at(json_array_get(legs, 0), "number"), "caller");
	assert_int_equal(json_array_size(json_object_get(c, "segments")), 1);
	json_decref(c);
	refused(query(fx, fx->tenant_id + 1, "cdr", "{\"id\":\"95\"}"), ENOENT, NULL, NULL);
	refused(query(fx, fx->tenant_id, "cdr", "{}"), ENOENT, NULL, NULL);
}

/* ---- people ---- */

static int open_with_user(void **state)
{
	struct fixture *fx;

	fixture_open(state);
	fx = *state;
	fx->tenant_id = good_id(ask(fx, STORE_CREATE, 0, "tenant", 0,
				    "{\"name\":\"acme\",\"domain\":\"acme.example\","
				    "\"username\":\"boss\",\"password\":\"correct horse\"}"));
	return 0;
}

static struct store_reply sign_in(struct fixture *fx, const char *body)
{
	return ask(fx, STORE_LOGIN, 0, NULL, 0, body);
}

static bool is_signed_in(struct fixture *fx, const char *token)
{
	char args[64];
	json_t *who;
	bool yes;

	snprintf(args, sizeof(args), "{\"token_hash\":\"%s\"}", token);
	who = good(query(fx, 0, "identity", args));
	yes = json_is_object(json_object_get(who, "session"));
	json_decref(who);
	return yes;
}

#define GOOD_SIGN_IN                                                                               \
	"{\"username\":\"boss\",\"password\":\"correct horse\",\"domain\":\"ACME.example\","       \
	"\"token_hash\":\"t1\",\"ttl_seconds\":60}"

static void a_session_lives_from_sign_in_to_sign_out(void **state)
{
	struct fixture *fx = *state;
	char tenant[32];
	json_t *who;

	assert_false(is_signed_in(fx, "t1"));
	who = good(sign_in(fx, GOOD_SIGN_IN));
	snprintf(tenant, sizeof(tenant), "%llu", (unsigned long long)fx->tenant_id);
	assert_string_equal(text_at(who, "tenant_id"), tenant);
	assert_string_equal(text_at(who, "username"), "boss");
	json_decref(who);
	assert_true(is_signed_in(fx, "t1"));
	assert_false(is_signed_in(fx, "t2"));
	good_id(ask(fx, STORE_LOGOUT, 0, NULL, 0, "{\"token_hash\":\"t1\"}"));
	assert_false(is_signed_in(fx, "t1"));
	refused(ask(fx, STORE_LOGOUT, 0, NULL, 0, "{\"token_hash\":\"t1\"}"), ENOENT, NULL, NULL);
}

static void whatever_is_wrong_the_answer_is_the_same(void **state)
{
	struct fixture *fx = *state;
	static const char *const wrong[] = {
		"{\"username\":\"boss\",\"password\":\"wrong\",\"domain\":\"acme.example\",\"token_"
		"hash\":\"x\"}",
		"{\"username\":\"Boss\",\"password\":\"correct "
		"horse\",\"domain\":\"acme.example\",\"token_hash\":\"x\"}",
		"{\"username\":\"boss\",\"password\":\"correct "
		"horse\",\"domain\":\"b.example\",\"token_hash\":\"x\"}",
		"{\"username\":\"boss\",\"password\":\"correct horse\",\"token_hash\":\"x\"}",
		"{\"username\":\"boss\",\"password\":\"\",\"domain\":\"acme.example\",\"token_"
		"hash\":\"x\"}",
		"{\"token_hash\":\"x\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct store_reply r = sign_in(fx, wrong[i]);

		assert_null(r.json);
		refused(r, EACCES, NULL, NULL);
	}
	assert_false(is_signed_in(fx, "x"));
}

/* Of all threads, on the CPU: what else the machine does is not in it. */
static clock_t cost(struct fixture *fx, const char *body)
{
	clock_t best = 0;

	for (unsigned i = 0; i < 3; i++) {
		clock_t start = clock();

		refused(sign_in(fx, body), EACCES, NULL, NULL);
		start = clock() - start;
		best = !best || start < best ? start : best;
	}
	return best;
}

static void an_unknown_user_costs_what_a_known_one_does(void **state)
{
	struct fixture *fx = *state;
	clock_t known = cost(fx, "{\"username\":\"boss\",\"password\":\"wrong\","
				 "\"domain\":\"acme.example\",\"token_hash\":\"x\"}");
	clock_t unknown = cost(fx, "{\"username\":\"nobody\",\"password\":\"wrong\","
				   "\"domain\":\"acme.example\",\"token_hash\":\"x\"}");

	/* The work is the same; the bounds leave room for cold caches. */
	assert_true(known > 0);
	assert_true(unknown > known / 3 && unknown < known * 3);
}

static void a_user_or_tenant_switched_off_is_signed_out(void **state)
{
	struct fixture *fx = *state;
	json_t *p = good(ask(fx, STORE_LIST, fx->tenant_id, "admin", 0, "{}"));
	uint64_t user =
		strtoull(text_at(json_array_get(json_object_get(p, "items"), 0), "id"), NULL, 10);

	json_decref(p);
	json_decref(good(sign_in(fx, GOOD_SIGN_IN)));
	good_id(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"enabled\":false}"));
	assert_false(is_signed_in(fx, "t1"));
	refused(sign_in(fx, GOOD_SIGN_IN), EACCES, NULL, NULL);
	good_id(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"enabled\":true}"));
	assert_true(is_signed_in(fx, "t1"));
	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "admin", user, "{\"enabled\":false}"));
	assert_false(is_signed_in(fx, "t1"));
	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "admin", user, "{\"enabled\":true}"));
	good_id(ask(fx, STORE_DELETE, fx->tenant_id, "admin", user, NULL));
	assert_false(is_signed_in(fx, "t1"));
}

static void a_session_expires(void **state)
{
	struct fixture *fx = *state;

	json_decref(
		good(sign_in(fx, "{\"username\":\"boss\",\"password\":\"correct horse\","
				 "\"domain\":\"acme\",\"token_hash\":\"t1\",\"ttl_seconds\":3}")));
	assert_true(is_signed_in(fx, "t1"));
	for (unsigned i = 0; i < 1000 && is_signed_in(fx, "t1"); i++)
		poll(NULL, 0, 10);
	assert_false(is_signed_in(fx, "t1"));
}

static void a_changed_password_is_the_one_that_counts(void **state)
{
	struct fixture *fx = *state;

	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "admin", 1,
		    "{\"password\":\"battery staple\"}"));
	refused(sign_in(fx, GOOD_SIGN_IN), EACCES, NULL, NULL);
	json_decref(good(sign_in(fx, "{\"username\":\"boss\",\"password\":\"battery staple\","
				     "\"domain\":\"acme.example\",\"token_hash\":\"t2\"}")));
}

static void a_hash_is_no_password(void **state)
{
	struct fixture *fx = *state;
	json_t *p = good(ask(fx, STORE_GET, fx->tenant_id, "admin", 1, NULL));

	assert_null(json_object_get(p, "password"));
	json_decref(p);
	/* Whoever could store a hash could sign in by knowing no password at all: it is hashed like any text. */
	good_id(ask(fx, STORE_UPDATE, fx->tenant_id, "admin", 1,
		    "{\"password\":\"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA\"}"));
	json_decref(good(sign_in(
		fx, "{\"username\":\"boss\",\"domain\":\"acme.example\",\"token_hash\":\"t3\","
		    "\"password\":\"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA\"}")));
}

static void a_tenant_is_not_made_without_its_user(void **state)
{
	struct fixture *fx = *state;
	json_t *p;

	refused(ask(fx, STORE_CREATE, 0, "tenant", 0,
		    "{\"name\":\"n\",\"domain\":\"n.example\",\"username\":\"u\"}"),
		EINVAL, "password", "required");
	p = good(ask(fx, STORE_LIST, 0, "tenant", 0, "{}"));
	assert_int_equal(count(p), 1);
	json_decref(p);
}

static void the_tenant_behind_a_domain_is_found(void **state)
{
	struct fixture *fx = *state;
	json_t *who = good(query(fx, 0, "identity", "{\"domain\":\"Acme.Example\"}"));

	assert_string_equal(text_at(json_object_get(who, "tenant"), "domain"), "acme.example");
	json_decref(who);
	who = good(query(fx, 0, "identity", "{\"domain\":\"b.example\"}"));
	assert_true(json_is_null(json_object_get(who, "tenant")));
	json_decref(who);
}

/* ---- the core ---- */

static int keep_loaded(struct store_change *c, void *arg)
{
	size_t *n = arg;

	assert_non_null(c->after);
	assert_true(c->revision >= c->after->revision);
	n[0]++;
	if (c->res == &resource_ring_group)
		n[1] += ((struct ring_group *)c->after)->members.n;
	if (c->res == &resource_account)
		assert_int_equal(strlen(((struct account *)c->after)->password), 20);
	return 0;
}

static struct store_change next_change(struct fixture *fx)
{
	struct pollfd fd = {.fd = ring_fd(store_changes(fx->store)), .events = POLLIN};
	struct store_change c;

	while (!ring_pop(store_changes(fx->store), &c)) {
		assert_int_equal(poll(&fd, 1, 10000), 1);
		ring_woken(store_changes(fx->store));
	}
	return c;
}

static void everything_is_loaded_with_its_parts(void **state)
{
	struct fixture *fx = *state;
	size_t n[2] = {0};
	char body[256];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(body, sizeof(body), "10%u", i);
		make_extension(fx, fx->tenant_id, body);
	}
	for (unsigned i = 0; i < 3; i++) { /* the middle one has none */
		snprintf(body, sizeof(body),
			 "{\"number\":\"60%u\",\"name\":\"g\",\"members\":[%s]}", i,
			 i == 1 ? "" : "{\"extension_id\":\"1\"},{\"extension_id\":\"3\"}");
		good_id(ask(fx, STORE_CREATE, fx->tenant_id, "ring_group", 0, body));
	}
	assert_int_equal(store_load(fx->store, keep_loaded, n), 0);
	assert_int_equal(n[0], 1 + 1 + 3 + 3 + 3);
	assert_int_equal(n[1], 4);
}

static void an_answer_waits_until_the_core_has_applied(void **state)
{
	struct fixture *fx = *state;
	struct store_request req =
		request(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}");
	struct store_change x, a;
	struct store_reply r;
	size_t n[2] = {0};

	assert_int_equal(store_load(fx->store, keep_loaded, n), 0);
	assert_int_equal(store_post(fx->store, &req), 0);
	x = next_change(fx);
	a = next_change(fx);
	assert_ptr_equal(x.res, &resource_extension);
	assert_ptr_equal(a.res, &resource_account);
	assert_int_equal(a.revision, x.revision + 1);
	assert_int_equal(((struct account *)a.after)->extension_id, x.id);
	assert_false(ring_pop(fx->answers, &r));
	store_applied(fx->store, x.token);
	assert_false(ring_pop(fx->answers, &r));
	store_applied(fx->store, a.token);
	r = wait_answer(fx);
	assert_int_equal(r.id, x.id);
	json_decref(good(r));
	store_applied(fx->store, a.token); /* late and unknown tokens do nothing */
	store_applied(fx->store, 12345);
	assert_false(ring_pop(fx->answers, &r));
	object_free(x.after);
	object_free(a.after);
}

static void a_deletion_tells_of_each_thing_gone(void **state)
{
	struct fixture *fx = *state;
	struct store_request req = request(fx, STORE_DELETE, 0, "tenant", fx->tenant_id, NULL);
	size_t n[2] = {0};
	const struct resource *const order[] = {&resource_account, &resource_extension,
						&resource_extension_group, &resource_tenant};

	make_extension(fx, fx->tenant_id, "101");
	assert_int_equal(store_load(fx->store, keep_loaded, n), 0);
	assert_int_equal(store_post(fx->store, &req), 0);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct store_change c = next_change(fx);

		assert_ptr_equal(c.res, order[i]);
		assert_null(c.after);
		assert_int_equal(c.tenant_id, c.res == &resource_tenant ? 0 : fx->tenant_id);
		store_applied(fx->store, c.token);
	}
	json_decref(good(wait_answer(fx)));
}

static void create_now_waits_for_the_commit_only(void **state)
{
	struct fixture *fx = *state;
	struct field_errors errs = {.n = 0};
	uint64_t id = 0;

	assert_int_equal(store_create_now(fx->store, fx->tenant_id, &resource_extension,
					  "{\"number\":\"101\"}", &id, &errs),
			 0);
	assert_int_equal(id, 1);
	assert_int_equal(store_create_now(fx->store, fx->tenant_id, &resource_extension,
					  "{\"number\":\"101\"}", &id, &errs),
			 EEXIST);
	assert_string_equal(errs.v[0].code, "taken");
	assert_int_equal(store_create_now(fx->store, 0, &resource_admin,
					  "{\"username\":\"a\",\"password\":\"a long one\"}", &id,
					  &errs),
			 0);
}

static void what_was_stored_is_there_after_a_restart(void **state)
{
	struct fixture *fx = *state;
	uint64_t id = make_extension(fx, fx->tenant_id, "101");

	fixture_reopen(fx);
	json_decref(good(ask(fx, STORE_GET, fx->tenant_id, "extension", id, NULL)));
	json_decref(good(query(fx, 0, "ready", "{}")));
}

static void another_key_is_refused(void **state)
{
	struct fixture *fx = *state;
	const struct store_conf conf = {.url = fx->place.url, .data_dir = fx->place.dir};
	char path[128];
	struct store *s = NULL;
	struct stat st;

	snprintf(path, sizeof(path), "%s/master.key", fx->place.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fx->store = store_close(fx->store);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_open(&s, &conf), EBADMSG);
	assert_null(s);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_with_tenant, fixture_close)
#define U(fn) cmocka_unit_test_setup_teardown(fn, open_with_user, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pages_follow_each_other_without_gap_or_repeat),
		T(a_page_that_is_just_full_is_the_last),
		T(lists_filter_search_and_refuse_what_is_no_field),
		T(lists_show_the_own_tenant_only),
		T(bodies_that_are_no_object_are_refused),
		T(call_records_come_newest_first),
		T(call_records_are_filtered),
		T(one_call_comes_with_its_legs_and_segments),
		U(a_session_lives_from_sign_in_to_sign_out),
		U(whatever_is_wrong_the_answer_is_the_same),
		U(an_unknown_user_costs_what_a_known_one_does),
		U(a_user_or_tenant_switched_off_is_signed_out),
		U(a_session_expires),
		U(a_changed_password_is_the_one_that_counts),
		U(a_hash_is_no_password),
		U(a_tenant_is_not_made_without_its_user),
		U(the_tenant_behind_a_domain_is_found),
		T(everything_is_loaded_with_its_parts),
		T(an_answer_waits_until_the_core_has_applied),
		T(a_deletion_tells_of_each_thing_gone),
		T(create_now_waits_for_the_commit_only),
		T(what_was_stored_is_there_after_a_restart),
		T(another_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
