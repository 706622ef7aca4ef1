/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls in progress of each tenant and each extension: what limits are held against.
 *
 * A call counts for its tenant and its caller from the INVITE to its end, for the called extension from its answer.
 *
 * Thread     core
 * Errors     none: without memory a call goes uncounted, never unanswered
 */
#ifndef CALL_USAGE_H
#define CALL_USAGE_H

#include "call/leg.h"

void usage_add(struct call *call);
void usage_add_extension(struct call *call, uint64_t extension_id);
/* Another has taken the extension's place in the call.  by 0 (somebody outside): who brought the call about answers for it. */
void usage_replace(struct call *call, uint64_t extension_id, uint64_t by);
void usage_remove(struct call *call);
size_t usage_calls(const struct calls *cs, uint64_t tenant_id,
		   uint64_t extension_id /* 0: of the tenant */);
void usage_close(struct calls *cs);

#endif
