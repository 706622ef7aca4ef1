/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the store's tests: a fresh database on the engine that OFFHOOK_TEST_DB names ("sqlite", the default, or "postgres" on
 * the server of OFFHOOK_TEST_PG), in a folder of its own.  A missing server fails the test.
 */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store/store_impl.h"

struct place { /* where a test's data are */
	char dir[64];
	char url[512];
	char schema[64];
};

static inline bool testing_is_postgres(void)
{
	const char *engine = getenv("OFFHOOK_TEST_DB");

	return engine && strcmp(engine, "postgres") == 0;
}

static inline void testing_admin(const char *sql)
{
	const char *pg = getenv("OFFHOOK_TEST_PG");
	const struct db_conf conf = {.url = pg};
	struct db *db;

	assert_non_null(pg);
	assert_int_equal(db_open(&db, &conf), 0);
	assert_int_equal(db_exec(db, sql), 0);
	db_close(db);
}

static inline void place_make(struct place *p)
{
	static unsigned n;
	char sql[128];

	memset(p, 0, sizeof(*p));
	strcpy(p->dir, "/tmp/offhook-store-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	if (!testing_is_postgres()) {
		snprintf(p->url, sizeof(p->url), "sqlite:%s/offhook.db", p->dir);
		return;
	}
	snprintf(p->schema, sizeof(p->schema), "t%d_%u", (int)getpid(), n++);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", p->schema);
	testing_admin(sql);
	snprintf(p->url, sizeof(p->url), "%s&options=-csearch_path%%3D%s",
		 getenv("OFFHOOK_TEST_PG"), p->schema);
}

static inline int testing_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void place_remove(struct place *p)
{
	char sql[128];

	nftw(p->dir, testing_unlink, 16, FTW_DEPTH | FTW_PHYS);
	if (!p->schema[0])
		return;
	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", p->schema);
	testing_admin(sql);
}

/* ---- a store, asked and answered in turn ---- */

struct fixture {
	struct place place;
	struct store *store;
	struct ring *answers;
	uint64_t tenant_id;
};

static inline void fixture_reopen(struct fixture *fx)
{
	const struct store_conf conf = {.url = fx->place.url, .data_dir = fx->place.dir};

	fx->store = store_close(fx->store);
	assert_int_equal(store_open(&fx->store, &conf), 0);
}

static inline int fixture_open(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));

	place_make(&fx->place);
	assert_int_equal(ring_alloc(&fx->answers, 256, sizeof(struct store_reply)), 0);
	fixture_reopen(fx);
	*state = fx;
	return 0;
}

static inline int fixture_close(void **state)
{
	struct fixture *fx = *state;

	store_close(fx->store);
	ring_free(fx->answers);
	place_remove(&fx->place);
	free(fx);
	return 0;
}

static inline struct store_reply wait_answer(struct fixture *fx)
{
	struct pollfd fd = {.fd = ring_fd(fx->answers), .events = POLLIN};
	struct store_reply reply;

	while (!ring_pop(fx->answers, &reply)) {
		assert_int_equal(poll(&fd, 1, 30000), 1);
		ring_woken(fx->answers);
	}
	return reply;
}

static inline struct store_request request(struct fixture *fx, enum store_op op, uint64_t tenant_id,
					   const char *resource, uint64_t id, const char *json)
{
	return (struct store_request){
		.op = op,
		.token = 7,
		.reply_to = fx->answers,
		.tenant_id = tenant_id,
		.res = resource ? resource_by_name(str_of(resource)) : NULL,
		.id = id,
		.is_admin = true,
		.actor = {.name = "tester", .from = "192.0.2.1"},
		.json = json ? strdup(json) : NULL,
		.njson = json ? strlen(json) : 0,
	};
}

static inline struct store_reply post(struct fixture *fx, struct store_request req)
{
	struct store_reply reply;

	assert_int_equal(store_post(fx->store, &req), 0);
	reply = wait_answer(fx);
	assert_int_equal(reply.token, 7);
	return reply;
}

static inline struct store_reply ask(struct fixture *fx, enum store_op op, uint64_t tenant_id,
				     const char *resource, uint64_t id, const char *json)
{
	return post(fx, request(fx, op, tenant_id, resource, id, json));
}

static inline struct store_reply query(struct fixture *fx, uint64_t tenant_id, const char *name,
				       const char *json)
{
	struct store_request req = request(fx, STORE_QUERY, tenant_id, NULL, 0, json);

	req.query = name;
	return post(fx, req);
}

/* The answer's JSON, which must be a success; the caller frees it. */
static inline json_t *good(struct store_reply r)
{
	json_t *json;

	if (r.err)
		print_error("answer %d (%s): %s\n", r.err, strerror(r.err), r.json ? r.json : "");
	assert_int_equal(r.err, 0);
	json = r.json ? json_loadb(r.json, r.njson, 0, NULL) : json_object();
	assert_non_null(json);
	free(r.json);
	return json;
}

static inline uint64_t good_id(struct store_reply r)
{
	json_decref(good(r));
	return r.id;
}

/* It failed with this errno, and says so of this field with this code (NULL: nothing about fields). */
static inline void refused(struct store_reply r, int err, const char *field, const char *code)
{
	json_t *json = r.json ? json_loadb(r.json, r.njson, 0, NULL) : NULL, *one;
	bool found = !field;
	size_t i;

	assert_int_equal(r.err, err);
	json_array_foreach(
		json_object_get(json, "errors"), i,
		one) if (field &&
			 strcmp(json_string_value(json_object_get(one, "field")), field) == 0 &&
			 strcmp(json_string_value(json_object_get(one, "code")), code) == 0) found =
		true;
	if (!found)
		print_error("no %s %s in %s\n", field, code, r.json ? r.json : "nothing");
	assert_true(found);
	json_decref(json);
	free(r.json);
}

static inline const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

static inline uint64_t make_tenant(struct fixture *fx, const char *name)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"name\":\"%s\",\"domain\":\"%s.example\"}", name, name);
	return good_id(ask(fx, STORE_CREATE, 0, "tenant", 0, body));
}

static inline uint64_t make_extension(struct fixture *fx, uint64_t tenant_id, const char *number)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"number\":\"%s\"}", number);
	return good_id(ask(fx, STORE_CREATE, tenant_id, "extension", 0, body));
}

#endif
