/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's answers to the API: pages of the live tables as JSON, and what may be done to them (base/commands.def).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "call/lines.h"
#include "call/steer.h"
#include "main/overview.h"
#include "main/server.h"
#include "main/simulator.h"
#include "main/transports.h"
#include "model/groups.h"
#include "schema/record.h"
#include "sip/shield.h"

enum { PAGE_MAX = 500 };

static json_t *json_id(uint64_t id)
{
	return json_sprintf("%" PRIu64, id);
}

static json_t *json_time(int64_t wall_us)
{
	char text[32];

	if (!wall_us)
		return json_null();
	clock_rfc3339(text, sizeof(text), wall_us);
	return json_string(text);
}

static uint32_t page_limit(const struct command *c)
{
	return c->limit && c->limit < PAGE_MAX ? c->limit : PAGE_MAX;
}

static json_t *registration_json(struct server *s, const struct contact *c)
{
	const struct account *a = model_account(s->model, c->tenant_id, c->account_id);
	const struct extension *e =
		a ? model_extension(s->model, c->tenant_id, a->extension_id) : NULL;
	char remote[ADDR_STR_BYTES];

	return json_pack(
		"{s:o,s:o,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "id", json_id(c->record_id),
		"tenant_id", json_id(c->tenant_id), "account_id", json_id(c->account_id),
		"username", a ? a->username : "", "extension", e ? e->number : "", "contact",
		c->uri, "remote", addr_str(remote, &c->flow.remote), "transport",
		transports_key(c->flow.transport), "user_agent", c->user_agent, "registered_at",
		json_time(c->registered_at_us), "expires_at", json_time(c->expires_at_us));
}

static json_t *registrations(struct server *s, const struct command *c)
{
	json_t *items = json_array();
	const struct contact *it;
	uint64_t after = c->after;
	bool has_more = false;

	while ((it = registrar_next(s->registrar, c->tenant_id, after))) {
		if (json_array_size(items) == page_limit(c)) {
			has_more = true;
			break;
		}
		json_array_append_new(items, registration_json(s, it));
		after = it->record_id;
	}
	return json_pack("{s:o,s:o}", "items", items, "next",
			 has_more ? json_id(after) : json_null());
}

static json_t *session_json(const struct call_view *view)
{
	json_t *one = record_to_json(&record_tables[RECORD_CALL], view->record);

	if (one) {
		json_object_set_new(one, "cdr_id", json_id(view->record->id));
		json_object_set_new(one, "id", json_id(view->id));
	}
	return one;
}

struct viewer {
	struct server *s;
	const struct extension *x;
};

/* GRP-2, GRP-3: its own calls, those of whom it manages, and those that it may monitor. */
static bool is_for(uint64_t tenant_id, uint64_t extension_id, void *arg)
{
	const struct viewer *v = arg;
	const struct extension *other = model_extension(v->s->model, tenant_id, extension_id);

	if (!other || tenant_id != v->x->o.tenant_id)
		return false;
	return other == v->x || model_is_manager_of(v->x, other) ||
	       model_may_monitor(v->s->model, v->x, other);
}

static bool is_seen(struct server *s, const struct command *c, const struct call_view *view)
{
	struct viewer v = {.s = s};

	if (!c->seen_by)
		return true;
	v.x = model_extension(s->model, c->tenant_id, c->seen_by);
	return v.x && calls_has_extension(s->calls, view->id, is_for, &v);
}

static json_t *session(struct server *s, const struct command *c)
{
	struct call_view view;
	bool is_there = c->id && calls_next(s->calls, c->tenant_id, c->id - 1, &view) &&
			view.id == c->id && is_seen(s, c, &view);

	return is_there ? session_json(&view) : NULL;
}

static int place_call(struct server *s, const struct command *c, json_t **out)
{
	const struct object *o = model_number(s->model, c->tenant_id, str_of(c->caller));
	struct command made = {.tenant_id = c->tenant_id};
	int err;

	if (!o || o->res != &resource_extension || (c->id && c->id != o->id))
		return ENOENT;
	err = calls_originate(s->calls, c->tenant_id, o->id, c->number, &made.id);
	if (err)
		return err;
	*out = session(s, &made);
	return *out ? 0 : ENOMEM;
}

