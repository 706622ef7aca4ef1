/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's two threads and its life: what the last boot left is drained first, then a new file begins.
 *
 * `sync` writes new records to the disk SYNC_MS after the first of them: that much is lost when the power fails, and nothing when
 * only the process dies.  `drain` brings them into the database every DRAIN_MS, what is not over yet HOLD_MS later, so that most
 * calls are written once; while the database is away it tries again, ever less often, and the ring holds.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/ring.h"
#include "store/recordings.h"
#include "store/retention.h"
#include "store/drain.h"
#include "store/journal.h"

enum {
	SYNC_MS = 200,
	HEAD_MS = 5000, /* the alive mark alone goes to the disk this often */
	DRAIN_MS = 1000,
	HOLD_MS = 15000,
	FIRST_PAUSE_MS = 250,
	MAX_PAUSE_MS = 5000,
	START_TRIES = 20,
	DEFAULT_BYTES = 64 << 20
};

static const int64_t lapsed_keep_us = INT64_C(3600) * 1000000;
static const uint64_t lapsed_every_ms = 600 * 1000;
static const uint64_t retention_every_ms = 60 * 1000;

struct told { /* tenants whose use of the disk is to be told */
	uint64_t ids[16];
	size_t n;
};

struct journal {
	struct store *store;
	struct journal_file file;
	struct drain *drain;
	struct thread *syncer, *drainer;
	int stop_fd;	      /* readable: stop */
	struct ring *written; /* wakes the syncer: a byte, which says nothing */
	unsigned drain_ms;
	bool is_full; /* core: said so already */
};

/* ---- what the last boot left ---- */

static int drain_all(struct drain *d, const struct journal_file *f, struct journal_place at)
{
	unsigned tries = 0;
	int err;

	drain_begin(d, f, &at, 0);
	do {
		err = drain_turn(d, UINT64_MAX, 0, true, &at);
		if (err && err != ENOENT) {
			log_warn(NULL, LOGID_JOURNAL, "draining the last run's journal: %s: %s",
				 strerror(err), db_error(drain_db(d)));
			poll(NULL, 0, FIRST_PAUSE_MS);
			if (++tries < START_TRIES)
				err = 0;
		}
	} while (!err);
	return err == ENOENT ? 0 : err;
}

static int close_calls(struct drain *d, uint64_t node, int64_t alive_at_us)
{
	size_t n = 0;
	int err = drain_close_interrupted(d, node, alive_at_us, &n);

	if (!err && n)
		log_warn(NULL, LOGID_JOURNAL, "%zu calls were cut off when the last run ended", n);
	return err;
}

/* What cannot be read is kept for somebody who can. */
static int put_aside(const char *path)
{
	char *aside = NULL;
	int err = 0;

	if (asprintf(&aside, "%s.damaged-%lld", path,
		     (long long)(clock_wall_us(clock_real()) / 1000000)) < 0)
		return ENOMEM;
	if (rename(path, aside))
		err = errno;
	log_error(NULL, LOGID_JOURNAL, "%s is damaged: kept as %s; its last records are lost", path,
		  aside);
	free(aside);
	return err;
}

/* *bootp: the boot of the file that was there, 0 none. */
static int take_over(struct drain *d, const struct journal_conf *conf, uint64_t *bootp)
{
	struct journal_file old;
	struct journal_place from;
	int64_t alive_at_us = 0;
	int err;

	*bootp = 0;
	err = journal_file_open(&old, conf->path, &from);
	if (err == EBADMSG)
		err = put_aside(conf->path);
	else if (!err) {
		err = drain_all(d, &old, from);
		alive_at_us = journal_file_alive_at(&old);
		*bootp = old.boot;
		if (!err && old.node != conf->node)
			err = close_calls(d, old.node, alive_at_us);
		journal_file_close(&old);
	} else if (err == ENOENT) {
		err = 0;
	}
	return err ? err : close_calls(d, conf->node, alive_at_us);
}

static int begin_boot(struct journal *j, const struct journal_conf *conf)
{
	uint64_t in_file, in_database = 0;
	int err;

	err = take_over(j->drain, conf, &in_file);
	if (!err)
		err = drain_last_boot(j->drain, conf->node, &in_database);
	if (!err)
		err = journal_file_create(&j->file, conf->path,
					  conf->bytes ? conf->bytes : DEFAULT_BYTES, conf->node,
					  (in_file > in_database ? in_file : in_database) + 1);
	if (err)
		return err;
	drain_begin(j->drain, &j->file, &j->file.head, conf->hold_ms ? conf->hold_ms : HOLD_MS);
	journal_file_alive(&j->file, clock_wall_us(clock_real()));
	return 0;
}

/* ---- threads ---- */

/* false: it is time to stop. */
static bool sleep_ms(const struct journal *j, int ms)
{
	struct pollfd fd = {.fd = j->stop_fd, .events = POLLIN};

	return poll(&fd, 1, ms) <= 0;
}

