/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digest arithmetic, and the client side: answering a challenge that we were given.
 *
 * Thread     one owner each; sip_digest_alloc() fetches the hash functions once
 * Ownership  a challenge borrows from the response it was read from
 * Errors     as noted
 * Sources    RFC 7616 3.4, RFC 8760, RFC 2617 3.2.2, RFC 3261 22
 */
#ifndef SIP_DIGEST_H
#define SIP_DIGEST_H

#include "sip/auth.h"

enum { SIP_DIGEST_MAX_HEX = 64 };

struct sip_digest;
int sip_digest_alloc(
	struct sip_digest **dp) MUST_USE; /* ENOMEM; ENOTSUP: the crypto library lacks MD5 */
struct sip_digest *sip_digest_free(struct sip_digest *d);

struct sip_digest_input {
	enum sip_digest_alg alg;
	const struct sip_secret *secret;
	struct str method, uri, nonce;
	struct str nc, cnonce; /* with qop */
	struct str qop;	       /* "auth", "auth-int", or empty: RFC 2617's old form */
	struct str body;       /* auth-int */
};
/* The response in lower case hex, terminated; its length. */
size_t sip_digest_response(struct sip_digest *d, char hex[SIP_DIGEST_MAX_HEX + 1],
			   const struct sip_digest_input *in);

struct sip_challenge {
	enum sip_digest_alg alg;
	bool is_proxy; /* answer with Proxy-Authorization */
	bool is_stale; /* the nonce was too old: try again with the same password */
	bool has_qop;  /* qop "auth" is offered */
	bool says_alg; /* algorithm= was given: repeat it */
	struct str realm, nonce, opaque; /* escapes still in */
};
/* The first challenge of a 401 or 407 that we can answer (RFC 8760 2.4: the topmost that is supported).
 * ENOENT: none there; ENOTSUP: only such that we cannot answer; EINVAL: not in the grammar. */
int sip_challenge_read(struct sip_challenge *c, const struct sip_msg *resp, unsigned algs) MUST_USE;

struct sip_answer {
	struct str username, password;
	struct str method, uri;
	struct str cnonce; /* fresh randomness, hex or alphanumeric */
	uint32_t nc;	   /* 1 for a nonce's first use */
};
/* "Authorization: Digest …\r\n" or "Proxy-Authorization: …\r\n". */
void sip_digest_answer(struct sip_digest *d, struct buf *out, const struct sip_challenge *c,
		       const struct sip_answer *a);

#endif
