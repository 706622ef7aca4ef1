/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"
#include "schema/testing.h"

static struct model *new_model(void)
{
	struct model *m;

	assert_int_equal(model_alloc(&m), 0);
	return m;
}

static int change(struct model *m, const struct resource *r, uint64_t tenant, uint64_t revision,
		  uint64_t id, const char *json)
{
	struct model_change c = {tenant, revision, r, id, json ? testing_make(r, json) : NULL};
	int err;

	if (c.after) {
		c.after->tenant_id = tenant;
		c.after->id = id;
		c.after->revision = revision;
	}
	err = model_apply(m, &c);
	assert_true(!c.after == (!err || !json));
	object_free(c.after);
	return err;
}

static void put(struct model *m, const struct resource *r, uint64_t tenant, uint64_t id,
		const char *json)
{
	assert_int_equal(change(m, r, tenant, model_revision(m, tenant) + 1, id, json), 0);
}

static void take(struct model *m, const struct resource *r, uint64_t tenant, uint64_t id)
{
	assert_int_equal(change(m, r, tenant, model_revision(m, tenant) + 1, id, NULL), 0);
}

#define EXT (&resource_extension)
#define ACC (&resource_account)
#define GRP (&resource_ring_group)
#define TEN (&resource_tenant)

static void what_was_applied_is_found_every_way(void **state)
{
	struct model *m = new_model();
	const struct tenant *t;
	size_t pos = 0;

	put(m, TEN, 0, 9, "{'name':'acme','domain':'Acme.Example'}");
	put(m, EXT, 9, 1, "{'number':'101'}");
	put(m, ACC, 9, 8, "{'username':'101','extension_id':'1','system_name':'acme101'}");
	put(m, ACC, 9, 3, "{'username':'101_2','extension_id':'1'}");
	put(m, GRP, 9, 1, "{'number':'600','name':'S'}");

	t = model_tenant_by_domain(m, STR("aCME.example"));
	assert_ptr_equal(t, model_tenant(m, 9));
	assert_string_equal(t->name, "acme");
	assert_string_equal(model_extension(m, 9, 1)->number, "101");
	assert_int_equal(model_account_by_username(m, 9, STR("101_2"))->o.id, 3);
	assert_int_equal(model_account_by_system_name(m, STR("acme101"))->o.id, 8);
	assert_ptr_equal(model_number(m, 9, STR("101"))->res, EXT);
	assert_ptr_equal(model_number(m, 9, STR("600"))->res, GRP);
	assert_string_equal(model_ring_group(m, 9, 1)->name, "S");
	assert_int_equal(model_extension_accounts(m, 9, 1, &pos)->o.id, 3);
	assert_int_equal(model_extension_accounts(m, 9, 1, &pos)->o.id, 8);
	assert_null(model_extension_accounts(m, 9, 1, &pos));
	assert_int_equal(model_count(m, ACC), 2);

	assert_null(model_tenant_by_domain(m, STR("other.example")));
	assert_null(model_tenant_by_domain(m, STR_NONE));
	assert_null(model_extension(m, 9, 2));
	assert_null(model_extension(m, 8, 1));
	assert_null(model_account_by_username(m, 9, STR("1011")));
	assert_null(model_account_by_system_name(m, STR("ACME101")));
	assert_null(model_account_by_system_name(m, STR("")));
	assert_null(model_number(m, 9, STR("")));
	assert_null(model_free(m));
}

static void a_renamed_object_is_found_by_its_new_name_only(void **state)
{
	struct model *m = new_model();
	size_t pos = 0;

	put(m, EXT, 9, 1, "{'number':'101'}");
	put(m, EXT, 9, 2, "{'number':'102'}");
	put(m, ACC, 9, 5, "{'username':'a','extension_id':'1'}");
	put(m, EXT, 9, 1, "{'number':'201'}");
	put(m, ACC, 9, 5, "{'username':'b','extension_id':'2'}");

	assert_null(model_number(m, 9, STR("101")));
	assert_int_equal(model_number(m, 9, STR("201"))->id, 1);
	assert_null(model_account_by_username(m, 9, STR("a")));
	assert_null(model_extension_accounts(m, 9, 1, &pos));
	assert_int_equal(model_extension_accounts(m, 9, 2, &pos)->o.id, 5);
	assert_int_equal(model_count(m, EXT), 2);
	take(m, ACC, 9, 5);
	pos = 0;
	assert_null(model_extension_accounts(m, 9, 2, &pos));
	assert_null(model_account_by_username(m, 9, STR("b")));
	model_free(m);
}

