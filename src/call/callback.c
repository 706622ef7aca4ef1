/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "call/callback.h"
#include "call/calls.h"
#include "call/lines.h"
#include "call/usage.h"

enum { SETTLE_MS = 2000, NEXT_MS = 90000, PLACES = 4096 };

struct booking {
	struct link link; /* in order of time */
	struct callbacks *of;
	uint64_t tenant_id, caller_id, wanted_id;
	struct timer settle; /* runs while it looks as if the call could be made */
	struct timer expiry;
};

/* What an extension has called last, in vain.  Each has its place, where another may take it: who comes too late dials the number
 * behind the code. */
struct missed {
	uint64_t tenant_id, caller_id, wanted_id;
	uint64_t at_ms;
	bool is_busy;
};

struct callbacks {
	struct calls *cs;
	struct link bookings;
	size_t n;
	struct missed missed[PLACES];
};

/* ---- bookings ---- */

static void forget(struct booking *b)
{
	timer_cancel(&b->settle);
	timer_cancel(&b->expiry);
	list_remove(&b->link);
	b->of->n--;
	mem_free(b);
}

static void settle_soon(struct booking *b, uint64_t ms);

/* The next that waits for the same extension: when nothing has come of this one, nobody else tells that it is free. */
static void wake_next(struct callbacks *k, const struct booking *done)
{
	LIST_EACH (it, &k->bookings) {
		struct booking *b = CONTAINER_OF(it, struct booking, link);

		if (b != done && b->tenant_id == done->tenant_id &&
		    b->wanted_id == done->wanted_id) {
			settle_soon(b, NEXT_MS);
			return;
		}
	}
}

static bool is_free(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	const struct leg *at = NULL;
	struct line_view view;

	return !usage_calls(cs, tenant_id, extension_id) &&
	       !lines_next(cs, tenant_id, extension_id, &at, &view);
}

static void on_settled(struct timer *t, void *arg)
{
	struct booking *b = arg;
	struct calls *cs = b->of->cs;
	const struct model *m = cs->conf.model;
	const struct extension *wanted = model_extension(m, b->tenant_id, b->wanted_id);
	const struct extension *caller = model_extension(m, b->tenant_id, b->caller_id);
	struct log_ctx ctx = {.tenant = b->tenant_id};
	uint64_t id;
	int err;

	if (!wanted || !caller) {
		forget(b);
		return;
	}
	if (wanted->status == EXTENSION_STATUS_DO_NOT_DISTURB ||
	    !is_free(cs, b->tenant_id, b->wanted_id) || !is_free(cs, b->tenant_id, b->caller_id)) {
		/* Who hangs up wakes it; who was only rung, and did not answer, does not. */
		settle_soon(b, NEXT_MS);
		return;
	}
	err = calls_originate(cs, b->tenant_id, b->caller_id, wanted->number, &id);
	if (err == EBUSY || err == ENOSPC) {
		settle_soon(b, NEXT_MS);
		return;
	}
	if (err)
		log_info(&ctx, LOGID_CALL, "no callback for %s to %s: %s", caller->number,
			 wanted->number, strerror(err));
	wake_next(b->of, b);
	forget(b);
}

static void settle_soon(struct booking *b, uint64_t ms)
{
	timer_start(b->of->cs->conf.env.wheel, &b->settle, ms, on_settled, b);
}

static void on_expiry(struct timer *t, void *arg)
{
	forget(arg);
}

static size_t count_of(const struct callbacks *k, uint64_t tenant_id, uint64_t caller_id,
		       uint64_t wanted_id, struct booking **samep)
{
	size_t n = 0;

	*samep = NULL;
	LIST_EACH (it, &k->bookings) {
		struct booking *b = CONTAINER_OF(it, struct booking, link);

		if (b->tenant_id != tenant_id || b->caller_id != caller_id)
			continue;
		n++;
		if (b->wanted_id == wanted_id)
			*samep = b;
	}
	return n;
}

static int book(struct callbacks *k, uint64_t tenant_id, uint64_t caller_id, uint64_t wanted_id,
		bool was_busy)
{
	struct booking *b;
	size_t n = count_of(k, tenant_id, caller_id, wanted_id, &b);

	if (!b && (n >= CALLBACK_MOST || k->n >= CALLBACK_ALL))
		return ENOSPC;
	if (!b) {
		b = mem_alloc(sizeof(*b));
		if (!b)
			return ENOMEM;
		b->of = k;
		b->tenant_id = tenant_id;
		b->caller_id = caller_id;
		b->wanted_id = wanted_id;
		list_append(&k->bookings, &b->link);
		k->n++;
	}
	timer_start(k->cs->conf.env.wheel, &b->expiry, CALLBACK_MS, on_expiry, b);
	if (was_busy && is_free(k->cs, tenant_id, wanted_id)) /* it has hung up meanwhile */
		settle_soon(b, SETTLE_MS);
	return 0;
}

/* ---- what was called last ---- */

