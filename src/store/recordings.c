/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "store/recordings.h"

static void path_of(const struct rows *r, uint64_t tenant_id, uint64_t id, struct str format,
		    struct recording_file_info *f)
{
	str_fit(f->format, sizeof(f->format), format);
	(void)snprintf(f->path, sizeof(f->path), "%s/recordings/%" PRIu64 "/%" PRIu64 ".%s",
		       r->data_dir, tenant_id, id, f->format);
}

int recording_find(struct rows *r, uint64_t tenant_id, uint64_t id, struct recording_file_info *f)
{
	struct stat st;
	struct db_stmt *q;
	int err = db_sql(r->db,
			 "SELECT format FROM recordings WHERE tenant_id = $1 AND id = $2 AND "
			 "ended_at <> 0",
			 &q);

	if (err)
		return err;
	db_bind_id(q, 1, tenant_id);
	db_bind_id(q, 2, id);
	err = db_step(q);
	if (!err)
		path_of(r, tenant_id, id, db_text(q, 0), f);
	db_done(q);
	if (!err && (stat(f->path, &st) || !S_ISREG(st.st_mode)))
		err = ENOENT;
	if (!err)
		f->nbytes = (uint64_t)st.st_size;
	return err;
}

/* ---- gone ---- */

static int run_for(struct rows *r, const char *sql, uint64_t tenant_id, uint64_t id)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	return db_run(st);
}

static int remove_one(struct rows *r, uint64_t tenant_id, uint64_t id, struct str format)
{
	struct recording_file_info f;

	path_of(r, tenant_id, id, format, &f);
	if (unlink(f.path) && errno != ENOENT) {
		log_warn(NULL, LOGID_STORE, "%s cannot be removed: %s", f.path, strerror(errno));
		return errno;
	}
	return run_for(r, "DELETE FROM recordings WHERE tenant_id = $1 AND id = $2", tenant_id, id);
}

int recording_remove(struct rows *r, uint64_t tenant_id, uint64_t id)
{
	char format[4] = "";
	bool is_over = false;
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT format, ended_at FROM recordings WHERE tenant_id = $1 AND id = $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	err = db_step(st);
	if (!err) {
		str_fit(format, sizeof(format), db_text(st, 0));
		is_over = db_int(st, 1) != 0;
	}
	db_done(st);
	if (!err && !is_over)
		err = EEXIST;
	if (!err)
		err = remove_one(r, tenant_id, id, str_of(format));
	if (!err)
		storage_mark(r, tenant_id);
	return err;
}

struct oldest {
	uint64_t id, bytes;
	int64_t started_at;
	char format[4];
};

static int read_oldest(struct rows *r, uint64_t tenant_id, struct oldest *v, size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT id, bytes, started_at, format FROM recordings WHERE tenant_id = "
			 "$1 AND ended_at <> 0 ORDER BY started_at LIMIT $2",
			 &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, RECORDINGS_BATCH);
	while (*np < RECORDINGS_BATCH && !(err = db_step(st))) {
		struct oldest *o = &v[(*np)++];

		*o = (struct oldest){
			.id = db_id(st, 0), .bytes = db_id(st, 1), .started_at = db_int(st, 2)};
		str_fit(o->format, sizeof(o->format), db_text(st, 3));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int recordings_clean(struct rows *r, uint64_t tenant_id, int64_t before_us, uint64_t most,
		     bool *more)
{
	struct oldest v[RECORDINGS_BATCH];
	struct storage_use use = {0};
	uint64_t all;
	size_t n = 0, done = 0;
	int err = storage_used(r, tenant_id, &use);

	if (!err)
		err = read_oldest(r, tenant_id, v, &n);
	all = use.recordings + use.reports;
	while (!err && done < n && (v[done].started_at < before_us || all > most)) {
		err = remove_one(r, tenant_id, v[done].id, str_of(v[done].format));
		all -= v[done].bytes < all ? v[done].bytes : all;
		done++;
	}
	if (done)
		storage_mark(r, tenant_id);
	*more |= !err && done == RECORDINGS_BATCH;
	return err;
}

static bool is_tenant(struct rows *r, uint64_t id, int *errp)
{
	struct db_stmt *st;

	*errp = db_sql(r->db, "SELECT 1 FROM tenant_revision WHERE tenant_id = $1", &st);
	if (*errp)
		return true;
	db_bind_id(st, 1, id);
	*errp = db_step(st);
	db_done(st);
	if (*errp != ENOENT)
		return true;
	*errp = 0;
	return false;
}

static void empty(int in, const char *name)
{
	int fd = openat(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	while (d && n < RECORDINGS_BATCH && (e = readdir(d)))
		if (e->d_name[0] != '.' && !unlinkat(fd, e->d_name, 0))
			n++;
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	(void)unlinkat(in, name, AT_REMOVEDIR);
}

int recordings_sweep(struct rows *r)
{
	char path[1024];
	struct dirent *e;
	uint64_t id;
	DIR *d;
	int err = 0;

	(void)snprintf(path, sizeof(path), "%s/recordings", r->data_dir);
	d = opendir(path);
	while (d && !err && (e = readdir(d)))
		if (!str_u64(str_of(e->d_name), &id) && id && !is_tenant(r, id, &err))
			empty(dirfd(d), e->d_name);
	if (d)
		closedir(d);
	return err;
}

/* ---- cut off ---- */

struct cut {
	uint64_t tenant_id, id;
	int64_t started_at;
	char format[4];
};

/* As it would be, had it come to its end; *isp: it was still being written. */
static int64_t finish_file(const struct rows *r, const struct cut *c, bool *isp)
{
	char part[sizeof(((struct recording_file_info *)0)->path) + 8];
	struct recording_file_info f;
	struct stat st;

	path_of(r, c->tenant_id, c->id, str_of(c->format), &f);
	(void)snprintf(part, sizeof(part), "%s.part", f.path);
	*isp = !link(part, f.path);
	if (*isp)
		(void)unlink(part);
	return stat(f.path, &st) ? 0 : (int64_t)st.st_size;
}

/* RIFF: the rate of bytes stands behind that of samples. */
static int64_t wav_milliseconds(const struct rows *r, const struct cut *c, int64_t nbytes)
{
	enum { HEAD = 44, RATE_AT = 28 };
	struct recording_file_info f;
	uint8_t head[HEAD];
	uint32_t rate;
	int64_t ms = 0;
	int fd;

	path_of(r, c->tenant_id, c->id, str_of(c->format), &f);
	fd = open(f.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, head, sizeof(head)) == HEAD) {
		rate = (uint32_t)head[RATE_AT] | (uint32_t)head[RATE_AT + 1] << 8 |
		       (uint32_t)head[RATE_AT + 2] << 16 | (uint32_t)head[RATE_AT + 3] << 24;
		ms = rate ? (nbytes - HEAD) * 1000 / rate : 0;
	}
	close(fd);
	return ms;
}

static int end_one(struct rows *r, const struct cut *c, int64_t alive_at_us)
{
	bool was_written;
	int64_t nbytes = finish_file(r, c, &was_written), ms;
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "UPDATE recordings SET ended_at = $3, milliseconds = $4, bytes = $5, "
			 "fault = $6 WHERE tenant_id = $1 AND id = $2",
			 &st);

	if (err)
		return err;
	if (alive_at_us < c->started_at)
		alive_at_us = c->started_at;
	ms = (alive_at_us - c->started_at) / 1000;
	if (nbytes && strcmp(c->format, "wav") == 0)
		ms = wav_milliseconds(r, c, nbytes);
	db_bind_id(st, 1, c->tenant_id);
	db_bind_id(st, 2, c->id);
	db_bind_int(st, 3, alive_at_us);
	db_bind_int(st, 4, nbytes ? ms : 0);
	db_bind_int(st, 5, nbytes);
	db_bind_text(st, 6, was_written || !nbytes ? STR("interrupted") : STR(""));
	return db_run(st);
}

