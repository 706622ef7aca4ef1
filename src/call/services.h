/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The service that has a call: started by its name, told what happens, stopped when it lets go or the call ends.
 *
 * A service is never stopped inside an event of its own: its state is given back by the reaper, a moment later.
 *
 * Thread     core
 * Ownership  a call owns its running service; what has left waits in calls->dead_services
 * Errors     services_start: ENOENT nobody registered that name; what start() gave
 */
#ifndef CALL_SERVICES_H
#define CALL_SERVICES_H

#include "call/owner.h"

int services_start(struct call *call) MUST_USE; /* as call->plan says */
void services_event(struct call *call, enum owner_event_type type, oid leg,
		    enum reason reason); /* none: nothing */
void services_tell(struct call *call, const struct owner_event *ev);
bool services_take_any_codec(const struct call *call); /* of the one that has it; true: none has */
/* The service loses the call: told OWNER_ENDED (reason), stopped soon. */
void services_leave(struct call *call, enum reason reason);
void services_reap(struct calls *cs);

#endif
