/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/calls.h"
#include "call/events.h"

enum { UNKNOWN_EVERY_US = 1000000 };

void events_unknown(struct calls *cs, const struct trunk *t, const char *number,
		    const struct flow *from)
{
	int64_t now = calls_wall_us(cs);
	char text[ADDR_STR_BYTES];
	struct bus_event ev = {
		.kind = BUS_NUMBER_UNKNOWN,
		.tenant_id = t->owner_id,
		.number = number,
		.peer = t->name,
		.address = addr_str(text, &from->remote),
		.reason = "in no pool",
		.wall_us = now,
	};

	if (now - cs->unknown_told_us < UNKNOWN_EVERY_US && now >= cs->unknown_told_us)
		return;
	cs->unknown_told_us = now;
	bus_publish(cs->conf.bus, &ev);
}

void events_call(struct call *call, enum bus_kind kind, const char *reason)
{
	struct bus_event ev = {
		.kind = kind,
		.tenant_id = call->rec.tenant_id,
		.call_id = call->rec.id,
		.extension_id = call->caller_extension_id,
		.account_id = call->caller_account_id,
		.number = call->rec.caller,
		.peer = call->rec.callee,
		.reason = reason,
		.wall_us = calls_wall_us(call->cs),
	};

	bus_publish(call->cs->conf.bus, &ev);
}

void events_target(struct leg *leg, enum bus_kind kind, const char *reason)
{
	struct call *call = leg->call;
	struct bus_event ev = {
		.kind = kind,
		.tenant_id = call->rec.tenant_id,
		.call_id = call->rec.id,
		.leg_id = leg->rec.id,
		.extension_id = leg->extension_id,
		.account_id = leg->account_id,
		.number = leg->rec.number,
		.peer = leg->is_caller ? call->rec.callee : call->rec.caller,
		.reason = reason,
		.wall_us = calls_wall_us(call->cs),
	};

	bus_publish(call->cs->conf.bus, &ev);
}
