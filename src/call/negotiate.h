/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptions that come on a leg, given to whom they concern: the bridge to another leg, or the service it talks to, for which
 * we describe ourselves.
 *
 * Thread     core
 * Errors     a device that breaks the protocol is refused, and where it cannot be, its call ends (PROTOCOL)
 * Sources    RFC 3261 14, RFC 3264, RFC 3311, RFC 6337
 */
#ifndef CALL_NEGOTIATE_H
#define CALL_NEGOTIATE_H

#include "call/leg.h"

void negotiate_acked(struct call *call, struct leg *leg,
		     struct str sdp); /* the ACK of our first 200, or a later one */
void negotiate_offer(struct call *call, struct leg *leg,
		     const struct sip_inv_event *ev); /* re-INVITE, UPDATE */
void negotiate_offer_done(struct call *call, struct leg *leg,
			  const struct sip_inv_event *ev); /* answer to ours */
void negotiate_grown(struct call *call, struct leg *leg, int err);
/* Both have described themselves before the answer: acknowledge and answer, nothing is left to agree on. */
void negotiate_settled(struct call *call, struct leg *caller, struct leg *callee);
/* A caller who has described itself to a device that is gone: what it said is its offer to the next one. */
void negotiate_reopen(struct leg *caller);
/* An answer for a caller whose offer has been answered in a reliable 1xx: were it another one, it would not be heard of in
 * the 200, and is offered after it (RFC 3261 13.2.1). */
void negotiate_watch(struct leg *caller, uint64_t version_before);
void negotiate_reoffer(struct leg *caller);
/* Say again what we said last, so that the session does not expire. */
void negotiate_refresh(struct leg *leg);
/* Answer the caller ourselves, for a service.  EPROTO, ENOTSUP: it offers nothing we can take, and is not answered. */
int negotiate_own(struct call *call, struct leg *leg, const char *service) MUST_USE;
/* The same before the answer, in a 183: nothing is recorded, or charged. */
int negotiate_own_early(struct leg *leg) MUST_USE;
/* The same for one who takes another's place, and shares no codec with who it will talk to (or does not say). */
int negotiate_describe(struct leg *leg) MUST_USE;
/* The engine follows what the device and we have said of ourselves (our last description). */
int negotiate_follow_own(struct leg *leg, const struct sdp *theirs) MUST_USE;
/* Header lines that say something new about the session, which stays as it is: in an UPDATE, or a re-INVITE of what we last said. */
int negotiate_tell(struct leg *leg, struct str headers) MUST_USE;
/* Whatever it and its other side were saying to each other stays unsaid: it goes elsewhere. */
void negotiate_interrupt(struct leg *leg);

#endif
