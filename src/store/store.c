/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store's outside: opening and closing, where requests go, how answers come back.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "store/backup_impl.h"
#include "store/feed.h"
#include "store/listener.h"
#include "store/migrate.h"
#include "store/recordings.h"
#include "store/report.h"
#include "store/store_impl.h"

enum { WRITER_QUEUE = 1024, READER_QUEUE = 256, PATIENCE_MS = 5000 };

/* ---- connections ---- */

int store_connect(struct store *s, enum store_link link, struct db **dbp)
{
	const struct db_conf conf = {
		.url = s->url,
		.is_read_only = link == LINK_READER,
		/* The journal's own file is its safety until its commit is on the disk, so both writers sync. */
		.is_full_sync = link != LINK_READER,
	};

	return db_open(dbp, &conf);
}

struct rows store_rows(struct store *s, struct db *db)
{
	return (struct rows){.db = db,
			     .schema = s->schema,
			     .seal = &s->seal,
			     .node = s->node,
			     .own = s->own,
			     .nown = s->nown,
			     .sip_port = s->sip_port,
			     .tls_port = s->tls_port,
			     .data_dir = s->data_dir,
			     .storage = s->storage};
}

/* ---- answers ---- */

static void drop_reply(const struct store_request *req, struct store_reply *reply)
{
	free(reply->json);
	reply->json = NULL;
	if (reply->past)
		req->past->close(reply->past);
	reply->past = NULL;
}

void store_answer(const struct store_request *req, struct store_reply *reply)
{
	reply->token = req->token;
	if (!req->reply_to) { /* nobody waits */
		drop_reply(req, reply);
		return;
	}
	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		const struct timespec one_ms = {.tv_nsec = 1000000};

		if (!ring_push(req->reply_to, reply)) {
			reply->json = NULL;
			return;
		}
		nanosleep(&one_ms, NULL);
	}
	log_error(NULL, LOGID_STORE, "an answer was dropped: its asker does not read");
	drop_reply(req, reply);
}

uint64_t store_generation(const struct store *s)
{
	const uint64_t commits =
		atomic_load(&s->commits); /* first: it was this when we heard them */

	return !s->listener || listener_hears(s->listener) ? commits + 1 : 0;
}

int store_reply_json(struct store_reply *reply, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		return ENOMEM;
	free(reply->json);
	reply->json = text;
	reply->njson = strlen(text);
	return 0;
}

void store_answer_error(const struct store_request *req, int err, const struct field_errors *errs)
{
	struct store_reply reply = {.err = err};

	if (errs && errs->n && store_reply_json(&reply, field_errors_to_json(errs)))
		reply.err = ENOMEM;
	store_answer(req, &reply);
}

/* ---- requests ---- */

static int to_hasher(struct store *s, const struct store_request *req)
{
	unsigned at = atomic_fetch_add(&s->next_hasher, 1);

	for (unsigned i = 0; i < STORE_HASHERS; i++)
		if (!db_worker_post(&s->hashers[(at + i) % STORE_HASHERS], req))
			return 0;
	return ENOBUFS;
}

static int to_reader(struct store *s, const struct store_request *req)
{
	struct store_reader *least = &s->readers[0];
	int err;

	for (unsigned i = 1; i < s->nreaders; i++)
		if (atomic_load(&s->readers[i].busy) < atomic_load(&least->busy))
			least = &s->readers[i];
	atomic_fetch_add(&least->busy, 1);
	err = db_worker_post(&least->worker, req);
	if (err)
		atomic_fetch_sub(&least->busy, 1);
	return err;
}

/* Most bodies of extensions hold none, and need not wait for those that do.  \u may spell it too. */
static bool has_passwords(const struct store_request *req)
{
	if (req->res == &resource_extension)
		return memmem(req->json, req->njson, "web_password", 12) ||
		       memchr(req->json, '\\', req->njson);
	return req->res == &resource_tenant || req->res == &resource_dealer ||
	       resource_has_password(req->res);
}

int store_post(struct store *s, const struct store_request *req)
{
	int err;

	switch (req->op) {
	case STORE_LOGIN:
		err = to_hasher(s, req);
		if (err) {
			free(req->json);
			store_answer_error(req, EAGAIN, NULL);
			err = 0;
		}
		return err;
	case STORE_CREATE:
	case STORE_UPDATE:
		return req->json && has_passwords(req) ? to_hasher(s, req)
						       : db_worker_post(&s->writer, req);
	case STORE_DELETE:
	case STORE_IMPORT:
	case STORE_ACT:
	case STORE_UNDO:
	case STORE_RESTORE:
	case STORE_LOGOUT:
	case STORE_APPLY:
	case STORE_FEED:
		return db_worker_post(&s->writer, req);
	case STORE_BACKUP:
		return backups_post(s->backups, req);
	case STORE_GET:
	case STORE_LIST:
	case STORE_EXPORT:
	case STORE_PAST:
	case STORE_QUERY:
		return to_reader(s, req);
	}
	return EINVAL;
}

