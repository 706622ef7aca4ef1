/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside route/: how a decision is written. */
#ifndef ROUTE_INSIDE_H
#define ROUTE_INSIDE_H

#include "route/route.h"
#include "schema/enums.h"

void decision_step(struct route_decision *d, bool has_won, struct str rule, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void decision_refuse(struct route_decision *d, enum route_refusal why);

void decision_to_service(struct route_decision *d, const char *service, uint64_t id);

/* dest.c: what d->dest leads to; outside: the number when it is an external one. */
void decision_to_dest(const struct route_query *q, struct route_decision *d, struct str rule,
		      const char *outside);
/* Whose number it is in the tenant; an external number when nobody's. */
struct dest dest_of_number(const struct route_query *q, struct str number);
bool decision_was_tried(const struct route_query *q, const struct route_decision *d); /* d->dest */
void decision_number(struct route_decision *d, const char *number);

/* forward.c: what an extension has set for calls to it.  True: the decision is made. */
bool forward_first(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext);
bool forward_after(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext, enum route_outcome outcome);
/* A device of it has named another number: d->dest. */
void forward_moved(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext, const char *number);
/* How long its devices ring. */
uint32_t forward_patience(const struct route_query *q, const struct extension *ext);

/* pickup.c: is it a code by which calls are taken?  True: the decision is made. */
bool pickup_code(const struct route_query *q, struct route_decision *d);

/* caller_id.c: what is shown on d->trunk_id.  of_rule: that of the outbound rule, for who has none; NULL: no rule decided. */
void caller_id_choose(const struct route_query *q, struct route_decision *d, const char *wanted,
		      const char *of_rule);
/* The tenant's pool on a trunk, or NULL. */
const struct did_pool *caller_id_pool(const struct route_query *q, uint64_t trunk_id);
/* TRK-13: a number of the tenant's own, or one that the administrator has listed. */
bool caller_id_may_show(const struct route_query *q, const struct did_pool *p, const char *number);

/* country.c, RTE-5: as it is sent; when that says no country, as it was dialled. */
bool country_is_allowed(const struct route_query *q, struct str sent);
bool country_is_barred(const struct route_query *q, struct str number); /* a disallowed code */

/* outside.c */
/* The emergency number dialled, or NULL. */
const struct emergency_number *outside_emergency(const struct route_query *q);
void outside_emergency_call(const struct route_query *q, struct route_decision *d,
			    const struct emergency_number *n);
/* A number that nobody in the tenant has: over which trunk? */
void outside_call(const struct route_query *q, struct route_decision *d);
/* To where the far side of a trunk has sent it, over that trunk. */
void outside_onward(const struct route_query *q, struct route_decision *d);
/* A call that came from a trunk: false, and it is refused. */
bool outside_is_welcome(const struct route_query *q, struct route_decision *d);
const struct inbound_rule *outside_inbound(const struct route_query *q, struct route_decision *d);

/* TRK-8: the trunk it came from is a PBX of the tenant; a call to one, with the number kept. */
bool outside_is_pbx(const struct route_query *q);
void outside_to_pbx(const struct route_query *q, struct route_decision *d, uint64_t trunk_id,
		    struct str rule);

/* Is there money for a call to `number`?  False: it is refused. */
bool outside_is_paid(const struct route_query *q, struct route_decision *d, struct str number,
		     uint64_t payer_id, enum call_direction direction);

#endif
