/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"
#include "base/thread.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/steer.h"
#include "call/transfer.h"

enum { MAX_LINES = 32 };

/* All that an extension is doing, oldest first; the pointers hold until the event is over. */
struct own {
	struct leg *v[MAX_LINES];
	bool is_held[MAX_LINES];
	size_t n;
};

static void find_own(struct own *o, struct calls *cs, const struct steer *what)
{
	const struct leg *pos = NULL;
	struct line_view view;

	o->n = 0;
	while (o->n < MAX_LINES &&
	       lines_next(cs, what->tenant_id, what->extension_id, &pos, &view)) {
		o->is_held[o->n] = view.is_held;
		o->v[o->n] = leg_get(cs, pos->id);
		o->n += o->v[o->n] != NULL;
	}
}

static bool talks(const struct leg *leg)
{
	return leg->st == LEG_UP && leg->call->st == CALL_TALKING &&
	       bridge_peer(leg->call->bridge, leg);
}

/* It has called, and what it calls rings or talks: somebody can take its place there. */
static bool is_target(const struct leg *leg)
{
	return talks(leg) || leg->is_caller;
}

static int named(const struct own *o, uint64_t session_id, struct leg **lp)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i]->call->rec.id != session_id)
			continue;
		*lp = o->v[i];
		return 0;
	}
	return ENOENT;
}

/* The one that can be held, or taken back. */
static int only_one(const struct own *o, bool is_held, struct leg **lp)
{
	int err = ENOENT;

	for (size_t i = 0; i < o->n; i++) {
		if (!talks(o->v[i]) || o->is_held[i] != is_held)
			continue;
		if (!err)
			return ENOTUNIQ;
		*lp = o->v[i];
		err = 0;
	}
	return err;
}

static int only_talking(const struct own *o, struct leg **lp)
{
	int err = ENOENT;

	for (size_t i = 0; i < o->n; i++) {
		if (!talks(o->v[i]))
			continue;
		if (!err)
			return ENOTUNIQ;
		*lp = o->v[i];
		err = 0;
	}
	return err;
}

int steer_hold(struct calls *cs, const struct steer *what, bool is_held)
{
	struct leg *leg = NULL;
	struct own o;
	int err;

	ON_THREAD(THREAD_CORE);
	find_own(&o, cs, what);
	err = what->session_id ? named(&o, what->session_id, &leg) : only_one(&o, !is_held, &leg);
	if (!err && !talks(leg))
		err = EBUSY;
	return err ? err : bridge_hold(leg->call->bridge, leg, is_held);
}

int steer_refer(struct calls *cs, const struct steer *what, const char *number, unsigned *status)
{
	struct log_ctx ctx;
	struct leg *leg = NULL;
	struct own o;
	int err;

	ON_THREAD(THREAD_CORE);
	find_own(&o, cs, what);
	err = what->session_id ? named(&o, what->session_id, &leg) : only_talking(&o, &leg);
	if (!err && !talks(leg))
		err = EBUSY;
	if (err)
		return err;
	ctx = leg_log(leg);
	log_info(&ctx, LOGID_CALL, "the API transfers who talks to %s to %s", leg->rec.number,
		 number);
	return transfer_blind(leg, number, status);
}

/* The other call, which one can take part in. */
static int find_target(const struct own *o, const struct leg *leg, uint64_t target_id,
		       struct leg **lp)
{
	int err = target_id ? named(o, target_id, lp) : ENOENT;

	if (target_id)
		return err;
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i]->call == leg->call || !is_target(o->v[i]))
			continue;
		if (!err)
			return ENOTUNIQ;
		*lp = o->v[i];
		err = 0;
	}
	return err;
}

/* Unnamed: the older one that talks. */
static int first_talking(const struct own *o, struct leg **lp)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!talks(o->v[i]))
			continue;
		*lp = o->v[i];
		return 0;
	}
	return ENOENT;
}

int steer_attended(struct calls *cs, const struct steer *what, uint64_t target_id)
{
	struct leg *leg = NULL, *other = NULL;
	struct log_ctx ctx;
	struct own o;
	int err;

	ON_THREAD(THREAD_CORE);
	find_own(&o, cs, what);
	err = what->session_id ? named(&o, what->session_id, &leg) : first_talking(&o, &leg);
	if (!err)
		err = find_target(&o, leg, target_id, &other);
	if (!err && !talks(leg))
		err = EBUSY;
	if (err)
		return err;
	ctx = leg_log(leg);
	log_info(&ctx, LOGID_CALL, "the API joins the two that %s talks to", leg->rec.number);
	return transfer_attended(leg, other);
}
