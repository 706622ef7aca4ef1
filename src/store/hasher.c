/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords: a few threads that make and verify argon2id hashes (64 MiB and some 60 ms each), so that neither the writer
 * nor the readers wait for them, and never more at a time than there are threads.
 *
 * A sign-in does the same work whether or not the user exists: an unknown name is verified against a hash that nothing
 * fits.  What was proven goes on to the writer, which makes the session.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "schema/strength.h"
#include "store/args.h"
#include "store/policy.h"
#include "store/store_impl.h"

enum { QUEUE = 16 }; /* each: a second of waiting, no more */

struct store_hasher {
	struct one {
		struct store *store;
		struct db_worker *worker;
	} one[STORE_HASHERS];
};

static const char nobody[crypto_pwhash_STRBYTES] = "$argon2id$v=19$m=65536,t=2,p=1$"
						   "b2ZmaG9vay1ub2JvZHktMQ$"
						   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct user {
	uint64_t tenant_id, id;
	bool is_enabled;
	char name[256];
	char hash[crypto_pwhash_STRBYTES];
};

/* ---- who signs in ---- */

/* kind: "tenant.domain" or "tenant.name".  ENOENT. */
static int find_tenant(struct db *db, const char *kind, struct str name, uint64_t *idp)
{
	struct db_stmt *st;
	int err;

	err = db_sql(
		db,
		"SELECT t.id FROM directory d JOIN tenants t ON t.tenant_id = 0 AND t.id = d.id "
		"WHERE d.kind = $1 AND d.name = $2 AND t.enabled = 1",
		&st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(kind));
	db_bind_text(st, 2, name);
	err = db_step(st);
	if (!err)
		*idp = db_id(st, 0);
	db_done(st);
	return err;
}

static void lower(char *dst, size_t dst_bytes, struct str s)
{
	if (str_copy(dst, dst_bytes, s))
		dst[0] = 0;
	for (; *dst; dst++)
		if (*dst >= 'A' && *dst <= 'Z')
			*dst = (char)(*dst + 'a' - 'A');
}

static int read_user(struct db *db, struct db_stmt *st, uint64_t tenant_id, struct user *u)
{
	uint64_t extension_id = 0;
	int err = db_step(st);

	if (!err) {
		u->tenant_id = tenant_id;
		u->id = db_id(st, 0);
		u->is_enabled = db_int(st, 2) != 0;
		extension_id = db_id(st, 3);
		err = str_copy(u->hash, sizeof(u->hash), db_text(st, 1));
	}
	if (!err)
		err = str_copy(u->name, sizeof(u->name), db_text(st, 4));
	db_done(st);
	if (!err && extension_id)
		err = query_may_sign_in(db, tenant_id, extension_id, &u->is_enabled);
	return err;
}

