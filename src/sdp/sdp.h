/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Session descriptions: reading, writing, and what a B2BUA does to them between two legs.  Pure functions over values.
 *
 * What is not understood is kept and passed on in its place, so that two phones may agree on what we have never heard of.
 *
 * Thread     any
 * Ownership  a session owns a copy of the text it was read from; everything else borrows from it
 * Errors     EINVAL (grammar; *why says where), E2BIG (over the limits below; *why says which), ENOMEM
 * Sources    RFC 8866, RFC 3264, RFC 3605 (rtcp), RFC 5761 (rtcp-mux), RFC 6337
 */
#ifndef SDP_SDP_H
#define SDP_SDP_H

#include "base/addr.h"
#include "base/buf.h"

enum {
	SDP_MAX_BYTES = 32768,
	SDP_MAX_MEDIA = 16,
	SDP_MAX_FORMATS = 64,	  /* of one m-line */
	SDP_MAX_ATTRIBUTES = 256, /* of one m-line, or of the session part */
};

enum sdp_direction { SDP_INACTIVE = 0, SDP_SENDONLY = 1, SDP_RECVONLY = 2, SDP_SENDRECV = 3 };

struct sdp_attribute {
	struct str name, value; /* value.p NULL: a property attribute */
};

struct sdp_format {
	struct str text;     /* as in the m-line */
	int pt;		     /* payload type, -1 when not a number */
	struct str encoding; /* "PCMU"; static types filled in from RFC 3551 */
	uint32_t clock_hz;
	unsigned channels;
	struct str fmtp;
};

struct sdp_media {
	struct str kind;  /* audio, video, image, application … */
	uint16_t port;	  /* 0 = refused */
	struct str proto; /* RTP/AVP … */
	struct addr
		rtp; /* where it wants its packets (c= and port); family 0: c= is a name or 0.0.0.0 */
	struct addr rtcp; /* a=rtcp or port + 1; equal to rtp with rtcp-mux */
	bool rtcp_mux;
	bool is_held; /* c=0.0.0.0, the old way to hold */
	enum sdp_direction direction;
	unsigned ptime_ms; /* 0 = not said */
	struct sdp_format *formats;
	size_t nformats;
	struct sdp_attribute *attributes; /* all, in order, those above included */
	size_t nattributes;
	struct str lines; /* private: the section as it came, behind its m-line */
};

struct sdp {
	char *text;
	struct str origin_user;
	uint64_t id, version;
	struct addr origin; /* family 0: a name */
	struct sdp_media media[SDP_MAX_MEDIA];
	size_t nmedia;
	struct sdp_attribute *attributes;
	size_t nattributes;
	struct str bandwidth;	 /* session b= lines */
	struct str lines;	 /* private: the session part as it came */
	struct str version_text; /* private: the version in the o= line */
};

int sdp_parse(struct sdp **sp, struct str text, const char **why) MUST_USE;
struct sdp *sdp_free(struct sdp *s);

/* How our side of one m-line is protected; zero: as plain RTP, in the profile of the other side.  sdp/keys.h */
struct sdp_crypto;
struct sdp_fingerprint;
struct sdp_ice;
struct sdp_guard {
	struct str proto;		 /* for the m-line; empty: as it came */
	const struct sdp_crypto *crypto; /* lines to write */
	size_t ncrypto;
	const struct sdp_fingerprint *fingerprint; /* DTLS: of our certificate; NULL: none */
	int setup;				   /* enum sdp_setup, with it */
	const struct sdp_ice *ice;		   /* NULL: without */
	bool rtcp_mux;
	bool is_bundled; /* it stands in our BUNDLE group, with a mid; the others' address is that of the first */
	bool leaves_web; /* what it comes from is WebRTC and this side is not: attributes of that world are left out */
	bool has_mid; /* an answer: `mid` (may be empty: none) in place of the other side's */
	struct str mid;
};

struct str sdp_mid(const struct sdp_media *m);	    /* a=mid; empty: none */
bool sdp_is_bundled(const struct sdp *s, size_t i); /* it stands in a BUNDLE group */
/* The line whose transport line i shares; itself: it has its own.  RFC 9143 */
size_t sdp_bundle_tag(const struct sdp *s, size_t i);

/* Our side of one m-line when a description goes to a leg. */
struct sdp_local_media {
	struct addr rtp; /* where the leg shall send */
	struct sdp_guard guard;
	bool is_refused; /* write port 0 */
	enum sdp_direction direction;
	const struct sdp_format
		*formats; /* instead of those of `from`, and all said of them; NULL: as there */
	size_t nformats;
	bool is_choice; /* they are some of those of `from`: what is said of them stays as it was */
};

/* Rewrite `from` (what the other leg said) for a leg: our origin (id, version), our addresses per m-line, direction;
 * formats and attributes passed on, addresses, rtcp, candidates, crypto and fingerprints of the other leg left out. */
struct sdp_rewrite {
	uint64_t id, version;
	struct addr origin;
	const struct sdp_local_media *media; /* one per m-line of `from` */
	size_t nmedia;
	bool is_direct; /* what speaks of the other leg's transport is passed on too: there its media goes */
};
/* EINVAL: rw does not fit `from`. */
int sdp_relay(struct buf *out, const struct sdp *from, const struct sdp_rewrite *rw) MUST_USE;

/* A description of our own (echo, announcements, first offer to a late-offer leg): m-lines with formats chosen by name. */
struct sdp_own {
	uint64_t id, version;
	struct addr origin;
	struct addr rtp;
	enum sdp_direction direction;
	struct sdp_guard guard;
	struct str
		formats; /* offers: "PCMA PCMU G722 telephone-event"; empty = "PCMA PCMU telephone-event"; also GSM G729 G726-32 opus */
};
int sdp_offer_audio(struct buf *out,
		    const struct sdp_own *own) MUST_USE; /* ENOTSUP: a name we cannot offer */
/* Answer `offer` ourselves: the first audio m-line with the formats that `knows` accepts (order of the offer), other lines
 * refused.  own->direction is narrowed to what the offer leaves.  ENOTSUP: no line that we can take (answer 488). */
typedef bool sdp_knows_h(const struct sdp_format *f, void *arg);
int sdp_answer_audio(struct buf *out, const struct sdp *offer, const struct sdp_own *own,
		     sdp_knows_h *knows, void *arg) MUST_USE;

bool sdp_proto_is_rtp(struct str proto); /* of an m-line */

/* Does `now` differ from `before` in anything but the version?  (o= version goes up only then.) */
bool sdp_same(const struct sdp *before, const struct sdp *now);

#endif
