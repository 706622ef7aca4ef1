/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disk quota of tenants (TEN-2), as those who write files see it.
 *
 * What is used is told by the store, and what has ended here meanwhile is added at once.  Who writes gets a share of what is left beyond
 * that and the shares of others, and gives it back with what it has written.
 *
 * Thread     core
 * Units      bytes
 * Errors     EDQUOT; ENOMEM
 */
#ifndef CALL_DISK_H
#define CALL_DISK_H

#include "call/calls.h"

/* 0 in *grantedp: there is no quota. */
int disk_grant(struct calls *cs, const struct tenant *t, uint64_t *grantedp) MUST_USE;
void disk_return(struct calls *cs, uint64_t tenant_id, uint64_t granted, uint64_t written);
void disks_close(struct calls *cs);

#endif
