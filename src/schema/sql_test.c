/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts are run for real, on SQLite in memory; store/ runs them on PostgreSQL too. */
#include "schema/object.h"
#include "schema/sql_testing.h"

static void what_was_written_is_read_back(void **state)
{
	struct db *db = *state;
	struct object *a = make(&resource_ring_group, 5, INT64_MAX,
				"{'number':'600','name':'Küche \\\\ %','ring_seconds':33,"
				"'no_answer':{'kind':'extension','id':'12'},'members':["
				"{'extension_id':'9'},{'extension_id':'3'},{'extension_id':'7'}]}");
	struct object *b;

	assert_int_equal(insert(db, a), SQLITE_DONE);
	b = load(db, a->res, 5, INT64_MAX);
	assert_non_null(b);
	assert_int_equal(b->tenant_id, 5);
	assert_true(b->id == INT64_MAX && b->revision == 1);
	for (size_t i = 0; i < a->res->nfields; i++)
		assert_true(field_equal(a, b, &a->res->fields[i]));
	assert_null(load(db, a->res, 6, INT64_MAX));
	object_free(a);
	object_free(b);
}

static void an_upsert_replaces_and_a_removal_removes(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_table(db->schema, &resource_extension);
	struct sql_value v[SQL_MAX_COLUMNS], key[] = {integer(1), integer(2)};
	struct object *o = make(&resource_extension, 1, 2, "{'number':'101'}");

	for (int i = 0; i < 2; i++) {
		((struct extension *)o)->ring_seconds = 50 + i;
		assert_int_equal(sql_encode(t, o, v), 0);
		assert_int_equal(run(db, t->upsert, v, t->ncols), SQLITE_DONE);
	}
	object_free(o);
	o = load(db, &resource_extension, 1, 2);
	assert_int_equal(((struct extension *)o)->ring_seconds, 51);
	object_free(o);
	assert_int_equal(run(db, t->remove, key, 2), SQLITE_DONE);
	assert_null(load(db, &resource_extension, 1, 2));
}

static void a_clear_password_never_reaches_the_database(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_table(db->schema, &resource_admin);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct object *o = make(&resource_admin, 1, 2, "{'username':'a','password':'clear text'}");

	assert_int_equal(sql_encode(t, o, v), EPERM);
	assert_int_equal(object_set_text(o, resource_field(o->res, STR("password")),
					 STR("$argon2id$v=19$x")),
			 0);
	assert_int_equal(sql_encode(t, o, v), 0);
	object_free(o);
}

static void what_is_taken_only_at_the_start_has_no_column(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_table(db->schema, &resource_extension);
	bool has_number = false;

	for (size_t i = 0; i < t->ncols; i++) {
		assert_string_not_equal(t->cols[i].name, "password");
		has_number |= !strcmp(t->cols[i].name, "number");
	}
	assert_true(has_number);
	t = sql_table(db->schema, &resource_account);
	for (size_t i = 0; i < t->ncols; i++)
		assert_int_equal(t->cols[i].is_secret, !strcmp(t->cols[i].name, "password"));
}

static void unique_means_within_the_tenant(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_table(db->schema, &resource_account);
	const char *ann = "{'username':'ann'}";
	struct sql_value v[] = {integer(1), {.kind = SQL_TEXT, .s = STR("ann")}};
	struct object *again = make(&resource_account, 1, 11, ann);
	sqlite3_stmt *st;

	put(db, &resource_account, 1, 10, ann);
	put(db, &resource_account, 2, 11, ann);
	assert_int_equal(insert(db, again), SQLITE_CONSTRAINT);
	object_free(again);
	for (size_t i = 0; i < t->ncols; i++) {
		if (strcmp(t->cols[i].name, "username"))
			continue;
		st = prepare(db, t->cols[i].find, v, 2);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int64(st, 0), 10);
		assert_int_equal(sqlite3_step(st), SQLITE_DONE);
		sqlite3_finalize(st);
	}
}

static void claims_tell_who_owns_a_name(void **state)
{
	struct db *db = *state;
	struct object *o =
		make(&resource_extension, 4, 44, "{'number':'101','email':'A@B.Example'}");
	struct sql_claim claims[SQL_MAX_CLAIMS], other[SQL_MAX_CLAIMS];
	sqlite3_stmt *st;

	assert_int_equal(sql_claims(db->schema, o, claims), 2);
	assert_ptr_equal(claims[0].table, sql_number_table(db->schema));
	assert_ptr_equal(claims[1].table, sql_directory_table(db->schema));
	assert_string_equal(claims[1].kind, "extension.email");
	assert_string_equal(claims[1].name, "a@b.example");
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			run(db, claims[i].table->insert, claims[i].v, claims[i].table->ncols),
			SQLITE_DONE);

	o->tenant_id = 5; /* the number is free in another tenant, the address is not */
	o->id = 55;
	assert_int_equal(sql_claims(db->schema, o, other), 2);
	assert_int_equal(run(db, other[0].table->insert, other[0].v, 4), SQLITE_DONE);
	assert_int_equal(run(db, other[1].table->insert, other[1].v, 5), SQLITE_CONSTRAINT);
	st = prepare(db, other[1].table->select, other[1].v, 2);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int64(st, 0), 4);
	assert_string_equal((const char *)sqlite3_column_text(st, 1), "extension");
	assert_int_equal(sqlite3_column_int64(st, 2), 44);
	sqlite3_finalize(st);

	for (int i = 0; i < 2; i++) {
		struct sql_value owner[] = {
			integer(4), {.kind = SQL_TEXT, .s = STR("extension")}, integer(44)};

		assert_int_equal(run(db, claims[i].table->remove, owner, 3), SQLITE_DONE);
	}
	assert_int_equal(run(db, other[1].table->insert, other[1].v, 5), SQLITE_DONE);
	object_free(o);
}

