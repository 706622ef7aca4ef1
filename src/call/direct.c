/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/bridge.h"
#include "call/calls.h"
#include "call/direct.h"
#include "call/leg_keys.h"
#include "call/leg_media.h"
#include "call/recorder.h"
#include "sip/uri.h"

static bool is_allowed(const struct leg *leg)
{
	const struct account *acc =
		model_account(leg->cs->conf.model, leg->rec.tenant_id, leg->account_id);

	return !leg->trunk_id && acc && acc->direct_media && acc->srtp != SRTP_USE_REQUIRED &&
	       leg->nat != NAT_CHOICE_ALWAYS && leg->flow.transport != FLOW_WS &&
	       leg->flow.transport != FLOW_WSS && !leg->converts && !leg_keys_wanted(leg) &&
	       !recorder_wants(leg);
}

/* No NAT is between the device and us, as far as an address of its shows. */
static bool is_near(const struct leg *leg, const struct addr *a)
{
	return leg->nat == NAT_CHOICE_NEVER || addr_ip_eq(a, &leg->flow.remote);
}

static bool is_plain(const struct leg *leg, const struct sdp *s)
{
	if (!s->nmedia || s->nmedia > MEDIA_MAX_STREAMS || leg_sdp_is_held(s))
		return false;
	for (size_t i = 0; i < s->nmedia; i++) {
		const struct sdp_media *m = &s->media[i];

		if (m->port && (!m->rtp.family || m->is_held || !is_near(leg, &m->rtp) ||
				sdp_protection_of(s, m) != SDP_PLAIN))
			return false;
	}
	return true;
}

static bool reach(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && addr_is_private(a) == addr_is_private(b);
}

/* Both press keys in the same way, or want nothing converted. */
static bool press_alike(const struct leg *a, const struct leg *b)
{
	return a->dtmf == b->dtmf || a->dtmf == DTMF_CHOICE_PASS || b->dtmf == DTMF_CHOICE_PASS;
}

static bool has_events(const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nformats; i++)
		if (str_ieq(m->formats[i].encoding, STR("telephone-event")))
			return true;
	return false;
}

static bool lines_fit(const struct leg *a, const struct sdp_media *of_a, const struct leg *b,
		      const struct sdp_media *of_b)
{
	bool is_passed = a->dtmf == DTMF_CHOICE_PASS || b->dtmf == DTMF_CHOICE_PASS;

	return !of_a->port || !of_b->port ||
	       (reach(&of_a->rtp, &of_b->rtp) &&
		(is_passed || has_events(of_a) == has_events(of_b)));
}

bool direct_fits(const struct leg *a, const struct sdp *of_a, const struct leg *b,
		 const struct sdp *of_b)
{
	if (!is_allowed(a) || !is_allowed(b) || !of_a || !of_b || !is_plain(a, of_a) ||
	    !is_plain(b, of_b) || !press_alike(a, b))
		return false;
	for (size_t i = 0; i < of_a->nmedia && i < of_b->nmedia; i++)
		if (!lines_fit(a, &of_a->media[i], b, &of_b->media[i]))
			return false;
	return true;
}

bool direct_may_begin(const struct leg *caller)
{
	return is_allowed(caller) && caller->offered && is_plain(caller, caller->offered);
}

/* By where it says that it is; what it will describe is looked at when it answers. */
bool direct_may_ring(const struct leg *caller, const struct leg *leg, const struct contact *c)
{
	struct sip_uri uri;
	struct addr a;

	if (caller->st != LEG_READY || !caller->is_direct || caller->session != LEG_SESSION_NONE ||
	    !is_allowed(leg) || !press_alike(caller, leg))
		return false;
	if (sip_uri_parse(&uri, str_of(c->uri)) || addr_parse(&a, uri.host, 0) || !is_near(leg, &a))
		return false;
	for (size_t i = 0; i < caller->offered->nmedia; i++)
		if (caller->offered->media[i].port && !reach(&caller->offered->media[i].rtp, &a))
			return false;
	return true;
}

static bool is_at_rest(const struct leg *leg)
{
	return leg && leg->st == LEG_UP && leg->owes == LEG_OWES_NOTHING && leg->theirs;
}

void direct_consider(struct call *call)
{
	struct leg *a, *b;
	bool is_wanted;

	if (call->st != CALL_TALKING || call->service || call->transfer || call->stays_put ||
	    !call->bridge || bridge_state(call->bridge) != BRIDGE_STABLE)
		return;
	bridge_legs(call->bridge, &a, &b);
	if (!is_at_rest(a) || !is_at_rest(b))
		return;
	is_wanted = direct_fits(a, a->theirs, b, b->theirs);
	if (is_wanted != a->is_direct)
		bridge_move(call->bridge, is_wanted);
}
