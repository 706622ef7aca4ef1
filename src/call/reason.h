/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a call or a leg ended: one table for SIP status, Q.850 cause, CDR and the operator's text (reason.def), and one for
 * what a device's refusal means to the caller (status.def).
 *
 * Thread     any; constants only
 * Sources    RFC 3261 16.7 and 21, RFC 3326 (Reason), Q.850
 */
#ifndef CALL_REASON_H
#define CALL_REASON_H

#include "base/buf.h"

enum reason {
#define X(name, lower, sip, q850, fault, text) REASON_##name,
#include "call/reason.def"
#undef X
	REASON_COUNT
};

const char *reason_name(enum reason r); /* "no_answer": as in the CDR */
unsigned reason_status(enum reason r); /* SIP status to refuse with; 480 where the table has none */
unsigned reason_q850(enum reason r);
bool reason_is_fault(enum reason r);
const char *reason_text(enum reason r);
enum reason reason_from_status(unsigned sip_status);
/* What the caller gets when the only device refused with sip_status (3xx included: nothing is redirected yet). */
unsigned reason_status_for_caller(unsigned sip_status);
/* Which of two failures of a fork is told: the higher one.  EXT-16: rung and unanswered beats busy beats unavailable. */
unsigned reason_rank(enum reason r);
/* "Reason: …\r\n" for a BYE or CANCEL we send; writes nothing where there is nothing to say. */
void reason_write_header(struct buf *out, enum reason r);

#endif
