/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PostgreSQL engine, over libpq in its blocking form: each connection belongs to a thread that may wait.
 *
 * The server infers the types of parameters from where they stand, so numbers travel as text and text and bytes as they are.
 * A connection that broke is noticed by the next call: outside a transaction it is replaced and the call made again; inside,
 * everything up to the rollback fails with EAGAIN.  Attempts that fail are spaced out up to MAX_PAUSE_MS; between them the
 * answer is EAGAIN at once, so that a server that is away costs its askers no time.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "store/db_impl.h"

enum { FIRST_PAUSE_MS = 100, MAX_PAUSE_MS = 5000 };

struct pg_db {
	struct db db; /* first */
	PGconn *conn; /* NULL: not connected */
	char *url;
	bool is_read_only;
	char connect_s[12];
	char schema[64];     /* "": as the URL and the server say */
	unsigned generation; /* of the connection: prepared statements die with it */
	unsigned next_name;
	bool in_transaction; /* as our caller sees it */
	uint64_t retry_at_ms, pause_ms;
	char error[256];
};

struct pg_param {
	const char *value;
	char number[24];
};

struct blob {
	struct blob *next;
	unsigned char *bytes; /* libpq's */
};

struct pg_stmt {
	struct db_stmt st; /* first */
	unsigned generation, name;
	int nparams;
	struct pg_param param[DB_MAX_PARAMS];
	int length[DB_MAX_PARAMS], format[DB_MAX_PARAMS];
	PGresult *result;
	int row, nrows;
	struct blob *blobs;
};

static struct pg_db *pg_of(const struct db *db)
{
	return (struct pg_db *)(uintptr_t)db;
}

static struct pg_stmt *stmt_of(const struct db_stmt *st)
{
	return (struct pg_stmt *)(uintptr_t)st;
}

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static void keep_error(struct pg_db *pg, const char *text)
{
	size_t n = strcspn(text ? text : "", "\n");

	snprintf(pg->error, sizeof(pg->error), "%.*s", (int)n, text ? text : "");
}

static void disconnect(struct pg_db *pg)
{
	if (pg->conn)
		PQfinish(pg->conn);
	pg->conn = NULL;
}

static bool is_alive(const struct pg_db *pg)
{
	return pg->conn && PQstatus(pg->conn) == CONNECTION_OK;
}

static int state_class(const char *state)
{
	static const struct {
		const char *prefix;
		int err;
	} classes[] = {
		{"23505", EEXIST}, {"23", EINVAL},   {"22", EINVAL},	{"40", EBUSY},
		{"55P03", EBUSY},  {"57014", EBUSY}, {"53100", ENOSPC}, {"53200", ENOMEM},
		{"53", EAGAIN},	   {"25006", EROFS}, {"08", EAGAIN},	{"57P", EAGAIN},
	};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0)
			return classes[i].err;
	return EIO;
}

/* 0 when the result is what was hoped for; else its class, with the text kept. */
static int judge(struct pg_db *pg, const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	const char *state;
	int err;

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	keep_error(pg, r ? PQresultErrorMessage(r) : PQerrorMessage(pg->conn));
	state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	/* libpq's own errors have no state: the connection broke, even where its status does not know yet. */
	err = state ? state_class(state) : EAGAIN;
	if (!is_alive(pg))
		err = EAGAIN;
	/* A server that became a stand-by, or is going down: the next call looks for the one that writes. */
	if (err == EAGAIN || (err == EROFS && !pg->is_read_only))
		disconnect(pg);
	return err;
}

static int plain(struct pg_db *pg, const char *sql)
{
	PGresult *r;
	int err;

	if (!pg->conn)
		return EAGAIN;
	r = PQexec(pg->conn, sql);
	err = judge(pg, r);
	PQclear(r);
	return err;
}

static int set_schema(struct pg_db *pg)
{
	char sql[100];

	(void)snprintf(sql, sizeof(sql), "SET search_path = \"%s\"", pg->schema);
	return plain(pg, sql);
}

