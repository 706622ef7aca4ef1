/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of the API that need no network: routes, rights, problems, queries, throttle, the OpenAPI document. */
#include "api/ask.h"
#include "api/openapi.h"
#include "api/starts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Not reached: these tests post nothing. */
uint64_t store_generation(const struct store *s)
{
	return 0; /* nothing is kept */
}

int store_post(struct store *s, const struct store_request *req)
{
	return ENOBUFS;
}

static struct routes routes;

static int make_routes(void **state)
{
	return routes_make(&routes);
}

static int close_routes(void **state)
{
	routes_close(&routes);
	return 0;
}

static const char *match(const char *method, const char *path, uint64_t *idp)
{
	struct buf allow = {0};
	const struct route *r = route_match(&routes, str_of(method), str_of(path), idp, &allow);

	buf_free(&allow);
	return r ? r->operation_id : NULL;
}

static void paths_find_their_operation(void **state)
{
	uint64_t id;

	assert_string_equal(match("GET", "/api/extensions", &id), "list_extensions");
	assert_string_equal(match("HEAD", "/api/extensions", &id), "list_extensions");
	assert_string_equal(match("POST", "/api/extensions", &id), "create_extension");
	assert_string_equal(match("PATCH", "/api/ring_groups/42", &id), "update_ring_group");
	assert_int_equal(id, 42);
	assert_string_equal(match("POST", "/api/accounts/9223372036854775807/destroy", &id),
			    "destroy_account");
	assert_true(id == INT64_MAX);
	assert_string_equal(match("DELETE", "/api/sessions/7", &id), "delete_session");
	assert_null(match("GET", "/api/extensions/", &id));
	assert_null(match("GET", "/api/extensions/1/2", &id));
	assert_null(match("GET", "/api/nothing", &id));
	assert_null(match("get", "/api/extensions", &id));
}

static void what_is_no_id_names_nothing(void **state)
{
	static const char *const none[] = {"/api/users/0",
					   "/api/users/-1",
					   "/api/users/01",
					   "/api/users/x",
					   "/api/users/9223372036854775808",
					   "/api/users/99999999999999999999",
					   "/api/users/1.0",
					   "/api/users/ 1"};
	uint64_t id;

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		assert_string_equal(match("GET", none[i], &id), "get_user");
		assert_int_equal(id, 0);
	}
}

static void other_methods_are_told_which_there_are(void **state)
{
	struct buf allow = {0};
	uint64_t id;

	assert_null(route_match(&routes, STR("PUT"), STR("/api/extensions/3"), &id, &allow));
	assert_string_equal(allow.p, "GET, HEAD, PATCH, DELETE");
	buf_free(&allow);
}

static void every_operation_has_a_right_and_every_right_an_operation(void **state)
{
	static const struct {
		const char *what;
		enum op op;
	} rows[] = {
#define R(name, operation, admin, tenant) {name, OP_##operation},
#include "api/rights.def"
#undef R
	};

	for (size_t i = 0; i < routes.n; i++) {
		const struct route *r = &routes.v[i];
		size_t n = 0;

		for (size_t k = 0; k < ARRAY_LEN(rows); k++)
			n += rows[k].op == r->op && !strcmp(rows[k].what, r->what);
		if (n != (r->access != ACCESS_PUBLIC))
			fail_msg("%s: %zu rows", r->operation_id, n);
	}
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		size_t n = 0;

		for (size_t i = 0; i < routes.n; i++)
			n += rows[k].op == routes.v[i].op &&
			     !strcmp(rows[k].what, routes.v[i].what);
		if (!n)
			fail_msg("%s: no operation", rows[k].what);
	}
}

static void tenants_are_made_by_administrators_only(void **state)
{
	assert_int_equal(right_of("tenants", OP_CREATE, ROLE_TENANT), RIGHT_NO);
	assert_int_equal(right_of("tenants", OP_DELETE, ROLE_TENANT), RIGHT_NO);
	assert_int_equal(right_of("tenants", OP_UPDATE, ROLE_TENANT), RIGHT_OWN);
	assert_int_equal(right_of("tenants", OP_CREATE, ROLE_ADMIN), RIGHT_ALL);
	assert_int_equal(right_of("unheard_of", OP_GET, ROLE_ADMIN), RIGHT_NO);
}

