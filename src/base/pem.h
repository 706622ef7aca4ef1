/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates and keys as PEM text: what they hold, and whether they belong together.
 *
 * Thread     any
 * Ownership  pem_pair_close() releases; copies share what they hold, counted
 * Errors     0, EINVAL with *fault, ENOMEM
 * Sources    RFC 7468, RFC 5280 4.2.1.6
 */
#ifndef BASE_PEM_H
#define BASE_PEM_H

#include <openssl/x509.h>
#include "base/buf.h"

struct pem_pair {
	X509 *cert;
	STACK_OF(X509) * more; /* intermediates; may be NULL */
	EVP_PKEY *key;
};

struct pem_fault {
	bool is_key; /* else the certificate or its chain */
	const char *
		code; /* "bad_pem", "bad_passphrase", "bad_order", "too_many", "not_matching", "too_weak" */
	const char *text;
};

/* The certificate first, then intermediates, each signing the one before. */
int pem_pair_read(struct pem_pair *p, struct str chain, struct str key, const char *passphrase,
		  struct pem_fault *fault) MUST_USE;
void pem_pair_close(struct pem_pair *p); /* zeroed is fine */
void pem_pair_copy(struct pem_pair *to, const struct pem_pair *from);
/* Roots, or whatever else is to be trusted: at least one. */
int pem_roots_read(X509_STORE **storep, STACK_OF(X509_NAME) * *namesp, struct str pem,
		   struct pem_fault *fault) MUST_USE; /* namesp may be NULL */
/* DNS names and IP addresses of subjectAltName (else the common name), joined by spaces. */
void pem_names(const X509 *cert, struct buf *out);
/* Is `name` one of them, or below one that begins with "*."? */
bool pem_names_have(struct str names, struct str name);
int64_t pem_expires_us(const X509 *cert);
/* A whole file as text; at most 128 kB.  errno of files. */
int pem_file(struct buf *out, const char *path) MUST_USE;

#endif
