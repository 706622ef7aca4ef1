/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner half of reading an archive: decompress, find entries and pieces.  Knows nothing of keys and files, so that it is
 * fuzzed by itself.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include "store/archive.h"

enum { IN_BYTES = 1 << 16, MAX_WINDOW_LOG = 23 /* 8 MiB: what level 3 needs is less */ };

struct entries_in {
	archive_source_h *source;
	void *arg;
	ZSTD_DCtx *zstd;
	ZSTD_inBuffer in;
	bool is_frame_over;
	bool is_in_entry;
	bool is_over;
	uint32_t left; /* of the piece */
	uint8_t block[IN_BYTES];
};

int entries_open(struct entries_in **ep, archive_source_h *source, void *arg)
{
	struct entries_in *e = calloc(1, sizeof(*e));

	if (!e)
		return ENOMEM;
	e->source = source;
	e->arg = arg;
	e->in.src = e->block;
	e->zstd = ZSTD_createDCtx();
	if (!e->zstd ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(e->zstd, ZSTD_d_windowLogMax, MAX_WINDOW_LOG))) {
		entries_free(e);
		return ENOMEM;
	}
	*ep = e;
	return 0;
}

struct entries_in *entries_free(struct entries_in *e)
{
	if (!e)
		return NULL;
	ZSTD_freeDCtx(e->zstd);
	free(e);
	return NULL;
}

static int fill(struct entries_in *e)
{
	size_t n = 0;
	int err;

	if (e->in.pos < e->in.size)
		return 0;
	err = e->source(e->arg, e->block, sizeof(e->block), &n);
	e->in.pos = 0;
	e->in.size = n;
	return err ? err : n ? 0 : EBADMSG;
}

/* Exactly n bytes. */
static int take(struct entries_in *e, void *p, size_t n)
{
	ZSTD_outBuffer out = {p, n, 0};

	while (out.pos < out.size) {
		size_t before = out.pos, hint;
		int err;

		if (e->is_frame_over)
			return EBADMSG;
		err = fill(e);
		if (err)
			return err;
		hint = ZSTD_decompressStream(e->zstd, &out, &e->in);
		if (ZSTD_isError(hint))
			return EBADMSG;
		e->is_frame_over = hint == 0;
		if (out.pos == before && e->in.pos < e->in.size && !e->is_frame_over)
			return EBADMSG; /* it would not get on */
	}
	return 0;
}

/* Behind the last entry: the frame ends, and nothing follows it. */
static int take_end(struct entries_in *e)
{
	uint8_t more;
	size_t n = 0;

	while (!e->is_frame_over) {
		ZSTD_outBuffer out = {&more, 1, 0};
		size_t hint;
		int err = fill(e);

		if (err)
			return err;
		hint = ZSTD_decompressStream(e->zstd, &out, &e->in);
		if (ZSTD_isError(hint) || out.pos)
			return EBADMSG;
		e->is_frame_over = hint == 0;
	}
	if (e->in.pos < e->in.size)
		return EBADMSG;
	return e->source(e->arg, &more, 1, &n) || n ? EBADMSG : 0;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._-+@=, ", c));
}

bool archive_is_name(struct str name)
{
	bool is_start = true;

	if (!name.n || name.n > ARCHIVE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '/') {
			if (is_start)
				return false;
			is_start = true;
			continue;
		}
		/* A part that begins with a dot is "..", or hidden. */
		if (!is_plain(name.p[i]) || (is_start && name.p[i] == '.'))
			return false;
		is_start = false;
	}
	return !is_start;
}

static int take_length(struct entries_in *e)
{
	uint8_t b[4];
	int err = take(e, b, sizeof(b));

	if (err)
		return err;
	e->left =
		(uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	if (e->left > ARCHIVE_PIECE_BYTES)
		return EBADMSG;
	e->is_in_entry = e->left > 0;
	return 0;
}

static int pass_over(struct entries_in *e)
{
	uint8_t waste[4096];
	size_t n;
	int err = 0;

	while (!err && e->is_in_entry)
		err = entries_read(e, waste, sizeof(waste), &n);
	return err;
}

int entries_next(struct entries_in *e, enum archive_kind *kind, char name[ARCHIVE_NAME_BYTES + 1])
{
	uint8_t head[2];
	int err;

	if (e->is_over)
		return ENOENT;
	err = pass_over(e);
	if (!err)
		err = take(e, head, sizeof(head));
	if (err)
		return err;
	if (head[0] == ARCHIVE_END && !head[1]) {
		err = take_end(e);
		e->is_over = !err;
		return err ? err : ENOENT;
	}
	if ((head[0] != ARCHIVE_TABLE && head[0] != ARCHIVE_FILE) || head[1] > ARCHIVE_NAME_BYTES)
		return EBADMSG;
	err = take(e, name, head[1]);
	if (err)
		return err;
	name[head[1]] = '\0';
	if (!archive_is_name((struct str){name, head[1]}))
		return EBADMSG;
	*kind = (enum archive_kind)head[0];
	return take_length(e);
}

int entries_read(struct entries_in *e, void *p, size_t bytes, size_t *np)
{
	size_t n = bytes < e->left ? bytes : e->left;
	int err;

	*np = 0;
	if (!e->is_in_entry || !bytes)
		return 0;
	err = take(e, p, n);
	if (err)
		return err;
	e->left -= (uint32_t)n;
	if (!e->left)
		err = take_length(e);
	*np = n;
	return err;
}
