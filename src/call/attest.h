/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STIR/SHAKEN on calls over trunks: ours are signed, theirs are checked against the certificates that are configured.
 *
 * A certificate is never fetched: one that is not configured is "no_certificate".  So no call makes us ask a web server of a
 * stranger's choice.
 *
 * Thread     core; a signature costs some 30 µs, a check 100 µs, of trunks that ask for it only
 * Errors     what cannot be signed goes unsigned; certificates that cannot be used are logged when they are configured
 * Sources    RFC 8224 4, 6.2; RFC 8588; ATIS-1000074 (verstat)
 */
#ifndef CALL_ATTEST_H
#define CALL_ATTEST_H

#include "call/leg.h"

struct attest;

int attest_open(struct calls *cs) MUST_USE;
void attest_close(struct calls *cs);
/* A call comes from a trunk: what its Identity is worth.  0, or the status to refuse it with. */
unsigned attest_check(struct leg *leg, const struct sip_msg *req);
/* Identity and Date for the INVITE to a trunk. */
void attest_sign(struct buf *lines, const struct leg *leg);
/* What was found, for the callee's phone: P-Asserted-Identity with verstat. */
void attest_write(struct buf *lines, const struct leg *leg);

#endif
