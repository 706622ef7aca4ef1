/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests that have a model: objects put into it, as committed changes are. */
#ifndef MODEL_TESTING_H
#define MODEL_TESTING_H

#include "model/model.h"
#include "schema/testing.h"

/* json NULL: it goes. */
static inline void testing_put(struct model *m, const struct resource *r, uint64_t tenant,
			       uint64_t id, const char *json)
{
	struct model_change c = {tenant, model_revision(m, tenant) + 1, r, id,
				 json ? testing_make(r, json) : NULL};

	if (c.after) {
		c.after->tenant_id = tenant;
		c.after->id = id;
		c.after->revision = c.revision;
	}
	assert_int_equal(model_apply(m, &c), 0);
}

#endif