struct ring *store_changes(struct store *s)
{
	return s->changes;
}

void store_applied(struct store *s, uint64_t token)
{
	ON_THREAD(THREAD_CORE);
	ticket_punch(s->tickets, token);
}

/* ---- at start ---- */

struct loading {
	struct db *db;
	store_load_h *fn;
	void *arg;
	uint64_t tenant_id, revision; /* of the last tenant asked for */
};

static int revision_of(struct loading *l, uint64_t tenant_id)
{
	if (l->tenant_id == tenant_id && l->revision)
		return 0;
	l->tenant_id = tenant_id;
	l->revision = 0;
	return db_revision(l->db, tenant_id, &l->revision);
}

static int hand_over(struct object **op, void *arg)
{
	struct loading *l = arg;
	struct store_change c = {
		.res = (*op)->res, .tenant_id = (*op)->tenant_id, .id = (*op)->id, .after = *op};
	int err = revision_of(l, c.tenant_id);

	if (err)
		return err;
	c.revision = l->revision;
	err = l->fn(&c, l->arg);
	*op = c.after;
	return err;
}

int store_load(struct store *s, store_load_h *fn, void *arg)
{
	struct loading l = {.fn = fn, .arg = arg};
	struct rows rows;
	int err = store_connect(s, LINK_READER, &l.db);

	if (err)
		return err;
	rows = store_rows(s, l.db);
	err = db_begin(l.db, false);
	if (!err)
		err = feed_loaded(s->feed, l.db);
	for (size_t i = 0; !err && resources[i]; i++)
		err = rows_each(&rows, resources[i], hand_over, &l);
	buf_free(&rows.hold);
	db_close(l.db);
	if (!err)
		atomic_store(&s->is_loaded, true);
	if (!err)
		err = listener_start(s->listener);
	return err;
}

static int wait_for(struct ring *ring, struct store_reply *reply)
{
	struct pollfd fd = {.fd = ring_fd(ring), .events = POLLIN};

	while (!ring_pop(ring, reply)) {
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return errno;
		ring_woken(ring);
	}
	return 0;
}

static void errors_of(const struct store_reply *reply, struct field_errors *errs)
{
	json_t *all = reply->njson ? json_loadb(reply->json, reply->njson, 0, NULL) : NULL;
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(all, "errors"), i, one)
		field_error_add(errs, json_string_value(json_object_get(one, "field")),
				json_string_value(json_object_get(one, "code")), "%s",
				json_string_value(json_object_get(one, "message")));
	json_decref(all);
}

int store_has_now(struct store *s, const struct resource *res, bool *yes)
{
	struct store_request req = {
		.op = STORE_LIST, .res = res, .is_admin = true, .reply_to = s->now};
	struct store_reply reply = {0};
	json_t *page;
	int err;

	BUG(atomic_load(&s->is_loaded));
	req.json = str_dup(STR("{\"limit\":1}"));
	req.njson = req.json ? strlen(req.json) : 0;
	err = req.json ? store_post(s, &req) : ENOMEM;
	if (err) {
		free(req.json);
		return err;
	}
	err = wait_for(s->now, &reply);
	if (err || reply.err)
		return err ? err : reply.err;
	page = json_loadb(reply.json, reply.njson, 0, NULL);
	*yes = json_array_size(json_object_get(page, "items")) > 0;
	json_decref(page);
	free(reply.json);
	return page ? 0 : ENOMEM;
}

int store_create_now(struct store *s, uint64_t tenant_id, const struct resource *res,
		     const char *json, uint64_t *idp, struct field_errors *errs)
{
	struct store_request req = {.op = STORE_CREATE,
				    .tenant_id = tenant_id,
				    .res = res,
				    .is_admin = true,
				    .actor = {.name = "system"}};
	struct store_reply reply = {0};
	int err;

	BUG(atomic_load(
		&s->is_loaded)); /* the core would have to answer, and the core is waiting here */
	req.reply_to = s->now;
	req.json = str_dup(str_of(json));
	req.njson = strlen(json);
	err = req.json ? store_post(s, &req) : ENOMEM;
	if (err) {
		free(req.json);
		return err;
	}
	err = wait_for(s->now, &reply);
	if (err)
		return err;
	if (reply.err)
		errors_of(&reply, errs);
	else if (idp)
		*idp = reply.id;
	free(reply.json);
	return reply.err;
}

/* ---- opening and closing ---- */

static int leave_key_check(struct store *s, struct db *db)
{
	struct buf sealed = {0};
	struct db_stmt *st;
	int err = seal_text(&s->seal, STR("offhook"), &sealed);

	/* Another node may have left one meanwhile: it is read next. */
	if (!err)
		err = db_sql(db,
			     "INSERT INTO setting (name, value) VALUES ('key_check', $1) "
			     "ON CONFLICT (name) DO NOTHING",
			     &st);
	if (!err) {
		db_bind_text(st, 1, buf_view(&sealed));
		err = db_run(st);
	}
	buf_free(&sealed);
	return err;
}