static int find_user(struct db *db, uint64_t tenant_id, struct str username, struct user *u)
{
	struct db_stmt *st;
	int err = db_sql(db,
			 "SELECT id, password, enabled, extension_id, username FROM users "
			 "WHERE tenant_id = $1 AND username = $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_text(st, 2, username);
	return read_user(db, st, tenant_id, u);
}

/* By the e-mail address of the extension (unique in the system). */
static int find_owner(struct db *db, struct str email, struct user *u)
{
	uint64_t tenant_id = 0, extension_id = 0;
	struct db_stmt *st;
	char low[256];
	int err;

	lower(low, sizeof(low), email);
	err = db_sql(
		db,
		"SELECT t.id, d.id FROM directory d JOIN tenants t ON t.tenant_id = 0 AND t.id "
		"= d.tenant_id WHERE d.kind = 'extension.email' AND d.name = $1 AND t.enabled = 1",
		&st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(low));
	err = db_step(st);
	if (!err) {
		tenant_id = db_id(st, 0);
		extension_id = db_id(st, 1);
	}
	db_done(st);
	if (!err)
		err = db_sql(db,
			     "SELECT id, password, enabled, extension_id, username FROM users "
			     "WHERE tenant_id = $1 AND extension_id = $2 ORDER BY id LIMIT 1",
			     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	return read_user(db, st, tenant_id, u);
}

static int identify(struct db *db, const struct args *a, struct user *u)
{
	struct str username = args_text(a, "username"), domain = args_text(a, "domain");
	uint64_t tenant_id = 0;
	char host[256];
	int err;

	if (!username.n || username.n >= sizeof(u->name))
		return ENOENT;
	if (!domain.n) {
		err = find_user(db, 0, username, u);
		if (err == ENOENT && !(err = find_tenant(db, "tenant.name", username, &tenant_id)))
			err = find_user(db, tenant_id, username, u);
		if (err == ENOENT && memchr(username.p, '@', username.n))
			err = find_owner(db, username, u);
		return err;
	}
	lower(host, sizeof(host), domain);
	err = find_tenant(db, "tenant.domain", str_of(host), &tenant_id);
	if (err == ENOENT)
		err = find_tenant(db, "tenant.name", domain, &tenant_id);
	return err ? err : find_user(db, tenant_id, username, u);
}

static int hash(struct str clear, char **hashp, void *arg)
{
	char text[crypto_pwhash_STRBYTES];

	(void)arg;
	if (crypto_pwhash_str(text, clear.p, clear.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
			      crypto_pwhash_MEMLIMIT_INTERACTIVE))
		return ENOMEM;
	*hashp = str_dup(str_of(text));
	return *hashp ? 0 : ENOMEM;
}

/* The hash of the password that is to be the new one; NULL: none is. */
static int new_hash(struct db *db, const struct args *a, const struct user *u, json_t **out,
		    struct field_errors *errs)
{
	static const char name[] = "new_password";
	const char *clear = json_string_value(json_object_get(a->json, name));
	json_t *body;
	struct policy p;
	int err;

	*out = NULL;
	if (!clear)
		return 0;
	err = policy_read(db, u->tenant_id, &p);
	if (!err) {
		policy_check(&p, name, clear, errs);
		if (!errs->n)
			policy_check_guessed(name, clear, u->name, errs);
		err = policy_check_reuse(&p, db, u->tenant_id, u->id, name, clear, errs);
	}
	body = json_pack("{s:s}", "password", clear);
	if (!err && !errs->n)
		err = object_hash_passwords(&resource_admin, body, hash, NULL, errs);
	for (size_t i = 0; i < errs->n; i++)
		record_set_text(errs->v[i].field, sizeof(errs->v[i].field), STR("new_password"));
	if (!err && !errs->n)
		*out = json_incref(json_object_get(body, "password"));
	json_decref(body);
	return err ? err : errs->n ? EINVAL : 0;
}

/* Counted by the writer; who tried does not wait for it, so that it takes no longer than for a user there is not. */
static void tell_wrong(struct store *s, const struct user *u)
{
	struct store_request note = {.op = STORE_LOGIN};
	json_t *json =
		json_pack("{s:o,s:o,s:b}", "tenant_id", json_sprintf("%" PRIu64, u->tenant_id),
			  "user_id", json_sprintf("%" PRIu64, u->id), "is_wrong", 1);

	note.json = json ? json_dumps(json, JSON_COMPACT) : NULL;
	note.njson = note.json ? strlen(note.json) : 0;
	json_decref(json);
	if (!note.json || db_worker_post(&s->writer, &note))
		free(note.json);
}

/* EXT-2: the only moment at which a password of long ago is there to be judged. */
static int judge(struct db *db, const struct args *a, const struct user *u, const char **weak)
{
	struct policy p;
	int err = policy_read(db, u->tenant_id, &p);

	if (!err)
		*weak = strength_of_password(args_text(a, "password").p, u->name, p.length);
	if (!err && !*weak)
		*weak = "";
	return err;
}

static int session_request(struct db *db, struct store_request *req, const struct args *a,
			   const struct user *u, struct field_errors *errs)
{
	char tenant[24], user[24];
	json_t *json, *password;
	const char *weak = NULL;
	char *text;
	int err = new_hash(db, a, u, &password, errs);

	if (!err)
		err = judge(db, a, u, &weak);
	if (err) {
		json_decref(password);
		return err;
	}
	req->tenant_id = u->tenant_id;
	req->actor.tenant_id = u->tenant_id; /* who changes its password */
	req->actor.user_id = u->id;
	record_set_text(req->actor.name, sizeof(req->actor.name), str_of(u->name));
	snprintf(tenant, sizeof(tenant), "%" PRIu64, u->tenant_id);
	snprintf(user, sizeof(user), "%" PRIu64, u->id);
	json = json_pack("{s:s,s:s,s:s,s:s%,s:I,s:s*,s:o*}", "tenant_id", tenant, "user_id", user,
			 "username", u->name, "token_hash", args_text(a, "token_hash").p,
			 args_text(a, "token_hash").n, "ttl_seconds",
			 (json_int_t)args_int(a, "ttl_seconds", 3600), "weak", password ? "" : weak,
			 "new_password", password);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return ENOMEM;
	sodium_memzero(req->json, req->njson); /* the password */
	free(req->json);
	req->json = text;
	req->njson = strlen(text);
	return 0;
}

static int sign_in(struct store *s, struct db *db, struct store_request *req,
		   struct field_errors *errs)
{
	struct user u = {0};
	struct str password;
	struct args a;
	bool is_right;
	int err, found;

	err = args_open(&a, req, errs);
	if (err)
		return err;
	password = args_text(&a, "password");
	found = identify(db, &a, &u);
	if (found && found != ENOENT) {
		err = found;
	} else {
		is_right = crypto_pwhash_str_verify(found ? nobody : u.hash, password.p,
						    password.n) == 0;
		err = !found && is_right && u.is_enabled ? session_request(db, req, &a, &u, errs)
							 : EACCES;
		if (!found && !is_right)
			tell_wrong(s, &u);
	}
	args_close(&a);
	sodium_memzero(&u, sizeof(u));
	return err;
}

/* ---- bodies with passwords ---- */

/* Whose password it is, or is to be: as the body has it, else as the user is named now. */
static int read_name(struct db *db, const struct store_request *req, const json_t *body,
		     char dst[256])
{
	static const char *const names[] = {"username", "number", "name"};
	struct db_stmt *st;
	int err;

	dst[0] = 0;
	for (size_t i = 0; i < ARRAY_LEN(names) && !dst[0]; i++)
		record_set_text(dst, 256,
				str_of(json_string_value(json_object_get(body, names[i]))));
	if (dst[0] || req->op != STORE_UPDATE || req->res != &resource_admin)
		return 0;
	err = db_sql(db, "SELECT username FROM users WHERE tenant_id = $1 AND id = $2", &st);
	if (err)
		return err;
	db_bind_id(st, 1, req->tenant_id);
	db_bind_id(st, 2, req->id);
	err = db_step(st);
	if (!err)
		record_set_text(dst, 256, db_text(st, 0));
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int check_policy(struct db *db, const struct store_request *req, const json_t *body,
			struct field_errors *errs)
{
	static const char *const names[] = {"password", "web_password"};
	size_t before = errs->n;
	char user[256];
	struct policy p;
	int err = policy_read(db, req->tenant_id, &p);

	if (req->res == &resource_tenant)
		policy_of_new(body, &p);
	if (!err)
		err = read_name(db, req, body, user);
	for (size_t i = 0; !err && i < ARRAY_LEN(names); i++) {
		const struct field *f = resource_field(req->res, str_of(names[i]));
		const char *clear = json_string_value(json_object_get(body, names[i]));

		if (!f || f->kind != FIELD_PASSWORD || !clear || !*clear)
			continue;
		policy_check(&p, names[i], clear, errs);
		if (errs->n == before)
			policy_check_guessed(names[i], clear, user, errs);
		if (req->op == STORE_UPDATE && req->res == &resource_admin)
			err = policy_check_reuse(&p, db, req->tenant_id, req->id, names[i], clear,
						 errs);
	}
	return err ? err : errs->n > before ? EINVAL : 0;
}

static int hash_body(struct db *db, struct store_request *req, struct field_errors *errs)
{
	/* A tenant's and a dealer's body carries its first user's password. */
	const bool has_user = req->res == &resource_tenant || req->res == &resource_dealer;
	const struct resource *res = has_user ? &resource_admin : req->res;
	json_error_t where;
	json_t *body =
		json_loadb(req->json ? req->json : "", req->njson, JSON_REJECT_DUPLICATES, &where);
	char *text;
	int err;

	if (!json_is_object(body)) {
		json_decref(body);
		return 0; /* the writer says what is wrong with it */
	}
	err = check_policy(db, req, body, errs);
	if (!err)
		err = object_hash_passwords(res, body, hash, NULL, errs);
	text = err ? NULL : json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (err || !text)
		return err ? err : ENOMEM;
	sodium_memzero(req->json, req->njson);
	free(req->json);
	req->json = text;
	req->njson = strlen(text);
	return 0;
}

/* ---- threads ---- */

static void handle(struct store *s, struct db *db, struct store_request *req)
{
	struct field_errors errs = {.n = 0};
	int err;

	err = req->op == STORE_LOGIN ? sign_in(s, db, req, &errs) : hash_body(db, req, &errs);
	if (!err)
		err = db_worker_post(&s->writer, req) ? EAGAIN : 0;
	if (!err)
		return; /* the writer's now */
	store_answer_error(req, err, &errs);
	if (req->json)
		sodium_memzero(req->json, req->njson);
	free(req->json);
}

static void hasher_main(void *arg)
{
	struct one *o = arg;
	struct store_request req;
	struct db *db = NULL;

	while (!db_worker_stopping(o->worker)) {
		if (!db_worker_next(o->worker, &req, -1))
			continue;
		if (!db && store_connect(o->store, LINK_READER, &db)) {
			store_answer_error(&req, EAGAIN, NULL);
			free(req.json);
			continue;
		}
		handle(o->store, db, &req);
	}
	db_close(db);
}

int hashers_start(struct store *s)
{
	int err = 0;

	s->hasher = calloc(1, sizeof(*s->hasher));
	if (!s->hasher)
		return ENOMEM;
	for (size_t i = 0; !err && i < STORE_HASHERS; i++) {
		s->hasher->one[i] = (struct one){s, &s->hashers[i]};
		err = db_worker_start(&s->hashers[i], "store-hash", THREAD_READER, QUEUE,
				      hasher_main, &s->hasher->one[i]);
	}
	return err;
}

void hashers_stop(struct store *s)
{
	for (size_t i = 0; i < STORE_HASHERS; i++)
		db_worker_stop(&s->hashers[i]);
	free(s->hasher);
	s->hasher = NULL;
}
