/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two engines behind db.h say the same of the same things. */
#include "store/testing.h"

struct dfix {
	struct place place;
	struct db *db;
};

static struct db *connect(struct dfix *t, bool is_read_only, unsigned busy_ms)
{
	const struct db_conf conf = {
		.url = t->place.url, .is_read_only = is_read_only, .busy_ms = busy_ms};
	struct db *db;

	assert_int_equal(db_open(&db, &conf), 0);
	return db;
}

static int make(void **state)
{
	struct dfix *t = calloc(1, sizeof(*t));
	bool pg = testing_is_postgres();

	place_make(&t->place);
	t->db = connect(t, false, 0);
	assert_int_equal(
		db_exec(t->db, pg ? "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT NOT NULL, "
				    "data BYTEA, CHECK (id > 0))"
				  : "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
				    "data BLOB, CHECK (id > 0)) STRICT"),
		0);
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct dfix *t = *state;

	db_close(t->db);
	place_remove(&t->place);
	free(t);
	return 0;
}

static int add(struct db *db, int64_t id, const char *name)
{
	struct db_stmt *st;
	int err = db_sql(db, "INSERT INTO t (name, id) VALUES ($2, $1)", &st);

	if (err)
		return err;
	db_bind_int(st, 1, id);
	db_bind_text(st, 2, str_of(name));
	return db_run(st);
}

static int64_t rows(struct db *db)
{
	struct db_stmt *st;
	int64_t n;

	assert_int_equal(db_sql(db, "SELECT count(*) FROM t", &st), 0);
	assert_int_equal(db_step(st), 0);
	n = db_int(st, 0);
	assert_int_equal(db_step(st), ENOENT);
	return n;
}

static void values_come_back_as_they_went(void **state)
{
	struct dfix *t = *state;
	const uint8_t bytes[] = {0, 1, 255, '\\', '\'', 0};
	struct db_stmt *st;

	assert_int_equal(db_sql(t->db, "INSERT INTO t (id, name, data) VALUES ($1, $2, $3)", &st),
			 0);
	db_bind_int(st, 1, INT64_MAX);
	db_bind_text(st, 2, STR("Bj\xc3\xb6rn '\"\\ $1"));
	db_bind_blob(st, 3, bytes, sizeof(bytes));
	assert_int_equal(db_run(st), 0);
	assert_int_equal(db_changed(st), 1);
	assert_int_equal(add(t->db, 2, ""), 0);
	assert_int_equal(db_sql(t->db, "SELECT id, name, data FROM t ORDER BY id DESC", &st), 0);
	assert_int_equal(db_step(st), 0);
	assert_int_equal(db_int(st, 0), INT64_MAX);
	assert_int_equal(db_id(st, 0), INT64_MAX);
	assert_string_equal(db_text(st, 1).p, "Bj\xc3\xb6rn '\"\\ $1");
	assert_int_equal(db_blob(st, 2).n, sizeof(bytes));
	assert_memory_equal(db_blob(st, 2).p, bytes, sizeof(bytes));
	assert_false(db_is_null(st, 2));
	assert_int_equal(db_step(st), 0);
	assert_int_equal(db_text(st, 1).n, 0);
	assert_true(db_is_null(st, 2));
	assert_int_equal(db_blob(st, 2).n, 0);
	assert_int_equal(db_step(st), ENOENT);
}

static void a_statement_may_be_used_again_at_any_time(void **state)
{
	struct dfix *t = *state;
	struct db_stmt *a, *b;

	for (int64_t i = 1; i <= 3; i++)
		assert_int_equal(add(t->db, i, "x"), 0);
	assert_int_equal(db_sql(t->db, "SELECT id FROM t WHERE id >= $1 ORDER BY id", &a), 0);
	db_bind_int(a, 1, 2);
	assert_int_equal(db_step(a), 0);
	assert_int_equal(db_int(a, 0), 2);
	db_done(a);
	assert_int_equal(db_sql(t->db, "SELECT id FROM t WHERE id >= $1 ORDER BY id", &b), 0);
	assert_ptr_equal(a, b);
	db_bind_int(b, 1, 3);
	assert_int_equal(db_step(b), 0);
	assert_int_equal(db_int(b, 0), 3);
	assert_int_equal(db_step(b), ENOENT);
}

static void many_statements_stay_bounded(void **state)
{
	struct dfix *t = *state;
	char sql[64];
	struct db_stmt *st;

	for (unsigned i = 0; i < 3 * DB_MAX_STATEMENTS; i++) {
		snprintf(sql, sizeof(sql), "SELECT %u + count(*) FROM t", i);
		assert_int_equal(db_sql(t->db, sql, &st), 0);
		assert_int_equal(db_step(st), 0);
		assert_int_equal(db_int(st, 0), i);
		db_done(st);
	}
}

static void errors_have_one_name_on_both(void **state)
{
	struct dfix *t = *state;
	struct db_stmt *st;
	struct db *reader = connect(t, true, 0);

	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(add(t->db, 1, "x"), EEXIST);
	assert_int_equal(add(t->db, -1, "x"), EINVAL); /* CHECK */
	assert_int_equal(add(reader, 2, "x"), EROFS);
	assert_true(db_error(reader)[0] != 0);
	assert_int_equal(rows(reader), 1);
	/* A parameter that is none, an id that fits no column. */
	assert_int_equal(db_sql(t->db, "SELECT id FROM t WHERE id = $1", &st), 0);
	db_bind_int(st, 2, 1);
	assert_int_equal(db_step(st), EINVAL);
	assert_int_equal(db_sql(t->db, "SELECT id FROM t WHERE id = $1", &st), 0);
	db_bind_id(st, 1, UINT64_MAX);
	assert_int_equal(db_step(st), ERANGE);
	assert_int_not_equal(db_exec(t->db, "nonsense"), 0);
	db_close(reader);
}

