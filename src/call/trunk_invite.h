/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The INVITE of a call over a trunk, before it is sent: its shape (call/shape.h), what it says of the way it came, who vouches for
 * its caller, where it goes.  The live switch sends it, the simulator shows it.
 *
 * Thread     core
 * Ownership  conf borrows from the rest
 * Errors     ENOENT: there is no such trunk; those of the trunk's answer to a challenge; ENOMEM
 * Sources    requirements TRK-2, TRK-7, TRK-11, TRK-14, RTE-9
 */
#ifndef CALL_TRUNK_INVITE_H
#define CALL_TRUNK_INVITE_H

#include "call/shape.h"
#include "sip/invite.h"

struct trunk_invite {
	struct shape shape;
	struct buf lines, routes;
	struct sip_invite_conf conf; /* whole but for the offer */
};

/* again: the response that asked for credentials, or a longer session; NULL at first.  Release with trunk_invite_close(), whatever
 * it returned. */
int trunk_invite_write(struct trunk_invite *w, struct leg *leg,
		       const struct sip_msg *again) MUST_USE;
void trunk_invite_close(struct trunk_invite *w);

#endif
