/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "base/ids.h"
#include "call/attest.h"
#include "call/bridge.h"
#include "call/callback.h"
#include "call/calls.h"
#include "call/rewrite.h"
#include "call/diverted.h"
#include "call/leg_sound.h"
#include "call/events.h"
#include "call/meter.h"
#include "call/pickup_code.h"
#include "call/record.h"
#include "call/disk.h"
#include "call/recorder.h"
#include "call/refer.h"
#include "call/restore.h"
#include "call/ringing.h"
#include "call/services.h"
#include "call/settings.h"
#include "call/transfer.h"
#include "call/urgent.h"
#include "call/usage.h"
#include "call/within.h"

enum { DEFAULT_SILENCE_MS = 120000, DEFAULT_MAX_CALLS = 20000, LEGS_PER_CALL = 8 };

/* Milliseconds of the wall clock and 22 bits drawn at start, or one more than the last: rows of a tenant stay in order of time
 * on disk and on the page, and no two nodes or boots give the same id. */
uint64_t calls_new_id(struct calls *cs)
{
	uint64_t ms = (uint64_t)(calls_wall_us(cs) / 1000) & ((UINT64_C(1) << 41) - 1);
	uint64_t id = ms << 22 | cs->id_salt;

	if (id <= cs->last_id)
		id = cs->last_id + 1;
	cs->last_id = id;
	return id;
}

struct log_ctx call_log(const struct call *call)
{
	return (struct log_ctx){call->rec.tenant_id, call->rec.id, 0};
}

void calls_bind_for(struct calls *cs, const struct flow *flow, struct addr *bind)
{
	*bind = flow->local;
	if (!bind->family || addr_is_any(bind))
		if (cs->conf.edge->local_for(cs->conf.edge, flow->transport, &flow->remote, bind))
			memset(bind, 0, sizeof(*bind)); /* the engine will refuse to open there */
	bind->port = 0;
}

const struct owner_kind *calls_service(const struct calls *cs, const char *name)
{
	for (size_t i = 0; i < cs->nservices; i++)
		if (strcmp(cs->service[i]->name, name) == 0)
			return cs->service[i];
	return NULL;
}

static bool same_id(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct call, by_id)->rec.id == *(const uint64_t *)key;
}

struct call *calls_find(const struct calls *cs, uint64_t id)
{
	struct map_node *node = map_find(&cs->by_id, map_hash_u64(id, 0), same_id, &id);

	return node ? CONTAINER_OF(node, struct call, by_id) : NULL;
}

struct call *call_alloc(struct calls *cs, uint64_t tenant_id)
{
	struct call *call = mem_alloc(sizeof(*call));

	if (!call)
		return NULL;
	call->cs = cs;
	list_init(&call->legs);
	call->rec.tenant_id = tenant_id;
	call->rec.id = calls_new_id(cs);
	call->rec.node = (int64_t)cs->conf.node;
	call->rec.boot = (int64_t)cs->conf.boot;
	call->rec.started_at = calls_wall_us(cs);
	list_append(&cs->all, &call->link);
	map_add(&cs->by_id, &call->by_id, map_hash_u64(call->rec.id, 0));
	cs->ncalls++;
	metric_set(METRIC_CALLS, cs->ncalls);
	return call;
}

struct call *call_free(struct call *call)
{
	struct calls *cs = call->cs;

	ringing_free(call->ring, REASON_FAILED, STR_NONE);
	timer_cancel(&call->origin);
	record_call_closed(call);
	sdp_free(call->update);
	free(call->onward);
	transfer_free(call);
	bridge_free(call->bridge);
	usage_remove(call);
	call_bury(call);
	list_remove(&call->link);
	cs->ncalls--;
	metric_set(METRIC_CALLS, cs->ncalls);
	diverted_free(call);
	return mem_free(call);
}

void call_bury(struct call *call)
{
	if (call->is_buried)
		return;
	call->is_buried = true;
	map_remove(&call->cs->by_id, &call->by_id);
	list_remove(&call->link);
	list_append(&call->cs->dead_calls, &call->link);
	calls_reap_soon(call->cs);
}

/* Every way out of a call goes through call_end(); what ends it here is the one we have forgotten. */
static void finish(struct call *call)
{
	call_end(call, REASON_FAILED, 0, "system", STR_NONE);
	events_call(call, BUS_CALL_CDR, call->rec.reason);
	call_free(call);
}

static void reap(struct timer *t, void *arg)
{
	struct calls *cs = arg;

	LIST_EACH_SAFE (it, tmp, &cs->dead_legs) {
		struct leg *leg = CONTAINER_OF(it, struct leg, in_call);
		struct call *call = leg->call;

		leg_free(leg);
		/* One that waits for its transferee has no leg of its own, maybe. */
		if (!call->nalive && (call->st == CALL_OVER || !call->transfer))
			finish(call);
	}
	LIST_EACH_SAFE (it, tmp, &cs->dead_calls)
		finish(CONTAINER_OF(it, struct call, link));
	services_reap(cs);
}

