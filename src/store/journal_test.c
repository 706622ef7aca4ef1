/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal and the database together: draining, what a start makes of the last run, and processes killed at any instant. */
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "store/journal.h"
#include "store/testing.h"

struct jfix {
	struct fixture *fx;
	struct journal *j;
	struct db *db;
	char path[128];
};

static void journal_begin(struct jfix *t)
{
	const struct journal_conf conf = {
		.path = t->path, .bytes = 1 << 20, .node = 1, .drain_ms = 20, .hold_ms = 1};

	assert_int_equal(journal_open(&t->j, &conf, t->fx->store), 0);
}

static int make(void **state)
{
	struct jfix *t = calloc(1, sizeof(*t));

	fixture_open((void **)&t->fx);
	t->fx->tenant_id = make_tenant(t->fx, "acme");
	snprintf(t->path, sizeof(t->path), "%s/journal", t->fx->place.dir);
	assert_int_equal(store_connect(t->fx->store, LINK_READER, &t->db), 0);
	journal_begin(t);
	*state = t;
	return 0;
}

static int drop(void **state)
{
	struct jfix *t = *state;

	journal_close(t->j);
	db_close(t->db);
	fixture_close((void **)&t->fx);
	free(t);
	return 0;
}

static int64_t number(struct jfix *t, const char *sql)
{
	struct db_stmt *st;
	int64_t n;

	assert_int_equal(db_sql(t->db, sql, &st), 0);
	assert_int_equal(db_step(st), 0);
	n = db_int(st, 0);
	db_done(st);
	return n;
}

/* The number becomes n; as long as it changes, however slow the disk, it is waited for. */
static void becomes(struct jfix *t, const char *sql, int64_t n)
{
	int64_t now = number(t, sql), before;

	for (unsigned nstill = 0; now != n && nstill < 1000;
	     nstill = now == before ? nstill + 1 : 0) {
		poll(NULL, 0, 10);
		before = now;
		now = number(t, sql);
	}
	assert_int_equal(now, n);
}

static struct call_record call(struct jfix *t, uint64_t id)
{
	struct call_record c = {
		.tenant_id = t->fx->tenant_id, .id = id, .started_at = 1000000, .node = 1};

	strcpy(c.caller, "101");
	strcpy(c.status, "in_progress");
	return c;
}

static void put_call(struct jfix *t, uint64_t id, int64_t answered_at, int64_t ended_at)
{
	struct call_record c = call(t, id);

	c.answered_at = answered_at;
	c.ended_at = ended_at;
	assert_int_equal(journal_write(t->j, RECORD_CALL, &c, sizeof(c)), 0);
}

/* Its end is known, and its legs are still being closed. */
static void put_call_over(struct jfix *t, uint64_t id, int64_t at)
{
	struct call_record c = call(t, id);

	c.last_alive_at = at;
	strcpy(c.status, "busy");
	assert_int_equal(journal_write(t->j, RECORD_CALL, &c, sizeof(c)), 0);
}

static void copy(const char *from, const char *to)
{
	char cmd[400];

	snprintf(cmd, sizeof(cmd), "cp --sparse=never %s %s", from, to);
	assert_int_equal(system(cmd), 0);
}

/* As a kill does: the file is as it was at this instant, whatever closing does to it. */
static void crash(struct jfix *t)
{
	char aside[160];

	snprintf(aside, sizeof(aside), "%s.crashed", t->path);
	copy(t->path, aside);
	t->j = journal_close(t->j);
	assert_int_equal(rename(aside, t->path), 0);
}

static void records_reach_the_database(void **state)
{
	struct jfix *t = *state;

	put_call(t, 1, 0, 0);
	put_call(t, 2, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 2);
	put_call(t, 1, 2000000, 3000000);
	becomes(t, "SELECT count(*) FROM cdrs WHERE ended_at = 3000000", 1);
	assert_int_equal(number(t, "SELECT count(*) FROM cdrs"), 2);
	for (unsigned i = 0; i < 500 && journal_pending_bytes(t->j); i++)
		poll(NULL, 0, 10);
	assert_int_equal(journal_pending_bytes(t->j), 0);
}

static void a_removed_contact_leaves_no_row(void **state)
{
	struct jfix *t = *state;
	struct contact_record c = {.tenant_id = t->fx->tenant_id, .id = 9, .expires_at = INT64_MAX};

	assert_int_equal(journal_write(t->j, RECORD_CONTACT, &c, sizeof(c)), 0);
	becomes(t, "SELECT count(*) FROM registrations", 1);
	c.expires_at = 0;
	assert_int_equal(journal_write(t->j, RECORD_CONTACT, &c, sizeof(c)), 0);
	becomes(t, "SELECT count(*) FROM registrations", 0);
}