static void two_numbers_may_be_swapped_in_one_transaction(void **state)
{
	struct model *m = new_model();

	put(m, EXT, 9, 1, "{'number':'101'}");
	put(m, EXT, 9, 2, "{'number':'102'}");
	assert_int_equal(change(m, EXT, 9, 3, 1, "{'number':'102'}"), 0);
	assert_int_equal(change(m, EXT, 9, 3, 2, "{'number':'101'}"), 0);
	assert_int_equal(model_number(m, 9, STR("101"))->id, 2);
	assert_int_equal(model_number(m, 9, STR("102"))->id, 1);
	take(m, EXT, 9, 1);
	assert_null(model_number(m, 9, STR("102")));
	assert_int_equal(model_number(m, 9, STR("101"))->id, 2);
	model_free(m);
}

static void tenants_with_the_same_numbers_do_not_mix(void **state)
{
	struct model *m = new_model();

	for (uint64_t t = 1; t <= 3; t++) {
		char json[64];

		snprintf(json, sizeof(json), "{'number':'101','ring_seconds':%d}", (int)t + 10);
		put(m, EXT, t, 1, json);
		put(m, ACC, t, 2, "{'username':'101','extension_id':'1'}");
	}
	take(m, EXT, 2, 1);
	for (uint64_t t = 1; t <= 3; t++) {
		const struct extension *x =
			(const struct extension *)model_number(m, t, STR("101"));
		size_t pos = 0;

		assert_true(!x == (t == 2));
		if (x)
			assert_int_equal(x->ring_seconds, t + 10);
		assert_int_equal(model_account_by_username(m, t, STR("101"))->o.tenant_id, t);
		assert_int_equal(model_extension_accounts(m, t, 1, &pos)->o.tenant_id, t);
		assert_null(model_extension_accounts(m, t, 1, &pos));
	}
	model_free(m);
}

static void changes_out_of_order_are_refused(void **state)
{
	struct model *m = new_model();

	assert_int_equal(model_revision(m, 9), 0);
	assert_int_equal(change(m, EXT, 9, 41, 1, "{'number':'101'}"), 0);
	assert_int_equal(change(m, EXT, 9, 43, 1, "{'number':'102'}"), EPROTO);
	assert_int_equal(change(m, EXT, 9, 40, 1, "{'number':'102'}"), EPROTO);
	assert_int_equal(change(m, EXT, 9, 43, 1, NULL), EPROTO);
	assert_int_equal(model_revision(m, 9), 41);
	assert_int_equal(model_number(m, 9, STR("101"))->id, 1);
	assert_int_equal(change(m, EXT, 9, 42, 1, "{'number':'102'}"), 0);
	assert_int_equal(change(m, EXT, 9, 42, 2, "{'number':'103'}"), 0); /* same transaction */
	assert_int_equal(change(m, EXT, 8, 7, 1, "{'number':'101'}"), 0);  /* another tenant's */
	assert_int_equal(change(m, EXT, 9, 43, 77, NULL), 0);		   /* never heard of */
	assert_int_equal(model_revision(m, 9), 43);
	model_free(m);
}

static void a_change_that_contradicts_itself_is_refused(void **state)
{
	struct model *m = new_model();
	struct model_change c = {9, 1, EXT, 1, testing_make(EXT, "{'number':'101'}")};

	c.after->id = 2;
	c.after->tenant_id = 9;
	assert_int_equal(model_apply(m, &c), EPROTO);
	c.after->id = 1;
	c.after->tenant_id = 8;
	assert_int_equal(model_apply(m, &c), EPROTO);
	c.after->tenant_id = 9;
	c.res = ACC;
	assert_int_equal(model_apply(m, &c), EPROTO);
	c.res = EXT;
	assert_non_null(c.after);
	assert_int_equal(model_apply(m, &c), 0);
	assert_null(c.after);
	model_free(m);
}

struct heard {
	char text[512];
};

