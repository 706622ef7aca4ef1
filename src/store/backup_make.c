/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making a backup: every table as one instant saw it, then the files.  Written aside and renamed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "store/backup_impl.h"

enum { DEPTH = 8 };

struct making {
	struct backups *b;
	const struct backup_label *label;
	struct archive_out *out;
	size_t done, all; /* tables */
};

static int on_page(void *arg)
{
	const struct making *m = arg;

	backup_progress(m->b, (unsigned)(m->done * 90 / (m->all + 1)));
	return db_worker_stopping(&m->b->jobs) ? ECANCELED : 0;
}

static int write_tables(struct making *m, struct rows *r)
{
	struct dump_tables *d = calloc(1, sizeof(*d));
	int err = d ? db_begin(r->db, false) : ENOMEM;

	if (err) {
		free(d);
		return err;
	}
	dump_tables_fill(d, r->schema);
	m->all = d->n;
	for (size_t i = 0; !err && i < d->n; i++) {
		const struct dump_table *t = &d->v[i];
		const bool is_wanted = m->label->parts & 1u << t->part;
		const bool is_own = t->t->res == &resource_tenant && !t->t->parent;

		m->done = i;
		if (is_wanted && (!m->label->tenant_id || t->is_of_tenant || is_own))
			err = dump_write(r, t, m->label->tenant_id, m->out, on_page, m);
	}
	db_rollback(r->db);
	free(d);
	return err;
}

/* ---- files ---- */

static int write_file(struct making *m, int fd, const char *name)
{
	char piece[1 << 16];
	ssize_t n;
	int err = archive_entry(m->out, ARCHIVE_FILE, str_of(name));

	while (!err && (n = read(fd, piece, sizeof(piece))) != 0)
		err = n < 0 ? errno : archive_add(m->out, piece, (size_t)n);
	return err;
}

static int write_folder(struct making *m, int fd, const char *name, unsigned depth);

static int write_one(struct making *m, int in, const char *name, unsigned depth)
{
	const char *last = strrchr(name, '/') + 1;
	int fd = openat(in, last, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int err = 0;

	if (fd < 0) /* a link, or gone meanwhile */
		return 0;
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		return write_folder(m, fd, name, depth + 1); /* closes it */
	if (S_ISREG(st.st_mode))
		err = write_file(m, fd, name);
	close(fd);
	return err;
}

static int write_folder(struct making *m, int fd, const char *name, unsigned depth)
{
	DIR *dir = depth < DEPTH ? fdopendir(fd) : NULL;
	struct dirent *d;
	int err = 0;

	if (!dir) {
		close(fd);
		return depth < DEPTH ? errno : 0;
	}
	while (!err && (d = readdir(dir))) {
		char path[ARCHIVE_NAME_BYTES + 2];

		if (snprintf(path, sizeof(path), "%s/%s", name, d->d_name) >= (int)sizeof(path) ||
		    !archive_is_name(str_of(path))) {
			if (d->d_name[0] != '.')
				log_warn(NULL, LOGID_BACKUP, "%s: a name that no backup holds",
					 name);
			continue;
		}
		err = write_one(m, dirfd(dir), path, depth);
	}
	closedir(dir);
	return err;
}

/* Of a tenant: the folder by its number, below each. */
static int write_files(struct making *m)
{
	int err = 0;

	for (unsigned i = 0; !err && i < BACKUP_NPARTS; i++) {
		char path[700], name[64];
		int fd;

		if (!(m->label->parts & 1u << i) || !backup_part_is_folder((enum backup_part)i))
			continue;
		if (m->label->tenant_id)
			(void)snprintf(name, sizeof(name), "%s/%llu", backup_part_names[i],
				       (unsigned long long)m->label->tenant_id);
		else
			(void)snprintf(name, sizeof(name), "%s", backup_part_names[i]);
		(void)snprintf(path, sizeof(path), "%s/%s", m->b->store->data_dir, name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0)
			err = write_folder(m, fd, name, 0);
	}
	return err;
}

/* ---- the whole of it ---- */

static int write_all(struct making *m)
{
	struct db *db = NULL;
	struct rows r;
	int err = store_connect(m->b->store, LINK_READER, &db);

	if (err)
		return err;
	r = store_rows(m->b->store, db);
	err = write_tables(m, &r);
	buf_free(&r.hold);
	db_close(db);
	if (!err)
		err = write_files(m);
	return err ? err : archive_finish(m->out);
}

int backup_make(struct backups *b, uint64_t id, const struct backup_label *label,
		const struct archive_lock *lock)
{
	struct making m = {.b = b, .label = label};
	char *aside = backup_path(b, id, "part"), *path = backup_path(b, id, "backup");
	struct buf text = {0};
	int err = aside && path ? backup_label_text(label, &text) : ENOMEM;

	if (!err)
		err = archive_create(&m.out, aside, buf_view(&text), lock);
	if (!err)
		err = write_all(&m);
	archive_out_free(m.out);
	if (!err && rename(aside, path))
		err = errno;
	if (err && aside)
		(void)unlink(aside);
	buf_free(&text);
	free(aside);
	free(path);
	return err;
}
