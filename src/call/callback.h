/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Automatic callback (EXT-26): who has found an extension busy, or has not been answered, books it; when that is free, the caller is
 * rung, then the other (originate.h).
 *
 *	booked → the other has no call any more, and for two seconds none → the caller is rung · gone
 *	  a caller with a call of its own, or another booking of the same extension before it → it waits on
 *	  cancelled, thirty minutes over, the caller not to be reached → gone
 *
 * An extension that was free when nobody answered is free again when it has had a call: its owner is back.
 *
 * Thread     core
 * Ownership  bookings belong to the calls; they end with the process
 * Errors     ENOENT: there is nothing to book, or to cancel.  ENOSPC: the extension has as many bookings as it may have.  ENOMEM
 */
#ifndef CALL_CALLBACK_H
#define CALL_CALLBACK_H

#include "call/leg.h"

enum {
	CALLBACK_MOST = 5, /* of one extension */
	CALLBACK_ALL = 10000,
	CALLBACK_MS = 30 * 60 * 1000
};

int callbacks_open(struct calls *cs) MUST_USE;
void callbacks_close(struct calls *cs);
/* number "": what the extension has called last, when that was busy or did not answer. */
int callback_book(struct calls *cs, uint64_t tenant_id, uint64_t extension_id,
		  const char *number) MUST_USE;
int callback_cancel(struct calls *cs, uint64_t tenant_id, uint64_t extension_id) MUST_USE;
/* A call is over: what its caller may book. */
void callback_call_over(struct call *call, enum reason reason);
/* It has no call any more. */
void callback_free(struct calls *cs, uint64_t tenant_id, uint64_t extension_id);

#endif
