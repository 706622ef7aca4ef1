/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "service/asker.h"
#include "service/prompt.h"

void asker_init(struct asker *a, const struct owner_start *s, asker_h *ask, asker_h *done,
		void *arg)
{
	*a = (struct asker){.call = s->call,
			    .caller = s->caller,
			    .tenant_id = s->tenant_id,
			    .ask = ask,
			    .done = done,
			    .arg = arg};
}

void asker_leave(struct asker *a, enum reason reason)
{
	timer_cancel(&a->timer);
	owner_hangup(a->call, a->caller, reason);
}

void asker_say(struct asker *a, const char *name, const struct owner_play *tone)
{
	struct say what = {0};
	int err = name ? say_word(&what, name) : ENOENT;

	if (!err)
		err = prompt_play(a->call, a->caller, prompt_language(a->call, a->tenant_id), &what,
				  true);
	if (err && owner_play(a->call, a->caller, tone))
		asker_leave(a, REASON_MEDIA_FAILED);
}

static void complete(struct timer *t, void *arg)
{
	struct asker *a = arg;

	(void)t;
	timer_cancel(&a->timer);
	a->keys[a->nkeys] = '\0';
	a->done(a->arg);
}

/* The same time whatever is right of it. */
bool asker_is(const struct asker *a, const char *secret)
{
	size_t n = strlen(secret);
	unsigned differs = n != a->nkeys;

	for (size_t i = 0; i < a->nkeys; i++)
		differs |= (unsigned)(a->keys[i] ^ secret[i < n ? i : 0]);
	return !differs;
}

static void wait_for_key(struct asker *a, uint32_t ms)
{
	timer_start(owner_env(a->call)->wheel, &a->timer, ms, complete, a);
}

void asker_wait(struct asker *a)
{
	wait_for_key(a, ASKER_FIRST_KEY_MS);
}

void asker_no(struct asker *a, const char *name, const struct owner_play *tone)
{
	a->is_saying_no = true;
	asker_say(a, name, tone);
	asker_wait(a);
}

void asker_ask_pin(struct asker *a)
{
	static const struct owner_play tone = {.hz = {425}, .ms = {200, 200}, .times = 1};

	asker_say(a, "agent-pass", &tone);
	asker_wait(a);
}

void asker_wrong_pin(struct asker *a)
{
	static const struct owner_play tone = {.hz = {950}, .ms = {200, 200}, .times = 2};

	asker_no(a, "auth-incorrect", &tone);
}

static void pressed(struct asker *a, char key)
{
	if (key == '#') {
		if (a->nkeys)
			complete(&a->timer, a);
		return;
	}
	if (a->nkeys < ASKER_MAX_DIGITS)
		a->keys[a->nkeys++] = key;
	wait_for_key(a, ASKER_BETWEEN_KEYS_MS);
}

void asker_answer(struct asker *a)
{
	if (owner_answer(a->call, a->caller))
		owner_hangup(a->call, a->caller, REASON_NOT_ACCEPTABLE);
}

void asker_event(struct asker *a, const struct owner_event *ev)
{
	if (ev->type == OWNER_ANSWERED)
		a->ask(a->arg);
	else if (ev->type == OWNER_DIGIT) {
		a->is_saying_no &= ev->digit == '#';
		pressed(a, ev->digit);
	} else if (ev->type == OWNER_PLAYED && a->is_saying_no && !ev->err) {
		a->is_saying_no = false;
		a->ask(a->arg);
	} else if (ev->type == OWNER_ENDED)
		asker_close(a);
}

void asker_forget(struct asker *a)
{
	a->nkeys = 0;
	memset(a->keys, 0, sizeof(a->keys));
}

void asker_close(struct asker *a)
{
	timer_cancel(&a->timer);
	asker_forget(a);
}
