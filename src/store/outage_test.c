/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A database that goes away, breaks off in the middle of a commit, or is shared by two nodes.  The first two need the
 * PostgreSQL server of test/store/with-postgres; on SQLite only what it can show is run.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "base/log.h"
#include "store/journal.h"
#include "store/testing.h"

static void control(const char *what)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "%s %s", getenv("OFFHOOK_TEST_PG_CTL"), what);
	assert_int_equal(system(cmd), 0);
}

static size_t extensions(struct fixture *fx)
{
	json_t *p = good(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, "{\"limit\":500}"));
	size_t n = json_array_size(json_object_get(p, "items"));

	json_decref(p);
	return n;
}

/* Asks again while the database is away. */
static struct store_reply ask_until_there(struct fixture *fx, enum store_op op, const char *body)
{
	struct store_reply r = {.err = EAGAIN};

	for (unsigned i = 0; i < 200 && r.err == EAGAIN; i++) {
		r = ask(fx, op, fx->tenant_id, "extension", 0, body);
		if (r.err == EAGAIN)
			poll(NULL, 0, 50);
	}
	return r;
}

static void a_database_that_is_away_refuses_and_comes_back(void **state)
{
	struct fixture *fx = *state;
	struct journal *j = NULL;
	struct call_record c = {.node = 1, .id = 1};
	char path[128];
	const struct journal_conf conf = {.path = path, .node = 1, .drain_ms = 20, .hold_ms = 1};
	json_t *p;

	if (!testing_is_postgres())
		return;
	fx->tenant_id = make_tenant(fx, "acme");
	snprintf(path, sizeof(path), "%s/journal", fx->place.dir);
	assert_int_equal(journal_open(&j, &conf, fx->store), 0);
	control("crash");
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}"),
		EAGAIN, NULL, NULL);
	refused(ask(fx, STORE_LIST, fx->tenant_id, "extension", 0, "{}"), EAGAIN, NULL, NULL);
	refused(query(fx, 0, "ready", "{}"), EAGAIN, NULL, NULL);
	refused(ask(fx, STORE_LOGIN, 0, NULL, 0,
		    "{\"username\":\"a\",\"password\":\"b\",\"token_hash\":\"c\"}"),
		EAGAIN, NULL, NULL);
	c.tenant_id = fx->tenant_id;
	assert_int_equal(journal_write(j, RECORD_CALL, &c, sizeof(c)), 0); /* calls go on */
	poll(NULL, 0, 100);
	assert_true(journal_pending_bytes(j) > 0);
	control("start");
	json_decref(good(ask_until_there(fx, STORE_CREATE, "{\"number\":\"101\"}")));
	json_decref(good(ask_until_there(fx, STORE_LIST, "{}")));
	assert_int_equal(extensions(fx), 1);
	for (unsigned i = 0; i < 1000 && journal_pending_bytes(j); i++)
		poll(NULL, 0, 10);
	assert_int_equal(journal_pending_bytes(j), 0);
	p = good(query(fx, fx->tenant_id, "cdrs", "{}"));
	assert_int_equal(json_array_size(json_object_get(p, "items")), 1);
	json_decref(p);
	journal_close(j);
}

/* Waits for the next word of the database. */
static enum store_news_kind next_news(struct ring *news)
{
	struct pollfd fd = {.fd = ring_fd(news), .events = POLLIN};
	struct store_news n;

	while (!ring_pop(news, &n)) {
		assert_int_equal(poll(&fd, 1, 30000), 1);
		ring_woken(news);
	}
	return n.kind;
}

static int ignore(struct store_change *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

/* What it counts once it hears others. */
static uint64_t heard(struct fixture *fx)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < 6000 && !(now = store_generation(fx->store)); i++)
		poll(NULL, 0, 5);
	assert_true(now > 0);
	return now;
}

