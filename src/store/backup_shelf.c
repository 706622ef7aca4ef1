/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The folder of backups: what is there, and its bytes in and out.  Files carry names made of their number alone; what is not
 * called so is nobody's business here.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "store/backup_impl.h"

enum { UPLOAD_HOURS = 24, LOOK_MS = 600000 };

int shelf_label(const struct backups *b, uint64_t id, struct backup_label *l, uint64_t *bytes)
{
	char *path = backup_path(b, id, "backup");
	FILE *f = path ? fopen(path, "rbe") : NULL;
	int err = !path ? ENOMEM : f ? backup_label_read(f, l) : errno;
	struct stat st = {0};

	if (f && fstat(fileno(f), &st))
		err = errno;
	*bytes = (uint64_t)st.st_size;
	if (f)
		fclose(f);
	free(path);
	return err;
}

static bool id_of(const char *name, uint64_t *id)
{
	char *end = NULL;

	*id = strtoull(name, &end, 16);
	return end == name + 16 && strcmp(end, ".backup") == 0 && *id && *id <= INT64_MAX;
}

size_t shelf_ids(const struct backups *b, uint64_t ids[BACKUP_FILES])
{
	DIR *dir = opendir(b->dir);
	struct dirent *d;
	size_t n = 0;

	while (dir && n < BACKUP_FILES && (d = readdir(dir)))
		if (id_of(d->d_name, &ids[n]))
			n++;
	if (dir)
		closedir(dir);
	return n;
}

static bool may_see(const struct store_request *req, uint64_t tenant_id)
{
	return !req->tenant_id || req->tenant_id == tenant_id;
}

/* What is being made, or could not be, has no file. */
static json_t *unfinished(struct backups *b, const struct store_request *req, uint64_t id)
{
	struct backup_job job;
	json_t *j = NULL;

	if (!backup_job_of(b, id, &job))
		return NULL;
	if (job.kind == BACKUP_MAKING && job.state != BACKUP_COMPLETE &&
	    may_see(req, job.tenant_id))
		j = backup_json(b, id, &job.label, 0);
	free(job.errors);
	return j;
}

struct shown {
	int64_t made_at;
	json_t *json;
};

static int newest_first(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	return (x->made_at < y->made_at) - (x->made_at > y->made_at);
}

static size_t shown_files(struct backups *b, const struct store_request *req, struct shown *v)
{
	uint64_t *ids = calloc(BACKUP_FILES, sizeof(*ids)), bytes;
	size_t n = 0, all = ids ? shelf_ids(b, ids) : 0;
	struct backup_label l;

	for (size_t i = 0; i < all; i++)
		if (!shelf_label(b, ids[i], &l, &bytes) && may_see(req, l.tenant_id))
			v[n++] = (struct shown){l.made_at, backup_json(b, ids[i], &l, bytes)};
	free(ids);
	return n;
}

static int list(struct backups *b, const struct store_request *req, struct store_reply *reply)
{
	struct shown *v = calloc(BACKUP_FILES, sizeof(*v));
	json_t *items = json_array(), *now;
	uint64_t running = 0;
	size_t n;

	if (!v || !items) {
		free(v);
		json_decref(items);
		return ENOMEM;
	}
	pthread_mutex_lock(&b->lock);
	if (b->njobs)
		running = b->job[(b->njobs - 1) % BACKUP_JOBS].id;
	pthread_mutex_unlock(&b->lock);
	now = running ? unfinished(b, req, running) : NULL;
	if (now)
		json_array_append_new(items, now);
	n = shown_files(b, req, v);
	qsort(v, n, sizeof(*v), newest_first);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, v[i].json);
	free(v);
	return store_reply_json(reply, json_pack("{s:o,s:n}", "items", items, "next"));
}

static int one(struct backups *b, const struct store_request *req, struct store_reply *reply)
{
	struct backup_label l;
	uint64_t bytes;
	json_t *j;
	int err;

	j = unfinished(b, req, req->id);
	if (j)
		return store_reply_json(reply, j);
	err = shelf_label(b, req->id, &l, &bytes);
	if (!err && !may_see(req, l.tenant_id))
		err = ENOENT;
	return err ? err : store_reply_json(reply, backup_json(b, req->id, &l, bytes));
}

