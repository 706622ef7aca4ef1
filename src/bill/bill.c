/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bill/bill.h"

__extension__ typedef __int128 wide;

int64_t bill_cost_of(const struct bill_rate *r, int64_t n)
{
	const wide per = (wide)60 * 1000000;
	wide cost;

	/* sixtieths of millionths, so that nothing is divided before the end */
	cost = (wide)r->connect_fee * 60 + (wide)r->interval_1_s * r->price_1 +
	       (wide)n * r->interval_n_s * r->price_n;
	if (cost > (wide)INT64_MAX * 60)
		return INT64_MAX;
	cost = (cost * (1000000 + r->surcharge) + per / 2) / per;
	return cost > INT64_MAX ? INT64_MAX : (int64_t)cost;
}

int64_t bill_seconds_of(const struct bill_rate *r, int64_t n)
{
	return r->interval_1_s + r->free_s + n * r->interval_n_s;
}

int64_t bill_cost(const struct bill_rate *r, int64_t talk_s)
{
	int64_t beyond = talk_s - bill_seconds_of(r, 0);

	if (talk_s < r->grace_s)
		return 0;
	return bill_cost_of(r, beyond > 0 ? (beyond + r->interval_n_s - 1) / r->interval_n_s : 0);
}
