/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OPS-1: what is restored is put aside while others change things; what a kill left half done after the switch is done at the next start. */
#include "store/backup_impl.h"
#include "store/testing.h"

static const int64_t began = INT64_C(1763640000000000); /* 2025-11-20T12:00:00Z */
enum { CALLS = 1200 };					/* more than two pages */

/* ---- what there is to be restored ---- */

static void make_calls(struct fixture *fx)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db *db;
	struct rows r;
	const struct sql_table *t;

	assert_int_equal(store_connect(fx->store, LINK_WRITER, &db), 0);
	r = store_rows(fx->store, db);
	t = sql_record_table(r.schema, RECORD_CALL);
	assert_int_equal(db_begin(db, true), 0);
	for (uint64_t i = 1; i <= CALLS; i++) {
		struct call_record c = {.tenant_id = fx->tenant_id,
					.id = i,
					.caller = "101",
					.callee = "102",
					.status = "answered",
					.started_at = began,
					.answered_at = began + 1,
					.ended_at = began + 2};

		sql_encode_record(t, &c, v);
		assert_int_equal(dump_put(&r, t, v, true), 0);
	}
	assert_int_equal(db_commit(db), 0);
	buf_free(&r.hold);
	db_close(db);
}

static int64_t count(struct fixture *fx, const char *sql)
{
	struct db_stmt *st;
	struct db *db;
	int64_t n;

	assert_int_equal(store_connect(fx->store, LINK_WRITER, &db), 0);
	assert_int_equal(db_sql(db, sql, &st), 0);
	assert_int_equal(db_step(st), 0);
	n = db_int(st, 0);
	db_done(st);
	db_close(db);
	return n;
}

static void run(struct fixture *fx, const char *sql)
{
	struct db *db;

	assert_int_equal(store_connect(fx->store, LINK_WRITER, &db), 0);
	assert_int_equal(db_exec(db, sql), 0);
	db_close(db);
}

static json_t *backup_ask(struct fixture *fx, const char *name, uint64_t id, const char *args)
{
	struct store_request req = request(fx, STORE_BACKUP, 0, NULL, id, args);

	req.query = name;
	return good(post(fx, req));
}

/* As its state is in the end. */
static void settle(struct fixture *fx, uint64_t id, const char *state)
{
	for (int i = 0; i < 3000; i++) {
		json_t *j = backup_ask(fx, "backup", id, NULL);
		bool yes = strcmp(text_at(j, "state"), state) == 0;

		json_decref(j);
		if (yes)
			return;
		usleep(10000);
	}
	fail_msg("the backup is never %s", state);
}

static uint64_t make_backup(struct fixture *fx)
{
	json_t *j = backup_ask(fx, "backup_create", 0, "{\"name\":\"x\"}");
	uint64_t id;

	assert_int_equal(str_u64(str_of(text_at(j, "id")), &id), 0);
	json_decref(j);
	settle(fx, id, "complete");
	return id;
}

static struct backup_order order_of(struct fixture *fx, uint64_t id)
{
	struct backup_order o = {.id = 77, .backup_id = id};
	uint64_t bytes;

	o.path = backup_path(fx->store->backups, id, "backup");
	assert_int_equal(shelf_label(fx->store->backups, id, &o.label, &bytes), 0);
	o.parts = o.label.parts;
	o.lock = (struct archive_lock){.key = fx->store->seal.key};
	return o;
}

/* ---- a stage ---- */

struct staged {
	struct backup_order order;
	struct rows live, stage;
};

static int go_on(void *arg)
{
	return 0;
}

static struct staged put_aside(struct fixture *fx, uint64_t id)
{
	struct staged s = {.order = order_of(fx, id)};
	char note[BACKUP_NOTE];
	struct db *live, *stage;

	backup_note_text(note, &s.order, 0);
	assert_int_equal(store_connect(fx->store, LINK_WRITER, &live), 0);
	s.live = store_rows(fx->store, live);
	assert_int_equal(stage_find(&s.order.stage, fx->store, live), 0);
	assert_int_equal(stage_create(&s.order.stage, live, note, &stage), 0);
	s.stage = store_rows(fx->store, stage);
	assert_int_equal(backup_fill(&s.stage, &s.order, go_on, NULL), 0);
	return s;
}

static void put_away(struct staged *s)
{
	buf_free(&s->stage.hold);
	buf_free(&s->live.hold);
	db_close(s->stage.db);
	db_close(s->live.db);
	free(s->order.path);
}

