/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writer: the one thread that changes configuration.
 *
 * Requests that wait together share one commit, each inside its own savepoint: one that is refused leaves no trace and
 * disturbs no other.  After the commit the changes go to the core, in order, and the answers wait for it (store/ticket.h).
 *
 * When the connection breaks during the commit itself, nobody knows whether it happened.  The writer keeps the batch and asks
 * the database once it is back: the `change` rows are there or they are not.  Meanwhile new requests are told EAGAIN.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "store/backup_impl.h"
#include "store/edit.h"
#include "store/feed.h"
#include "store/listener.h"

enum { BATCH = 32, IDLE_MS = 1000, RETRY_MS = 100 };

struct item {
	struct store_request req;
	struct edit edit;
	int err; /* 0: part of the commit */
};

struct writer {
	struct store *store;
	struct db *db;
	struct rows rows;
	struct item v[BATCH];
};

/* Not the request's fault: the transaction cannot go on. */
static bool is_fatal(int err)
{
	return err == EAGAIN || err == ENOSPC || err == EROFS || err == EIO || err == ENOMEM;
}

/* ---- one batch ---- */

/* One request within the transaction, undone when refused.  The error returned is the connection's. */
static int try_item(struct writer *w, struct item *it, int64_t now_us)
{
	int err = db_savepoint(w->db);

	if (err)
		return err;
	it->edit = (struct edit){.rows = &w->rows, .req = &it->req, .now_us = now_us};
	it->err = edit_run(&it->edit);
	if (!it->err)
		return db_savepoint_keep(w->db);
	if (is_fatal(it->err))
		return it->err;
	return db_savepoint_undo(w->db);
}

static int run_item(struct writer *w, struct item *it, int64_t now_us)
{
	int err = try_item(w, it, now_us);

	/* A unique index refused what our own look had allowed: another node was faster, and the next look sees it. */
	if (!err && it->err == EEXIST && !it->edit.errs.n) {
		edit_close(&it->edit);
		err = try_item(w, it, now_us);
		if (!err && it->err == EEXIST && !it->edit.errs.n)
			field_error_add(&it->edit.errs, "", "taken",
					"another change took it first");
	}
	return err;
}

/* Each tenant once for a request; PostgreSQL folds what is said twice in a transaction. */
static int tell_others(struct writer *w, const struct item *v, size_t n)
{
	bool is_silent = false;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		const struct edit *e = &v[i].edit;

		is_silent |= !v[i].err && !e->nchanges;
		for (size_t k = v[i].err ? 0 : e->nchanges; !err && k-- > 0;)
			if (k + 1 == e->nchanges ||
			    e->changes[k].tenant_id != e->changes[k + 1].tenant_id)
				err = listener_tell(w->store->listener, w->db,
						       e->changes[k].tenant_id);
	}
	return !err && is_silent ? listener_tell_of_sessions(w->store->listener, w->db) : err;
}

/* What was read before may be true no longer, and nobody has been answered yet. */
static void count_commit(struct writer *w)
{
	atomic_fetch_add(&w->store->commits, 1);
	bell_ring(w->store->bell);
}

static int commit(struct writer *w)
{
	int err = db_commit(w->db);

	count_commit(w); /* whatever came of it */
	return err;
}

static int run_batch(struct writer *w, struct item *v, size_t n, int64_t now_us)
{
	int err = db_begin(w->db, true);

	for (size_t i = 0; !err && i < n; i++)
		err = run_item(w, &v[i], now_us);
	if (!err)
		err = tell_others(w, v, n);
	if (err) {
		db_rollback(w->db);
		return err;
	}
	return commit(w);
}

/* ---- a commit that nobody saw the end of ---- */

static void refuse_newcomers(struct writer *w)
{
	struct store_request req;

	while (db_worker_next(&w->store->writer, &req, RETRY_MS)) {
		if (req.op == STORE_FEED)
			continue;
		store_answer_error(&req, EAGAIN, NULL);
		free(req.json);
	}
}

