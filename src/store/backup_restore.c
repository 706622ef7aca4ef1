/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restoring: judge the whole archive and lay its files aside, let the writer put the tables in, move the files.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/log.h"
#include "store/backup_impl.h"
#include "store/migrate.h"

enum { PATIENCE_MS = 200, SWITCH_TRIES = 50 };
static const uint64_t spare_bytes = 256
				    << 20; /* of the disk, that files of an archive do not take */

struct judging {
	struct backups *b;
	const struct backup_order *order;
	struct dump_tables *tables;
	struct archive_in *in;
	FILE *file;
	uint64_t size;
	char aside[700]; /* where files are laid */
	uint64_t room;	 /* bytes that they may take */
	char *why;
};

static int say(const struct judging *j, int err, const char *text)
{
	(void)snprintf(j->why, sizeof(((struct restore_result *)0)->why), "%s", text);
	return err;
}

static void progress(const struct judging *j)
{
	long at = ftell(j->file);

	if (at > 0 && j->size)
		backup_progress(j->b, (unsigned)((uint64_t)at * 30 / j->size));
}

/* ---- files, laid aside ---- */

/* The folders of a name that archive_is_name(): "a/b" of "a/b/c". */
static int make_folders(const char *root, const char *name)
{
	char path[1000];
	const char *at = name;

	while ((at = strchr(at, '/')) != NULL) {
		if (snprintf(path, sizeof(path), "%s/%.*s", root, (int)(at - name), name) >=
		    (int)sizeof(path))
			return ENAMETOOLONG;
		if (mkdir(path, 0700) && errno != EEXIST)
			return errno;
		at++;
	}
	return 0;
}

/* "recordings/12/a.wav" of tenant 12, who is tenant 34 here. */
static bool is_own_file(const struct backup_order *o, const char *name)
{
	char own[64];

	if (!o->label.tenant_id)
		return true;
	(void)snprintf(own, sizeof(own), "/%llu/", (unsigned long long)o->label.tenant_id);
	return strncmp(strchr(name, '/'), own, strlen(own)) == 0;
}

static int lay_file(struct judging *j, const char *name)
{
	char path[1000], piece[1 << 16];
	size_t n = 1;
	int fd, err;

	if (snprintf(path, sizeof(path), "%s/%s", j->aside, name) >= (int)sizeof(path))
		return ENAMETOOLONG;
	err = make_folders(j->aside, name);
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? EBADMSG : errno;
	while (!err && !(err = archive_read(j->in, piece, sizeof(piece), &n)) && n) {
		if (n > j->room)
			err = ENOSPC;
		else if (write(fd, piece, n) != (ssize_t)n)
			err = errno ? errno : ENOSPC;
		j->room -= n;
		progress(j);
	}
	if (!err && fsync(fd))
		err = errno;
	close(fd);
	return err;
}

/* ---- judging ---- */

static int judge_table(struct judging *j, const struct dump_table *t)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	struct dump_reader d;
	int err = dump_open(&d, t, j->in, j->order->label.schema < migrate_version());

	while (!err && !(err = dump_row(&d, j->in, v)))
		progress(j);
	dump_close(&d);
	return err == ENOENT ? 0 : err;
}

static int judge_entry(struct judging *j, enum archive_kind kind, const char *name, bool seen[])
{
	enum backup_part part = BACKUP_NPARTS;
	const struct dump_table *t;

	if (kind == ARCHIVE_FILE) {
		part = backup_part_of_file(name);
		if (part == BACKUP_NPARTS || !is_own_file(j->order, name))
			return EBADMSG;
		return j->order->parts & 1u << part ? lay_file(j, name) : 0;
	}
	t = dump_table(j->tables, name);
	if (!t) /* of an older program, whose table there is no more */
		return j->order->label.schema < migrate_version() ? 0 : EBADMSG;
	if (seen[t - j->tables->v])
		return EBADMSG;
	seen[t - j->tables->v] = true;
	return judge_table(j, t);
}

