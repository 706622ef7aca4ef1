/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/thread.h"
#include "call/calls.h"
#include "call/leg_sip.h"
#include "call/within.h"

bool within_admits(const struct sip_dialog *d, struct sip_strans *st, const struct sip_msg *req,
		   void *arg)
{
	const struct leg *leg = sip_invite_of(d, leg_sip_event);
	struct calls *cs = arg;

	if (!leg || leg->trunk_id || !leg->account_id)
		return true;
	return registrar_prove_within(cs->conf.registrar, st, req, leg->rec.tenant_id,
				      leg->account_id);
}

void within_stray(struct sip_strans *st, const struct sip_msg *req, void *calls)
{
	const struct calls *cs = calls;
	struct str event = sip_msg_header(req, SIP_HDR_EVENT);
	struct identity who = {0};

	ON_THREAD(THREAD_CORE);
	/* Phones keep their NAT's mapping open with it, and would never answer a challenge. */
	if (req->method == SIP_NOTIFY && str_ieq(event, STR("keep-alive")))
		sip_refuse(st, 489, NULL, NULL);
	else if (registrar_identify(cs->conf.registrar, st, req, &who))
		(void)sip_reply(st, 481, NULL, NULL);
}
