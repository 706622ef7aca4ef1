/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording of calls (PBX-7): what two legs that are joined say to each other, when the tenant or the extension of one of them wants it.
 *
 * A file begins when both have been told of each other, and ends when they part; a further one follows when pictures come to
 * the call and those are wanted, or when a file has used up its share of the tenant's disk quota.  Each has a record, written when it begins and when it
 * has ended; one that was cut off by a crash is ended at the next start (store/recordings.h).
 *
 * TEN-2: a file gets a share of what the quota has left beyond the shares of others, so however many are written at once the
 * quota is kept.
 *
 * Thread     core
 * Units      bytes
 * Ownership  a call has at most one that is being written; until its end is told the recorder owns it
 * Errors     what cannot be recorded is logged, has a fault in its record, and breaks no call
 */
#ifndef CALL_RECORDER_H
#define CALL_RECORDER_H

#include "call/leg.h"

struct recorder;
struct recording_run;

int recorder_open(struct calls *cs) MUST_USE;
void recorder_close(struct calls *cs);
/* Two legs were joined, or have agreed on something new. */
void recorder_follow(struct call *call);
/* They part, or the call is over. */
void recorder_end(struct call *call);
/* It will be recorded as soon as it talks, so its media must come through us. */
bool recorder_wants(const struct leg *leg);
/* An event of the engine about a recording, or what announces one; false: about something else. */
bool recorder_event(struct calls *cs, struct leg *leg /* NULL: gone */,
		    const struct media_event *ev);

#endif
