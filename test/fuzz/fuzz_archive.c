/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Archives: whatever the bytes are, reading them ends, names lead nowhere else, pieces are within their limits.  The first byte
 * says what the rest is: a whole file, a compressed frame, or entries that are compressed here. */
#include <string.h>
#include <zstd.h>
#include "fuzz.h"
#include "store/archive_testing.h"

static void walk(struct archive_bytes b)
{
	char name[ARCHIVE_NAME_BYTES + 1];
	uint8_t piece[4096];
	struct entries_in *e;
	enum archive_kind kind;
	size_t total = 0, n;
	int err = entries_open(&e, archive_give_bytes, &b);

	MUST(!err);
	while (!err && !(err = entries_next(e, &kind, name))) {
		MUST(kind == ARCHIVE_TABLE || kind == ARCHIVE_FILE);
		MUST(archive_is_name(str_of(name)) && name[0] != '/' && name[0] != '.' &&
		     !strstr(name, "/."));
		do {
			err = entries_read(e, piece, sizeof(piece), &n);
			MUST(n <= sizeof(piece));
			total += n;
		} while (!err && n && total < 1 << 24);
		if (total >= 1 << 24)
			break;
	}
	MUST(!err || err == ENOENT || err == EBADMSG);
	entries_free(e);
}

static void whole(const uint8_t *p, size_t n)
{
	static const uint8_t key[ARCHIVE_KEY_BYTES] = {7};
	const struct archive_lock lock = {.key = key};
	FILE *f = fmemopen((void *)(uintptr_t)p, n, "rb");
	struct archive_in *a = NULL;
	struct buf label = {0};
	int err;

	MUST(f);
	err = archive_label(f, &label);
	MUST(!err || err == EBADMSG || err == EPROTO);
	MUST(label.n <= ARCHIVE_LABEL_BYTES);
	rewind(f);
	err = archive_open(&a, f, &lock);
	MUST(!err || err == EBADMSG || err == EPROTO);
	archive_in_free(a);
	buf_free(&label);
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char packed[1 << 17];
	size_t got;

	if (n < 2 || n > 1 << 16)
		return 0;
	switch (p[0] % 3) {
	case 0:
		whole(p + 1, n - 1);
		break;
	case 1:
		walk((struct archive_bytes){(const char *)p + 1, n - 1});
		break;
	case 2:
		got = ZSTD_compress(packed, sizeof(packed), p + 1, n - 1, 1);
		MUST(!ZSTD_isError(got));
		walk((struct archive_bytes){packed, got});
	}
	return 0;
}
