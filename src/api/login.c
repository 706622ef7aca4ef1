/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sign-in.  Whatever is wrong, user, password, domain or a disabled account, the answer is the same and the store takes as
 * long; tries are counted before the store is asked.
 */
#include "api/ask.h"
#include "api/starts.h"
#include "base/log.h"
#include "schema/schema.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_text(const json_t *body, const char *name, bool is_required,
		       struct field_errors *errs)
{
	const json_t *v = json_object_get(body, name);

	if (!v || json_is_null(v)) {
		if (is_required)
			field_error_add(errs, name, "required", "must be given");
	} else if (!json_is_string(v)) {
		field_error_add(errs, name, "wrong_type", "must be text");
	} else if (is_required && !json_string_length(v)) {
		field_error_add(errs, name, "required", "must not be empty");
	} else if (json_string_length(v) > 255) {
		field_error_add(errs, name, "too_long", "at most 255 bytes");
	}
}

/* False: answered. */
static bool check_login(struct ask *k, const json_t *body)
{
	static const char *const known[] = {"username", "password", "domain", "new_password", NULL};
	struct field_errors errs = {.n = 0};

	check_text(body, "username", true, &errs);
	check_text(body, "password", true, &errs);
	check_text(body, "domain", false, &errs);
	check_text(body, "new_password", false, &errs);
	ask_check_names(body, known, &errs);
	if (errs.n)
		ask_invalid(k, &errs);
	return !errs.n;
}

static void user_key(struct buf *key, const json_t *body)
{
	buf_str(key, ask_text(body, "username"));
	buf_char(key, '@');
	buf_str(key, ask_text(body, "domain"));
}

static void on_login(struct ask *k, const struct answer *ans)
{
	char token[sizeof(TOKEN_PREFIX) + TOKEN_CHARS], text[ADDR_STR_BYTES];
	struct log_ctx ctx = {0};
	json_t *j;

	/* idem_key holds the user's key for the throttle, body the token, both put there by login_start. */
	snprintf(token, sizeof(token), "%s", k->body);
	if (ans->err == EACCES)
		log_info(NULL, LOGID_AUTH_FAILED, "sign-in refused for %s from %s", k->idem_key,
			 k->who.is_local ? "the local socket" : addr_ip_str(text, &k->remote));
	if (ans->err)
		return ask_failed(k, ans);
	throttle_succeeded(k->a->throttle, &k->remote, str_of(k->idem_key));
	j = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	if (!str_u64(ask_text(j, "tenant_id"), &ctx.tenant))
		log_info(&ctx, LOGID_API, "%s signed in", k->idem_key);
	json_decref(j);
	ask_reply_value(k, 200,
			json_pack("{s:s,s:s,s:i}", "access_token", token, "token_type", "Bearer",
				  "expires_in", SESSION_SECONDS));
	sodium_memzero(token, sizeof(token));
}

static void post_login(struct ask *k, json_t *body)
{
	struct store_request req = {.op = STORE_LOGIN};
	char hash[HASH_HEX];
	size_t nprefix = strlen(TOKEN_PREFIX);

	/* The password's copy is of no more use: its place takes the token. */
	sodium_memzero(k->body, k->nbody);
	free(k->body);
	k->nbody = nprefix + TOKEN_CHARS;
	k->body = calloc(1, k->nbody + 1);
	if (!k->body)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	memcpy(k->body, TOKEN_PREFIX, nprefix);
	rng_token(rng_system(), k->body + nprefix, TOKEN_CHARS);
	token_hash(hash, (struct str){k->body, k->nbody});
	json_object_set_new(body, "token_hash", json_string(hash));
	json_object_set_new(body, "ttl_seconds", json_integer(SESSION_SECONDS));
	req.json = json_dumps(body, JSON_COMPACT);
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, on_login);
}

void login_start(struct ask *k)
{
	struct buf key = {0};
	char headers[48];
	uint32_t wait;
	json_t *body = ask_body(k);

	if (!body)
		return;
	if (!check_login(k, body)) {
		json_decref(body);
		return;
	}
	user_key(&key, body);
	/* Longer names than fit share a window with those that begin alike: enough for counting. */
	snprintf(k->idem_key, sizeof(k->idem_key), "%s", key.p ? key.p : "");
	buf_free(&key);
	wait = throttle_try(k->a->throttle, &k->remote, str_of(k->idem_key),
			    clock_mono_ms(web_env(k->a->web).clock));
	if (wait) {
		snprintf(headers, sizeof(headers), "Retry-After: %" PRIu32 "\r\n", wait);
		ask_problem_headers(k, PROBLEM_THROTTLED, "Too many attempts to sign in.",
				    str_of(headers));
	} else {
		post_login(k, body);
	}
	json_decref(body);
}

static void on_logout(struct ask *k, const struct answer *ans)
{
	struct web_response r = {.status = 204};

	if (ans->err && ans->err != ENOENT)
		return ask_failed(k, ans);
	return ask_reply(k, &r);
}

void logout_start(struct ask *k)
{
	struct store_request req = {.op = STORE_LOGOUT};
	json_t *args;

	if (!k->who.token_hash[0])
		return ask_problem(k, PROBLEM_BAD_REQUEST,
				   "The local socket needs no token and has no session to end.");
	args = json_pack("{s:s}", "token_hash", k->who.token_hash);
	req.json = args ? json_dumps(args, JSON_COMPACT) : NULL;
	json_decref(args);
	if (!req.json)
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	req.njson = strlen(req.json);
	return ask_store(k, &req, on_logout);
}

static json_t *id_or_null(uint64_t id)
{
	return id ? json_sprintf("%" PRIu64, id) : json_null();
}

static json_t *me_json(const struct ask *k)
{
	static const char *const names[ROLE_COUNT] = {"administrator", "tenant", "extension",
						      "dealer"};
	const struct who *who = &k->who;

	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:s}", "username", who->username,
			 "role", names[ask_role(k)], "extension_id", id_or_null(who->extension_id),
			 "dealer_id", id_or_null(who->dealer_id), "permissions",
			 who->permissions ? json_incref(who->permissions) : json_null(), "user_id",
			 id_or_null(who->user_id), "tenant_id",
			 who->has_tenant ? id_or_null(who->tenant_id) : json_null(), "expires_at",
			 who->expires_at[0] ? json_string(who->expires_at) : json_null(), "company",
			 "", "website", "");
}

static void on_profile(struct ask *k, const struct answer *ans)
{
	json_t *me, *profile;

	if (ans->err)
		return ask_failed(k, ans);
	profile = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	me = me_json(k);
	json_object_update(me, profile);
	json_decref(profile);
	return ask_reply_value(k, 200, me);
}

/* EXT-23: company and website are the tenant's. */
void me_start(struct ask *k)
{
	if (k->who.has_tenant)
		return ask_query(k, k->who.tenant_id, "profile", json_object(), on_profile);
	return ask_reply_value(k, 200, me_json(k));
}