static int judge_entries(struct judging *j)
{
	bool seen[ARRAY_LEN(j->tables->v)] = {false};
	char name[ARCHIVE_NAME_BYTES + 1];
	enum archive_kind kind;
	int err;

	while (!(err = archive_next(j->in, &kind, name))) {
		err = judge_entry(j, kind, name, seen);
		if (!err && db_worker_stopping(&j->b->jobs))
			err = ECANCELED;
		if (err)
			return err;
	}
	if (err == ENOENT && (j->order->parts & 1u << BACKUP_CONFIGURATION) && !seen[0])
		err = EBADMSG;
	return err == ENOENT ? 0 : err;
}

static int judge(struct judging *j)
{
	struct statvfs disk;
	struct stat st;
	int err;

	if (j->order->label.schema > migrate_version())
		return say(j, EPROTO, "the backup is of a later version of this program");
	j->tables = calloc(1, sizeof(*j->tables));
	if (!j->tables)
		return ENOMEM;
	dump_tables_fill(j->tables, j->b->store->schema);
	err = backup_open_archive(j->order, &j->file, &j->in);
	if (err == EPROTO)
		return say(j, err, "the backup is of a later version of this program");
	if (err)
		return err;
	if (!fstat(fileno(j->file), &st))
		j->size = (uint64_t)st.st_size;
	if (!statvfs(j->b->dir, &disk) && disk.f_bavail * disk.f_frsize > spare_bytes)
		j->room = disk.f_bavail * disk.f_frsize - spare_bytes;
	return judge_entries(j);
}

/* ---- the tables ---- */

static int ask_writer(struct backups *b, struct backup_order *order, struct store_reply *reply)
{
	const struct store_request req = {.op = STORE_APPLY,
					  .reply_to = b->from_writer,
					  .token = order->id,
					  .backup = order,
					  .is_admin = true,
					  .actor = {.name = "restore"}};
	struct pollfd fd = {.fd = ring_fd(b->from_writer), .events = POLLIN};

	b->order = order;
	if (store_post(b->store, &req))
		return EAGAIN;
	while (!ring_pop(b->from_writer, reply)) {
		if (db_worker_stopping(&b->jobs))
			return ECANCELED;
		(void)poll(&fd, 1, PATIENCE_MS);
		ring_woken(b->from_writer);
	}
	b->order = NULL;
	return reply->err;
}

/* ---- the files, moved ---- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct moving {
	const char *from, *to;	 /* folders */
	uint64_t old_id, new_id; /* "recordings/12/…" becomes "recordings/34/…" */
};

static int move_file(const struct moving *m, const char *name)
{
	const char *rest = strchr(name, '/');
	char own[64], from[1200], to[1200], path[2000];
	size_t n = (size_t)snprintf(own, sizeof(own), "/%llu/", (unsigned long long)m->old_id);
	int err;

	if (m->new_id != m->old_id && rest && strncmp(rest, own, n) == 0)
		(void)snprintf(to, sizeof(to), "%.*s/%llu/%s", (int)(rest - name), name,
			       (unsigned long long)m->new_id, rest + n);
	else
		(void)snprintf(to, sizeof(to), "%s", name);
	(void)snprintf(from, sizeof(from), "%s/%s", m->from, name);
	(void)snprintf(path, sizeof(path), "%s/%s", m->to, to);
	err = make_folders(m->to, to);
	return err ? err : rename(from, path) ? errno : 0;
}

static int move_folder(const struct moving *m, const char *name)
{
	char path[1200];
	struct dirent *d;
	int err = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s", m->from, name);
	dir = opendir(path);
	while (dir && !err && (d = readdir(dir))) {
		char one[ARCHIVE_NAME_BYTES + 300];

		if (d->d_name[0] == '.')
			continue;
		(void)snprintf(one, sizeof(one), "%s%s%s", name, *name ? "/" : "", d->d_name);
		err = d->d_type == DT_DIR ? move_folder(m, one) : move_file(m, one);
	}
	if (dir)
		closedir(dir);
	return dir ? err : errno;
}

