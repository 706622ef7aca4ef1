/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  The core must not wait for the disk, yet a store into a mapped file can: the first one after a page was
 * written out asks the file system to make it writable again.  So the sync thread asks ahead of the core
 * (MADV_POPULATE_WRITE) and writes out exactly the range of the new records, which leaves the pages ahead alone.
 * Pages whose records are in the database are given back, so the ring's size is address space and not memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/crc32c.h"
#include "store/journal_file.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
	PAGE = 4096,
	NAMES_AT = PAGE,
	RING_AT = NAMES_AT + PACK_NAMES_BYTES,
	VERSION = 1,
	FILLER = 0xff,
	AHEAD = 256 * 1024
};
_Static_assert(RING_AT % PAGE == 0, "the ring starts on a page");

static const char magic[8] = {'O', 'H', 'J', 'O', 'U', 'R', 'N', '1'};

struct checkpoint {
	uint64_t pos, seq;
	uint32_t crc, pad;
};

struct head {
	char magic[8];
	uint32_t version, pad;
	uint64_t ring_bytes, node, boot;
	uint32_t crc, pad2; /* of what stands above */
	struct checkpoint checkpoint[2];
	_Atomic int64_t alive_at_us;
};
_Static_assert(sizeof(struct head) <= NAMES_AT, "the head fits");

struct frame {
	uint32_t crc; /* of all that follows */
	uint32_t n;
	uint64_t seq, boot;
	uint32_t kind, pad;
};

static struct head *head_of(const struct journal_file *f)
{
	return (struct head *)(void *)f->map;
}

static uint32_t head_crc(const struct head *h)
{
	return crc32c(0, h, offsetof(struct head, crc));
}

static uint32_t checkpoint_crc(const struct checkpoint *c, uint64_t boot)
{
	return crc32c((uint32_t)boot, c, offsetof(struct checkpoint, crc));
}

static int map_file(struct journal_file *f, int advice)
{
	void *p = mmap(NULL, f->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);

	if (p == MAP_FAILED)
		return errno;
	f->map = p;
	(void)madvise(p, f->map_bytes, advice);
	return 0;
}

static void page_range(uint64_t *from, uint64_t *to, bool inwards)
{
	uint64_t up = PAGE - 1;

	*from = (*from + (inwards ? up : 0)) & ~up;
	*to = (*to + (inwards ? 0 : up)) & ~up;
}

static int advise(struct journal_file *f, uint64_t from, uint64_t to, int advice, bool inwards)
{
	page_range(&from, &to, inwards);
	if (from >= to)
		return 0;
	return madvise(f->map + RING_AT + from, to - from, advice) ? errno : 0;
}

static int write_out(struct journal_file *f, uint64_t from, uint64_t to)
{
	page_range(&from, &to, false);
	return msync(f->map + RING_AT + from, to - from, MS_SYNC) ? errno : 0;
}

/* Calls fn for the one or two stretches of the ring that pos `from` … `to` cover. */
static int each_stretch(struct journal_file *f, uint64_t from, uint64_t to,
			int (*fn)(struct journal_file *, uint64_t, uint64_t))
{
	while (from < to) {
		uint64_t at = from % f->ring_bytes;
		uint64_t n = to - from;
		int err;

		if (n > f->ring_bytes - at)
			n = f->ring_bytes - at;
		err = fn(f, at, at + n);
		if (err)
			return err;
		from += n;
	}
	return 0;
}

static int make_ready(struct journal_file *f, uint64_t from, uint64_t to)
{
	/* A help, not a need: kernels before 5.14 do not know it, and the core then pays for the pages itself. */
	(void)advise(f, from, to, MADV_POPULATE_WRITE, false);
	return 0;
}

static int give_back(struct journal_file *f, uint64_t from, uint64_t to)
{
	return advise(f, from, to, MADV_DONTNEED, true);
}

static void fill_head(struct journal_file *f)
{
	struct head *h = head_of(f);

	memset(h, 0, PAGE);
	memcpy(h->magic, magic, sizeof(magic));
	h->version = VERSION;
	h->ring_bytes = f->ring_bytes;
	h->node = f->node;
	h->boot = f->boot;
	h->crc = head_crc(h);
	h->checkpoint[0] = (struct checkpoint){.seq = 1};
	h->checkpoint[0].crc = checkpoint_crc(&h->checkpoint[0], f->boot);
}

