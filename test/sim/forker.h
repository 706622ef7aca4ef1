/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A proxy of the simulated world that forks: what comes for its one contact goes to two phones, and what both answer comes back
 * as RFC 3261 16.7 says: every 1xx and 2xx, of the refusals one, when both have refused.  It does not cancel the phone
 * that lost, so that second 2xx arrive.
 *
 * Thread     one
 */
#ifndef SIM_FORKER_H
#define SIM_FORKER_H

#include "world.h"

enum { FORKER_PHONES = 2, FORKER_REMEMBERS = 64 };

struct forker {
	struct node node;
	struct flow_sink sink;
	struct addr pbx, phone[FORKER_PHONES];
	struct forked { /* one INVITE */
		char branch[80];
		bool has_refused[FORKER_PHONES], is_answered;
	} forked[FORKER_REMEMBERS];
	unsigned next, answers; /* 2xx passed on */
};

int forker_init(struct forker *f, struct world *w, const char *ip, const struct addr *pbx,
		const struct addr *one, const struct addr *two) MUST_USE;
void forker_close(struct forker *f);

#endif