/* Each rename is whole; done again after a kill, it goes on where it was. */
static int move_files(const struct moving *m)
{
	int err = access(m->from, F_OK) ? ENOENT : move_folder(m, "");

	if (!err)
		remove_tree(m->from);
	return err == ENOENT ? 0 : err;
}

static void explain(int err, struct restore_result *res)
{
	if (res->why[0])
		return;
	if (err == EBADMSG)
		(void)snprintf(res->why, sizeof(res->why), "%s",
			       "the file is no backup, damaged, or sealed with another key or pass "
			       "phrase");
	else if (err == EEXIST)
		(void)snprintf(res->why, sizeof(res->why), "%s", "something else is in its way");
	else
		(void)snprintf(res->why, sizeof(res->why), "%s", strerror(err));
}

/* ---- of the whole system ---- */

/* The jobs' own connection to what is live, and the stage. */
struct staging {
	struct backups *b;
	struct rows live, stage;
	size_t rows; /* so far */
};

static int go_on(void *arg)
{
	struct staging *s = arg;

	return db_worker_stopping(&s->b->jobs) ? ECANCELED : 0;
}

static int fill_stage(struct staging *s, struct backup_order *order)
{
	char note[BACKUP_NOTE];
	struct db *db = NULL;
	int err;

	backup_note_text(note, order, 0);
	err = stage_find(&order->stage, s->b->store, s->live.db);
	if (!err)
		err = stage_create(&order->stage, s->live.db, note, &db);
	if (err)
		return err;
	s->stage = store_rows(s->b->store, db);
	return backup_fill(&s->stage, order, go_on, s);
}

/* A reader of PostgreSQL holds a table for a moment longer than the writer waits for it: once more. */
static int switch_to_stage(struct staging *s, struct backup_order *order, struct store_reply *reply)
{
	int err = ask_writer(s->b, order, reply);

	for (unsigned tries = 1; err == EBUSY && tries < SWITCH_TRIES; tries++) {
		free(reply->json);
		*reply = (struct store_reply){0};
		db_worker_pause(&s->b->jobs, PATIENCE_MS);
		err = ask_writer(s->b, order, reply);
	}
	return err;
}

/* What is done already counts: the database being away is waited for. */
static int add_records(struct staging *s)
{
	int err;

	while ((err = backup_put_records(&s->live, &s->stage, go_on, s)) == EAGAIN ||
	       err == EBUSY) {
		if (go_on(s))
			return ECANCELED;
		db_worker_pause(&s->b->jobs, PATIENCE_MS);
	}
	return err;
}

static int restore_system(struct backups *b, struct backup_order *order, struct store_reply *reply)
{
	struct staging s = {.b = b};
	struct db *db = NULL;
	int err = store_connect(b->store, LINK_WRITER, &db);
	bool is_switched = false;

	if (err)
		return err;
	s.live = store_rows(b->store, db);
	err = fill_stage(&s, order);
	backup_progress(b, 70);
	if (!err)
		err = switch_to_stage(&s, order, reply);
	is_switched = !err;
	if (!err)
		stage_spread(db);
	if (!err && (order->parts & 1u << BACKUP_CDRS))
		err = add_records(&s);
	buf_free(&s.stage.hold);
	db_close(s.stage.db);
	/* What was switched and is not whole, or may have been switched, is for the next start. */
	if (!err || (!is_switched && err != ECANCELED))
		stage_drop(&order->stage, db);
	buf_free(&s.live.hold);
	db_close(db);
	return err;
}