static bool is_in_use(struct backups *b, uint64_t id)
{
	bool yes;

	pthread_mutex_lock(&b->lock);
	yes = b->is_busy && b->job[(b->njobs - 1) % BACKUP_JOBS].id == id;
	pthread_mutex_unlock(&b->lock);
	return yes;
}

static int drop(struct backups *b, const struct store_request *req)
{
	struct backup_label l;
	uint64_t bytes;
	char *path;
	int err;

	if (is_in_use(b, req->id))
		return EALREADY;
	err = shelf_label(b, req->id, &l, &bytes);
	/* A file that is none after all may go too, if who asks is of the system. */
	if (err == EBADMSG && !req->tenant_id)
		err = 0;
	else if (!err && !may_see(req, l.tenant_id))
		err = ENOENT;
	if (err)
		return err;
	path = backup_path(b, req->id, "backup");
	err = !path ? ENOMEM : unlink(path) ? errno : 0;
	free(path);
	return err;
}

/* ---- uploads that nobody goes on with ---- */

/* Its last piece came so long ago: its file was last written then. */
static int64_t ends_us(const struct stat *st)
{
	return ((int64_t)st->st_mtim.tv_sec + UPLOAD_HOURS * 3600) * 1000000;
}

static bool is_over(const struct stat *st)
{
	return clock_wall_us(clock_real()) >= ends_us(st);
}

static bool is_upload(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".upload") == 0;
}

void shelf_clear_uploads(const char *dir)
{
	DIR *all = opendir(dir);
	struct dirent *d;
	struct stat st;

	while (all && (d = readdir(all)))
		if (is_upload(d->d_name) &&
		    !fstatat(dirfd(all), d->d_name, &st, AT_SYMLINK_NOFOLLOW) && is_over(&st) &&
		    !unlinkat(dirfd(all), d->d_name, 0))
			log_info(NULL, LOGID_BACKUP,
				 "an upload that nobody went on with for a day is removed");
	if (all)
		closedir(all);
}

/* ---- bytes ---- */

static int read_at(const char *path, uint64_t offset, struct store_reply *reply)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	reply->json = malloc(BACKUP_CHUNK);
	n = !reply->json || offset > INT64_MAX
		    ? -1
		    : pread(fd, reply->json, BACKUP_CHUNK, (off_t)offset);
	if (n < 0)
		err = reply->json && offset <= INT64_MAX ? errno : EINVAL;
	else
		reply->njson = (size_t)n;
	close(fd);
	return err;
}

static int give(struct backups *b, const struct store_request *req, struct store_reply *reply)
{
	struct backup_label l;
	uint64_t bytes;
	char *path;
	int err = shelf_label(b, req->id, &l, &bytes);

	if (!err && !may_see(req, l.tenant_id))
		err = ENOENT;
	if (err)
		return err;
	path = backup_path(b, req->id, "backup");
	err = path ? read_at(path, req->offset, reply) : ENOMEM;
	free(path);
	return err;
}

/* Piece by piece, each where the last one ended: a piece that is sent again is told where it should go on. */
static int write_at(const char *path, const struct store_request *req, uint64_t *bytes)
{
	const int flags = req->id ? 0 : O_CREAT | O_EXCL;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0600), err = 0;
	struct stat st;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		err = errno;
	else if (req->id && is_over(&st))
		err = ENOENT;
	else if ((uint64_t)st.st_size != req->offset)
		err = ERANGE;
	else if (pwrite(fd, req->json, req->njson, st.st_size) != (ssize_t)req->njson)
		err = errno ? errno : ENOSPC;
	*bytes = (uint64_t)st.st_size + req->njson;
	close(fd);
	return err;
}

static int arrived(uint64_t id, uint64_t bytes, int64_t until_us, struct store_reply *reply)
{
	char until[40];

	clock_rfc3339(until, sizeof(until), until_us);
	reply->id = id;
	return store_reply_json(reply,
				json_pack("{s:o,s:I,s:s}", "id", json_sprintf("%" PRIu64, id),
					  "bytes", (json_int_t)bytes, "expires_at", until));
}

