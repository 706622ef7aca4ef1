/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replaces: the dialog that another one takes the place of, in the target of a REFER or in an INVITE.
 *
 * Thread     core
 * Ownership  a struct replaces borrows from the text it was read from
 * Sources    RFC 3891
 */
#ifndef CALL_REPLACES_H
#define CALL_REPLACES_H

#include "call/leg.h"

struct replaces {
	struct str call_id, to_tag, from_tag;
	bool is_early_only;
};

/* EINVAL: not in the grammar. */
int replaces_read(struct replaces *r, struct str value) MUST_USE;
/* NULL: we have no such dialog. */
struct leg *replaces_find(struct calls *cs, const struct replaces *r);
/* May that leg be replaced?  0, or 481, 486 (answered, and early-only), 603 (over), 491 (on its way elsewhere). */
unsigned replaces_status(const struct replaces *r, const struct leg *leg);
/* Are the two legs of the same party: devices of one extension, or calls of one trunk? */
bool replaces_is_party(const struct leg *a, const struct leg *b);

#endif