/* The last one of a request: the one that outlives the request (a tenant's log goes before the tenant). */
static const struct store_change *some_change(const struct item *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = v[i].err ? 0 : v[i].edit.nchanges; k-- > 0;)
			if (v[i].edit.changes[k].revision && /* 0: not in the log */
			    v[i].edit.changes[k].kind == STORE_CHANGED)
				return &v[i].edit.changes[k];
	return NULL;
}

static int settle(struct writer *w, const struct item *v, size_t n, int64_t now_us)
{
	const struct store_change *c = some_change(v, n);
	bool yes = false;

	log_warn(NULL, LOGID_STORE,
		 "the database went away during a commit: asking when it is back");
	if (!c) /* sessions only: who asked signs in again */
		return EAGAIN;
	while (!db_worker_stopping(&w->store->writer)) {
		if (!edit_is_committed(&w->rows, c, now_us, &yes)) {
			count_commit(w); /* it may have been done after the first count */
			return yes ? 0 : EAGAIN;
		}
		refuse_newcomers(w);
	}
	return EAGAIN;
}

/* ---- after it ---- */

static int take_ticket(struct writer *w, struct item *it, uint64_t *tokenp)
{
	struct store *s = w->store;
	uint32_t n = (uint32_t)it->edit.nchanges;

	while (ticket_take(s->tickets, it->req.reply_to, &it->edit.reply, n, tokenp)) {
		if (db_worker_stopping(&s->writer))
			return ECANCELED;
		ticket_retry(s->tickets);
		db_worker_pause(&s->writer, 1); /* the core works off what it has */
	}
	it->edit.reply.json = NULL;
	return 0;
}

static void push_changes(struct writer *w, struct item *it)
{
	uint64_t token = 0;

	if (take_ticket(w, it, &token))
		return;
	for (size_t i = 0; i < it->edit.nchanges; i++) {
		it->edit.changes[i].token = token;
		if (feed_push_own(w->store->feed, w->store, &w->rows, &it->edit.changes[i]))
			return;
	}
}

static void finish(struct writer *w, struct item *it, int err)
{
	struct edit *e = &it->edit;

	e->reply.token = it->req.token;
	if (err || it->err) {
		store_answer_error(&it->req, err ? err : it->err, err ? NULL : &e->errs);
	} else if (e->nchanges && atomic_load(&w->store->is_loaded)) {
		push_changes(w, it);
	} else {
		store_answer(&it->req, &e->reply);
		e->reply.json = NULL;
	}
	edit_close(e);
	free(it->req.json);
}

static void handle(struct writer *w, struct item *v, size_t n)
{
	int64_t now_us = clock_wall_us(clock_real());
	int err = run_batch(w, v, n, now_us);

	if (err == ECONNABORTED)
		err = settle(w, v, n, now_us);
	if (err == EBUSY) /* not If-Match: another writer held the database too long */
		err = EAGAIN;
	if (err == EIO && n > 1) { /* one of them is at fault: each by itself finds out which */
		for (size_t i = 0; i < n; i++) {
			edit_close(&v[i].edit);
			handle(w, &v[i], 1);
		}
		return;
	}
	if (err)
		log_warn(NULL, LOGID_STORE, "nothing was changed: %s: %s", strerror(err),
			 db_error(w->db));
	else
		metric_add(METRIC_STORE_WRITES, 1);
	for (size_t i = 0; i < n; i++)
		finish(w, &v[i], err);
}

/* ---- a backup of the whole system takes its place ---- */

static int was_restored(struct writer *w, const struct backup_order *order, bool *yes)
{
	struct db_stmt *st;
	char text[BACKUP_NOTE];
	int err =
		db_sql(w->db, "SELECT 1 FROM setting WHERE name = 'restored' AND value = $1", &st);

	if (err)
		return err;
	backup_note_text(text, order, 0);
	db_bind_text(st, 1, str_of(text));
	err = db_step(st);
	db_done(st);
	*yes = !err;
	return err == ENOENT ? 0 : err;
}

/* Whoever reads a table of PostgreSQL for long is not waited for: all others would wait behind us. */
static int begin_switch(struct writer *w)
{
	int err = db_begin(w->db, true);

	if (!err && db_engine_of(w->db) == DB_POSTGRES)
		err = db_exec(w->db, "SET LOCAL lock_timeout = '500ms'");
	return err;
}

