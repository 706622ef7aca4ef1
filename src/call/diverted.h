/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way a call has come before it rings: what whoever sent it to us says of that, when that is believed, and where it was
 * sent on here.  Told to whom it rings in Diversion and in History-Info.
 *
 * A trunk learns the number that it is shown for us, never those of our extensions.  What a caller who is not to be named has
 * said is passed to nobody.
 *
 * Thread     core
 * Errors     without memory the way is told shorter
 * Sources    RFC 5806 (Diversion), RFC 7044 (History-Info), RFC 3323
 */
#ifndef CALL_DIVERTED_H
#define CALL_DIVERTED_H

#include "call/calls.h"

/* What a new call brings along; nothing of callers who are not trusted. */
void diverted_read(const struct leg *caller, const struct sip_msg *req);
/* It is sent on from those numbers. */
void diverted_add(struct call *call, const struct route_via *via, size_t n);
/* Header lines of the INVITE to a leg, whose number there is `target`.  shown: what a trunk knows us by, and its domain. */
void diverted_write(struct buf *lines, const struct leg *leg, struct str target, struct str shown,
		    struct str domain);
/* What another call has brought along. */
void diverted_copy(struct call *call, const struct call *from);
void diverted_free(struct call *call);

#endif
