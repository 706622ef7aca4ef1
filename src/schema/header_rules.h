/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules that add, remove and replace headers, as a pure function over text: the live switch, the simulator and the check of what
 * is configured have the same.
 *
 * The text is header lines ("Name: value\r\n", names written out, values unfolded), the Request-URI among them as if it were one.
 * Each rule sees what the one before it left.  A search that would take too long has found nothing (base/pattern.h).
 *
 * Thread     any; values only
 * Errors     EINVAL: *why says which field of the rule is wrong and how; ENOMEM
 * Sources    TRK-14; RFC 3261 7.3.1, 25.1
 */
#ifndef SCHEMA_HEADER_RULES_H
#define SCHEMA_HEADER_RULES_H

#include "base/buf.h"
#include "schema/types.h"

/* What the text is of. */
enum header_rules_of { HEADER_RULES_INVITE, HEADER_RULES_REQUEST, HEADER_RULES_ANSWER };

struct header_rule_why {
	const char *field, *code;
	char message[160];
};

int header_rule_check(const struct header_rule *r, struct header_rule_why *why) MUST_USE;
bool header_rules_any(const struct object_list *rules, int direction /* enum call_direction */,
		      enum header_rules_of of);
/* Also what is wrong with it goes into out->err. */
void header_rules_apply(const struct object_list *rules, int direction, enum header_rules_of of,
			struct str text, struct buf *out);

#endif
