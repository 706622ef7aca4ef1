/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a call ends: in one place, call_end(), whatever the reason; and what legs report that may be one.
 */
#include <string.h>

#include "base/ids.h"
#include "base/log.h"
#include "call/callback.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/lines.h"
#include "call/meter.h"
#include "call/music.h"
#include "call/originate.h"
#include "call/pickup.h"
#include "call/record.h"
#include "call/recorder.h"
#include "call/ringing.h"
#include "call/services.h"
#include "call/transfer.h"
#include "call/usage.h"

void call_leg_gone(struct call *call, struct leg *leg, enum reason reason, unsigned status,
		   struct str headers)
{
	const char *by = leg->id == call->caller ? "caller" : "callee";

	if (call->st == CALL_OVER || pickup_gone(leg) ||
	    originate_gone(leg, reason, status, headers))
		return;
	if (strcmp(leg->rec.ended_by, "system") == 0)
		by = "system"; /* we had to give it up */
	if (leg->member)
		ringing_leg_gone(call->ring, leg, reason, status, headers);
	else if (transfer_leg_gone(call, leg))
		return;
	else if (leg->id == call->caller || bridge_has(call->bridge, leg) ||
		 transfer_has(call, leg))
		call_end(call, reason, status, by, headers);
}

static void publish_end(struct call *call, enum reason reason)
{
	if (call->rec.answered_at || reason == REASON_CANCELLED || reason == REASON_PICKED_UP)
		events_call(call, BUS_CALL_ENDED, reason_name(reason));
	else if (reason == REASON_NO_ANSWER)
		events_call(call, BUS_CALL_NOANSWER, reason_name(reason));
	else
		events_call(call, BUS_CALL_FAIL, reason_name(reason));
}

void call_end(struct call *call, enum reason reason, unsigned status, const char *by,
	      struct str headers)
{
	struct buf line = {0};

	if (call->st == CALL_OVER)
		return;
	call->st = CALL_OVER;
	timer_cancel(&call->origin);
	usage_remove(call);
	LIST_EACH (it, &call->legs)
		meter_settle(CONTAINER_OF(it, struct leg, in_call), true);
	record_call_over(call, reason, status ? status : reason_status(reason), by);
	callback_call_over(call, reason);
	publish_end(call, reason);
	transfer_call_over(call, reason, status); /* first: nobody hears a NOTIFY behind a BYE */
	if (!headers.n) {
		reason_write_header(&line, reason);
		headers = buf_view(&line);
	}
	call->ring = ringing_free(call->ring, reason == REASON_NORMAL ? REASON_CANCELLED : reason,
				  headers);
	recorder_end(call);
	call->bridge = bridge_free(call->bridge);
	services_leave(call, reason);
	LIST_EACH_SAFE (it, tmp, &call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (!leg->is_caller && leg->rec.answered_at)
			events_target(leg, BUS_TARGET_ENDED, reason_name(reason));
		if (leg->st != LEG_RELEASED)
			leg_hangup(leg, reason, leg->is_caller ? status : 0, headers);
	}
	buf_free(&line);
	if (list_empty(&call->legs))
		record_call_closed(call);
	if (!call->nalive)
		call_bury(call);
}

void call_leg_closed(struct call *call, struct leg *leg)
{
	meter_settle(leg, true);
	list_remove(&leg->in_call);
	ids_remove(call->cs->legs, leg->id);
	list_append(&call->cs->dead_legs, &leg->in_call);
	if (list_empty(&call->legs))
		record_call_closed(call);
	calls_reap_soon(call->cs);
}

void call_leg_silent(struct call *call, struct leg *leg)
{
	struct leg *peer = bridge_peer(call->bridge, leg);
	struct log_ctx ctx = leg_log(leg);

	/* On hold either side may be quiet for hours. */
	if (call->transfer || leg->is_direct || (leg->theirs && leg_sdp_is_held(leg->theirs)) ||
	    (peer && peer->theirs && leg_sdp_is_held(peer->theirs)))
		return;
	log_warn(&ctx, LOGID_MEDIA_SILENT, "no RTP from %s for %u s: hanging up", leg->rec.number,
		 call->cs->conf.silence_ms / 1000);
	call_end(call, REASON_NO_MEDIA, 0, "system", STR_NONE);
}

/* ASVS 17.2.8: what cannot be proven to be the described device is not talked to. */
void call_leg_broken(struct call *call, struct leg *leg, int err)
{
	struct log_ctx ctx = leg_log(leg);

	log_warn(&ctx, LOGID_MEDIA, "%s with %s: hanging up",
		 err == EACCES	    ? "another certificate than described"
		 : err == ETIMEDOUT ? "no ICE check for 30 s"
				    : "the DTLS hand-shake failed",
		 leg->rec.number);
	call_end(call, err == ETIMEDOUT ? REASON_NO_MEDIA : REASON_MEDIA_FAILED, 0, "system",
		 STR_NONE);
}

void call_leg_heard(struct call *call, struct leg *leg)
{
	services_event(call, OWNER_HEARD, leg->id, REASON_NORMAL);
}

void call_leg_held(struct call *call, struct leg *leg, bool is_held)
{
	music_follow(leg);
	events_target(leg, is_held ? BUS_CALL_HOLD : BUS_CALL_UNHOLD, NULL);
	lines_changed(leg);
}
