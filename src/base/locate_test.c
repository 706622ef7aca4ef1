/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/locate.h"

static struct rng_seeded seeded;

static void add(struct located *l, uint16_t host, uint32_t priority, uint16_t weight)
{
	struct locate_target *t = &l->target[l->n++];

	*t = (struct locate_target){.priority = priority, .weight = weight, .host = host};
	t->addr = (struct addr){.family = 4, .port = (uint16_t)l->n};
}

static void lower_priority_is_first(void **state)
{
	for (int i = 0; i < 100; i++) {
		struct located l = {0};

		add(&l, 0, 20, 65535);
		add(&l, 1, 10, 0);
		add(&l, 2, 15, 7);
		locate_order(&l, &seeded.rng);
		assert_int_equal(l.target[0].host, 1);
		assert_int_equal(l.target[1].host, 2);
		assert_int_equal(l.target[2].host, 0);
	}
}

static void weights_share_the_work(void **state)
{
	unsigned first[3] = {0};

	for (int i = 0; i < 10000; i++) {
		struct located l = {0};

		add(&l, 0, 10, 60);
		add(&l, 1, 10, 30);
		add(&l, 1, 10, 30); /* two addresses weigh no more than one */
		add(&l, 2, 10, 10);
		locate_order(&l, &seeded.rng);
		first[l.target[0].host]++;
	}
	assert_in_range(first[0], 5700, 6300);
	assert_in_range(first[1], 2700, 3300);
	assert_in_range(first[2], 800, 1200);
}

static void weight_of_zero_is_rarely_first(void **state)
{
	unsigned first = 0;

	for (int i = 0; i < 10000; i++) {
		struct located l = {0};

		add(&l, 0, 10, 0);
		add(&l, 1, 10, 100);
		locate_order(&l, &seeded.rng);
		first += l.target[0].host == 0;
		assert_int_not_equal(l.target[0].host, l.target[1].host);
	}
	assert_in_range(first, 0, 20);
}

static void nobody_is_lost_and_hosts_stay_together(void **state)
{
	for (int i = 0; i < 1000; i++) {
		struct located l = {0};
		unsigned seen = 0;

		for (uint16_t k = 0; k < LOCATE_MAX; k++)
			add(&l, k / 3, k < 9 ? 1 : 2, 0);
		locate_order(&l, &seeded.rng);
		for (size_t k = 0; k < LOCATE_MAX; k++)
			seen |= 1u << l.target[k].addr.port;
		assert_int_equal(seen, 0x1fffe);
		for (size_t k = 1; k + 1 < LOCATE_MAX; k++)
			if (l.target[k].host != l.target[k - 1].host)
				for (size_t j = k + 1; j < LOCATE_MAX; j++)
					assert_int_not_equal(l.target[j].host,
							     l.target[k - 1].host);
	}
}

static void an_address_is_a_literal_and_a_name_is_not(void **state)
{
	struct located l;
	char text[ADDR_STR_BYTES];

	assert_true(locate_literal(
		&(struct locate_question){.host = STR("192.0.2.1"), .transport = FLOW_TLS}, &l));
	assert_string_equal(addr_str(text, &l.target[0].addr), "192.0.2.1:5061");
	assert_false(locate_literal(&(struct locate_question){.host = STR("192.0.2.1.test")}, &l));
}

static int setup(void **state)
{
	rng_seeded_init(&seeded, 7);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lower_priority_is_first),
		cmocka_unit_test(weights_share_the_work),
		cmocka_unit_test(weight_of_zero_is_rarely_first),
		cmocka_unit_test(nobody_is_lost_and_hosts_stay_together),
		cmocka_unit_test(an_address_is_a_literal_and_a_name_is_not),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