static int sync_folder_of(const char *path)
{
	char *folder = str_dup(str_of(path));
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int fd, err = 0;

	if (!folder)
		return ENOMEM;
	if (slash)
		slash[slash == folder] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		err = errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	return err;
}

/*
 * The last boot's file is used again: its blocks have been written before, so that writing them again changes nothing but
 * data, and its records carry another boot's number.  Else every block is reserved now: a store into a page that the disk
 * has no room for would be a signal.
 */
static int take_blocks(struct journal_file *f, const char *path, const char *aside)
{
	if (rename(path, aside) && errno != ENOENT)
		return errno;
	f->fd = open(aside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->fd < 0)
		return errno;
	if (lseek(f->fd, 0, SEEK_END) == (off_t)f->map_bytes)
		return 0;
	if (ftruncate(f->fd, 0))
		return errno;
	return posix_fallocate(f->fd, 0, (off_t)f->map_bytes);
}

int journal_file_create(struct journal_file *f, const char *path, size_t ring_bytes, uint64_t node,
			uint64_t boot)
{
	char *aside = NULL;
	int err;

	memset(f, 0, sizeof(*f));
	if (ring_bytes < JOURNAL_MIN_BYTES)
		ring_bytes = JOURNAL_MIN_BYTES;
	f->ring_bytes = (ring_bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
	f->map_bytes = RING_AT + f->ring_bytes;
	f->node = node;
	f->boot = boot;
	f->head.seq = 1;
	f->fd = -1;
	if (asprintf(&aside, "%s.new", path) < 0)
		return ENOMEM;
	err = take_blocks(f, path, aside);
	/* Reading ahead of a page that is about to be written would only fill others with zeroes. */
	if (!err)
		err = map_file(f, MADV_RANDOM);
	if (!err)
		err = pack_names_write((char *)f->map + NAMES_AT);
	if (!err) {
		fill_head(f);
		err = msync(f->map, RING_AT, MS_SYNC) || fsync(f->fd) ? errno : 0;
	}
	if (!err)
		err = make_ready(f, 0, AHEAD);
	if (!err && rename(aside, path))
		err = errno;
	if (!err)
		err = sync_folder_of(path);
	if (err)
		journal_file_close(f);
	free(aside);
	return err;
}

static int latest_checkpoint(const struct journal_file *f, struct journal_place *from)
{
	int err = EBADMSG;

	for (size_t i = 0; i < 2; i++) {
		const struct checkpoint *c = &head_of(f)->checkpoint[i];

		if (c->crc != checkpoint_crc(c, f->boot) || (!err && c->pos <= from->pos))
			continue;
		*from = (struct journal_place){c->pos, c->seq};
		err = 0;
	}
	return err;
}

int journal_file_open(struct journal_file *f, const char *path, struct journal_place *from)
{
	const struct head *h;
	off_t size;
	int err;

	memset(f, 0, sizeof(*f));
	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0)
		return errno;
	size = lseek(f->fd, 0, SEEK_END);
	err = size < RING_AT ? EBADMSG : 0;
	if (!err) {
		f->map_bytes = (size_t)size;
		err = map_file(f, MADV_SEQUENTIAL);
	}
	if (!err) {
		h = head_of(f);
		f->ring_bytes = h->ring_bytes;
		f->node = h->node;
		f->boot = h->boot;
		if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->version != VERSION ||
		    h->crc != head_crc(h) || h->ring_bytes != f->map_bytes - RING_AT)
			err = EBADMSG;
	}
	if (!err)
		err = latest_checkpoint(f, from);
	if (err)
		journal_file_close(f);
	return err;
}

void journal_file_close(struct journal_file *f)
{
	if (f->map)
		munmap(f->map, f->map_bytes);
	if (f->fd >= 0)
		close(f->fd);
	f->map = NULL;
	f->fd = -1;
}

const char *journal_file_names(const struct journal_file *f)
{
	return (const char *)f->map + NAMES_AT;
}

static uint8_t *at_pos(const struct journal_file *f, uint64_t pos)
{
	return f->map + RING_AT + pos % f->ring_bytes;
}

static uint64_t rounded(size_t n)
{
	return (sizeof(struct frame) + n + 7) & ~(uint64_t)7;
}

