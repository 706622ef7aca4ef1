/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands before RTP on a stream whose keys come from DTLS: connectivity checks (ICE-lite) and the hand-shake.
 *
 * With ICE, a source is somebody only after a check of its own, made with our password; anything else it sends, a ClientHello
 * first of all, is dropped unread.  We send to the pair nominated last.  A peer that has not checked for WEB_CONSENT_US has left.
 * Without ICE the hand-shake that ends with the certificate described counts, wherever it came from.
 *
 * Thread     as the stream it belongs to
 * Ownership  web_take() copies out
 * Errors     web_alloc ENOMEM, EINVAL
 * Sources    RFC 8445 2.5, 7.3, 8.1.1, RFC 7675 5.1, RFC 7983 (one byte tells them apart), RFC 5763
 */
#ifndef MEDIA_WEB_H
#define MEDIA_WEB_H

#include "media/dtls.h"
#include "media/check.h"

enum { WEB_CONSENT_US = 30000000, WEB_MAX_PAIRS = 8 };

struct web;

enum web_kind { WEB_STUN, WEB_DTLS, WEB_MEDIA, WEB_NOTHING };

static inline enum web_kind web_kind_of(const uint8_t *p, size_t n)
{
	if (!n)
		return WEB_NOTHING;
	return p[0] < 4			   ? WEB_STUN
	       : p[0] >= 20 && p[0] < 64   ? WEB_DTLS
	       : p[0] >= 128 && p[0] < 192 ? WEB_MEDIA
					   : WEB_NOTHING;
}

/* peer: without ICE, whom a client begins with; family 0: whoever begins. */
int web_alloc(struct web **wp, const struct dtls_identity *i, const struct media_dtls *conf,
	      const struct addr *peer) MUST_USE;
struct web *web_free(struct web *w);
/* Another description.  The same fingerprint, role and user name: nothing changes; another user name alone: ICE starts anew. */
int web_change(struct web *w, const struct media_dtls *conf, const struct addr *peer) MUST_USE;
bool web_has_ice(const struct web *w);
/* ICE: may this source send? */
bool web_is_valid(const struct web *w, const struct addr *src);

enum web_news {
	WEB_OLD,
	WEB_PAIR /* another nominated: web_pair() */,
	WEB_KEYS /* the hand-shake is done */,
	WEB_REFUSED
};
bool web_is_client_hello(const uint8_t *p, size_t n);
/* is_trusted: without ICE, src is who the description or its signalling names: another certificate from there ends it. */
enum web_news web_packet(struct web *w, const struct addr *src, bool is_trusted, const uint8_t *p,
			 size_t n, uint64_t now_us);
const struct addr *web_pair(const struct web *w); /* NULL: none yet */
int web_keys(const struct web *w, struct media_key *in, struct media_key *out) MUST_USE;
/* A datagram to send, and to whom; 0: none. */
size_t web_take(struct web *w, uint8_t *dst, size_t size, struct addr *to);
/* Now and then.  0, or why it cannot go on: ETIMEDOUT (no consent), EACCES (another certificate than described), EPROTO. */
int web_sweep(struct web *w, uint64_t now_us) MUST_USE;

#endif
