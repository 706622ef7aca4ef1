/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "call/calls.h"
#include "call/early.h"
#include "call/leg_media.h"
#include "call/ringing.h"

static struct leg *other_of(const struct call *call, const struct leg *leg)
{
	struct leg *caller = leg_get(call->cs, call->caller);
	struct leg *heard = leg_get(call->cs, ringing_early(call->ring));

	if (!caller || !heard || !heard->theirs)
		return NULL;
	return leg == caller ? heard : leg == heard ? caller : NULL;
}

/* What it has said of itself last: a caller's offer waits for the answer that will put it in force. */
static struct sdp **description_of(struct leg *leg)
{
	return leg->is_caller && leg->offered ? &leg->offered : &leg->theirs;
}

static void refuse(struct leg *leg, unsigned status)
{
	struct sip_extra extra = {0};
	struct log_ctx ctx = leg_log(leg);
	int err;

	if (!leg->inv || leg_is_over(leg))
		return;
	if (status == 500)
		extra.headers = STR("Retry-After: 2\r\n");
	err = sip_invite_respond(leg->inv, status, &extra);
	if (err)
		log_debug(&ctx, LOGID_CALL, "an UPDATE could not be refused: %s", strerror(err));
}

static int pass_on(struct leg *to, const struct sdp *offer)
{
	struct sip_extra extra = {.content_type = STR("application/sdp")};
	int err = leg_sdp_relay(to, offer, NULL, &extra.body);

	return err ? err : sip_invite_update_early(to->inv, to->theirs_fork, &extra);
}

bool early_offer(struct call *call, struct leg *from, const struct sip_inv_event *ev)
{
	struct leg *to = call->ring ? other_of(call, from) : NULL;
	struct sdp *s = NULL;
	unsigned status;
	int err;

	if (!to || call->updating || !ev->sdp.n)
		return false;
	if (leg_sdp_parse(from, &s, ev->sdp, false, &status)) {
		refuse(from, status);
		return true;
	}
	if (leg_sdp_streams(s) > from->nstreams || leg_sdp_streams(s) > to->nstreams)
		err = EPROTO; /* more media: once it is answered */
	else
		err = pass_on(to, s);
	if (err) {
		sdp_free(s);
		if (err == EBUSY)
			return false;
		refuse(from, err == EPROTO ? 488 : 500);
		return true;
	}
	call->updating = from->id;
	call->update = s;
	return true;
}

static void put(struct leg *leg, struct sdp *s)
{
	struct sdp **at = description_of(leg);

	sdp_free(*at);
	*at = s;
	if (!leg->is_caller)
		leg->noffered = (uint8_t)s->nmedia;
	leg->is_updated = true;
}

/* Both follow what both have said now. */
static int put_in_force(struct leg *x, struct leg *y)
{
	int err = leg_media_remote(x, *description_of(x), *description_of(y));

	return err ? err : leg_media_remote(y, *description_of(y), *description_of(x));
}

void early_answer(struct call *call, struct leg *from, const struct sip_inv_event *ev)
{
	struct leg *x = leg_get(call->cs, call->updating);
	struct sip_extra extra = {.content_type = STR("application/sdp")};
	struct sdp *s = NULL;
	unsigned status;

	if (!x || x == from || !x->inv) {
		early_drop(call);
		return;
	}
	if (ev->status >= 300 || !ev->sdp.n || leg_sdp_parse(from, &s, ev->sdp, true, &status) ||
	    s->nmedia != call->update->nmedia) {
		sdp_free(s);
		call->updating = 0;
		call->update = sdp_free(call->update);
		refuse(x, ev->status == 491 ? 491 : 488);
		return;
	}
	put(x, call->update);
	put(from, s);
	call->updating = 0;
	call->update = NULL;
	if (put_in_force(x, from) || leg_sdp_relay(x, s, *description_of(x), &extra.body) ||
	    sip_invite_respond(x->inv, 200, &extra))
		call_end(call, REASON_OVERLOAD, 0, "system", STR_NONE);
}

void early_drop(struct call *call)
{
	struct leg *x = leg_get(call->cs, call->updating);

	if (!call->updating)
		return;
	call->updating = 0;
	call->update = sdp_free(call->update);
	if (x)
		refuse(x, 500);
}
