/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is written down of a call: its record, its legs', the segments in which two ends were joined, and what continues a
 * confirmed leg.  An answer is in the journal before the caller's 200 leaves; an end as soon as it is known.
 *
 * Thread     core
 * Units      wall clock, µs
 * Errors     none here: a record that cannot be kept is logged and counted by the sink; calls go on
 */
#ifndef CALL_RECORD_H
#define CALL_RECORD_H

#include "call/leg.h"

void record_call_begin(struct call *call); /* in progress */
void record_call_ringing(
	struct call *call); /* first device that rings; later ones change nothing */
void record_call_answered(struct call *call, const struct leg *callee /* NULL: a service */);
void record_call_cost(struct call *call); /* what it costs so far */
/* Status by what happened and why.  It is written at once, and has its end when nothing is left to say of its legs, or after a
 * second: who finds an ended call finds its legs with it. */
void record_call_over(struct call *call, enum reason reason, unsigned status, const char *by);
/* It has no leg any more, or is freed; nothing, while it goes on. */
void record_call_closed(struct call *call);

void record_leg_begin(struct leg *leg);
void record_leg_ringing(struct leg *leg);
void record_leg_answered(struct leg *leg); /* written */
void record_leg_kept(struct leg *leg); /* it is confirmed, or its dialog or session has changed */
void record_leg_over(struct leg *leg, enum reason reason, unsigned status, const char *by);
void record_leg_moved(struct leg *leg, struct call *to); /* it begins anew in `to` */
void record_leg_counters(struct leg *leg, const struct media_counters *c);
void record_leg_closed(struct leg *leg); /* written; what was kept is marked as ended */

void record_segment_begin(struct call *call, const struct leg *a, const struct leg *b,
			  const char *service);
void record_segment_end(struct call *call); /* the open one, if any */

#endif
