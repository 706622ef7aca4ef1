/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks for which name is shown which certificate (SNI): a tenant's domain its tenant's, other names those of the system.
 * Of several that are for one name the one that lasts longest is shown.
 *
 * Thread     core
 * Errors     ENOMEM; EINVAL with why[160]
 */
#ifndef MAIN_NAMES_H
#define MAIN_NAMES_H

#include "base/pem.h"
#include "model/model.h"
#include "net/net.h"

struct names;

int names_alloc(struct names **np, const struct model *m, struct net *net) MUST_USE;
struct names *names_free(struct names *n);
/* The tenant's domain, or a certificate of it (0: of the system), is another, new or gone. */
void names_changed(struct names *n, uint64_t tenant_id);
/* What a certificate holds; the caller closes it. */
int names_pair(const struct model *m, uint64_t tenant_id, uint64_t id, struct pem_pair *pair,
	       char *why) MUST_USE;

#endif
