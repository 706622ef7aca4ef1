/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PBX in memory: the objects of every tenant with the indexes that calls and registrations need.  An instance, never a global.
 *
 * The core thread owns it and looks things up while handling a message; a change is applied between two messages, so
 * nothing is ever half new.  Cost of a look-up and of a change does not grow with the size of the system.
 *
 * Thread     core (or whoever owns the instance: tests, the simulator, the route simulator)
 * Ownership  model_apply() takes the object; look-ups borrow it until the next model_apply(): keep ids across time
 * Errors     ENOMEM; EPROTO: a change out of order (the caller reloads the tenant)
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "schema/types.h"

struct model;

int model_alloc(struct model **mp) MUST_USE;
struct model *model_free(struct model *m);

/* One change as the store committed it.  after NULL: the object is gone.
 * Takes change->after (set to NULL on success). */
struct model_change {
	uint64_t tenant_id; /* the tenant whose revision counts; 0 for system resources */
	uint64_t revision;
	const struct resource *res;
	uint64_t id;
	struct object *after;
};
int model_apply(struct model *m, struct model_change *change) MUST_USE;
uint64_t model_revision(const struct model *m, uint64_t tenant_id);

/* Who hears of a change after it was applied (registrar drops contacts of a deleted account, call/ ends calls …). */
typedef void model_changed_h(const struct model *m, const struct resource *res, uint64_t tenant_id, uint64_t id, void *arg);
int model_watch(struct model *m, model_changed_h *fn, void *arg) MUST_USE;

const struct tenant *model_tenant(const struct model *m, uint64_t tenant_id);
/* By SIP domain, ASCII case folded; also by an alias added with model_add_domain (e.g. the listening address in demo mode). */
const struct tenant *model_tenant_by_domain(const struct model *m, struct str domain);
int model_add_domain(struct model *m, struct str domain, uint64_t tenant_id) MUST_USE;

const struct extension *model_extension(const struct model *m, uint64_t tenant_id, uint64_t id);
const struct account *model_account(const struct model *m, uint64_t tenant_id, uint64_t id);
const struct account *model_account_by_username(const struct model *m, uint64_t tenant_id, struct str username);
const struct account *model_account_by_system_name(const struct model *m, struct str name);
/* Accounts of an extension, in order of id: *pos starts at 0, NULL at the end. */
const struct account *model_extension_accounts(const struct model *m, uint64_t tenant_id, uint64_t extension_id, size_t *pos);
const struct ring_group *model_ring_group(const struct model *m, uint64_t tenant_id, uint64_t id);

/* Who owns a number in the tenant's one number space (SYS-10): extension, ring group …  NULL: nobody. */
const struct object *model_number(const struct model *m, uint64_t tenant_id, struct str number);

size_t model_bytes(const struct model *m); /* by its own count */

#endif