static json_t *sessions(struct server *s, const struct command *c)
{
	json_t *items = json_array();
	struct call_view view;
	oid after = c->after;
	bool has_more = false;

	for (oid at = after; calls_next(s->calls, c->tenant_id, at, &view); at = view.id) {
		if (!is_seen(s, c, &view))
			continue;
		if (json_array_size(items) == page_limit(c)) {
			has_more = true;
			break;
		}
		json_array_append_new(items, session_json(&view));
		after = view.id;
	}
	return json_pack("{s:o,s:o}", "items", items, "next",
			 has_more ? json_id(after) : json_null());
}

/* ---- the calls of one extension (call/steer.h) ---- */

/* Of the tenant, and the owner's own if it is an owner who asks: ENODEV. */
static int find_extension(struct server *s, const struct command *c, struct steer *what)
{
	const struct object *o = model_number(s->model, c->tenant_id, str_of(c->caller));

	if (!o || o->res != &resource_extension || (c->id && c->id != o->id))
		return ENODEV;
	*what = (struct steer){c->tenant_id, o->id, c->after};
	return 0;
}

static json_t *line_json(const struct call_view *call, const struct line_view *v)
{
	static const char *const states[] = {
		[LINE_TRYING] = "trying", [LINE_EARLY] = "ringing", [LINE_CONFIRMED] = "talking"};

	return json_pack("{s:o,s:o,s:s,s:b,s:b,s:s,s:s,s:o,s:o,s:s}", "id", json_id(call->id),
			 "cdr_id", json_id(call->record->id), "state", states[v->state], "is_held",
			 v->is_held, "is_caller", v->is_initiator, "peer_number", v->number,
			 "peer_name", v->name, "started_at", json_time(call->record->started_at),
			 "answered_at", json_time(call->record->answered_at), "sip_call_id",
			 v->sip_call_id);
}

static int extension_sessions(struct server *s, const struct command *c, json_t **out)
{
	const struct leg *pos = NULL;
	json_t *items = json_array();
	struct line_view line;
	struct call_view call;
	struct steer what;
	int err = find_extension(s, c, &what);

	while (!err && lines_next(s->calls, what.tenant_id, what.extension_id, &pos, &line))
		if (calls_next(s->calls, what.tenant_id, line.call_id - 1, &call) &&
		    call.id == line.call_id)
			json_array_append_new(items, line_json(&call, &line));
	if (err)
		json_decref(items);
	else
		*out = json_pack("{s:o}", "items", items);
	return err;
}

static int steer_call(struct server *s, const struct command *c)
{
	unsigned status = 0;
	struct steer what;
	int err = find_extension(s, c, &what);

	if (err)
		return err;
	if (c->kind == COMMAND_REFER)
		return steer_refer(s->calls, &what, c->number, &status);
	if (c->kind == COMMAND_ATTENDED_REFER)
		return steer_attended(s->calls, &what, c->target_id);
	return steer_hold(s->calls, &what, c->kind == COMMAND_HOLD);
}

static json_t *blocked_json(const struct shield_view *b)
{
	char from[ADDR_STR_BYTES];
	struct addr_net net = {b->from, b->from.family == 6 ? 64 : 32};

	return json_pack("{s:o,s:s,s:s,s:s,s:o,s:o}", "id", json_id(b->id), "network",
			 addr_net_str(from, &net), "account", b->account, "cause",
			 shield_cause_text(b->cause), "blocked_at", json_time(b->since_us), "until",
			 json_time(b->until_us));
}

static json_t *blocked(struct server *s, const struct command *c)
{
	json_t *items = json_array();
	struct shield_view view = {.id = 0};
	uint64_t after = c->after;
	bool has_more = false;

	while (shield_next(sip_shield(s->sip), after, &view)) {
		if (json_array_size(items) == page_limit(c)) {
			has_more = true;
			break;
		}
		json_array_append_new(items, blocked_json(&view));
		after = view.id;
	}
	return json_pack("{s:o,s:o}", "items", items, "next",
			 has_more ? json_id(after) : json_null());
}

/* ---- balances ---- */

struct balances {
	uint64_t after;
	uint64_t *ids; /* the lowest after that, in order */
	size_t n, max;
};