static int connect_now(struct pg_db *pg)
{
	/* What stands before the URL is a default that the URL may change. */
	const char *keys[] = {"application_name", "client_encoding", "connect_timeout",
			      "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
			      "keepalives_count", "dbname",	     NULL};
	const char *values[] = {"offhook", "UTF8", pg->connect_s, "10000", "10",
				"3",	   "3",	   pg->url,	  NULL};
	int err;

	disconnect(pg);
	pg->conn = PQconnectdbParams(keys, values, 1);
	if (!pg->conn)
		return ENOMEM;
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		keep_error(pg, PQerrorMessage(pg->conn));
		disconnect(pg);
		return EAGAIN;
	}
	PQsetNoticeProcessor(pg->conn, quiet, NULL);
	pg->generation++;
	err = plain(pg, "SET standard_conforming_strings = on");
	if (!err && pg->is_read_only)
		err = plain(pg, "SET default_transaction_read_only = on");
	return err || !pg->schema[0] ? err : set_schema(pg);
}

static int ensure(struct pg_db *pg)
{
	uint64_t now_ms;
	int err;

	if (is_alive(pg))
		return 0;
	now_ms = clock_mono_ms(clock_real());
	if (now_ms < pg->retry_at_ms)
		return EAGAIN;
	err = connect_now(pg);
	if (!err) {
		pg->pause_ms = pg->retry_at_ms = 0;
		return 0;
	}
	pg->pause_ms = pg->pause_ms ? pg->pause_ms * 2 : FIRST_PAUSE_MS;
	if (pg->pause_ms > MAX_PAUSE_MS)
		pg->pause_ms = MAX_PAUSE_MS;
	pg->retry_at_ms = clock_mono_ms(clock_real()) + pg->pause_ms;
	return err;
}

static void pg_shut(struct db *db)
{
	struct pg_db *pg = pg_of(db);

	disconnect(pg);
	free(pg->url);
	free(pg);
}

static int pg_start(struct db **dbp, const struct db_conf *conf)
{
	struct pg_db *pg = calloc(1, sizeof(*pg));
	unsigned ms = conf->connect_ms ? conf->connect_ms : 3000;

	if (!pg)
		return ENOMEM;
	pg->db.ops = &db_postgres_ops;
	pg->is_read_only = conf->is_read_only;
	snprintf(pg->connect_s, sizeof(pg->connect_s), "%u", (ms + 999) / 1000);
	str_fit(pg->schema, sizeof(pg->schema), str_of(conf->schema));
	pg->url = str_dup(str_of(conf->url));
	if (!pg->url) {
		pg_shut(&pg->db);
		return ENOMEM;
	}
	*dbp = &pg->db;
	return 0;
}

static const char *pg_last_error(const struct db *db)
{
	return pg_of(db)->error;
}

/* Text outside or inside a transaction; outside, once more on a new connection. */
static int pg_run(struct db *db, const char *sql)
{
	struct pg_db *pg = pg_of(db);
	int err;

	if (pg->in_transaction)
		return plain(pg, sql);
	err = ensure(pg);
	if (err)
		return err;
	err = plain(pg, sql);
	if (err == EAGAIN && !ensure(pg))
		err = plain(pg, sql);
	return err;
}