/* WEB-4: once each way, however often it is tried meanwhile. */
static void that_it_went_away_and_is_back_is_told(void **state)
{
	struct fixture *fx = *state;
	struct ring *news = NULL;
	struct store_conf conf = {.url = fx->place.url, .data_dir = fx->place.dir};
	struct store_news n;

	if (!testing_is_postgres())
		return;
	assert_int_equal(ring_alloc(&news, 64, sizeof(struct store_news)), 0);
	conf.news = news;
	fx->store = store_close(fx->store);
	assert_int_equal(store_open(&fx->store, &conf), 0);
	assert_int_equal(store_load(fx->store, ignore, NULL), 0); /* then it listens */
	assert_true(heard(fx) > 0);
	assert_false(ring_pop(news, &n)); /* that it is there at first is no news */
	for (unsigned i = 0; i < 2; i++) {
		control("crash");
		assert_int_equal(next_news(news), NEWS_DATABASE_LOST);
		for (unsigned k = 0; k < 15; k++) { /* it has been tried again and again */
			refused(query(fx, 0, "ready", "{}"), EAGAIN, NULL, NULL);
			poll(NULL, 0, 100);
			assert_false(ring_pop(news, &n));
		}
		control("start");
		assert_int_equal(next_news(news), NEWS_DATABASE_BACK);
		assert_true(heard(fx) > 0); /* and listens: not on the way to being away again */
		assert_false(ring_pop(news, &n));
	}
	fx->store = store_close(fx->store);
	assert_false(ring_pop(news, &n)); /* it was we who left */
	ring_free(news);
}

/* ---- a line that can be cut at the worst instant ---- */

enum cut { CUT_NOTHING, CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT };

struct line {
	char dir[64], real[128];
	int listener;
	_Atomic int cut;
	_Atomic bool is_held; /* nothing passes, and nobody is told */
	_Atomic bool is_stopping;
	struct thread *thread;
	struct wire {
		int client, server; /* 0: free */
		bool is_last;	    /* the server's answer is not passed on */
	} wires[16];
};

static int unix_socket(const char *dir, bool is_listener)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.5432", dir);
	if (is_listener ? bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16)
			: connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void drop_wire(struct wire *w)
{
	close(w->client);
	close(w->server);
	*w = (struct wire){0};
}

/* false: it is over. */
static bool pass(struct line *l, struct wire *w, int from, int to)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT);
	int cut = atomic_load(&l->cut);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (w->is_last && from == w->server)
		return false; /* it has committed, and nobody hears of it */
	if (from == w->client && cut != CUT_NOTHING && memmem(buf, (size_t)n, "COMMIT", 6)) {
		atomic_store(&l->cut, CUT_NOTHING);
		if (cut == CUT_BEFORE_COMMIT)
			return false;
		w->is_last = true;
	}
	return send(to, buf, (size_t)n, MSG_NOSIGNAL) == n;
}

static void take_caller(struct line *l)
{
	int fd = accept(l->listener, NULL, NULL);

	for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(l->wires); i++) {
		struct wire *w = &l->wires[i];

		if (w->client)
			continue;
		*w = (struct wire){.client = fd, .server = unix_socket(l->real, false)};
		if (w->server < 0)
			drop_wire(w);
		return;
	}
}

