/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection of the HTTP server and the server's inside.
 *
 *   HEAD ──head whole──▶ BODY ──body whole──▶ WAIT ──web_reply──▶ WRITE ──sent──▶ HEAD (kept alive) or LINGER or closed
 *
 *   WRITE ──sent, but not the last piece──▶ WAIT ──web_more──▶ WRITE
 *
 *   WAIT ──web_upgrade──▶ SOCKET ──closed──▶ LINGER
 *
 * Every state has the timer `timer`: HEAD header or idle time, BODY body time, WAIT the handler's time, WRITE progress of the
 * peer, LINGER five seconds in which what the peer still sends is thrown away, so that it reads our answer before a reset.
 *
 * Thread     web
 * Ownership  a conn belongs to its server's list; conn_run() and conn_close() may free it and are last statements
 */
#ifndef WEB_CONN_H
#define WEB_CONN_H

#include "base/list.h"
#include "base/loop.h"
#include "base/thread.h"
#include "web/http.h"
#include "web/websocket.h"

struct web_watch {
	struct link link;
	struct web *w;
	struct ring *ring;
	struct loop_fd *fd;
	web_message_h *fn;
	void *arg;
	void *msg; /* one message */
};

struct web_listener {
	struct web *w;
	int fd;
	bool is_local;
	struct loop_fd *watch;
	struct timer pause; /* out of descriptors: try again */
};

enum { WEB_LOCAL_CONNS = 16, WEB_MAX_BODIES = 64 << 20 };

struct web {
	struct web_conf conf;
	struct loop *loop;
	struct thread *thread;
	struct web_listener tcp, local;
	char unix_path[108];
	uint64_t unix_ino;
	struct link conns, watches;
	struct ids *requests; /* → conn in WAIT */
	struct ids *sockets;  /* → conn in SOCKET */
	size_t ntcp, nlocal;
	size_t body_bytes; /* of all bodies held now */
};

enum conn_state { CONN_HEAD, CONN_BODY, CONN_WAIT, CONN_WRITE, CONN_LINGER, CONN_SOCKET };

struct conn {
	struct link link;
	struct web *w;
	int fd;
	struct loop_fd *watch;
	unsigned watching; /* LOOP_READ | LOOP_WRITE */
	struct timer timer;
	enum conn_state st;
	bool is_local;
	bool got_eof;
	bool in_handler;
	bool keep_alive;
	bool is_head;	 /* method HEAD */
	bool is_partial; /* its answer has begun, and web_more() brings the rest */
	bool was_idle;	 /* at least one request was answered */
	struct addr remote;
	struct buf in, body, out;
	size_t in_at, out_at;
	struct http_head *head; /* while a request is in progress */
	char *head_bytes;	/* what it borrows from */
	struct http_chunked chunked;
	size_t discarded;
	oid request;
	char request_id[65];
	/* SOCKET */
	oid socket;
	web_socket_h *socket_fn;
	void *socket_arg;
	struct websocket ws;
	uint32_t ping_ms;
	bool is_closing; /* our close is in `out`: nothing follows */
	bool is_alive;	 /* something has come since the last ping */
};

int conn_open(struct web *w, int fd, bool is_local, const struct addr *remote) MUST_USE;
void conn_close(struct conn *c);
/* For socket.c */
struct str conn_pending(const struct conn *c);
void conn_eat(struct conn *c, size_t n);
void conn_refused(struct conn *c);		      /* `out` holds the refusal */
void conn_upgraded(struct conn *c, uint32_t ping_ms); /* `out` holds the 101 */
void conn_wake(struct conn *c);			      /* may free it: the last statement */
enum socket_next { SOCKET_READS, SOCKET_WRITES, SOCKET_CLOSED, SOCKET_BROKEN };
enum socket_next socket_step(struct conn *c);
bool socket_ping(struct conn *c);
void socket_gone(struct conn *c); /* tells the handler, once */
void conn_reply(struct conn *c, const struct web_response *resp);
void conn_more(struct conn *c, struct str piece, bool is_last);

#endif
