/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Codecs between two legs that share none: each is told of what it may use with us, and the engine converts.
 *
 * Only legs marked `converts` are dealt with here, which they are once a device has refused the other's codecs (488); where two
 * share one, what they say is passed on as it is.
 *
 * Thread     core
 * Ownership  formats written borrow from the descriptions and from struct leg_codecs
 * Sources    RFC 3264 5.1, 6.1, RFC 3551 6 (96 to 127 are dynamic)
 */
#ifndef CALL_LEG_CODECS_H
#define CALL_LEG_CODECS_H

#include "sdp/sdp.h"

struct leg_codecs {
	struct sdp_format formats[SDP_MAX_FORMATS];
	size_t n;
	char numbers[16][12];
	size_t nnumbers;
};

bool leg_codecs_known(const struct sdp *s); /* its audio has a codec that we can speak */
bool leg_codecs_share(const struct sdp *a, const struct sdp *b); /* their audio has one in common */
/* An audio line offered to a leg: what the other offers, and after it what we can convert. */
void leg_codecs_offer(struct leg_codecs *c, const struct sdp_media *from);
/* An audio line of the answer to `offer`: what the other has answered of it, or else the first that we can convert, and keys. */
void leg_codecs_answer(struct leg_codecs *c, const struct sdp_media *offer,
		       const struct sdp_media *answered);

#endif