static void line_main(void *arg)
{
	struct line *l = arg;

	while (!atomic_load(&l->is_stopping)) {
		struct pollfd fds[1 + 2 * ARRAY_LEN(l->wires)] = {{l->listener, POLLIN, 0}};
		nfds_t n = 1;

		for (size_t i = 0; i < ARRAY_LEN(l->wires); i++) {
			if (!l->wires[i].client)
				continue;
			fds[n++] = (struct pollfd){l->wires[i].client, POLLIN, 0};
			fds[n++] = (struct pollfd){l->wires[i].server, POLLIN, 0};
		}
		poll(fds, n, 20);
		if (atomic_load(&l->is_held)) {
			poll(NULL, 0, 5);
			continue;
		}
		if (fds[0].revents)
			take_caller(l);
		for (size_t i = 0; i < ARRAY_LEN(l->wires); i++) {
			struct wire *w = &l->wires[i];

			if (w->client &&
			    !(pass(l, w, w->client, w->server) && pass(l, w, w->server, w->client)))
				drop_wire(w);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(l->wires); i++)
		if (l->wires[i].client)
			drop_wire(&l->wires[i]);
}

static void line_open(struct line *l, char *real_url, size_t url_bytes)
{
	const char *url = getenv("OFFHOOK_TEST_PG"), *host = strstr(url, "host=") + 5;
	char through[256];

	memset(l, 0, sizeof(*l));
	snprintf(real_url, url_bytes, "%s", url);
	snprintf(l->real, sizeof(l->real), "%.*s", (int)strcspn(host, "&"), host);
	strcpy(l->dir, "/tmp/offhook-line-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	l->listener = unix_socket(l->dir, true);
	assert_true(l->listener >= 0);
	assert_int_equal(thread_start(&l->thread, "line", THREAD_ANY, line_main, l), 0);
	snprintf(through, sizeof(through), "postgresql:///postgres?host=%s&user=postgres", l->dir);
	setenv("OFFHOOK_TEST_PG", through, 1);
}

static void line_close(struct line *l, const char *real_url)
{
	atomic_store(&l->is_stopping, true);
	thread_join(l->thread);
	close(l->listener);
	nftw(l->dir, testing_unlink, 16, FTW_DEPTH | FTW_PHYS);
	setenv("OFFHOOK_TEST_PG", real_url, 1);
}

static void a_commit_that_nobody_saw_is_looked_up(void **state)
{
	struct line l;
	char real_url[256];
	struct fixture *fx;

	if (!testing_is_postgres())
		return;
	line_open(&l, real_url, sizeof(real_url));
	fixture_open((void **)&fx);
	fx->tenant_id = make_tenant(fx, "acme");

	atomic_store(&l.cut, CUT_BEFORE_COMMIT);
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}"),
		EAGAIN, NULL, NULL);
	assert_int_equal(l.cut, CUT_NOTHING);
	assert_int_equal(extensions(fx), 0);

	atomic_store(&l.cut, CUT_AFTER_COMMIT);
	json_decref(
		good(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, "{\"number\":\"101\"}")));
	assert_int_equal(l.cut, CUT_NOTHING);
	assert_int_equal(extensions(fx), 1);

	atomic_store(&l.cut, CUT_AFTER_COMMIT); /* and the tenant, whose log goes with it */
	json_decref(good(ask(fx, STORE_DELETE, 0, "tenant", fx->tenant_id, NULL)));
	assert_int_equal(l.cut, CUT_NOTHING);
	fixture_close((void **)&fx);
	line_close(&l, real_url);
}

/* ---- two nodes on one database ---- */

static void two_nodes_never_make_the_same_number(void **state)
{
	struct fixture *fx = *state, other = {.place = fx->place, .answers = NULL};
	enum { NUMBERS = 40 };
	unsigned made = 0, taken = 0;
	struct fixture *nodes[2] = {fx, &other};

	fx->tenant_id = make_tenant(fx, "acme");
	assert_int_equal(ring_alloc(&other.answers, 256, sizeof(struct store_reply)), 0);
	fixture_reopen(&other);
	for (unsigned i = 0; i < 2 * NUMBERS; i++) {
		char body[64];
		struct store_request req;

		snprintf(body, sizeof(body), "{\"number\":\"%u\"}", 100 + i / 2);
		req = request(nodes[i % 2], STORE_CREATE, fx->tenant_id, "extension", 0, body);
		assert_int_equal(store_post(nodes[i % 2]->store, &req), 0);
	}
	for (unsigned i = 0; i < 2 * NUMBERS; i++) {
		struct store_reply r = wait_answer(nodes[i % 2]);

		if (r.err) {
			refused(r, EEXIST, "number", "taken");
			taken++;
		} else {
			json_decref(good(r));
			made++;
		}
	}
	assert_int_equal(made, NUMBERS);
	assert_int_equal(taken, NUMBERS);
	assert_int_equal(extensions(fx), NUMBERS);
	store_close(other.store);
	ring_free(other.answers);
}

/* ---- what was read at a node is true until it hears of a change ---- */

static void wait_for_another(struct fixture *fx, uint64_t generation)
{
	for (unsigned i = 0; i < 6000 && heard(fx) == generation; i++)
		poll(NULL, 0, 5);
	assert_true(heard(fx) > generation);
}

