/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Redirections: a device, or a provider, answers an INVITE with 300, 301 or 302 and names other numbers.  The call goes to the
 * best of them by the rules of the extension that sent it on (route/), its other devices stop ringing, and when nothing
 * comes of it to the next.  A device of a group only refuses.  305 and 380 name no number, and are refusals.
 *
 * Thread     core
 * Ownership  struct call has the numbers
 * Sources    RFC 3261 8.1.3.4, 21.3; RFC 5806
 */
#ifndef CALL_MOVED_H
#define CALL_MOVED_H

#include "call/leg.h"

/* What a refusal of a ringing leg says; anything but such a redirection leaves all as it is. */
void moved_read(struct leg *leg, const struct sip_msg *msg);
/* Routing has used up so many. */
void moved_used(struct call *call, size_t n);

#endif
