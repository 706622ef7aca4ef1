/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that are held and transferred by others than the device: REST names the extension, and the call when it has several.
 *
 * The device is told as far as SIP can: of a hold by a re-INVITE, of a transfer that went well by a BYE.
 *
 * Thread     core
 * Errors     ENOENT no such call of the extension; ENOTUNIQ it has several, and none is named; EBUSY the call is not one that talks, or
 *	      something is being agreed on; EACCES, ECONNREFUSED (with *status), ENOMEM as call/transfer.h says
 * Sources    PBX-2, WEB-5
 */
#ifndef CALL_STEER_H
#define CALL_STEER_H

#include "call/call.h"

/* Which call of which extension; session_id 0: the one that fits. */
struct steer {
	uint64_t tenant_id, extension_id, session_id;
};

int steer_hold(struct calls *cs, const struct steer *what, bool is_held) MUST_USE;
/* Its other side is called on to that number, with the rights of the extension. */
int steer_refer(struct calls *cs, const struct steer *what, const char *number,
		unsigned *status) MUST_USE;
/* Its other side and that of the extension's other call are joined.  target_id 0: there are two calls. */
int steer_attended(struct calls *cs, const struct steer *what, uint64_t target_id) MUST_USE;

#endif
