/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a trunk's header_rules make of messages: of ours before they are sent, of theirs before they are read.
 *
 * A rule that leaves no address where one must stand has not been: what stood there stays, and the log says so.  The dialog is
 * that of the messages as they came; only what is read of them is changed.  In ours the dialog keeps Request-URI, From, To and
 * Contact: they are shaped once, in the INVITE, or (Contact) when one is answered.
 *
 * Thread     core
 * Errors     ENOMEM; ENOSPC: it would be too large
 * Sources    requirements TRK-14; schema/header_rules.h
 */
#ifndef CALL_REWRITE_H
#define CALL_REWRITE_H

#include "call/shape.h"
#include "schema/header_rules.h"

int rewrite_out(const struct trunk *t, struct shape *s) MUST_USE;
/* Our Contact in answers to an INVITE of that trunk, and in what we ask in its dialog. */
void rewrite_contact(const struct trunk *t, struct buf *contact);
/* The other lines of what follows (sip_edit_h); without memory they are sent as they are. */
void rewrite_lines(uint64_t trunk_id, bool is_request, struct str fixed, struct str lines,
		   struct buf *out, void *calls);
/* *mp: a reference of it, to be given back: the same message when no rule speaks of it. */
int rewrite_in(struct sip_msg **mp, const struct trunk *t, const struct sip_msg *m,
	       enum header_rules_of of) MUST_USE;

#endif
