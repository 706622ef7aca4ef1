/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The OpenAPI 3.1 document: pages/openapi.json holds what is said in prose (fixed schemas, parameters); paths come from the route
 * table, schemas of resources and records from their tables, errors from problems.def.  So none can be forgotten.
 *
 * Thread     main, once at start
 * Ownership  the text is the caller's, free()
 */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <jansson.h>
#include "api/route.h"

int openapi_make(const struct routes *routes, char **textp, size_t *np) MUST_USE;
/* openapi_schemas.c: components/schemas of resources and records, and examples.  Into `schemas`. */
int openapi_schemas(json_t *schemas) MUST_USE;

#endif
