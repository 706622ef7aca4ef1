/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A REFER and the subscription that it makes: how the transferor hears what becomes of it.
 *
 * One NOTIFY is on its way at a time; what comes meanwhile replaces what has not been told yet, so the transferor never hears
 * things in the wrong order.  It may hang up at once: then the dialog is the subscription's alone, until the last word.
 *
 * Thread     core
 * Ownership  who asks for it has it until refer_close(); then it frees itself when the last NOTIFY is answered
 * Errors     a NOTIFY that is refused ends the subscription, never the call
 * Sources    RFC 3515, RFC 4488 (Refer-Sub), RFC 5057 (usages of a dialog), RFC 6665
 */
#ifndef CALL_REFER_H
#define CALL_REFER_H

#include "call/leg.h"

struct refer;

/* What a REFER asks for.  replaces: unescaped; empty: a blind transfer. */
struct refer_wish {
	char number[128];
	char replaces[512];
	char onward
		[256]; /* URI of somebody at the far side of the trunk that asks; "": the number counts */
	bool is_silent; /* Refer-Sub: false */
	bool is_secure; /* sips: TLS on every hop (RFC 3261 26.2.2) */
};
/* RFC 3515 2.4.1: it has exactly one Refer-To. */
bool refer_is_one(const struct sip_msg *req);
/* Read one.  0, or the status to refuse it with. */
unsigned refer_read(struct refer_wish *w, const struct leg *leg, const struct sip_msg *req);

/* Accept it with 202, and the NOTIFY of a 100.  ENOMEM: answered with 500. */
int refer_accept(struct refer **rp, struct leg *leg, const struct sip_inv_event *ev,
		 bool is_silent) MUST_USE;
void refer_tell(struct refer *r, unsigned status); /* a 1xx of what was referred to */
/* The last word; r NULL: nobody is to hear it. */
void refer_close(struct refer *r, unsigned status);

void refer_hung_up(struct leg *leg); /* the transferor's BYE: inside that event */
void refer_lose(struct leg *leg);    /* the leg's dialog is gone */
void refers_free(struct calls *cs);  /* at stop */

#endif
