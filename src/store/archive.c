/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "store/archive.h"

enum {
	SALT = crypto_pwhash_SALTBYTES,
	HEADER = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
	MORE = crypto_secretstream_xchacha20poly1305_ABYTES,
	BLOCK = 1 << 16,
	LEVEL = 3,
	MEMORY = 64 << 20,
	ROUNDS = 3,
};
_Static_assert((int)ARCHIVE_KEY_BYTES == (int)crypto_secretstream_xchacha20poly1305_KEYBYTES,
	       "the key fits");

static const struct str magic = {"offhook backup 1\n", 17};
static const struct str any_magic = {"offhook backup ", 15};

static void put32(uint8_t b[4], size_t v)
{
	for (unsigned i = 0; i < 4; i++)
		b[i] = (uint8_t)(v >> 8 * i);
}

static size_t get32(const uint8_t b[4])
{
	return (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

/* No two archives are sealed with the same key. */
static int derive(uint8_t key[ARCHIVE_KEY_BYTES], const struct archive_lock *lock,
		  const uint8_t salt[SALT])
{
	if (lock->key)
		return crypto_generichash(key, ARCHIVE_KEY_BYTES, salt, SALT, lock->key,
					  ARCHIVE_KEY_BYTES)
			       ? EIO
			       : 0;
	if (!lock->passphrase.n || lock->passphrase.n > ARCHIVE_PASSPHRASE_BYTES)
		return EINVAL;
	return crypto_pwhash(key, ARCHIVE_KEY_BYTES, lock->passphrase.p, lock->passphrase.n, salt,
			     ROUNDS, MEMORY, crypto_pwhash_ALG_ARGON2ID13)
		       ? ENOMEM
		       : 0;
}

/* ---- writing ---- */

struct archive_out {
	FILE *file;
	char *path; /* while it is not finished */
	struct buf label;
	crypto_secretstream_xchacha20poly1305_state stream;
	ZSTD_CCtx *zstd;
	bool is_labelled; /* the label is sealed along with the first block */
	bool is_in_entry;
	uint64_t written;
	size_t n;
	uint8_t clear[BLOCK];
	uint8_t sealed[BLOCK + MORE];
};

static int write_all(struct archive_out *a, const void *p, size_t n)
{
	a->written += n;
	return fwrite(p, 1, n, a->file) == n ? 0 : errno ? errno : EIO;
}

static int write_block(struct archive_out *a, bool is_last)
{
	const struct str with = a->is_labelled ? STR_NONE : buf_view(&a->label);
	unsigned long long n = 0;
	uint8_t length[4];
	int err;

	if (crypto_secretstream_xchacha20poly1305_push(
		    &a->stream, a->sealed, &n, a->clear, a->n, (const uint8_t *)with.p, with.n,
		    is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0))
		return EIO;
	a->is_labelled = true;
	a->n = 0;
	put32(length, (size_t)n);
	err = write_all(a, length, sizeof(length));
	return err ? err : write_all(a, a->sealed, (size_t)n);
}

static int compress(struct archive_out *a, const void *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {a->clear, sizeof(a->clear), a->n};

		left = ZSTD_compressStream2(a->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return ENOMEM;
		a->n = out.pos;
		if (a->n == sizeof(a->clear)) {
			int err = write_block(a, false);

			if (err)
				return err;
		}
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int begin(struct archive_out *a, struct str label, const struct archive_lock *lock)
{
	uint8_t key[ARCHIVE_KEY_BYTES], salt[SALT], header[HEADER], length[4];
	int err;

	randombytes_buf(salt, sizeof(salt));
	err = derive(key, lock, salt);
	if (!err && crypto_secretstream_xchacha20poly1305_init_push(&a->stream, header, key))
		err = EIO;
	sodium_memzero(key, sizeof(key));
	if (err)
		return err;
	put32(length, label.n);
	buf_str(&a->label, magic);
	buf_add(&a->label, length, sizeof(length));
	buf_str(&a->label, label);
	buf_add(&a->label, salt, sizeof(salt));
	buf_add(&a->label, header, sizeof(header));
	return a->label.err ? a->label.err : write_all(a, a->label.p, a->label.n);
}

int archive_create(struct archive_out **ap, const char *path, struct str label,
		   const struct archive_lock *lock)
{
	struct archive_out *a = calloc(1, sizeof(*a));
	int err = 0, fd;

	if (!a)
		return ENOMEM;
	if (label.n > ARCHIVE_LABEL_BYTES || sodium_init() < 0)
		err = EINVAL;
	fd = err ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!err && fd < 0)
		err = errno;
	if (!err)
		a->path = str_dup(str_of(path));
	if (fd >= 0) {
		a->file = fdopen(fd, "wb");
		if (!a->file)
			close(fd);
	}
	a->zstd = ZSTD_createCCtx();
	if (!err && (!a->path || !a->file || !a->zstd ||
		     ZSTD_isError(ZSTD_CCtx_setParameter(a->zstd, ZSTD_c_compressionLevel, LEVEL))))
		err = ENOMEM;
	if (!err)
		err = begin(a, label, lock);
	if (err)
		archive_out_free(a);
	else
		*ap = a;
	return err;
}

static int end_entry(struct archive_out *a)
{
	static const uint8_t nothing[4];

	if (!a->is_in_entry)
		return 0;
	a->is_in_entry = false;
	return compress(a, nothing, sizeof(nothing), ZSTD_e_continue);
}

int archive_entry(struct archive_out *a, enum archive_kind kind, struct str name)
{
	const uint8_t head[2] = {(uint8_t)kind, (uint8_t)name.n};
	int err;

	if (!archive_is_name(name))
		return EINVAL;
	err = end_entry(a);
	if (!err)
		err = compress(a, head, sizeof(head), ZSTD_e_continue);
	if (!err)
		err = compress(a, name.p, name.n, ZSTD_e_continue);
	a->is_in_entry = true;
	return err;
}

int archive_add(struct archive_out *a, const void *p, size_t n)
{
	const uint8_t *at = p;
	int err = 0;

	while (!err && n) {
		size_t piece = n < ARCHIVE_PIECE_BYTES ? n : ARCHIVE_PIECE_BYTES;
		uint8_t length[4];

		put32(length, piece);
		err = compress(a, length, sizeof(length), ZSTD_e_continue);
		if (!err)
			err = compress(a, at, piece, ZSTD_e_continue);
		at += piece;
		n -= piece;
	}
	return err;
}

int archive_finish(struct archive_out *a)
{
	static const uint8_t end[2] = {ARCHIVE_END, 0};
	int err = end_entry(a);

	if (!err)
		err = compress(a, end, sizeof(end), ZSTD_e_end);
	if (!err)
		err = write_block(a, true);
	if (!err && (fflush(a->file) || fsync(fileno(a->file))))
		err = errno;
	if (!err) {
		free(a->path);
		a->path = NULL;
	}
	return err;
}

uint64_t archive_written(const struct archive_out *a)
{
	return a->written;
}

struct archive_out *archive_out_free(struct archive_out *a)
{
	if (!a)
		return NULL;
	if (a->file)
		fclose(a->file);
	if (a->path && a->file)
		unlink(a->path);
	ZSTD_freeCCtx(a->zstd);
	buf_free(&a->label);
	free(a->path);
	sodium_memzero(a, sizeof(*a));
	free(a);
	return NULL;
}

/* ---- reading ---- */

struct archive_in {
	FILE *file;
	struct buf label; /* all that stands before the blocks */
	crypto_secretstream_xchacha20poly1305_state stream;
	struct entries_in *entries;
	bool is_labelled, is_last;
	size_t at, n; /* of clear */
	uint8_t clear[BLOCK];
	uint8_t sealed[BLOCK + MORE];
};

static int read_all(FILE *file, void *p, size_t n)
{
	return fread(p, 1, n, file) == n ? 0 : ferror(file) ? EIO : EBADMSG;
}

static int read_label(FILE *file, struct buf *all, struct str *label)
{
	uint8_t head[17 + 4], text[ARCHIVE_LABEL_BYTES];
	size_t n;
	int err = read_all(file, head, sizeof(head));

	if (err)
		return err;
	if (memcmp(head, magic.p, magic.n) != 0)
		return memcmp(head, any_magic.p, any_magic.n) == 0 ? EPROTO : EBADMSG;
	n = get32(head + magic.n);
	if (n > sizeof(text))
		return EBADMSG;
	err = read_all(file, text, n);
	buf_add(all, head, sizeof(head));
	buf_add(all, text, n);
	*label = (struct str){all->p ? all->p + sizeof(head) : "", n};
	return err ? err : all->err;
}

int archive_label(FILE *file, struct buf *label)
{
	struct buf all = {0};
	struct str text;
	int err = read_label(file, &all, &text);

	if (!err)
		buf_str(label, text);
	buf_free(&all);
	return err ? err : label->err;
}

static int read_block(struct archive_in *a)
{
	const struct str with = a->is_labelled ? STR_NONE : buf_view(&a->label);
	unsigned long long n = 0;
	uint8_t length[4], tag = 0;
	size_t bytes;
	int err = read_all(a->file, length, sizeof(length));

	if (err)
		return err;
	bytes = get32(length);
	if (bytes < MORE || bytes > sizeof(a->sealed))
		return EBADMSG;
	err = read_all(a->file, a->sealed, bytes);
	if (err)
		return err;
	if (crypto_secretstream_xchacha20poly1305_pull(&a->stream, a->clear, &n, &tag, a->sealed,
						       bytes, (const uint8_t *)with.p, with.n))
		return EBADMSG;
	a->is_labelled = true;
	a->at = 0;
	a->n = (size_t)n;
	a->is_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	if (a->is_last && fgetc(a->file) != EOF)
		return EBADMSG;
	return 0;
}

static int give(void *arg, void *p, size_t bytes, size_t *np)
{
	struct archive_in *a = arg;

	*np = 0;
	while (a->at == a->n) {
		int err;

		if (a->is_last)
			return 0;
		err = read_block(a);
		if (err)
			return err;
	}
	*np = bytes < a->n - a->at ? bytes : a->n - a->at;
	memcpy(p, a->clear + a->at, *np);
	a->at += *np;
	return 0;
}

static int unlock(struct archive_in *a, const struct archive_lock *lock)
{
	uint8_t key[ARCHIVE_KEY_BYTES], salt[SALT], header[HEADER];
	struct str label;
	int err = read_label(a->file, &a->label, &label);

	if (!err)
		err = read_all(a->file, salt, sizeof(salt));
	if (!err)
		err = read_all(a->file, header, sizeof(header));
	if (!err)
		err = derive(key, lock, salt);
	if (err)
		return err;
	if (crypto_secretstream_xchacha20poly1305_init_pull(&a->stream, header, key))
		err = EBADMSG;
	sodium_memzero(key, sizeof(key));
	buf_add(&a->label, salt, sizeof(salt));
	buf_add(&a->label, header, sizeof(header));
	return err ? err : a->label.err;
}

int archive_open(struct archive_in **ap, FILE *file, const struct archive_lock *lock)
{
	struct archive_in *a = calloc(1, sizeof(*a));
	int err = sodium_init() < 0 ? EIO : 0;

	if (!a)
		return ENOMEM;
	a->file = file;
	if (!err)
		err = unlock(a, lock);
	if (!err)
		err = entries_open(&a->entries, give, a);
	if (err)
		archive_in_free(a);
	else
		*ap = a;
	return err;
}

int archive_next(struct archive_in *a, enum archive_kind *kind, char name[ARCHIVE_NAME_BYTES + 1])
{
	return entries_next(a->entries, kind, name);
}

int archive_read(struct archive_in *a, void *p, size_t bytes, size_t *np)
{
	return entries_read(a->entries, p, bytes, np);
}

struct archive_in *archive_in_free(struct archive_in *a)
{
	if (!a)
		return NULL;
	entries_free(a->entries);
	buf_free(&a->label);
	sodium_memzero(a, sizeof(*a));
	free(a);
	return NULL;
}
