/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who calls, when a call is only supposed (RTE-9): what its INVITE says, read as that of a real one.  Such a call is among no calls, and
 * none of its legs is known by an id.
 *
 * Thread     core
 * Ownership  calls_would_come() makes it, calls_would_end() frees it
 */
#ifndef CALL_SUPPOSED_H
#define CALL_SUPPOSED_H

#include "call/calls.h"

struct supposed {
	struct call call;
	struct leg leg; /* the caller's */
};

#endif