static void switch_over(struct staged *s)
{
	assert_int_equal(stage_attach(&s->order.stage, s->live.db), 0);
	assert_int_equal(db_begin(s->live.db, true), 0);
	assert_int_equal(backup_apply(&s->live, &s->order), 0);
	assert_int_equal(db_commit(s->live.db), 0);
	stage_detach(&s->order.stage, s->live.db);
}

static bool has_stage(struct fixture *fx, const struct staged *s)
{
	char sql[160];

	if (!testing_is_postgres())
		return access(s->order.stage.path, F_OK) == 0;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_namespace WHERE nspname = '%s'",
		 s->order.stage.schema);
	return count(fx, sql) > 0;
}

/* ---- tests ---- */

static void nobody_waits_while_rows_are_put_aside(void **state)
{
	struct fixture *fx = *state;
	struct staged s;
	uint64_t id;

	fx->tenant_id = make_tenant(fx, "aside");
	make_extension(fx, fx->tenant_id, "101");
	id = make_backup(fx);
	s = put_aside(fx, id);
	/* Everything is put in and judged, and nothing is held: a change is made, and a restart finds the old state. */
	make_extension(fx, fx->tenant_id, "102");
	put_away(&s);
	assert_true(has_stage(fx, &s));
	fixture_reopen(fx);
	assert_false(has_stage(fx, &s));
	assert_int_equal(count(fx, "SELECT count(*) FROM extensions"), 2);
}

static void records_that_a_kill_left_are_added_at_the_next_start(void **state)
{
	struct fixture *fx = *state;
	struct staged s;
	uint64_t id;

	fx->tenant_id = make_tenant(fx, "rest");
	make_extension(fx, fx->tenant_id, "101");
	make_calls(fx);
	id = make_backup(fx);
	run(fx, "DELETE FROM cdrs");
	make_extension(fx, fx->tenant_id, "102");
	s = put_aside(fx, id);
	assert_int_equal(count(fx, "SELECT count(*) FROM cdrs"), 0);
	switch_over(&s);
	put_away(&s); /* killed here */
	assert_int_equal(count(fx, "SELECT count(*) FROM extensions"), 1);
	assert_int_equal(count(fx, "SELECT count(*) FROM cdrs"), 0);
	fixture_reopen(fx);
	assert_false(has_stage(fx, &s));
	assert_int_equal(count(fx, "SELECT count(*) FROM cdrs"), CALLS);
	assert_int_equal(count(fx, "SELECT count(*) FROM extensions"), 1);
	make_extension(fx, fx->tenant_id,
		       "102"); /* and it goes on: claims are those of the backup */
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}"),
		EEXIST, "number", "taken");
}

static void tables_are_as_before_after_a_switch(void **state)
{
	static const char *const shape =
		"SELECT count(*) FROM (SELECT * FROM extensions WHERE number >= '100')";
	struct fixture *fx = *state;
	int64_t indexes, indexes_after;
	const char *sql =
		testing_is_postgres()
			? "SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()"
			: "SELECT count(*) FROM sqlite_master WHERE type = 'index'";
	uint64_t id;

	fx->tenant_id = make_tenant(fx, "shape");
	make_extension(fx, fx->tenant_id, "101");
	id = make_backup(fx);
	indexes = count(fx, sql);
	json_decref(backup_ask(fx, "backup_restore", id, "{}"));
	settle(fx, id, "restored");
	indexes_after = count(fx, sql);
	assert_int_equal(indexes, indexes_after);
	if (!testing_is_postgres())
		assert_int_equal(count(fx, shape), 1);
}

static void reports_come_back(void **state)
{
	struct fixture *fx = *state;
	uint64_t id;

	fx->tenant_id = make_tenant(fx, "report");
	run(fx, "INSERT INTO call_report_piece (tenant_id, report_id, position, csv) VALUES (0, 5, "
		"1, 'a,b'), (0, 5, 2, 'c,d')");
	id = make_backup(fx);
	run(fx, "DELETE FROM call_report_piece");
	json_decref(backup_ask(fx, "backup_restore", id, "{}"));
	settle(fx, id, "restored");
	assert_int_equal(count(fx, "SELECT count(*) FROM call_report_piece WHERE csv = 'c,d'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_waits_while_rows_are_put_aside, fixture_open,
						fixture_close),
		cmocka_unit_test_setup_teardown(
			records_that_a_kill_left_are_added_at_the_next_start, fixture_open,
			fixture_close),
		cmocka_unit_test_setup_teardown(tables_are_as_before_after_a_switch, fixture_open,
						fixture_close),
		cmocka_unit_test_setup_teardown(reports_come_back, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
