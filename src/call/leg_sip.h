/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A leg's side towards the SIP stack: its INVITE with the caller's identity, and requests within its dialog.
 *
 * Who calls is told from the account and its extension, never from what the phone claims: From is written here, and nothing
 * of the caller's headers is copied (P-Asserted-Identity, Remote-Party-ID, Diversion, X-…).
 *
 * Thread     core
 * Errors     leg_sip_dial: errno of the stack; nothing was sent
 * Sources    RFC 3261 8.1.1, 12.1.1, 13.2; RFC 3325 (what is dropped)
 */
#ifndef CALL_LEG_SIP_H
#define CALL_LEG_SIP_H

#include "call/leg.h"

/* Contact header value towards a flow: <sip:number@address;transport=…>, or <sips:…>.  ENOMEM; errno of the edge */
int leg_sip_contact(struct buf *out, struct calls *cs, const struct flow *flow, struct str number,
		    const char *name /* that we go by there; NULL: our address */,
		    bool is_secure) MUST_USE;
/* Send the INVITE to the contact this leg was made for.  sdp empty: the device shall offer. */
int leg_sip_dial(struct leg *leg, struct str sdp) MUST_USE;
/* INFO, OPTIONS, MESSAGE … within the dialog */
void leg_sip_request(struct leg *leg, const struct sip_inv_event *ev);
/* Answer for those that were passed on to this leg and will get no answer: its usage is over. */
void leg_sip_forget_requests(struct leg *leg);
/* The Reason header lines of a message, to be passed on with the same end; out is emptied first. */
void leg_sip_reasons(struct buf *out, const struct sip_msg *msg);

/* Has the caller asked not to be named?  An emergency service hears of everybody. */
bool leg_hides_caller(const struct leg *leg);

#endif
