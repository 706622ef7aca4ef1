/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "store/args.h"
#include "store/policy.h"
#include "store/sign_in.h"

enum { MAX_OF_ONE_USER = 100 };

static int run_with(struct edit *e, const char *sql, const int64_t *v, size_t n)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		db_bind_int(st, (unsigned)i + 1, v[i]);
	return db_run(st);
}

/* Those that have expired, and the oldest of someone who signs in again and again. */
static int make_room(struct edit *e, uint64_t tenant_id, uint64_t user_id)
{
	const int64_t now[1] = {e->now_us};
	const int64_t who[3] = {(int64_t)tenant_id, (int64_t)user_id, MAX_OF_ONE_USER - 1};
	int err = run_with(e, "DELETE FROM session WHERE expires_at <= $1", now, 1);

	if (err)
		return err;
	return run_with(e,
			"DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session "
			"WHERE tenant_id = $1 AND user_id = $2 "
			"ORDER BY created_at DESC, token_hash LIMIT 1000 OFFSET $3)",
			who, 3);
}

/* TEN-1: where nobody may be signed in twice, the sessions before this one end. */
static int end_others(struct edit *e, uint64_t tenant_id, uint64_t user_id)
{
	struct policy p;
	int err = policy_read(e->rows->db, tenant_id, &p);

	return err || !p.is_one ? err : session_end_all_of(e, tenant_id, user_id);
}

static int write_row(struct edit *e, const struct args *a, uint64_t tenant_id, uint64_t user_id,
		     int64_t expires_us)
{
	struct db_stmt *st;
	int err = db_sql(
		e->rows->db,
		"INSERT INTO session (token_hash, tenant_id, user_id, created_at, expires_at) "
		"VALUES ($1, $2, $3, $4, $5)",
		&st);

	if (err)
		return err;
	db_bind_text(st, 1, args_text(a, "token_hash"));
	db_bind_id(st, 2, tenant_id);
	db_bind_id(st, 3, user_id);
	db_bind_int(st, 4, e->now_us);
	db_bind_int(st, 5, expires_us);
	return db_run(st);
}

/* It has proven the old one. */
static int change_password(struct edit *e, uint64_t tenant_id, uint64_t user_id, struct str hash)
{
	struct object *before = NULL, *after = NULL;
	int err = edit_lock_tenant(e);

	if (!err)
		err = rows_load(e->rows, &resource_admin, tenant_id, user_id, true, &before);
	if (!err)
		after = object_clone(before);
	if (!err && !after)
		err = ENOMEM;
	if (!err)
		err = object_set_text(after, resource_field(after->res, STR("password")), hash);
	if (!err)
		err = edit_update(e, before, &after);
	object_free(before);
	object_free(after);
	return err;
}

/* The password was right: may it be used still, and is there a new one? */
static int admit(struct edit *e, const struct args *a, uint64_t tenant_id, uint64_t user_id)
{
	struct str hash = args_text(a, "new_password");
	int err = sign_in_right(e, tenant_id, user_id, hash.n > 0);

	return err || !hash.n ? err : change_password(e, tenant_id, user_id, hash);
}

int session_begin(struct edit *e)
{
	int64_t ttl_s, expires_us;
	uint64_t tenant_id, user_id;
	char until[32], tenant[24], user[24];
	struct str username;
	struct args a;
	int err;

	err = args_open(&a, e->req, &e->errs);
	if (err)
		return err;
	tenant_id = args_id(&a, "tenant_id");
	user_id = args_id(&a, "user_id");
	username = args_text(&a, "username");
	if (json_is_true(json_object_get(a.json, "is_wrong"))) {
		err = sign_in_wrong(e, tenant_id, user_id);
		args_close(&a);
		return err;
	}
	ttl_s = args_int(&a, "ttl_seconds", 3600);
	if (ttl_s < 1 || ttl_s > INT64_C(366) * 86400 || !args_text(&a, "token_hash").n)
		err = EINVAL;
	expires_us = e->now_us + ttl_s * 1000000;
	if (!err)
		err = admit(e, &a, tenant_id, user_id);
	if (!err)
		err = end_others(e, tenant_id, user_id);
	if (!err)
		err = sign_in_judged(e, tenant_id, user_id, args_text(&a, "weak"));
	if (!err)
		err = make_room(e, tenant_id, user_id);
	if (!err)
		err = write_row(e, &a, tenant_id, user_id, expires_us);
	clock_rfc3339(until, sizeof(until), expires_us);
	snprintf(tenant, sizeof(tenant), "%" PRIu64, tenant_id);
	snprintf(user, sizeof(user), "%" PRIu64, user_id);
	e->reply.id = user_id;
	if (!err)
		err = store_reply_json(&e->reply,
				       json_pack("{s:s,s:s,s:s%,s:s}", "tenant_id", tenant,
						 "user_id", user, "username", username.p,
						 username.n, "expires_at", until));
	args_close(&a);
	return err;
}

int session_end(struct edit *e)
{
	struct db_stmt *st;
	struct args a;
	int err;

	err = args_open(&a, e->req, &e->errs);
	if (err)
		return err;
	err = db_sql(e->rows->db, "DELETE FROM session WHERE token_hash = $1", &st);
	if (!err) {
		db_bind_text(st, 1, args_text(&a, "token_hash"));
		err = db_run(st);
	}
	if (!err && !db_changed(st))
		err = ENOENT;
	args_close(&a);
	return err;
}

int session_end_all_of(struct edit *e, uint64_t tenant_id, uint64_t user_id)
{
	const int64_t who[2] = {(int64_t)tenant_id, (int64_t)user_id};

	return run_with(e, "DELETE FROM session WHERE tenant_id = $1 AND user_id = $2", who, 2);
}
