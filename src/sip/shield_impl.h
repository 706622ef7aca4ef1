/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Private to shield*.c: the sources, and the operator's rules as they are looked up.
 *
 * Thread     core
 */
#ifndef SIP_SHIELD_IMPL_H
#define SIP_SHIELD_IMPL_H

#include "base/list.h"
#include "base/map.h"
#include "sip/shield.h"

/* The higher one wins. */
enum shield_verdict { SHIELD_NO_RULE, SHIELD_EXEMPT, SHIELD_FORBIDDEN, SHIELD_ALLOWED };

struct shield_rules {
	struct map by_net, by_id;
	size_t count, max;
	/* how many rules there are of each length: only those that occur are looked for */
	uint32_t lengths4[33], lengths6[129];
	uint32_t version; /* grows with each change */
};
int shield_rules_init(struct shield_rules *r, size_t max) MUST_USE;
void shield_rules_close(struct shield_rules *r);
int shield_rules_set(struct shield_rules *r, uint64_t id, const struct addr_net *net,
		     enum shield_verdict verdict, int64_t expires_us) MUST_USE;
void shield_rules_remove(struct shield_rules *r, uint64_t id);
/* *until_us: when the verdict may be another though no rule has changed (INT64_MAX: never). */
enum shield_verdict shield_rules_judge(const struct shield_rules *r, const struct addr *from,
				       int64_t now_us, int64_t *until_us);

#endif
