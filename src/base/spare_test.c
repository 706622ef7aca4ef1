/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/spare.h"

static void size_is_rounded_up(void **state)
{
	assert_int_equal(spare_size(1), 64);
	assert_int_equal(spare_size(64), 64);
	assert_int_equal(spare_size(65), 128);
	assert_int_equal(spare_size(100000), 100032);
}

static void last_given_is_taken_first(void **state)
{
	void *a = spare_take(300), *b = spare_take(290), *c;

	assert_non_null(a);
	assert_non_null(b);
	spare_give(a, 300);
	spare_give(b, 290);
	c = spare_take(320);
	assert_non_null(c);
	assert_ptr_equal(c, b);
	memset(c, 0xff, 320);
	spare_give(c, 320);
	c = spare_take(330); /* another size */
	assert_non_null(c);
	assert_ptr_not_equal(c, a);
	assert_ptr_not_equal(c, b);
	spare_give(c, 330);
	assert_ptr_equal(spare_take(320), b);
	assert_ptr_equal(spare_take(320), a);
	spare_give(a, 320);
	spare_give(b, 320);
}

static void no_more_is_kept_than_the_limit(void **state)
{
	enum { N = 20, BYTES = 8192, KEPT = 8 };
	void *all[N], *again[KEPT];

	for (size_t i = 0; i < N; i++) {
		all[i] = spare_take(BYTES);
		assert_non_null(all[i]);
	}
	for (size_t i = 0; i < N; i++)
		spare_give(all[i], BYTES);
	for (size_t i = 0; i < KEPT; i++) {
		again[i] = spare_take(BYTES);
		assert_ptr_equal(again[i], all[KEPT - 1 - i]);
	}
	for (size_t i = 0; i < KEPT; i++)
		spare_give(again[i], BYTES);
	spare_give(spare_take(100000), 100000); /* too large to be kept */
}

static void *on_thread(void *arg)
{
	for (size_t n = 1; n < 9000; n += 500)
		spare_give(spare_take(n), n);
	return arg;
}

/* The leak sanitizer sees what a thread that ends keeps. */
static void threads_leave_nothing(void **state)
{
	for (int i = 0; i < 10; i++) {
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, on_thread, NULL), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_rounded_up),
		cmocka_unit_test(last_given_is_taken_first),
		cmocka_unit_test(no_more_is_kept_than_the_limit),
		cmocka_unit_test(threads_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
