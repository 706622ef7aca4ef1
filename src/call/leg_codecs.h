/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Codecs between two legs that share none: each is told of what it may use with us, and the engine converts.  And the events that
 * keys are, which each may use though the other cannot.
 *
 * Only legs marked `converts` are told of other codecs, which they are once a device has refused the other's (488); where two
 * share one, what they say is passed on as it is.
 *
 * Thread     core
 * Ownership  formats written borrow from the descriptions and from struct leg_codecs
 * Sources    RFC 3264 5.1, 6.1, RFC 3551 6 (96 to 127 are dynamic), RFC 4733 2.4
 */
#ifndef CALL_LEG_CODECS_H
#define CALL_LEG_CODECS_H

#include "sdp/sdp.h"

struct leg;

struct leg_codecs {
	struct sdp_format formats[SDP_MAX_FORMATS];
	size_t n;
	char numbers[16][12];
	size_t nnumbers;
};

/* ACC-9: what of a description its account allows, in its order.  A line of which nothing is left is one that it does not offer. */
void leg_codecs_restrict(const struct leg *leg, struct sdp *s);
/* What of `from` the account of `to` allows, for a line written to it.  False: nothing of it. */
bool leg_codecs_choose(struct leg_codecs *c, const struct leg *to, const struct sdp_media *from);
/* The same of what is in c, which is written for a line as m. */
void leg_codecs_narrow(struct leg_codecs *c, const struct leg *to, const struct sdp_media *m);
/* Which codecs of sound it is offered by ourselves: names, with spaces; empty: the usual ones. */
void leg_codecs_own(const struct leg *to, struct buf *names);

bool leg_codecs_known(const struct sdp *s); /* its audio has a codec that we can speak */
bool leg_codecs_share(const struct sdp *a, const struct sdp *b); /* their audio has one in common */
/* An audio line offered to a leg: what the other offers, and after it what we can convert. */
void leg_codecs_offer(struct leg_codecs *c, const struct sdp_media *from);
/* An audio line of the answer to `offer`: what the other has answered of it, or else the first that we can convert, and keys. */
void leg_codecs_answer(struct leg_codecs *c, const struct sdp_media *offer,
		       const struct sdp_media *answered);

/* The events of a line, for speech of that clock; NULL: none. */
const struct sdp_format *leg_codecs_events(const struct sdp_media *m, uint32_t clock_hz);
/* What stands in c, or else (n 0) in `from`, with events where the leg may use them: offered, they are added; in the answer to `offer`
 * stand those that it has.  may_press false: without.  False: nothing is to be changed. */
bool leg_codecs_keys(struct leg_codecs *c, const struct sdp_media *from,
		     const struct sdp_media *offer, bool may_press);

#endif
