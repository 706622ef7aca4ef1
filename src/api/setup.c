/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first administrator (SYS-2).  There is no default password: while the system has no administrator, the process has a token
 * that it has shown to who started it, and who sends it makes the first one.  After that the token is worth nothing; what else the
 * set-up wizard asks for (network, transports, certificate) are ordinary resources, changed by that administrator.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is there an administrator already?  Then whatever token there was is void. */
static bool has_users(struct ask *k, const struct answer *ans)
{
	json_t *j = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	bool yes = json_array_size(json_object_get(j, "items")) > 0;

	json_decref(j);
	if (yes)
		sodium_memzero(k->a->setup_token, sizeof(k->a->setup_token));
	return yes;
}

static void look(struct ask *k, ask_answer_h *fn)
{
	struct store_request req = {.op = STORE_LIST, .res = &resource_admin};

	req.json = str_dup(STR("{\"limit\":1,\"filter\":{}}"));
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, fn);
}

static void on_looked(struct ask *k, const struct answer *ans)
{
	if (ans->err)
		return ask_failed(k, ans);
	return ask_reply_value(
		k, 200,
		json_pack("{s:b}", "is_needed", !has_users(k, ans) && k->a->setup_token[0] != 0));
}

void setup_state_start(struct ask *k)
{
	return look(k, on_looked);
}

static void on_made(struct ask *k, const struct answer *ans)
{
	k->a->is_setting_up = false;
	if (ans->err)
		return ask_failed(k, ans);
	sodium_memzero(k->a->setup_token, sizeof(k->a->setup_token));
	return ask_reply_json(k, 201, ans->json);
}

/* The token has been right. */
static void on_none_there(struct ask *k, const struct answer *ans)
{
	struct store_request req = {.op = STORE_CREATE, .res = &resource_admin};

	if (ans->err || has_users(k, ans)) {
		k->a->is_setting_up = false;
		return ans->err ? ask_failed(k, ans)
				: ask_problem(k, PROBLEM_WRONG_CREDENTIALS,
					      "The token is wrong, or was used before.");
	}
	req.json = k->body;
	req.njson = k->nbody;
	k->body = NULL;
	k->who.is_admin = true;
	record_set_text(k->who.username, sizeof(k->who.username), STR("set-up"));
	return ask_store(k, &req, on_made);
}

static bool is_token(const struct ask *k, struct str given)
{
	char a[HASH_HEX], b[HASH_HEX];

	token_hash(a, given);
	token_hash(b, str_of(k->a->setup_token));
	return k->a->setup_token[0] && !sodium_memcmp(a, b, sizeof(a));
}

/* Counted as a try to sign in.  False: answered. */
static bool may_try(struct ask *k)
{
	char headers[48];
	uint32_t wait = throttle_try(k->a->throttle, &k->remote, STR("set-up"),
				     clock_mono_ms(web_env(k->a->web).clock));

	if (!wait)
		return true;
	snprintf(headers, sizeof(headers), "Retry-After: %" PRIu32 "\r\n", wait);
	ask_problem_headers(k, PROBLEM_THROTTLED, "Too many attempts.", str_of(headers));
	return false;
}

/* The body of the administrator-to-be, without the token. */
static bool take_body(struct ask *k, json_t *body)
{
	char *text;

	json_object_del(body, "token");
	text = json_dumps(body, JSON_COMPACT);
	if (!text) {
		ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
		return false;
	}
	sodium_memzero(k->body, k->nbody);
	free(k->body);
	k->body = text;
	k->nbody = strlen(text);
	return true;
}

void setup_start(struct ask *k)
{
	static const char *const known[] = {"token", "username", "password", NULL};
	struct field_errors errs = {.n = 0};
	json_t *body = ask_body(k);
	bool is_right;

	if (!body)
		return;
	for (size_t i = 0; known[i]; i++)
		if (!ask_text(body, known[i]).n)
			field_error_add(&errs, known[i], "required", "must be given, as text");
	ask_check_names(body, known, &errs);
	if (errs.n || !may_try(k)) {
		json_decref(body);
		if (errs.n)
			ask_invalid(k, &errs);
		return;
	}
	is_right = is_token(k, ask_text(body, "token")) && !k->a->is_setting_up;
	if (is_right && !take_body(k, body)) {
		json_decref(body);
		return;
	}
	json_decref(body);
	if (!is_right)
		return ask_problem(k, PROBLEM_WRONG_CREDENTIALS,
				   "The token is wrong, or was used before.");
	k->a->is_setting_up = true;
	return look(k, on_none_there);
}
