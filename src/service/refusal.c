/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTE-5: a number that may not be called.  The caller hears so before it is refused: the call is not answered, and costs nothing.
 */
#include "base/mem.h"
#include "service/prompt.h"
#include "service/service.h"

struct refusal {
	struct call *call;
	oid caller;
	enum reason reason;
};

static int refusal_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct refusal *r = mem_alloc(sizeof(*r));
	struct say what = {0};
	int err;

	if (!r)
		return ENOMEM;
	*r = (struct refusal){.call = s->call, .caller = s->caller, .reason = (enum reason)s->id};
	*statep = r;
	err = say_word(&what, "cannot-complete-as-dialed");
	if (!err)
		err = owner_speak_early(s->call, s->caller);
	if (!err)
		err = prompt_play(s->call, s->caller, prompt_language(s->call, s->tenant_id), &what,
				  false);
	if (err)
		owner_hangup(s->call, s->caller, r->reason);
	return 0;
}

static void refusal_stop(void *state)
{
	mem_free(state);
}

static void refusal_event(void *state, const struct owner_event *ev)
{
	struct refusal *r = state;

	if (ev->type == OWNER_PLAYED)
		owner_hangup(r->call, r->caller, r->reason);
}

const struct owner_kind service_refusal = {
	.name = "refusal", .start = refusal_start, .event = refusal_event, .stop = refusal_stop};
