/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom to listen to on a port, and so whom to answer: the rule that keeps strangers out of a call and still lets in
 * the phone behind a NAT, whose packets come from elsewhere than its SDP says.
 *
 * Sources have ranks.  The first that speaks is latched; only one of higher rank takes its place, so that once the
 * address of the SDP speaks nobody else does:
 *
 *   SDP       exactly the address and port that the description gave
 *   HOST      the IP of the description, or the one that the leg's signalling comes from, another port
 *   HOST_OLD  the same, and whom we listened to before the description changed: may be packets still under way
 *   ANY       anybody else
 *   OLD       whom we listened to before, of another IP
 *
 * A sender whose NAT gave it another port mid-call is found again: when the latched source has been silent for
 * the rule's rebind_ms, one that sends `probation` packets in unbroken sequence takes over if it is the same sender (same SSRC), or if
 * the latched one was never more than a few stray packets.
 *
 * Thread     one owner
 * Units      time in milliseconds
 * Sources    RFC 4961, RFC 7362; what leaked elsewhere: CVE-2017-14099 (RTP bleed), CVE-2025-53399
 */
#ifndef MEDIA_LATCH_H
#define MEDIA_LATCH_H

#include "base/addr.h"

enum latch_rank { LATCH_NOBODY, LATCH_OLD, LATCH_ANY, LATCH_HOST_OLD, LATCH_HOST, LATCH_SDP };
enum latch_verdict { LATCH_REFUSED, LATCH_SAME, LATCH_CHANGED /* latched to src just now */ };

enum { LATCH_ESTABLISHED = 50 /* packets that make a source more than a stray */ };

struct latch_rule {
	uint32_t rebind_ms; /* silence after which a sender may have moved */
	uint8_t probation;  /* packets in sequence that prove it */
};
extern const struct latch_rule latch_rule_rtp, latch_rule_rtcp;

struct latch_mark { /* how to tell one sender from another; absent for RTCP and what is not RTP */
	uint32_t ssrc;
	uint16_t seq;
};

struct latch {		    /* zeroed: not armed, refuses everybody */
	struct addr source; /* latched; family 0: nobody yet */
	bool is_armed;
	bool is_strict;	    /* rank ANY is not enough (RTCP, when RTP's source is known) */
	bool is_old_barred; /* `old` is of another call: rank OLD is not let in at all */
	uint8_t rank;	    /* of source */
	uint8_t run;	    /* the candidate's packets so far */
	uint16_t next_seq;
	uint32_t heard_packets; /* of source, saturating at LATCH_ESTABLISHED */
	uint32_t ssrc, candidate_ssrc;
	const struct latch_rule *rule;
	uint64_t heard_ms;
	struct addr expected; /* from the description; family 0: it gave none */
	struct addr hint;     /* its IP counts; family 0: none */
	struct addr old, candidate;
};

/* Start anew with another description; who was latched becomes OLD. */
void latch_arm(struct latch *l, const struct addr *expected, const struct addr *hint,
	       const struct latch_rule *rule);
/* Start for another call on the same port: who was latched is let in only if the new description means it. */
void latch_renew(struct latch *l);
/* Everything that is not plainly the latched source, with its latched SSRC, goes through here. */
enum latch_verdict latch_hear_slow(struct latch *l, const struct addr *src,
				   const struct latch_mark *mark, uint64_t now_ms);

static inline enum latch_verdict latch_hear(struct latch *l, const struct addr *src,
					    const struct latch_mark *mark, uint64_t now_ms)
{
	if (__builtin_expect(!addr_eq(src, &l->source), 0) || !l->is_armed)
		return latch_hear_slow(l, src, mark, now_ms);
	if (mark)
		l->ssrc = mark->ssrc;
	if (l->heard_packets < LATCH_ESTABLISHED)
		l->heard_packets++;
	l->heard_ms = now_ms;
	return LATCH_SAME;
}

#endif
