/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection, as the files of this folder share it: ldap.c (the thread, listeners, the store's answers), conn.c (bytes, TLS,
 * time), session.c (what each operation is answered), search.c.
 *
 *   SECURING ──▶ READING ──a bind, a search──▶ ASKING ──the store's answer──▶ READING
 *      ▲            │ └──────StartTLS──▶ TURNING ──its answer has left──▶ SECURING
 *      └────────────┼───────────────────────┘
 *                   └──unbind, what cannot be read──▶ ENDING ──all has left──▶ (closed)
 *
 * While it is ASKING nothing is read: one operation at a time, the rest waits in the socket.
 *
 * Thread     ldap
 */
#ifndef LDAP_INSIDE_H
#define LDAP_INSIDE_H

#include "base/addr.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/thread.h"
#include "base/throttle.h"
#include "ldap/answer.h"
#include "ldap/ldap.h"
#include "net/tls.h"
#include "schema/dn.h"
#include "store/store.h"

enum ldap_state { LDAP_SECURING, LDAP_READING, LDAP_ASKING, LDAP_TURNING, LDAP_ENDING };

enum {
	LDAP_CONNS = 1024,
	LDAP_CONNS_PER_ADDRESS = 256,
	LDAP_SECURE_MS = 10000,
	LDAP_IDLE_MS = 300000,	 /* signed in */
	LDAP_STRANGE_MS = 30000, /* not signed in */
	LDAP_END_MS = 5000,
	LDAP_SEARCH_MS = 20000, /* at most, whatever the client would wait */
	LDAP_MOST_ENTRIES = 1000,
	LDAP_PAGE = 200,	 /* that the store is asked for at once */
	LDAP_UNSENT = 256 << 10, /* beyond, nothing more is read */
};

struct ldap_listener {
	struct link link;
	struct ldap *l;
	struct ldap_door door;
	struct loop_fd *watch;
	struct timer pause;
};

struct ldap {
	struct ldap_conf conf;
	struct loop *loop;
	struct thread *thread;
	struct ring *orders, *replies;
	struct loop_fd *watch_orders, *watch_replies;
	struct link listeners, conns;
	size_t nconns;
	struct ids *asked; /* what the store is asked → connection */
	struct throttle *throttle;
};

struct ldap_who {
	bool has_signed_in;
	uint64_t tenant_id;
	char base[DN_MAX + 1];
	char proof[65];
};

struct ldap_conn;
typedef void ldap_answer_h(struct ldap_conn *c, const struct store_reply *reply, json_t *j);

struct ldap_conn {
	struct link link;
	struct ldap *l;
	uint32_t door;
	bool plain_sign_in;
	enum ldap_state st;
	struct addr remote;
	int fd;
	struct tls *tls;
	struct loop_fd *watch;
	unsigned watching;
	struct timer timer;
	struct buf in, out;
	size_t in_at, out_at;
	struct ldap_who who;
	/* ASKING */
	struct ldap_request request;
	oid asked;
	ldap_answer_h *on_answer;
	char name[2 * DN_MAX + 8]; /* who signs in, for counting and the log */
	struct ldap_who whose;	   /* what is searched */
	size_t found, most;
	uint64_t until_ms;
};

/* ldap.c */
int ldap_ask(struct ldap_conn *c, const char *query, uint64_t tenant_id, json_t *args,
	     ldap_answer_h *fn) MUST_USE; /* takes args; on success it is ASKING */
uint64_t ldap_now_ms(const struct ldap *l);

/* conn.c */
int ldap_conn_open(struct ldap_listener *from, int fd, const struct addr *remote) MUST_USE;
void ldap_conn_close(struct ldap_conn *c);
void ldap_enter(struct ldap_conn *c, enum ldap_state st, uint32_t within_ms);
void ldap_go_on(struct ldap_conn *c); /* may free it: the last statement */

/* session.c */
void ldap_perform(struct ldap_conn *c); /* c->request */
void ldap_answer(struct ldap_conn *c, enum ldap_code code, const char *text);
void ldap_done(struct ldap_conn *c); /* with the request: READING again */
void ldap_failed(struct ldap_conn *c, int err);
void ldap_notice(struct ldap_conn *c, enum ldap_code code, const char *text);

/* search.c */
void ldap_search(struct ldap_conn *c);

#endif
