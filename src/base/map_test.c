/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/map.h"

struct member {
	struct map_node node;
	uint64_t key;
};

static bool same_key(const struct map_node *node, const void *key)
{
	return ((const struct member *)node)->key == *(const uint64_t *)key;
}

static struct member *get(const struct map *m, uint64_t key)
{
	return (struct member *)map_find(m, map_hash_u64(0, key), same_key, &key);
}

static void put(struct map *m, struct member *member, uint64_t key)
{
	member->key = key;
	map_add(m, &member->node, map_hash_u64(0, key));
}

static void finds_what_was_added_through_every_growth(void **state)
{
	enum { N = 20000 };
	struct member *all = calloc(N, sizeof(*all));
	struct map m;

	assert_non_null(all);
	assert_int_equal(map_init(&m), 0);
	for (uint64_t i = 0; i < N; i++) {
		put(&m, &all[i], i);
		assert_ptr_equal(get(&m, i), &all[i]);
		assert_ptr_equal(get(&m, i / 2), &all[i / 2]);
		assert_null(get(&m, i + 1));
	}
	assert_int_equal(m.count, N);
	for (uint64_t i = 0; i < N; i += 2)
		map_remove(&m, &all[i].node);
	for (uint64_t i = 0; i < N; i++)
		assert_ptr_equal(get(&m, i), i % 2 ? &all[i] : NULL);
	map_close(&m);
	free(all);
}

static void no_add_moves_more_than_a_few_buckets(void **state)
{
	enum { N = 100000 };
	struct member *all = calloc(N, sizeof(*all));
	struct map m;
	size_t growths = 0;

	assert_non_null(all);
	assert_int_equal(map_init(&m), 0);
	for (uint64_t i = 0; i < N; i++) {
		size_t moved_before = m.old ? m.moved : 0, nold_before = m.nold;

		put(&m, &all[i], i);
		if (nold_before && m.old)
			assert_true(m.moved - moved_before <= 4);
		if (nold_before && !m.old)
			assert_true(nold_before - moved_before <= 4);
		if (!nold_before && m.old) {
			growths++;
			assert_true(m.moved <= 4);
		}
		/* Moving is over before the next growth is due. */
		assert_true(m.count <= m.nnow + 1);
	}
	assert_true(growths >= 12);
	map_close(&m);
	free(all);
}

static void walk_meets_each_member_once_also_amid_growth(void **state)
{
	enum { N = 3000 };
	struct member *all = calloc(N, sizeof(*all));
	unsigned char *seen = calloc(N, 1);
	struct map m;

	assert_non_null(all);
	assert_non_null(seen);
	assert_int_equal(map_init(&m), 0);
	for (uint64_t i = 0; i < N; i++) {
		size_t met = 0;

		put(&m, &all[i], i);
		if (i % 7 && !(m.old && i % 2))
			continue;
		struct map_iter it = {0};

		for (struct map_node *n; (n = map_next(&m, &it)) != NULL; met++)
			seen[((struct member *)n)->key]++;
		assert_int_equal(met, i + 1);
		for (uint64_t k = 0; k <= i; k++) {
			assert_int_equal(seen[k], 1);
			seen[k] = 0;
		}
	}
	free(seen);
	map_close(&m);
	free(all);
}

static void walked_member_may_be_removed(void **state)
{
	struct member all[100];
	struct map_iter it = {0};
	struct map_node *n;
	struct map m;

	assert_int_equal(map_init(&m), 0);
	for (uint64_t i = 0; i < ARRAY_LEN(all); i++)
		put(&m, &all[i], i);
	while ((n = map_next(&m, &it)) != NULL)
		map_remove(&m, n);
	assert_int_equal(m.count, 0);
	map_close(&m);
}

static void equal_hashes_are_all_found(void **state)
{
	struct member all[40];
	uint64_t key = 7;
	struct map_node *n;
	struct map m;
	size_t found = 0;

	assert_int_equal(map_init(&m), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		put(&m, &all[i], key); /* one key many times: contacts of an account */
	for (n = map_find(&m, map_hash_u64(0, key), same_key, &key); n;
	     n = map_find_next(n, same_key, &key))
		found++;
	assert_int_equal(found, ARRAY_LEN(all));
	map_close(&m);
}

/* Names as an attacker would choose them: alike but for a counter, or equal under simple hashes ("Aa" and "BB"). */
static void adversarial_names_spread_like_chance(void **state)
{
	enum { N = 8192, BUCKETS = 8192 };
	static unsigned char load[BUCKETS];
	unsigned worst = 0;

	for (unsigned i = 0; i < N; i++) {
		char name[32];

		for (unsigned bit = 0; bit < 13; bit++) {
			name[2 * bit] = i >> bit & 1 ? 'A' : 'B';
			name[2 * bit + 1] = i >> bit & 1 ? 'a' : 'B';
		}
		unsigned char *in = &load[map_hash((uint8_t *)name, 26) % BUCKETS];

		if (++*in > worst)
			worst = *in;
	}
	assert_true(worst <= 12); /* balls in bins: 6 or 7 expected, 13 one in 10^5 */
}

static void hash_depends_on_the_seed_and_only_on_it(void **state)
{
	static const uint8_t key_a[16] = {1}, key_b[16] = {2};
	uint64_t a, b;

	map_seed(key_a);
	a = map_hash_str(STR("1001"));
	map_seed(key_b);
	b = map_hash_str(STR("1001"));
	map_seed(key_a);
	assert_true(a != b);
	assert_true(a == map_hash_str(STR("1001")));
}

static void folded_hash_ignores_case_and_nothing_else(void **state)
{
	char longer[600], upper[600];

	for (size_t i = 0; i < sizeof(longer); i++) {
		longer[i] = (char)('a' + i % 26);
		upper[i] = (char)('A' + i % 26);
	}
	assert_true(map_hash_istr(STR("Alice")) == map_hash_istr(STR("aLICE")));
	assert_true(map_hash_istr(STR("alice@")) != map_hash_istr(STR("alice`")));
	assert_true(map_hash_istr((struct str){longer, 600}) ==
		    map_hash_istr((struct str){upper, 600}));
	assert_true(map_hash_istr((struct str){longer, 600}) !=
		    map_hash_istr((struct str){upper, 599}));
	assert_true(map_hash2(1, STR("x")) != map_hash2(2, STR("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added_through_every_growth),
		cmocka_unit_test(no_add_moves_more_than_a_few_buckets),
		cmocka_unit_test(walk_meets_each_member_once_also_amid_growth),
		cmocka_unit_test(walked_member_may_be_removed),
		cmocka_unit_test(equal_hashes_are_all_found),
		cmocka_unit_test(adversarial_names_spread_like_chance),
		cmocka_unit_test(hash_depends_on_the_seed_and_only_on_it),
		cmocka_unit_test(folded_hash_ignores_case_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