static int pg_begin(struct db *db, bool is_write)
{
	int err;

	BUG(pg_of(db)->in_transaction);
	err = pg_run(db, is_write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	pg_of(db)->in_transaction = !err;
	return err;
}

static int pg_commit(struct db *db)
{
	struct pg_db *pg = pg_of(db);
	PGresult *r;
	int err;

	pg->in_transaction = false;
	if (!is_alive(pg))
		return EAGAIN;
	r = PQexec(pg->conn, "COMMIT");
	err = judge(pg, r);
	/* Committing what had failed is answered with success, named ROLLBACK. */
	if (!err && strcmp(PQcmdStatus(r), "COMMIT") != 0)
		err = EIO;
	PQclear(r);
	return err == EAGAIN ? ECONNABORTED : err;
}

static void pg_rollback(struct db *db)
{
	struct pg_db *pg = pg_of(db);
	int err = 0;

	if (pg->in_transaction && pg->conn)
		err = plain(pg, "ROLLBACK");
	if (err)
		disconnect(pg);
	pg->in_transaction = false;
}

/* ---- notifications ---- */

static int pg_listen(struct db *db, const char *channel)
{
	struct pg_db *pg = pg_of(db);
	char sql[64];
	int err = ensure(pg);

	if (err)
		return err;
	snprintf(sql, sizeof(sql), "LISTEN %.40s", channel);
	return plain(pg, sql);
}

static int take_notice(struct pg_db *pg, char *text, size_t text_bytes)
{
	PGnotify *n = PQnotifies(pg->conn);

	if (!n)
		return ENOENT;
	str_fit(text, text_bytes, str_of(n->extra));
	PQfreemem(n);
	return 0;
}

static int pg_notice(struct db *db, int stop_fd, int wait_ms, char *text, size_t text_bytes)
{
	struct pg_db *pg = pg_of(db);
	struct pollfd fds[2] = {{.events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};

	if (!is_alive(pg))
		return EAGAIN;
	if (!take_notice(pg, text, text_bytes))
		return 0;
	fds[0].fd = PQsocket(pg->conn);
	if (poll(fds, ARRAY_LEN(fds), wait_ms) <= 0 || fds[1].revents)
		return ENOENT;
	if (!PQconsumeInput(pg->conn)) {
		keep_error(pg, PQerrorMessage(pg->conn));
		disconnect(pg);
		return EAGAIN;
	}
	return take_notice(pg, text, text_bytes) ? EINTR : 0;
}

static int pg_ping(struct db *db)
{
	return is_alive(pg_of(db)) ? plain(pg_of(db), "SELECT 1") : EAGAIN;
}

static int pg_prepare(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);

	/* Only counted here; the server sees it when it first runs. */
	for (const char *p = st->sql; (p = strchr(p, '$')) != NULL; p++) {
		long n = strtol(p + 1, NULL, 10);

		BUG(n < 1 || n > DB_MAX_PARAMS);
		if (n > s->nparams)
			s->nparams = (int)n;
	}
	s->name = pg_of(st->db)->next_name++;
	return 0;
}

static void pg_done(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);

	while (s->blobs) {
		struct blob *b = s->blobs;

		s->blobs = b->next;
		PQfreemem(b->bytes);
		free(b);
	}
	PQclear(s->result);
	s->result = NULL;
}

static void pg_unprepare(struct db_stmt *st)
{
	struct pg_db *pg = pg_of(st->db);
	char sql[32];

	pg_done(st);
	if (!is_alive(pg) || stmt_of(st)->generation != pg->generation)
		return;
	snprintf(sql, sizeof(sql), "DEALLOCATE s%u", stmt_of(st)->name);
	PQclear(PQexec(pg->conn, sql));
}

static struct pg_param *param(struct db_stmt *st, unsigned n)
{
	if (n >= 1 && (int)n <= stmt_of(st)->nparams)
		return &stmt_of(st)->param[n - 1];
	st->bind_err = EINVAL;
	return NULL;
}

static void pg_bind_number(struct db_stmt *st, unsigned n, int64_t v)
{
	struct pg_param *p = param(st, n);

	if (!p)
		return;
	snprintf(p->number, sizeof(p->number), "%" PRId64, v);
	p->value = p->number;
	stmt_of(st)->format[n - 1] = 0;
}

static void pg_bind_bytes(struct db_stmt *st, unsigned n, const void *v, size_t bytes, bool is_text)
{
	struct pg_param *p = param(st, n);

	if (!p || bytes > INT32_MAX)
		return;
	(void)is_text; /* the binary form of both is the bytes themselves */
	p->value = v;
	stmt_of(st)->length[n - 1] = (int)bytes;
	stmt_of(st)->format[n - 1] = 1;
}