/* Refuses to run with another key than the one that sealed what the database holds. */
static int check_key(struct store *s, struct db *db)
{
	struct buf clear = {0};
	struct db_stmt *st;
	int err = leave_key_check(s, db);

	if (!err)
		err = db_sql(db, "SELECT value FROM setting WHERE name = 'key_check'", &st);
	if (err)
		return err;
	err = db_step(st);
	if (!err)
		err = unseal_text(&s->seal, db_text(st, 0), &clear);
	db_done(st);
	if (err == EBADMSG)
		log_error(NULL, LOGID_STORE,
			  "%s/master.key is not the key that sealed this database's secrets",
			  s->data_dir);
	buf_free(&clear);
	return err;
}

static int prepare(struct store *s)
{
	struct db *db = NULL;
	int err = store_connect(s, LINK_WRITER, &db);

	if (!err)
		err = migrate(db, s->schema);
	if (!err)
		err = db_begin(db, true);
	if (!err)
		err = check_key(s, db);
	if (!err)
		err = db_commit(db);
	if (!err)
		err = backup_tidy(s, db);
	if (err && db)
		/* Not the URL: it may hold a password. */
		log_error(NULL, LOGID_STORE, "%s cannot be used: %s (%s)",
			  s->engine == DB_SQLITE ? s->url : "PostgreSQL", strerror(err),
			  db_error(db));
	db_close(db);
	return err;
}

static int start_threads(struct store *s, unsigned nreaders)
{
	int err;

	err = db_worker_start(&s->writer, "store-write", THREAD_WRITER, WRITER_QUEUE, writer_main,
			      s);
	if (!err)
		err = hashers_start(s);
	for (unsigned i = 0; !err && i < nreaders; i++) {
		s->readers[i].store = s;
		s->nreaders = i + 1;
		err = db_worker_start(&s->readers[i].worker, "store-read", THREAD_READER,
				      READER_QUEUE, reader_main, &s->readers[i]);
	}
	return err;
}

int store_open(struct store **sp, const struct store_conf *conf)
{
	unsigned nreaders = conf->readers ? conf->readers : 2;
	struct store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	if (nreaders > STORE_MAX_READERS)
		nreaders = STORE_MAX_READERS;
	s->url = str_dup(str_of(conf->url));
	s->data_dir = str_dup(str_of(conf->data_dir));
	s->own = conf->own;
	s->nown = conf->nown;
	s->sip_port = conf->sip_port;
	s->tls_port = conf->tls_port;
	s->node = conf->node;
	s->tickets = calloc(1, sizeof(*s->tickets));
	err = s->url && s->data_dir && s->tickets ? db_url_engine(s->url, &s->engine) : ENOMEM;
	if (!err && mkdir(s->data_dir, 0700) && errno != EEXIST)
		err = errno;
	if (!err)
		err = seal_open(&s->seal, s->data_dir);
	if (!err)
		err = storage_marks_alloc(&s->storage);
	if (!err)
		err = bell_alloc(&s->bell);
	if (!err)
		err = sql_schema_alloc(&s->schema);
	if (!err)
		err = ring_alloc(&s->changes, STORE_CHANGES, sizeof(struct store_change));
	if (!err)
		err = ring_alloc(&s->now, 2, sizeof(struct store_reply));
	if (!err)
		err = prepare(s);
	s->news = conf->news;
	if (!err)
		err = feed_open(&s->feed, s);
	if (!err)
		err = listener_open(&s->listener, s);
	if (!err)
		err = start_threads(s, nreaders);
	if (!err)
		err = backups_open(&s->backups, s);
	if (!err)
		err = reports_start(&s->reports, s);
	if (err)
		store_close(s);
	else
		*sp = s;
	return err;
}

struct store *store_close(struct store *s)
{
	struct store_change c;

	if (!s)
		return NULL;
	reports_stop(s->reports);
	listener_stop(s->listener);
	backups_stop(s->backups); /* it posts to the writer, and so do they */
	hashers_stop(s);
	db_worker_stop(&s->writer);
	s->backups = backups_close(s->backups);
	s->feed = feed_close(s->feed);
	for (unsigned i = 0; i < s->nreaders; i++)
		db_worker_stop(&s->readers[i].worker);
	s->listener = listener_close(s->listener); /* readers asked it */
	while (s->changes && ring_pop(s->changes, &c))
		object_free(c.after);
	ring_free(s->changes);
	ring_free(s->now);
	if (s->tickets)
		ticket_drop_all(s->tickets);
	free(s->tickets);
	sql_schema_free(s->schema);
	storage_marks_free(s->storage);
	bell_free(s->bell);
	seal_close(&s->seal);
	free(s->url);
	free(s->data_dir);
	free(s);
	return NULL;
}
