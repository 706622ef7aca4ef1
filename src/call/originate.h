/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A call that somebody asked for by the API: the caller's devices ring, the one that answers becomes the caller's leg, and the
 * number is called for it as if it had dialled it.
 *
 *	INVITE without description to each device → the first answer wins; it is answered with a description of ours and hears
 *	ringing → call_route() → who answers is introduced to it (RFC 3725 4.4)
 *
 * Thread     core
 * Ownership  the call is like any other; while devices of the caller ring, it has no caller's leg
 * Errors     ENOENT: no such extension, or it is disabled.  EHOSTUNREACH: none of its devices is registered.  EBUSY: it has as many
 *            calls as it may.  ENOSPC: the node takes no more calls.  ENOMEM
 */
#ifndef CALL_ORIGINATE_H
#define CALL_ORIGINATE_H

#include "call/leg.h"

/* What conduct.c hears of the caller's devices; false: the leg is none. */
bool originate_opened(struct leg *leg);
bool originate_answered(struct leg *leg, const struct sip_inv_event *ev);
bool originate_gone(struct leg *leg, enum reason reason, unsigned status, struct str headers);
/* A caller that was answered waits for somebody else, and hears ringing. */
void originate_wait(struct call *call, struct leg *caller);
/* Somebody, or a service, talks to the caller now. */
void originate_joined(struct call *call, struct leg *caller);
/* A service answers it, which it has been already: OWNER_ANSWERED follows a moment later. */
int originate_serve(struct call *call, struct leg *caller) MUST_USE;
/* What its own device shows while it rings: the number that will be called. */
const char *originate_shown(const struct leg *leg); /* NULL: the leg is none */

#endif
