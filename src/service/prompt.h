/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prompts played to a leg: words of a language, one after the other, as service/say.h puts them.
 *
 * Thread     core
 * Errors     ENOENT: no folder of prompts; those of owner_play().  A prompt that is missing comes as OWNER_PLAYED with ENOENT, and the
 *            log names its file
 */
#ifndef SERVICE_PROMPT_H
#define SERVICE_PROMPT_H

#include "call/owner.h"
#include "service/say.h"

const char *prompt_language(struct call *call, uint64_t tenant_id); /* of the tenant's callers */
/* until_key: a key ends it (and is told as any). */
int prompt_play(struct call *call, oid leg, const char *language, const struct say *what,
		bool until_key) MUST_USE;

#endif