/* Until all that was said before has come: a generation that stays as it is while we look. */
static uint64_t quiet(struct fixture *fx)
{
	uint64_t before, now = heard(fx);

	do {
		before = now;
		poll(NULL, 0, 500);
		now = heard(fx);
	} while (before != now);
	return now;
}

static struct fixture *second_node(struct fixture *fx, struct fixture *other)
{
	*other = (struct fixture){.place = fx->place, .tenant_id = fx->tenant_id};
	assert_int_equal(ring_alloc(&other->answers, 256, sizeof(struct store_reply)), 0);
	fixture_reopen(other);
	assert_int_equal(store_generation(other->store), 0); /* it does not listen yet */
	assert_int_equal(store_load(other->store, ignore, NULL), 0);
	return other;
}

static void close_second(struct fixture *other)
{
	store_close(other->store);
	ring_free(other->answers);
}

/* Unless something of before came late. */
static bool reads_are_counted(struct fixture *fx, struct fixture *other)
{
	const uint64_t before = heard(other);

	assert_int_equal(extensions(fx), 1);
	assert_int_equal(extensions(other), 1);
	return heard(other) != before;
}

static void what_another_node_does_is_heard(void **state)
{
	struct fixture *fx = *state, other;
	uint64_t before;

	if (!testing_is_postgres())
		return;
	fx->tenant_id = make_tenant(fx, "acme");
	second_node(fx, &other);
	before = quiet(&other);
	(void)make_extension(fx, fx->tenant_id, "101");
	wait_for_another(&other, before);
	for (unsigned i = 0; i < 50 && reads_are_counted(fx, &other); i++)
		poll(NULL, 0, 100);
	assert_false(reads_are_counted(fx, &other));
	/* A session ends without any object being changed. */
	refused(ask(fx, STORE_LOGOUT, 0, NULL, 0, "{\"token_hash\":\"none\"}"), ENOENT, NULL, NULL);
	json_decref(good(ask(fx, STORE_CREATE, 0, "admin", 0,
			     "{\"username\":\"boss\",\"password\":\"long secret words\"}")));
	json_decref(good(ask(fx, STORE_LOGIN, 0, NULL, 0,
			     "{\"username\":\"boss\",\"password\":\"long secret words\","
			     "\"token_hash\":\"abc\",\"ttl_seconds\":600}")));
	before = quiet(&other);
	json_decref(good(ask(fx, STORE_LOGOUT, 0, NULL, 0, "{\"token_hash\":\"abc\"}")));
	wait_for_another(&other, before);
	/* Our own is counted before anybody is answered. */
	before = quiet(&other);
	json_decref(good(ask(&other, STORE_LOGIN, 0, NULL, 0,
			     "{\"username\":\"boss\",\"password\":\"long secret words\","
			     "\"token_hash\":\"def\",\"ttl_seconds\":600}")));
	assert_true(heard(&other) > before);
	close_second(&other);
}

/* A connection that says nothing any more, and a database that is gone. */
static void who_does_not_hear_others_keeps_nothing(void **state)
{
	struct line l;
	char real_url[256];
	struct fixture *fx, other;
	uint64_t before;

	if (!testing_is_postgres())
		return;
	line_open(&l, real_url, sizeof(real_url));
	fixture_open((void **)&fx);
	fx->tenant_id = make_tenant(fx, "acme");
	second_node(fx, &other);
	before = quiet(&other);

	atomic_store(&l.is_held, true);
	for (unsigned i = 0; i < 6000 && store_generation(other.store); i++)
		poll(NULL, 0, 5);
	assert_int_equal(store_generation(other.store), 0);
	atomic_store(&l.is_held, false);
	before = quiet(&other);

	control("crash");
	for (unsigned i = 0; i < 6000 && store_generation(other.store); i++)
		poll(NULL, 0, 5);
	assert_int_equal(store_generation(other.store), 0);
	control("start");
	wait_for_another(&other, before); /* who knows what was changed meanwhile */
	close_second(&other);
	fixture_close((void **)&fx);
	line_close(&l, real_url);
}

/* ---- kill -9 between any two instructions of a change ---- */

