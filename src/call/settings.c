/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "call/settings.h"

static int obey(struct calls *cs, const struct sip_setting *set)
{
	struct sip *sip = cs->conf.sip;
	int err = 0;

	if (set->reliable)
		err = sip_support(sip, "100rel");
	else
		sip_unsupport(sip, "100rel");
	sip_set_session_timer(sip, set->session_timer ? (uint32_t)set->session_seconds : 0);
	return err;
}

static int obey_defaults(struct calls *cs)
{
	struct object *o = object_alloc(&resource_sip_setting);
	int err;

	if (!o)
		return ENOMEM;
	err = obey(cs, (const struct sip_setting *)o);
	object_free(o);
	return err;
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	const struct object *o;
	int err;

	if (res != &resource_sip_setting)
		return;
	o = model_object(m, res, tenant_id, id);
	err = o ? obey(arg, (const struct sip_setting *)o) : obey_defaults(arg);
	if (err)
		log_error(NULL, LOGID_CALL, "the settings of SIP are not obeyed: %s",
			  strerror(err));
}

int settings_open(struct calls *cs)
{
	int err = obey_defaults(cs);

	if (!err)
		err = model_watch(cs->conf.model, changed, cs);
	if (!err)
		model_tell_all(cs->conf.model, &resource_sip_setting, 0, changed, cs);
	return err;
}
