/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replaces: the dialog that another one takes the place of, in the target of a REFER or in an INVITE.
 *
 * Thread     core
 * Ownership  a struct replaces borrows from the text it was read from
 * Sources    RFC 3891, RFC 4538
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
/* Target-Dialog (RFC 4538), which names a dialog in the same way. */
int replaces_read_target(struct replaces *r, struct str value) MUST_USE;
/* NULL: we have no such dialog. */
struct leg *replaces_find(struct calls *cs, const struct replaces *r);
/* May that leg be replaced?  0, or 481, 486 (answered, and early-only), 603 (over), 491 (on its way elsewhere). */
unsigned replaces_status(const struct replaces *r, const struct leg *leg);
/* Who asks. */
struct replaces_party {
	uint64_t tenant_id, extension_id, trunk_id;
};
struct replaces_party replaces_party_of(const struct leg *leg);
/* Is it the leg's own party: a device of the same extension, or of the same trunk? */
bool replaces_is_party(const struct replaces_party *who, const struct leg *leg);

#endif
