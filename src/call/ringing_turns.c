/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose turn it is: devices of an extension with different q ring one after the other (RFC 3261 16.6), equals together.
 *
 * DESIGN  The turns share the time that the extension rings: each gets an equal part of what is left, so that "not answered" comes
 * when the extension says.  Nothing is remembered but the q that was reached: whoever registers, or goes, meanwhile is asked about
 * when the next turn begins.  docs/adr/0054.
 */
#include "call/calls.h"
#include "call/events.h"
#include "call/mobile.h"
#include "call/ringing_inside.h"

/* Nobody reaches a telephone in less: who is left rings with the others. */
enum { SHORTEST_TURN_MS = 4000, ABOVE_ALL = 1001 };

typedef void contact_h(struct ringing_member *m, const struct contact *c, const struct account *acc,
		       const struct extension *ext, void *arg);

static const struct extension *extension_of(const struct ringing_member *m)
{
	const struct call *call = m->ring->call;
	const struct extension *ext =
		model_extension(call->cs->conf.model, call->rec.tenant_id, m->key.id);

	return ext && ext->enabled ? ext : NULL;
}

static void each_contact(struct ringing_member *m, const struct extension *ext, contact_h *fn,
			 void *arg)
{
	const struct calls_conf *conf = &m->ring->call->cs->conf;
	const struct account *acc;
	size_t at = 0;

	while ((acc = model_extension_accounts(conf->model, ext->o.tenant_id, ext->o.id, &at))) {
		const struct contact *c;
		size_t pos = 0;

		while (acc->enabled &&
		       (c = registrar_contacts(conf->registrar, ext->o.tenant_id, acc->o.id, &pos)))
			fn(m, c, acc, ext, arg);
	}
}

struct turn {
	unsigned below; /* whoever has a q under this … */
	unsigned from;	/* … and not under this */
	bool is_any;	/* somebody is between them */
};

static void note_highest(struct ringing_member *m, const struct contact *c,
			 const struct account *acc, const struct extension *ext, void *arg)
{
	struct turn *t = arg;

	if (c->q >= t->below || (t->is_any && c->q <= t->from))
		return;
	t->from = c->q;
	t->is_any = true;
}

/* The turn after all with this q or more. */
static struct turn turn_below(struct ringing_member *m, const struct extension *ext, unsigned q)
{
	struct turn t = {.below = q};

	each_contact(m, ext, note_highest, &t);
	if (t.is_any && !ext->devices_by_preference)
		t.from = 0;
	return t;
}

static void ring_in_turn(struct ringing_member *m, const struct contact *c,
			 const struct account *acc, const struct extension *ext, void *arg)
{
	const struct turn *t = arg;

	if (c->q < t->below && c->q >= t->from)
		ringing_add_contact(m, c, acc, ext);
}

static bool is_device_of(const struct leg *leg, const struct ringing_member *m)
{
	return leg->member == m && !mobile_is(leg);
}

static size_t ndevices(const struct ringing_member *m)
{
	size_t n = 0;

	LIST_EACH (it, &m->ring->call->legs) {
		n += is_device_of(CONTAINER_OF(it, struct leg, in_call), m);
	}
	return n;
}

static void turn_over(struct timer *t, void *arg);

/* How long this turn lasts: without end, but the ring's, when nobody comes after it. */
static void share_time(struct ringing_member *m, const struct extension *ext)
{
	const struct env *env = &m->ring->call->cs->conf.env;
	const uint64_t now_ms = clock_mono_ms(env->clock), until_ms = m->ring->until_ms;
	uint64_t parts = 1;

	timer_cancel(&m->turn);
	for (struct turn t = turn_below(m, ext, m->q); t.is_any; t = turn_below(m, ext, t.from))
		parts++;
	if (parts > 1 && until_ms > now_ms)
		timer_start(env->wheel, &m->turn, (until_ms - now_ms) / parts, turn_over, m);
}

bool ringing_next_turn(struct ringing_member *m)
{
	const struct extension *ext = extension_of(m);
	const struct ringing *r = m->ring;
	const size_t before = m->ntrying;

	while (ext && m->ntrying == before) {
		struct turn t = turn_below(m, ext, m->q);

		if (!t.is_any)
			return false;
		if (r->until_ms <
		    clock_mono_ms(r->call->cs->conf.env.clock) + UINT64_C(2) * SHORTEST_TURN_MS)
			t.from = 0;
		m->q = t.from;
		each_contact(m, ext, ring_in_turn, &t);
	}
	if (ext)
		share_time(m, ext);
	return ext != NULL;
}

static void turn_over(struct timer *t, void *arg)
{
	struct ringing_member *m = arg;
	struct ringing *r = m->ring;
	oid over[RINGING_MAX_LEGS];
	const bool was_heard = r->early != 0;
	size_t n = 0;

	(void)t;
	LIST_EACH (it, &r->call->legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);

		if (is_device_of(leg, m) && n < RINGING_MAX_LEGS)
			over[n++] = leg->id;
	}
	if (!ringing_next_turn(m))
		return; /* nobody else is there: they ring on */
	for (size_t i = 0; i < n; i++) {
		struct leg *leg = leg_get(r->call->cs, over[i]);

		if (leg && leg->member == m)
			ringing_leg_unanswered(r, leg);
	}
	if (was_heard && !r->early)
		ringing_hear_another(r);
}

void ringing_came_late(struct ringing_member *m, const struct contact *c, const struct account *acc,
		       const struct extension *ext)
{
	if (c->q >= m->q || !ext->devices_by_preference)
		ringing_add_contact(m, c, acc, ext);
	else if (!ndevices(m))
		(void)ringing_next_turn(m);
	else
		share_time(m, ext);
}

bool ringing_turn_is_due(const struct ringing_member *m)
{
	return !m->has_declined && !m->is_busy && !m->ring->call->has_moved && !ndevices(m);
}

void ringing_turns_begin(struct ringing_member *m)
{
	m->q = ABOVE_ALL;
	(void)ringing_next_turn(m);
}
