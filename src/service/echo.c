/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Echo (*43): answers and sends back what it hears, so that a person knows that sound goes both ways.
 *
 * The session starts when the caller has acknowledged our answer: what came before would be the end of its ringing tone.
 */
#include "base/mem.h"
#include "service/service.h"

struct echo {
	struct call *call;
	oid caller;
};

static int echo_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct echo *e = mem_alloc(sizeof(*e));
	int err;

	if (!e)
		return ENOMEM;
	e->call = s->call;
	e->caller = s->caller;
	*statep = e;
	err = owner_answer(s->call, s->caller);
	if (err)
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void echo_event(void *state, const struct owner_event *ev)
{
	struct echo *e = state;

	if (ev->type == OWNER_ANSWERED && owner_echo(e->call, e->caller))
		owner_hangup(e->call, e->caller, REASON_OVERLOAD);
}

static void echo_stop(void *state)
{
	mem_free(state);
}

const struct owner_kind service_echo = {
	.name = "echo",
	.takes_any_codec = true,
	.start = echo_start,
	.event = echo_event,
	.stop = echo_stop,
};
