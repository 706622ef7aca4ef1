/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Another device takes a leg's place: an INVITE with Replaces, or a code (pickup_code.h).  Of a ringing call anybody who may pick it
 * up takes it; of one that talks only the same party (the call goes on at another device of the extension, or in another call of
 * the trunk), and by code who may pick up, when the other side is on hold.
 *
 *	new leg: its media opens → it is answered, with what the other side says of itself when they share a codec,
 *	else with a description of ours and a re-INVITE behind it → the other side is answered, or introduced to it
 *
 * Thread     core
 * Ownership  the new leg belongs to the call it comes into from its first moment, so it has no call or record of its own
 * Errors     481, 486, 491, 603, 403: to the new leg; the call it wanted stays as it is
 * Sources    RFC 3891
 */
#ifndef CALL_PICKUP_H
#define CALL_PICKUP_H

#include "call/replaces.h"

/* May they take the leg's place?  0, or the status to refuse with. */
unsigned pickup_refusal(const struct replaces *r, const struct replaces_party *who,
			const struct leg *leg);
/* The new leg, just made, in the call of `leg`. */
void pickup_begin(struct leg *by, const struct leg *leg, bool is_early_only);
/* A leg whose media is open, moved into the call of `leg`; who may is settled. */
void pickup_by_code(struct leg *by, const struct leg *leg);
bool pickup_is_ringing(const struct leg *leg); /* for somebody who waits */
bool pickup_is_held(const struct leg *leg);    /* it holds who it talks to */
/* What conduct.c hears of the new leg; false: it is none. */
bool pickup_opened(struct leg *by);
bool pickup_acked(struct leg *by);
bool pickup_gone(struct leg *by);

#endif
