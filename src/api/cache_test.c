/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api/cache.h"
#include "base/buf.h"

static const struct store_reply *get(struct cache *c, const char *key, uint64_t generation,
				     uint64_t now_ms)
{
	return cache_get(c, str_of(key), generation, now_ms);
}

static void put(struct cache *c, const char *key, uint64_t generation, const char *json)
{
	char *text = strdup(json);
	const struct store_reply reply = {.id = 5, .json = text, .njson = strlen(text)};

	cache_put(c, str_of(key), generation, 2000, &reply);
	free(text);
}

static void answer_is_true_until_something_changes_or_its_time_has_passed(void **state)
{
	struct cache *c;

	assert_int_equal(cache_alloc(&c), 0);
	put(c, "a", 7, "{}");
	assert_memory_equal(get(c, "a", 7, 1000)->json, "{}", 2);
	assert_int_equal(get(c, "a", 7, 1999)->id, 5);
	assert_null(get(c, "a", 7, 2000));
	assert_null(get(c, "a", 8, 1000));
	assert_null(get(c, "b", 7, 1000));
	put(c, "a", 8, "[1]");
	assert_null(get(c, "a", 7, 1000));
	assert_memory_equal(get(c, "a", 8, 1000)->json, "[1]", 3);
	cache_free(c);
}

static void errors_and_long_answers_are_not_kept(void **state)
{
	const size_t n = (64 << 10) + 1;
	char *text = malloc(n + 1);
	struct cache *c;
	struct store_reply reply = {.err = ENOENT, .json = text, .njson = 2};

	memset(text, 'x', n);
	text[n] = 0;
	assert_int_equal(cache_alloc(&c), 0);
	cache_put(c, STR("a"), 1, 1, &reply);
	assert_null(get(c, "a", 1, 0));
	reply = (struct store_reply){.json = text, .njson = n};
	cache_put(c, STR("a"), 1, 1, &reply);
	assert_null(get(c, "a", 1, 0));
	cache_free(c);
	free(text);
}

static void however_much_is_asked_for_the_memory_is_bounded(void **state)
{
	const size_t n = 60 << 10;
	char *text = malloc(n), key[24];
	const struct store_reply reply = {.json = text, .njson = n};
	struct cache *c;

	memset(text, 'x', n);
	assert_int_equal(cache_alloc(&c), 0);
	for (size_t i = 0; i < 3000; i++) { /* ten times what there is room for */
		(void)snprintf(key, sizeof(key), "%zu", i);
		cache_put(c, str_of(key), 1, 1, &reply);
		assert_true(cache_bytes(c) <= CACHE_BYTES);
		assert_non_null(get(c, key, 1, 0)); /* what came last is there */
	}
	assert_true(cache_bytes(c) > CACHE_BYTES - 2 * n);
	assert_null(get(c, "0", 1, 0));
	cache_free(c);
	free(text);
}

/* Two questions whose answers may differ are never one. */
static void whatever_an_answer_depends_on_is_in_its_key(void **state)
{
	const struct store_request base = {
		.op = STORE_GET, .res = &resource_extension, .tenant_id = 1, .id = 2};
	struct store_request other[8];
	struct buf a = {0};

	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		other[i] = base;
	other[0].op = STORE_LIST;
	other[1].res = &resource_account;
	other[2].tenant_id = 2;
	other[3].id = 3;
	other[4].owner_id = 1;
	other[5].is_admin = true;
	other[6].is_own = true;
	other[7].json = "{}";
	other[7].njson = 2;
	assert_true(cache_key(&a, &base));
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		struct buf b = {0};

		assert_true(cache_key(&b, &other[i]));
		assert_false(str_eq(buf_view(&a), buf_view(&b)));
		buf_free(&b);
	}
	buf_free(&a);
}

static void only_reads_are_kept(void **state)
{
	static const enum store_op ops[] = {STORE_CREATE, STORE_UPDATE, STORE_DELETE, STORE_LOGIN,
					    STORE_UNDO,	  STORE_EXPORT, STORE_IMPORT};
	static const char *const queries[] = {"ready", "cdrs", "cdr_export", "changes"};
	struct buf key = {0};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		assert_false(cache_key(
			&key, &(struct store_request){.op = ops[i], .res = &resource_extension}));
	for (size_t i = 0; i < ARRAY_LEN(queries); i++)
		assert_false(cache_key(
			&key, &(struct store_request){.op = STORE_QUERY, .query = queries[i]}));
	assert_int_equal(
		cache_key(&key, &(struct store_request){.op = STORE_QUERY, .query = "identity"}),
		1000);
	buf_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_is_true_until_something_changes_or_its_time_has_passed),
		cmocka_unit_test(errors_and_long_answers_are_not_kept),
		cmocka_unit_test(however_much_is_asked_for_the_memory_is_bounded),
		cmocka_unit_test(whatever_an_answer_depends_on_is_in_its_key),
		cmocka_unit_test(only_reads_are_kept),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