static void child_main(struct fixture *fx, int tell, unsigned first)
{
	log_set_level(LOG_ERROR);
	fixture_reopen(fx);
	for (unsigned number = first;; number++) {
		char body[64];
		struct store_reply r;

		snprintf(body, sizeof(body), "{\"number\":\"%u\"}", number);
		r = ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, body);
		/* The one before the kill may have been done without anybody hearing of it. */
		if (r.err && r.err != EEXIST)
			_exit(3);
		free(r.json);
		if (write(tell, &number, sizeof(number)) != sizeof(number))
			_exit(4);
	}
}

static unsigned run_and_kill(struct fixture *fx, unsigned first, unsigned after)
{
	unsigned number, last = first - 1;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child_main(fx, fds[1], first);
	}
	close(fds[1]);
	for (unsigned i = 0; i < after; i++)
		if (read(fds[0], &number, sizeof(number)) == sizeof(number))
			last = number;
	poll(NULL, 0, (int)(after % 5));
	kill(pid, SIGKILL);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return last;
}

static int64_t count(struct fixture *fx, const char *sql)
{
	struct db_stmt *st;
	struct db *db;
	int64_t n;

	assert_int_equal(store_connect(fx->store, LINK_READER, &db), 0);
	assert_int_equal(db_sql(db, sql, &st), 0);
	assert_int_equal(db_step(st), 0);
	n = db_int(st, 0);
	db_close(db);
	return n;
}

static void a_change_is_whole_or_not_there_after_kill_9(void **state)
{
	struct fixture *fx = *state;
	unsigned last = 100;
	int64_t n;

	fx->tenant_id = make_tenant(fx, "acme");
	fx->store = store_close(
		fx->store); /* only the children use it: threads and libpq survive no fork */
	for (unsigned i = 0; i < 8; i++)
		last = run_and_kill(fx, last + 1, i * 5 % 13);
	fixture_reopen(fx);
	n = count(fx, "SELECT count(*) FROM extensions");
	assert_true(n == last - 100 || n == last - 99);
	assert_int_equal(count(fx, "SELECT count(*) FROM accounts"), n);
	assert_int_equal(count(fx, "SELECT count(*) FROM accounts a JOIN extensions x ON "
				   "x.tenant_id = a.tenant_id AND x.id = a.extension_id "
				   "AND x.number = a.username"),
			 n);
	assert_int_equal(count(fx, "SELECT count(*) FROM number"), n);
	assert_int_equal(count(fx, "SELECT count(*) FROM change WHERE tenant_id > 0"), 2 * n);
	assert_int_equal(count(fx, "SELECT max(revision) FROM change WHERE tenant_id > 0"), 2 * n);
	assert_int_equal(count(fx, "SELECT revision FROM tenant_revision WHERE tenant_id > 0"),
			 2 * n);
}

/* ---- too much at once ---- */

static void sign_ins_beyond_the_cap_are_told_to_come_back(void **state)
{
	struct fixture *fx = *state;
	enum { ASKED = 60 };
	unsigned busy = 0;

	for (unsigned i = 0; i < ASKED; i++) {
		struct store_request req =
			request(fx, STORE_LOGIN, 0, NULL, 0,
				"{\"username\":\"a\",\"password\":\"b\",\"token_hash\":\"c\"}");

		assert_int_equal(store_post(fx->store, &req), 0);
	}
	for (unsigned i = 0; i < ASKED; i++) {
		struct store_reply r = wait_answer(fx);

		assert_true(r.err == EACCES || r.err == EAGAIN);
		busy += r.err == EAGAIN;
	}
	assert_in_range(busy, 1, ASKED - 30);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_database_that_is_away_refuses_and_comes_back),
		T(that_it_went_away_and_is_back_is_told),
		cmocka_unit_test(a_commit_that_nobody_saw_is_looked_up),
		T(two_nodes_never_make_the_same_number),
		T(what_another_node_does_is_heard),
		cmocka_unit_test(who_does_not_hear_others_keeps_nothing),
		T(a_change_is_whole_or_not_there_after_kill_9),
		T(sign_ins_beyond_the_cap_are_told_to_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
