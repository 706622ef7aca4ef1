/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PBX in memory: the objects of every tenant with the indexes that calls and registrations need.  An instance, never a global.
 *
 * The core thread owns it and looks things up while handling a message; a change is applied between two messages, so
 * nothing is ever half new.  Cost of a look-up and of a change does not grow with the size of the system.
 *
 * The indexes come from the field tables: NUMBER, UNIQUE and DIRECTORY fields are found by their text, REF fields by what
 * they refer to.  A new resource is in the model without a line here.
 *
 * Thread     the one that made it (core; tests, the simulator, the route simulator: theirs)
 * Ownership  model_apply() takes the object; look-ups borrow it until the next model_apply(): keep ids across time
 * Errors     ENOMEM: nothing changed; EPROTO: a change out of order, nothing changed (the caller reloads the tenant)
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/zone.h"
#include "schema/types.h"

struct model;

int model_alloc(struct model **mp) MUST_USE;
struct model *model_free(struct model *m); /* watchers are not told */
/* It is going to another thread, and nobody else has it. */
void model_give(struct model *m);

/* One change as the store committed it.  after NULL: the object is gone.
 * Takes change->after (set to NULL on success). */
struct model_change {
	uint64_t tenant_id; /* the tenant whose revision counts; 0 for system resources */
	uint64_t revision;
	const struct resource *res;
	uint64_t id;
	struct object *after;
};
/* In order: a tenant's revision stays (another change of the same transaction) or grows by one.  Of a tenant not heard of
 * before any revision is the first.  A tenant that goes takes all its objects along; watchers hear of each. */
int model_apply(struct model *m, struct model_change *change) MUST_USE;
/* At start, and between model_reload() and model_reloaded(): in any order; the tenant's revision is the highest that came. */
int model_load(struct model *m, struct model_change *change) MUST_USE;
/* Start over with a tenant whose changes were missed: nothing goes yet; what was not loaded again goes at the end. */
void model_reload(struct model *m, uint64_t tenant_id);
void model_reloaded(struct model *m, uint64_t tenant_id);
void model_reload_all(struct model *m); /* the same with every tenant */
void model_reloaded_all(struct model *m);
uint64_t model_revision(const struct model *m, uint64_t tenant_id);

/* Who hears of a change after it was applied (registrar drops contacts of a deleted account, call/ ends calls …). */
typedef void model_changed_h(const struct model *m, const struct resource *res, uint64_t tenant_id,
			     uint64_t id, void *arg);
int model_watch(struct model *m, model_changed_h *fn, void *arg) MUST_USE;
void model_unwatch(struct model *m, model_changed_h *fn, const void *arg);

/* Tell fn of each object of that kind that the tenant has now, as if it had just come: for who watches from later on. */
void model_tell_all(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    model_changed_h *fn, void *arg);

/* By SIP domain, ASCII case folded; also by an alias added with model_add_domain (e.g. the listening address in demo mode). */
const struct tenant *model_tenant(const struct model *m, uint64_t tenant_id);
const struct tenant *model_tenant_by_domain(const struct model *m, struct str domain);
int model_add_domain(struct model *m, struct str domain, uint64_t tenant_id) MUST_USE;

const struct extension *model_extension(const struct model *m, uint64_t tenant_id, uint64_t id);
const struct account *model_account(const struct model *m, uint64_t tenant_id, uint64_t id);
const struct account *model_account_by_username(const struct model *m, uint64_t tenant_id,
						struct str username);
const struct account *model_account_by_system_name(const struct model *m, struct str name);
/* Accounts of an extension, in order of id: *pos starts at 0, NULL at the end. */
const struct account *model_extension_accounts(const struct model *m, uint64_t tenant_id,
					       uint64_t extension_id, size_t *pos);
const struct ring_group *model_ring_group(const struct model *m, uint64_t tenant_id, uint64_t id);
const struct trunk *model_trunk(const struct model *m, uint64_t id);

/* Who owns a number in the tenant's one number space (SYS-10): extension, ring group …  NULL: nobody. */
const struct object *model_number(const struct model *m, uint64_t tenant_id, struct str number);

/* RTE-7: is the tenant's office open?  office_hours_id 0: by its default week; has it none it is always open.  On a holiday it is
 * closed; *reasonp (may be NULL) then is the holiday. */
enum office_state { OFFICE_OPEN, OFFICE_CLOSED, OFFICE_HOLIDAY };
enum office_state model_office(const struct model *m, uint64_t tenant_id, uint64_t office_hours_id,
			       int64_t wall_us, const struct holiday **reasonp);

/* EXT-8, EXT-25: the same for one extension, which has holidays of its own besides. */
enum office_state model_office_of(const struct model *m, const struct extension *x,
				  uint64_t office_hours_id, int64_t wall_us);

/* The time where the tenant is. */
void model_local_time(const struct model *m, uint64_t tenant_id, int64_t wall_us,
		      struct local_time *t);

/* Any object, for code that knows no resource by name. */
const struct object *model_object(const struct model *m, const struct resource *res,
				  uint64_t tenant_id, uint64_t id);
/* By a UNIQUE or DIRECTORY field (tenant_id then has no meaning). */
const struct object *model_find(const struct model *m, const struct field *f, uint64_t tenant_id,
				struct str text);
/* Those whose REF field f names `id`, in order of their own id: *pos starts at 0, NULL at the end. */
const struct object *model_referrer(const struct model *m, const struct field *f,
				    uint64_t tenant_id, uint64_t id, size_t *pos);

size_t model_count(const struct model *m, const struct resource *res); /* in all tenants */
size_t model_count_in(const struct model *m, const struct resource *res, uint64_t tenant_id);
size_t model_bytes(const struct model *m);   /* by its own count */
uint64_t model_steps(const struct model *m); /* entries looked at so far: what tests hold flat */

#endif
