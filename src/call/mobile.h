/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXT-18: a mobile number that rings beside the devices of an extension.  An answer over the telephone network may be a mailbox, so it
 * takes the call only with a key: the leg is up, hears what to press, and stays one of the ring until then.
 *
 * 1 takes the call, 2 declines it as a device does; who hangs up has not answered.  What the provider plays before the answer is
 * heard by nobody.  The extension pays from the provider's answer on.
 *
 * Thread     core
 * Ownership  a leg of the ring; call->mobile says where it goes
 */
#ifndef CALL_MOBILE_H
#define CALL_MOBILE_H

#include "call/leg.h"

struct ringing_member;

/* The mobile of the extension that the call's plan rings; does nothing when that has none. */
void mobile_ring(struct ringing_member *m);
/* Is it one that may not take the call yet? */
bool mobile_is(const struct leg *leg);
int mobile_offer(struct leg *leg, struct str *sdp) MUST_USE; /* what its INVITE says */
void mobile_answered(struct leg *leg); /* by whom, its key will tell; leg->theirs is the answer */
bool mobile_pressed(struct leg *leg, char key); /* false: it is no mobile that waits */
bool mobile_played(struct leg *leg,
		   int err); /* what it was to hear is over, or missing; the same */

#endif
