/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/thread.h"
#include "net/guard.h"

static struct addr at(const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), 5060), 0);
	return a;
}

static void each_address_has_its_share_and_all_have_theirs(void **state)
{
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");
	struct guard *g;

	assert_int_equal(guard_alloc(&g, 3, 2), 0);
	assert_int_equal(guard_enter(g, &a), 0);
	a.port = 1; /* another port is the same peer */
	assert_int_equal(guard_enter(g, &a), 0);
	assert_int_equal(guard_enter(g, &a), EUSERS);
	assert_int_equal(guard_count(g), 2); /* refused: not counted */
	assert_int_equal(guard_enter(g, &b), 0);
	assert_int_equal(guard_enter(g, &b), EMFILE);
	assert_int_equal(guard_add(g), EMFILE);
	guard_leave(g, &a);
	assert_int_equal(guard_add(g), 0);
	assert_int_equal(guard_enter(g, &b), EMFILE);
	guard_sub(g);
	assert_int_equal(guard_enter(g, &b), 0);
	guard_free(g);
}

static void addresses_of_one_ipv6_network_are_one_peer(void **state)
{
	struct addr a = at("2001:db8:1:2::1"), same = at("2001:db8:1:2:ffff::9"),
		    other = at("2001:db8:1:3::1");
	struct guard *g;

	assert_int_equal(guard_alloc(&g, 10, 1), 0);
	assert_int_equal(guard_enter(g, &a), 0);
	assert_int_equal(guard_enter(g, &same), EUSERS);
	assert_int_equal(guard_enter(g, &other), 0);
	guard_leave(g, &same); /* whoever of them */
	assert_int_equal(guard_enter(g, &a), 0);
	guard_free(g);
}

static void come_and_go(void *arg)
{
	struct guard *g = arg;

	for (unsigned i = 0; i < 2000; i++) {
		struct addr a = {.family = 4, .ip = {10, 0, 0, (uint8_t)(i % 7)}};

		if (!guard_enter(g, &a))
			guard_leave(g, &a);
		if (!guard_add(g))
			guard_sub(g);
	}
}

static void threads_count_together(void **state)
{
	struct thread *t[3];
	struct guard *g;

	assert_int_equal(guard_alloc(&g, 4, 2), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(thread_start(&t[i], "guard", THREAD_FLOW, come_and_go, g), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		thread_join(t[i]);
	assert_int_equal(guard_count(g), 0);
	guard_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_share_and_all_have_theirs),
		cmocka_unit_test(addresses_of_one_ipv6_network_are_one_peer),
		cmocka_unit_test(threads_count_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
