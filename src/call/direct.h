/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct media (ACC-6): two devices whose accounts ask for it describe themselves to each other, and their packets do not come
 * through here.
 *
 * It needs two devices of accounts (not trunks), both described as plain RTP at the very address their signalling comes from, or at
 * one that is believed (nat: never), in the same family and both inside or both on the Internet, sharing a codec and
 * a way to press keys, neither holding,
 * and no service or transfer that has the call.  A call of one such device to such devices begins without any socket.  What comes
 * to need media (hold, transfer, pick-up, a description that does not fit) brings the call back: both are offered our addresses;
 * and when nothing needs it any more, each other's again.
 *
 * Thread     core
 * Errors     a device that refuses to be moved stays where it is, and the call is not moved again
 * Sources    requirement ACC-6; RFC 3725 (third party call control), RFC 7092
 */
#ifndef CALL_DIRECT_H
#define CALL_DIRECT_H

#include "call/leg.h"

struct contact;

/* Is what they say of themselves something that the other can use as it is? */
bool direct_fits(const struct leg *a, const struct sdp *of_a, const struct leg *b,
		 const struct sdp *of_b);
/* May the caller's leg wait for an answer without a session? */
bool direct_may_begin(const struct leg *caller);
/* … and may this contact be offered what the caller offers? */
bool direct_may_ring(const struct leg *caller, const struct leg *leg, const struct contact *c);
/* The call has come to rest: is its media where it should be? */
void direct_consider(struct call *call);

#endif
