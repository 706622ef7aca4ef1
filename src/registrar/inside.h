/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The registrar from inside.
 *
 *   registrar.c  the REGISTER method: judge all of it, then do all of it
 *   wish.c       what one Contact of a REGISTER asks for
 *   identify.c   realm, account, digest: who sent a request
 *   hosts.c      which hosts mean this server
 *   binding.c    a contact: made, added, refreshed, removed, restored
 *   lists.c      where contacts are found: by account, tenant, record, connection
 *   guarding.c   who is heard at all: rules and limits of the model, given to the flood guard
 *   answer.c     the 200
 *
 * Thread     core
 */
#ifndef REGISTRAR_INSIDE_H
#define REGISTRAR_INSIDE_H

#include "base/idmap.h"
#include "registrar/registrar.h"
#include "sip/shield.h"

enum { REG_MAX_WISHES = 32, REG_MAX_WATCHERS = 8 };

/* What is known of an account that has signed in or is registered. */
struct reg_account {
	struct idmap_key key; /* tenant and account */
	struct link bindings; /* highest q first, then the latest */
	size_t nbindings;
	struct sip_secret secret;
	uint64_t secret_of; /* hash of the name, realm and password it was made from; 0: none */
};

/* Its bindings in order of record id: what pages walk. */
struct reg_tenant {
	struct idmap_key key; /* the tenant */
	struct link bindings;
};

struct binding {
	struct contact c; /* first */
	struct registrar *r;
	struct addr source; /* where its REGISTER came from */
	struct reg_account *account;
	struct reg_tenant *tenant;
	struct link in_account, in_tenant, in_all;
	struct map_node by_record, by_conn;
	bool is_by_conn;
	struct timer expiry;
	char *text; /* c.uri, c.routes, c.user_agent and what follows point into it */
	const char *instance, *call_id, *path;
	const char *headers; /* of its Contact's URI, which are told back and not called; or "" */
	const char
		*server;  /* what its REGISTER went to, when only it calls us so (hosts.c); or "" */
	bool is_restored; /* and not registered again since */
	unsigned reg_id;
	bool shares_conn; /* with another contact of its account: it has none of its own */
	uint32_t cseq;
};

struct registrar {
	struct registrar_conf conf;
	struct shield *shield;
	struct shield_limits default_limits;
	struct buf who; /* "name@realm" being judged */
	struct sip_auth *auth;
	bool has_outbound, takes_to_tag, refuses_bad_nonce, challenges_within; /* sip_settings */
	struct sip_secret nobody; /* of users that do not exist */
	struct map accounts, tenants;
	struct map by_record, by_conn;
	struct ids *bindings;
	struct link all; /* in order of record id */
	uint64_t next_record_id;
	struct {
		registrar_changed_h *fn;
		void *arg;
	} watchers[REG_MAX_WATCHERS];
	size_t nwatchers;
	registrar_foreign_h *foreign;
	void *foreign_arg;
	struct buf own_names;	 /* of the operator's certificate, joined by spaces */
	struct buf system_names; /* these, and those of the model (hosts.c) */
	bool has_names;
	struct buf lines; /* of the answer being written */
	struct buf date;  /* the Date line of this second */
	int64_t date_of;
};

enum { REG_MAX_PATH = 511 };

/* ---- one Contact of a REGISTER ---- */
struct wish {
	struct str uri, headers, instance; /* headers: "?Priority=urgent", or none */
	unsigned reg_id, q;
	uint32_t seconds; /* 0: remove */
	struct binding *match;
	struct binding *made; /* prepared: takes the place of nothing, or its text that of match */
};

struct order { /* a whole REGISTER */
	const struct sip_msg *req;
	const struct account *account;
	struct reg_account *at;
	struct flow flow;
	struct str server; /* see struct binding */
	struct str path;   /* of path_text: every value, nearest to us first */
	char path_text[REG_MAX_PATH + 1];
	bool is_all;	  /* Contact: * */
	bool knows_flows; /* RFC 5626 is on */
	size_t n;
	struct wish wishes[REG_MAX_WISHES];
};

