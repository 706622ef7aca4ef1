/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counted memory and the buffer: what both do when memory runs out. */
#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/ids.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/ring.h"

static void bytes_are_back_where_they_were(void **state)
{
	uint64_t bytes = mem_bytes(), objects = mem_objects();
	char *a = mem_alloc(100), *b = mem_str(STR("hello")), *c = mem_dup("xyz", 3), *bigger;

	assert_non_null(a);
	assert_string_equal(b, "hello");
	assert_int_equal(mem_bytes(), bytes + 100 + 6 + 3);
	assert_int_equal(mem_objects(), objects + 3);
	memset(a, 'a', 100);
	bigger = mem_realloc(a, 300);
	assert_non_null(bigger);
	assert_int_equal(bigger[99], 'a');
	assert_int_equal(bigger[100], 0);
	assert_int_equal(bigger[299], 0);
	assert_int_equal(mem_bytes(), bytes + 300 + 6 + 3);
	bigger = mem_realloc(bigger, 50);
	assert_int_equal(mem_bytes(), bytes + 50 + 6 + 3);
	assert_null(mem_free(bigger));
	mem_free(b);
	mem_free(c);
	assert_null(mem_free(NULL));
	assert_int_equal(mem_bytes(), bytes);
	assert_int_equal(mem_objects(), objects);
}

static void *takes_one_gives_another(void *arg)
{
	void **box = arg;

	mem_free(*box);
	*box = mem_alloc(1000);
	return NULL;
}

/* More of them than have a tally of their own. */
static void threads_that_pass_memory_on_are_counted_together(void **state)
{
	uint64_t bytes = mem_bytes(), objects = mem_objects();
	void *box = mem_alloc(10);

	for (int i = 0; i < 100; i++) {
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, takes_one_gives_another, &box), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
		assert_int_equal(mem_bytes(), bytes + 1000);
		assert_int_equal(mem_objects(), objects + 1);
	}
	mem_free(box);
	assert_int_equal(mem_bytes(), bytes);
	assert_int_equal(mem_objects(), objects);
}

static void nth_allocation_fails_once_or_for_ever(void **state)
{
#ifdef OFFHOOK_TEST_BUILD
	void *p;

	mem_fail(2, false);
	p = mem_alloc(1);
	assert_non_null(p);
	mem_free(p);
	assert_false(mem_failed());
	assert_null(mem_alloc(1));
	assert_true(mem_failed());
	p = mem_alloc(1);
	assert_non_null(p);
	mem_free(p);

	mem_fail(1, true);
	assert_null(mem_alloc(1));
	assert_null(mem_alloc(1));
	mem_fail(0, false);
	p = mem_alloc(1);
	assert_non_null(p);
	mem_free(p);
#endif
}

#ifdef OFFHOOK_TEST_BUILD
/* Each container, with its 1st, 2nd, … allocation failing until all succeed: an error or success, never a leak. */
static int use_containers(void)
{
	struct map_node nodes[100];
	struct ids *ids = NULL;
	struct ring *ring = NULL;
	struct buf b = {0};
	struct map m = {0};
	oid id;
	int err = map_init(&m);

	if (!err)
		for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
			map_add(&m, &nodes[i],
				map_hash_u64(i, 0)); /* never fails, only grows slower */
	if (!err)
		assert_int_equal(m.count, 100);
	if (!err)
		err = ids_alloc(&ids, 10);
	if (!err)
		err = ids_add(ids, &id, &id);
	if (!err)
		err = ring_alloc(&ring, 8, 8);
	if (!err) {
		for (int i = 0; i < 500; i++)
			buf_cstr(&b, "some text ");
		err = b.err;
	}
	map_close(&m);
	ids_free(ids);
	ring_free(ring);
	buf_free(&b);
	return err;
}
#endif

static void containers_survive_each_failing_allocation(void **state)
{
#ifdef OFFHOOK_TEST_BUILD
	uint64_t nth = 1, errors = 0;

	for (;; nth++) {
		int err;

		mem_fail(nth, false);
		err = use_containers();
		if (!mem_failed())
			break;
		assert_true(!err || err == ENOMEM);
		errors += !!err;
		assert_true(nth < 1000);
	}
	mem_fail(0, false);
	assert_true(nth > 10);
	assert_true(errors > 5);
#endif
}

