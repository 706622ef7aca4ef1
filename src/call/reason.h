/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a call or a leg ended: one table for SIP status, Q.850 cause, CDR and the operator's text (reason.def).
 */
#ifndef CALL_REASON_H
#define CALL_REASON_H

#include "base/str.h"

enum reason {
#define X(name, sip, q850, fault, text) REASON_##name,
#include "call/reason.def"
#undef X
	REASON_COUNT
};

const char *reason_name(enum reason r);	 /* "no_answer": as in the CDR */
unsigned reason_status(enum reason r);	 /* SIP status to refuse with */
unsigned reason_q850(enum reason r);
const char *reason_text(enum reason r);
enum reason reason_from_status(unsigned sip_status);

#endif
