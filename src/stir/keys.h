/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates that speak for telephone numbers: one with its key signs, one without is what a signature is checked by, and
 * some are authorities that lead to.
 *
 * Thread     any; one object belongs to one thread
 * Errors     EINVAL: no PEM, not P-256 (RFC 8225 8), or a key that is not the certificate's
 * Sources    RFC 8226, RFC 8588 (shaken), RFC 7518 3.4 (ES256)
 */
#ifndef STIR_KEYS_H
#define STIR_KEYS_H

#include "base/buf.h"

enum { STIR_SIGNATURE_BYTES = 64 }; /* r and s */

struct stir_key; /* a certificate, what leads from it to its root, and perhaps its private key */

int stir_key_open(struct stir_key **kp, const char *chain, const char *private_key) MUST_USE;
struct stir_key *stir_key_free(struct stir_key *k);
int stir_key_sign(const struct stir_key *k, struct str text,
		  uint8_t sig[STIR_SIGNATURE_BYTES]) MUST_USE;
bool stir_key_verify(const struct stir_key *k, struct str text,
		     const uint8_t sig[STIR_SIGNATURE_BYTES]);

struct stir_roots; /* who is trusted */
int stir_roots_alloc(struct stir_roots **rp) MUST_USE;
struct stir_roots *stir_roots_free(struct stir_roots *r);
int stir_roots_add(struct stir_roots *r, const char *pem) MUST_USE;
/* Does the certificate lead to one of them, and was it valid then? */
bool stir_roots_trust(const struct stir_roots *r, const struct stir_key *k, int64_t at_s);

#endif
