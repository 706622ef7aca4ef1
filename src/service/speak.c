/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The speaking clock (*40): the time and the date where the tenant is, in the language of its prompts.  A number that is keyed in is
 * said after #; * says the time again.  Any key ends what is being said.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "service/prompt.h"
#include "service/service.h"

enum { MAX_DIGITS = 9, SECONDS_PER_MINUTE = 60, MINUTES_PER_HOUR = 60 };

struct speak {
	struct call *call;
	oid caller;
	uint64_t tenant_id;
	uint32_t number;
	unsigned ndigits;
};

static int speak_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct speak *sp = mem_alloc(sizeof(*sp));

	if (!sp)
		return ENOMEM;
	*sp = (struct speak){.call = s->call, .caller = s->caller, .tenant_id = s->tenant_id};
	*statep = sp;
	if (owner_answer(s->call, s->caller))
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void speak_stop(void *state)
{
	mem_free(state);
}

static void check(struct speak *sp, int err)
{
	if (err)
		owner_hangup(sp->call, sp->caller, REASON_MEDIA_FAILED);
}

static void play(struct speak *sp, const char *language, const struct say *what, int err)
{
	check(sp, err ? err : prompt_play(sp->call, sp->caller, language, what, true));
}

static void say_now(struct speak *sp)
{
	const char *language = prompt_language(sp->call, sp->tenant_id);
	struct local_time t;
	struct say what = {0};
	unsigned minute;
	int err;

	model_local_time(owner_model(sp->call), sp->tenant_id,
			 clock_wall_us(owner_env(sp->call)->clock), &t);
	minute = (unsigned)t.second / SECONDS_PER_MINUTE;
	err = say_time(&what, language, minute / MINUTES_PER_HOUR, minute % MINUTES_PER_HOUR);
	if (!err)
		err = say_date(&what, language, &t);
	play(sp, language, &what, err);
}

static void say_keyed(struct speak *sp)
{
	const char *language = prompt_language(sp->call, sp->tenant_id);
	struct say what = {0};

	play(sp, language, &what, say_number(&what, language, sp->number));
}

static void pressed(struct speak *sp, char key)
{
	if (key >= '0' && key <= '9' && sp->ndigits < MAX_DIGITS) {
		sp->number = sp->number * 10 + (uint32_t)(key - '0');
		sp->ndigits++;
		return;
	}
	if (key == '#' && sp->ndigits)
		say_keyed(sp);
	else if (key == '*')
		say_now(sp);
	if (key == '#' || key == '*')
		sp->number = sp->ndigits = 0;
}

static void speak_event(void *state, const struct owner_event *ev)
{
	struct speak *sp = state;

	if (ev->type == OWNER_ANSWERED)
		say_now(sp);
	else if (ev->type == OWNER_DIGIT)
		pressed(sp, ev->digit);
	else if (ev->type == OWNER_PLAYED && ev->err != EINTR && ev->err != ECANCELED)
		check(sp, ev->err);
}

const struct owner_kind service_speak = {
	.name = "speak", .start = speak_start, .event = speak_event, .stop = speak_stop};
