/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bill/purse.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/testing.h"

enum { TENANT = 9, ANNA = 1, BERT = 2 };
#define DAY_US (INT64_C(86400) * 1000000)
#define NOON   (INT64_C(20000) * DAY_US + DAY_US / 2)

struct world {
	struct model *model;
	struct purses *purses;
	struct record_sink sink;
	struct spending_record last;
	size_t nwritten;
};

static int keep(struct record_sink *s, enum record_kind kind, const void *rec, size_t n)
{
	struct world *w = CONTAINER_OF(s, struct world, sink);

	assert_int_equal(kind, RECORD_SPENDING);
	assert_int_equal(n, sizeof(w->last));
	memcpy(&w->last, rec, n);
	w->nwritten++;
	return 0;
}

static void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		const char *json)
{
	testing_put(w->model, r, tenant, id, json);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->sink.write = keep;
	assert_int_equal(model_alloc(&w->model), 0);
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	put(w, &resource_extension, TENANT, ANNA, "{'number':'101','credit':1000}");
	put(w, &resource_extension, TENANT, BERT, "{'number':'102','credit':1000}");
	assert_int_equal(purses_alloc(&w->purses, w->model, &w->sink), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	purses_free(w->purses);
	model_free(w->model);
	free(w);
	return 0;
}

static const struct purse_owner anna = {TENANT, ANNA, true}, bert = {TENANT, BERT, true};

static int64_t left(struct world *w, uint64_t id)
{
	struct purse_view v;

	purses_look(w->purses, TENANT, id, NOON, &v);
	return v.balance;
}

static void what_is_reserved_is_gone_for_the_others(void **state)
{
	struct world *w = *state;

	assert_int_equal(purses_reserve(w->purses, &anna, 600, NOON), PURSE_FINE);
	assert_int_equal(purses_ask(w->purses, &anna, 600, true, NOON), PURSE_BALANCE);
	assert_int_equal(purses_reserve(w->purses, &anna, 600, NOON), PURSE_BALANCE);
	assert_int_equal(left(w, ANNA), 400);
	assert_int_equal(left(w, BERT), 1000);
	assert_int_equal(purses_reserve(w->purses, &anna, 400, NOON), PURSE_FINE);
	assert_int_equal(left(w, ANNA), 0);
}

static void what_was_not_used_comes_back(void **state)
{
	struct world *w = *state;

	assert_int_equal(purses_reserve(w->purses, &anna, 1000, NOON), PURSE_FINE);
	purses_return(w->purses, &anna, 300, NOON);
	assert_int_equal(left(w, ANNA), 300);
	assert_int_equal(w->last.id, ANNA);
	assert_int_equal(w->last.spent, 700);
	assert_int_equal(w->last.spent_on_day, 700);
}

static void paying_in_adds_to_what_is_left(void **state)
{
	struct world *w = *state;

	assert_int_equal(purses_reserve(w->purses, &anna, 1000, NOON), PURSE_FINE);
	put(w, &resource_extension, TENANT, ANNA, "{'number':'101','credit':1500}");
	assert_int_equal(left(w, ANNA), 500);
	put(w, &resource_extension, TENANT, ANNA, "{'number':'101','credit':10}");
	assert_int_equal(left(w, ANNA), -990);
	assert_int_equal(purses_reserve(w->purses, &anna, 1, NOON), PURSE_BALANCE);
}

static void who_is_not_billed_needs_no_balance(void **state)
{
	struct world *w = *state;
	const struct purse_owner free_anna = {TENANT, ANNA, false};

	assert_int_equal(purses_reserve(w->purses, &free_anna, 5000, NOON), PURSE_FINE);
	assert_int_equal(left(w, ANNA), 1000);
}

static void a_day_has_its_limit_billed_or_not(void **state)
{
	struct world *w = *state;
	const struct purse_owner free_anna = {TENANT, ANNA, false};

	put(w, &resource_extension, TENANT, ANNA,
	    "{'number':'101','credit':1000,'max_spend_per_day':500}");
	assert_int_equal(purses_reserve(w->purses, &free_anna, 300, NOON), PURSE_FINE);
	assert_int_equal(purses_reserve(w->purses, &anna, 201, NOON), PURSE_SPEND_LIMIT);
	assert_int_equal(purses_reserve(w->purses, &anna, 200, NOON), PURSE_FINE);
	assert_int_equal(purses_ask(w->purses, &anna, 1, false, NOON), PURSE_SPEND_LIMIT);
	assert_int_equal(purses_reserve(w->purses, &anna, 500, NOON + DAY_US), PURSE_FINE);
	/* of yesterday: today's count is not touched by it */
	purses_return(w->purses, &anna, 200, NOON);
	assert_int_equal(purses_ask(w->purses, &anna, 1, false, NOON + DAY_US), PURSE_SPEND_LIMIT);
}

static void the_tenants_limit_is_over_all_its_extensions(void **state)
{
	struct world *w = *state;
	const struct purse_owner nobody = {TENANT, 0, false};

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_spend_per_day':1000}");
	assert_int_equal(purses_reserve(w->purses, &anna, 400, NOON), PURSE_FINE);
	assert_int_equal(purses_reserve(w->purses, &bert, 400, NOON), PURSE_FINE);
	assert_int_equal(purses_reserve(w->purses, &nobody, 201, NOON), PURSE_SPEND_LIMIT);
	assert_int_equal(purses_reserve(w->purses, &nobody, 200, NOON), PURSE_FINE);
	assert_int_equal(left(w, ANNA), 600);
}

static void calls_are_counted_over_any_sixty_seconds(void **state)
{
	struct world *w = *state;

	put(w, &resource_extension, TENANT, ANNA,
	    "{'number':'101','credit':1000,'max_calls_per_minute':3}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(purses_ask(w->purses, &anna, 1, true, NOON + i * 20000000),
				 PURSE_FINE);
		purses_count_call(w->purses, &anna, NOON + i * 20000000);
	}
	assert_int_equal(purses_ask(w->purses, &anna, 1, true, NOON + 59000000),
			 PURSE_CALLS_PER_MINUTE);
	assert_int_equal(purses_ask(w->purses, &anna, 1, false, NOON + 59000000), PURSE_FINE);
	assert_int_equal(purses_ask(w->purses, &bert, 1, true, NOON + 59000000), PURSE_FINE);
	assert_int_equal(purses_ask(w->purses, &anna, 1, true, NOON + 60000000), PURSE_FINE);
	purses_count_call(w->purses, &anna, NOON + 60000000);
	assert_int_equal(purses_ask(w->purses, &anna, 1, true, NOON + 79000000),
			 PURSE_CALLS_PER_MINUTE);
	assert_int_equal(purses_ask(w->purses, &anna, 1, true, NOON + DAY_US), PURSE_FINE);
}

