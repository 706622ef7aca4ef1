/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Secrets at rest: XSalsa20-Poly1305 (libsodium's secretbox) under the master key in DATA/master.key, mode 0600.
 * The key is made at first start; whoever has a copy of the database but not of the key has no secret.
 *
 * Thread     any, once opened
 * Errors     EBADMSG: not sealed by this key, or damaged
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/buf.h"

struct seal {
	uint8_t key[32];
};

/* Reads the key; makes one when there is none.  EINVAL: the file is no key. */
int seal_open(struct seal *s, const char *data_dir) MUST_USE;
void seal_close(struct seal *s); /* wipes it */

/* Text: "s1." and base64; what is empty stays empty.  Appended to out. */
int seal_text(const struct seal *s, struct str clear, struct buf *out) MUST_USE;
int unseal_text(const struct seal *s, struct str sealed, struct buf *out) MUST_USE;
/* Bytes. */
int seal_bytes(const struct seal *s, const void *p, size_t n, struct buf *out) MUST_USE;
int unseal_bytes(const struct seal *s, struct str sealed, struct buf *out) MUST_USE;

#endif
