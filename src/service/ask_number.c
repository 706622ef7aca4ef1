/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who calls is asked for a number (EXT-16), and # or silence ends it.  An extension that calls dials it with its own rights, as from its
 * telephone; who comes from outside, or was transferred, reaches numbers of the tenant only: without a PIN nobody dials out (RTE-11).
 *
 * A number that nobody has, or that may not be called, is asked for again: three times in all, then the call ends as it would have
 * without being asked.
 */
#include "base/mem.h"
#include "service/asker.h"
#include "service/service.h"

enum { TRIES = 3 };

struct ask_number {
	struct asker asker;
	unsigned ntries;
};

static void ask(void *arg)
{
	struct ask_number *n = arg;
	static const struct owner_play dial_tone = {.hz = {425}, .until_key = true};

	asker_say(&n->asker, "vm-enter-num-to-call", &dial_tone);
	asker_wait(&n->asker);
}

static void again(struct ask_number *n, enum reason why)
{
	static const struct owner_play tone = {.hz = {950}, .ms = {200, 200}, .times = 2};

	if (++n->ntries == TRIES) {
		asker_leave(&n->asker, why);
		return;
	}
	asker_forget(&n->asker);
	if (why == REASON_NO_ANSWER) {
		ask(n);
		return;
	}
	asker_no(&n->asker, "cannot-complete-as-dialed", &tone);
}

static void complete(void *arg)
{
	struct ask_number *n = arg;
	struct asker *a = &n->asker;
	uint64_t extension_id = owner_rights(a->call);

	if (!a->nkeys)
		again(n, REASON_NO_ANSWER);
	else if (!owner_may_dial(a->call, extension_id, a->keys))
		again(n, REASON_NOT_FOUND);
	else if (owner_dial(a->call, a->caller, extension_id, a->keys))
		owner_hangup(a->call, a->caller, REASON_FAILED);
}

static int ask_number_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct ask_number *n = mem_alloc(sizeof(*n));

	if (!n)
		return ENOMEM;
	*n = (struct ask_number){.ntries = 0};
	asker_init(&n->asker, s, ask, complete, n);
	*statep = n;
	asker_answer(&n->asker);
	return 0;
}

static void ask_number_event(void *state, const struct owner_event *ev)
{
	struct ask_number *n = state;

	asker_event(&n->asker, ev);
}

static void ask_number_stop(void *state)
{
	struct ask_number *n = state;

	asker_close(&n->asker);
	mem_free(n);
}

const struct owner_kind service_ask_number = {.name = "ask_number",
					      .start = ask_number_start,
					      .event = ask_number_event,
					      .stop = ask_number_stop};
