/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/idmap.h"

struct member {
	int number;
	struct idmap_key key;
};

static void each_is_found_by_both_ids_and_by_no_other(void **state)
{
	enum { N = 40 };
	struct member all[N * N] = {0};
	struct map m;

	assert_int_equal(map_init(&m), 0);
	for (uint64_t i = 0; i < N * N; i++) {
		all[i].number = (int)i;
		idmap_add(&m, &all[i].key, i / N, i % N);
	}
	for (uint64_t i = 0; i < N * N; i++) {
		struct member *found = IDMAP_FIND(struct member, &m, i / N, i % N);

		assert_ptr_equal(found, &all[i]);
		assert_int_equal(found->number, i);
		assert_null(idmap_next(&found->key));
	}
	assert_null(IDMAP_FIND(struct member, &m, N, 0));
	assert_null(IDMAP_FIND(struct member, &m, 0, N));
	map_remove(&m, &all[0].key.node);
	assert_null(IDMAP_FIND(struct member, &m, 0, 0));
	map_close(&m);
}

static void those_of_the_same_ids_follow_each_other(void **state)
{
	struct member a[3] = {0}, other = {0};
	struct map m;
	size_t n = 0;

	assert_int_equal(map_init(&m), 0);
	idmap_add(&m, &other.key, 7, 8);
	for (size_t i = 0; i < ARRAY_LEN(a); i++)
		idmap_add(&m, &a[i].key, 8, 7);
	for (struct idmap_key *k = idmap_find(&m, 8, 7); k; k = idmap_next(k)) {
		assert_true(IDMAP_OF(struct member, k) != &other);
		n++;
	}
	assert_int_equal(n, 3);
	map_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_by_both_ids_and_by_no_other),
		cmocka_unit_test(those_of_the_same_ids_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
