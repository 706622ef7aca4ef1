/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the bus tells: to those who watch (api/), and as records into the journal, for the event log and webhooks.
 *
 * Events of calls are many; they become records only where a webhook of the tenant wants them.  Which those are is kept
 * beside the model, as it changes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "main/server.h"
#include "main/transports.h"

struct wanted { /* by one webhook */
	uint64_t tenant_id, id;
	uint64_t kinds;
};

/* Worth a line whoever wants them. */
#define BIT(kind) (UINT64_C(1) << BUS_##kind)
static const uint64_t always = BIT(REGISTERED) | BIT(UNREGISTERED) | BIT(ADDRESS_BLOCKED) |
			       BIT(ACCOUNT_REFUSED) | BIT(CONGESTION) | BIT(TRUNK_CONNECTED) |
			       BIT(TRUNK_DISCONNECTED) | BIT(BACKUP_ENDED) | BIT(EMERGENCY_CALL) |
			       BIT(SERVER_STARTED) | BIT(SERVER_STOPPED) | BIT(TRANSPORT_MADE) |
			       BIT(TRANSPORT_LOST) | BIT(STORAGE_FULL) |
			       BIT(DATABASE_LOST) | BIT(DATABASE_BACK);
#undef BIT

static uint64_t kinds_of(struct str events)
{
	uint64_t kinds = 0;

	while (events.p) {
		struct str one = str_trim(str_cut(&events, ','));

		for (unsigned i = 0; i < BUS_NKINDS; i++)
			if (str_eq(one, STR("*")) || str_eq(one, str_of(bus_key((enum bus_kind)i))))
				kinds |= UINT64_C(1) << i;
	}
	return kinds;
}

static void forget(struct server *s, uint64_t tenant_id, uint64_t id)
{
	for (size_t i = 0; i < s->nwanted; i++)
		if (s->wanted[i].tenant_id == tenant_id && s->wanted[i].id == id)
			s->wanted[i--] = s->wanted[--s->nwanted];
}

static void on_change(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	struct server *s = arg;
	const struct webhook *h;
	struct wanted *v;

	if (res != &resource_webhook)
		return;
	forget(s, tenant_id, id);
	h = (const struct webhook *)model_object(m, res, tenant_id, id);
	if (!h || !h->enabled)
		return;
	v = reallocarray(s->wanted, s->nwanted + 1, sizeof(*v));
	if (!v) {
		log_error(NULL, LOGID_WEBHOOK,
			  "no memory: a webhook is not told of events of calls");
		return;
	}
	s->wanted = v;
	s->wanted[s->nwanted++] = (struct wanted){tenant_id, id, kinds_of(str_of(h->events))};
}

static bool is_wanted(const struct server *s, const struct bus_event *ev)
{
	uint64_t kinds = always;

	for (size_t i = 0; i < s->nwanted; i++)
		if (s->wanted[i].tenant_id == ev->tenant_id)
			kinds |= s->wanted[i].kinds;
	return kinds >> ev->kind & 1;
}

static void write_record(struct server *s, const struct bus_event *ev)
{
	struct event_record rec = {.tenant_id = ev->tenant_id,
				   .id = (rng_u64(s->env.rng) >> 1) | 1,
				   .call_id = ev->call_id,
				   .extension_id = ev->extension_id,
				   .at = ev->wall_us};

	record_set_text(rec.topic, sizeof(rec.topic), str_of(bus_topic(ev->kind)));
	record_set_text(rec.key, sizeof(rec.key), str_of(bus_key(ev->kind)));
	record_set_text(rec.number, sizeof(rec.number), str_of(ev->number));
	record_set_text(rec.peer, sizeof(rec.peer), str_of(ev->peer));
	record_set_text(rec.address, sizeof(rec.address), str_of(ev->address));
	record_set_text(rec.reason, sizeof(rec.reason), str_of(ev->reason));
	if (s->records.sink.write(&s->records.sink, RECORD_EVENT, &rec, sizeof(rec)))
		log_warn(NULL, LOGID_JOURNAL, "an event is not in the log: the journal is full");
}

static void on_event(const struct bus_event *ev, void *arg)
{
	struct server *s = arg;

	if (s->api)
		api_event(ev, s->api);
	if (ev->kind != BUS_CALL_CDR && is_wanted(s, ev)) /* a call's record tells of its end */
		write_record(s, ev);
}

static void on_backups(int fd, unsigned events, void *arg)
{
	struct server *s = arg;
	struct store_news n;

	ring_woken(s->backups);
	while (ring_pop(s->backups, &n)) {
		const char *what = n.is_restore ? "restore" : "backup";
		char reason[100], id[24];

		if (n.kind != NEWS_OF_BACKUP) {
			happened(s,
				 n.kind == NEWS_DATABASE_LOST ? BUS_DATABASE_LOST
							      : BUS_DATABASE_BACK,
				 "", "", "");
			continue;
		}
		(void)snprintf(id, sizeof(id), "%" PRIu64, n.id);
		if (!n.is_over)
			(void)snprintf(reason, sizeof(reason), "%u", n.percent);
		else
			(void)snprintf(reason, sizeof(reason), "%s", n.why[0] ? n.why : "complete");
		bus_publish(s->bus, &(struct bus_event){.kind = n.is_over ? BUS_BACKUP_ENDED
									  : BUS_BACKUP_PROGRESS,
							.tenant_id = n.tenant_id,
							.number = id,
							.peer = what,
							.reason = reason,
							.wall_us = clock_wall_us(s->env.clock)});
	}
}

int happenings_watch(struct server *s)
{
	return model_watch(s->model, on_change, s);
}

/* WEB-4: of the whole system. */
void happened(struct server *s, enum bus_kind kind, const char *what, const char *address,
	      const char *reason)
{
	bus_publish(s->bus, &(struct bus_event){.kind = kind,
						.peer = what,
						.address = address,
						.reason = reason,
						.wall_us = clock_wall_us(s->env.clock)});
}

/* Listeners were opened before anybody heard: those that could not be are told of now. */
static void tell_of_start(struct server *s)
{
	struct transport_view v;

	happened(s, BUS_SERVER_STARTED, OFFHOOK_VERSION, "", "");
	for (uint64_t after = 0; transports_next(s->transports, after, &v); after = v.id) {
		char where[ADDR_STR_BYTES];

		if (!v.is_active)
			happened(s, BUS_TRANSPORT_LOST, transports_name(v.protocol),
				 addr_str(where, &v.where), v.reason);
	}
}

int happenings_start(struct server *s)
{
	int err = bus_subscribe(s->bus, on_event, s);

	if (!err)
		err = loop_watch(&s->watch_backups, s->loop, ring_fd(s->backups), LOOP_READ,
				 on_backups, s);
	if (!err)
		tell_of_start(s);
	return err;
}

void happenings_stop(struct server *s)
{
	s->watch_backups = loop_unwatch(s->watch_backups);
}
