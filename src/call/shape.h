/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape of a call over a trunk: which number, name and host stand where in its INVITE.
 *
 * Usual values first, then what the caller asked for (X-Outbound-Cli, bound to the tenant's numbers), then the trunk's own
 * outbound_parameters in order, then its header_rules (call/rewrite.h).  Whoever is not to be named is not named by them either.
 *
 * Thread     core
 * Sources    requirements TRK-7, TRK-9, TRK-10, TRK-13; RFC 3261 8.1.1; RFC 3325
 */
#ifndef CALL_SHAPE_H
#define CALL_SHAPE_H

#include "call/party.h"
#include "schema/types.h"

struct shape {
	struct buf uri, from, to, contact, lines; /* lines: identity and diversion headers, whole */
};

/* Release with shape_close(), whatever it returned. */
int shape_call(struct shape *s, struct leg *leg) MUST_USE;
void shape_close(struct shape *s);

/* The caller's wishes in its INVITE (X-Outbound-Cli), into its call. */
void shape_read_wishes(struct call *call, const struct sip_msg *req);
/* inbound_parameters: what stands there instead of the usual place; false: nothing, or no such rule. */
bool shape_read(const struct trunk *t, int what, const struct sip_msg *req, char *dst,
		size_t dst_bytes);
/* The number in such a header; false: there is none. */
bool shape_user_of(const struct sip_msg *req, int header, char *dst, size_t dst_bytes);

#endif
