/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a leg on a trunk costs while it lasts.  Each interval is reserved before it begins, from the balance of who pays and against
 * the limits of the extension and the tenant (bill/purse.h); the call ends at the second that nothing more can be reserved.
 *
 * The meter is the leg's, so it goes on when the leg moves to another call by a transfer; what it has cost until then stays with
 * the first call's record.  Emergency calls have none.
 *
 * Thread     core
 * Ownership  a leg owns its meter
 * Sources    BIL-1, BIL-3, SEC-3
 */
#ifndef CALL_METER_H
#define CALL_METER_H

#include "call/leg.h"
#include "route/route.h"

/* A leg that is about to call out over a trunk as call->plan says: the first interval is reserved.  False: it may not, and *why. */
bool meter_open(struct leg *leg, enum reason *why) MUST_USE;
/* A call from a trunk is answered by that extension (0: by none). */
bool meter_open_inbound(struct leg *caller, uint64_t extension_id, enum reason *why) MUST_USE;
void meter_start(struct leg *leg); /* it was answered */
/* It is over, or leaves its call: what it has cost since the last time goes into the call's record.  is_over: the rest is given back. */
void meter_settle(struct leg *leg, bool is_over);
void meter_free(struct leg *leg);

/* For routing (struct route_facts). */
enum route_money meter_ask(const struct calls *cs, const struct route_payment *pay);

#endif
