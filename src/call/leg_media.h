/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A leg's media session and descriptions: commands to the engine, and SDP from one leg rewritten for another.
 *
 * Thread     core
 * Ownership  texts given back are the leg's own (`sent`), valid until its next description
 * Errors     ENOBUFS: the engine's ring is full.  EPROTO: not a description we can use.  ENOMEM
 * Sources    RFC 3264 5, 6 and 8; RFC 2543 (c=0.0.0.0 as hold)
 */
#ifndef CALL_LEG_MEDIA_H
#define CALL_LEG_MEDIA_H

#include "call/leg.h"

int leg_media_post(struct leg *leg, struct media_cmd *cmd) MUST_USE; /* fills in session and seq */
int leg_media_open(struct leg *leg) MUST_USE;			     /* leg->nstreams of them */
int leg_media_grow(struct leg *leg, size_t n) MUST_USE; /* OPENED or MEDIA_FAILED follows */
int leg_media_wake(struct leg *leg)
	MUST_USE; /* of one that went without: the same; one that has a session keeps it */
void leg_media_drop(struct leg *leg);  /* it goes on without: MEDIA_CLOSED follows */
void leg_media_close(struct leg *leg); /* it is over: the same */
/* Tell the engine where its packets go and which way they may flow: its own description, and the other side's
 * (of a service: ours). */
int leg_media_remote(struct leg *leg, const struct sdp *theirs, const struct sdp *other) MUST_USE;
int leg_media_join(struct leg *a, struct leg *b) MUST_USE;
int leg_media_part(struct leg *leg) MUST_USE;
int leg_media_echo(struct leg *leg) MUST_USE;

/* Parse what the leg's device sent, and switch off what breaks the leg's policy of protection.  EPROTO: *status says what to refuse
 * it with. */
int leg_sdp_parse(const struct leg *leg, struct sdp **sp, struct str text, bool is_answer,
		  unsigned *status) MUST_USE;
/* How many streams a description needs (of those we relay), at least one. */
uint8_t leg_sdp_streams(const struct sdp *s);
bool leg_sdp_is_held(const struct sdp *s); /* no m-line of it both sends and receives */
/* Write `from` for `to`, with our addresses towards it and its o= line (the version goes up only when the text changes):
 * the answer to its `offer`, or an offer (NULL). */
int leg_sdp_relay(struct leg *to, const struct sdp *from, const struct sdp *offer,
		  struct str *out) MUST_USE;
/* The same for a leg that hears of the other for the first time: whoever held before, nobody holds now. */
int leg_sdp_introduce(struct leg *to, const struct sdp *from, struct str *out) MUST_USE;
/* Is `answer` to `offer` all that who offered expects: the same formats, nothing switched off? */
bool leg_sdp_agree(const struct sdp *offer, const struct sdp *answer);
/* May two that have both offered take each other's offer for the answer?  They share a codec, and no number means two things. */
bool leg_sdp_fit(const struct sdp *a, const struct sdp *b);
/* A description of our own, for a service: the answer to `offer`, or an offer (NULL). */
int leg_sdp_own(struct leg *to, const struct sdp *offer, struct str *out) MUST_USE;

#endif