/* For something to write out, at most until the head is due. */
static void await_record(const struct journal *j, int ms)
{
	struct pollfd fds[2] = {{.fd = j->stop_fd, .events = POLLIN},
				{.fd = ring_fd(j->written), .events = POLLIN}};
	char nothing;

	if (poll(fds, ARRAY_LEN(fds), ms) > 0 && fds[1].revents)
		ring_woken(j->written);
	while (ring_pop(j->written, &nothing))
		;
}

static void sync_main(void *arg)
{
	struct journal *j = arg;
	uint64_t head_ms = clock_mono_ms(clock_real()) + HEAD_MS, now_ms;
	bool has_failed = false, with_head;
	int err;

	for (;;) {
		now_ms = clock_mono_ms(clock_real());
		if (!has_failed && now_ms < head_ms)
			await_record(j, (int)(head_ms - now_ms));
		if (!sleep_ms(j, SYNC_MS))
			return;
		with_head = clock_mono_ms(clock_real()) >= head_ms;
		err = journal_file_sync(&j->file, with_head);
		if (err && !has_failed)
			log_error(NULL, LOGID_JOURNAL, "the journal does not reach the disk: %s",
				  strerror(err));
		has_failed = err != 0;
		if (with_head && !err)
			head_ms = clock_mono_ms(clock_real()) + HEAD_MS;
	}
}

/* What was written so far, but for what is held back. */
static int drain_written(struct journal *j, bool flush)
{
	struct journal_place safe;
	int err;

	do {
		uint64_t end = atomic_load_explicit(&j->file.published, memory_order_acquire);

		/* Nothing is held back when the ring fills. */
		err = drain_turn(j->drain, end, clock_mono_ms(clock_real()),
				 flush || journal_pending_bytes(j) > j->file.ring_bytes / 4, &safe);
		if (!err)
			err = journal_file_checkpoint(&j->file, &safe);
	} while (!err);
	return err == ENOENT ? 0 : err;
}

static void forget_lapsed(struct journal *j, uint64_t *next_ms)
{
	uint64_t now_ms = clock_mono_ms(clock_real());

	if (now_ms < *next_ms)
		return;
	*next_ms = now_ms + lapsed_every_ms;
	if (drain_forget_lapsed(j->drain, clock_wall_us(clock_real()) - lapsed_keep_us))
		*next_ms = now_ms + lapsed_every_ms / 10;
}

/* One short turn, and the next behind what has come meanwhile. */
static void forget_old(struct journal *j, struct retention *t, uint64_t *next_ms)
{
	uint64_t now_ms = clock_mono_ms(clock_real());
	bool more = false;
	int err;

	if (now_ms < *next_ms)
		return;
	err = retention_turn(t, drain_rows(j->drain), clock_wall_us(clock_real()), &more);
	if (err)
		log_warn(NULL, LOGID_JOURNAL, "old records are not removed: %s: %s", strerror(err),
			 db_error(drain_db(j->drain)));
	if (err || !more)
		*next_ms = now_ms + retention_every_ms;
}

/* TEN-2.  Those marked in one turn are told in the next: whoever marked them has committed by then. */
static void tell_storage(struct journal *j, struct told *t)
{
	struct store_change c = {.kind = STORE_STORAGE};
	struct storage_use use;
	size_t n = t->n;

	t->n = 0;
	for (size_t i = 0; i < n; i++) {
		c.tenant_id = t->ids[i];
		if (storage_used(drain_rows(j->drain), c.tenant_id, &use))
			continue;
		c.revision = use.recordings + use.reports;
		if (ring_push(j->store->changes, &c))
			storage_mark(drain_rows(j->drain), c.tenant_id);
	}
	while (t->n < ARRAY_LEN(t->ids) && (t->ids[t->n] = storage_next_mark(j->store->storage)))
		t->n++;
}

static void drain_main(void *arg)
{
	struct journal *j = arg;
	int pause_ms = 0;
	uint64_t forget_ms = 0, retention_ms = 0;
	struct retention retention = {.tenant_id = 0};
	struct told told = {.n = 0};

	while (sleep_ms(j, pause_ms ? pause_ms : (int)j->drain_ms)) {
		int err = drain_written(j, false);

		if (!err) {
			if (pause_ms)
				log_info(NULL, LOGID_JOURNAL, "the database takes records again");
			pause_ms = 0;
			forget_lapsed(j, &forget_ms);
			forget_old(j, &retention, &retention_ms);
			tell_storage(j, &told);
			continue;
		}
		if (!pause_ms)
			log_error(NULL, LOGID_JOURNAL,
				  "records wait in the journal (%zu bytes): %s: %s",
				  journal_pending_bytes(j), strerror(err),
				  db_error(drain_db(j->drain)));
		pause_ms = pause_ms ? pause_ms * 2 : FIRST_PAUSE_MS;
		if (pause_ms > MAX_PAUSE_MS)
			pause_ms = MAX_PAUSE_MS;
	}
}

/* ---- outside ---- */