static void a_country_is_new_once(void **state)
{
	struct world *w = *state;

	assert_true(purses_is_new_country(w->purses, TENANT, STR("44")));
	assert_true(purses_is_new_country(w->purses, TENANT, STR("4")));
	assert_false(purses_is_new_country(w->purses, TENANT, STR("44")));
	assert_string_equal(w->last.countries, "44;4");
	assert_int_equal(w->last.id, TENANT);
	assert_false(purses_is_new_country(w->purses, TENANT, STR("")));
	for (char code[4] = "200"; code[1] < '9'; code[1]++)
		for (code[2] = '0'; code[2] <= '9'; code[2]++)
			(void)purses_is_new_country(w->purses, TENANT, str_of(code));
	assert_true(purses_is_new_country(w->purses, TENANT, STR("999"))); /* no room: still new */
}

static void after_a_restart_it_is_as_it_was(void **state)
{
	struct world *w = *state;
	struct spending_record was;

	assert_int_equal(purses_reserve(w->purses, &anna, 700, NOON), PURSE_FINE);
	was = w->last;
	purses_free(w->purses);
	assert_int_equal(purses_alloc(&w->purses, w->model, &w->sink), 0);
	purses_restore(w->purses, &was);
	assert_int_equal(left(w, ANNA), 300);
	assert_int_equal(purses_reserve(w->purses, &anna, 301, NOON), PURSE_BALANCE);
}

/* Whatever is reserved and returned in whatever order: never more than there is, and all of it can be spent. */
static void nobody_spends_what_is_not_there(void **state)
{
	struct world *w = *state;
	int64_t held[50] = {0}, sum = 0;
	struct rng_seeded rng;

	rng_seeded_init(&rng, 3);
	for (int i = 0; i < 20000; i++) {
		size_t at = rng_below(&rng.rng, ARRAY_LEN(held));
		int64_t amount = (int64_t)rng_below(&rng.rng, 200);

		if (held[at]) {
			purses_return(w->purses, &anna, held[at], NOON);
			sum -= held[at];
			held[at] = 0;
		} else if (!purses_reserve(w->purses, &anna, amount, NOON)) {
			held[at] = amount;
			sum += amount;
		} else {
			assert_true(sum + amount > 1000);
		}
		assert_in_range(sum, 0, 1000);
		assert_int_equal(left(w, ANNA), 1000 - sum);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_reserved_is_gone_for_the_others),
		T(what_was_not_used_comes_back),
		T(paying_in_adds_to_what_is_left),
		T(who_is_not_billed_needs_no_balance),
		T(a_day_has_its_limit_billed_or_not),
		T(the_tenants_limit_is_over_all_its_extensions),
		T(calls_are_counted_over_any_sixty_seconds),
		T(a_country_is_new_once),
		T(after_a_restart_it_is_as_it_was),
		T(nobody_spends_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
