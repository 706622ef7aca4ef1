/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include "base/mem.h"
#include "schema/enums.h"
#include "service/prompt.h"

enum { PATH_BYTES = 512 };

const char *prompt_language(struct call *call, uint64_t tenant_id)
{
	static const char *const codes[] = {
		[PROMPT_LANGUAGE_EN] = "en", [PROMPT_LANGUAGE_DE] = "de",
		[PROMPT_LANGUAGE_FR] = "fr", [PROMPT_LANGUAGE_ES] = "es",
		[PROMPT_LANGUAGE_IT] = "it",
	};
	const struct tenant *t = model_tenant(owner_model(call), tenant_id);

	return codes[t ? t->prompt_language : PROMPT_LANGUAGE_EN];
}

struct paths {
	const char *each[SAY_MAX];
	char text[SAY_MAX][PATH_BYTES];
};

int prompt_play(struct call *call, oid leg, const char *language, const struct say *what,
		bool until_key)
{
	const char *folder = owner_sounds(call);
	struct owner_play play = {.npaths = what->n, .times = 1, .until_key = until_key};
	struct paths *p;
	int err = 0;

	if (!folder || !*folder || !what->n)
		return ENOENT;
	p = mem_alloc(sizeof(*p));
	if (!p)
		return ENOMEM;
	for (size_t i = 0; i < what->n && !err; i++) {
		int n = snprintf(p->text[i], PATH_BYTES, "%s/%s/%s.wav", folder, language,
				 what->names[i]);

		err = n < 0 || n >= PATH_BYTES ? ENAMETOOLONG : 0;
		p->each[i] = p->text[i];
	}
	play.paths = p->each;
	if (!err)
		err = owner_play(call, leg, &play);
	mem_free(p);
	return err;
}
