/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks.  A token is 40 random characters; the store knows only its SHA-256, so a stolen database opens no session.  The
 * store is asked each time: a session that was ended, or whose user was disabled, is over with the next request.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void token_hash(char hex[HASH_HEX], struct str token)
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const uint8_t *)token.p, token.n);
	BUG(hex_encode(hex, HASH_HEX, hash, sizeof(hash)));
}

static bool is_key(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
			    s.p[i]) ||
		    !s.p[i])
			return false;
	return s.n == KEY_CHARS;
}

enum role ask_role(const struct ask *k)
{
	if (k->who.extension_id)
		return ROLE_EXTENSION;
	/* Within one of its tenants a dealer is what that tenant's own users are. */
	if (k->who.dealer_id && !k->who.has_tenant)
		return ROLE_DEALER;
	return k->who.is_admin ? ROLE_ADMIN : ROLE_TENANT;
}

static bool read_token(struct ask *k, const struct web_request *req)
{
	struct str value = web_header(req, "authorization"), scheme = str_cut(&value, ' ');
	size_t nprefix = strlen(TOKEN_PREFIX);

	if (!value.p || !str_ieq(scheme, STR("bearer")) ||
	    web_header_count(req, "authorization") != 1)
		return false;
	value = str_trim(value);
	if (is_key(value)) {
		token_hash(k->who.key_hash, value);
		return true;
	}
	if (value.n != nprefix + TOKEN_CHARS || !str_starts(value, str_of(TOKEN_PREFIX)))
		return false;
	token_hash(k->who.token_hash, value);
	return true;
}

static bool read_domain(struct ask *k, const struct web_request *req)
{
	struct str domain = web_header(req, "x-tenant");

	if (!domain.p)
		return true;
	if (!domain.n || web_header_count(req, "x-tenant") != 1 ||
	    str_copy(k->who.domain, sizeof(k->who.domain), domain))
		return false;
	for (char *p = k->who.domain; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return true;
}

static uint64_t id_member(const json_t *j, const char *name)
{
	uint64_t id = 0;

	if (str_u64(str_of(json_string_value(json_object_get(j, name))), &id))
		return 0;
	return id;
}

static void read_session(struct who *who, const json_t *session)
{
	const char *name = json_string_value(json_object_get(session, "username"));
	const char *expires = json_string_value(json_object_get(session, "expires_at"));

	who->user_tenant_id = who->tenant_id = id_member(session, "tenant_id");
	who->user_id = id_member(session, "user_id");
	who->extension_id = id_member(session, "extension_id");
	who->role_id = id_member(session, "role_id");
	who->dealer_id = id_member(session, "dealer_id");
	if (json_is_array(json_object_get(session, "permissions")))
		who->permissions = json_incref(json_object_get(session, "permissions"));
	who->is_admin = !who->user_tenant_id && !who->dealer_id;
	who->has_tenant = who->user_tenant_id != 0;
	record_set_text(who->username, sizeof(who->username), str_of(name));
	snprintf(who->expires_at, sizeof(who->expires_at), "%s", expires ? expires : "");
}

/* WEB-7: of each user and each key its own.  False: answered. */
static bool is_within_rate(struct ask *k, const json_t *session)
{
	const struct who *who = &k->who;
	json_int_t limit = json_integer_value(json_object_get(session, "rate"));
	struct throttle_left left = {.left = 0};
	char headers[48];
	struct buf name = {0};
	uint32_t wait;

	if (limit <= 0)
		return true;
	if (who->user_id)
		buf_printf(&name, "%" PRIu64 " %" PRIu64, who->user_tenant_id, who->user_id);
	else
		buf_cstr(&name, who->key_hash);
	wait = throttle_take(k->a->throttle, buf_view(&name), (uint32_t)limit,
			     clock_mono_ms(web_env(k->a->web).clock), &left);
	buf_free(&name);
	k->rate.limit = (uint32_t)limit;
	k->rate.left = left.left;
	k->rate.reset_s = left.reset_s;
	if (!wait)
		return true;
	snprintf(headers, sizeof(headers), "Retry-After: %" PRIu32 "\r\n", wait);
	ask_problem_headers(k, PROBLEM_THROTTLED, "So many requests in a minute are too many.",
			    str_of(headers));
	return false;
}

static void on_identity(struct ask *k, const struct answer *ans)
{
	struct who *who = &k->who;
	json_t *j, *session, *tenant;
	uint64_t tenant_id;

	if (ans->err)
		return ask_failed(k, ans);
	j = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	session = json_object_get(j, "session");
	tenant = json_object_get(j, "tenant");
	tenant_id = id_member(tenant, "id");
	if ((who->token_hash[0] || who->key_hash[0]) && !json_is_object(session)) {
		json_decref(j);
		return ask_problem(k, PROBLEM_UNAUTHENTICATED,
				   "The token is wrong, expired or signed out.");
	}
	if (json_is_object(session))
		read_session(who, session);
	if (who->dealer_id && id_member(tenant, "dealer_id") != who->dealer_id)
		tenant_id = 0; /* that there are others it does not learn */
	if (!is_within_rate(k, session)) {
		json_decref(j);
		return;
	}
	json_decref(j);

	if (!who->domain[0])
		return ask_go_on(k);
	/* A tenant's user may say whose it is; that there are others it does not learn. */
	if (!who->is_admin && !who->dealer_id && tenant_id != who->tenant_id)
		return ask_problem(
			k, PROBLEM_FORBIDDEN,
			"Only administrators of the system, and its dealer, act for a tenant.");
	if (!tenant_id)
		return ask_problem(k, PROBLEM_NOT_FOUND, "No tenant has the domain in X-Tenant.");
	who->has_tenant = true;
	who->tenant_id = tenant_id;
	return ask_go_on(k);
}

/* A browser cannot send a header with a WebSocket: there the token may stand in the query, which no log shows. */
static bool read_query_token(struct ask *k)
{
	struct params q;
	struct str token;

	if (k->route->fn != events_start || params_parse(&q, str_of(k->query)))
		return false;
	token = params_get(&q, "access_token");
	if (token.p && is_key(token))
		token_hash(k->who.key_hash, token);
	else if (token.n == strlen(TOKEN_PREFIX) + TOKEN_CHARS)
		token_hash(k->who.token_hash, token);
	params_close(&q);
	return k->who.key_hash[0] || k->who.token_hash[0];
}

void identity_start(struct ask *k, const struct web_request *req)
{
	struct who *who = &k->who;
	json_t *args;

	if (!read_domain(k, req))
		return ask_problem(k, PROBLEM_BAD_REQUEST, "X-Tenant must hold one domain.");
	if (who->is_local && !web_header(req, "authorization").p) {
		who->is_admin = true;
		snprintf(who->username, sizeof(who->username), "local");
		if (!who->domain[0])
			return ask_go_on(k);
	} else if (!read_token(k, req) && !read_query_token(k)) {
		return ask_problem(k, PROBLEM_UNAUTHENTICATED,
				   "Send Authorization: Bearer with a token of POST /api/login, or "
				   "an API key.");
	}
	args = json_object();
	if (who->token_hash[0])
		json_object_set_new(args, "token_hash", json_string(who->token_hash));
	if (who->key_hash[0])
		json_object_set_new(args, "key_hash", json_string(who->key_hash));
	if (who->domain[0])
		json_object_set_new(args, "domain", json_string(who->domain));
	return ask_query(k, 0, "identity", args, on_identity);
}