static void buffer_grows_and_is_always_terminated(void **state)
{
	struct buf b = {0};
	size_t n;
	char *p;

	assert_string_equal(buf_view(&b).p, "");
	for (int i = 0; i < 1000; i++) {
		buf_u64(&b, (uint64_t)i);
		assert_int_equal(b.p[b.n], 0);
	}
	assert_int_equal(b.n, 10 + 180 + 2700);
	buf_reset(&b);
	buf_printf(&b, "%s-%d", "x", 5);
	buf_u64(&b, UINT64_MAX);
	assert_string_equal(b.p, "x-518446744073709551615");
	buf_reset(&b);
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%0200d", 7);
	assert_int_equal(b.n, 20000);
	p = buf_take(&b, &n);
	assert_int_equal(strlen(p), n);
	assert_null(b.p);
	free(p);
	p = buf_take(&b, &n); /* of an empty buffer: an empty text */
	assert_string_equal(p, "");
	free(p);
}

static void buffer_stops_at_its_limit_and_says_so(void **state)
{
	struct buf b = {.max = 10};

	buf_cstr(&b, "123456789");
	assert_int_equal(b.err, 0);
	buf_cstr(&b, "ab");
	assert_int_equal(b.err, ENOSPC);
	buf_cstr(&b, "a"); /* would fit, but comes after what did not */
	assert_string_equal(b.p, "123456789");
	assert_null(buf_take(&b, NULL));
	buf_reset(&b);
	buf_printf(&b, "%s", "0123456789");
	assert_int_equal(b.err, 0);
	buf_printf(&b, "%d", 1);
	assert_int_equal(b.err, ENOSPC);
	assert_string_equal(b.p, "0123456789");
	buf_free(&b);
}

PRINTF_LIKE(1, 2) static void is_as_libc_prints(const char *fmt, ...)
{
	struct buf b = {0};
	char expected[256];
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	buf_cstr(&b, "before ");
	buf_vprintf(&b, fmt, again);
	va_end(again);
	va_end(ap);
	assert_int_equal(b.err, 0);
	assert_string_equal(b.p + 7, expected);
	assert_int_equal(b.n, 7 + strlen(expected));
	buf_free(&b);
}

static void buf_prints_as_libc_does(void **state)
{
	is_as_libc_prints("plain");
	is_as_libc_prints("100%%, %s", "yes");
	is_as_libc_prints("<%s> %.*s|%.*s", "", 3, "abcdef", 9, "abc");
	is_as_libc_prints("%.*s", -1, "all of it");
	is_as_libc_prints("%u %d %d %d", 4294967295u, 0, -1, INT32_MIN);
	is_as_libc_prints("%zu %lu %ld %ld", SIZE_MAX, UINT64_MAX, INT64_MIN, INT64_MAX);
	is_as_libc_prints("%s then %08x, %s", "common", 0xbeefu, "and back");
	is_as_libc_prints("%5d|%-5s|%c|%llu", 7, "x", 'y', 5ull);
}

static void what_does_not_fit_leaves_what_was_there(void **state)
{
	struct buf b = {.max = 8};

	buf_cstr(&b, "abc");
	buf_printf(&b, "12%s", "34567");
	assert_int_equal(b.err, ENOSPC);
	assert_string_equal(b.p, "abc");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_prints_as_libc_does),
		cmocka_unit_test(what_does_not_fit_leaves_what_was_there),
		cmocka_unit_test(bytes_are_back_where_they_were),
		cmocka_unit_test(threads_that_pass_memory_on_are_counted_together),
		cmocka_unit_test(nth_allocation_fails_once_or_for_ever),
		cmocka_unit_test(containers_survive_each_failing_allocation),
		cmocka_unit_test(buffer_grows_and_is_always_terminated),
		cmocka_unit_test(buffer_stops_at_its_limit_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
