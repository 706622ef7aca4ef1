/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/meter.h"
#include "call/negotiate.h"
#include "call/record.h"
#include "call/served.h"
#include "call/services.h"

enum { RETRY_MS = 250 };

static void give_up(struct leg *leg, enum reason reason)
{
	leg->serving = LEG_SERVING_NOTHING;
	leg_ack(leg);
	call_end(leg->call, reason, 0, "system", STR_NONE);
}

static void ask_again(struct timer *t, void *arg);

static void ask(struct leg *leg)
{
	struct call *call = leg->call;
	int err = leg_ask(leg);

	if (!err)
		leg->serving = LEG_SERVING_ASKED;
	else if (err == EBUSY) /* something was on its way to it, which comes to an end */
		timer_start(call->cs->conf.env.wheel, &call->origin, RETRY_MS, ask_again, call);
	else
		give_up(leg, REASON_OVERLOAD);
}

static void ask_again(struct timer *t, void *arg)
{
	struct call *call = arg;
	struct leg *leg = leg_get(call->cs, call->caller);

	if (leg && leg->serving == LEG_SERVING_DUE)
		ask(leg);
}

int served_begin(struct call *call, struct leg *caller)
{
	enum reason why;
	int err = leg_media_part(caller);

	if (err)
		return err;
	if (!meter_open_inbound(caller, 0, &why))
		return EDQUOT;
	meter_start(caller);
	record_call_answered(call, NULL);
	record_segment_begin(call, caller, NULL, call->service->kind->name);
	caller->serving = LEG_SERVING_DUE;
	caller->is_direct = false;
	if (!caller->nstreams)
		return leg_media_grow(caller, 1);
	ask(caller);
	return 0;
}

bool served_grown(struct leg *leg, int err)
{
	if (leg->serving != LEG_SERVING_DUE)
		return false;
	if (err)
		give_up(leg, REASON_MEDIA_FAILED);
	else
		ask(leg);
	return true;
}

/* Its offer, answered; or what it has said before, when it does not like to be asked. */
static int agree(struct leg *leg, const struct sip_inv_event *ev)
{
	unsigned status;
	int err;

	if (ev->status >= 300)
		return leg->theirs ? negotiate_follow_own(leg, leg->theirs) : EPROTO;
	if (!ev->sdp.n)
		return EPROTO;
	leg->offered = sdp_free(leg->offered);
	err = leg_sdp_parse(leg, &leg->offered, ev->sdp, false, &status);
	return err ? err : negotiate_describe(leg);
}

bool served_described(struct leg *leg, const struct sip_inv_event *ev)
{
	if (leg->serving != LEG_SERVING_ASKED)
		return false;
	leg->serving = LEG_SERVING_NOTHING;
	if (agree(leg, ev)) {
		give_up(leg, REASON_NOT_ACCEPTABLE);
		return true;
	}
	if (leg_is_over(leg))
		return true;
	record_leg_kept(leg);
	services_event(leg->call, OWNER_ANSWERED, leg->id, REASON_NORMAL);
	return true;
}
