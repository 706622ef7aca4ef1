/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is the office open (RTE-7)?  A week of opening times, holidays before it, all in the tenant's time zone.
 *
 * office_at() is pure: the rules, on values that are given.  The model keeps what it needs for each tenant
 * (struct offices) and asks it in model_office().
 *
 * Thread     the model's
 * Errors     office_prepare(): ENOMEM, nothing changed.  A time zone that cannot be read is UTC
 */
#ifndef MODEL_OFFICE_H
#define MODEL_OFFICE_H

#include "base/zone.h"
#include "model/model.h"

/* week NULL: always open.  *reasonp (may be NULL): the holiday. */
enum office_state office_at(const struct zone *zone, const struct office_hours *week,
			    const struct holiday *const *holidays, size_t nholidays,
			    int64_t wall_us, const struct holiday **reasonp);

struct offices;
int offices_alloc(struct offices **op) MUST_USE;
struct offices *offices_free(struct offices *o);
/* Before the change is applied: what may fail. */
int offices_prepare(struct offices *o, const struct model_change *c) MUST_USE;
/* After it: the object is in the model, or gone from it. */
void offices_changed(struct offices *o, const struct model *m, const struct resource *res,
		     uint64_t tenant_id, uint64_t id);
/* Is it a holiday of that extension's own? */
bool offices_is_own_holiday(const struct offices *o, const struct model *m,
			    const struct extension *x, int64_t wall_us);
const struct zone *offices_zone(const struct offices *o, uint64_t tenant_id); /* NULL: UTC */
enum office_state offices_ask(const struct offices *o, const struct model *m, uint64_t tenant_id,
			      uint64_t office_hours_id, int64_t wall_us,
			      const struct holiday **reasonp);

#endif
