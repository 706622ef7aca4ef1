/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partial answers: ?fields=number,first_name leaves of each object only these (and its id).
 *
 * Thread     web
 */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include "api/ask.h"

/* Takes `fields` out of the ask's query.  False: answered, one of them is no field here. */
bool fields_take(struct ask *k);
/* The body of a 200 with what was asked for; NULL: without memory, or it is no JSON.  Freed by the caller. */
char *fields_of(const struct ask *k, struct str body);

#endif
