/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is going on now: asked of the core by commands, in pages.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <string.h>

/* An administrator who names no tenant sees the whole system: tenant 0 in a command. */
static struct command command_for(const struct ask *k, enum command_kind kind)
{
	return (struct command){.kind = kind,
				.tenant_id = k->who.has_tenant ? k->who.tenant_id : 0,
				.id = k->target};
}

static void core_failed(struct ask *k, const struct answer *ans)
{
	if (ans->err == ENOENT)
		return ask_failed(k, ans);
	return ask_problem(k, PROBLEM_UNAVAILABLE, "The call manager cannot do this now.");
}

static void on_json(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return core_failed(k, ans);
	return ask_reply_json(k, 200, ans->json);
}

static void page_start(struct ask *k, enum command_kind kind)
{
	struct command cmd = command_for(k, kind);
	struct params q;
	struct str cursor, other = STR_NONE;
	bool is_bad_limit, is_bad_cursor;

	if (!ask_read_params(k, &q))
		return;
	is_bad_limit = params_limit(&q, &cmd.limit);
	cursor = params_get(&q, "cursor");
	is_bad_cursor = cursor.p && str_u64(cursor, &cmd.after);
	for (size_t i = 0; i < q.n; i++)
		if (!str_eq(q.v[i].name, STR("limit")) && !str_eq(q.v[i].name, STR("cursor")))
			other = q.v[i].name;
	if (is_bad_limit)
		ask_bad_parameter(k, STR("limit"), "out_of_range", "a number from 1 to 500");
	else if (is_bad_cursor)
		ask_bad_parameter(k, STR("cursor"), "bad_cursor", "not a cursor of this list");
	else if (other.p)
		ask_bad_parameter(k, other, "unknown_parameter", "no parameter of this list");
	else
		ask_core(k, cmd, on_json);
	params_close(&q);
}

void registrations_start(struct ask *k)
{
	return page_start(k, COMMAND_REGISTRATIONS);
}

void sessions_start(struct ask *k)
{
	return page_start(k, COMMAND_SESSIONS);
}

static bool is_nothing(struct ask *k)
{
	const struct answer nothing = {.err = ENOENT};

	if (k->target)
		return false;
	ask_failed(k, &nothing);
	return true;
}

void session_start(struct ask *k)
{
	if (is_nothing(k))
		return;
	return ask_core(k, command_for(k, COMMAND_SESSION), on_json);
}

static void on_done(struct ask *k, const struct answer *ans)
{
	struct web_response r = {.status = 204};

	if (ans->err)
		return core_failed(k, ans);
	return ask_reply(k, &r);
}

void session_hangup_start(struct ask *k)
{
	if (is_nothing(k))
		return;
	return ask_core(k, command_for(k, COMMAND_SESSION_HANGUP), on_done);
}

void trunk_states_start(struct ask *k)
{
	return page_start(k, COMMAND_TRUNK_STATES);
}

void blocked_addresses_start(struct ask *k)
{
	return page_start(k, COMMAND_BLOCKED_ADDRESSES);
}

void blocked_address_free_start(struct ask *k)
{
	if (is_nothing(k))
		return;
	return ask_core(k, command_for(k, COMMAND_BLOCKED_ADDRESS_FREE), on_done);
}

void status_start(struct ask *k)
{
	return ask_core(k, command_for(k, COMMAND_STATUS), on_json);
}
