/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/seal.h"

enum {
	KEY_BYTES = crypto_secretbox_KEYBYTES,
	NONCE = crypto_secretbox_NONCEBYTES,
	MAC = crypto_secretbox_MACBYTES
};
_Static_assert(sizeof(((struct seal *)0)->key) == KEY_BYTES, "the key fits");

static const struct str mark = {"s1.", 3};

static int read_file(struct seal *s, const char *path)
{
	char text[2 * KEY_BYTES + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	int err = n < 0 ? errno : 0;
	size_t bytes = 0;

	if (fd >= 0)
		close(fd);
	if (!err &&
	    (hex_decode(s->key, sizeof(s->key), str_trim((struct str){text, (size_t)n}), &bytes) ||
	     bytes != sizeof(s->key)))
		err = EINVAL;
	sodium_memzero(text, sizeof(text));
	return err;
}

/* Written aside and linked: a key is whole or not there. */
static int make_key(struct seal *s, const char *path)
{
	char text[2 * KEY_BYTES + 2];
	char *aside = NULL;
	int fd = -1, err = 0;

	if (asprintf(&aside, "%s.new-%u", path, randombytes_random()) < 0)
		return ENOMEM;
	randombytes_buf(s->key, sizeof(s->key));
	err = hex_encode(text, sizeof(text), s->key, sizeof(s->key));
	text[2 * KEY_BYTES] = '\n';
	if (!err)
		fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!err && fd < 0)
		err = errno;
	if (!err && (write(fd, text, 2 * KEY_BYTES + 1) != 2 * KEY_BYTES + 1 || fsync(fd)))
		err = errno ? errno : EIO;
	if (fd >= 0)
		close(fd);
	/* link: never over a key that another process has just made */
	if (!err && link(aside, path))
		err = errno;
	unlink(aside);
	sodium_memzero(text, sizeof(text));
	free(aside);
	return err;
}

int seal_open(struct seal *s, const char *data_dir)
{
	char *path = NULL;
	int err;

	if (sodium_init() < 0)
		return EIO;
	if (asprintf(&path, "%s/master.key", data_dir) < 0)
		return ENOMEM;
	do { /* again when somebody else made it meanwhile */
		err = read_file(s, path);
		if (err == ENOENT)
			err = make_key(s, path);
	} while (err == EEXIST);
	free(path);
	return err;
}

void seal_close(struct seal *s)
{
	sodium_memzero(s, sizeof(*s));
}

int seal_bytes(const struct seal *s, const void *p, size_t n, struct buf *out)
{
	uint8_t nonce[NONCE];
	uint8_t *box = malloc(n + MAC);

	if (!box)
		return ENOMEM;
	randombytes_buf(nonce, sizeof(nonce));
	crypto_secretbox_easy(box, p, n, nonce, s->key);
	buf_add(out, nonce, sizeof(nonce));
	buf_add(out, box, n + MAC);
	free(box);
	return out->err;
}

int unseal_bytes(const struct seal *s, struct str sealed, struct buf *out)
{
	size_t n = sealed.n - NONCE - MAC;
	const uint8_t *p = (const uint8_t *)sealed.p;
	uint8_t *clear;
	int err;

	if (sealed.n < NONCE + MAC)
		return EBADMSG;
	clear = malloc(n + 1);
	if (!clear)
		return ENOMEM;
	err = crypto_secretbox_open_easy(clear, p + NONCE, n + MAC, p, s->key) ? EBADMSG : 0;
	if (!err)
		buf_add(out, clear, n);
	sodium_memzero(clear, n + 1);
	free(clear);
	return err ? err : out->err;
}

int seal_text(const struct seal *s, struct str clear, struct buf *out)
{
	struct buf box = {0};
	size_t need;
	char *text = NULL;
	int err;

	if (!clear.n)
		return 0;
	err = seal_bytes(s, clear.p, clear.n, &box);
	need = sodium_base64_ENCODED_LEN(box.n, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	if (!err)
		text = malloc(need);
	if (!err && !text)
		err = ENOMEM;
	if (!err) {
		sodium_bin2base64(text, need, (const uint8_t *)box.p, box.n,
				  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
		buf_str(out, mark);
		buf_cstr(out, text);
		err = out->err;
	}
	free(text);
	buf_free(&box);
	return err;
}

int unseal_text(const struct seal *s, struct str sealed, struct buf *out)
{
	uint8_t *box;
	size_t n = 0;
	int err;

	if (!sealed.n)
		return 0;
	if (!str_starts(sealed, mark))
		return EBADMSG;
	box = malloc(sealed.n);
	if (!box)
		return ENOMEM;
	err = sodium_base642bin(box, sealed.n, sealed.p + mark.n, sealed.n - mark.n, NULL, &n, NULL,
				sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
		      ? EBADMSG
		      : unseal_bytes(s, (struct str){(const char *)box, n}, out);
	free(box);
	return err;
}
