/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/event_file.h"
#include "base/crc32c.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	HEAD = 4096,
	BLOCK = 65536,
	NBLOCKS = 64,
	BYTES = HEAD + NBLOCKS * BLOCK,
};

static const char magic[16] = "offhook events";

struct head {
	char magic[16];
	uint64_t what;
};

struct entry {
	uint32_t crc; /* of all that follows */
	uint32_t n;
	uint64_t seq;
};

struct event_file {
	uint8_t *map;
	size_t block, at; /* where the next entry goes */
};

static uint8_t *block_of(const struct event_file *f, size_t block)
{
	return f->map + HEAD + block * BLOCK;
}

static size_t size_of(size_t n)
{
	return (sizeof(struct entry) + n + 7) & ~(size_t)7;
}

static uint32_t crc_of(const struct entry *e)
{
	return crc32c(0, &e->n, sizeof(*e) - sizeof(e->crc) + e->n);
}

/* The entry at *at, when its number goes on from `after`; then *at is behind it. */
static const struct entry *next(const struct event_file *f, size_t block, size_t *at,
				uint64_t after)
{
	const struct entry *e = (const struct entry *)(block_of(f, block) + *at);

	if (*at + sizeof(*e) > BLOCK || e->n > EVENT_FILE_MOST || *at + size_of(e->n) > BLOCK ||
	    e->seq <= after || e->crc != crc_of(e))
		return NULL;
	*at += size_of(e->n);
	return e;
}

/* Behind the last of all. */
static void find_end(struct event_file *f)
{
	uint64_t last = 0;

	for (size_t i = 0; i < NBLOCKS; i++) {
		const struct entry *e;
		uint64_t seq = 0;
		size_t at = 0;

		while ((e = next(f, i, &at, seq)))
			seq = e->seq;
		if (seq > last) {
			last = seq;
			f->block = i;
			f->at = at;
		}
	}
}

static int prepare(struct event_file *f, uint64_t what)
{
	struct head *h = (struct head *)f->map;

	if (memcmp(h->magic, magic, sizeof(magic)) == 0 && h->what == what) {
		find_end(f);
		return 0;
	}
	memset(f->map, 0, BYTES);
	memcpy(h->magic, magic, sizeof(magic));
	h->what = what;
	return 0;
}

int event_file_open(struct event_file **fp, const char *path, uint64_t what)
{
	struct event_file *f = calloc(1, sizeof(*f));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = !f ? ENOMEM : fd < 0 ? errno : 0;
	void *map;

	/* Its space is taken now: a full disk must not end the process later. */
	if (!err)
		err = posix_fallocate(fd, 0, BYTES);
	if (!err && ftruncate(fd, BYTES))
		err = errno;
	if (!err) {
		map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			err = errno;
		else
			f->map = map;
	}
	if (fd >= 0)
		close(fd);
	if (!err)
		err = prepare(f, what);
	if (err)
		event_file_close(f);
	else
		*fp = f;
	return err;
}

struct event_file *event_file_close(struct event_file *f)
{
	if (f && f->map)
		munmap(f->map, BYTES);
	free(f);
	return NULL;
}

void event_file_put(struct event_file *f, uint64_t seq, const void *p, size_t n)
{
	struct entry *e;

	if (n > EVENT_FILE_MOST)
		return;
	if (f->at + size_of(n) > BLOCK) {
		f->block = (f->block + 1) % NBLOCKS;
		f->at = 0;
	}
	e = (struct entry *)(block_of(f, f->block) + f->at);
	e->n = (uint32_t)n;
	e->seq = seq;
	memcpy(e + 1, p, n);
	e->crc = crc_of(e);
	f->at += size_of(n);
}

/* The blocks are in order from the one behind the last written. */
void event_file_each(const struct event_file *f, event_file_h *fn, void *arg)
{
	uint64_t last = 0;

	for (size_t i = 1; i <= NBLOCKS; i++) {
		const size_t block = (f->block + i) % NBLOCKS;
		const struct entry *e;
		size_t at = 0;

		while ((e = next(f, block, &at, last))) {
			last = e->seq;
			fn(e->seq, e + 1, e->n, arg);
		}
	}
}
