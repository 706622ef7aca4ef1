/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors as people and programs read them: application/problem+json.  The kinds are in problems.def.
 *
 * Thread     any
 * Sources    RFC 9457
 */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include <jansson.h>
#include "base/str.h"
#include "web/web.h"

enum problem {
#define X(kind, status, slug, title, doc) PROBLEM_##kind,
#include "api/problems.def"
#undef X
	PROBLEM_NKINDS
};

struct problem_kind {
	unsigned status;
	const char *slug, *title, *doc;
};
extern const struct problem_kind problem_kinds[PROBLEM_NKINDS];

/* errors: a JSON array, borrowed, or NULL.  NULL without memory. */
char *problem_text(enum problem kind, const char *detail, json_t *errors) MUST_USE;
/* What a store's errno means; errors (borrowed) decides between EINVAL's two. */
enum problem problem_of_errno(int err, const json_t *errors);
/* For answers that the HTTP server gives by itself (web_conf.error). */
void problem_web_error(struct web_response *resp, const char *detail, char *body,
		       size_t body_bytes);

#endif
