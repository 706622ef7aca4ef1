/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transfer: the transferor's REFER makes the transferee talk to somebody else.
 *
 * Blind: a new call is made for the target, with the transferor's rights and limits, the transferee as its caller.  Until the
 * target answers the first call stays as it is, so a target that is busy takes nothing from anybody.  Then the transferee's
 * leg moves into the new call, and the transferor has a moment to hang up by itself.
 *
 * Attended: the target's call with the transferor is there already, and the transferee takes the transferor's place in it; at
 * once, or (while it still rings) when the target answers.
 *
 *	first call   transferor ── transferee ··┐ moves when the target answers
 *	new call                                └·· transferee ── target
 *
 * Thread     core
 * Ownership  a transfer belongs to the two calls; it ends with either, or when it has succeeded
 * Sources    RFC 3515, RFC 3891, RFC 3892, RFC 4488, RFC 4538, RFC 5589
 */
#ifndef CALL_TRANSFER_H
#define CALL_TRANSFER_H

#include "call/leg.h"

struct transfer;

/* A REFER outside of any dialog (sip_request_h; arg: calls): who sends it proves who it is first.  It is about the call that its
 * Target-Dialog names, when that is the sender's own; else nobody is made to call. */
void transfer_stray(struct sip_strans *st, const struct sip_msg *req, void *calls);
void transfer_refer(struct leg *leg, const struct sip_inv_event *ev); /* REFER within a dialog */

/* Without a REFER (steer.h): who transfers hears nothing of it, and is hung up on when it went well.  EBUSY: not as it is now; EACCES: it may
 * not call there; ECONNREFUSED: that has failed already, with *status; ENOMEM. */
int transfer_blind(struct leg *leg, const char *number, unsigned *status) MUST_USE;
/* Who talks to `leg` and who talks to, or is rung by, `other` talk to each other. */
int transfer_attended(struct leg *leg, struct leg *other) MUST_USE;

/* What the calls report. */
void transfer_progress(struct call *to, unsigned status);
/* The target has answered: the transferee becomes a leg of `to`.  Then the two may be joined. */
void transfer_answered(struct call *to);
/* An ACK has come.  True: its call was waited for by a transfer, and is now one of the other two. */
bool transfer_acked(struct leg *leg);
/* Either call ends. */
void transfer_call_over(struct call *call, enum reason reason, unsigned status);
/* Both are freed, at stop: nobody is told. */
void transfer_free(struct call *call);
/* A leg of the first call is gone.  True: that was the transferor, and the transferee waits on. */
bool transfer_leg_gone(struct call *from, const struct leg *leg);
bool transfer_has(const struct call *from, const struct leg *leg); /* the transferee */
/* It is whom `to` is made for, and still a leg of the first call. */
bool transfer_is_for(const struct call *to, const struct leg *leg);
/* Referred-By, for the INVITE to the target. */
void transfer_write_lines(const struct call *to, struct buf *lines);

#endif
