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
#include "service/asker.h"
#include "service/service.h"

enum {
	TRIES = 3,
	WRONG_CALLS = 3,
	CLOSED_S = 3600,
};

struct disa_call {
	struct asker asker;
	uint64_t id;
	unsigned ntries;
	bool is_known; /* the PIN was right: a number is due */
};

static const struct disa *disa_of(const struct disa_call *c)
{
	return (const struct disa *)model_object(owner_model(c->asker.call), &resource_disa,
						 c->asker.tenant_id, c->id);
}

static bool is_open(const struct disa_call *c)
{
	const struct disa *d = disa_of(c);

	return d && d->enabled && *d->pin &&
	       d->closed_until <= clock_wall_us(owner_env(c->asker.call)->clock);
}

static void ask_for_pin(void *arg)
{
	struct disa_call *c = arg;

	asker_ask_pin(&c->asker);
}

static void ask_for_number(struct disa_call *c)
{
	static const struct owner_play dial_tone = {.hz = {425}, .until_key = true};

	asker_say(&c->asker, NULL, &dial_tone);
	asker_wait(&c->asker);
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
			      clock_wall_us(owner_env(c->asker.call)->clock) +
				      CLOSED_S * INT64_C(1000000));
		(void)snprintf(json, sizeof(json), "{\"wrong_calls\":0,\"closed_until\":\"%s\"}",
			       text);
	}
	if (owner_set(c->asker.call, c->asker.tenant_id, &resource_disa, c->id, json))
		asker_leave(&c->asker, REASON_OVERLOAD);
}

static void check_pin(struct disa_call *c)
{
	const struct disa *d = disa_of(c);

	if (is_open(c) && asker_is(&c->asker, d->pin)) {
		c->is_known = true;
		if (d->wrong_calls && owner_set(c->asker.call, c->asker.tenant_id, &resource_disa,
						c->id, "{\"wrong_calls\":0}"))
			asker_leave(&c->asker, REASON_OVERLOAD);
		else
			ask_for_number(c);
		return;
	}
	owner_failed(c->asker.call, c->asker.caller, (struct str){c->asker.keys, c->asker.nkeys});
	if (++c->ntries < TRIES) {
		asker_wrong_pin(&c->asker);
		return;
	}
	count_wrong_call(c);
	asker_leave(&c->asker, REASON_FORBIDDEN);
}

static void dial(struct disa_call *c)
{
	struct asker *a = &c->asker;
	const struct disa *d = disa_of(c);

	if (!d || owner_dial(a->call, a->caller, d->extension_id, a->keys))
		owner_hangup(a->call, a->caller, REASON_FAILED);
}

static void complete(void *arg)
{
	struct disa_call *c = arg;

	if (!c->asker.nkeys) {
		asker_leave(&c->asker, REASON_NO_ANSWER);
		return;
	}
	if (c->is_known) {
		dial(c);
		return;
	}
	check_pin(c);
	asker_forget(&c->asker);
}

static int disa_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct disa_call *c = mem_alloc(sizeof(*c));

	if (!c)
		return ENOMEM;
	*c = (struct disa_call){.id = s->id};
	asker_init(&c->asker, s, ask_for_pin, complete, c);
	*statep = c;
	if (!is_open(c))
		owner_hangup(s->call, s->caller, REASON_FORBIDDEN);
	else
		asker_answer(&c->asker);
	return 0;
}

static void disa_event(void *state, const struct owner_event *ev)
{
	struct disa_call *c = state;

	asker_event(&c->asker, ev);
}

static void disa_stop(void *state)
{
	struct disa_call *c = state;

	asker_close(&c->asker);
	mem_free(c);
}

const struct owner_kind service_disa = {
	.name = "disa", .start = disa_start, .event = disa_event, .stop = disa_stop};
