/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has changed since is found by an index, however much there is. */
#include "store/migrate.h"
#include "store/testing.h"

static void bind(struct db_stmt *st, const struct sql_query *q)
{
	for (size_t i = 0; i < q->nv; i++) {
		if (q->v[i].kind == SQL_INT)
			db_bind_int(st, (unsigned)i + 1, q->v[i].i);
		else
			db_bind_text(st, (unsigned)i + 1, q->v[i].s);
	}
}

/* How the engine goes about it; PostgreSQL would rather read a small table whole. */
static void plan_of(struct db *db, const struct sql_query *q, struct buf *plan)
{
	const bool is_pg = db_engine_of(db) == DB_POSTGRES;
	struct db_stmt *st;
	char sql[8192];

	if (is_pg)
		assert_int_equal(db_exec(db, "SET enable_seqscan = off; SET enable_sort = off; "
					     "SET enable_bitmapscan = off"),
				 0);
	(void)snprintf(sql, sizeof(sql), "%s %s", is_pg ? "EXPLAIN" : "EXPLAIN QUERY PLAN",
		       q->text.p);
	assert_int_equal(db_sql(db, sql, &st), 0);
	bind(st, q);
	while (!db_step(st)) {
		buf_str(plan, db_text(st, is_pg ? 0 : 3));
		buf_char(plan, '\n');
	}
}

static void objects_that_have_changed_are_found_by_an_index(void **state)
{
	struct fixture *fx = *state;
	const struct db_conf conf = {.url = fx->place.url};
	struct sql_list l = {.tenant_id = 7, .sort = STR("revision"), .limit = 500};
	struct field_errors errs = {0};
	struct sql_schema *schema;
	struct db *db;

	assert_int_equal(sql_schema_alloc(&schema), 0);
	assert_int_equal(db_open(&db, &conf), 0);
	for (size_t i = 0; i < 2; i++) {
		struct buf plan = {0};
		struct sql_query q;

		l.cursor = i ? STR("revision.12.40") : STR_NONE;
		assert_int_equal(sql_list(&q, sql_table(schema, &resource_extension), &l, &errs),
				 0);
		plan_of(db, &q, &plan);
		if (!strstr(plan.p, "extensions_revision") || strstr(plan.p, "TEMP B-TREE"))
			fail_msg("%s", plan.p);
		buf_free(&plan);
		sql_query_free(&q);
	}
	db_close(db);
	sql_schema_free(schema);
}

static json_t *changes(struct fixture *fx, const char *since)
{
	char args[128];

	(void)snprintf(args, sizeof(args), "{\"resource\":\"extensions\",\"since\":\"%s\"}", since);
	return good(query(fx, fx->tenant_id, "changes", args));
}

static void what_is_new_and_what_is_gone_is_told_once(void **state)
{
	struct fixture *fx = *state;
	uint64_t id;
	json_t *j;
	char next[80];

	fx->tenant_id = make_tenant(fx, "acme");
	id = make_extension(fx, fx->tenant_id, "101");
	make_extension(fx, fx->tenant_id, "102");
	j = changes(fx, "");
	assert_int_equal(json_array_size(json_object_get(j, "items")), 2);
	(void)snprintf(next, sizeof(next), "%s", text_at(j, "next"));
	json_decref(j);
	json_decref(good(ask(fx, STORE_DELETE, fx->tenant_id, "extension", id, NULL)));
	j = changes(fx, next);
	assert_int_equal(json_array_size(json_object_get(j, "items")), 0);
	assert_int_equal(json_array_size(json_object_get(j, "deleted")), 1);
	(void)snprintf(next, sizeof(next), "%s", text_at(j, "next"));
	json_decref(j);
	j = changes(fx, next);
	assert_int_equal(json_array_size(json_object_get(j, "deleted")), 0);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects_that_have_changed_are_found_by_an_index,
						fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(what_is_new_and_what_is_gone_is_told_once,
						fixture_open, fixture_close),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
