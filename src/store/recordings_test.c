/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PBX-7, TEN-2: files of recordings go with their rows: deleted, too old, too many, cut off, of a tenant that is gone. */
#include "store/recordings.h"
#include "store/retention.h"
#include "store/testing.h"
#include <fcntl.h>
#include <inttypes.h>

static const int64_t now_us = INT64_C(1763640000000000), day_us = INT64_C(86400000000);
enum { KB = 1024, FILE_BYTES = 100 * KB };

struct shelf {
	struct fixture *fx;
	struct db *db;
	struct rows rows;
};

static struct shelf shelf_open(void **state)
{
	struct shelf s = {.fx = *state};
	const struct db_conf conf = {.url = s.fx->place.url};

	s.fx->tenant_id = make_tenant(s.fx, "acme");
	assert_int_equal(db_open(&s.db, &conf), 0);
	s.rows = store_rows(s.fx->store, s.db);
	return s;
}

static void shelf_close(struct shelf *s)
{
	buf_free(&s->rows.hold);
	db_close(s->db);
}

static void path_of(const struct shelf *s, uint64_t tenant_id, uint64_t id, const char *end,
		    char *path, size_t n)
{
	snprintf(path, n, "%s/recordings", s->fx->place.dir);
	(void)mkdir(path, 0700);
	snprintf(path, n, "%s/recordings/%" PRIu64, s->fx->place.dir, tenant_id);
	(void)mkdir(path, 0700);
	snprintf(path, n, "%s/recordings/%" PRIu64 "/%" PRIu64 "%s", s->fx->place.dir, tenant_id,
		 id, end);
}

/* Mono, 8,000 Hz. */
static void make_file(const struct shelf *s, uint64_t tenant_id, uint64_t id, const char *end)
{
	static uint8_t bytes[44 + FILE_BYTES];
	char path[600];
	int fd;

	path_of(s, tenant_id, id, end, path, sizeof(path));
	bytes[28] = 16000 & 0xff;
	bytes[29] = 16000 >> 8;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
}

static void make_row(struct shelf *s, uint64_t id, int64_t started_at, int64_t ended_at)
{
	struct recording_record rec = {.tenant_id = s->fx->tenant_id,
				       .id = id,
				       .call_id = 1,
				       .format = "wav",
				       .tracks = 1,
				       .started_at = started_at,
				       .ended_at = ended_at,
				       .bytes = ended_at ? FILE_BYTES : 0,
				       .node = 7};
	const struct sql_table *t = sql_record_table(s->rows.schema, RECORD_RECORDING);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db_stmt *st;

	sql_encode_record(t, &rec, v);
	assert_int_equal(db_sql(s->db, t->insert, &st), 0);
	assert_int_equal(rows_bind(&s->rows, st, NULL, v, t->ncols), 0);
	assert_int_equal(db_run(st), 0);
}

static void make(struct shelf *s, uint64_t id, int64_t started_at)
{
	make_row(s, id, started_at, started_at + 1000000);
	make_file(s, s->fx->tenant_id, id, ".wav");
}

static bool has_file(const struct shelf *s, uint64_t id, const char *end)
{
	char path[600];

	path_of(s, s->fx->tenant_id, id, end, path, sizeof(path));
	return !access(path, F_OK);
}

static uint64_t count(struct shelf *s)
{
	uint64_t n = 0;

	assert_int_equal(db_number(s->db, "SELECT count(*) FROM recordings WHERE tenant_id = $1",
				   s->fx->tenant_id, &n),
			 0);
	return n;
}

static void clean(struct shelf *s, int64_t before_us, uint64_t most)
{
	bool more = true;

	while (more) {
		more = false;
		assert_int_equal(db_begin(s->db, true), 0);
		assert_int_equal(
			recordings_clean(&s->rows, s->fx->tenant_id, before_us, most, &more), 0);
		assert_int_equal(db_commit(s->db), 0);
	}
}

static void one_that_is_deleted_goes_with_its_file(void **state)
{
	struct shelf s = shelf_open(state);
	struct recording_file_info f;
	struct storage_use use;

	make(&s, 1, now_us);
	make(&s, 2, now_us);
	assert_int_equal(recording_find(&s.rows, s.fx->tenant_id, 1, &f), 0);
	assert_int_equal(f.nbytes, 44 + FILE_BYTES);
	assert_int_equal(recording_remove(&s.rows, s.fx->tenant_id + 1, 1), ENOENT);
	assert_int_equal(recording_remove(&s.rows, s.fx->tenant_id, 1), 0);
	assert_false(has_file(&s, 1, ".wav"));
	assert_true(has_file(&s, 2, ".wav"));
	assert_int_equal(recording_remove(&s.rows, s.fx->tenant_id, 1), ENOENT);
	assert_int_equal(recording_find(&s.rows, s.fx->tenant_id, 1, &f), ENOENT);
	assert_int_equal(storage_used(&s.rows, s.fx->tenant_id, &use), 0);
	assert_int_equal(use.recordings, FILE_BYTES);
	make_row(&s, 3, now_us, 0); /* it is being recorded */
	assert_int_equal(recording_remove(&s.rows, s.fx->tenant_id, 3), EEXIST);
	make_row(&s, 4, now_us, now_us); /* its file is gone already */
	assert_int_equal(recording_remove(&s.rows, s.fx->tenant_id, 4), 0);
	shelf_close(&s);
}

