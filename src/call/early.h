/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A second offer before the answer: an UPDATE (or PRACK) of the caller, or of the device that it hears, passed on to the other in an
 * UPDATE.  Both must have settled the first offer in reliable 1xx; the device that the caller hears is the ring's early one.
 *
 * Thread     core
 * Ownership  struct call has the one that waits; early_drop() frees it
 * Errors     none for the caller: what cannot be passed on is refused
 * Sources    RFC 3311 5.1, 5.2; RFC 6337 2.3
 */
#ifndef CALL_EARLY_H
#define CALL_EARLY_H

#include "call/leg.h"

/* False: it cannot be passed on now (491). */
bool early_offer(struct call *call, struct leg *from, const struct sip_inv_event *ev);
void early_answer(struct call *call, struct leg *from, const struct sip_inv_event *ev);
/* Nobody will answer it any more. */
void early_drop(struct call *call);

#endif
