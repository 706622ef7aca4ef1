/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "main/past.h"

static int past_open(void **pastp)
{
	struct past *p = mem_alloc(sizeof(*p));
	int err;

	if (!p)
		return ENOMEM;
	err = model_alloc(&p->model);
	if (!err) {
		model_give(p->model);
		err = route_index_alloc(&p->index, p->model);
	}
	if (err)
		past_close(p);
	else
		*pastp = p;
	return err;
}

static int past_load(struct store_change *change, void *past)
{
	struct past *p = past;
	struct model_change c = {.tenant_id = change->tenant_id,
				 .revision = change->revision,
				 .res = change->res,
				 .id = change->id,
				 .after = change->after};
	int err = model_load(p->model, &c);

	change->after = c.after;
	return err;
}

void past_close(void *past)
{
	struct past *p = past;

	if (!p)
		return;
	model_free(p->model);
	route_index_free(p->index);
	mem_free(p);
}

const struct store_past past_maker = {past_open, past_load, past_close};
