/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a call costs: the guide's formula in whole numbers.
 *
 *	(connect fee + interval 1 · price 1 / 60 + n · interval N · price N / 60) · (1 + surcharge)
 *
 * n counts the intervals begun after interval 1 and the free seconds.  Rounded once, at the end, half up.
 *
 * Thread     any; pure
 * Units      money and the surcharge in millionths (0.01 = 10000), time in whole seconds
 * Errors     none: a price beyond what fits is INT64_MAX
 * Sources    BIL-1
 */
#ifndef BILL_BILL_H
#define BILL_BILL_H

#include "base/defs.h"

struct bill_rate {
	int64_t connect_fee, price_1, price_n; /* prices per minute */
	int64_t surcharge;
	int64_t grace_s, free_s, interval_1_s, interval_n_s;
};

int64_t bill_cost(const struct bill_rate *r, int64_t talk_s);
/* With n intervals N: what it costs when it has outlasted the grace period, and how long it may then last. */
int64_t bill_cost_of(const struct bill_rate *r, int64_t n);
int64_t bill_seconds_of(const struct bill_rate *r, int64_t n);

#endif
