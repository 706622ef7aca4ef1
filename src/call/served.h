/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A caller that talks already is given to a service: it was transferred to a number of ours.  It is asked what it offers, and
 * answered with a description of ours: what it had agreed with somebody else (codecs, video, being held) is over.
 *
 *	owner_answer() → re-INVITE without description → its offer → our answer in the ACK → OWNER_ANSWERED
 *
 * Thread     core
 * Errors     served_begin(): ENOBUFS, EDQUOT: nobody pays for it
 * Sources    RFC 3261 14.1, RFC 5589 6
 */
#ifndef CALL_SERVED_H
#define CALL_SERVED_H

#include "call/leg.h"

int served_begin(struct call *call, struct leg *caller) MUST_USE;
/* What it said to that; false: it was not asked by us. */
bool served_described(struct leg *leg, const struct sip_inv_event *ev);
/* A leg whose media went past us has a session now, or cannot have one; false: nobody here waited for it. */
bool served_grown(struct leg *leg, int err);

#endif
