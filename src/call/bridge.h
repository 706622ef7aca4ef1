/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bridge between two legs: what one offers is offered to the other, what that answers is answered to the first, and the
 * media engine follows.  The table is bridge.def.
 *
 * A bridge begins in the middle of its first negotiation: the fork has passed the caller's offer on (OFFERED), or its request
 * for one (ASKED).  Two legs that are both answered are introduced to each other: the one's description is offered to the other
 * (bridge_offer of a leg that is owed nothing), and where the answer is not what the first expects, that is offered to it in turn.
 * A later negotiation that fails leaves the session as it was.
 *
 * Thread     core
 * Ownership  a call owns its bridge; the legs are named by id
 * Errors     a device that breaks the protocol where nothing can be refused any more ends the call (PROTOCOL)
 * Sources    RFC 3261 14; RFC 3264 8; RFC 3311; RFC 6337 (which message carries what)
 */
#ifndef CALL_BRIDGE_H
#define CALL_BRIDGE_H

#include "call/leg.h"

enum bridge_state {
	BRIDGE_STABLE,
	BRIDGE_GROWING,
	BRIDGE_OFFERED,
	BRIDGE_ASKED,
	BRIDGE_WAITING,
	BRIDGE_NSTATES
};
enum bridge_ev {
	BEV_OFFER,
	BEV_ASK,
	BEV_READY,
	BEV_NO_ROOM,
	BEV_ANSWER,
	BEV_REFUSAL,
	BEV_BROKEN,
	BEV_GLARE,
	BEV_BUSY,
	BEV_TIMEOUT,
	BEV_NEVENTS
};

struct bridge;

/* a has offered (its leg's `offered`) or asked, and b has answered; ENOMEM */
int bridge_alloc(struct bridge **bp, struct call *call, const struct leg *a, const struct leg *b,
		 enum bridge_state st) MUST_USE;
struct bridge *bridge_free(struct bridge *br);
bool bridge_has(const struct bridge *br, const struct leg *leg);	 /* br NULL: false */
struct leg *bridge_peer(const struct bridge *br, const struct leg *leg); /* NULL: none, or gone */
enum bridge_state bridge_state(const struct bridge *br);
void bridge_legs(const struct bridge *br, struct leg **a, struct leg **b); /* NULL: gone */
/* Direct media begins or ends (direct.h): both are offered what they have said already, at the other address. */
void bridge_move(struct bridge *br, bool is_direct);

/* `by` holds the other side, or takes it back, though its device has not asked for that: the other is offered so, then the device itself.
 * EBUSY: something is being negotiated. */
int bridge_hold(struct bridge *br, struct leg *by, bool is_held) MUST_USE;

/* What a joined leg has sent.  Takes *descriptionp. */
void bridge_offer(struct bridge *br, struct leg *from, struct sdp **descriptionp);
void bridge_ask(struct bridge *br, struct leg *from);
void bridge_answer(struct bridge *br, struct leg *from, struct sdp **descriptionp);
void bridge_refusal(struct bridge *br, struct leg *from, unsigned status);
/* `from` takes back what it has offered (RFC 3261 9): so do we on the other side.  NULL bridge: nothing. */
void bridge_taken_back(struct bridge *br, struct leg *from);
void bridge_broken(struct bridge *br,
		   struct leg *from); /* a description was due and is missing or unusable */
void bridge_grown(struct bridge *br, struct leg *leg, int err);
/* Is a description of this leg due (in its 200 or ACK)? */
bool bridge_waits_for(const struct bridge *br, const struct leg *leg);
/* Is an answer to its 2xx due to this leg, in the ACK? */
bool bridge_owes(const struct bridge *br, const struct leg *leg);

#endif
