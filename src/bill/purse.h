/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What extensions and tenants may spend, and have spent: balances (BIL-3), and the limits against fraud (SEC-3).
 *
 * Money is reserved before what it pays for begins, and what was not used is returned, so that however many calls run at once
 * none of them spends what another has.  Every change is written down whole, as one record for each who pays; after a crash
 * what was reserved counts as spent.
 *
 * Thread     core
 * Units      money in millionths; wall clock in µs; a day is one of UTC
 * Ownership  purses belong to who made them; the model and the sink are borrowed
 * Errors     none: without memory the answer is no
 */
#ifndef BILL_PURSE_H
#define BILL_PURSE_H

#include "model/model.h"
#include "schema/record.h"

struct purses;

int purses_alloc(struct purses **pp, const struct model *m,
		 struct record_sink *sink /* NULL: nothing is written */) MUST_USE;
struct purses *purses_free(struct purses *p);
/* At start: what the last run has left. */
void purses_restore(struct purses *p, const struct spending_record *rec);

struct purse_owner {
	uint64_t tenant_id;
	uint64_t extension_id; /* 0: nobody pays; the tenant's limits hold */
	bool is_billed;	       /* of its balance */
};
enum purse_answer { PURSE_FINE, PURSE_BALANCE, PURSE_SPEND_LIMIT, PURSE_CALLS_PER_MINUTE };

/* Could it be reserved, and, is_call, one more call be made now? */
enum purse_answer purses_ask(const struct purses *p, const struct purse_owner *who, int64_t amount,
			     bool is_call, int64_t wall_us);
/* All of it, or nothing. */
enum purse_answer purses_reserve(struct purses *p, const struct purse_owner *who, int64_t amount,
				 int64_t wall_us);
/* What was reserved at `reserved_us` and not used. */
void purses_return(struct purses *p, const struct purse_owner *who, int64_t amount,
		   int64_t reserved_us);
void purses_count_call(struct purses *p, const struct purse_owner *who, int64_t wall_us);
/* The tenant has not called that country before; from now on it has. */
bool purses_is_new_country(struct purses *p, uint64_t tenant_id, struct str code);

struct purse_view {
	int64_t credit, balance, spent_today;
};
void purses_look(const struct purses *p, uint64_t tenant_id, uint64_t extension_id, int64_t wall_us,
		 struct purse_view *v);

#endif
