/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digest authentication of requests we receive.
 *
 * Nonces are not stored: they carry their time and a MAC; the nonce counts seen are kept for their lifetime only, bounded.
 * A known and an unknown user go through the same code: for the unknown one the caller passes a secret that matches nothing.
 *
 * Thread     core
 * Sources    RFC 3261 22, RFC 7616, RFC 8760; RFC 2617 for phones without qop
 */
#ifndef SIP_AUTH_H
#define SIP_AUTH_H

#include "sip/sip.h"

enum sip_digest_alg {
	SIP_DIGEST_MD5 = 1,
	SIP_DIGEST_SHA256 = 2
}; /* a set of these may be offered */

struct sip_secret { /* H(user:realm:password), hex is made when needed */
	uint8_t ha1_md5[16];
	uint8_t ha1_sha256[32];
};
/* ENOMEM: the secret is then one that nothing matches: use it, do not keep it. */
int sip_secret_make(struct sip_secret *s, struct str username, struct str realm,
		    struct str password);

enum sip_auth_result {
	SIP_AUTH_OK,
	SIP_AUTH_NONE, /* no credentials for this realm: challenge */
	SIP_AUTH_STALE, /* right answer, nonce too old or count not fresh: challenge with stale=true */
	SIP_AUTH_WRONG, /* wrong answer: challenge, count a failure */
	SIP_AUTH_BAD,	/* not in the grammar: 400 */
};

struct sip_auth;
int sip_auth_alloc(struct sip_auth **ap, const struct env *env,
		   uint32_t nonce_seconds /* 0 = 300 */) MUST_USE;
struct sip_auth *sip_auth_free(struct sip_auth *a);

/* Who knows our public address: a uri= that names it is right too.  NULL: nobody. */
void sip_auth_set_edge(struct sip_auth *a, struct flow_edge *edge);

enum sip_auth_int { SIP_AUTH_INT_OFF, SIP_AUTH_INT_TAKEN, SIP_AUTH_INT_OFFERED };
/* Digests that cover the body too (qop auth-int).  At first they are taken, not offered; OFF: who sends one is challenged. */
void sip_auth_set_int(struct sip_auth *a, enum sip_auth_int use);

/* The user name in the credentials for this realm; STR_NONE when there are none.  Borrowed from req, with
 * its escapes (sip_unquote() takes them out). */
struct str sip_auth_username(const struct sip_msg *req, bool is_proxy, struct str realm);
enum sip_auth_result sip_auth_check(struct sip_auth *a, const struct sip_msg *req, bool is_proxy,
				    struct str realm, unsigned algs,
				    const struct sip_secret *secret);
/* Write the challenge header line(s), SHA-256 after MD5 (sipp reads only the first). */
void sip_auth_challenge(struct sip_auth *a, struct buf *out, bool is_proxy, struct str realm,
			unsigned algs, bool is_stale);

#endif
