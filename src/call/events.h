/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What calls tell on the bus (base/events.def; requirement CDR-4).
 *
 * Thread     core
 */
#ifndef CALL_EVENTS_H
#define CALL_EVENTS_H

#include "base/bus.h"
#include "call/leg.h"

/* TRK-12: a trunk calls a number that is nobody's; at most once a second. */
void events_unknown(struct calls *cs, const struct trunk *t, const char *number,
		    const struct flow *from);
void events_call(struct call *call, enum bus_kind kind, const char *reason); /* about the caller */
void events_target(struct leg *leg, enum bus_kind kind, const char *reason); /* about one device */

#endif
