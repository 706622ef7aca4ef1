/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The arguments of a request that is no resource's body: one JSON object of texts, numbers and texts that are numbers.
 *
 * Thread     any
 * Ownership  texts are borrowed until args_close()
 */
#ifndef STORE_ARGS_H
#define STORE_ARGS_H

#include "store/store.h"

struct args {
	json_t *json;
};

int args_open(struct args *a, const struct store_request *req, struct field_errors *errs) MUST_USE;
void args_close(struct args *a);
struct str args_text(const struct args *a, const char *name); /* empty: not given */
uint64_t args_id(const struct args *a, const char *name);     /* 0: not given, or none */
int64_t args_int(const struct args *a, const char *name, int64_t otherwise);

#endif