static void a_block_that_is_long_over_leaves_no_row(void **state)
{
	struct jfix *t = *state;
	int64_t now_us = clock_wall_us(clock_real()), hour_us = INT64_C(3600) * 1000000;
	struct block_record over = {.id = 1, .expires_at = now_us - 2 * hour_us};
	struct block_record lasts = {.id = 2, .expires_at = now_us + hour_us};

	assert_int_equal(journal_write(t->j, RECORD_BLOCK, &over, sizeof(over)), 0);
	assert_int_equal(journal_write(t->j, RECORD_BLOCK, &lasts, sizeof(lasts)), 0);
	crash(t);
	journal_begin(t);
	becomes(t, "SELECT count(*) FROM blocked_sources WHERE id = 2", 1);
	becomes(t, "SELECT count(*) FROM blocked_sources WHERE id = 1", 0);
}

/* A call of so many days ago with its leg and segment, a message and an event. */
static void put_day(struct jfix *t, uint64_t tenant_id, uint64_t id, int64_t days, bool is_over)
{
	const int64_t at = clock_wall_us(clock_real()) - days * INT64_C(86400) * 1000000;
	struct call_record c = call(t, id);
	struct leg_record l = {.tenant_id = tenant_id, .id = id, .call_id = id};
	struct segment_record s = {.tenant_id = tenant_id, .id = id, .call_id = id};
	struct message_record m = {.tenant_id = tenant_id, .id = id, .sent_at = at};
	struct event_record e = {.tenant_id = tenant_id, .id = id, .at = at};

	c.tenant_id = tenant_id;
	c.node = 2; /* no start of ours closes it */
	c.started_at = at;
	c.ended_at = l.ended_at = s.ended_at = is_over ? at + 1000000 : 0;
	strcpy(m.status, is_over ? "delivered" : "pending");
	assert_int_equal(journal_write(t->j, RECORD_LEG, &l, sizeof(l)), 0);
	assert_int_equal(journal_write(t->j, RECORD_SEGMENT, &s, sizeof(s)), 0);
	assert_int_equal(journal_write(t->j, RECORD_CALL, &c, sizeof(c)), 0);
	assert_int_equal(journal_write(t->j, RECORD_MESSAGE, &m, sizeof(m)), 0);
	assert_int_equal(journal_write(t->j, RECORD_EVENT, &e, sizeof(e)), 0);
}

static void records_that_are_kept_no_longer_go_and_nothing_else_does(void **state)
{
	enum { OLD = 250 }; /* more than a batch */
	struct jfix *t = *state;
	const uint64_t a = t->fx->tenant_id, b = make_tenant(t->fx, "for-ever");

	for (uint64_t i = 1; i <= OLD; i++)
		put_day(t, a, i, 31, true);
	put_day(t, a, 1001, 31, false);
	put_day(t, a, 1002, 29, true);
	put_day(t, b, 1003, 400, true);
	becomes(t, "SELECT count(*) FROM cdrs", OLD + 3);
	becomes(t, "SELECT count(*) FROM event_logs", OLD + 3);
	json_decref(good(ask(t->fx, STORE_UPDATE, 0, "tenant", a, "{\"keep_records_days\":30}")));
	t->j = journal_close(t->j);
	journal_begin(t); /* looks at once */
	becomes(t, "SELECT count(*) FROM cdrs", 3);
	assert_int_equal(number(t, "SELECT CAST(sum(id) AS BIGINT) FROM cdrs"), 1001 + 1002 + 1003);
	becomes(t, "SELECT CAST(sum(id) AS BIGINT) FROM cdr_legs", 1001 + 1002 + 1003);
	becomes(t, "SELECT CAST(sum(id) AS BIGINT) FROM cdr_segments", 1001 + 1002 + 1003);
	becomes(t, "SELECT CAST(sum(id) AS BIGINT) FROM messages", 1001 + 1002 + 1003);
	becomes(t, "SELECT CAST(sum(id) AS BIGINT) FROM event_logs", 1002 + 1003);
	assert_int_equal(number(t, "SELECT count(*) FROM cdr_change WHERE gone = 1"), OLD);
}