static void seal(const struct journal_file *f, uint64_t pos, uint64_t seq, uint32_t kind, size_t n)
{
	uint8_t *at = at_pos(f, pos);
	struct frame h = {.n = (uint32_t)n, .seq = seq, .boot = f->boot, .kind = kind};

	/* The checksum first goes wrong and last comes right, should we die in between. */
	memcpy(at, &h, sizeof(h));
	h.crc = crc32c(0, at + sizeof(h.crc), sizeof(h) - sizeof(h.crc) + n);
	memcpy(at, &h.crc, sizeof(h.crc));
}

/* Space for `bound` bytes in one piece, after a filler when the round ends before. */
static int find_space(const struct journal_file *f, size_t bound, uint64_t *pos, uint64_t *filler)
{
	uint64_t freed = atomic_load_explicit(&f->freed, memory_order_acquire);
	uint64_t left = f->ring_bytes - f->head.pos % f->ring_bytes;
	uint64_t need = rounded(bound);

	*filler = need > left ? left : 0;
	*pos = f->head.pos + *filler;
	return *pos + need - freed > f->ring_bytes ? ENOSPC : 0;
}

int journal_file_write(struct journal_file *f, enum record_kind kind, const void *rec, size_t n)
{
	const struct record_table *t = kind < RECORD_NTABLES ? &record_tables[kind] : NULL;
	uint64_t pos, filler;
	uint8_t *body;
	int err;

	BUG(t && n != t->size);
	if (n > JOURNAL_MAX_RECORD)
		return EMSGSIZE;
	err = find_space(f, t ? pack_bound(t) : n, &pos, &filler);
	if (err)
		return err;
	if (filler >= sizeof(struct frame))
		seal(f, f->head.pos, f->head.seq++, FILLER, (size_t)filler - sizeof(struct frame));
	body = at_pos(f, pos) + sizeof(struct frame);
	n = t ? pack_record(t, rec, body) : pack_kept(rec, n, body);
	seal(f, pos, f->head.seq++, kind, n);
	f->head.pos = pos + rounded(n);
	atomic_store_explicit(&f->published, f->head.pos, memory_order_release);
	return 0;
}

void journal_file_alive(struct journal_file *f, int64_t wall_us)
{
	atomic_store_explicit(&head_of(f)->alive_at_us, wall_us, memory_order_relaxed);
}

int64_t journal_file_alive_at(const struct journal_file *f)
{
	return atomic_load_explicit(&head_of(f)->alive_at_us, memory_order_relaxed);
}

int journal_file_next(const struct journal_file *f, struct journal_place *at, uint64_t end,
		      struct journal_record *rec)
{
	for (;;) {
		uint64_t left = f->ring_bytes - at->pos % f->ring_bytes;
		const uint8_t *p = at_pos(f, at->pos);
		struct frame h;

		if (at->pos >= end)
			return ENOENT;
		if (left < sizeof(h)) { /* too small even for a filler */
			at->pos += left;
			continue;
		}
		memcpy(&h, p, sizeof(h));
		if (h.seq != at->seq || h.boot != f->boot || h.n > left - sizeof(h) ||
		    h.crc != crc32c(0, p + sizeof(h.crc), sizeof(h) - sizeof(h.crc) + h.n))
			return ENOENT;
		at->pos += rounded(h.n);
		at->seq++;
		if (h.kind == FILLER)
			continue;
		*rec = (struct journal_record){h.kind, h.seq, p + sizeof(h), h.n};
		return 0;
	}
}

int journal_file_checkpoint(struct journal_file *f, const struct journal_place *at)
{
	uint64_t freed = atomic_load_explicit(&f->freed, memory_order_relaxed);
	struct checkpoint c = {.pos = at->pos, .seq = at->seq};
	int err = 0;

	c.crc = checkpoint_crc(&c, f->boot);
	head_of(f)->checkpoint[++f->checkpoints % 2] = c;
	if (msync(f->map, PAGE, MS_SYNC))
		err = errno;
	if (!err)
		err = each_stretch(f, freed, at->pos, give_back);
	if (!err)
		atomic_store_explicit(&f->freed, at->pos, memory_order_release);
	return err;
}

int journal_file_sync(struct journal_file *f, bool with_head)
{
	uint64_t to = atomic_load_explicit(&f->published, memory_order_acquire);
	int err = 0;

	if (with_head && msync(f->map, PAGE, MS_SYNC))
		return errno;
	if (to == f->synced)
		return 0;
	err = each_stretch(f, f->synced, to, write_out);
	if (err)
		return err;
	f->synced = to;
	return each_stretch(f, to, to + AHEAD, make_ready);
}
