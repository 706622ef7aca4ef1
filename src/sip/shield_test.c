/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/thread.h"
#include "sip/shield.h"

struct world {
	struct clock_virtual clock;
	struct shield *shield;
	unsigned nblocked, nfreed;
	char account[64];
	enum shield_cause cause;
};

static const struct shield_limits limits = {
	.period_ms = 60000,
	.wrong = 10,
	.unanswered = 25,
	.block_ms = 3600000,
	.level2_packets = 200,
	.level2_block_ms = 60000,
	.level1_packets = 500,
	.level1_block_ms = 600000,
};

static struct addr from(const char *ip)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), 5060), 0);
	return a;
}

static void changed(const struct shield_view *v, bool is_blocked, void *arg)
{
	struct world *w = arg;

	if (!is_blocked) {
		w->nfreed++;
		return;
	}
	w->nblocked++;
	w->cause = v->cause;
	memcpy(w->account, v->account, sizeof(w->account));
}

static int open_with(struct world *w, size_t max_sources)
{
	struct shield_conf conf = {.limits = limits, .max_sources = max_sources, .max_rules = 4};
	int err;

	clock_virtual_init(&w->clock, 1800000000LL * 1000000);
	conf.env.clock = &w->clock.clock;
	err = shield_alloc(&w->shield, &conf);
	if (!err)
		err = shield_on_changed(w->shield, changed, w);
	return err;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	thread_become(THREAD_CORE);
	return w ? open_with(w, 0) : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	shield_free(w->shield);
	free(w);
	return 0;
}

static void advance(struct world *w, uint64_t ms)
{
	w->clock.now_us += ms * 1000;
}

static bool admits(struct world *w, const char *ip)
{
	struct addr a = from(ip);

	return shield_admits(w->shield, &a);
}

static void guess(struct world *w, const char *ip, const char *account, unsigned n)
{
	struct addr a = from(ip);

	for (unsigned i = 0; i < n; i++)
		shield_failed(w->shield, &a, str_of(account),
			      (struct str){(const char *)&i, sizeof(i)});
}

static void prove(struct world *w, const char *ip, const char *account)
{
	struct addr a = from(ip);

	shield_proved(w->shield, &a, str_of(account));
}

static uint32_t refuses(struct world *w, const char *ip, const char *account)
{
	struct addr a = from(ip);

	return shield_refuses(w->shield, &a, str_of(account));
}

static void rule(struct world *w, uint64_t id, const char *net, bool is_allowed, int64_t expires_us)
{
	struct addr_net n;

	assert_int_equal(addr_net_parse(&n, str_of(net)), 0);
	assert_int_equal(shield_rule(w->shield, id, &n, is_allowed, expires_us), 0);
}

static void guessing_blocks_a_stranger_and_only_it(void **state)
{
	struct world *w = *state;

	guess(w, "192.0.2.1", "101@a", limits.wrong - 1);
	assert_true(admits(w, "192.0.2.1"));
	guess(w, "192.0.2.1", "102@a", 1);
	assert_false(admits(w, "192.0.2.1"));
	assert_int_equal(w->cause, SHIELD_WRONG_CREDENTIALS);
	assert_string_equal(w->account, "");
	assert_true(admits(w, "192.0.2.2"));
	advance(w, limits.block_ms);
	assert_true(admits(w, "192.0.2.1"));
}

static void slow_mistakes_block_nobody(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 100; i++) {
		guess(w, "192.0.2.1", "101@a", 5);
		advance(w, limits.period_ms);
	}
	assert_int_equal(w->nblocked, 0);
	assert_true(admits(w, "192.0.2.1"));
}

static void the_same_wrong_answer_again_is_no_second_try(void **state)
{
	struct world *w = *state;
	struct addr a = from("192.0.2.1");

	for (unsigned i = 0; i < 100; i++)
		shield_failed(w->shield, &a, STR("101@a"), STR("response=\"0123\""));
	assert_true(admits(w, "192.0.2.1"));
}

static void an_office_is_not_locked_out_by_one_wrong_phone(void **state)
{
	struct world *w = *state;

	prove(w, "192.0.2.1", "102@a");
	guess(w, "192.0.2.1", "101@a", limits.wrong);
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(refuses(w, "192.0.2.1", "101@a"), limits.block_ms / 1000);
	assert_string_equal(w->account, "101@a");
	assert_int_equal(refuses(w, "192.0.2.1", "102@a"), 0);
	/* The same account elsewhere is not the one that was guessed. */
	assert_int_equal(refuses(w, "192.0.2.2", "101@a"), 0);
	/* What was proved an hour ago says nothing of today. */
	advance(w, 3600 * 1000);
	guess(w, "192.0.2.1", "103@a", limits.wrong);
	assert_false(admits(w, "192.0.2.1"));
}