static int switch_tables(struct writer *w, const struct backup_order *order)
{
	int err = stage_attach(&order->stage, w->db);

	if (err)
		return err;
	err = begin_switch(w);
	if (!err)
		err = backup_apply(&w->rows, order);
	if (!err)
		err = listener_tell(w->store->listener, w->db, STORE_ALL);
	if (err) {
		log_info(NULL, LOGID_BACKUP, "nothing is switched: %s: %s", strerror(err),
			 db_error(w->db));
		db_rollback(w->db);
	} else {
		err = commit(w);
	}
	stage_detach(&order->stage, w->db);
	return err;
}

static int apply_backup(struct writer *w, const struct backup_order *order)
{
	bool yes = false;
	int err = switch_tables(w, order);

	while (err == ECONNABORTED && !db_worker_stopping(&w->store->writer)) {
		if (!was_restored(w, order, &yes))
			err = yes ? 0 : EAGAIN;
		else
			refuse_newcomers(w);
		count_commit(w);
	}
	return err;
}

static void handle_backup(struct writer *w, struct item *it)
{
	const uint64_t began_ms = clock_mono_ms(clock_real());
	uint64_t switched_ms, token = 0;
	int err = apply_backup(w, it->req.backup);

	switched_ms = clock_mono_ms(clock_real());
	it->edit = (struct edit){.rows = &w->rows, .req = &it->req, .reply.token = it->req.token};
	if (err)
		return store_answer_error(&it->req, err, NULL);
	if (!atomic_load(&w->store->is_loaded))
		return store_answer(&it->req, &it->edit.reply);
	it->edit.nchanges = 1;
	err = take_ticket(w, it, &token);
	it->edit.nchanges = 0;
	if (!err)
		err = feed_reload(w->store, w->store->feed, &w->rows, token);
	log_info(NULL, LOGID_BACKUP,
		 "nothing could be changed for %llu ms while tables were switched, and for %llu ms "
		 "while the core was told",
		 (unsigned long long)(switched_ms - began_ms),
		 (unsigned long long)(clock_mono_ms(clock_real()) - switched_ms));
	if (err)
		log_error(NULL, LOGID_BACKUP, "what was restored takes effect at the next start");
}

static bool is_alone(const struct store_request *req)
{
	return req->op == STORE_FEED || (req->op == STORE_APPLY && !req->backup->label.tenant_id);
}

static void handle_alone(struct writer *w, struct item *it)
{
	int err;

	if (it->req.op == STORE_APPLY)
		return handle_backup(w, it);
	err = feed_catch_up(w->store->feed, &w->rows, it->req.tenant_id);
	if (err) /* the listener looks at everything when the database is back */
		log_info(NULL, LOGID_STORE, "changes of other nodes wait: %s", strerror(err));
}

/* What waits together is one batch; what takes the place of everything is by itself. */
static void handle_waiting(struct writer *w)
{
	size_t n = 0;

	do {
		if (is_alone(&w->v[n].req)) {
			if (n)
				handle(w, w->v, n);
			w->v[0].req = w->v[n].req;
			return handle_alone(w, &w->v[0]);
		}
		n++;
	} while (n < BATCH && ring_pop(w->store->writer.queue, &w->v[n].req));
	handle(w, w->v, n);
}

void writer_main(void *arg)
{
	struct store *s = arg;
	struct writer *w = calloc(1, sizeof(*w));

	BUG(!w);
	w->store = s;
	while (!w->db && store_connect(s, LINK_WRITER, &w->db) && !db_worker_stopping(&s->writer))
		db_worker_pause(&s->writer, RETRY_MS);
	if (w->db)
		w->rows = store_rows(s, w->db);
	while (!db_worker_stopping(&s->writer)) {
		if (db_worker_next(&s->writer, &w->v[0].req, IDLE_MS))
			handle_waiting(w);
		if (w->db)
			feed_retry(s->feed, &w->rows);
		ticket_retry(s->tickets);
	}
	buf_free(&w->rows.hold);
	db_close(w->db);
	free(w);
}