static void hear(const struct model *m, const struct resource *res, uint64_t tenant_id, uint64_t id,
		 void *arg)
{
	struct heard *h = arg;
	size_t n = strlen(h->text);

	snprintf(h->text + n, sizeof(h->text) - n, "%s%s %d/%d;",
		 model_object(m, res, tenant_id, id) ? "" : "-", res->name, (int)tenant_id,
		 (int)id);
}

static void watchers_hear_of_a_change_when_it_is_done(void **state)
{
	struct model *m = new_model();
	struct heard a = {0}, b = {0};

	assert_int_equal(model_watch(m, hear, &a), 0);
	assert_int_equal(model_watch(m, hear, &b), 0);
	put(m, EXT, 9, 1, "{'number':'101'}");
	take(m, EXT, 9, 1);
	take(m, EXT, 9, 1);
	assert_int_equal(change(m, EXT, 9, 99, 1, "{'number':'101'}"), EPROTO);
	assert_string_equal(a.text, "extension 9/1;-extension 9/1;");
	assert_string_equal(b.text, a.text);
	model_free(m);
}

static void a_tenant_that_goes_takes_everything_along(void **state)
{
	struct model *m = new_model();
	struct heard heard = {0};
	size_t before = model_bytes(m);

	put(m, TEN, 0, 9, "{'name':'a','domain':'a.example'}");
	put(m, EXT, 9, 1, "{'number':'101'}");
	put(m, ACC, 9, 2, "{'username':'101','extension_id':'1'}");
	put(m, TEN, 0, 8, "{'name':'b','domain':'b.example'}");
	put(m, EXT, 8, 1, "{'number':'101'}");
	assert_int_equal(model_watch(m, hear, &heard), 0);
	take(m, TEN, 0, 9);
	assert_string_equal(heard.text, "-account 9/2;-extension 9/1;-tenant 0/9;");
	assert_null(model_extension(m, 9, 1));
	assert_null(model_account_by_username(m, 9, STR("101")));
	assert_null(model_tenant_by_domain(m, STR("a.example")));
	assert_int_equal(model_revision(m, 9), 0);
	assert_int_equal(model_extension(m, 8, 1)->o.id, 1);
	take(m, TEN, 0, 8);
	assert_true(model_bytes(m) - before < 400); /* what the model knows of tenant 0 */
	assert_int_equal(model_count(m, EXT), 0);
	model_free(m);
}

static void a_reloaded_tenant_keeps_what_came_again(void **state)
{
	struct model *m = new_model();
	struct heard heard = {0};
	struct model_change c = {9, 20, EXT, 2, testing_make(EXT, "{'number':'202'}")};

	put(m, EXT, 9, 1, "{'number':'101'}");
	put(m, EXT, 9, 2, "{'number':'102'}");
	put(m, EXT, 8, 1, "{'number':'101'}");
	assert_int_equal(model_watch(m, hear, &heard), 0);
	model_reload(m, 9);
	assert_int_equal(model_number(m, 9, STR("101"))->id, 1); /* nothing is missing meanwhile */
	c.after->tenant_id = 9;
	c.after->id = 2;
	assert_int_equal(model_load(m, &c), 0);
	model_reloaded(m, 9);
	model_reloaded(m, 7);
	assert_string_equal(heard.text, "extension 9/2;-extension 9/1;");
	assert_int_equal(model_revision(m, 9), 20);
	assert_int_equal(model_number(m, 9, STR("202"))->id, 2);
	assert_null(model_number(m, 9, STR("101")));
	assert_non_null(model_number(m, 8, STR("101")));
	model_free(m);
}

static void objects_are_loaded_in_any_order_of_revision(void **state)
{
	struct model *m = new_model();
	static const uint64_t revisions[] = {5, 2, 9, 7};

	for (uint64_t i = 0; i < ARRAY_LEN(revisions); i++) {
		struct model_change c = {9, revisions[i], EXT, i + 1, NULL};
		char json[64];

		snprintf(json, sizeof(json), "{'number':'10%d'}", (int)i);
		c.after = testing_make(EXT, json);
		c.after->tenant_id = 9;
		c.after->id = i + 1;
		assert_int_equal(model_load(m, &c), 0);
	}
	assert_int_equal(model_revision(m, 9), 9);
	assert_int_equal(model_count(m, EXT), 4);
	model_free(m);
}