void calls_reap_soon(struct calls *cs)
{
	if (!timer_running(&cs->reaper))
		timer_start(cs->conf.env.wheel, &cs->reaper, 0, reap, cs);
}

static size_t facts_contacts(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id)
{
	const struct calls *cs = CONTAINER_OF(f, struct calls, facts);
	const struct account *acc;
	size_t at = 0, n = 0;

	while ((acc = model_extension_accounts(cs->conf.model, tenant_id, extension_id, &at))) {
		size_t pos = 0;

		while (acc->enabled &&
		       registrar_contacts(cs->conf.registrar, tenant_id, acc->o.id, &pos))
			n++;
	}
	return n;
}

static size_t facts_calls(const struct route_facts *f, uint64_t tenant_id, uint64_t extension_id)
{
	const struct calls *cs = CONTAINER_OF(f, struct calls, facts);

	return usage_calls(cs, tenant_id, extension_id) +
	       (extension_id ? ringing_calls(cs, tenant_id, extension_id) : 0);
}

static enum route_trunk_state facts_trunk(const struct route_facts *f, uint64_t trunk_id)
{
	const struct calls *cs = CONTAINER_OF(f, struct calls, facts);

	switch (cs->conf.trunks ? trunks_ready(cs->conf.trunks, trunk_id) : TRUNK_OFFLINE) {
	case TRUNK_READY:
		return ROUTE_TRUNK_READY;
	case TRUNK_FULL:
		return ROUTE_TRUNK_FULL;
	default:
		return ROUTE_TRUNK_OFFLINE;
	}
}

static enum route_money facts_money(const struct route_facts *f, const struct route_payment *pay)
{
	return meter_ask(CONTAINER_OF(f, struct calls, facts), pay);
}

int calls_alloc(struct calls **cp, const struct calls_conf *conf)
{
	struct calls *cs = mem_alloc(sizeof(*cs));
	int err;

	if (!cs)
		return ENOMEM;
	cs->conf = *conf;
	if (!cs->conf.silence_ms)
		cs->conf.silence_ms = DEFAULT_SILENCE_MS;
	if (!cs->conf.max_calls)
		cs->conf.max_calls = DEFAULT_MAX_CALLS;
	cs->facts = (struct route_facts){.contacts = facts_contacts,
					 .calls = facts_calls,
					 .trunk = facts_trunk,
					 .money = facts_money};
	cs->id_salt = rng_below(conf->env.rng, UINT64_C(1) << 22);
	list_init(&cs->all);
	list_init(&cs->dead_legs);
	list_init(&cs->dead_calls);
	list_init(&cs->dead_services);
	list_init(&cs->refers);
	list_init(&cs->restored);
	err = ids_alloc(&cs->legs, cs->conf.max_calls * LEGS_PER_CALL);
	if (!err)
		err = map_init(&cs->by_id);
	if (!err)
		err = map_init(&cs->usage);
	if (!err)
		err = map_init(&cs->ringing);
	if (!err)
		err = map_init(&cs->lines);
	if (!err)
		err = rings_watch(cs);
	if (!err)
		err = sip_support(conf->sip, "norefersub");
	if (!err)
		err = sip_support(conf->sip, "replaces");
	if (!err)
		err = sip_support(conf->sip, "tdialog");
	if (!err)
		err = pickup_code_register(cs);
	if (!err)
		err = callbacks_open(cs);
	if (!err)
		err = settings_open(cs);
	if (!err)
		err = urgent_open(cs);
	if (!err)
		err = recorder_open(cs);
	if (!err)
		err = map_init(&cs->disks);
	if (!err)
		err = attest_open(cs);
	if (err) {
		calls_free(cs);
		return err;
	}
	sip_on_request(conf->sip, SIP_INVITE, calls_incoming, cs);
	sip_on_request(conf->sip, SIP_REFER, transfer_stray, cs);
	sip_on_request(conf->sip, SIP_INFO, within_stray, cs);
	sip_on_request(conf->sip, SIP_NOTIFY, within_stray, cs);
	sip_on_within(conf->sip, within_admits, cs);
	sip_on_edit(conf->sip, rewrite_lines, cs);
	*cp = cs;
	return 0;
}

/* At stop, when nothing runs any more: usages of legs still closing belong to the stack, which is freed after us. */
struct calls *calls_free(struct calls *cs)
{
	size_t pos = 0;
	struct leg *leg;
	oid id;

