/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feature codes that switch something: night mode (RTE-12), the electronic lock (EXT-15), do not disturb and speed dials (EXT-19), callbacks
 * (EXT-26).  Routing has decided that the caller may.
 *
 * The change is written as one from the API would be, so that whoever looks sees it and who did it; the caller is answered, and
 * hung up on after a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "route/route.h"
#include "schema/enums.h"
#include "service/service.h"

enum { HEARD_MS = 1000 };
#define FOR_EVER "\"9999-12-31T00:00:00Z\""

struct switching {
	struct call *call;
	oid caller;
	struct timer timer;
};

static int set_night(struct call *call, uint64_t tenant_id, bool is_on)
{
	return owner_set(call, 0, &resource_tenant, tenant_id,
			 is_on ? "{\"night_mode\":true}" : "{\"night_mode\":false}");
}

static int switch_night(struct call *call, uint64_t tenant_id)
{
	const struct tenant *t = model_tenant(owner_model(call), tenant_id);

	return t ? set_night(call, tenant_id, !t->night_mode) : ENOENT;
}

static int set_lock(struct call *call, uint64_t tenant_id, bool is_locked)
{
	uint64_t id = owner_caller_extension(call);
	const struct extension *x = model_extension(owner_model(call), tenant_id, id);
	char json[80] = "{\"unlocked_until\":null}", text[32];

	if (!x)
		return ENOENT;
	if (!is_locked && x->lock_policy == LOCK_POLICY_SECONDS) {
		clock_rfc3339(text, sizeof(text),
			      clock_wall_us(owner_env(call)->clock) + x->lock_seconds * 1000000);
		(void)snprintf(json, sizeof(json), "{\"unlocked_until\":\"%s\"}", text);
	} else if (!is_locked) {
		(void)snprintf(json, sizeof(json), "{\"unlocked_until\":" FOR_EVER "}");
	}
	return owner_set(call, tenant_id, &resource_extension, id, json);
}

static int set_status(struct call *call, uint64_t tenant_id, const char *json)
{
	uint64_t id = owner_caller_extension(call);

	return id ? owner_set(call, tenant_id, &resource_extension, id, json) : ENOENT;
}

/* EXT-19: those it has, but for the key; with the number when there is one. */
static json_t *speed_dials(const struct extension *x, struct str key, struct str number)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->speed_dials.n; i++) {
		const struct extension_speed_dial *s =
			(const struct extension_speed_dial *)x->speed_dials.v[i];

		if (!str_eq(str_of(s->key), key))
			json_array_append_new(list,
					      json_pack("{s:s,s:s,s:s}", "key", s->key, "number",
							s->number, "name", s->name));
	}
	if (number.n)
		json_array_append_new(list, json_pack("{s:s%,s:s%}", "key", key.p, key.n, "number",
						      number.p, number.n));
	return json_pack("{s:o}", "speed_dials", list);
}

static int set_speed_dial(const struct owner_start *s)
{
	const struct extension *x = model_extension(owner_model(s->call), s->tenant_id,
						    owner_caller_extension(s->call));
	struct str key, number;
	json_t *json;
	char *text;
	int err;

	if (!x || !route_speed_dial_set(str_of(s->argument), s->id, &key, &number))
		return ENOENT;
	json = speed_dials(x, key, number);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	err = text ? owner_set(s->call, s->tenant_id, &resource_extension, x->o.id, text) : ENOMEM;
	free(text);
	return err;
}

static int carry_out(const struct owner_start *s)
{
	switch ((enum route_switch)s->id) {
	case ROUTE_SWITCH_NIGHT_ON:
		return set_night(s->call, s->tenant_id, true);
	case ROUTE_SWITCH_NIGHT_OFF:
		return set_night(s->call, s->tenant_id, false);
	case ROUTE_SWITCH_NIGHT_OTHER:
		return switch_night(s->call, s->tenant_id);
	case ROUTE_SWITCH_LOCK:
		return set_lock(s->call, s->tenant_id, true);
	case ROUTE_SWITCH_UNLOCK:
		return set_lock(s->call, s->tenant_id, false);
	case ROUTE_SWITCH_DND_ON:
		return set_status(s->call, s->tenant_id, "{\"status\":\"do_not_disturb\"}");
	case ROUTE_SWITCH_DND_OFF:
		return set_status(s->call, s->tenant_id, "{\"status\":\"available\"}");
	case ROUTE_SWITCH_SPEED_DIAL_8:
	case ROUTE_SWITCH_SPEED_DIAL_100:
		return set_speed_dial(s);
	case ROUTE_SWITCH_CALLBACK:
		return owner_book_callback(s->call, s->argument);
	case ROUTE_SWITCH_CALLBACK_OFF:
		return owner_cancel_callbacks(s->call);
	case ROUTE_SWITCH_NONE:
		break;
	}
	return EINVAL;
}

static int switch_start(const struct owner_kind *k, const struct owner_start *s, void **statep)
{
	struct switching *w = mem_alloc(sizeof(*w));
	int err;

	if (!w)
		return ENOMEM;
	w->call = s->call;
	w->caller = s->caller;
	*statep = w;
	err = carry_out(s);
	if (err)
		owner_hangup(s->call, s->caller,
			     err == ENOENT ? REASON_UNAVAILABLE : REASON_OVERLOAD);
	else if (owner_answer(s->call, s->caller))
		owner_hangup(s->call, s->caller, REASON_NOT_ACCEPTABLE);
	return 0;
}

static void heard(struct timer *t, void *arg)
{
	struct switching *w = arg;

	owner_hangup(w->call, w->caller, REASON_NORMAL);
}

static void switch_event(void *state, const struct owner_event *ev)
{
	struct switching *w = state;

	if (ev->type == OWNER_ANSWERED)
		timer_start(owner_env(w->call)->wheel, &w->timer, HEARD_MS, heard, w);
	else if (ev->type == OWNER_ENDED)
		timer_cancel(&w->timer);
}

static void switch_stop(void *state)
{
	struct switching *w = state;

	timer_cancel(&w->timer);
	mem_free(w);
}

const struct owner_kind service_switch = {
	.name = "switch",
	.takes_any_codec = true,
	.start = switch_start,
	.event = switch_event,
	.stop = switch_stop,
};
