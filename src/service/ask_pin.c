/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The service PIN (EXT-12): who dials a feature code that takes one, and nothing behind it, keys it in, ended by # or by silence.  The
 * code is then dialled with it, so that routing decides once more and nothing is done in two ways.  Three wrong PINs and the caller is
 * hung up on; each counts for the flood guard (SEC-1).
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "service/asker.h"
#include "service/service.h"

enum { TRIES = 3 };

struct ask_pin {
	struct asker asker;
	char code[8];
	unsigned ntries;
};

static void ask(void *arg)
{
	struct ask_pin *p = arg;

	asker_ask_pin(&p->asker);
}

static void dial(struct ask_pin *p)
{
	struct asker *a = &p->asker;
	char number[sizeof(p->code) + ASKER_MAX_DIGITS];

	(void)snprintf(number, sizeof(number), "%s%s", p->code, a->keys);
	asker_forget(a);
	if (owner_dial(a->call, a->caller, owner_caller_extension(a->call), number))
		asker_leave(a, REASON_FAILED);
	explicit_bzero(number, sizeof(number));
}

static void complete(void *arg)
{
	struct ask_pin *p = arg;
	struct asker *a = &p->asker;
	const struct extension *x = model_extension(owner_model(a->call), a->tenant_id,
						    owner_caller_extension(a->call));

	if (!a->nkeys) {
		asker_leave(a, REASON_NO_ANSWER);
		return;
	}
	if (x && *x->service_pin && asker_is(a, x->service_pin)) {
		dial(p);
		return;
	}
	owner_failed(a->call, a->caller, (struct str){a->keys, a->nkeys});
	asker_forget(a);
	if (++p->ntries == TRIES) {
		asker_leave(a, REASON_WRONG_PIN);
		return;
	}
	asker_wrong_pin(a);
}

static int ask_pin_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct ask_pin *p = mem_alloc(sizeof(*p));

	if (!p)
		return ENOMEM;
	*p = (struct ask_pin){.ntries = 0};
	str_fit(p->code, sizeof(p->code), str_of(s->argument));
	asker_init(&p->asker, s, ask, complete, p);
	*statep = p;
	asker_answer(&p->asker);
	return 0;
}

static void ask_pin_event(void *state, const struct owner_event *ev)
{
	struct ask_pin *p = state;

	asker_event(&p->asker, ev);
}

static void ask_pin_stop(void *state)
{
	struct ask_pin *p = state;

	asker_close(&p->asker);
	mem_free(p);
}

const struct owner_kind service_ask_pin = {
	.name = "ask_pin", .start = ask_pin_start, .event = ask_pin_event, .stop = ask_pin_stop};