/* WEB-4: the newest stay, of each tenant. */
static void what_was_refused_is_kept_for_so_many_alone(void **state)
{
	enum { KEPT = 5000, MORE = 7 };
	struct jfix *t = *state;
	struct activity_record r = {.tenant_id = make_tenant(t->fx, "quiet"), .at = 1};

	activity_stamp(&r, 1, 0);
	assert_int_equal(journal_write(t->j, RECORD_ACTIVITY, &r, sizeof(r)), 0);
	r.tenant_id = t->fx->tenant_id;
	r.status = 204; /* done: not to be pushed out by what is refused */
	activity_stamp(&r, 2, 0);
	assert_int_equal(journal_write(t->j, RECORD_ACTIVITY, &r, sizeof(r)), 0);
	r.status = 403;
	for (int64_t i = 1; i <= KEPT + MORE; i++) {
		activity_stamp(&r, 1000 * i, (uint64_t)i);
		assert_true(r.id > RECORD_ACTIVITY_IDS && r.id <= INT64_MAX);
		assert_int_equal(journal_write(t->j, RECORD_ACTIVITY, &r, sizeof(r)), 0);
	}
	becomes(t, "SELECT CAST(max(at) AS BIGINT) FROM activities", 1000 * (KEPT + MORE));
	assert_int_equal(number(t, "SELECT count(*) FROM activities"), KEPT + 2);
	assert_int_equal(number(t, "SELECT count(*) FROM activities WHERE at < 3"), 2);
	assert_int_equal(number(t, "SELECT CAST(min(at) AS BIGINT) FROM activities WHERE at > 2"),
			 1000 * (MORE + 1));
}

static void records_of_a_tenant_that_is_gone_are_dropped(void **state)
{
	struct jfix *t = *state;
	struct call_record c = call(t, 1);

	c.tenant_id++;
	assert_int_equal(journal_write(t->j, RECORD_CALL, &c, sizeof(c)), 0);
	put_call(t, 2, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 1);
	assert_int_equal(number(t, "SELECT id FROM cdrs"), 2);
}

static void text_that_is_no_text_does_not_stop_the_others(void **state)
{
	struct jfix *t = *state;
	struct call_record c = call(t, 1);

	strcpy(c.caller_name, "\xff\xfe Bj\xc3\xb6rn \x01");
	assert_int_equal(journal_write(t->j, RECORD_CALL, &c, sizeof(c)), 0);
	put_call(t, 2, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 2);
	becomes(t, "SELECT count(*) FROM cdrs WHERE caller_name LIKE '%Björn%'", 1);
}

static void nobody_called(const struct contact_record *c, void *arg)
{
}

static void count_leg(const struct kept_head *leg, void *arg)
{
	assert_int_equal(leg->leg_id, 77);
	assert_int_equal(memcmp(leg + 1, "dialog", 6), 0);
	++*(size_t *)arg;
}

static void keep_leg(struct jfix *t, uint64_t id, bool is_ended)
{
	struct {
		struct kept_head head;
		char rest[200];
	} kept = {.head = {.version = 1,
			   .size = sizeof(kept),
			   .tenant_id = t->fx->tenant_id,
			   .call_id = 1,
			   .leg_id = id,
			   .is_ended = is_ended},
		  .rest = "dialog"};

	assert_int_equal(journal_write(t->j, RECORD_LEG_KEPT, &kept, sizeof(kept)), 0);
}

static void legs_that_were_up_are_handed_out_once(void **state)
{
	struct jfix *t = *state;
	size_t n = 0;

	keep_leg(t, 76, false);
	keep_leg(t, 77, false);
	becomes(t, "SELECT count(*) FROM leg_kept", 2);
	keep_leg(t, 76, true);
	crash(t);
	journal_begin(t);
	assert_int_equal(journal_restore(t->j, &(struct journal_restorer){.contact = nobody_called,
									  .leg = count_leg,
									  .arg = &n}),
			 0);
	assert_int_equal(n, 1);
	assert_int_equal(journal_restore(t->j, &(struct journal_restorer){.contact = nobody_called,
									  .leg = count_leg,
									  .arg = &n}),
			 0);
	assert_int_equal(n, 1);
}

static void what_is_kept_of_a_leg_is_sealed(void **state)
{
	struct jfix *t = *state;
	struct db_stmt *st;

	keep_leg(t, 77, false);
	becomes(t, "SELECT count(*) FROM leg_kept", 1);
	assert_int_equal(db_sql(t->db, "SELECT kept FROM leg_kept", &st), 0);
	assert_int_equal(db_step(st), 0);
	assert_null(memmem(db_blob(st, 0).p, db_blob(st, 0).n, "dialog", 6));
	db_done(st);
}

static void count_contact(const struct contact_record *c, void *arg)
{
	assert_int_equal(c->id % 2, 0);
	assert_string_equal(c->uri, "sip:a@192.0.2.9");
	++*(size_t *)arg;
}