static void a_domain_may_have_other_names(void **state)
{
	struct model *m = new_model();

	assert_int_equal(model_add_domain(m, STR("127.0.0.1"), 9), 0);
	assert_null(model_tenant_by_domain(m, STR("127.0.0.1")));
	put(m, TEN, 0, 9, "{'name':'a','domain':'a.example'}");
	put(m, TEN, 0, 8, "{'name':'b','domain':'b.example'}");
	assert_int_equal(model_tenant_by_domain(m, STR("127.0.0.1"))->o.id, 9);
	assert_int_equal(model_add_domain(m, STR("127.0.0.1"), 8), 0);
	assert_int_equal(model_tenant_by_domain(m, STR("127.0.0.1"))->o.id, 8);
	put(m, TEN, 0, 9, "{'name':'a','domain':'127.0.0.1'}"); /* its own domain comes first */
	assert_int_equal(model_tenant_by_domain(m, STR("127.0.0.1"))->o.id, 9);
	model_free(m);
}

/* --- random changes against a model that searches everything --- */

enum { TENANTS = 3, IDS = 12, NAMES = 8, ROUNDS = 20000 };

struct naive {
	struct {
		bool is_there;
		int name, ref;
	} v[2][TENANTS][IDS + 1]; /* 0 extensions, 1 accounts */
};

static const struct object *naive_find(const struct model *m, const struct naive *n, int kind,
				       uint64_t t, int name)
{
	for (uint64_t id = 1; id <= IDS; id++)
		if (n->v[kind][t][id].is_there && n->v[kind][t][id].name == name)
			return model_object(m, kind ? ACC : EXT, t + 1, id);
	return NULL;
}

static void compare(const struct model *m, const struct naive *n)
{
	for (uint64_t t = 0; t < TENANTS; t++) {
		for (int name = 0; name < NAMES; name++) {
			char text[8];

			snprintf(text, sizeof(text), "n%d", name);
			assert_ptr_equal(model_number(m, t + 1, str_of(text)),
					 naive_find(m, n, 0, t, name));
			assert_ptr_equal(model_account_by_username(m, t + 1, str_of(text)),
					 naive_find(m, n, 1, t, name));
		}
		for (uint64_t id = 1; id <= IDS; id++) {
			size_t pos = 0;

			assert_true(!!model_extension(m, t + 1, id) == n->v[0][t][id].is_there);
			assert_true(!!model_account(m, t + 1, id) == n->v[1][t][id].is_there);
			for (uint64_t a = 1; a <= IDS; a++)
				if (n->v[1][t][a].is_there && n->v[1][t][a].ref == (int)id)
					assert_int_equal(
						model_extension_accounts(m, t + 1, id, &pos)->o.id,
						a);
			assert_null(model_extension_accounts(m, t + 1, id, &pos));
		}
	}
}

static void random_change(struct model *m, struct naive *n, struct rng *rng)
{
	int kind = (int)rng_below(rng, 2), name = (int)rng_below(rng, NAMES);
	uint64_t t = rng_below(rng, TENANTS), id = 1 + rng_below(rng, IDS);
	int ref = (int)rng_below(rng, IDS + 1);
	const struct object *holder = naive_find(m, n, kind, t, name);
	char json[96];

	if (rng_below(rng, 100) == 0) { /* the tenant goes; its ids come again later */
		take(m, TEN, 0, t + 1);
		for (kind = 0; kind < 2; kind++)
			memset(n->v[kind][t], 0, sizeof(n->v[kind][t]));
		return;
	}
	if (rng_below(rng, 3) == 0) {
		take(m, kind ? ACC : EXT, t + 1, id);
		n->v[kind][t][id].is_there = false;
		return;
	}
	if (holder && holder->id != id)
		return; /* the store would have refused it */
	if (kind && ref)
		snprintf(json, sizeof(json), "{'username':'n%d','extension_id':'%d'}", name, ref);
	else
		snprintf(json, sizeof(json), "{'%s':'n%d'}", kind ? "username" : "number", name);
	put(m, kind ? ACC : EXT, t + 1, id, json);
	n->v[kind][t][id].is_there = true;
	n->v[kind][t][id].name = name;
	n->v[kind][t][id].ref = ref;
}

