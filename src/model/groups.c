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

static const struct extension_pickup_group *pickup_line(const struct extension *x, size_t i)
{
	return (const struct extension_pickup_group *)x->pickup_groups.v[i];
}

static bool picks_up_from(const struct extension *who, uint64_t group_id)
{
	for (size_t i = 0; i < who->pickup_groups.n; i++)
		if (pickup_line(who, i)->group_id == group_id)
			return pickup_line(who, i)->may_pick_up;
	return false;
}

bool model_may_pick_up(const struct model *m, const struct extension *who,
		       const struct extension *target)
{
	const struct tenant *t = model_tenant(m, who->o.tenant_id);

	if (who->o.id == target->o.id)
		return true;
	if (!t || !t->pickup)
		return false;
	if (!model_count_in(m, &resource_pickup_group, t->o.id))
		return true;
	for (size_t i = 0; i < target->pickup_groups.n; i++)
		if (pickup_line(target, i)->is_member &&
		    picks_up_from(who, pickup_line(target, i)->group_id))
			return true;
	return false;
}
