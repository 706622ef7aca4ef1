/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a trunk's header_rules make of an INVITE: of ours before it is sent, of theirs before it is read.
 *
 * A rule that leaves no address where one must stand has not been: what stood there stays, and the log says so.  The dialog is
 * that of the INVITE as it came; only what is read of it is changed.
 *
 * Thread     core
 * Errors     ENOMEM; ENOSPC: it would be too large
 * Sources    requirements TRK-14; schema/header_rules.h
 */
#ifndef CALL_REWRITE_H
#define CALL_REWRITE_H

#include "call/shape.h"

/* Request-URI, From, To, Contact and the other lines, as one text. */
void rewrite_write(struct buf *out, const struct shape *s);
int rewrite_out(const struct trunk *t, struct shape *s) MUST_USE;
/* *mp: a reference of it, to be given back: the same message when no rule speaks of it. */
int rewrite_in(struct sip_msg **mp, const struct trunk *t, const struct sip_msg *req) MUST_USE;

#endif
