/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/calls.h"
#include "call/replaces.h"

/* ours, theirs: the names of the parameters with our tag and with the other side's. */
static int read_dialog(struct replaces *r, struct str *value, struct str ours, struct str theirs)
{
	*r = (struct replaces){.call_id = str_trim(str_cut(value, ';'))};
	if (!r->call_id.n || !sip_param(*value, ours, &r->to_tag) ||
	    !sip_param(*value, theirs, &r->from_tag) || !r->to_tag.n || !r->from_tag.n)
		return EINVAL;
	return 0;
}

int replaces_read_target(struct replaces *r, struct str value)
{
	return read_dialog(r, &value, STR("local-tag"), STR("remote-tag"));
}

int replaces_read(struct replaces *r, struct str value)
{
	struct str none;
	int err = read_dialog(r, &value, STR("to-tag"), STR("from-tag"));

	if (err)
		return err;
	r->is_early_only = sip_param(value, STR("early-only"), &none);
	return 0;
}

struct leg *replaces_find(struct calls *cs, const struct replaces *r)
{
	struct leg *leg =
		sip_invite_find(cs->conf.sip, r->call_id, r->to_tag, r->from_tag, leg_sip_event);

	/* Some phones write the tags as they stand in their own messages. */
	return leg ? leg
		   : sip_invite_find(cs->conf.sip, r->call_id, r->from_tag, r->to_tag,
				     leg_sip_event);
}

unsigned replaces_status(const struct replaces *r, const struct leg *leg)
{
	if (!leg)
		return 481;
	if (leg->st >= LEG_RELEASED || leg->call->st == CALL_OVER)
		return 603; /* RFC 3891 3: it was one of ours, and is over */
	if (leg->call->transfer)
		return 491;
	if (r->is_early_only && leg->st == LEG_UP)
		return 486;
	return 0;
}

struct replaces_party replaces_party_of(const struct leg *leg)
{
	return (struct replaces_party){leg->rec.tenant_id, leg->extension_id, leg->trunk_id};
}

bool replaces_is_party(const struct replaces_party *who, const struct leg *leg)
{
	if (who->tenant_id != leg->rec.tenant_id)
		return false;
	if (who->trunk_id || leg->trunk_id)
		return who->trunk_id == leg->trunk_id;
	return who->extension_id && who->extension_id == leg->extension_id;
}