	if (!cs)
		return NULL;
	timer_cancel(&cs->reaper);
	LIST_EACH_SAFE (it, tmp, &cs->dead_legs)
		leg_free(CONTAINER_OF(it, struct leg, in_call));
	while (cs->legs && (leg = ids_next(cs->legs, &pos, &id))) {
		leg->member = NULL;
		leg_free(leg);
	}
	LIST_EACH_SAFE (it, tmp, &cs->all) {
		struct call *call = CONTAINER_OF(it, struct call, link);

		services_leave(call, REASON_INTERRUPTED);
		call_free(call);
	}
	LIST_EACH_SAFE (it, tmp, &cs->dead_calls)
		call_free(CONTAINER_OF(it, struct call, link));
	refers_free(cs);
	services_reap(cs);
	attest_close(cs);
	urgent_close(cs);
	recorder_close(cs);
	disks_close(cs);
	restored_free(cs);
	timer_cancel(&cs->reaper);
	callbacks_close(cs);
	usage_close(cs);
	map_close(&cs->ringing);
	lines_close(cs);
	map_close(&cs->by_id);
	ids_free(cs->legs);
	return mem_free(cs);
}

/* The call goes on: one stream of it may be silent, and the log says whose. */
static void media_refused(const struct leg *leg, int err)
{
	struct log_ctx ctx = leg_log(leg);

	log_warn(&ctx, LOGID_MEDIA, "the media engine refused a command for %s: %s",
		 leg->rec.number, strerror(err));
}

void calls_media_event(const struct media_event *ev, void *calls)
{
	static const enum leg_ev events[] = {
		[MEDIA_OPENED] = LEV_OPENED,	   [MEDIA_FAILED] = LEV_MEDIA_FAILED,
		[MEDIA_DONE] = LEV_NEVENTS,	   [MEDIA_STATS_ARE] = LEV_NEVENTS,
		[MEDIA_CLOSED] = LEV_MEDIA_CLOSED, [MEDIA_SILENT] = LEV_SILENT,
		[MEDIA_HEARD] = LEV_HEARD,	   [MEDIA_BROKEN] = LEV_BROKEN,
		[MEDIA_KEY] = LEV_NEVENTS,	   [MEDIA_FAX] = LEV_NEVENTS,
		[MEDIA_PLAYED] = LEV_NEVENTS,	   [MEDIA_RECORDED] = LEV_NEVENTS,
	};
	struct calls *cs = calls;
	struct leg *leg = leg_get(cs, ev->session);

	ON_THREAD(THREAD_CORE);
	if (recorder_event(cs, leg, ev) || !leg || leg_sound_event(leg, ev))
		return;
	if (events[ev->type] != LEV_NEVENTS)
		leg_event(leg, events[ev->type], &(struct leg_msg){.media = ev});
	else if (ev->err && !leg_is_over(leg))
		media_refused(leg, ev->err);
}

size_t calls_count(const struct calls *cs)
{
	return cs->ncalls;
}

void calls_drain(struct calls *cs)
{
	ON_THREAD(THREAD_CORE);
	cs->is_draining = true;
	LIST_EACH_SAFE (it, tmp, &cs->all) {
		struct call *call = CONTAINER_OF(it, struct call, link);

		call_end(call, REASON_INTERRUPTED, 503, "system", STR_NONE);
	}
}

bool calls_next(const struct calls *cs, uint64_t tenant_id, uint64_t after, struct call_view *view)
{
	const struct call *at = after ? calls_find(cs, after) : NULL;
	const struct link *start = at ? at->link.next : cs->all.next;

	/* The list is in order of id, so one that has ended meanwhile only costs a walk from the start. */
	for (const struct link *it = start; it && it != &cs->all; it = it->next) {
		const struct call *call = CONTAINER_OF(it, struct call, link);

		if (call->rec.id <= after || call->st == CALL_OVER)
			continue;
		if (tenant_id && call->rec.tenant_id != tenant_id)
			continue;
		*view = (struct call_view){call->rec.id, call->rec.tenant_id, &call->rec};
		return true;
	}
	return false;
}

bool calls_has_extension(const struct calls *cs, uint64_t id, calls_extension_h *fn, void *arg)
{
	const struct call *call = calls_find(cs, id);

	if (!call)
		return false;
	LIST_EACH (l, &call->legs) {
		const struct leg *leg = CONTAINER_OF(l, struct leg, in_call);

		if (leg->extension_id && fn(leg->rec.tenant_id, leg->extension_id, arg))
			return true;
	}
	return false;
}

int calls_hangup(struct calls *cs, uint64_t tenant_id, uint64_t id)
{
	struct call *call = calls_find(cs, id);

	ON_THREAD(THREAD_CORE);
	if (!call || call->st == CALL_OVER || (tenant_id && call->rec.tenant_id != tenant_id))
		return ENOENT;
	call_end(call, REASON_ADMINISTRATOR, 0, "system", STR_NONE);
	return 0;
}