static void contacts_still_valid_are_given_back(void **state)
{
	struct jfix *t = *state;
	int64_t now_us = clock_wall_us(clock_real());
	size_t n = 0;

	for (uint64_t i = 1; i <= 100; i++) {
		struct contact_record c = {.tenant_id = t->fx->tenant_id,
					   .id = i,
					   .uri = "sip:a@192.0.2.9",
					   .expires_at =
						   i % 2 ? now_us - 1000000 : now_us + 60000000};

		assert_int_equal(journal_write(t->j, RECORD_CONTACT, &c, sizeof(c)), 0);
	}
	crash(t);
	journal_begin(t);
	assert_int_equal(journal_restore(t->j, &(struct journal_restorer){.contact = count_contact,
									  .arg = &n}),
			 0);
	assert_int_equal(n, 50);
}

static void a_call_cut_off_ends_when_it_was_last_alive(void **state)
{
	struct jfix *t = *state;
	struct leg_record leg = {
		.tenant_id = t->fx->tenant_id, .id = 5, .call_id = 1, .started_at = 1};
	struct segment_record seg = {
		.tenant_id = t->fx->tenant_id, .id = 6, .call_id = 1, .started_at = 2};

	put_call(t, 1, 2000000, 0);
	put_call(t, 2, 2000000, 3000000); /* ended */
	put_call(t, 3, 9500000, 0);	  /* answered after the last mark */
	put_call_over(t, 4, 8000000);
	assert_int_equal(journal_write(t->j, RECORD_LEG, &leg, sizeof(leg)), 0);
	assert_int_equal(journal_write(t->j, RECORD_SEGMENT, &seg, sizeof(seg)), 0);
	journal_mark_alive(t->j, 9000000);
	crash(t);
	journal_begin(t);
	assert_int_equal(number(t, "SELECT ended_at FROM cdrs WHERE id = 1"), 9000000);
	assert_int_equal(number(t, "SELECT last_alive_at FROM cdrs WHERE id = 1"), 9000000);
	assert_int_equal(number(t, "SELECT ended_at FROM cdrs WHERE id = 2"), 3000000);
	assert_int_equal(number(t, "SELECT ended_at FROM cdrs WHERE id = 3"), 9500000);
	assert_int_equal(number(t, "SELECT ended_at FROM cdrs WHERE id = 4 AND status = 'busy'"),
			 8000000);
	assert_int_equal(number(t, "SELECT count(*) FROM cdrs WHERE status = 'interrupted'"), 2);
	assert_int_equal(number(t, "SELECT ended_at FROM cdr_legs"), 9000000);
	assert_int_equal(number(t, "SELECT ended_at FROM cdr_segments"), 9000000);
}

static void boots_count_up(void **state)
{
	struct jfix *t = *state;
	uint64_t first = journal_boot(t->j);

	put_call(t, 1, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 1);
	crash(t);
	journal_begin(t);
	assert_int_equal(journal_boot(t->j), first + 1);
	put_call(t, 2, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 2);
	crash(t);
	assert_int_equal(unlink(t->path),
			 0); /* even when the file is lost: the database remembers */
	journal_begin(t);
	assert_int_equal(journal_boot(t->j), first + 2);
	put_call(t, 3, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 3);
}

static void a_damaged_journal_is_kept_and_a_new_one_begun(void **state)
{
	struct jfix *t = *state;
	FILE *f;

	crash(t);
	f = fopen(t->path, "w");
	fputs("this is no journal", f);
	fclose(f);
	journal_begin(t);
	put_call(t, 1, 0, 0);
	becomes(t, "SELECT count(*) FROM cdrs", 1);
}

static void a_full_journal_says_so_and_recovers(void **state)
{
	struct jfix *t = *state;
	const struct db_conf conf = {.url = t->fx->place.url};
	uint64_t lost = metric_get(METRIC_JOURNAL_LOST), id = 0;
	struct call_record c = call(t, 1);
	struct db *blocker;
	int err = 0;

	/* Somebody holds what the drain needs; the ring takes what it can, then says ENOSPC. */
	assert_int_equal(db_open(&blocker, &conf), 0);
	assert_int_equal(db_begin(blocker, true), 0);
	if (testing_is_postgres())
		assert_int_equal(
			db_exec(blocker, "LOCK TABLE journal_mark IN ACCESS EXCLUSIVE MODE"), 0);
	while (!err) {
		c.id = ++id;
		err = journal_write(t->j, RECORD_CALL, &c, sizeof(c));
	}
	assert_int_equal(err, ENOSPC);
	assert_int_equal(metric_get(METRIC_JOURNAL_LOST), lost + 1);
	db_rollback(blocker);
	db_close(blocker);
	becomes(t, "SELECT max(id) FROM cdrs", (int64_t)id - 1);
	assert_int_equal(number(t, "SELECT count(*) FROM cdrs"), id - 1);
	for (err = ENOSPC; err == ENOSPC; poll(NULL, 0, 1))
		err = journal_write(t->j, RECORD_CALL, &c, sizeof(c));
	assert_int_equal(err, 0);
}