static void every_referrer_of_an_extension_is_known(void **state)
{
	struct db *db = *state;
	const struct sql_table *t;
	const struct sql_column *c;
	size_t pos = 0, found = 0;
	char seen[1024] = "";

	put(db, &resource_ring_group, 8, 1,
	    "{'number':'600','name':'S','no_answer':{'kind':'extension','id':'70'},'members':["
	    "{'extension_id':'71'}]}");
	while ((c = sql_referrer(db->schema, &resource_extension, &pos, &t))) {
		struct sql_value v[] = {integer(8),
					integer(c->field->kind == FIELD_DEST ? 70 : 71),
					{.kind = SQL_TEXT, .s = STR("extension")}};
		sqlite3_stmt *st = prepare(db, c->find, v, c->field->kind == FIELD_DEST ? 3 : 2);

		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s.%s ", t->name,
			 c->name);
		if (sqlite3_step(st) == SQLITE_ROW) {
			assert_int_equal(sqlite3_column_int64(st, 0), 1);
			found++;
		}
		sqlite3_finalize(st);
	}
	assert_non_null(strstr(seen, "accounts.extension_id "));
	assert_non_null(strstr(seen, "ring_groups.no_answer_id "));
	assert_non_null(strstr(seen, "ring_group_members.extension_id "));
	assert_int_equal(found, 2);
}

static void records_are_written_whole_and_again(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_record_table(db->schema, RECORD_CALL);
	struct call_record a = {.tenant_id = 3, .id = 4, .caller = "101", .answered_at = 5}, b;
	struct sql_value v[SQL_MAX_COLUMNS], key[] = {integer(3), integer(4)};
	sqlite3_stmt *st;

	for (int i = 0; i < 2; i++) {
		a.ended_at = 100 + i;
		sql_encode_record(t, &a, v);
		assert_int_equal(run(db, t->upsert, v, t->ncols), SQLITE_DONE);
	}
	st = prepare(db, t->select, key, 2);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	row(st, v);
	assert_int_equal(sql_decode_record(t, &b, v), 0);
	sqlite3_finalize(st);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_null(sql_record_table(db->schema, RECORD_LEG_KEPT));
}

static void a_row_that_is_none_is_refused(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_table(db->schema, &resource_extension);
	struct sql_value v[SQL_MAX_COLUMNS], good[SQL_MAX_COLUMNS];
	struct object *o = make(&resource_extension, 1, 2, "{'number':'101'}"), *back = NULL;

	assert_int_equal(sql_encode(t, o, good), 0);
	for (size_t i = 0; i < t->ncols; i++) {
		memcpy(v, good, sizeof(v));
		if (t->cols[i].kind == SQL_INT)
			v[i] = (struct sql_value){.kind = SQL_TEXT, .s = STR("x")};
		else
			v[i] = integer(1);
		assert_int_equal(sql_decode(t, &back, v), EINVAL);
		assert_null(back);
		if (t->cols[i].kind != SQL_INT)
			continue;
		v[i].s = STR("1"); /* as PostgreSQL gives it */
		assert_int_equal(sql_decode(t, &back, v), 0);
		back = object_free(back);
	}
	object_free(o);
}

static void both_engines_have_the_same_tables(void **state)
{
	struct db *db = *state;
	const struct sql_table *tables;
	size_t n;

	tables = sql_tables(db->schema, &n);
	for (size_t i = 0; i < n; i++) {
		struct buf a = {0}, b = {0};

		assert_true(tables[i].cols[0].kind == SQL_INT || tables[i].record == NULL);
		sql_ddl(&a, &tables[i], SQL_SQLITE);
		sql_ddl(&b, &tables[i], SQL_POSTGRESQL);
		assert_non_null(strstr(a.p, "STRICT"));
		assert_null(strstr(b.p, "STRICT"));
		assert_null(strstr(b.p, "INTEGER"));
		assert_null(strstr(a.p, "BIGINT"));
		buf_free(&a);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_db, close_db)
		T(what_was_written_is_read_back),
		T(an_upsert_replaces_and_a_removal_removes),
		T(a_clear_password_never_reaches_the_database),
		T(what_is_taken_only_at_the_start_has_no_column),
		T(unique_means_within_the_tenant),
		T(claims_tell_who_owns_a_name),
		T(every_referrer_of_an_extension_is_known),
		T(records_are_written_whole_and_again),
		T(a_row_that_is_none_is_refused),
		T(both_engines_have_the_same_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
