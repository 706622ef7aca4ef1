/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/ids.h"

static void dead_id_never_finds_its_successor(void **state)
{
	struct ids *ids;
	int a = 1, b = 2;
	oid first, second;

	assert_int_equal(ids_alloc(&ids, 1), 0);
	assert_int_equal(ids_add(ids, &a, &first), 0);
	assert_ptr_equal(ids_get(ids, first), &a);
	ids_remove(ids, first);
	assert_int_equal(ids_add(ids, &b, &second), 0);
	assert_int_equal((uint32_t)first, (uint32_t)second); /* the same place … */
	assert_true(first != second);			     /* … another generation */
	assert_null(ids_get(ids, first));
	ids_remove(ids, first); /* too late: touches nothing */
	assert_ptr_equal(ids_get(ids, second), &b);
	ids_free(ids);
}

static void ids_that_nobody_gave_find_nothing(void **state)
{
	struct ids *ids;
	int a = 1;
	oid id;

	assert_int_equal(ids_alloc(&ids, 0), 0);
	assert_null(ids_get(ids, 0));
	assert_null(ids_get(ids, 1));
	assert_int_equal(ids_add(ids, &a, &id), 0);
	assert_null(ids_get(ids, id + 1));
	assert_null(ids_get(ids, (uint32_t)id));
	assert_null(ids_get(ids, id & ~(oid)UINT32_MAX));
	assert_null(ids_get(ids, UINT64_MAX));
	ids_free(ids);
}

static void no_more_than_max_at_a_time(void **state)
{
	struct ids *ids;
	int a[3];
	oid id[3];

	assert_int_equal(ids_alloc(&ids, 2), 0);
	assert_int_equal(ids_add(ids, &a[0], &id[0]), 0);
	assert_int_equal(ids_add(ids, &a[1], &id[1]), 0);
	assert_int_equal(ids_add(ids, &a[2], &id[2]), ENOSPC);
	ids_remove(ids, id[0]);
	assert_int_equal(ids_add(ids, &a[2], &id[2]), 0);
	assert_int_equal(ids_count(ids), 2);
	ids_free(ids);
}

static void places_are_reused_oldest_first(void **state)
{
	struct ids *ids;
	int a[4];
	oid id[4], again;

	assert_int_equal(ids_alloc(&ids, 0), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ids_add(ids, &a[i], &id[i]), 0);
	ids_remove(ids, id[2]);
	ids_remove(ids, id[0]);
	assert_int_equal(ids_add(ids, &a[2], &again), 0);
	assert_int_equal((uint32_t)again, (uint32_t)id[2]);
	assert_int_equal(ids_add(ids, &a[0], &again), 0);
	assert_int_equal((uint32_t)again, (uint32_t)id[0]);
	ids_free(ids);
}

static void walk_meets_all_and_may_remove(void **state)
{
	enum { N = 1000 };
	static int objects[N];
	size_t pos = 0, met = 0;
	struct ids *ids;
	oid id;
	int *o;

	assert_int_equal(ids_alloc(&ids, 0), 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(ids_add(ids, &objects[i], &id), 0);
	while ((o = ids_next(ids, &pos, &id)) != NULL) {
		met++;
		if (met % 2)
			ids_remove(ids, id);
		else
			assert_ptr_equal(ids_get(ids, id), o);
	}
	assert_int_equal(met, N);
	assert_int_equal(ids_count(ids), N / 2);
	for (pos = 0, met = 0; ids_next(ids, &pos, NULL); met++)
		;
	assert_int_equal(met, N / 2);
	ids_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dead_id_never_finds_its_successor),
		cmocka_unit_test(ids_that_nobody_gave_find_nothing),
		cmocka_unit_test(no_more_than_max_at_a_time),
		cmocka_unit_test(places_are_reused_oldest_first),
		cmocka_unit_test(walk_meets_all_and_may_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
