/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an extension has set for calls to it, in the order of EXT-21: exceptions, the lines for "always", and when its devices could not
 * be rung or nobody answered, the line for that cause.  A line for the extension's status weighs more than one for any status, which
 * is the failover of EXT-16; one for where the call comes from weighs more than one for any origin.
 */
#include <stdio.h>
#include <string.h>
#include "route/inside.h"
#include "schema/did.h"

static enum forward_origin origin_of(const struct route_query *q)
{
	return q->is_transfer	  ? FORWARD_ORIGIN_TRANSFER
	       : q->from_trunk_id ? FORWARD_ORIGIN_EXTERNAL
				  : FORWARD_ORIGIN_INTERNAL;
}

/* 0: the line says nothing about this call. */
static unsigned weight(const struct extension_forward *f, int status, enum forward_origin origin)
{
	bool is_of_status = f->status == status, is_of_origin = f->origin == (int)origin;

	if ((!is_of_status && f->status != FORWARD_STATUS_ANY) ||
	    (!is_of_origin && f->origin != FORWARD_ORIGIN_ANY))
		return 0;
	return 1 + 2 * is_of_status + is_of_origin;
}

static const struct extension_forward *
find(const struct route_query *q, const struct extension *ext, int status, enum forward_cause cause)
{
	const struct extension_forward *best = NULL;
	unsigned best_weight = 0;

	for (size_t i = 0; i < ext->forwards.n; i++) {
		const struct extension_forward *f =
			(const struct extension_forward *)ext->forwards.v[i];
		unsigned w = f->cause == (int)cause ? weight(f, status, origin_of(q)) : 0;

		if (w > best_weight) {
			best_weight = w;
			best = f;
		}
	}
	return best;
}

static void send_on(const struct route_query *q, struct route_decision *d,
		    const struct extension *ext, enum route_outcome outcome, bool is_always,
		    const struct dest *to, const char *number)
{
	char rule[48];

	if (d->nvia == ROUTE_MAX_FORWARDS)
		return decision_refuse(d, ROUTE_REFUSAL_LOOP);
	d->via[d->nvia] = (struct route_via){
		.dest = {DEST_KIND_EXTENSION, ext->o.id},
		.outcome = outcome,
		.is_always = is_always,
	};
	(void)snprintf(d->via[d->nvia].number, sizeof(d->via[0].number), "%s", ext->number);
	d->nvia++;
	d->on_behalf_id = ext->o.id;
	d->dest = *to;
	(void)snprintf(rule, sizeof(rule), "forwarded by %.32s", ext->number);
	decision_to_dest(q, d, str_of(rule), number);
}

static const char *const cause_text[] = {
	[FORWARD_CAUSE_ALWAYS] = "always",
	[FORWARD_CAUSE_NO_ANSWER] = "no answer",
	[FORWARD_CAUSE_BUSY] = "busy",
	[FORWARD_CAUSE_UNAVAILABLE] = "unavailable",
};

static bool follow(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext, int status, enum forward_cause cause,
		   enum route_outcome outcome)
{
	const struct extension_forward *f = find(q, ext, status, cause);

	if (!f) {
		if (ext->forwards.n)
			decision_step(d, false, STR("forwards"), "%.32s has none for %s",
				      ext->number, cause_text[cause]);
		return false;
	}
	decision_step(d, true, STR("forwards"), "%.32s: %s", ext->number, cause_text[cause]);
	send_on(q, d, ext, outcome, cause == FORWARD_CAUSE_ALWAYS, &f->destination,
		f->destination_number);
	return true;
}

static bool is_time_for(const struct route_query *q, const struct extension *ext,
			const struct extension_exception *x)
{
	bool is_open;

	if (x->time_frame == TIME_FRAME_ANY)
		return true;
	is_open = model_office_of(q->model, ext, x->office_hours_id, q->wall_us) == OFFICE_OPEN;
	return is_open == (x->time_frame == TIME_FRAME_OFFICE_HOURS);
}

/* EXT-5 */
static bool except(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext)
{
	struct str caller = did_plain(q->caller);

	for (size_t i = 0; i < ext->exceptions.n; i++) {
		const struct extension_exception *x =
			(const struct extension_exception *)ext->exceptions.v[i];
		struct did_range mask;
		struct did_why why;

		if (*x->caller_mask && !str_eq(str_of(x->caller_mask), q->caller) &&
		    (did_mask_parse(&mask, str_of(x->caller_mask), &why) ||
		     !did_range_has(&mask, caller)))
			continue;
		if (!is_time_for(q, ext, x))
			continue;
		decision_step(d, true, STR("exceptions"), "%.32s: caller %.32s", ext->number,
			      *x->caller_mask ? x->caller_mask : "any");
		send_on(q, d, ext, ROUTE_UNAVAILABLE, true, &x->destination, x->destination_number);
		return true;
	}
	if (ext->exceptions.n)
		decision_step(d, false, STR("exceptions"),
			      "%.32s has none for this caller and time", ext->number);
	return false;
}

bool forward_first(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext)
{
	if (except(q, d, ext))
		return true;
	return find(q, ext, ext->status, FORWARD_CAUSE_ALWAYS) &&
	       follow(q, d, ext, ext->status, FORWARD_CAUSE_ALWAYS, ROUTE_UNAVAILABLE);
}

bool forward_after(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext, enum route_outcome outcome)
{
	switch (outcome) {
	case ROUTE_NO_ANSWER:
		return follow(q, d, ext, ext->status, FORWARD_CAUSE_NO_ANSWER, outcome);
	case ROUTE_BUSY:
	case ROUTE_DECLINED:
		return follow(q, d, ext, ext->status, FORWARD_CAUSE_BUSY, outcome);
	case ROUTE_UNAVAILABLE:
	case ROUTE_MOVED:
		break;
	}
	/* nobody there: a status of its own (EXT-6), with lines for always or for unavailable */
	for (enum forward_cause c = FORWARD_CAUSE_UNAVAILABLE;; c = FORWARD_CAUSE_ALWAYS) {
		const struct extension_forward *f = find(q, ext, FORWARD_STATUS_NOT_REGISTERED, c);

		if (f && f->status == FORWARD_STATUS_NOT_REGISTERED)
			return follow(q, d, ext, FORWARD_STATUS_NOT_REGISTERED, c, outcome);
		if (c == FORWARD_CAUSE_ALWAYS)
			break;
	}
	return follow(q, d, ext, ext->status, FORWARD_CAUSE_UNAVAILABLE, outcome);
}

void forward_moved(const struct route_query *q, struct route_decision *d,
		   const struct extension *ext, const char *number)
{
	struct dest to = d->dest;

	send_on(q, d, ext, ROUTE_MOVED, false, &to, number);
}

uint32_t forward_patience(const struct route_query *q, const struct extension *ext)
{
	const struct extension_forward *f = find(q, ext, ext->status, FORWARD_CAUSE_NO_ANSWER);

	return (uint32_t)(f && f->seconds ? f->seconds : ext->ring_seconds);
}
