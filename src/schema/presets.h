/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Providers that are known (TRK-16): what a new trunk of such a brand has when its creator says nothing else.
 *
 * Thread     any
 * Ownership  what is returned is the caller's
 */
#ifndef SCHEMA_PRESETS_H
#define SCHEMA_PRESETS_H

#include <jansson.h>

#include "base/str.h"

/* Put into the body of a new trunk what its "brand" knows and the body leaves open.  ENOMEM.  A brand that nobody knows is left for who
 * reads the body. */
int presets_fill(json_t *body) MUST_USE;
/* {"brand", "name", "country", "doc", "fields"} of all; NULL: out of memory. */
json_t *presets_list(void);

#endif
