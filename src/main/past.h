/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tenant's PBX as it was: a model and what routing finds rules by, of its own, beside those of today.
 *
 * Thread     made on a store's reader; then the core's, or whoever closes it
 */
#ifndef MAIN_PAST_H
#define MAIN_PAST_H

#include "route/index.h"
#include "store/store.h"

struct past {
	struct model *model;
	struct route_index *index;
};

extern const struct store_past past_maker;
void past_close(void *past); /* NULL is allowed */

#endif
