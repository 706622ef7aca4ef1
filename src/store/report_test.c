/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report is made page by page, and a kill -9 at any moment neither loses nor doubles a line. */
#include <signal.h>
#include <sys/wait.h>
#include "store/report.h"
#include "store/testing.h"

enum { CALLS = 5 * REPORT_PAGE + 100, KILLS = 4 };
static const int64_t began = INT64_C(1763640000000000); /* 2025-11-20T12:00:00Z */

static struct db *connect(const struct fixture *fx)
{
	const struct db_conf conf = {.url = fx->place.url};
	struct db *db;

	assert_int_equal(db_open(&db, &conf), 0);
	return db;
}

/* Three calls begin at each moment: a page may end between them. */
static void make_calls(struct fixture *fx)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db *db = connect(fx);
	struct rows r = store_rows(fx->store, db);
	const struct sql_table *t = sql_record_table(r.schema, RECORD_CALL);
	struct db_stmt *st;

	assert_int_equal(db_begin(db, true), 0);
	for (uint64_t i = 1; i <= CALLS; i++) {
		struct call_record c = {.tenant_id = fx->tenant_id,
					.id = i,
					.caller = "101",
					.callee = "102",
					.direction = "internal",
					.status = "answered",
					.started_at = began + (int64_t)(i / 3) * 1000,
					.answered_at = began + 1,
					.ended_at = began + 2};

		sql_encode_record(t, &c, v);
		assert_int_equal(db_sql(db, t->insert, &st), 0);
		assert_int_equal(rows_bind(&r, st, NULL, v, t->ncols), 0);
		assert_int_equal(db_run(st), 0);
	}
	assert_int_equal(db_commit(db), 0);
	buf_free(&r.hold);
	db_close(db);
}

static uint64_t make_report(struct fixture *fx)
{
	struct store_request req = request(fx, STORE_ACT, fx->tenant_id, NULL, 0,
					   "{\"name\":\"all\",\"from\":\"2025-11-20T00:00:00Z\","
					   "\"to\":\"2025-11-21T00:00:00Z\"}");
	json_t *j;
	uint64_t id;

	req.query = "report_create";
	j = good(post(fx, req));
	assert_int_equal(str_u64(str_of(text_at(j, "id")), &id), 0);
	json_decref(j);
	return id;
}

/* How many turns it has had, as another process sees it. */
static uint64_t turns(struct db *db, const struct fixture *fx)
{
	uint64_t n = 0;

	assert_int_equal(db_number(db, "SELECT turns FROM call_report WHERE tenant_id = $1",
				   fx->tenant_id, &n),
			 0);
	return n;
}

static void serve(const struct fixture *fx)
{
	const struct store_conf conf = {.url = fx->place.url, .data_dir = fx->place.dir};
	struct store *s;

	if (store_open(&s, &conf))
		_exit(1);
	while (true)
		pause();
}

/* A server that is killed as soon as it has had a turn. */
static void serve_and_kill(struct fixture *fx)
{
	const pid_t child = fork();
	uint64_t before, now;
	struct db *db;
	int status;

	if (!child)
		serve(fx);
	assert_true(child > 0);
	db = connect(fx);
	before = now = turns(db, fx);
	for (int i = 0; i < 20000 && now == before && now <= CALLS / REPORT_PAGE; i++) {
		usleep(1000);
		now = turns(db, fx);
	}
	db_close(db);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void wait_until_complete(struct fixture *fx, const char *args)
{
	bool is_complete = false;

	for (int i = 0; i < 20000 && !is_complete; i++) {
		json_t *j = good(query(fx, fx->tenant_id, "call_report", args));

		is_complete = strcmp(text_at(j, "state"), "complete") == 0;
		if (is_complete)
			assert_int_equal(json_integer_value(json_object_get(j, "calls")), CALLS);
		json_decref(j);
		if (!is_complete)
			usleep(1000);
	}
	assert_true(is_complete);
}

/* Each line's id is the next one. */
static uint64_t count_lines(const char *csv, uint64_t n)
{
	struct str rest = str_of(csv), line;

	while (rest.n) {
		uint64_t id;

		line = str_cut(&rest, '\n');
		if (str_u64(str_cut(&line, ','), &id))
			continue; /* names of the fields */
		assert_int_equal(id, ++n);
	}
	return n;
}

static void a_report_goes_on_where_it_was_killed(void **state)
{
	struct fixture *fx = *state;
	char args[64], page[96];
	uint64_t id, n = 0;
	int pieces = 0;
	json_t *j;

	fx->tenant_id = make_tenant(fx, "acme");
	make_calls(fx);
	id = make_report(fx);
	fx->store = store_close(fx->store);
	for (int i = 0; i < KILLS; i++)
		serve_and_kill(fx);
	fixture_reopen(fx);
	snprintf(args, sizeof(args), "{\"id\":\"%llu\"}", (unsigned long long)id);
	wait_until_complete(fx, args);
	for (bool has_more = true; has_more; pieces++) {
		snprintf(page, sizeof(page), "{\"id\":\"%llu\",\"cursor\":\"%d\"}",
			 (unsigned long long)id, pieces);
		j = good(query(fx, fx->tenant_id, "call_report_csv", page));
		n = count_lines(text_at(j, "csv"), n);
		has_more = *text_at(j, "next") != '\0';
		json_decref(j);
	}
	assert_int_equal(n, CALLS);
	assert_int_equal(pieces, CALLS / REPORT_PAGE + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_report_goes_on_where_it_was_killed, fixture_open,
						fixture_close),
	};

	thread_become(THREAD_ANY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
