/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An archive: named entries in one file, compressed, encrypted and authenticated.  What a backup is written to and read from.
 *
 *	"offhook backup 1\n" · length of the label, 4 bytes · label: JSON, in clear · salt, 16 bytes · header of the stream, 24 bytes
 *	then sealed blocks: length, 4 bytes · that many bytes.  The last one is marked as such; the label is sealed with the first.
 *
 * Opened, the blocks are one zstd frame of entries:
 *
 *	kind, 1 byte · length of the name, 1 byte · name · pieces: length, 4 bytes · bytes; a piece of length 0 ends the entry
 *
 * and an entry of kind END behind the last.  Numbers are little endian.  There are no links, modes or owners to say.
 * Not one byte is looked at by anything but the cipher before it is known to come from who holds the key: a file that is cut,
 * damaged, put together anew or sealed by another key is EBADMSG.  What the holder of a key may have made up is bounded all
 * the same: names, pieces, the memory that decompressing takes.  docs/adr/0025-backups.md.
 *
 * Thread     one owner
 * Ownership  archive_out_free() of what was not finished removes the file
 * Errors     EBADMSG: no archive, not of this key, damaged · EPROTO: of a later version · ENOSPC, EIO … of the disk · ENOMEM
 */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

#include <stdio.h>
#include "base/buf.h"

enum {
	ARCHIVE_LABEL_BYTES = 8192,
	ARCHIVE_NAME_BYTES = 200,
	ARCHIVE_PIECE_BYTES = 1 << 20,
	ARCHIVE_KEY_BYTES = 32,
	ARCHIVE_PASSPHRASE_BYTES = 512, /* at most */
};
enum archive_kind { ARCHIVE_END, ARCHIVE_TABLE, ARCHIVE_FILE };

/* Who may open it: the holder of a key of 32 bytes, or of a pass phrase (argon2id, 64 MiB). */
struct archive_lock {
	const uint8_t *key; /* or NULL: */
	struct str passphrase;
};

struct archive_out;
int archive_create(struct archive_out **ap, const char *path, struct str label,
		   const struct archive_lock *lock) MUST_USE; /* EEXIST */
int archive_entry(struct archive_out *a, enum archive_kind kind,
		  struct str name) MUST_USE; /* ends the one before */
int archive_add(struct archive_out *a, const void *p, size_t n) MUST_USE;
int archive_finish(struct archive_out *a) MUST_USE; /* it is on the disk */
uint64_t archive_written(const struct archive_out *a);
struct archive_out *archive_out_free(struct archive_out *a);

struct archive_in;
/* Only the label, which nothing has vouched for yet. */
int archive_label(FILE *file, struct buf *label) MUST_USE;
int archive_open(struct archive_in **ap, FILE *file,
		 const struct archive_lock *lock) MUST_USE; /* borrows file */
/* To the next entry; what is left of this one is passed over.  ENOENT: that was all, and all of it was sound. */
int archive_next(struct archive_in *a, enum archive_kind *kind,
		 char name[ARCHIVE_NAME_BYTES + 1]) MUST_USE;
/* The next piece of the entry, at most `bytes`; *np 0 at its end. */
int archive_read(struct archive_in *a, void *p, size_t bytes, size_t *np) MUST_USE;
struct archive_in *archive_in_free(struct archive_in *a);

/* ---- archive_entries.c: what the blocks hold ---- */

/* n bytes, or what is there when it ends before: *np. */
typedef int archive_source_h(void *arg, void *p, size_t bytes, size_t *np);
struct entries_in;
int entries_open(struct entries_in **ep, archive_source_h *source, void *arg) MUST_USE;
int entries_next(struct entries_in *e, enum archive_kind *kind,
		 char name[ARCHIVE_NAME_BYTES + 1]) MUST_USE;
int entries_read(struct entries_in *e, void *p, size_t bytes, size_t *np) MUST_USE;
struct entries_in *entries_free(struct entries_in *e);
/* A relative path of plain parts: no "..", no empty or hidden part, no character that a file system or terminal may mind. */
bool archive_is_name(struct str name);

#endif