struct refusal {
	unsigned status;
	const char *reason;
	char line[48]; /* "Min-Expires: 60\r\n" */
};

/* False: refused. */
bool wishes_read(struct order *o, struct refusal *no);
/* Does the edge proxy of its Path keep a flow to it (";ob")? */
bool wishes_path_keeps_flow(const struct order *o);
bool wishes_match(struct order *o, struct refusal *no);
/* A Contact that must not be called: one of our own addresses, broadcast, multicast. */
bool wish_is_dangerous(struct registrar *r, const struct sip_uri *u, const struct flow *flow);

/* ---- where bindings are found ---- */
struct reg_account *reg_account_find(struct registrar *r, uint64_t tenant_id, uint64_t account_id);
struct reg_account *reg_account_get(struct registrar *r, uint64_t tenant_id,
				    uint64_t account_id); /* NULL: no memory */
void reg_account_drop(struct registrar *r, struct reg_account *a,
		      const char *why); /* its bindings, and itself */

int lists_open(struct registrar *r) MUST_USE;
void lists_close(struct registrar *r); /* frees every binding, and tells nobody */
struct reg_tenant *reg_tenant_find(struct registrar *r, uint64_t tenant_id);
/* Everywhere but by connection.  ENOMEM, ENOSPC: nowhere. */
int lists_add(struct binding *b) MUST_USE;
void lists_remove(struct binding *b);
/* Its place in the account after q has changed. */
void lists_move(struct binding *b);
void lists_link_conn(struct binding *b);
void lists_unlink_conn(struct binding *b);
struct binding *lists_of_conn(struct registrar *r, oid conn); /* any of it */

/* ---- bindings ---- */
int binding_make(struct binding **bp, struct registrar *r, const struct order *o,
		 const struct wish *w) MUST_USE;
struct binding *binding_free(struct binding *b);
/* Into all indexes; tells and writes when it is new to us. */
int binding_add(struct binding *b, bool is_new) MUST_USE;
/* b becomes what `fresh` says, and keeps its id; fresh is freed. */
void binding_refresh(struct binding *b, struct binding *fresh);
void binding_remove(struct binding *b, const char *why);
void binding_write(const struct binding *b, int64_t expires_at_us);
void bindings_closed(oid conn, void *registrar);

/* ---- who ---- */
/* Proves who sent the request; false: it was answered. */
bool identify_sender(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		     struct identity *who);
/* Is the domain that a REGISTER is for a tenant's? */
bool identify_is_tenant(const struct registrar *r, const struct sip_msg *req);
struct str identify_host(struct str uri); /* of a sip or sips URI; else none */
struct str identify_to_host(const struct sip_msg *req);
void identify_refuse(struct sip_strans *st, unsigned status, const char *reason);

/* ---- hosts ---- */
bool hosts_is_system(struct registrar *r, struct str host);
/* The system's, or that tenant's. */
bool hosts_is_ours(struct registrar *r, uint64_t tenant_id, struct str host);
void hosts_changed(struct registrar *r, const struct resource *res, uint64_t tenant_id);

/* ---- who is heard at all ---- */
int guarding_open(struct registrar *r) MUST_USE;
void guarding_close(struct registrar *r);
void guarding_changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *registrar);
/* True: too many wrong passwords for that name came from there; it was answered, and none is looked at. */
bool guarding_refuses(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		      struct str name, struct str realm);
/* What its credentials were worth; all but OK and BAD are challenged now. */
void guarding_heard(struct registrar *r, const struct sip_msg *req, struct str name,
		    struct str realm, enum sip_auth_result result);

/* ---- the 200 ---- */
void answer_list(struct registrar *r, struct sip_strans *st, const struct order *o);

#endif