static struct missed *place_of(struct callbacks *k, uint64_t tenant_id, uint64_t extension_id)
{
	const uint64_t mixed = (tenant_id ^ extension_id) * UINT64_C(0x9e3779b97f4a7c15);

	return &k->missed[mixed >> 32 & (PLACES - 1)];
}

static struct missed *missed_of(struct callbacks *k, uint64_t tenant_id, uint64_t extension_id)
{
	struct missed *m = place_of(k, tenant_id, extension_id);

	return m->wanted_id && m->tenant_id == tenant_id && m->caller_id == extension_id ? m : NULL;
}

static uint64_t extension_called(const struct calls *cs, uint64_t tenant_id, const char *number)
{
	const struct object *o = model_number(cs->conf.model, tenant_id, str_of(number));

	return o && o->res == &resource_extension ? o->id : 0;
}

static void note(struct callbacks *k, const struct call *call, enum reason reason)
{
	const uint64_t tenant_id = call->rec.tenant_id, caller = call->caller_extension_id;
	const uint64_t wanted = extension_called(k->cs, tenant_id, call->rec.callee);
	struct missed *m = missed_of(k, tenant_id, caller);

	if (m)
		m->wanted_id = 0;
	if (!wanted || wanted == caller || call->rec.answered_at ||
	    (reason != REASON_BUSY && reason != REASON_NO_ANSWER && reason != REASON_CANCELLED &&
	     reason != REASON_DECLINED))
		return;
	*place_of(k, tenant_id, caller) =
		(struct missed){.tenant_id = tenant_id,
				.caller_id = caller,
				.wanted_id = wanted,
				.at_ms = clock_mono_ms(k->cs->conf.env.clock),
				.is_busy = reason == REASON_BUSY || reason == REASON_DECLINED};
}

void callback_call_over(struct call *call, enum reason reason)
{
	struct callbacks *k = call->cs->callbacks;

	/* Codes are calls too, and the one that books is among them. */
	if (k && call->caller_extension_id && !call->from_trunk_id && call->rec.callee[0] != '*')
		note(k, call, reason);
}

/* ---- codes ---- */

int callback_book(struct calls *cs, uint64_t tenant_id, uint64_t extension_id, const char *number)
{
	struct callbacks *k = cs->callbacks;
	const struct missed *m;
	uint64_t wanted;

	if (!extension_id)
		return ENOENT;
	if (*number) {
		wanted = extension_called(cs, tenant_id, number);
		if (!wanted || wanted == extension_id)
			return ENOENT;
		return book(k, tenant_id, extension_id, wanted, false);
	}
	m = missed_of(k, tenant_id, extension_id);
	if (!m || clock_mono_ms(cs->conf.env.clock) - m->at_ms > CALLBACK_MS ||
	    !model_extension(cs->conf.model, tenant_id, m->wanted_id))
		return ENOENT;
	return book(k, tenant_id, extension_id, m->wanted_id, m->is_busy);
}

int callback_cancel(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct callbacks *k = cs->callbacks;
	size_t before = k->n;

	LIST_EACH_SAFE (it, next, &k->bookings) {
		struct booking *b = CONTAINER_OF(it, struct booking, link);

		if (b->tenant_id == tenant_id && b->caller_id == extension_id)
			forget(b);
	}
	return k->n == before ? ENOENT : 0;
}

/* ---- who is free ---- */

void callback_free(struct calls *cs, uint64_t tenant_id, uint64_t extension_id)
{
	struct callbacks *k = cs->callbacks;
	bool is_first = true;

	if (!k || !k->n)
		return;
	LIST_EACH (it, &k->bookings) {
		struct booking *b = CONTAINER_OF(it, struct booking, link);

		if (b->tenant_id != tenant_id)
			continue;
		/* Of those who wait for it, the first; of its own, each: they look again. */
		if ((b->wanted_id == extension_id && is_first) || b->caller_id == extension_id)
			settle_soon(b, SETTLE_MS);
		is_first &= b->wanted_id != extension_id;
	}
}

/* It can be disturbed again. */
static void on_changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	struct calls *cs = arg;

	if (res == &resource_extension && cs->callbacks->n && is_free(cs, tenant_id, id))
		callback_free(cs, tenant_id, id);
}

/* ---- */

int callbacks_open(struct calls *cs)
{
	struct callbacks *k = mem_alloc(sizeof(*k));

	if (!k)
		return ENOMEM;
	k->cs = cs;
	list_init(&k->bookings);
	cs->callbacks = k;
	return model_watch(cs->conf.model, on_changed, cs);
}

void callbacks_close(struct calls *cs)
{
	struct callbacks *k = cs->callbacks;

	if (!k)
		return;
	model_unwatch(cs->conf.model, on_changed, cs);
	LIST_EACH_SAFE (at, next, &k->bookings)
		forget(CONTAINER_OF(at, struct booking, link));
	cs->callbacks = mem_free(k);
}
