/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PASSporT of type "shaken": who vouches for the number that calls, as an Identity header carries it.
 *
 * Thread     any; the time is given
 * Ownership  a token borrows from the header it was read from
 * Errors     EINVAL: not in the grammar, or not of this type (ENOTSUP)
 * Sources    RFC 8224 4, 6; RFC 8225; RFC 8588
 */
#ifndef STIR_PASSPORT_H
#define STIR_PASSPORT_H

#include "stir/keys.h"

enum { STIR_FRESH_S = 60, STIR_NUMBER_BYTES = 33 };

struct stir_claim {
	char attest;					       /* 'A', 'B', 'C' */
	char orig[STIR_NUMBER_BYTES], dest[STIR_NUMBER_BYTES]; /* digits only; dest: the first */
	char origid[64];
	int64_t iat_s;
};

/* A number as these tokens have it: digits, without + or a leading 00.  EINVAL: it is none. */
int stir_number(char dst[STIR_NUMBER_BYTES], struct str number) MUST_USE;

/* The value of an Identity header. */
int stir_sign(struct buf *out, const struct stir_key *k, const struct stir_claim *c,
	      struct str url) MUST_USE;

struct stir_token {
	struct str text; /* signed */
	uint8_t signature[STIR_SIGNATURE_BYTES];
	char url[512];
	struct stir_claim claim;
	bool has_dest; /* was the number asked for among those it is for? */
};
int stir_read(struct stir_token *t, struct str identity, const char *dest) MUST_USE;

enum stir_verdict {
	STIR_PASSED,
	STIR_ABSENT,	  /* 428: no Identity */
	STIR_STALE,	  /* 403 */
	STIR_BAD_INFO,	  /* 436: no certificate known by that name */
	STIR_UNSUPPORTED, /* 437: the certificate leads to nobody who is trusted, or is over */
	STIR_INVALID,	  /* 438: signature, caller or number called do not fit */
};
/* k NULL: there is none for token->url. */
enum stir_verdict stir_check(const struct stir_token *t, const struct stir_key *k,
			     const struct stir_roots *roots, const char *orig, int64_t now_s);
unsigned stir_status(enum stir_verdict v);
const char *stir_verdict_name(enum stir_verdict v);

#endif
