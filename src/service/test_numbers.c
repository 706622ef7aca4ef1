/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers to try the sound of a system with: a tone (*41), which answers a fax as a fax does, a room (*44), paging (*45 speaks, *46 listens).
 *
 * Rooms are the tenant's: nobody meets a stranger.  They begin, as echo does, when the caller has acknowledged our answer.
 */
#include "base/map.h"
#include "base/mem.h"
#include "service/service.h"

enum { TONE_HZ = 1000, FAX_HZ = 2100, FAX_MS = 3000, JOIN_HZ = 660, JOIN_MS = 150, ALL = 1 };
enum room_kind { ROOM_MIX = 1, ROOM_PAGE };

struct test_call {
	struct call *call;
	oid caller;
	uint64_t tenant_id;
};

static int start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct test_call *t = mem_alloc(sizeof(*t));

	if (!t)
		return ENOMEM;
	*t = (struct test_call){s->call, s->caller, s->tenant_id};
	*statep = t;
	if (owner_answer(s->call, s->caller))
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void stop(void *state)
{
	mem_free(state);
}

/* Of the tenant's, and of no other kind. */
static uint64_t room_of(const struct test_call *t, enum room_kind kind)
{
	uint64_t id = map_hash_u64(t->tenant_id, kind);

	return id ? id : 1;
}

/* What cannot be had ends the call: err of an action, or of an event. */
static void check(struct test_call *t, int err)
{
	if (err)
		owner_hangup(t->call, t->caller, REASON_MEDIA_FAILED);
}

static void tone_event(void *state, const struct owner_event *ev)
{
	struct test_call *t = state;
	struct owner_play tone = {.hz = {TONE_HZ}};
	struct owner_play answer = {.hz = {FAX_HZ}, .most_ms = FAX_MS}; /* CED, T.30 4.3.1.1 */

	if (ev->type == OWNER_ANSWERED)
		check(t, owner_play(t->call, t->caller, &tone));
	else if (ev->type == OWNER_FAX)
		check(t, owner_play(t->call, t->caller, &answer));
	else if (ev->type == OWNER_PLAYED && ev->err != ECANCELED)
		check(t, ev->err ? ev->err : owner_play(t->call, t->caller, &tone));
}

static void enter(struct test_call *t, const struct owner_event *ev, enum room_kind kind,
		  uint32_t speaks, uint32_t hears)
{
	const struct owner_mix how = {room_of(t, kind), speaks, hears};

	if (ev->type == OWNER_ANSWERED)
		check(t, owner_mix(t->call, t->caller, &how));
	else if (ev->type == OWNER_FAILED)
		check(t, ev->err);
}

static void mix_event(void *state, const struct owner_event *ev)
{
	struct test_call *t = state;
	struct owner_play joins = {.hz = {JOIN_HZ}, .most_ms = JOIN_MS, .to_room = true};

	enter(t, ev, ROOM_MIX, ALL, ALL);
	if (ev->type == OWNER_ANSWERED)
		check(t, owner_play(t->call, t->caller, &joins));
}

static void page_event(void *state, const struct owner_event *ev)
{
	enter(state, ev, ROOM_PAGE, ALL, 0);
}

static void page_listen_event(void *state, const struct owner_event *ev)
{
	enter(state, ev, ROOM_PAGE, 0, ALL);
}

const struct owner_kind service_tone = {
	.name = "tone", .start = start, .event = tone_event, .stop = stop};
const struct owner_kind service_mix = {
	.name = "mix", .start = start, .event = mix_event, .stop = stop};
const struct owner_kind service_page = {
	.name = "page", .start = start, .event = page_event, .stop = stop};
const struct owner_kind service_page_listen = {
	.name = "page_listen", .start = start, .event = page_listen_event, .stop = stop};
