/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TRK-14: what rules about headers must fulfil, told with the rule's place.
 */
#include <errno.h>
#include <stdio.h>
#include "schema/header_rules.h"
#include "store/edit.h"

int edit_check_header_rules(struct edit *e, struct object *o, const struct object *before)
{
	const struct trunk *t = (struct trunk *)o;

	for (size_t i = 0; i < t->header_rules.n; i++) {
		struct header_rule_why why;
		char field[64];
		int err = header_rule_check((const struct header_rule *)t->header_rules.v[i], &why);

		if (err == EINVAL) {
			(void)snprintf(field, sizeof(field), "header_rules[%zu].%s", i, why.field);
			field_error_add(&e->errs, field, why.code, "%s", why.message);
		} else if (err) {
			return err;
		}
	}
	return 0;
}
