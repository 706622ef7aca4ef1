/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many connections there are, in all and from each address (IPv6: each /64), so that one peer cannot take them all.
 *
 * Thread     guard_enter, guard_leave: flow threads (a lock inside, never taken by the core); guard_add, guard_sub: any
 * Errors     EMFILE: as many in all as may be · EUSERS: as many from this address · ENOMEM
 */
#ifndef NET_GUARD_H
#define NET_GUARD_H

#include "base/addr.h"

struct guard;

int guard_alloc(struct guard **gp, size_t max, size_t max_per_address) MUST_USE;
struct guard *guard_free(struct guard *g);
int guard_enter(struct guard *g, const struct addr *from) MUST_USE; /* one that came in */
void guard_leave(struct guard *g, const struct addr *from);
int guard_add(struct guard *g) MUST_USE; /* one that goes out: counts in all only */
void guard_sub(struct guard *g);
size_t guard_count(const struct guard *g);

#endif