int backup_restore(struct backups *b, struct backup_order *order, struct restore_result *res)
{
	struct judging j = {.b = b, .order = order, .why = res->why};
	struct store_reply reply = {0};
	struct moving m = {j.aside, b->store->data_dir, order->label.tenant_id, 0};
	int err;

	(void)snprintf(j.aside, sizeof(j.aside), "%s/%016llx.files", b->dir,
		       (unsigned long long)order->id);
	if (mkdir(j.aside, 0700))
		return errno;
	err = judge(&j);
	archive_in_free(j.in);
	if (j.file)
		fclose(j.file);
	free(j.tables);
	backup_progress(b, 30);
	if (!err && order->label.tenant_id)
		err = ask_writer(b, order, &reply);
	else if (!err)
		err = restore_system(b, order, &reply);
	m.new_id = reply.id;
	if (!err)
		err = move_files(&m);
	else if (err != ECANCELED) /* then the next start decides */
		remove_tree(j.aside);
	if (reply.err && reply.json)
		res->errors = reply.json;
	else
		free(reply.json);
	if (err)
		explain(err, res);
	return err;
}

/* ---- at start ---- */

static void tidy_one(const char *dir, const char *name, const char *restored)
{
	const char *dot = strrchr(name, '.');
	char path[1000];

	if (!dot || snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return;
	if (strcmp(dot, ".part") == 0)
		(void)unlink(path);
	else if (strcmp(dot, ".files") == 0 && strncmp(name, restored, 16) != 0)
		remove_tree(path);
}

static int read_note(struct db *db, char id[17], uint64_t *old_id, uint64_t *new_id)
{
	struct db_stmt *st;
	char text[64] = "";
	unsigned long long a = 0, b = 0;
	int err = db_sql(db, "SELECT value FROM setting WHERE name = 'restored'", &st);

	if (!err)
		err = db_step(st);
	if (err)
		return err == ENOENT ? 0 : err;
	str_fit(text, sizeof(text), db_text(st, 0));
	db_done(st);
	if (sscanf(text, "%16s %16llx %16llx", id, &a, &b) != 3)
		id[0] = '\0';
	*old_id = a;
	*new_id = b;
	return 0;
}

static int always(void *arg)
{
	return 0;
}

static int add_staged(struct store *s, struct db *db, struct db *stage, const char *restored)
{
	struct rows from = store_rows(s, stage), to = store_rows(s, db);
	char note[BACKUP_NOTE] = "";
	int err = stage_note(stage, note, sizeof(note));

	if (err == ENOENT || (!err && strncmp(note, restored, 16) != 0))
		return 0; /* it was not switched */
	if (!err)
		err = backup_put_records(&to, &from, always, NULL);
	buf_free(&from.hold);
	buf_free(&to.hold);
	return err;
}

/* A half-made one may have no table of notes: EIO. */
static int tidy_stage(struct store *s, struct db *db, const char *restored)
{
	struct db *stage = NULL;
	struct stage g;
	int err = stage_find(&g, s, db);

	if (!err)
		err = stage_open(&g, db, &stage);
	if (err)
		return err == ENOENT ? 0 : err;
	err = add_staged(s, db, stage, restored);
	db_close(stage);
	if (err == EAGAIN || err == ENOSPC || err == EBUSY)
		return err;
	stage_drop(&g, db);
	return 0;
}

int backup_tidy(struct store *s, struct db *db)
{
	struct moving m = {.to = s->data_dir};
	char dir[600], aside[700], restored[17] = "";
	struct dirent *d;
	DIR *all;
	int err = read_note(db, restored, &m.old_id, &m.new_id);

	if (!err)
		err = tidy_stage(s, db, restored);
	if (err)
		return err;
	(void)snprintf(dir, sizeof(dir), "%s/backups", s->data_dir);
	all = opendir(dir);
	while (all && (d = readdir(all)))
		tidy_one(dir, d->d_name, restored);
	if (all)
		closedir(all);
	shelf_clear_uploads(dir);
	(void)snprintf(aside, sizeof(aside), "%s/%s.files", dir, restored);
	m.from = aside;
	return restored[0] ? move_files(&m) : 0;
}
