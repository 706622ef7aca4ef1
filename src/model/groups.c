/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/groups.h"

static const unsigned rights_of_none = MODEL_MAY_CALL_OUT;

static const struct extension_group_member *line_of(const struct extension *x, size_t i)
{
	return (const struct extension_group_member *)x->member_of.v[i];
}

static const struct extension_group *group_of(const struct model *m, const struct extension *x,
					      uint64_t id)
{
	return (const struct extension_group *)model_object(m, &resource_extension_group,
							    x->o.tenant_id, id);
}

unsigned model_rights(const struct model *m, const struct extension *x)
{
	unsigned rights = x->member_of.n ? 0 : rights_of_none;

	for (size_t i = 0; i < x->member_of.n; i++) {
		const struct extension_group *g = group_of(m, x, line_of(x, i)->group_id);

		if (!g)
			continue;
		rights |= g->may_page ? MODEL_MAY_PAGE : 0;
		rights |= g->may_call_out ? MODEL_MAY_CALL_OUT : 0;
	}
	return rights;
}

bool model_is_in_group(const struct extension *x, uint64_t group_id)
{
	for (size_t i = 0; i < x->member_of.n; i++)
		if (line_of(x, i)->group_id == group_id)
			return true;
	return false;
}

bool model_may_monitor(const struct model *m, const struct extension *who,
		       const struct extension *target)
{
	for (size_t i = 0; i < who->member_of.n; i++) {
		const struct extension_group_member *l = line_of(who, i);
		const struct extension_group *g = group_of(m, who, l->group_id);

		if (l->may_monitor && g && g->allow_monitor &&
		    model_is_in_group(target, l->group_id))
			return true;
	}
	return false;
}

bool model_is_manager_of(const struct extension *who, const struct extension *target)
{
	for (size_t i = 0; i < who->member_of.n; i++)
		if (line_of(who, i)->role == GROUP_ROLE_MANAGER &&
		    model_is_in_group(target, line_of(who, i)->group_id))
			return true;
	return false;
}
