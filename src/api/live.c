/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is going on now: asked of the core by commands, in pages.
 */
#include "api/ask.h"
#include "api/starts.h"
#include "schema/syntax.h"
#include <string.h>

/* An administrator who names no tenant sees the whole system: tenant 0 in a command. */
static struct command command_for(const struct ask *k, enum command_kind kind)
{
	return (struct command){.kind = kind,
				.tenant_id = k->who.has_tenant ? k->who.tenant_id : 0,
				.seen_by = k->who.extension_id,
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

void session_start(struct ask *k)
{
	if (ask_is_nothing(k))
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
	if (ask_is_nothing(k))
		return;
	return ask_core(k, command_for(k, COMMAND_SESSION_HANGUP), on_done);
}

void trunk_states_start(struct ask *k)
{
	return page_start(k, COMMAND_TRUNK_STATES);
}

void transport_states_start(struct ask *k)
{
	return page_start(k, COMMAND_TRANSPORT_STATES);
}

void balances_start(struct ask *k)
{
	return page_start(k, COMMAND_BALANCES);
}

/* ---- route simulator (RTE-9) ---- */

static void question_text(const json_t *body, const char *name, char *dst, size_t dst_bytes,
			  struct field_errors *errs)
{
	const json_t *v = json_object_get(body, name);
	struct str s = {json_string_value(v), json_string_length(v)};

	if (!json_is_string(v) || !s.n)
		field_error_add(errs, name, "required", "must be given, as text");
	else if (memchr(s.p, 0, s.n) || str_copy(dst, dst_bytes, s))
		field_error_add(errs, name, "too_long", "at most %zu bytes", dst_bytes - 1);
}

/* In the order of enum route_outcome. */
static const char *const outcomes[] = {"no_answer", "busy", "unavailable", "declined"};

static void read_suppositions(const json_t *body, struct command *cmd, struct field_errors *errs)
{
	const json_t *at = json_object_get(body, "at"), *outcome = json_object_get(body, "outcome");
	const char *text = json_string_value(outcome);
	size_t i = 0;

	if (at && !json_is_null(at) &&
	    (!json_is_string(at) || syntax_time(str_of(json_string_value(at)), &cmd->at_us)))
		field_error_add(errs, "at", "bad_time", "is no time of RFC 3339");
	if (!outcome)
		return;
	while (text && i < ARRAY_LEN(outcomes) && strcmp(text, outcomes[i]) != 0)
		i++;
	if (!text || i == ARRAY_LEN(outcomes))
		field_error_add(errs, "outcome", "bad_choice",
				"is one of no_answer, busy, unavailable, declined");
	else
		cmd->outcome = (unsigned)i;
}

static void read_seconds(const json_t *body, struct command *cmd, struct field_errors *errs)
{
	const json_t *seconds = json_object_get(body, "seconds");
	const char *text = json_string_value(seconds);
	uint32_t n = 0;

	if (!seconds)
		return;
	if (json_is_integer(seconds) && json_integer_value(seconds) > 0 &&
	    json_integer_value(seconds) <= 86400)
		cmd->seconds = (uint32_t)json_integer_value(seconds);
	else if (text && !str_u32(str_of(text), &n) && n && n <= 86400)
		cmd->seconds = n; /* as the command line has it */
	else
		field_error_add(errs, "seconds", "out_of_range", "is not from 1 to 86400");
}

/* Text, as the command line has it, or a number. */
static uint64_t read_revision(const json_t *body, struct field_errors *errs)
{
	const json_t *v = json_object_get(body, "revision");
	uint64_t revision = json_is_integer(v) && json_integer_value(v) > 0
				    ? (uint64_t)json_integer_value(v)
				    : 0;

	if (!v || json_is_null(v))
		return 0;
	if (json_is_string(v) && str_u64(str_of(json_string_value(v)), &revision))
		revision = 0;
	if (!revision || revision > INT64_MAX)
		field_error_add(errs, "revision", "bad_revision",
				"is no revision of the configuration: a number from 1");
	return revision;
}

static bool is_given(const json_t *body, const char *name)
{
	const json_t *v = json_object_get(body, name);

	return v && !json_is_null(v);
}

/* Those that say who calls and which way the call has come. */
static bool is_told_of(struct str line)
{
	static const char *const names[] = {"Privacy",	       "Diversion",
					    "History-Info",    "P-Asserted-Identity",
					    "Remote-Party-ID", "P-Preferred-Identity",
					    "X-Outbound-Cli"};
	struct str name = str_cut(&line, ':');

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return str_trim(line).n > 0;
	return false;
}

static bool is_one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return false;
	return true;
}

static void read_headers(const json_t *body, struct command *cmd, struct field_errors *errs)
{
	const json_t *v = json_object_get(body, "headers"), *one;
	size_t i, n = 0;

	if (!json_is_array(v))
		field_error_add(errs, "headers", "wrong_type", "is no list of texts");
	json_array_foreach(v, i, one)
	{
		struct str s = {json_string_value(one), json_string_length(one)};

		if (!json_is_string(one) || !is_one_line(s) || !is_told_of(s)) {
			field_error_add(errs, "headers", "bad_header",
					"line %zu is none of Privacy, Diversion, History-Info, "
					"P-Asserted-Identity, P-Preferred-Identity, "
					"Remote-Party-ID and X-Outbound-Cli, as \"Privacy: id\"",
					i + 1);
			return;
		}
		if (n + s.n + 2 > sizeof(cmd->headers)) {
			field_error_add(errs, "headers", "too_long", "at most %zu bytes together",
					sizeof(cmd->headers) - 1);
			return;
		}
		n += (size_t)snprintf(cmd->headers + n, sizeof(cmd->headers) - n, "%.*s\n",
				      STR_ARG(s));
	}
}

static void read_question(const json_t *body, struct command *cmd, struct field_errors *errs)
{
	static const char *const known[] = {"caller",  "number",  "trunk_id", "at",
					    "outcome", "seconds", "revision", "transferred_by",
					    "keyed",   "headers", NULL};
	const json_t *trunk = json_object_get(body, "trunk_id");

	question_text(body, "caller", cmd->caller, sizeof(cmd->caller), errs);
	question_text(body, "number", cmd->number, sizeof(cmd->number), errs);
	if (trunk && !json_is_null(trunk) &&
	    (!json_is_string(trunk) || str_u64(str_of(json_string_value(trunk)), &cmd->id)))
		field_error_add(errs, "trunk_id", "bad_id", "is not the id of a trunk");
	if (is_given(body, "transferred_by"))
		question_text(body, "transferred_by", cmd->transferred_by,
			      sizeof(cmd->transferred_by), errs);
	if (is_given(body, "keyed"))
		question_text(body, "keyed", cmd->keyed, sizeof(cmd->keyed), errs);
	if (is_given(body, "headers"))
		read_headers(body, cmd, errs);
	read_suppositions(body, cmd, errs);
	read_seconds(body, cmd, errs);
	ask_check_names(body, known, errs);
}

/* By the configuration as it was: that is there now, and the core decides by it. */
static void on_past(struct ask *k, const struct answer *ans)
{
	struct command cmd = {
		.kind = COMMAND_ROUTE, .tenant_id = k->who.tenant_id, .past = ans->past};
	struct field_errors errs = {.n = 0};

	if (ans->err)
		return ask_failed(k, ans);
	read_question(k->args, &cmd, &errs);
	return ask_core(k, cmd, on_json);
}

void route_simulation_start(struct ask *k)
{
	struct command cmd = {.kind = COMMAND_ROUTE, .tenant_id = k->who.tenant_id};
	struct store_request req = {
		.op = STORE_PAST, .tenant_id = k->who.tenant_id, .past = k->a->past};
	struct field_errors errs = {.n = 0};
	json_t *body = ask_body(k);

	if (!body)
		return;
	read_question(body, &cmd, &errs);
	req.id = read_revision(body, &errs);
	k->args = body; /* it goes with the ask */
	if (errs.n)
		return ask_invalid(k, &errs);
	if (req.id)
		return ask_store(k, &req, on_past);
	return ask_core(k, cmd, on_json);
}

/* ---- click to call (WEB-5) ---- */

static void on_call(struct ask *k, const struct answer *ans)
{
	struct field_errors errs = {.n = 0};

	switch (ans->err) {
	case 0:
		return ask_reply_json(k, 201, ans->json);
	case ENOENT:
		field_error_add(&errs, "caller", "not_found", "is no extension that may call");
		return ask_invalid(k, &errs);
	case EHOSTUNREACH:
		return ask_problem(k, PROBLEM_CONFLICT, "No device of the caller is registered.");
	case EBUSY:
		return ask_problem(k, PROBLEM_CONFLICT,
				   "The caller has as many calls as it may have.");
	default:
		return core_failed(k, ans);
	}
}

/* The owner of an extension calls from that one only: its id goes along, and a number of another is not found. */
void call_start(struct ask *k)
{
	static const char *const known[] = {"caller", "callee", NULL};
	struct command cmd = {
		.kind = COMMAND_CALL, .tenant_id = k->who.tenant_id, .id = k->who.extension_id};
	struct field_errors errs = {.n = 0};
	json_t *body = ask_body(k);

	if (!body)
		return;
	question_text(body, "caller", cmd.caller, sizeof(cmd.caller), &errs);
	question_text(body, "callee", cmd.number, sizeof(cmd.number), &errs);
	ask_check_names(body, known, &errs);
	json_decref(body);
	if (errs.n)
		return ask_invalid(k, &errs);
	return ask_core(k, cmd, on_call);
}

/* ---- calls of an extension, held and transferred (PBX-2, WEB-5) ---- */

static void on_steered(struct ask *k, const struct answer *ans)
{
	const bool is_named = k->args && json_object_get(k->args, "session_id");
	struct field_errors errs = {.n = 0};

	switch (ans->err) {
	case ENODEV:
		field_error_add(&errs, "extension_number", "not_found",
				"is no extension whose calls are yours to change");
		return ask_invalid(k, &errs);
	case ENOENT:
		field_error_add(&errs, is_named ? "session_id" : "extension_number", "not_found",
				is_named ? "is no call of this extension"
					 : "has no call for which this can be done");
		return ask_invalid(k, &errs);
	case ENOTUNIQ:
		field_error_add(&errs, "session_id", "required", "the extension has several calls");
		return ask_invalid(k, &errs);
	case EBUSY:
		return ask_problem(
			k, PROBLEM_CONFLICT,
			"Not as the call is now: it does not talk, or something is being "
			"agreed on.");
	case EACCES:
		return ask_problem(k, PROBLEM_CONFLICT, "The extension may not call there.");
	case ECONNREFUSED:
		return ask_problem(k, PROBLEM_CONFLICT, "Nobody can be called there now.");
	default:
		return on_done(k, ans);
	}
}

static uint64_t session_of(const json_t *body, const char *name, struct field_errors *errs)
{
	const json_t *v = json_object_get(body, name);
	uint64_t id = 0;

	if (v && (!json_is_string(v) || str_u64(str_of(json_string_value(v)), &id) || !id))
		field_error_add(errs, name, "bad_id", "is not the id of a session");
	return id;
}

/* The owner of an extension steers its own calls: its id goes along, as in call_start(). */
static void steer_start(struct ask *k, enum command_kind kind)
{
	static const char *const plain[] = {"extension_number", "session_id", NULL};
	static const char *const refer[] = {"extension_number", "session_id", "refer_to", NULL};
	static const char *const attended[] = {"extension_number", "session_id",
					       "target_session_id", NULL};
	struct command cmd = {
		.kind = kind, .tenant_id = k->who.tenant_id, .id = k->who.extension_id};
	struct field_errors errs = {.n = 0};
	json_t *body = ask_body(k);

	if (!body)
		return;
	k->args = body; /* it goes with the ask */
	question_text(body, "extension_number", cmd.caller, sizeof(cmd.caller), &errs);
	cmd.after = session_of(body, "session_id", &errs);
	if (kind == COMMAND_REFER)
		question_text(body, "refer_to", cmd.number, sizeof(cmd.number), &errs);
	if (kind == COMMAND_ATTENDED_REFER)
		cmd.target_id = session_of(body, "target_session_id", &errs);
	ask_check_names(body,
			kind == COMMAND_REFER		 ? refer
			: kind == COMMAND_ATTENDED_REFER ? attended
							 : plain,
			&errs);
	if (errs.n)
		return ask_invalid(k, &errs);
	return ask_core(k, cmd, on_steered);
}

void hold_start(struct ask *k)
{
	return steer_start(k, COMMAND_HOLD);
}

void unhold_start(struct ask *k)
{
	return steer_start(k, COMMAND_UNHOLD);
}

void refer_start(struct ask *k)
{
	return steer_start(k, COMMAND_REFER);
}

void attended_refer_start(struct ask *k)
{
	return steer_start(k, COMMAND_ATTENDED_REFER);
}

static void on_own_sessions(struct ask *k, const struct answer *ans)
{
	if (ans->err == ENODEV)
		return ask_bad_parameter(k, STR("extension_number"), "not_found",
					 "is no extension whose calls are yours to see");
	return on_json(k, ans);
}

void extension_sessions_start(struct ask *k)
{
	struct command cmd = {.kind = COMMAND_EXTENSION_SESSIONS,
			      .tenant_id = k->who.tenant_id,
			      .id = k->who.extension_id};
	struct str number;
	struct params q;

	if (!ask_read_params(k, &q))
		return;
	number = params_get(&q, "extension_number");
	if (q.n != 1 || !number.n)
		ask_bad_parameter(k, STR("extension_number"), "required",
				  "is the one parameter, and must be given");
	else if (str_copy(cmd.caller, sizeof(cmd.caller), number))
		ask_bad_parameter(k, STR("extension_number"), "too_long", "is no number");
	else
		ask_core(k, cmd, on_own_sessions);
	params_close(&q);
}

void blocked_addresses_start(struct ask *k)
{
	return page_start(k, COMMAND_BLOCKED_ADDRESSES);
}

void blocked_address_free_start(struct ask *k)
{
	if (ask_is_nothing(k))
		return;
	return ask_core(k, command_for(k, COMMAND_BLOCKED_ADDRESS_FREE), on_done);
}

void network_overview_start(struct ask *k)
{
	return ask_core(k, command_for(k, COMMAND_NETWORK), on_json);
}

void system_extensions_start(struct ask *k)
{
	return ask_core(k, command_for(k, COMMAND_NUMBERS), on_json);
}
