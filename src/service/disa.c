/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Direct inward system access (RTE-11): a PIN, then a number, each ended by # or by silence; the number is dialled as the extension
 * would dial it.  Three wrong PINs and the caller is hung up on.
 *
 * DESIGN  A trunk's address is never blocked, or one guesser would silence the provider: so what is closed after three calls that knew
 * no PIN is the DISA itself, for an hour, and the configuration says so.  Callers that are no trunk count for the flood guard as well.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "service/prompt.h"
#include "service/service.h"

enum {
	MAX_DIGITS = 32,
	TRIES = 3,
	WRONG_CALLS = 3,
	CLOSED_S = 3600,
	BETWEEN_KEYS_MS = 4000,
	FIRST_KEY_MS = 15000,
};

struct disa_call {
	struct call *call;
	oid caller;
	uint64_t tenant_id, id;
	struct timer timer;
	char keys[MAX_DIGITS + 1];
	size_t nkeys;
	unsigned ntries;
	bool is_known; /* the PIN was right: a number is due */
	bool is_saying_no;
};

static const struct disa *disa_of(const struct disa_call *c)
{
	return (const struct disa *)model_object(owner_model(c->call), &resource_disa, c->tenant_id,
						 c->id);
}

static bool is_open(const struct disa_call *c)
{
	const struct disa *d = disa_of(c);

	return d && d->enabled && *d->pin &&
	       d->closed_until <= clock_wall_us(owner_env(c->call)->clock);
}

static void leave(struct disa_call *c, enum reason reason)
{
	timer_cancel(&c->timer);
	owner_hangup(c->call, c->caller, reason);
}

static void complete(struct timer *t, void *arg);

static void wait_for_key(struct disa_call *c, uint32_t ms)
{
	timer_start(owner_env(c->call)->wheel, &c->timer, ms, complete, c);
}

/* A prompt, or a tone where there are none: European dial tone when a number is due, two short beeps for no. */
static void say(struct disa_call *c, const char *name, const struct owner_play *tone)
{
	struct say what = {0};
	int err = say_word(&what, name);

	if (!err)
		err = prompt_play(c->call, c->caller, prompt_language(c->call, c->tenant_id), &what,
				  true);
	if (err && owner_play(c->call, c->caller, tone))
		leave(c, REASON_MEDIA_FAILED);
}

static void ask_for_pin(struct disa_call *c)
{
	static const struct owner_play tone = {.hz = {425}, .ms = {200, 200}, .times = 1};

	say(c, "agent-pass", &tone);
	wait_for_key(c, FIRST_KEY_MS);
}

static void ask_for_number(struct disa_call *c)
{
	static const struct owner_play dial_tone = {.hz = {425}, .until_key = true};

	if (owner_play(c->call, c->caller, &dial_tone))
		leave(c, REASON_MEDIA_FAILED);
	wait_for_key(c, FIRST_KEY_MS);
}

static void say_no(struct disa_call *c)
{
	static const struct owner_play tone = {.hz = {950}, .ms = {200, 200}, .times = 2};

	c->is_saying_no = true;
	say(c, "auth-incorrect", &tone);
	wait_for_key(c, FIRST_KEY_MS);
}

/* Kept with the DISA itself: it outlives restarts, every node knows, and who looks sees it. */
static void count_wrong_call(struct disa_call *c)
{
	const struct disa *d = disa_of(c);
	char json[128], text[32];

	if (!d)
		return;
	if (d->wrong_calls + 1 < WRONG_CALLS) {
		(void)snprintf(json, sizeof(json), "{\"wrong_calls\":%lld}",
			       (long long)d->wrong_calls + 1);
	} else {
		clock_rfc3339(text, sizeof(text),
			      clock_wall_us(owner_env(c->call)->clock) +
				      CLOSED_S * INT64_C(1000000));
		(void)snprintf(json, sizeof(json), "{\"wrong_calls\":0,\"closed_until\":\"%s\"}",
			       text);
	}
	if (owner_set(c->call, c->tenant_id, &resource_disa, c->id, json))
		leave(c, REASON_OVERLOAD);
}

/* The same time whatever is right of it. */
static bool is_pin(const struct disa_call *c, const char *pin)
{
	size_t n = strlen(pin);
	unsigned differs = n != c->nkeys;

	for (size_t i = 0; i < c->nkeys; i++)
		differs |= (unsigned)(c->keys[i] ^ pin[i < n ? i : 0]);
	return !differs;
}

static void check_pin(struct disa_call *c)
{
	const struct disa *d = disa_of(c);

	if (is_open(c) && is_pin(c, d->pin)) {
		c->is_known = true;
		if (d->wrong_calls &&
		    owner_set(c->call, c->tenant_id, &resource_disa, c->id, "{\"wrong_calls\":0}"))
			leave(c, REASON_OVERLOAD);
		else
			ask_for_number(c);
		return;
	}
	owner_failed(c->call, c->caller, (struct str){c->keys, c->nkeys});
	if (++c->ntries < TRIES) {
		say_no(c);
		return;
	}
	count_wrong_call(c);
	leave(c, REASON_FORBIDDEN);
}

static void dial(struct disa_call *c)
{
	const struct disa *d = disa_of(c);
	char number[MAX_DIGITS + 1];

	timer_cancel(&c->timer);
	(void)snprintf(number, sizeof(number), "%s", c->keys);
	if (!d || owner_dial(c->call, c->caller, d->extension_id, number))
		owner_hangup(c->call, c->caller, REASON_FAILED);
}

/* # was pressed, or nothing for so long. */
static void complete(struct timer *t, void *arg)
{
	struct disa_call *c = arg;

	(void)t;
	if (!c->nkeys) {
		leave(c, REASON_NO_ANSWER);
		return;
	}
	c->keys[c->nkeys] = '\0';
	if (c->is_known) {
		dial(c);
		return;
	}
	check_pin(c);
	c->nkeys = 0;
	memset(c->keys, 0, sizeof(c->keys));
}

static void pressed(struct disa_call *c, char key)
{
	if (key == '#') {
		if (c->nkeys)
			complete(&c->timer, c);
		return;
	}
	c->is_saying_no = false;
	if (c->nkeys < MAX_DIGITS)
		c->keys[c->nkeys++] = key;
	wait_for_key(c, BETWEEN_KEYS_MS);
}

static int disa_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct disa_call *c = mem_alloc(sizeof(*c));

	if (!c)
		return ENOMEM;
	*c = (struct disa_call){
		.call = s->call, .caller = s->caller, .tenant_id = s->tenant_id, .id = s->id};
	*statep = c;
	if (!is_open(c))
		owner_hangup(s->call, s->caller, REASON_FORBIDDEN);
	else if (owner_answer(s->call, s->caller))
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void disa_event(void *state, const struct owner_event *ev)
{
	struct disa_call *c = state;

	if (ev->type == OWNER_ANSWERED)
		ask_for_pin(c);
	else if (ev->type == OWNER_DIGIT)
		pressed(c, ev->digit);
	else if (ev->type == OWNER_PLAYED && c->is_saying_no && !ev->err) {
		c->is_saying_no = false;
		ask_for_pin(c);
	} else if (ev->type == OWNER_ENDED)
		timer_cancel(&c->timer);
}

static void disa_stop(void *state)
{
	struct disa_call *c = state;

	timer_cancel(&c->timer);
	memset(c->keys, 0, sizeof(c->keys));
	mem_free(c);
}

const struct owner_kind service_disa = {
	.name = "disa", .start = disa_start, .event = disa_event, .stop = disa_stop};
