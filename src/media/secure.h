/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SRTP of one stream: opens what the leg sends, seals what is sent to it.  RTP and RTCP, any number of sources.
 *
 * Keys may change within a call.  What was sealed with the key before is still opened until the first packet with the new one has
 * come.  Setting the same key again changes nothing: neither the roll-over counters nor the replay windows.
 *
 * A source appears with its first packet; there are at most SECURE_MAX_SOURCES each way, so that a peer with the key cannot make
 * us keep a context for each SSRC it thinks of.
 *
 * Thread     one owner.  secure_init(): any, before
 * Ownership  packets are changed in place and grow by at most SECURE_TRAILER_BYTES when sealed
 * Errors     secure_open EBADMSG (not authentic), EALREADY (replayed, or too old); secure_seal EALREADY (this index has been
 *            sent), ENOSPC (too many sources); ENOKEY: no key for this way; secure_key EINVAL, ENOMEM
 * Sources    RFC 3711, RFC 7714, RFC 6188, RFC 4568 7
 */
#ifndef MEDIA_SECURE_H
#define MEDIA_SECURE_H

#include "media/media.h"

enum { SECURE_TRAILER_BYTES = 128, SECURE_MAX_SOURCES = 32 };

struct secure;

int secure_init(void) MUST_USE; /* the library, before all else; again does no harm */
int secure_alloc(struct secure **sp) MUST_USE;
struct secure *secure_free(struct secure *s);
int secure_key_in(struct secure *s, const struct media_key *key) MUST_USE;
int secure_key_out(struct secure *s, const struct media_key *key) MUST_USE;
int secure_open(struct secure *s, bool is_rtcp, uint8_t *p, size_t *np) MUST_USE;
int secure_seal(struct secure *s, bool is_rtcp, uint8_t *p, size_t *np) MUST_USE;

#endif