int journal_open(struct journal **jp, const struct journal_conf *conf, struct store *s)
{
	struct journal *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return ENOMEM;
	j->store = s;
	j->file.fd = -1;
	j->drain_ms = conf->drain_ms ? conf->drain_ms : DRAIN_MS;
	j->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = j->stop_fd < 0 ? errno : drain_open(&j->drain, s);
	if (!err)
		err = ring_alloc(&j->written, 2, 1);
	if (!err)
		err = begin_boot(j, conf);
	if (!err)
		err = thread_start(&j->syncer, "journal-sync", THREAD_JOURNAL, sync_main, j);
	if (!err)
		err = thread_start(&j->drainer, "journal-drain", THREAD_JOURNAL, drain_main, j);
	if (err) {
		log_error(NULL, LOGID_JOURNAL, "%s: %s", conf->path, strerror(err));
		journal_close(j);
	} else {
		*jp = j;
	}
	return err;
}

struct journal *journal_close(struct journal *j)
{
	int err;

	if (!j)
		return NULL;
	if (j->stop_fd >= 0 && eventfd_write(j->stop_fd, 1)) {
		/* cannot fail: the counter is far from its limit */
	}
	thread_join(j->syncer);
	thread_join(j->drainer);
	if (j->file.map) {
		err = drain_written(j, true);
		if (err)
			log_warn(NULL, LOGID_JOURNAL,
				 "records stay in the journal until the next start: %s",
				 strerror(err));
		err = journal_file_sync(&j->file, true);
		if (err)
			log_error(NULL, LOGID_JOURNAL, "the journal does not reach the disk: %s",
				  strerror(err));
		journal_file_close(&j->file);
	}
	ring_free(j->written);
	drain_close(j->drain);
	if (j->stop_fd >= 0)
		close(j->stop_fd);
	free(j);
	return NULL;
}

int journal_write(struct journal *j, enum record_kind kind, const void *rec, size_t n)
{
	int err;

	ON_THREAD(THREAD_CORE);
	err = journal_file_write(&j->file, kind, rec, n);
	if (err) {
		metric_add(METRIC_JOURNAL_LOST, 1);
		if (!j->is_full)
			log_error(NULL, LOGID_JOURNAL,
				  "a record is lost: %s; the database has been away too long",
				  strerror(err));
	}
	j->is_full = err != 0;
	if (!err && ring_push(j->written, "")) {
		/* full: the syncer knows already */
	}
	return err;
}

void journal_mark_alive(struct journal *j, int64_t wall_us)
{
	ON_THREAD(THREAD_CORE);
	journal_file_alive(&j->file, wall_us);
}

size_t journal_pending_bytes(const struct journal *j)
{
	uint64_t freed = atomic_load_explicit(&j->file.freed, memory_order_relaxed);

	return (size_t)(atomic_load_explicit(&j->file.published, memory_order_relaxed) - freed);
}

uint64_t journal_boot(const struct journal *j)
{
	return j->file.boot;
}

static void hand_contact(const void *rec, void *arg)
{
	const struct journal_restorer *to = arg;

	to->contact(rec, to->arg);
}

static void hand_message(const void *rec, void *arg)
{
	const struct journal_restorer *to = arg;

	to->message(rec, to->arg);
}

static void hand_block(const void *rec, void *arg)
{
	const struct journal_restorer *to = arg;

	to->block(rec, to->arg);
}

int journal_restore(struct journal *j, const struct journal_restorer *to)
{
	int64_t now_us = clock_wall_us(clock_real());
	struct drain *d = NULL; /* a connection of its own: the other one is at work */
	int err = drain_open(&d, j->store);

	if (!err && to->contact)
		err = drain_records(d, RECORD_CONTACT, "1 = 1", now_us, hand_contact, (void *)to);
	if (!err && to->block)
		err = drain_records(d, RECORD_BLOCK, "1 = 1", now_us, hand_block, (void *)to);
	if (!err && to->message)
		err = drain_records(d, RECORD_MESSAGE, "status = 'pending'", now_us, hand_message,
				    (void *)to);
	if (!err && to->leg)
		err = drain_legs(d, j->file.node, to->leg, to->arg);
	if (err)
		log_error(NULL, LOGID_JOURNAL, "restoring: %s", strerror(err));
	drain_close(d);
	return err;
}

int journal_restore_spendings(struct journal *j, journal_spending_h *fn, void *arg)
{
	struct drain *d = NULL;
	int err = drain_open(&d, j->store);

	if (!err)
		err = drain_spendings(d, fn, arg);
	if (err)
		log_error(NULL, LOGID_JOURNAL, "restoring what was spent: %s", strerror(err));
	drain_close(d);
	return err;
}

int journal_restore_storage(struct journal *j, journal_storage_h *fn, void *arg)
{
	struct drain *d = NULL;
	int err = drain_open(&d, j->store);

	if (!err)
		err = drain_storage(d, fn, arg);
	if (err)
		log_error(NULL, LOGID_JOURNAL, "restoring how much is stored: %s", strerror(err));
	drain_close(d);
	return err;
}