static void balance_of(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	struct balances *b = arg;
	size_t at = b->n;

	(void)m;
	(void)res;
	(void)tenant_id;
	if (id <= b->after)
		return;
	while (at && b->ids[at - 1] > id)
		at--;
	if (at == b->max)
		return;
	if (b->n == b->max)
		b->n--;
	memmove(b->ids + at + 1, b->ids + at, (b->n - at) * sizeof(*b->ids));
	b->ids[at] = id;
	b->n++;
}

static json_t *balance_json(struct server *s, uint64_t tenant_id, uint64_t id)
{
	const struct extension *x = model_extension(s->model, tenant_id, id);
	struct purse_view v;

	purses_look(s->purses, tenant_id, id, clock_wall_us(s->env.clock), &v);
	return json_pack("{s:o,s:s,s:I,s:I,s:I}", "id", json_id(id), "number", x ? x->number : "",
			 "credit", (json_int_t)v.credit, "balance", (json_int_t)v.balance,
			 "spent_today", (json_int_t)v.spent_today);
}

static json_t *balances(struct server *s, const struct command *c)
{
	uint64_t ids[PAGE_MAX + 1];
	struct balances b = {.after = c->after, .ids = ids, .max = page_limit(c) + 1};
	json_t *items = json_array();

	model_tell_all(s->model, &resource_extension, c->tenant_id, balance_of, &b);
	for (size_t i = 0; i < b.n && i < page_limit(c); i++)
		json_array_append_new(items, balance_json(s, c->tenant_id, ids[i]));
	return json_pack("{s:o,s:o}", "items", items, "next",
			 b.n > page_limit(c) ? json_id(ids[b.n - 2]) : json_null());
}

static json_t *trunk_json(struct server *s, const struct trunk_view *v)
{
	const struct trunk *t = model_trunk(s->model, v->id);

	return json_pack("{s:o,s:s,s:b,s:s,s:o,s:o,s:I}", "id", json_id(v->id), "name",
			 t ? t->name : "", "is_online", v->is_online, "reason", v->reason, "since",
			 json_time(v->since_us), "registered_until", json_time(v->expires_at_us),
			 "calls", (json_int_t)v->ncalls);
}

/* TRK-4: its own, and those it has a pool on. */
static bool may_use(const struct model *m, uint64_t tenant_id, uint64_t trunk_id)
{
	const struct trunk *t = model_trunk(m, trunk_id);
	size_t pos = 0;

	return (t && t->owner_id == tenant_id) ||
	       model_referrer(m, resource_field(&resource_did_pool, STR("trunk_id")), tenant_id,
			      trunk_id, &pos);
}

static json_t *trunk_states(struct server *s, const struct command *c)
{
	json_t *items = json_array();
	struct trunk_view view = {.id = 0};
	uint64_t after = c->after;
	bool has_more = false;

	while (trunks_next(s->trunks, after, &view)) {
		if (c->tenant_id && !may_use(s->model, c->tenant_id, view.id)) {
			after = view.id;
			continue;
		}
		if (json_array_size(items) == page_limit(c)) {
			has_more = true;
			break;
		}
		json_array_append_new(items, trunk_json(s, &view));
		after = view.id;
	}
	return json_pack("{s:o,s:o}", "items", items, "next",
			 has_more ? json_id(after) : json_null());
}

static json_t *transport_states(struct server *s, const struct command *c)
{
	json_t *items = json_array();
	struct transport_view v;
	uint64_t after = c->after;
	bool has_more = false;

	while (transports_next(s->transports, after, &v)) {
		char ip[ADDR_STR_BYTES];

		if (json_array_size(items) == page_limit(c)) {
			has_more = true;
			break;
		}
		json_array_append_new(
			items, json_pack("{s:o,s:o,s:s,s:s,s:i,s:b,s:s}", "id", json_id(v.id),
					 "transport_id", json_id(v.transport_id), "protocol",
					 transports_key(v.protocol), "address",
					 addr_ip_str(ip, &v.where), "port", (int)v.where.port,
					 "is_active", v.is_active, "reason", v.reason));
		after = v.id;
	}
	return json_pack("{s:o,s:o}", "items", items, "next",
			 has_more ? json_id(after) : json_null());
}