static int take(struct backups *b, const struct store_request *req, struct store_reply *reply,
		struct field_errors *errs)
{
	uint64_t id = req->id ? req->id : (rng_u64(rng_system()) >> 1) | 1, bytes = 0;
	char *path = backup_path(b, id, "upload");
	int err = path ? write_at(path, req, &bytes) : ENOMEM;

	free(path);
	if (!req->id)
		shelf_clear_uploads(b->dir);
	if (err == ERANGE) {
		field_error_add(errs, "offset", "out_of_range", "the next piece begins at %" PRIu64,
				bytes - req->njson);
		err = EINVAL;
	}
	return err ? err
		   : arrived(id, bytes,
			     clock_wall_us(clock_real()) + UPLOAD_HOURS * INT64_C(3600000000),
			     reply);
}

/* WEB-7: who was cut off asks where to go on. */
static int writing(struct backups *b, const struct store_request *req, struct store_reply *reply)
{
	char *path = backup_path(b, req->id, "upload");
	struct stat st;
	int err = !path ? ENOMEM : lstat(path, &st) ? errno : is_over(&st) ? ENOENT : 0;

	free(path);
	return err ? err : arrived(req->id, (uint64_t)st.st_size, ends_us(&st), reply);
}

static int unwrite(struct backups *b, const struct store_request *req)
{
	char *path = backup_path(b, req->id, "upload");
	int err = !path ? ENOMEM : unlink(path) ? errno : 0;

	free(path);
	return err;
}

/* Only what has a label becomes a backup; whether it is whole is found when it is restored, as only a key can tell. */
static int taken(struct backups *b, const struct store_request *req, struct store_reply *reply)
{
	char *from = backup_path(b, req->id, "upload"), *to = backup_path(b, req->id, "backup");
	FILE *f = from ? fopen(from, "rbe") : NULL;
	struct backup_label l;
	struct stat st;
	int err = !from || !to ? ENOMEM : f ? backup_label_read(f, &l) : errno;

	if (f && !fstat(fileno(f), &st) && is_over(&st))
		err = ENOENT;
	if (!err && fsync(fileno(f)))
		err = errno;
	if (f)
		fclose(f);
	if (err == EBADMSG || err == EPROTO)
		(void)unlink(from);
	else if (!err && rename(from, to))
		err = errno;
	free(from);
	free(to);
	return err ? err : one(b, req, reply);
}

/* ---- requests ---- */

static int answer(struct backups *b, const struct store_request *req, struct store_reply *reply,
		  struct field_errors *errs)
{
	if (strcmp(req->query, "backups") == 0)
		return list(b, req, reply);
	if (strcmp(req->query, "backup") == 0)
		return one(b, req, reply);
	if (strcmp(req->query, "backup_delete") == 0)
		return drop(b, req);
	if (strcmp(req->query, "backup_read") == 0)
		return give(b, req, reply);
	if (strcmp(req->query, "backup_write") == 0)
		return take(b, req, reply, errs);
	if (strcmp(req->query, "backup_writing") == 0)
		return writing(b, req, reply);
	if (strcmp(req->query, "backup_unwrite") == 0)
		return unwrite(b, req);
	if (strcmp(req->query, "backup_written") == 0)
		return taken(b, req, reply);
	return EINVAL;
}

/* ENOENT before the other thread is asked; 0: it answers. */
static int forward(struct backups *b, const struct store_request *req)
{
	struct backup_label l;
	uint64_t bytes;
	int err = shelf_label(b, req->id, &l, &bytes);

	return err ? err : backup_forward(b, req);
}

static void handle(struct backups *b, struct store_request *req)
{
	const bool is_restore = strcmp(req->query, "backup_restore") == 0;
	struct field_errors errs = {.n = 0};
	struct store_reply reply = {0};
	int err = is_restore ? forward(b, req) : answer(b, req, &reply, &errs);

	if (!err && is_restore) /* it has the request now */
		return;
	if (err) {
		free(reply.json);
		err = backup_refusal(err, &errs);
		store_answer_error(req, err, &errs);
	} else {
		store_answer(req, &reply);
	}
	free(req->json);
}

void shelf_main(void *arg)
{
	struct backups *b = arg;
	struct store_request req;

	while (!db_worker_stopping(&b->shelf))
		if (db_worker_next(&b->shelf, &req, LOOK_MS))
			handle(b, &req);
		else
			shelf_clear_uploads(b->dir);
}
