/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys between a leg and whom it talks to: a service, or another leg that may take them in another way.  Events in RTP and keys in
 * the voice are the engine's business; what comes or goes by SIP INFO is dealt with here.  Each is pressed once: a device that
 * presses in two ways at once is heard in the one that came first.
 *
 * Thread     core
 * Errors     a key that cannot be passed on is lost, and logged
 * Sources    RFC 4733; RFC 6086 (INFO without package), application/dtmf-relay and application/dtmf as phones send them
 */
#ifndef CALL_LEG_PRESS_H
#define CALL_LEG_PRESS_H

#include "call/leg.h"

struct keys_told;

/* It has gone out on, or come in over, a trunk: as that is set. */
void leg_press_on_trunk(struct leg *leg, uint64_t trunk_id);
/* Its description is to say how it may press keys: not what the other side's says. */
bool leg_press_is_fitted(const struct leg *leg);
bool leg_press_takes_events(const struct leg *leg);
/* How its keys go, as far as two descriptions leave it open. */
void leg_press_format(const struct leg *leg, const struct sdp_media *theirs,
		      struct media_format *f);
void leg_press_heard(struct leg *leg, char key); /* the engine has heard it press */
/* A key in an INFO; false: it is none, or goes to the other side as it is. */
bool leg_press_info(struct leg *leg, const struct sip_msg *info);
void leg_press_free(struct leg *leg);

#endif
