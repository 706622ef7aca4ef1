/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/problem.h"
#include <stdio.h>
#include <string.h>

const struct problem_kind problem_kinds[PROBLEM_NKINDS] = {
#define X(kind, code, name, text, meaning)                                                         \
	[PROBLEM_##kind] = {.status = code, .slug = name, .title = text, .doc = meaning},
#include "api/problems.def"
#undef X
};

char *problem_text(enum problem kind, const char *detail, json_t *errors)
{
	const struct problem_kind *p = &problem_kinds[kind];
	json_t *j = json_pack("{s:o,s:s,s:i,s:s}", "type",
			      json_sprintf("/api/docs#problem-%s", p->slug), "title", p->title,
			      "status", (int)p->status, "detail", detail);
	char *text;

	if (!j)
		return NULL;
	if (json_is_array(errors) && json_object_set(j, "errors", errors)) {
		json_decref(j);
		return NULL;
	}
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* A clash with what others have is a conflict, even when it was found while the fields were checked. */
static bool is_clash(const json_t *errors)
{
	size_t i;
	const json_t *e;

	json_array_foreach(errors, i, e)
	{
		const char *code = json_string_value(json_object_get(e, "code"));

		if (!code || (strcmp(code, "taken") && strcmp(code, "in_use")))
			return false;
	}
	return json_array_size(errors) > 0;
}

enum problem problem_of_errno(int err, const json_t *errors)
{
	switch (err) {
	case EINVAL:
		return is_clash(errors) ? PROBLEM_CONFLICT : PROBLEM_INVALID;
	case EEXIST:
		return PROBLEM_CONFLICT;
	case ENOENT:
		return PROBLEM_NOT_FOUND;
	case EBUSY:
		return PROBLEM_PRECONDITION;
	case EBADMSG:
		return PROBLEM_IDEMPOTENCY;
	case EPERM:
		return PROBLEM_FORBIDDEN;
	case EACCES:
		return PROBLEM_WRONG_CREDENTIALS;
	case EKEYEXPIRED:
		return PROBLEM_PASSWORD_EXPIRED;
	case EAGAIN:
	case ENOBUFS:
	case ETIMEDOUT:
		return PROBLEM_UNAVAILABLE;
	case ENOSPC:
		return PROBLEM_FULL;
	default:
		return PROBLEM_INTERNAL;
	}
}

void problem_web_error(struct web_response *resp, const char *detail, char *body, size_t body_bytes)
{
	const struct problem_kind *p = &problem_kinds[PROBLEM_BAD_REQUEST];
	int n;

	for (size_t i = 0; i < ARRAY_LEN(problem_kinds); i++)
		if (problem_kinds[i].status == resp->status && p->status != resp->status)
			p = &problem_kinds[i];
	/* The HTTP server's own words need no escaping. */
	n = snprintf(body, body_bytes,
		     "{\"type\":\"/api/"
		     "docs#problem-%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}",
		     p->slug, p->title, resp->status, detail);
	if (n < 0 || (size_t)n >= body_bytes)
		return;
	resp->content_type = "application/problem+json";
	resp->body = (struct str){body, (size_t)n};
}
