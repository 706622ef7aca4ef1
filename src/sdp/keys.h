/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a description says of the protection of its media: the profile in the m-line, and SDES keys (a=crypto).
 *
 * A line is usable when we know its suite, its one key has the right size, and it asks for nothing that we cannot do or
 * must not (no encryption, no authentication, several keys, a session parameter unknown to us).  Others are passed over.
 *
 * Thread     any
 * Ownership  values; nothing borrows
 * Errors     as returns
 * Sources    RFC 4568 6 (grammar of SRTP parameters), 9.1 (session parameters), RFC 7714 14, RFC 5763, RFC 8122, RFC 8839, RFC 5124
 */
#ifndef SDP_KEYS_H
#define SDP_KEYS_H

#include "sdp/sdp.h"

enum sdp_suite {
	SDP_SUITE_NONE,
#define X(name, text, bytes) SDP_SUITE_##name,
#include "sdp/suites.def"
#undef X
	SDP_NSUITES
};
enum { SDP_KEY_BYTES = 46, SDP_MKI_BYTES = 8, SDP_MAX_TAG = 999999999 };

struct sdp_crypto {
	uint32_t tag;
	enum sdp_suite suite;
	uint8_t key[SDP_KEY_BYTES]; /* master key, then salt */
	uint8_t nmki;		    /* bytes of the key's index in each packet; 0: none */
	uint8_t mki[SDP_MKI_BYTES];
};

enum sdp_protection {
	SDP_PLAIN,  /* RTP/AVP, and no usable key */
	SDP_SDES,   /* a usable key, whatever the profile says */
	SDP_DTLS,   /* UDP/TLS/RTP/SAVP, or RTP/SAVPF with a fingerprint */
	SDP_CLOSED, /* wants protection in a way that we have not */
};

enum sdp_hash { SDP_HASH_NONE, SDP_HASH_SHA256, SDP_HASH_SHA384, SDP_HASH_SHA512 };
enum { SDP_HASH_BYTES = 64 };
struct sdp_fingerprint { /* of a certificate */
	uint8_t hash;	 /* enum sdp_hash */
	uint8_t bytes[SDP_HASH_BYTES];
};
enum sdp_setup { SDP_SETUP_NONE, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_ACTPASS };

struct sdp_dtls { /* of one m-line, its own attributes before the session's */
	struct sdp_fingerprint fingerprint; /* hash 0: none that we can check */
	enum sdp_setup setup;		    /* not said: SDP_SETUP_NONE */
	bool rtcp_mux;
	struct str ufrag, password; /* ICE; empty: without */
};
struct sdp_ice { /* ours */
	char ufrag[12], password[28];
};

size_t sdp_hash_bytes(unsigned hash);
/* ENOENT: there is no fingerprint that we can check. */
int sdp_dtls_of(const struct sdp *s, const struct sdp_media *m, struct sdp_dtls *d) MUST_USE;
size_t sdp_suite_bytes(enum sdp_suite suite); /* of key and salt */
bool sdp_is_secure_profile(struct str proto); /* SAVP, SAVPF, with or without TLS */
bool sdp_has_feedback(struct str proto);      /* AVPF, SAVPF */
/* The usable line at or after number *pos of the media section's attributes; *pos goes behind it.  false: no more. */
bool sdp_crypto_next(const struct sdp_media *m, size_t *pos, struct sdp_crypto *c);
enum sdp_protection sdp_protection_of(const struct sdp *s, const struct sdp_media *m);
/* "a=fingerprint:…", "a=setup:…" */
void sdp_write_dtls(struct buf *out, const struct sdp_fingerprint *f, enum sdp_setup setup);
/* Our user name, password, and one candidate; without rtcp_mux another for RTCP, one port up. */
void sdp_write_ice(struct buf *out, const struct sdp_ice *ice, const struct addr *rtp,
		   bool rtcp_mux);
void sdp_write_crypto(struct buf *out, const struct sdp_crypto *c);

#endif
