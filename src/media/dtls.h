/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One DTLS association, from which SRTP keys come.  Bytes in, bytes out; who may send them is decided elsewhere (media/web.h).
 *
 * The certificate is made at start and lives as long as the engine: its fingerprint goes into descriptions, its owner is
 * proven by nothing else.
 *
 * Thread     struct dtls_identity: made by the core, then read by all; a struct dtls: one owner
 * Ownership  dtls_take() copies the next datagram out
 * Errors     dtls_feed: 0, EAGAIN (not done), EACCES (the certificate is not the one described), EPROTO (failed: start anew);
 *            the last two stay.  dtls_keys: ENOENT before it is done
 * Sources    RFC 6347, RFC 5764, RFC 5763 5, RFC 8122, RFC 8842
 */
#ifndef MEDIA_DTLS_H
#define MEDIA_DTLS_H

#include "media/media.h"

enum { DTLS_DATAGRAM_BYTES = 1200 };

struct dtls_identity;
struct dtls;

int dtls_identity_alloc(struct dtls_identity **ip) MUST_USE;
struct dtls_identity *dtls_identity_free(struct dtls_identity *i);
void dtls_identity_fingerprint(const struct dtls_identity *i, struct sdp_fingerprint *f);

/* theirs: what the peer's certificate must hash to. */
int dtls_alloc(struct dtls **dp, const struct dtls_identity *i, bool is_client,
	       const struct sdp_fingerprint *theirs) MUST_USE;
struct dtls *dtls_free(struct dtls *d);
int dtls_start(struct dtls *d) MUST_USE; /* a client's first flight; as dtls_feed */
int dtls_feed(struct dtls *d, const uint8_t *p, size_t n) MUST_USE;
void dtls_time(struct dtls *d); /* now and then: what was lost is sent again */
size_t dtls_take(struct dtls *d, uint8_t *dst,
		 size_t size); /* the next datagram to send; 0: none */
int dtls_keys(const struct dtls *d, struct media_key *in, struct media_key *out) MUST_USE;

#endif
