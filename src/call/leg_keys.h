/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a leg's media is protected: what its account or trunk wants (ACC-7), which keys we give it, what its descriptions must say.
 *
 *   off        plain only; what offers nothing else is refused
 *   optional   keys are taken from a device that offers them, in RTP/SAVP or beside RTP/AVP; we offer them where signalling is
 *              encrypted, beside RTP/AVP, so that a device without SRTP answers plain
 *   required   RTP/SAVP; a plain offer gets 488, a plain answer ends the leg
 *
 * Keys come from the description (SDES) or from a hand-shake (DTLS).  An offer with either is answered; we offer what the account says
 * (`srtp_keys`): DTLS with ICE over WebSocket, else keys in the description.
 *
 * Once protected a leg stays so: a later offer or answer without keys is refused (no downgrade by re-INVITE).
 *
 * Our keys and ICE passwords are made from one secret of the leg, so that they are the same in each description of it: a re-INVITE changes no key
 * by accident, and nothing is stored per stream.
 *
 * Thread     core
 * Errors     leg_keys_check EPROTO: no line of it can be taken; ENOBUFS: the engine's ring is full
 * Sources    RFC 4568 5.1, 7.1; RFC 3264 6; RFC 5763 5; RFC 8842 5; RFC 8445 9; ADR 0013
 */
#ifndef CALL_LEG_KEYS_H
#define CALL_LEG_KEYS_H

#include "call/leg.h"

struct leg_guard { /* room for what a struct sdp_guard borrows */
	struct sdp_crypto crypto[SDP_NSUITES];
	struct sdp_ice ice;
};

/* A description that came from the leg: lines that break its policy are switched off (port 0).  EPROTO: none is left. */
int leg_keys_check(const struct leg *leg, struct sdp *theirs, bool is_answer) MUST_USE;
/* Our side of line i in a description for the leg: the answer to `offer`, or (NULL) an offer that has `proto` in the line.  false: the line must
 * be refused. */
bool leg_keys_describe(struct leg *leg, const struct sdp *offer, struct str proto, size_t i,
		       struct leg_guard *room, struct sdp_guard *guard);
bool leg_keys_wanted(const struct leg *leg); /* we would offer it keys, or it has some */
/* The line of a description of the leg's whose port line i shares with us (BUNDLE); itself: its own. */
size_t leg_keys_carrier(const struct leg *leg, const struct sdp *theirs, size_t i);
/* Tell the engine which keys line i of the leg's description in force means, when they have changed. */
int leg_keys_apply(struct leg *leg, const struct sdp *theirs, uint8_t i) MUST_USE;

#endif
