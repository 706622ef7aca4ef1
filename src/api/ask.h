/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request on its way through the API: who asks, for what, and whom it waits for.
 *
 * A struct ask holds copies of all it needs, as the HTTP server lends the request only for the call.  It waits for at most one
 * answer at a time, from the store or the core, with a deadline; an answer that comes later is dropped with its ask's id.
 *
 * Thread     web
 * Ownership  every function that answers the client ends and frees the ask: the last statement
 */
#ifndef API_ASK_H
#define API_ASK_H

#include "api/api.h"
#include "api/problem.h"
#include "api/params.h"
#include "api/route.h"
#include "base/throttle.h"
#include "base/buf.h"
#include "base/thread.h"
#include "schema/record.h"

enum {
	TOKEN_CHARS = 40,
	KEY_CHARS = 20,
	SESSION_SECONDS = 12 * 3600,
	STORE_DEADLINE_MS = 15000,
	MAX_TOLD_A_SECOND = 20,
	HASH_HEX = 65
};
#define TOKEN_PREFIX "oh_"

struct who {
	bool is_admin; /* of the system */
	bool is_local;
	bool has_tenant; /* acts within tenant_id; else within the system (tenant 0) */
	uint64_t tenant_id;
	uint64_t user_tenant_id, user_id;
	uint64_t dealer_id;    /* whose person it is; 0: of none */
	uint64_t extension_id; /* whose owner it is; 0: no owner of one */
	uint64_t role_id;
	json_t *permissions; /* of its role; NULL: it has none */
	char username[260];
	char domain[256]; /* of X-Tenant */
	char expires_at[40];
	char token_hash[HASH_HEX]; /* empty: none */
	char key_hash[HASH_HEX];   /* the same of an api_key */
};

struct answer {
	int err;
	uint64_t id, revision;
	bool is_replay;
	struct str json;
	void *past; /* STORE_PAST: of who is told */
};
typedef void ask_answer_h(struct ask *k, const struct answer *ans);

struct ask {
	oid id;
	struct api *a;
	oid request;
	const struct route *route;
	uint64_t target; /* {id} */
	struct who who;
	struct addr remote;
	char request_id[65];
	char path[128];
	char *query, *body;
	char *fields; /* of a partial answer; NULL: all */
	struct {
		uint32_t limit, left, reset_s; /* limit 0: none */
	} rate;
	size_t nbody;
	bool is_json, is_csv, is_bytes;
	bool is_upgrade;	/* a WebSocket is asked for */
	bool is_foreign_origin; /* by a page from elsewhere */
	bool has_if_match;
	bool is_if_match_bad; /* not one strong tag of ours: matches nothing */
	uint64_t if_revision;
	struct {
		bool is_asked, is_suffix; /* suffix: the last `to` bytes */
		uint64_t from, to;	  /* up to, not with; UINT64_MAX: the end */
	} range;
	char idem_key[129];
	json_t *args;	      /* of an answer in pieces; NULL: none … */
	const char *pieces;   /* … and the query that gives them */
	struct buf cache_key; /* of the answer it waits for; empty: that is not kept */
	uint32_t cache_ms;    /* it is kept that long at most */
	uint64_t generation;
	ask_answer_h *on_answer;
	void (*next)(struct ask *k); /* when the client has taken most of what was sent */
	struct timer deadline;
};

struct api {
	struct web *web;
	struct store *store;
	struct ring *commands;
	const struct store_past *past;
	struct ring *from_store, *from_core;
	struct ids *asks;
	struct throttle *throttle;
	struct cache *cache;
	struct stream_hub *hub;
	struct routes routes;
	char *openapi;
	size_t nopenapi;
	struct {
		uint64_t second;
		unsigned n;
	} refused; /* that the audit log was told of */
	char version[32];
	char *log_file;	      /* NULL: the log goes elsewhere */
	char setup_token[64]; /* empty: there is none, or it was used */
	bool is_setting_up;
};

/* api.c: after identity.c knows who asks. */
void ask_go_on(struct ask *k);
/* identity.c */
enum role ask_role(const struct ask *k);
/* api.c: by its kind and its role. */
bool ask_may(const struct ask *k, const char *what, enum op op);
void identity_start(struct ask *k, const struct web_request *req);
void token_hash(char hex[HASH_HEX], struct str token);

/* Ask the store (req's json is owned by the request from here on, whatever happens) or the core. */
void ask_store(struct ask *k, struct store_request *req, ask_answer_h *fn);
void ask_query(struct ask *k, uint64_t tenant_id, const char *query, json_t *args,
	       ask_answer_h *fn); /* takes args */
/* An answer that has come, for who asks the same next. */
void ask_keep(struct ask *k, const struct store_reply *reply);
void ask_core(struct ask *k, struct command cmd, ask_answer_h *fn);
/* A line of store/acts.def about k->target; takes args (NULL: none). */
void ask_act(struct ask *k, const char *act, json_t *args, ask_answer_h *fn);
/* The owner of an extension gets what that may see. */
void ask_add_own(const struct ask *k, json_t *args);

/* Ends. */
void ask_reply(struct ask *k, const struct web_response *resp);
/* The answer has begun, and goes on with web_more(); the ask stays. */
void ask_begin(struct ask *k, const struct web_response *resp);
/* Not faster than the client reads. */
void ask_pace(struct ask *k, void (*next)(struct ask *k));
void ask_reply_json(struct ask *k, unsigned status, struct str json);
void ask_reply_value(struct ask *k, unsigned status, json_t *json); /* takes json */
void ask_problem(struct ask *k, enum problem kind, const char *detail);
void ask_problem_errors(struct ask *k, enum problem kind, const char *detail,
			json_t *errors); /* borrows errors */
/* 422 with what was found wrong. */
void ask_invalid(struct ask *k, const struct field_errors *errs);
void ask_problem_headers(struct ask *k, enum problem kind, const char *detail, struct str headers);
/* The problem that an answer's err and errors mean. */
void ask_failed(struct ask *k, const struct answer *ans);
/* For an answer that is all there is to say: its JSON with the status of the route; nothing (204). */
void ask_answered(struct ask *k, const struct answer *ans);
void ask_done(struct ask *k, const struct answer *ans);
void ask_nothing(struct ask *k);    /* there is nothing by its id, in the words of the store */
bool ask_is_nothing(struct ask *k); /* the id in its path is none: answered */
void ask_free(struct ask *k);

/* The body as an object; NULL: answered already. */
json_t *ask_body(struct ask *k) MUST_USE;
/* Text of a body's member; STR_NONE: it is none. */
struct str ask_text(const json_t *body, const char *name);
/* Members that are not among these (NULL ends them) are errors. */
void ask_check_names(const json_t *body, const char *const *known, struct field_errors *errs);
/* The one parameter offset, 0 without; false: answered already. */
bool ask_read_offset(struct ask *k, uint64_t *offset) MUST_USE;
/* The query; false: answered already.  params_close() it. */
bool ask_read_params(struct ask *k, struct params *q) MUST_USE;
/* Arguments of a list of changes: since.  NULL: answered. */
json_t *ask_sync_args(struct ask *k) MUST_USE;
/* {"errors":[{field,code,message}]} of one parameter, as a 400. */
void ask_bad_parameter(struct ask *k, struct str name, const char *code, const char *message);

#endif