static void problems_say_what_and_where(void **state)
{
	json_t *errors = json_pack("[{s:s,s:s,s:s}]", "field", "number", "code", "taken", "message",
				   "101 is taken");
	char *text = problem_text(PROBLEM_CONFLICT, "with \"quotes\"", errors);
	json_t *j = json_loads(text, 0, NULL);

	assert_int_equal(json_integer_value(json_object_get(j, "status")), 409);
	assert_string_equal(json_string_value(json_object_get(j, "type")),
			    "/api/docs#problem-conflict");
	assert_string_equal(json_string_value(json_object_get(j, "detail")), "with \"quotes\"");
	assert_int_equal(json_array_size(json_object_get(j, "errors")), 1);
	assert_int_equal(problem_of_errno(EINVAL, errors), PROBLEM_CONFLICT);
	assert_int_equal(problem_of_errno(EINVAL, NULL), PROBLEM_INVALID);
	json_array_append_new(errors, json_pack("{s:s,s:s,s:s}", "field", "x", "code", "required",
						"message", "m"));
	assert_int_equal(problem_of_errno(EINVAL, errors), PROBLEM_INVALID);
	assert_int_equal(problem_of_errno(EIO, NULL), PROBLEM_INTERNAL);
	json_decref(j);
	json_decref(errors);
	free(text);
}

static void queries_are_decoded(void **state)
{
	struct params q;
	uint32_t limit;

	assert_int_equal(
		params_parse(
			&q, STR("q=a+b%26c&limit=7&empty=&flag&&from=2026-11-20T08:00:00%2B01:00")),
		0);
	assert_int_equal(q.n, 5);
	assert_true(str_eq(params_get(&q, "q"), STR("a b&c")));
	assert_true(str_eq(params_get(&q, "empty"), STR("")));
	assert_non_null(params_get(&q, "flag").p ? "" : NULL);
	assert_null(params_get(&q, "none").p);
	assert_int_equal(params_limit(&q, &limit), 0);
	assert_int_equal(limit, 7);
	params_close(&q);
}

static void bad_queries_are_refused(void **state)
{
	static const char *const bad[] = {"a=%", "a=%4",  "a=%zz", "a=%00",    "a=1&a=2",
					  "=x",	 "a=%ff", "a=%0a", "%61=1&a=2"};
	static const char *const limits[] = {"limit=0", "limit=501", "limit=-1",
					     "limit=",	"limit=1e3", "limit=99999999999"};
	struct buf many = {0};
	struct params q;
	uint32_t limit;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!params_parse(&q, str_of(bad[i])))
			fail_msg("%s was taken", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		assert_int_equal(params_parse(&q, str_of(limits[i])), 0);
		assert_int_equal(params_limit(&q, &limit), EINVAL);
		params_close(&q);
	}
	for (int i = 0; i <= PARAMS_MAX; i++)
		buf_printf(&many, "p%d=1&", i);
	assert_int_equal(params_parse(&q, buf_view(&many)), E2BIG);
	buf_free(&many);
}

static void times_are_read_with_their_zone(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{"1970-01-01", 0},
		{"1970-01-02T00:00:00Z", 86400000000},
		{"1970-01-01T01:00:00+01:00", 0},
		{"1970-01-01T01:00:00 01:00", 0}, /* '+' not escaped in the URL */
		{"1970-01-01T00:00:00.5Z", 500000},
		{"2024-02-29T12:00:00.123456789Z", 1709208000123456},
	};
	static const char *const bad[] = {"",
					  "x",
					  "2026-02-30",
					  "2026-13-01",
					  "2026-01-01T24:00:00Z",
					  "2026-01-01T00:00:00",
					  "1969-12-31",
					  "2026-01-01T00:00Z",
					  "2026-01-01T00:00:00.Z",
					  "2026-01-01T00:00:00+1:00",
					  "2026-01-01Z",
					  "1577836800"};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(params_time(str_of(good[i].text), &us), 0);
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!params_time(str_of(bad[i]), &us))
			fail_msg("%s was taken", bad[i]);
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(text), 0), 0);
	return a;
}

static void guessing_is_slowed_for_one_user_and_for_one_address(void **state)
{
	struct throttle *t;
	struct addr here = ip("192.0.2.1"), there = ip("192.0.2.2");
	char user[16];

	assert_int_equal(throttle_alloc(&t), 0);
	for (int i = 0; i < THROTTLE_PER_USER; i++)
		assert_int_equal(throttle_try(t, &here, STR("anna@x"), 1000), 0);
	assert_int_equal(throttle_try(t, &here, STR("anna@x"), 1000), 60);
	assert_int_equal(throttle_try(t, &here, STR("anna@x"), 60999), 1);
	assert_int_equal(throttle_try(t, &there, STR("anna@x"), 1000),
			 0); /* she herself, from elsewhere */
	assert_int_equal(throttle_try(t, &here, STR("anna@x"), 61000), 0);

	for (int i = 0; i < THROTTLE_PER_ADDRESS; i++) {
		snprintf(user, sizeof(user), "u%d@x", i);
		assert_int_equal(throttle_try(t, &there, str_of(user), 200000), 0);
	}
	assert_int_equal(throttle_try(t, &there, STR("new@x"), 200000), 60);
	throttle_free(t);
}