static void those_too_old_or_too_many_go_the_oldest_first(void **state)
{
	struct shelf s = shelf_open(state);

	for (uint64_t i = 1; i <= 120; i++)
		make(&s, i, now_us - (int64_t)(121 - i) * day_us);
	clean(&s, INT64_MIN, UINT64_MAX);
	assert_int_equal(count(&s), 120);
	clean(&s, now_us - 100 * day_us, UINT64_MAX);
	assert_int_equal(count(&s), 100);
	assert_false(has_file(&s, 20, ".wav"));
	assert_true(has_file(&s, 21, ".wav"));
	clean(&s, INT64_MIN, 10 * FILE_BYTES);
	assert_int_equal(count(&s), 10);
	assert_false(has_file(&s, 110, ".wav"));
	assert_true(has_file(&s, 111, ".wav"));
	shelf_close(&s);
}

static void set(struct shelf *s, const char *json)
{
	json_decref(good(ask(s->fx, STORE_UPDATE, 0, "tenant", s->fx->tenant_id, json)));
}

static void turns(struct shelf *s)
{
	struct retention t = {0};
	bool more = true;

	while (more)
		assert_int_equal(retention_turn(&t, &s->rows, now_us, &more), 0);
}

/* A mebibyte holds ten of these files; a tenth of it stays free. */
static void the_tenant_says_what_is_kept(void **state)
{
	struct shelf s = shelf_open(state);

	for (uint64_t i = 1; i <= 20; i++)
		make(&s, i, now_us - (int64_t)(21 - i) * day_us);
	set(&s, "{\"disk_quota_mb\":1}");
	turns(&s);
	assert_int_equal(count(&s), 20); /* when_disk_full: stop */
	set(&s, "{\"keep_recordings_days\":15}");
	turns(&s);
	assert_int_equal(count(&s), 15);
	set(&s, "{\"when_disk_full\":\"remove_oldest\"}");
	turns(&s);
	assert_int_equal(count(&s), 9);
	assert_true(has_file(&s, 12, ".wav"));
	assert_false(has_file(&s, 11, ".wav"));
	shelf_close(&s);
}

static void what_was_cut_off_is_ended_as_far_as_it_went(void **state)
{
	struct shelf s = shelf_open(state);
	uint64_t ms = 0;

	make_row(&s, 1, now_us, 0);
	make_file(&s, s.fx->tenant_id, 1, ".wav.part");
	make_row(&s, 2, now_us, 0); /* it had ended, and nobody had written that down */
	make_file(&s, s.fx->tenant_id, 2, ".wav");
	make_row(&s, 3, now_us, 0); /* it had not begun */
	assert_int_equal(recordings_close_interrupted(&s.rows, 8, now_us + 1000000), 0);
	assert_true(has_file(&s, 1, ".wav.part")); /* another node's */
	assert_int_equal(recordings_close_interrupted(&s.rows, 7, now_us + 1000000), 0);
	assert_false(has_file(&s, 1, ".wav.part"));
	assert_true(has_file(&s, 1, ".wav"));
	assert_int_equal(
		db_number(s.db,
			  "SELECT milliseconds FROM recordings WHERE tenant_id = $1 AND id = 1 AND "
			  "fault = 'interrupted' AND ended_at = 1763640001000000",
			  s.fx->tenant_id, &ms),
		0);
	assert_int_equal(ms, FILE_BYTES / 16);
	assert_int_equal(db_number(s.db,
				   "SELECT milliseconds FROM recordings WHERE tenant_id = $1 AND "
				   "id = 2 AND fault = '' AND ended_at <> 0",
				   s.fx->tenant_id, &ms),
			 0);
	assert_int_equal(db_number(s.db,
				   "SELECT bytes FROM recordings WHERE tenant_id = $1 AND id = 3 "
				   "AND fault = 'interrupted' AND ended_at <> 0",
				   s.fx->tenant_id, &ms),
			 0);
	assert_int_equal(ms, 0);
	shelf_close(&s);
}

static void files_of_a_tenant_that_is_gone_go(void **state)
{
	struct shelf s = shelf_open(state);
	char path[600];

	make(&s, 1, now_us);
	path_of(&s, 4711, 1, ".wav", path, sizeof(path));
	for (uint64_t i = 1; i <= RECORDINGS_BATCH + 1; i++)
		make_file(&s, 4711, i, ".wav");
	for (int i = 0; i < 3; i++)
		assert_int_equal(recordings_sweep(&s.rows), 0);
	assert_int_equal(access(path, F_OK), -1);
	*strrchr(path, '/') = '\0';
	assert_int_equal(access(path, F_OK), -1);
	assert_true(has_file(&s, 1, ".wav"));
	shelf_close(&s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(one_that_is_deleted_goes_with_its_file),
		T(those_too_old_or_too_many_go_the_oldest_first),
		T(the_tenant_says_what_is_kept),
		T(what_was_cut_off_is_ended_as_far_as_it_went),
		T(files_of_a_tenant_that_is_gone_go),
	};

	thread_become(THREAD_ANY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