static void a_rollback_leaves_nothing(void **state)
{
	struct dfix *t = *state;

	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(add(t->db, 1, "x"), 0);
	db_rollback(t->db);
	db_rollback(t->db); /* without one: nothing */
	assert_int_equal(rows(t->db), 0);
	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(db_commit(t->db), 0);
	assert_int_equal(rows(t->db), 1);
}

static void a_savepoint_fails_alone(void **state)
{
	struct dfix *t = *state;

	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(db_savepoint(t->db), 0);
	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(db_savepoint_keep(t->db), 0);
	assert_int_equal(db_savepoint(t->db), 0);
	assert_int_equal(add(t->db, 2, "x"), 0);
	assert_int_equal(add(t->db, 1, "x"), EEXIST);
	assert_int_equal(db_savepoint_undo(t->db), 0);
	assert_int_equal(db_savepoint(t->db), 0);
	assert_int_equal(add(t->db, 3, "x"), 0);
	assert_int_equal(db_savepoint_keep(t->db), 0);
	assert_int_equal(db_commit(t->db), 0);
	assert_int_equal(rows(t->db), 2);
}

static void a_reader_sees_one_instant(void **state)
{
	struct dfix *t = *state;
	struct db *reader = connect(t, true, 0);

	assert_int_equal(db_begin(reader, false), 0);
	assert_int_equal(rows(reader), 0);
	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(rows(reader), 0);
	db_rollback(reader);
	assert_int_equal(rows(reader), 1);
	db_close(reader);
}

static void a_transaction_that_failed_is_not_committed(void **state)
{
	struct dfix *t = *state;

	if (!testing_is_postgres())
		return; /* SQLite goes on after a refused statement */
	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(add(t->db, 1, "x"), EEXIST);
	assert_int_equal(db_commit(t->db), EIO);
	assert_int_equal(rows(t->db), 0);
}

static void a_second_writer_waits_and_then_gives_up(void **state)
{
	struct dfix *t = *state;
	struct db *other = connect(t, false, 50);

	if (testing_is_postgres()) { /* there only rows are held */
		db_close(other);
		return;
	}
	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(db_begin(other, true), EBUSY);
	db_rollback(t->db);
	assert_int_equal(db_begin(other, true), 0);
	db_close(other);
}

static void a_full_disk_has_its_own_name(void **state)
{
	struct dfix *t = *state;
	char big[3000];
	int err = 0;

	if (testing_is_postgres())
		return; /* no way to fill it from here */
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	assert_int_equal(db_exec(t->db, "PRAGMA max_page_count = 20"), 0);
	assert_int_equal(db_begin(t->db, true), 0);
	for (int64_t i = 1; !err && i < 100; i++)
		err = add(t->db, i, big);
	assert_int_equal(err, ENOSPC);
	db_rollback(t->db);
	assert_int_equal(rows(t->db), 0);
	assert_int_equal(add(t->db, 1, "small"), 0);
}

static void control(const char *what)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "%s %s", getenv("OFFHOOK_TEST_PG_CTL"), what);
	assert_int_equal(system(cmd), 0);
}

static void a_server_that_went_away_is_found_again(void **state)
{
	struct dfix *t = *state;
	int err = 0;

	if (!testing_is_postgres())
		return;
	assert_int_equal(add(t->db, 1, "x"), 0);
	assert_int_equal(db_begin(t->db, true), 0);
	assert_int_equal(add(t->db, 2, "x"), 0);
	control("crash");
	assert_int_equal(add(t->db, 3, "x"), EAGAIN);
	control("start");
	assert_int_equal(add(t->db, 3, "x"), EAGAIN); /* its transaction is gone, whoever is back */
	assert_int_equal(db_commit(t->db), EAGAIN);
	assert_int_equal(rows(t->db), 1); /* at once: outside a transaction it connects */
	control("crash");
	assert_int_equal(add(t->db, 3, "x"), EAGAIN);
	assert_int_equal(db_begin(t->db, true), EAGAIN);
	control("start");
	for (unsigned i = 0; i < 100 && (err = add(t->db, 3, "x")) == EAGAIN; i++)
		poll(NULL, 0, 50); /* attempts are spaced out */
	assert_int_equal(err, 0);
	assert_int_equal(rows(t->db), 2);
}

static void urls_name_their_engine(void **state)
{
	const struct db_conf conf = {.url = "sqlite:/nonexistent/place/x.db"};
	enum db_engine e;
	struct db *db;

	assert_int_equal(db_url_engine("sqlite:/x", &e), 0);
	assert_int_equal(e, DB_SQLITE);
	assert_int_equal(db_url_engine("postgresql://h/d", &e), 0);
	assert_int_equal(e, DB_POSTGRES);
	assert_int_equal(db_url_engine("postgres://h/d", &e), 0);
	assert_int_equal(db_url_engine("mysql://h/d", &e), EINVAL);
	assert_int_equal(db_url_engine("sqlite:", &e), EINVAL);
	assert_int_equal(db_open(&db, &conf), EAGAIN);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(values_come_back_as_they_went),
		T(a_statement_may_be_used_again_at_any_time),
		T(many_statements_stay_bounded),
		T(errors_have_one_name_on_both),
		T(a_rollback_leaves_nothing),
		T(a_savepoint_fails_alone),
		T(a_reader_sees_one_instant),
		T(a_transaction_that_failed_is_not_committed),
		T(a_second_writer_waits_and_then_gives_up),
		T(a_full_disk_has_its_own_name),
		T(a_server_that_went_away_is_found_again),
		cmocka_unit_test(urls_name_their_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
