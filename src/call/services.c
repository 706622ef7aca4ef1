/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What call/owner.h offers to services, and the life of the one that has a call. */
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/callback.h"
#include "call/calls.h"
#include "call/leg_media.h"
#include "call/leg_sound.h"
#include "call/negotiate.h"
#include "call/originate.h"
#include "call/record.h"
#include "call/ringing.h"
#include "call/served.h"
#include "call/services.h"
#include "call/transfer.h"
#include "call/usage.h"
#include "sip/shield.h"

int calls_register_service(struct calls *cs, const struct owner_kind *kind)
{
	ON_THREAD(THREAD_CORE);
	if (!kind || !kind->name || !kind->start || !kind->event || !kind->stop)
		return EINVAL;
	if (calls_service(cs, kind->name))
		return EEXIST;
	if (cs->nservices == ARRAY_LEN(cs->service))
		return ENOSPC;
	cs->service[cs->nservices++] = kind;
	return 0;
}

int services_start(struct call *call)
{
	struct calls *cs = call->cs;
	const struct owner_kind *kind = calls_service(cs, call->plan.service);
	struct owner_start start = {
		.call = call,
		.caller = call->caller,
		.tenant_id = call->rec.tenant_id,
		.id = call->plan.service_id,
		.argument = call->plan.argument,
	};
	struct service_run *run;
	int err;

	if (!kind)
		return ENOENT;
	run = mem_alloc(sizeof(*run));
	if (!run)
		return ENOMEM;
	run->kind = kind;
	call->st = CALL_SERVED;
	call->service = run; /* start() may act at once, and even hand the call on */
	err = kind->start(kind, &start, &run->state);
	if (!err)
		return 0;
	run->state = NULL;
	if (call->service == run) {
		call->service = NULL;
		mem_free(run);
	} /* else it let go before it failed: the reaper has it */
	return err;
}

void services_event(struct call *call, enum owner_event_type type, oid leg, enum reason reason)
{
	services_tell(call, &(struct owner_event){.type = type, .leg = leg, .reason = reason});
}

void services_tell(struct call *call, const struct owner_event *ev)
{
	struct service_run *run = call->service;

	if (run && run->state)
		run->kind->event(run->state, ev);
}

bool services_take_any_codec(const struct call *call)
{
	return !call->service || call->service->kind->takes_any_codec;
}

static void part(struct call *call)
{
	struct service_run *run = call->service;

	call->service = NULL;
	list_append(&call->cs->dead_services, &run->link);
	calls_reap_soon(call->cs);
}

void services_leave(struct call *call, enum reason reason)
{
	if (!call->service)
		return;
	services_event(call, OWNER_ENDED, call->caller, reason);
	if (call->service)
		part(call);
}

void services_reap(struct calls *cs)
{
	LIST_EACH_SAFE (it, tmp, &cs->dead_services) {
		struct service_run *run = CONTAINER_OF(it, struct service_run, link);

		list_remove(&run->link);
		if (run->state)
			run->kind->stop(run->state);
		mem_free(run);
	}
}

const struct env *owner_env(struct call *call)
{
	return &call->cs->conf.env;
}

const struct model *owner_model(struct call *call)
{
	return call->cs->conf.model;
}

/* A leg that the call's service may act on. */
static struct leg *owned(struct call *call, oid id)
{
	struct leg *leg = leg_get(call->cs, id);

	ON_THREAD(THREAD_CORE);
	if (!leg || (leg->call != call && !transfer_is_for(call, leg)) || !call->service ||
	    call->st == CALL_OVER || leg_is_over(leg))
		return NULL;
	return leg;
}

int owner_play(struct call *call, oid id, const struct owner_play *play)
{
	struct leg *leg = owned(call, id);

	return leg ? leg_sound_play(leg, play) : ENOENT;
}

int owner_hush(struct call *call, oid id)
{
	struct leg *leg = owned(call, id);

	return leg ? leg_sound_hush(leg) : ENOENT;
}

int owner_record(struct call *call, oid id, const char *path, const struct owner_record *how)
{
	struct leg *leg = owned(call, id);

	return leg ? leg_sound_record(leg, path, how) : ENOENT;
}

int owner_record_end(struct call *call, oid id)
{
	struct leg *leg = owned(call, id);

	return leg ? leg_sound_record_end(leg) : ENOENT;
}

int owner_mix(struct call *call, oid id, const struct owner_mix *how)
{
	const struct media_mix mix = {how->room, how->speaks, how->hears};
	struct leg *leg = owned(call, id);

	return leg ? leg_sound_mix(leg, &mix) : ENOENT;
}

const char *owner_folder(const struct call *call)
{
	return call->cs->conf.folder;
}

