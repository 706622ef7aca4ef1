/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/negotiate.h"
#include "call/pickup.h"
#include "call/record.h"
#include "call/recorder.h"
#include "call/ringing.h"
#include "call/usage.h"
#include "model/groups.h"

bool pickup_is_ringing(const struct leg *leg)
{
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);

	return leg->member && leg->call->ring && caller &&
	       (caller->st == LEG_READY || caller->st == LEG_UP);
}

bool pickup_is_held(const struct leg *leg)
{
	return leg->st == LEG_UP && leg->theirs && leg_sdp_is_held(leg->theirs) &&
	       bridge_peer(leg->call->bridge, leg) && !leg->call->transfer;
}

/* What rings at an extension, those may take who may pick up from it (PBX-1), if they may have one more call (EXT-14). */
static bool may_pick_up(const struct replaces_party *who, const struct leg *leg)
{
	const struct calls *cs = leg->cs;
	const struct extension *ext =
		model_extension(cs->conf.model, who->tenant_id, who->extension_id);
	const struct extension *target =
		model_extension(cs->conf.model, who->tenant_id, leg->extension_id);

	if (who->trunk_id || !ext || !target || !model_may_pick_up(cs->conf.model, ext, target))
		return false;
	return !ext->max_calls ||
	       usage_calls(cs, who->tenant_id, ext->o.id) < (size_t)ext->max_calls;
}

unsigned pickup_refusal(const struct replaces *r, const struct replaces_party *who,
			const struct leg *leg)
{
	unsigned status = replaces_status(r, leg);

	if (!leg || leg->rec.tenant_id != who->tenant_id)
		return 481;
	if (pickup_is_ringing(
		    leg)) /* a call that is being transferred to it may be picked up too */
		return may_pick_up(who, leg) || replaces_is_party(who, leg) ? 0 : 403;
	if (status)
		return status;
	if (leg->st != LEG_UP) /* RFC 3891 3: an early dialog that we have not begun */
		return 481;
	if (!replaces_is_party(who, leg))
		return 403;
	return bridge_peer(leg->call->bridge, leg) ? 0 : 603;
}

static void note(struct leg *by, const struct leg *leg)
{
	struct log_ctx ctx = leg_log(by);

	by->replaces = leg->id;
	log_info(&ctx, LOGID_CALL, "%s takes the place of %s", by->rec.number, leg->rec.number);
}

void pickup_begin(struct leg *by, const struct leg *leg, bool is_early_only)
{
	note(by, leg);
	by->is_early_only = is_early_only;
	leg_event(by, LEV_OPEN, &(struct leg_msg){0});
}

void pickup_by_code(struct leg *by, const struct leg *leg)
{
	note(by, leg);
	by->is_by_code = true;
	(void)pickup_opened(by);
}

static void give_up(struct leg *by, unsigned status)
{
	by->replaces = 0;
	leg_hangup(by, REASON_FAILED, status, STR_NONE);
}

/* Both have offered; each may take the other's offer for the answer. */
static bool fits(const struct leg *by, const struct sdp *other)
{
	return by->offered && other && leg_sdp_fit(by->offered, other);
}

/* Answer it with what the other side has said of itself. */
static int answer_directly(struct leg *by, const struct sdp *other)
{
	struct str sdp;
	int err = leg_sdp_relay(by, other, by->offered, &sdp);

	if (err)
		return err;
	by->theirs = by->offered;
	by->offered = NULL;
	return leg_send_sdp(by, sdp);
}

/* The ring is won, and the caller hears of it now. */
static void win(struct call *call, struct leg *caller, struct leg *by)
{
	by->replaces = 0;
	call_taken(call, caller, by);
}

static void take_ringing(struct call *call, struct leg *by)
{
	struct leg *caller = leg_get(call->cs, call->caller);
	int err;

	if (caller->st == LEG_READY && caller->owes == LEG_OWES_FINAL &&
	    fits(by, caller->offered)) {
		err = answer_directly(by, caller->offered);
		if (!err && !leg_is_over(by))
			win(call, caller, by);
	} else {
		err = negotiate_describe(by); /* on, when it has acknowledged that */
	}
	if (err)
		give_up(by, err == EPROTO || err == ENOTSUP ? 488 : 500);
}

static void take_talking(struct leg *leg, struct leg *by)
{
	struct leg *peer = bridge_peer(leg->call->bridge, leg);
	bool is_held = leg->theirs && leg_sdp_is_held(leg->theirs); /* and says so of itself */
	int err = !is_held && fits(by, peer->theirs) ? answer_directly(by, peer->theirs)
						     : negotiate_describe(by);

	if (err)
		give_up(by, err == EPROTO || err == ENOTSUP ? 488 : 500);
}

/* Things may have changed since it asked. */
static struct leg *still_wanted(struct leg *by)
{
	struct leg *leg = leg_get(by->cs, by->replaces);
	const struct replaces_party who = replaces_party_of(by);
	struct replaces r = {.is_early_only = by->is_early_only};
	unsigned status = 603;

	if (leg && by->is_by_code && (pickup_is_ringing(leg) || pickup_is_held(leg)))
		status = 0;
	else if (leg && !by->is_by_code)
		status = pickup_refusal(&r, &who, leg);
	if (!status)
		return leg;
	give_up(by, status);
	return NULL;
}

bool pickup_opened(struct leg *by)
{
	struct leg *leg;

	if (!by->replaces)
		return false;
	leg = still_wanted(by);
	if (leg && leg->st == LEG_UP)
		take_talking(leg, by);
	else if (leg)
		take_ringing(by->call, by);
	return true;
}

static void replace_talking(struct call *call, struct leg *leg, struct leg *by)
{
	struct leg *peer = bridge_peer(call->bridge, leg);

	record_segment_end(call);
	recorder_end(call);
	call->bridge = bridge_free(call->bridge);
	negotiate_interrupt(peer);
	if (call->caller == leg->id)
		call->caller = by->id;
	usage_replace(call, leg->extension_id, by->extension_id);
	by->replaces = 0;
	leg_hangup(leg, REASON_TRANSFERRED, 0, STR_NONE);
	call_introduce(call, peer, by);
}

bool pickup_acked(struct leg *by)
{
	struct call *call = by->call;
	struct leg *leg;

	if (!by->replaces)
		return false;
	leg = leg_is_over(by) ? NULL : still_wanted(by);
	if (leg && leg->st == LEG_UP)
		replace_talking(call, leg, by);
	else if (leg)
		win(call, leg_get(call->cs, call->caller), by);
	return true;
}

bool pickup_gone(struct leg *by)
{
	if (!by->replaces)
		return false;
	by->replaces = 0;
	return true;
}
