/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an extension may do: the rights of all groups that it is in (GRP-1, GRP-2, GRP-3, PBX-1).
 *
 * Thread     the model's
 */
#ifndef MODEL_GROUPS_H
#define MODEL_GROUPS_H

#include "model/model.h"

enum model_right {
	MODEL_MAY_PAGE = 1,
	MODEL_MAY_CALL_OUT = 2,
};

/* Those that calls obey; what is seen and who signs in is the store's to know.  An extension that names no group has the rights of a group as it is when new. */
unsigned model_rights(const struct model *m, const struct extension *x);
bool model_is_in_group(const struct extension *x, uint64_t group_id);
/* Is `who` a monitor of a group that allows it and `target` is in? */
bool model_may_monitor(const struct model *m, const struct extension *who,
		       const struct extension *target);
/* Is `who` a manager of a group that `target` is in? */
bool model_is_manager_of(const struct extension *who, const struct extension *target);
/* PBX-1: may `who` take calls of `target`?  Of itself always; of others by a pickup group, or all while the tenant has none. */
bool model_may_pick_up(const struct model *m, const struct extension *who,
		       const struct extension *target);

#endif