/* ---- kill -9 ---- */

/* Writes calls 1, 2, 3 … each twice (begun, ended) and says so after each: what was said must be found. */
static void child_main(struct jfix *t, int tell, uint64_t first)
{
	const struct store_conf conf = {.url = t->fx->place.url, .data_dir = t->fx->place.dir};
	const struct journal_conf jconf = {
		.path = t->path, .bytes = 1 << 20, .node = 1, .drain_ms = 5, .hold_ms = 30};
	struct store *s = NULL;

	log_set_level(LOG_ERROR);
	if (store_open(&s, &conf) || journal_open(&t->j, &jconf, s))
		_exit(3);
	for (uint64_t id = first;; id++) {
		struct call_record c = call(t, id);

		if (journal_write(t->j, RECORD_CALL, &c, sizeof(c)))
			poll(NULL, 0, 1);
		c.ended_at = 2000000;
		strcpy(c.status, "answered");
		while (journal_write(t->j, RECORD_CALL, &c, sizeof(c)))
			poll(NULL, 0, 1);
		journal_mark_alive(t->j, 3000000);
		if (write(tell, &id, sizeof(id)) != sizeof(id))
			_exit(4);
		if (id % 64 == 0)
			poll(NULL, 0, 1);
	}
}

static uint64_t run_and_kill(struct jfix *t, uint64_t first, unsigned after_ms)
{
	uint64_t id, last = first - 1;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child_main(t, fds[1], first);
	}
	close(fds[1]);
	if (read(fds[0], &id, sizeof(id)) == sizeof(id)) /* it runs */
		last = id;
	for (uint64_t until = clock_mono_ms(clock_real()) + after_ms;
	     clock_mono_ms(clock_real()) < until;)
		if (read(fds[0], &id, sizeof(id)) == sizeof(id))
			last = id;
	kill(pid, SIGKILL);
	while (read(fds[0], &id, sizeof(id)) == sizeof(id))
		last = id;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return last;
}

static void nothing_acknowledged_is_lost_or_doubled_by_kill_9(void **state)
{
	struct jfix *t = *state;
	const char *times = getenv("OFFHOOK_TEST_KILLS");
	unsigned kills = times ? (unsigned)strtoul(times, NULL, 10) : 8;
	uint64_t last = 0;
	char sql[128];

	/* Only the children use them: neither SQLite nor libpq survive a fork. */
	journal_close(t->j);
	t->j = NULL;
	t->db = db_close(t->db);
	t->fx->store = store_close(t->fx->store);
	for (unsigned i = 0; i < kills; i++)
		last = run_and_kill(t, last + 1, i * 13 % 60);
	fixture_reopen(t->fx);
	assert_int_equal(store_connect(t->fx->store, LINK_READER, &t->db), 0);
	journal_begin(t);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM cdrs WHERE id <= %llu AND ended_at = 2000000",
		 (unsigned long long)last);
	assert_int_equal(number(t, sql), last);
	/* Beyond it at most the one of each life that nobody had heard of, and none without an end. */
	assert_true(number(t, "SELECT count(*) FROM cdrs") <= (int64_t)(last + 1));
	assert_int_equal(number(t, "SELECT count(*) FROM cdrs WHERE ended_at = 0"), 0);
	print_message("%u kills, %llu calls\n", kills, (unsigned long long)last);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_reach_the_database),
		T(a_removed_contact_leaves_no_row),
		T(a_block_that_is_long_over_leaves_no_row),
		T(records_that_are_kept_no_longer_go_and_nothing_else_does),
		T(what_was_refused_is_kept_for_so_many_alone),
		T(records_of_a_tenant_that_is_gone_are_dropped),
		T(text_that_is_no_text_does_not_stop_the_others),
		T(legs_that_were_up_are_handed_out_once),
		T(what_is_kept_of_a_leg_is_sealed),
		T(contacts_still_valid_are_given_back),
		T(a_call_cut_off_ends_when_it_was_last_alive),
		T(boots_count_up),
		T(a_damaged_journal_is_kept_and_a_new_one_begun),
		T(a_full_journal_says_so_and_recovers),
		T(nothing_acknowledged_is_lost_or_doubled_by_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
