/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How often somebody may try a password: per address and user name, and per address.  Tries are counted when they start, so
 * that a hundred at once are no way around; a success gives its try back.  An IPv6 address counts as its /64.
 *
 * Thread     one owner
 * Units      milliseconds of the clock handed in
 */
#ifndef BASE_THROTTLE_H
#define BASE_THROTTLE_H

#include "base/addr.h"

enum {
	THROTTLE_PER_USER = 5, /* tries of one user name from one address in a window */
	THROTTLE_PER_ADDRESS = 30,
	THROTTLE_WINDOW_MS = 60000,
	THROTTLE_MAX_KEYS = 65536, /* beyond, the key that was not used for longest is forgotten */
};

struct throttle;

int throttle_alloc(struct throttle **tp) MUST_USE;
struct throttle *throttle_free(struct throttle *t);
/* 0: go on (counted); else seconds to wait before the next try, and nothing is counted. */
uint32_t throttle_try(struct throttle *t, const struct addr *from, struct str user,
		      uint64_t now_ms);
/* One more of at most `limit` in a window, of what `who` names.  0: it may; else seconds to wait. */
struct throttle_left {
	uint32_t left, reset_s;
};
uint32_t throttle_take(struct throttle *t, struct str who, uint32_t limit, uint64_t now_ms,
		       struct throttle_left *left);
void throttle_succeeded(struct throttle *t, const struct addr *from, struct str user);

#endif