const char *owner_sounds(const struct call *call)
{
	return call->cs->conf.sounds;
}

int owner_answer(struct call *call, oid id)
{
	struct leg *leg = owned(call, id);

	if (!leg)
		return ENOENT;
	if (call->is_originated)
		return originate_serve(call, leg);
	if (transfer_is_for(call, leg)) {
		transfer_answered(call);
		return served_begin(call, leg);
	}
	if (leg->owes != LEG_OWES_FINAL || leg->st != LEG_READY)
		return EALREADY;
	return negotiate_own(call, leg, call->service->kind->name);
}

int owner_speak_early(struct call *call, oid id)
{
	struct leg *leg = owned(call, id);

	if (!leg)
		return ENOENT;
	if (leg->owes != LEG_OWES_FINAL || leg->st != LEG_READY)
		return EALREADY;
	return leg->offered ? negotiate_own_early(leg) : EPROTO;
}

int owner_echo(struct call *call, oid id)
{
	struct leg *leg = owned(call, id);

	return leg ? leg_media_echo(leg) : ENOENT;
}

/* Nobody talks to it yet. */
static bool waits(const struct call *call, const struct leg *caller)
{
	return caller->st == LEG_READY || call->is_originated || transfer_is_for(call, caller);
}

int owner_ring(struct call *call, oid id, const struct owner_ring *ring)
{
	struct leg *caller = owned(call, id);

	if (!caller || caller->id != call->caller)
		return ENOENT;
	if (!waits(call, caller) || call->ring)
		return EALREADY;
	return ringing_start(&call->ring, call, ring);
}

enum reason owner_reason(int err)
{
	switch (err) {
	case EBUSY:
		return REASON_BUSY;
	case ENOENT:
		return REASON_UNAVAILABLE;
	case EPROTONOSUPPORT:
		return REASON_NOT_SECURE;
	default:
		return REASON_OVERLOAD;
	}
}

void owner_hangup(struct call *call, oid id, enum reason reason)
{
	struct leg *leg = owned(call, id);
	bool is_failure = reason == call->failure.reason; /* then as the device said it */

	if (leg)
		call_end(call, reason, is_failure ? call->failure.status : 0, "system",
			 is_failure ? str_of(call->failure.lines) : STR_NONE);
}

int owner_continue(struct call *call, oid id, const struct dest *dest, const char *number)
{
	struct leg *leg = owned(call, id);

	if (!leg || leg->id != call->caller)
		return ENOENT;
	if (!waits(call, leg))
		return EALREADY;
	part(call);
	call->ring = ringing_free(call->ring, REASON_NO_ANSWER, STR_NONE);
	call_tried(call);
	call_reroute(call, dest, number);
	return 0;
}

int owner_dial(struct call *call, oid id, uint64_t extension_id, const char *number)
{
	struct leg *leg = owned(call, id);

	if (!leg || leg->id != call->caller)
		return ENOENT;
	if (leg->st != LEG_UP || call->ring)
		return EALREADY;
	part(call);
	str_fit(call->dialled, sizeof(call->dialled),
		str_of(call_as_dialled(call, extension_id, number)));
	usage_remove(call);
	call->caller_extension_id = extension_id;
	call->plan = (struct call_plan){0};
	call->nhistory = 0;
	call->nasked++;
	originate_wait(call, leg);
	call->st = CALL_OPENING;
	call_route(call, NULL, NULL);
	if (call->st != CALL_OVER)
		usage_add(call); /* after routing: the call asked about does not count itself */
	return 0;
}

bool owner_may_dial(struct call *call, uint64_t extension_id, const char *number)
{
	return call_may_dial(call, extension_id, number);
}

void owner_failed(struct call *call, oid id, struct str answer)
{
	struct leg *leg = owned(call, id);

	if (leg)
		shield_failed(sip_shield(call->cs->conf.sip), &leg->flow.remote,
			      str_of(leg->rec.number), answer);
}

uint64_t owner_caller_extension(const struct call *call)
{
	return call->caller_extension_id;
}

int owner_book_callback(struct call *call, const char *number)
{
	return callback_book(call->cs, call->rec.tenant_id, call->caller_extension_id, number);
}

int owner_cancel_callbacks(struct call *call)
{
	return callback_cancel(call->cs, call->rec.tenant_id, call->caller_extension_id);
}

uint64_t owner_rights(const struct call *call)
{
	return call->from_trunk_id || call->rec.transferred_by[0] ? 0 : call->caller_extension_id;
}

int owner_set(struct call *call, uint64_t tenant_id, const struct resource *res, uint64_t id,
	      const char *json)
{
	struct config_writer *w = call->cs->conf.writer;

	return w ? w->set(w, tenant_id, res, id, json) : ENOTSUP;
}
