/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log files (WEB-4): the one that is being written, and those that it was before it was turned over, in the same folder under the
 * same name and what was put behind it ("offhook.log", "offhook.log.1", "offhook.log-20261122.gz").  A file goes by its inode, which
 * it keeps when it is renamed: nobody names a path, and nothing but these files is ever opened.  A piece is read on the web thread:
 * at most half a megabyte of what was just written.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "api/ask.h"
#include "api/starts.h"
#include "base/clock.h"
#include "base/log.h"

enum { MOST_FILES = 200, PIECE = 1 << 19 };

struct log_files {
	int fd; /* of the folder; -1: there is none */
	DIR *dir;
	struct str name; /* that each begins with */
};

static bool open_folder(const char *path, struct log_files *l)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	char folder[1024] = ".";

	*l = (struct log_files){.fd = -1};
	if (!path || !*path)
		return false;
	l->name = str_of(slash ? slash + 1 : path);
	if (slash == path)
		(void)snprintf(folder, sizeof(folder), "/");
	else if (slash)
		str_fit(folder, sizeof(folder), (struct str){path, (size_t)(slash - path)});
	l->dir = l->name.n ? opendir(folder) : NULL;
	if (l->dir)
		l->fd = dirfd(l->dir);
	return l->dir;
}

static void close_folder(struct log_files *l)
{
	if (l->dir)
		closedir(l->dir);
}

static bool is_ours(const struct log_files *l, const char *name)
{
	struct str s = str_of(name);

	return str_starts(s, l->name) &&
	       (s.n == l->name.n || name[l->name.n] == '.' || name[l->name.n] == '-');
}

/* The next regular file; NULL: there is none. */
static const char *next_file(struct log_files *l, struct stat *st)
{
	struct dirent *d;

	while ((d = readdir(l->dir)))
		if (is_ours(l, d->d_name) && !fstatat(l->fd, d->d_name, st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st->st_mode))
			return d->d_name;
	return NULL;
}

static json_t *file_json(const char *name, const struct stat *st)
{
	char at[40];

	clock_rfc3339(at, sizeof(at), (int64_t)st->st_mtim.tv_sec * 1000000);
	return json_pack("{s:o,s:s,s:I,s:s}", "id",
			 json_sprintf("%llu", (unsigned long long)st->st_ino), "name", name,
			 "bytes", (json_int_t)st->st_size, "changed_at", at);
}

void log_files_start(struct ask *k)
{
	json_t *items = json_array(), *page;
	struct log_files l;
	const char *name;
	struct stat st;
	char *text;

	if (open_folder(k->a->log_file, &l))
		while (json_array_size(items) < MOST_FILES && (name = next_file(&l, &st)))
			json_array_append_new(items, file_json(name, &st));
	close_folder(&l);
	page = json_pack("{s:o}", "items", items);
	text = page ? json_dumps(page, JSON_COMPACT) : NULL;
	json_decref(page);
	if (text)
		ask_reply_json(k, 200, str_of(text));
	else
		ask_problem(k, PROBLEM_UNAVAILABLE, "No memory.");
	free(text);
}

/* The file is looked at once more as it was opened: what is at its name may have changed. */
static int open_file(const struct log_files *l, const char *name, uint64_t id)
{
	int fd = openat(l->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_ino == id)
		return fd;
	close(fd);
	return -1;
}

static int find_file(const char *path, uint64_t id)
{
	struct log_files l;
	const char *name;
	struct stat st;
	int fd = -1;

	if (open_folder(path, &l))
		while (fd < 0 && (name = next_file(&l, &st)))
			if (st.st_ino == id)
				fd = open_file(&l, name, id);
	close_folder(&l);
	return fd;
}

void log_file_content_start(struct ask *k)
{
	struct web_response r = {.status = 200, .content_type = "application/octet-stream"};
	uint64_t offset;
	ssize_t n;
	char *piece;
	int fd;

	if (ask_is_nothing(k) || !ask_read_offset(k, &offset))
		return;
	log_settle();
	fd = find_file(k->a->log_file, k->target);
	if (fd < 0)
		return ask_nothing(k);
	piece = malloc(PIECE);
	n = piece && offset <= INT64_MAX ? pread(fd, piece, PIECE, (off_t)offset) : -1;
	close(fd);
	r.body = (struct str){piece, n > 0 ? (size_t)n : 0};
	if (n < 0)
		ask_problem(k, PROBLEM_UNAVAILABLE, "The file cannot be read.");
	else
		ask_reply(k, &r);
	free(piece);
}