static json_t *status(struct server *s)
{
	struct sip_counts sip;

	sip_counts(s->sip, &sip);
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "version", OFFHOOK_VERSION,
			 "uptime_seconds",
			 (json_int_t)((clock_wall_us(s->env.clock) - (int64_t)s->boot) / 1000000),
			 "tenants", (json_int_t)model_count(s->model, &resource_tenant),
			 "extensions", (json_int_t)model_count(s->model, &resource_extension),
			 "registrations", (json_int_t)registrar_count(s->registrar), "calls",
			 (json_int_t)calls_count(s->calls), "dialogs", (json_int_t)sip.dialogs,
			 "media_ports", (json_int_t)media_ports_in_use(s->media),
			 "journal_pending_bytes", (json_int_t)journal_pending_bytes(s->journal),
			 "timers", (json_int_t)wheel_count(s->env.wheel));
}

static void write_activity(struct server *s, const struct activity_record *rec)
{
	if (rec && s->records.sink.write(&s->records.sink, RECORD_ACTIVITY, rec, sizeof(*rec)))
		log_warn(NULL, LOGID_JOURNAL,
			 "something that was done or refused is not in the audit log: the journal "
			 "is full");
}

/* WEB-4 */
static void happened_over_rest(struct server *s, const struct command *c)
{
	if (c->headers[0])
		bus_publish(s->bus, &(struct bus_event){.kind = BUS_REQUEST_REFUSED,
							.tenant_id = c->tenant_id,
							.number = c->number,
							.peer = c->caller,
							.address = c->transferred_by,
							.reason = c->headers,
							.wall_us = clock_wall_us(s->env.clock)});
	write_activity(s, c->activity);
	free(c->activity);
}

void commands_answer(struct server *s, const struct command *c)
{
	struct command_reply reply = {.token = c->token};
	json_t *json = NULL;
	bool is_silent = false; /* nothing to tell but that it was done */

	switch (c->kind) {
	case COMMAND_REGISTRATIONS:
		json = registrations(s, c);
		break;
	case COMMAND_SESSIONS:
		json = sessions(s, c);
		break;
	case COMMAND_SESSION:
		json = session(s, c);
		reply.err = json ? 0 : ENOENT;
		break;
	case COMMAND_CALL:
		reply.err = place_call(s, c, &json);
		break;
	case COMMAND_EXTENSION_SESSIONS:
		reply.err = extension_sessions(s, c, &json);
		break;
	case COMMAND_HOLD:
	case COMMAND_UNHOLD:
	case COMMAND_REFER:
	case COMMAND_ATTENDED_REFER:
		is_silent = true;
		reply.err = steer_call(s, c);
		break;
	case COMMAND_SESSION_HANGUP:
		is_silent = true;
		reply.err = calls_hangup(s->calls, c->tenant_id, c->id);
		break;
	case COMMAND_BLOCKED_ADDRESSES:
		json = blocked(s, c);
		break;
	case COMMAND_BLOCKED_ADDRESS_FREE:
		is_silent = true;
		reply.err = shield_unblock(sip_shield(s->sip), c->id);
		break;
	case COMMAND_ROUTE:
		json = simulator_answer(s, c);
		break;
	case COMMAND_BALANCES:
		json = balances(s, c);
		break;
	case COMMAND_TRUNK_STATES:
		json = trunk_states(s, c);
		break;
	case COMMAND_TRANSPORT_STATES:
		json = transport_states(s, c);
		break;
	case COMMAND_STATUS:
		json = status(s);
		break;
	case COMMAND_SERVICES:
		json = overview_services(s);
		break;
	case COMMAND_NETWORK:
		json = overview_network(s, c->tenant_id);
		break;
	case COMMAND_NUMBERS:
		json = overview_numbers(s, c->tenant_id);
		break;
	case COMMAND_TELL_ACTIVITY:
		happened_over_rest(s, c);
		return;
	case COMMAND_NKINDS:
		reply.err = EINVAL;
		break;
	}
	if (json) {
		reply.json = json_dumps(json, JSON_COMPACT);
		reply.njson = reply.json ? strlen(reply.json) : 0;
		json_decref(json);
	}
	if (!reply.json && !reply.err && !is_silent)
		reply.err = ENOMEM;
	if (ring_push(c->reply_to, &reply)) {
		log_warn(NULL, LOGID_API, "an answer to the API was dropped: its queue is full");
		free(reply.json);
	}
}