static void pg_bind_nothing(struct db_stmt *st, unsigned n)
{
	struct pg_param *p = param(st, n);

	if (p)
		p->value = NULL;
}

static int once(struct pg_db *pg, struct pg_stmt *s)
{
	const char *values[DB_MAX_PARAMS];
	char name[16];
	PGresult *r;
	int err;

	if (!pg->conn)
		return EAGAIN;
	snprintf(name, sizeof(name), "s%u", s->name);
	if (s->generation != pg->generation) {
		r = PQprepare(pg->conn, name, s->st.sql, 0, NULL);
		err = judge(pg, r);
		PQclear(r);
		if (err)
			return err;
		s->generation = pg->generation;
	}
	for (int i = 0; i < s->nparams; i++)
		values[i] = s->param[i].value;
	s->result = PQexecPrepared(pg->conn, name, s->nparams, values, s->length, s->format, 0);
	err = judge(pg, s->result);
	if (err)
		pg_done(&s->st);
	return err;
}

static int start(struct pg_db *pg, struct pg_stmt *s)
{
	int err;

	if (pg->in_transaction)
		return once(pg, s);
	err = ensure(pg);
	if (err)
		return err;
	err = once(pg, s);
	if (err == EAGAIN && !ensure(pg))
		err = once(pg, s);
	return err;
}

static int pg_next(struct db_stmt *st)
{
	struct pg_stmt *s = stmt_of(st);
	int err;

	if (!s->result) {
		err = start(pg_of(st->db), s);
		if (err)
			return err;
		s->row = -1;
		s->nrows = PQntuples(s->result);
		st->changed = strtoll(PQcmdTuples(s->result), NULL, 10);
	}
	return ++s->row < s->nrows ? 0 : ENOENT;
}

static int64_t pg_col_int(const struct db_stmt *st, unsigned col)
{
	return strtoll(PQgetvalue(stmt_of(st)->result, stmt_of(st)->row, (int)col), NULL, 10);
}

static struct str pg_col_text(const struct db_stmt *st, unsigned col)
{
	const struct pg_stmt *s = stmt_of(st);

	return (struct str){PQgetvalue(s->result, s->row, (int)col),
			    (size_t)PQgetlength(s->result, s->row, (int)col)};
}

static struct str pg_col_blob(struct db_stmt *st, unsigned col)
{
	struct str text = pg_col_text(st, col);
	struct blob *b = calloc(1, sizeof(*b));
	size_t n = 0;

	if (!b)
		return (struct str){"", 0};
	b->bytes = PQunescapeBytea((const unsigned char *)text.p, &n);
	b->next = stmt_of(st)->blobs;
	stmt_of(st)->blobs = b;
	return b->bytes ? (struct str){(const char *)b->bytes, n} : (struct str){"", 0};
}

static bool pg_col_null(const struct db_stmt *st, unsigned col)
{
	return PQgetisnull(stmt_of(st)->result, stmt_of(st)->row, (int)col);
}

const struct db_ops db_postgres_ops = {
	.engine = DB_POSTGRES,
	.stmt_bytes = sizeof(struct pg_stmt),
	.open = pg_start,
	.close = pg_shut,
	.error = pg_last_error,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.exec = pg_run,
	.listen = pg_listen,
	.notice = pg_notice,
	.ping = pg_ping,
	.prepare = pg_prepare,
	.unprepare = pg_unprepare,
	.bind_int = pg_bind_number,
	.bind_bytes = pg_bind_bytes,
	.bind_null = pg_bind_nothing,
	.step = pg_next,
	.done = pg_done,
	.col_int = pg_col_int,
	.col_text = pg_col_text,
	.col_blob = pg_col_blob,
	.col_null = pg_col_null,
};