static void challenges_that_nobody_answers_block(void **state)
{
	struct world *w = *state;
	struct addr a = from("192.0.2.1");

	for (unsigned i = 0; i < limits.unanswered; i++) {
		assert_true(admits(w, "192.0.2.1"));
		shield_challenged(w->shield, &a);
	}
	assert_true(admits(w, "192.0.2.1"));
	advance(w, 5000);
	shield_challenged(w->shield, &a);
	assert_false(admits(w, "192.0.2.1"));
	assert_int_equal(w->cause, SHIELD_UNANSWERED);
}

/* A hundred phones behind one address after a power cut: all are challenged before any has answered. */
static void phones_that_start_at_once_are_let_in(void **state)
{
	struct world *w = *state;
	struct addr a = from("192.0.2.1");

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 100; i++)
			shield_challenged(w->shield, &a);
		advance(w, 500);
		for (unsigned i = 0; i < 100; i++)
			shield_answered(w->shield, &a);
		advance(w, 5000);
	}
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(w->nblocked, 0);
}

static unsigned admitted_of(struct world *w, const char *ip, unsigned n)
{
	unsigned admitted = 0;

	for (unsigned i = 0; i < n; i++)
		admitted += admits(w, ip);
	return admitted;
}

static void too_many_packets_a_second_block(void **state)
{
	struct world *w = *state;

	assert_int_equal(admitted_of(w, "192.0.2.1", 300), limits.level2_packets);
	assert_int_equal(w->cause, SHIELD_LEVEL2);
	advance(w, limits.level2_block_ms);
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(admitted_of(w, "192.0.2.1", 1000), limits.level2_packets - 1);
	assert_int_equal(w->cause, SHIELD_LEVEL1);
	advance(w, limits.level2_block_ms);
	assert_false(admits(w, "192.0.2.1"));
	advance(w, limits.level1_block_ms);
	assert_true(admits(w, "192.0.2.1"));
}

static void just_under_the_limit_goes_on_for_ever(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(admitted_of(w, "192.0.2.1", limits.level2_packets),
				 limits.level2_packets);
		advance(w, 1000);
	}
}

static void a_known_office_is_slowed_down_and_not_blocked(void **state)
{
	struct world *w = *state;

	prove(w, "192.0.2.1", "101@a");
	assert_int_equal(admitted_of(w, "192.0.2.1", 10000), limits.level1_packets);
	advance(w, 1000);
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(w->nblocked, 0);
}

static void an_ipv6_household_is_one_source(void **state)
{
	struct world *w = *state;

	guess(w, "2001:db8:1:2::1", "101@a", limits.wrong);
	assert_false(admits(w, "2001:db8:1:2:ffff::9"));
	assert_true(admits(w, "2001:db8:1:3::1"));
}

static void rules_come_before_counts(void **state)
{
	struct world *w = *state;

	rule(w, 1, "192.0.2.0/24", true, 0);
	guess(w, "192.0.2.1", "101@a", 1000);
	assert_int_equal(admitted_of(w, "192.0.2.1", 10000), 10000);
	assert_int_equal(refuses(w, "192.0.2.1", "101@a"), 0);
	/* Allowed wins over blocked, the narrower and the wider. */
	rule(w, 2, "192.0.2.1", false, 0);
	rule(w, 3, "192.0.0.0/16", false, 0);
	assert_true(admits(w, "192.0.2.1"));
	assert_false(admits(w, "192.0.3.1"));
	assert_true(admits(w, "192.1.0.1"));
	shield_no_rule(w->shield, 1);
	assert_false(admits(w, "192.0.2.1"));
	assert_false(admits(w, "192.0.2.2"));
	rule(w, 3, "198.51.100.0/24", false, 0);
	assert_true(admits(w, "192.0.2.2"));
	assert_false(admits(w, "198.51.100.200"));
}

static void a_rule_ends_when_it_says(void **state)
{
	struct world *w = *state;
	int64_t now_us = clock_wall_us(&w->clock.clock);

	rule(w, 1, "192.0.2.0/24", false, now_us + 10 * 1000000);
	assert_false(admits(w, "192.0.2.1"));
	advance(w, 9999);
	assert_false(admits(w, "192.0.2.1"));
	advance(w, 1);
	assert_true(admits(w, "192.0.2.1"));
}

static void there_are_only_so_many_rules(void **state)
{
	struct world *w = *state;
	struct addr_net n = {.bits = 32};

	for (uint64_t id = 1; id <= 5; id++) {
		n.addr = from("192.0.2.1");
		n.addr.port = 0;
		n.addr.ip[3] = (uint8_t)id;
		assert_int_equal(shield_rule(w->shield, id, &n, false, 0), id <= 4 ? 0 : ENOSPC);
	}
	assert_false(admits(w, "192.0.2.4"));
	assert_true(admits(w, "192.0.2.5"));
}

