/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "main/past.h"
#include "main/simulator.h"
#include "schema/enums.h"

enum { SECONDS = 60 }; /* what a call is supposed to last when nothing is said */

struct simulation {
	struct server *s;
	const struct model *model; /* today's, or of the past */
	struct calls *calls;
};

/* ---- who rings ---- */

static void add_device(const struct simulation *w, json_t *devices, const struct contact *c,
		       const struct account *acc, const struct extension *x)
{
	char remote[ADDR_STR_BYTES];
	struct flow flow;

	registrar_way(w->s->registrar, c, &flow, NULL);
	json_array_append_new(devices, json_pack("{s:s,s:s,s:s,s:s,s:s}", "extension", x->number,
						 "account", acc->username, "contact", c->uri,
						 "address", addr_str(remote, &flow.remote),
						 "user_agent", c->user_agent));
}

static void add_devices(const struct simulation *w, json_t *devices, uint64_t tenant_id,
			uint64_t extension_id)
{
	const struct extension *x = model_extension(w->model, tenant_id, extension_id);
	const struct account *acc;
	size_t at = 0;

	if (!x || !x->enabled)
		return;
	while ((acc = model_extension_accounts(w->model, tenant_id, extension_id, &at))) {
		const struct contact *c;
		size_t pos = 0;

		while (acc->enabled &&
		       (c = registrar_contacts(w->s->registrar, tenant_id, acc->o.id, &pos)))
			add_device(w, devices, c, acc, x);
	}
}

/* EXT-18: its "contact" is the number as it is sent, its "address" the trunk. */
static void add_mobile(const struct simulation *w, json_t *devices, uint64_t tenant_id,
		       const struct route_decision *d)
{
	const struct extension *x = model_extension(w->model, tenant_id, d->extension_id);
	const struct trunk *t = model_trunk(w->model, d->mobile.trunk_id);

	json_array_append_new(devices,
			      json_pack("{s:s,s:s,s:s,s:s,s:s}", "extension", x ? x->number : "",
					"account", "", "contact", d->mobile.number, "address",
					t ? t->name : "", "user_agent", "mobile"));
}

static json_t *devices_of(const struct simulation *w, uint64_t tenant_id,
			  const struct route_decision *d)
{
	json_t *devices = json_array();
	const struct ring_group *g =
		d->action == ROUTE_SERVICE && d->dest.kind == DEST_KIND_RING_GROUP
			? model_ring_group(w->model, tenant_id, d->service_id)
			: NULL;

	if (d->action == ROUTE_RING)
		add_devices(w, devices, tenant_id, d->extension_id);
	if (d->action == ROUTE_RING && d->mobile.trunk_id)
		add_mobile(w, devices, tenant_id, d);
	for (size_t i = 0; g && i < g->members.n; i++)
		add_devices(w, devices, tenant_id,
			    ((const struct ring_group_member *)g->members.v[i])->extension_id);
	return devices;
}

/* ---- what a provider is told ---- */

static json_t *headers_of(const struct simulation *w, const struct calls_question *q,
			  const struct route_decision *d)
{
	json_t *headers = json_array();
	struct buf text = {0};
	struct str rest;

	if (d->action == ROUTE_TRUNK && !calls_would_say(w->calls, q, d, &text))
		for (rest = buf_view(&text); rest.n;) {
			struct str line = str_cut(&rest, '\n');

			json_array_append_new(headers, json_stringn(line.p, line.n - (line.n > 0)));
		}
	buf_free(&text);
	return headers;
}

/* ---- what it costs ---- */

static json_t *cost_of(const struct simulation *w, const struct command *c,
		       const struct route_decision *d)
{
	const struct call_rate *r = (const struct call_rate *)model_object(
		w->model, &resource_call_rate, c->tenant_id, d->rate_id);
	const struct extension *x = model_extension(w->model, c->tenant_id, d->payer_id);
	int64_t seconds = c->seconds ? (int64_t)c->seconds : SECONDS;

	if (!r || (d->action != ROUTE_TRUNK && d->action != ROUTE_RING))
		return json_null();
	return json_pack("{s:I,s:I,s:s,s:s}", "seconds", (json_int_t)seconds, "amount",
			 (json_int_t)calls_cost(r, seconds), "prefix", r->prefix, "paid_by",
			 x ? x->number : "");
}

static json_t *steps_of(const struct route_decision *d)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < d->nsteps; i++)
		json_array_append_new(steps, json_pack("{s:s,s:s,s:b}", "rule", d->steps[i].rule,
						       "verdict", d->steps[i].verdict, "has_won",
						       d->steps[i].has_won));
	return steps;
}

static json_t *decision_json(const struct simulation *w, const struct command *c,
			     const struct calls_question *q, const struct route_decision *d)
{
	static const char *const actions[] = {
		[ROUTE_RING] = "ring",	   [ROUTE_TRUNK] = "trunk",	[ROUTE_SERVICE] = "service",
		[ROUTE_REFUSE] = "refuse", [ROUTE_GIVE_UP] = "give_up",
	};
	const struct trunk *t = model_trunk(w->model, d->trunk_id);
	json_t *forwards = json_array();

	for (size_t i = 0; i < d->nvia; i++)
		json_array_append_new(forwards, json_string(d->via[i].number));
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:b,s:o,s:o,s:o,s:o,s:o}", "action",
			 actions[d->action], "reason",
			 d->action == ROUTE_REFUSE ? calls_refusal_name(d->refusal) : "", "number",
			 d->number, "caller_id", d->caller_id, "trunk", t ? t->name : "", "rule",
			 d->rule, "service", d->service, "ring_seconds", (int)d->ring_seconds,
			 "is_emergency", d->is_emergency, "forwards", forwards, "devices",
			 devices_of(w, c->tenant_id, d), "headers", headers_of(w, q, d), "cost",
			 cost_of(w, c, d), "steps", steps_of(d));
}

static json_t *simulate(const struct simulation *w, const struct command *c)
{
	struct calls_question q = {.tenant_id = c->tenant_id,
				   .from_trunk_id = c->id,
				   .caller = c->caller,
				   .number = c->number,
				   .transferred_by = *c->transferred_by ? c->transferred_by : NULL,
				   .headers = c->headers,
				   .keyed = *c->keyed ? c->keyed : NULL,
				   .at_us = c->at_us};
	struct route_decision d;
	json_t *decisions;

	if (calls_would_come(w->calls, &q)) {
		calls_would_end(&q);
		return NULL;
	}
	decisions = json_array();
	do {
		calls_would_route(w->calls, &q, &d);
		json_array_append_new(decisions, decision_json(w, c, &q, &d));
	} while (calls_would_fail(w->calls, &q, &d, (enum route_outcome)c->outcome));
	calls_would_end(&q);
	return json_pack("{s:s,s:s,s:I,s:o}", "caller", c->caller, "number", c->number, "revision",
			 (json_int_t)d.revision, "decisions", decisions);
}

json_t *simulator_answer(struct server *s, const struct command *c)
{
	struct past *past = c->past;
	struct simulation w = {.s = s, .model = s->model, .calls = s->calls};
	json_t *answer = NULL;

	if (!past)
		return simulate(&w, c);
	if (!calls_as_of(&w.calls, s->calls, past->model, past->index)) {
		w.model = past->model;
		answer = simulate(&w, c);
		calls_as_of_close(w.calls);
	}
	past_close(past);
	return answer;
}
