/* SPDX-License-Identifier: GPL-3.0-or-later */
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