static void the_operator_sees_and_frees_who_is_blocked(void **state)
{
	struct world *w = *state;
	struct shield_view view;
	uint64_t first;

	prove(w, "192.0.2.9", "102@a");
	guess(w, "192.0.2.9", "101@a", limits.wrong);
	guess(w, "192.0.2.1", "", limits.wrong);
	assert_true(shield_next(w->shield, 0, &view));
	assert_string_equal(view.account, "101@a");
	assert_true(view.until_us - view.since_us == (int64_t)limits.block_ms * 1000);
	first = view.id;
	assert_true(shield_next(w->shield, first, &view));
	assert_string_equal(view.account, "");
	assert_false(shield_next(w->shield, view.id, &(struct shield_view){.id = 0}));
	assert_int_equal(shield_unblock(w->shield, view.id), 0);
	assert_int_equal(shield_unblock(w->shield, view.id), ENOENT);
	assert_true(admits(w, "192.0.2.1"));
	guess(w, "192.0.2.1", "", limits.wrong - 1);
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(shield_unblock(w->shield, first), 0);
	assert_int_equal(refuses(w, "192.0.2.9", "101@a"), 0);
	assert_false(shield_next(w->shield, 0, &view));
	assert_int_equal(w->nfreed, 2);
}

static void who_was_blocked_before_a_restart_is_so_for_the_rest_of_its_time(void **state)
{
	struct world *w = *state;
	const int64_t now_us = 1800000000LL * 1000000;
	struct shield_view whole = {.from = from("192.0.2.1"),
				    .cause = SHIELD_UNANSWERED,
				    .since_us = now_us - 1000000,
				    .until_us = now_us + 5000000};
	struct shield_view account = whole, old = whole, seen;

	account.from = from("192.0.2.9");
	strcpy(account.account, "101@a");
	old.until_us = now_us;
	assert_int_equal(shield_restore(w->shield, &whole), 0);
	assert_int_equal(shield_restore(w->shield, &account), 0);
	assert_int_equal(shield_restore(w->shield, &old), EINVAL);
	assert_int_equal(w->nblocked, 0);
	assert_false(admits(w, "192.0.2.1"));
	assert_true(admits(w, "192.0.2.9"));
	assert_int_not_equal(refuses(w, "192.0.2.9", "101@a"), 0);
	assert_true(shield_next(w->shield, 0, &seen));
	assert_true(seen.since_us == whole.since_us && seen.cause == SHIELD_UNANSWERED);
	advance(w, 5100);
	assert_true(admits(w, "192.0.2.1"));
	assert_int_equal(refuses(w, "192.0.2.9", "101@a"), 0);
}

static void strangers_without_number_take_bounded_memory(void **state)
{
	struct world *w = *state;
	size_t before;

	shield_free(w->shield);
	assert_int_equal(open_with(w, 100), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct addr a = from("192.0.2.0");

		a.ip[3] = (uint8_t)i;
		shield_admits(w->shield, &a);
	}
	before = mem_bytes();
	for (unsigned i = 0; i < 100000; i++) {
		struct addr a = from("10.0.0.0");

		memcpy(a.ip, &i, sizeof(i));
		shield_admits(w->shield, &a);
	}
	assert_int_equal(shield_count(w->shield), 100);
	assert_int_equal(mem_bytes(), before);
}

static void without_memory_everybody_is_heard(void **state)
{
	struct world *w = *state;
	struct addr a = from("192.0.2.1");
	bool is_heard;

	mem_fail(1, false);
	is_heard = shield_admits(w->shield, &a);
	mem_fail(0, false);
	assert_true(is_heard);
}

static void whom_the_configuration_names_is_never_counted(void **state)
{
	struct world *w = *state;
	const struct addr who = from("192.0.2.7");
	const struct addr_net net = {.addr = addr_first(&who, 32), .bits = 32};

	assert_int_equal(shield_exempt(w->shield, 1, &net), 0);
	for (int i = 0; i < 5000; i++)
		assert_true(shield_admits(w->shield, &who));
	assert_int_equal(w->nblocked, 0);
	rule(w, 2, "192.0.2.0/24", false, 0); /* what the operator says holds */
	assert_false(shield_admits(w->shield, &who));
	shield_no_rule(w->shield, 2);
	assert_true(shield_admits(w->shield, &who));
	shield_no_rule(w->shield, 1);
	for (int i = 0; i < 5000; i++)
		(void)shield_admits(w->shield, &who);
	assert_true(w->nblocked > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guessing_blocks_a_stranger_and_only_it),
		TEST(slow_mistakes_block_nobody),
		TEST(the_same_wrong_answer_again_is_no_second_try),
		TEST(an_office_is_not_locked_out_by_one_wrong_phone),
		TEST(challenges_that_nobody_answers_block),
		TEST(phones_that_start_at_once_are_let_in),
		TEST(whom_the_configuration_names_is_never_counted),
		TEST(too_many_packets_a_second_block),
		TEST(just_under_the_limit_goes_on_for_ever),
		TEST(a_known_office_is_slowed_down_and_not_blocked),
		TEST(an_ipv6_household_is_one_source),
		TEST(rules_come_before_counts),
		TEST(a_rule_ends_when_it_says),
		TEST(there_are_only_so_many_rules),
		TEST(the_operator_sees_and_frees_who_is_blocked),
		TEST(who_was_blocked_before_a_restart_is_so_for_the_rest_of_its_time),
		TEST(strangers_without_number_take_bounded_memory),
		TEST(without_memory_everybody_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