static int read_cut(struct rows *r, uint64_t node, struct cut *v, size_t max, size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT tenant_id, id, started_at, format FROM recordings WHERE "
			 "ended_at = 0 AND node = $1 LIMIT $2",
			 &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, node);
	db_bind_int(st, 2, (int64_t)max);
	while (*np < max && !(err = db_step(st))) {
		struct cut *c = &v[(*np)++];

		*c = (struct cut){
			.tenant_id = db_id(st, 0), .id = db_id(st, 1), .started_at = db_int(st, 2)};
		str_fit(c->format, sizeof(c->format), db_text(st, 3));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int recordings_close_interrupted(struct rows *r, uint64_t node, int64_t alive_at_us)
{
	struct cut v[RECORDINGS_BATCH];
	size_t n = 0;
	int err;

	do {
		err = read_cut(r, node, v, ARRAY_LEN(v), &n);
		for (size_t i = 0; !err && i < n; i++)
			err = end_one(r, &v[i], alive_at_us);
	} while (!err && n == ARRAY_LEN(v));
	return err;
}

/* ---- how much there is ---- */

static int sum(struct rows *r, const char *sql, uint64_t tenant_id, uint64_t *np)
{
	return db_number(r->db, sql, tenant_id, np);
}

int storage_used(struct rows *r, uint64_t tenant_id, struct storage_use *use)
{
	int err = sum(r,
		      "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM recordings WHERE "
		      "tenant_id = $1",
		      tenant_id, &use->recordings);

	return err ? err
		   : sum(r,
			 "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM call_report WHERE "
			 "tenant_id = $1",
			 tenant_id, &use->reports);
}

/* More tenants than fit are told when they change again. */
enum { MARKS = 256 };

struct storage_marks {
	pthread_mutex_t lock;
	uint64_t ids[MARKS];
	size_t n;
};

int storage_marks_alloc(struct storage_marks **mp)
{
	struct storage_marks *m = calloc(1, sizeof(*m));

	if (!m)
		return ENOMEM;
	pthread_mutex_init(&m->lock, NULL);
	*mp = m;
	return 0;
}

struct storage_marks *storage_marks_free(struct storage_marks *m)
{
	if (m)
		pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

void storage_mark(struct rows *r, uint64_t tenant_id)
{
	struct storage_marks *m = r->storage;
	size_t i = 0;

	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	while (i < m->n && m->ids[i] != tenant_id)
		i++;
	if (i == m->n && m->n < MARKS)
		m->ids[m->n++] = tenant_id;
	pthread_mutex_unlock(&m->lock);
}

uint64_t storage_next_mark(struct storage_marks *m)
{
	uint64_t id = 0;

	pthread_mutex_lock(&m->lock);
	if (m->n)
		id = m->ids[--m->n];
	pthread_mutex_unlock(&m->lock);
	return id;
}