static void random_changes_leave_the_indexes_exact(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct model *m = new_model();
		struct naive n = {0};
		struct rng_seeded rng;
		size_t empty = model_bytes(m);

		rng_seeded_init(&rng, seed);
		for (int i = 0; i < ROUNDS; i++) {
			random_change(m, &n, &rng.rng);
			if (i % 50 == 0)
				compare(m, &n);
		}
		compare(m, &n);
		assert_true(model_bytes(m) > empty);
		model_free(m); /* its own count must come out at zero */
	}
}

static void cost_does_not_grow_with_the_system(void **state)
{
	struct model *m = new_model();
	uint64_t small = 0, large = 0;

	for (uint64_t i = 1; i <= 20000; i++) {
		char json[96], number[16];
		uint64_t t = 1 + i % 500, before = model_steps(m), cost;

		snprintf(number, sizeof(number), "%d", (int)i);
		snprintf(json, sizeof(json), "{'username':'%s','extension_id':'%d'}", number,
			 (int)i % 7 + 1);
		put(m, ACC, t, i, json);
		snprintf(json, sizeof(json), "{'number':'%s'}", number);
		put(m, EXT, t, i, json);
		put(m, EXT, t, i, json);
		assert_non_null(model_number(m, t, str_of(number)));
		cost = model_steps(m) - before;
		if (i <= 2000)
			small += cost;
		if (i > 18000)
			large += cost;
	}
	/* 2000 rounds each: the same but for luck in the buckets. */
	assert_true(large < small * 3 / 2);
	assert_true(large / 2000 < 40);
	model_free(m);
}

static void failing_memory_changes_nothing(void **state)
{
	for (uint64_t nth = 1;; nth++) {
		struct model *m = NULL;
		struct model_change c = {9, 2, ACC, 2,
					 testing_make(ACC, "{'username':'b','extension_id':'4',"
							   "'system_name':'sys'}")};
		size_t pos = 0;
		int err;

		c.after->tenant_id = 9;
		c.after->id = 2;
		m = new_model();
		assert_int_equal(change(m, ACC, 9, 1, 2, "{'username':'a','extension_id':'3'}"), 0);
		mem_fail(nth, false);
		err = model_apply(m, &c);
		mem_fail(0, false);
		if (err) {
			assert_int_equal(err, ENOMEM);
			assert_int_equal(model_revision(m, 9), 1);
			assert_int_equal(model_account_by_username(m, 9, STR("a"))->o.id, 2);
			assert_null(model_account_by_username(m, 9, STR("b")));
			assert_null(model_extension_accounts(m, 9, 4, &pos));
			assert_int_equal(model_extension_accounts(m, 9, 3, &pos)->o.id, 2);
			object_free(c.after);
		}
		model_free(m);
		if (!err)
			break;
		assert_true(nth < 100);
	}
	for (uint64_t nth = 1;; nth++) {
		struct model *m = NULL;
		int err;

		mem_fail(nth, false);
		err = model_alloc(&m);
		mem_fail(0, false);
		model_free(m);
		if (!err)
			break;
		assert_int_equal(err, ENOMEM);
		assert_null(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_applied_is_found_every_way),
		cmocka_unit_test(a_renamed_object_is_found_by_its_new_name_only),
		cmocka_unit_test(two_numbers_may_be_swapped_in_one_transaction),
		cmocka_unit_test(tenants_with_the_same_numbers_do_not_mix),
		cmocka_unit_test(changes_out_of_order_are_refused),
		cmocka_unit_test(a_change_that_contradicts_itself_is_refused),
		cmocka_unit_test(watchers_hear_of_a_change_when_it_is_done),
		cmocka_unit_test(a_tenant_that_goes_takes_everything_along),
		cmocka_unit_test(a_reloaded_tenant_keeps_what_came_again),
		cmocka_unit_test(objects_are_loaded_in_any_order_of_revision),
		cmocka_unit_test(a_domain_may_have_other_names),
		cmocka_unit_test(random_changes_leave_the_indexes_exact),
		cmocka_unit_test(cost_does_not_grow_with_the_system),
		cmocka_unit_test(failing_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