static void success_gives_the_tries_back(void **state)
{
	struct throttle *t;
	struct addr here = ip("192.0.2.1");

	assert_int_equal(throttle_alloc(&t), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(throttle_try(t, &here, STR("anna@x"), 5), 0);
		throttle_succeeded(t, &here, STR("anna@x"));
	}
	throttle_free(t);
}

static void addresses_of_one_ipv6_network_count_as_one(void **state)
{
	struct throttle *t;
	char text[64];

	assert_int_equal(throttle_alloc(&t), 0);
	for (int i = 0; i < THROTTLE_PER_USER; i++) {
		snprintf(text, sizeof(text), "2001:db8:1:2::%x", i + 1);
		struct addr a = ip(text);

		assert_int_equal(throttle_try(t, &a, STR("anna@x"), 5), 0);
	}
	struct addr same_net = ip("2001:db8:1:2:ffff::1"), other = ip("2001:db8:1:3::1");

	assert_true(throttle_try(t, &same_net, STR("anna@x"), 5) > 0);
	assert_int_equal(throttle_try(t, &other, STR("anna@x"), 5), 0);
	throttle_free(t);
}

static void memory_of_guesses_is_bounded(void **state)
{
	struct throttle *t;
	struct addr a = ip("10.0.0.0");

	assert_int_equal(throttle_alloc(&t), 0);
	for (uint32_t i = 0; i < 2 * THROTTLE_MAX_KEYS; i++) {
		memcpy(a.ip + 1, &i, 3);
		assert_int_equal(throttle_try(t, &a, STR("anna@x"), 5), 0);
	}
	throttle_free(t); /* under ASan: nothing leaks; the bound itself is in throttle.c's map */
}

/* Every $ref resolves. */
static void check_refs(const json_t *doc, const json_t *at)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(at)) {
		json_array_foreach((json_t *)at, i, value)
		{
			check_refs(doc, value);
		}
	}
	json_object_foreach((json_t *)at, key, value)
	{
		if (!strcmp(key, "$ref") && json_is_string(value)) {
			struct str rest = str_of(json_string_value(value));
			const json_t *to = doc;
			char name[128];

			assert_true(str_eq(str_cut(&rest, '/'), STR("#")));
			while (rest.p) {
				assert_int_equal(str_copy(name, sizeof(name), str_cut(&rest, '/')),
						 0);
				to = json_object_get(to, name);
			}
			if (!to)
				fail_msg("%s leads nowhere", json_string_value(value));
		}
		check_refs(doc, value);
	}
}

static void openapi_document_is_whole(void **state)
{
	char *text;
	size_t n, operations = 0;
	json_t *doc, *path, *op, *ids = json_object();
	const char *key, *method;

	assert_int_equal(openapi_make(&routes, &text, &n), 0);
	doc = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(doc);
	check_refs(doc, doc);
	json_object_foreach(json_object_get(doc, "paths"), key, path)
	{
		json_object_foreach(path, method, op)
		{
			const char *id = json_string_value(json_object_get(op, "operationId"));

			assert_null(json_object_get(ids, id));
			json_object_set_new(ids, id, json_true());
			operations++;
		}
	}
	assert_int_equal(operations, routes.n);
	json_decref(ids);
	json_decref(doc);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_their_operation),
		cmocka_unit_test(what_is_no_id_names_nothing),
		cmocka_unit_test(other_methods_are_told_which_there_are),
		cmocka_unit_test(every_operation_has_a_right_and_every_right_an_operation),
		cmocka_unit_test(tenants_are_made_by_administrators_only),
		cmocka_unit_test(problems_say_what_and_where),
		cmocka_unit_test(queries_are_decoded),
		cmocka_unit_test(bad_queries_are_refused),
		cmocka_unit_test(times_are_read_with_their_zone),
		cmocka_unit_test(guessing_is_slowed_for_one_user_and_for_one_address),
		cmocka_unit_test(success_gives_the_tries_back),
		cmocka_unit_test(addresses_of_one_ipv6_network_count_as_one),
		cmocka_unit_test(memory_of_guesses_is_bounded),
		cmocka_unit_test(openapi_document_is_whole),
	};

	return cmocka_run_group_tests(tests, make_routes, close_routes);
}
