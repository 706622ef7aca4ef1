/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/listener.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum {
	LOOK_MS = 30000,
	RETRY_MS = 100,
	PROOF_MS = 300, /* so often it makes sure that its connection lives … */
	TRUST_MS = 1000 /* … and so long after it is believed */
};

static const char channel[] = "offhook_change", sessions[] = "sessions";

struct listener {
	struct store *store;
	uint64_t self; /* ours in notifications */
	struct thread *thread;
	int stop_fd;
	_Atomic bool is_stopping;
	_Atomic uint64_t heard_until_ms; /* what others say until then is heard; 0: it is not */
	/* the thread's */
	uint64_t proved_ms, looked_ms;
	bool is_away; /* the database does not answer */
};

/* ---- telling ---- */

static int tell(const struct listener *l, struct db *db, const char *what)
{
	struct db_stmt *st;
	char text[64];
	int err;

	(void)snprintf(text, sizeof(text), "%016" PRIx64 " %s", l->self, what);
	err = db_sql(db, "SELECT pg_notify($1, $2)", &st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(channel));
	db_bind_text(st, 2, str_of(text));
	err = db_step(st);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int listener_tell(const struct listener *l, struct db *db, uint64_t tenant_id)
{
	char what[24];

	(void)snprintf(what, sizeof(what), "%" PRIu64, tenant_id);
	return l ? tell(l, db, what) : 0;
}

int listener_tell_of_sessions(const struct listener *l, struct db *db)
{
	return l ? tell(l, db, sessions) : 0;
}

bool listener_hears(const struct listener *l)
{
	return clock_mono_ms(clock_real()) < atomic_load(&l->heard_until_ms);
}

/* ---- hearing ---- */

/* false: the writer has too much to do. */
static bool wake_writer(struct listener *l, uint64_t tenant_id)
{
	const struct store_request req = {.op = STORE_FEED, .tenant_id = tenant_id};

	return !db_worker_post(&l->store->writer, &req);
}

/* Ours too: of a commit whose end we did not see, it may be the first word. */
static void on_notice(struct listener *l, const char *text, bool *is_all)
{
	unsigned long long from = 0, tenant_id = 0;
	int begin = 0;

	atomic_fetch_add(&l->store->commits, 1);
	bell_ring(l->store->bell);
	if (sscanf(text, "%16llx %n", &from, &begin) == 1 && begin &&
	    (from == l->self || !strcmp(text + begin, sessions)))
		return;
	if (!begin || sscanf(text + begin, "%20llu", &tenant_id) != 1 || !wake_writer(l, tenant_id))
		*is_all = true;
}

/* What was said before the question has come when it is answered: all of that is heard first, and only then are we believed. */
static int prove(struct listener *l, struct db *db, bool *is_all)
{
	const uint64_t now_ms = clock_mono_ms(clock_real());
	char text[64];
	int err;

	if (l->proved_ms && now_ms - l->proved_ms < PROOF_MS)
		return 0;
	err = db_ping(db);
	while (!err || err == EINTR) {
		err = db_notice(db, l->stop_fd, 0, text, sizeof(text));
		if (!err)
			on_notice(l, text, is_all);
	}
	if (err != ENOENT)
		return err;
	l->proved_ms = now_ms;
	atomic_store(&l->heard_until_ms, now_ms + TRUST_MS);
	return 0;
}

static void rest(const struct listener *l)
{
	struct pollfd fd = {.fd = l->stop_fd, .events = POLLIN};

	(void)poll(&fd, 1, RETRY_MS);
}

/* WEB-4: once each way. */
static void tell_state(struct listener *l, bool is_away)
{
	const struct store_news n = {.kind = is_away ? NEWS_DATABASE_LOST : NEWS_DATABASE_BACK};

	if (l->is_away == is_away || atomic_load(&l->is_stopping))
		return;
	l->is_away = is_away;
	if (l->store->news && ring_push(l->store->news, &n))
		log_warn(NULL, LOGID_STORE, "the event log is not told that the database is %s",
			 is_away ? "away" : "back");
}

/* Before we listen nothing was heard, so what was read until now counts no more. */
static int begin_to_listen(struct listener *l, struct db *db)
{
	int err = db_listen(db, channel);

	if (err)
		return err;
	tell_state(l, false);
	atomic_fetch_add(&l->store->commits, 1);
	bell_ring(l->store->bell);
	l->proved_ms = l->looked_ms = 0;
	return 0;
}

static int listen_once(struct listener *l, struct db *db, bool *is_all)
{
	char text[64];
	int err = prove(l, db, is_all);

	if (err)
		return err;
	*is_all |= clock_mono_ms(clock_real()) - l->looked_ms >= LOOK_MS;
	if (*is_all && wake_writer(l, STORE_ALL)) {
		*is_all = false;
		l->looked_ms = clock_mono_ms(clock_real());
	}
	err = db_notice(db, l->stop_fd, *is_all ? RETRY_MS : PROOF_MS, text, sizeof(text));
	if (!err)
		on_notice(l, text, is_all);
	return err == ENOENT || err == EINTR ? 0 : err; /* EINTR: something came that was none */
}

static void listen_main(void *arg)
{
	struct listener *l = arg;
	struct db *db = NULL;

	while (!db && store_connect(l->store, LINK_READER, &db) && !atomic_load(&l->is_stopping))
		rest(l);
	while (db && !atomic_load(&l->is_stopping)) {
		bool is_all = true; /* whatever was missed before we listened */
		int err = begin_to_listen(l, db);

		while (!err && !atomic_load(&l->is_stopping))
			err = listen_once(l, db, &is_all);
		atomic_store(&l->heard_until_ms, 0);
		if (err)
			tell_state(l, true);
		if (err && !atomic_load(&l->is_stopping))
			rest(l);
	}
	db_close(db);
}

/* ---- outside ---- */

int listener_open(struct listener **lp, struct store *s)
{
	struct listener *l;

	if (s->engine != DB_POSTGRES)
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return ENOMEM;
	*lp = l;
	l->store = s;
	l->self = rng_u64(rng_system());
	l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l->stop_fd < 0 ? errno : 0;
}

int listener_start(struct listener *l)
{
	return l && !l->thread
		       ? thread_start(&l->thread, "store-listen", THREAD_READER, listen_main, l)
		       : 0;
}

void listener_stop(struct listener *l)
{
	if (!l)
		return;
	atomic_store(&l->is_stopping, true);
	if (l->stop_fd >= 0 && eventfd_write(l->stop_fd, 1)) {
		/* cannot fail: the counter is far from its limit */
	}
	l->thread = thread_join(l->thread);
}

struct listener *listener_close(struct listener *l)
{
	if (l && l->stop_fd >= 0)
		close(l->stop_fd);
	free(l);
	return NULL;
}
