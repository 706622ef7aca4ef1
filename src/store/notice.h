/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is told by mail: owners of extensions of calls that nobody answered and of their new extension, administrators of emergency
 * calls.  Not for other folders.
 *
 * Thread     of the transaction that writes what they are told of: journal, writer
 * Errors     those of db.h; notice_welcome: ENOBUFS too many mails wait
 */
#ifndef STORE_NOTICE_H
#define STORE_NOTICE_H

#include "store/store_impl.h"

/* The call, if it is over and nobody answered it. */
int notice_missed(struct rows *r, uint64_t tenant_id, uint64_t call_id, int64_t now_us) MUST_USE;
int notice_event(struct rows *r, const struct event_record *ev, int64_t now_us) MUST_USE;
/* When there is a mail server. */
int notice_created(struct rows *r, const struct extension *x, int64_t now_us) MUST_USE;
/* *idp 0: mails of this kind are not sent. */
int notice_welcome(struct rows *r, const struct extension *x, int64_t now_us,
		   uint64_t *idp) MUST_USE;

#endif
