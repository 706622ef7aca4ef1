/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Life and deadlines of a stream connection.  One timer for all deadlines; it is set to the earliest. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "net/conn_priv.h"
#include "net/sock.h"

static void conn_ready(int fd, unsigned events, void *arg);
static void deadline_over(struct timer *t, void *arg);

static bool same_id(const struct map_node *node, const void *key)
{
	return ((const struct conn *)node)->id == *(const oid *)key;
}

struct conn *conn_find(struct flows *f, oid id)
{
	return id ? (struct conn *)map_find(&f->by_id, map_hash_u64(id, 0), same_id, &id) : NULL;
}

struct conn *conn_of_paused(struct link *l)
{
	return CONTAINER_OF(l, struct conn, paused);
}

/* ---- the end ---- */

/* Everything but the guard's count and the core's knowledge. */
static void conn_free(struct conn *c)
{
	loop_unwatch(c->watch);
	tls_free(c->tls);
	conn_ws_free(c);
	if (c->fd >= 0)
		close(c->fd);
	timer_cancel(&c->deadline);
	list_remove(&c->all);
	list_remove(&c->paused);
	while (c->tx_first) {
		struct blob *next = c->tx_first->next;

		blob_free(c->tx_first);
		c->tx_first = next;
	}
	free(c->rx);
	free(c->last_words);
	free(c);
}

static void leave_guard(struct flows *f, uint32_t listener, const struct addr *remote)
{
	if (listener)
		guard_leave(f->shared->guard, remote);
	else
		guard_sub(f->shared->guard);
}

struct flow_evt conn_about(const struct conn *c, enum flow_evt_kind kind)
{
	return (struct flow_evt){.kind = kind,
				 .transport = c->transport,
				 .listener = c->listener,
				 .thread = c->f->index,
				 .conn = c->id,
				 .local = c->local,
				 .remote = c->remote};
}

void conn_end(struct conn *c, int err)
{
	struct flows *f = c->f;
	struct flow_evt evt = conn_about(c, FLOW_EVT_CLOSED);
	struct flow_told *spare = c->last_words;
	int unheard;

	c->last_words = NULL;
	evt.err = err;
	unheard = flows_tell(f, &evt, spare);
	BUG(unheard); /* cannot be: a place was kept */
	leave_guard(f, c->listener, &c->remote);
	map_remove(&f->by_id, &c->node);
	conn_free(c);
	flows_ended_one(f);
}

void conns_drop_all(struct flows *f)
{
	LIST_EACH_SAFE (it, next, &f->conns) {
		struct conn *c = CONTAINER_OF(it, struct conn, all);

		map_remove(&f->by_id, &c->node);
		conn_free(c);
	}
}

void conn_log_end(const struct conn *c, const char *why)
{
	char text[ADDR_STR_BYTES];

	log_info(NULL, LOGID_NET, "connection with %s closed: %s", addr_str(text, &c->remote), why);
}

/* ---- deadlines ---- */

static void earlier(uint64_t *due, const char **why, uint64_t other, const char *other_why)
{
	if (other < *due) {
		*due = other;
		*why = other_why;
	}
}

static uint64_t deadline_of(const struct conn *c, const char **why)
{
	const struct flows_limits *l = &c->f->shared->limits;
	uint64_t due = UINT64_MAX, idle_ms = c->traffic_ms + l->idle_ms;

	*why = "";
	if (c->st == CONN_CONNECTING)
		earlier(&due, why, c->since_ms + l->connect_ms, "no answer to connecting");
	if (c->st == CONN_SECURING)
		earlier(&due, why, c->since_ms + l->message_ms, "no end of the TLS hand-shake");
	if (c->st == CONN_UPGRADING)
		earlier(&due, why, c->since_ms + l->message_ms, "no WebSocket hand-shake");
	if (c->st == CONN_DRAINING)
		earlier(&due, why, c->since_ms + l->message_ms, "its answers took too long");
	if (c->st == CONN_LINGERING)
		earlier(&due, why, c->since_ms + l->linger_ms, "not closed by the peer");
	if (c->ntx && !conn_is_beginning(c))
		earlier(&due, why, c->written_ms + l->stuck_ms, "the peer does not read");
	if (c->st == CONN_OPEN) {
		if (c->begun_ms)
			earlier(&due, why, c->begun_ms + l->message_ms,
				"a message that takes too long");
		if (c->listener && !c->has_spoken)
			earlier(&due, why, c->since_ms + l->message_ms, "nothing was said");
		if (!c->is_held)
			earlier(&due, why, idle_ms > c->keep_until_ms ? idle_ms : c->keep_until_ms,
				"idle");
	}
	return due;
}

static void set_deadline(struct conn *c)
{
	const char *why;
	uint64_t due = deadline_of(c, &why), now = flows_now_ms(c->f);

	timer_start(loop_wheel(c->f->loop), &c->deadline, due > now ? due - now : 0, deadline_over,
		    c);
}

static void deadline_over(struct timer *t, void *arg)
{
	struct conn *c = arg;
	const char *why;

	if (deadline_of(c, &why) > flows_now_ms(c->f))
		return set_deadline(c);
	conn_log_end(c, why);
	if (c->st == CONN_OPEN && (c->begun_ms || (c->listener && !c->has_spoken)))
		metric_add(METRIC_CONNECTIONS_BROKEN, 1);
	conn_end(c, c->ntx || conn_is_beginning(c) ? ETIMEDOUT : 0);
}

void conn_keep(struct conn *c, uint32_t seconds)
{
	c->keep_until_ms = flows_now_ms(c->f) + (uint64_t)seconds * 1000;
	set_deadline(c);
}

void conn_hold(struct conn *c, bool is_held)
{
	c->is_held = is_held;
	set_deadline(c);
}

void conn_enter(struct conn *c, enum conn_state st)
{
	c->st = st;
	c->since_ms = flows_now_ms(c->f);
}

bool conn_watch(struct conn *c)
{
	bool may_read = c->st != CONN_CONNECTING && !link_linked(&c->paused) &&
			(!c->is_shut || c->st == CONN_LINGERING);
	bool may_write = c->st == CONN_CONNECTING ||
			 (c->st == CONN_SECURING ? tls_wants_write(c->tls) : c->ntx > 0);
	unsigned want = (may_read ? LOOP_READ : 0u) | (may_write ? LOOP_WRITE : 0u);
	int err = want == c->watched ? 0 : loop_watch_change(c->watch, want);

	if (err) {
		conn_end(c, err);
		return false;
	}
	c->watched = want;
	set_deadline(c);
	return true;
}

/* ---- the beginning ---- */

int conn_tell_opened(struct conn *c)
{
	struct flow_evt evt = conn_about(c, FLOW_EVT_OPENED);

	return flows_tell(c->f, &evt, NULL);
}

/* What is said over a connection that is new: to the core, and what waited for it. */
static void begun(struct conn *c)
{
	int err;

	conn_enter(c, c->ws ? CONN_UPGRADING : CONN_OPEN);
	c->traffic_ms = c->written_ms = c->since_ms;
	err = c->st == CONN_OPEN ? conn_tell_opened(c) : 0;
	if (err)
		return conn_end(c, err);
	conn_flush(c);
}

/* Only who has finished the hand-shake is made known; to whom we connect must be who we mean. */
static void secure(struct conn *c)
{
	char why[160] = "", text[ADDR_STR_BYTES];
	int err = tls_handshake(c->tls, why);

	if (err == EAGAIN) {
		conn_watch(c);
		return;
	}
	if (!err)
		return begun(c);
	metric_add(METRIC_CONNECTIONS_BROKEN, 1);
	if (c->listener) {
		conn_log_end(c, why);
		return conn_end(c, 0);
	}
	log_warn(NULL, LOGID_NET, "no TLS with %s: %s", addr_str(text, &c->remote), why);
	conn_end(c, err);
}

static void connected(struct conn *c)
{
	int err = 0, failed = 0;
	socklen_t n = sizeof(failed);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &n))
		failed = errno;
	if (!failed)
		err = sock_local(c->fd, &c->local);
	if (failed || err)
		return conn_end(c, failed ? failed : err);
	if (!c->tls)
		return begun(c);
	conn_enter(c, CONN_SECURING);
	secure(c);
}

static void conn_ready(int fd, unsigned events, void *arg)
{
	struct conn *c = arg;

	if (c->st == CONN_CONNECTING)
		return connected(c);
	if (c->st == CONN_SECURING)
		return secure(c);
	if (events & LOOP_WRITE && c->ntx && !conn_flush(c))
		return;
	if (events & (LOOP_READ | LOOP_ERROR))
		conn_read(c);
}

static enum conn_state first_state(const struct flow_cmd *cmd)
{
	if (cmd->kind != FLOW_CMD_ADOPT)
		return CONN_CONNECTING;
	switch (cmd->transport) {
	case FLOW_TLS:
	case FLOW_WSS:
		return CONN_SECURING;
	case FLOW_WS:
		return CONN_UPGRADING;
	default:
		return CONN_OPEN;
	}
}

/* Takes fd and cmd->spare on success. */
static int conn_new(struct conn **cp, struct flows *f, int fd, const struct flow_cmd *cmd, oid id)
{
	struct conn *c = mem_fault() ? NULL : calloc(1, sizeof(*c));
	char text[ADDR_STR_BYTES];
	int err;

	if (!c)
		return ENOMEM;
	c->f = f;
	c->fd = -1;
	c->id = id;
	c->st = first_state(cmd);
	c->transport = cmd->transport;
	c->listener = cmd->listener;
	c->remote = cmd->remote;
	c->tx_end = &c->tx_first;
	c->since_ms = c->traffic_ms = flows_now_ms(f);
	c->watched = c->st == CONN_CONNECTING ? LOOP_WRITE : LOOP_READ;
	err = sock_local(fd, &c->local);
	if (!err && c->st == CONN_SECURING)
		err = tls_alloc(&c->tls, f->shared->tls, c->listener, fd);
	if (!err && c->st == CONN_CONNECTING && c->transport == FLOW_TLS)
		err = tls_connect(&c->tls, f->shared->tls, fd, cmd->whom,
				  addr_ip_str(text, &cmd->remote));
	if (!err && (c->transport == FLOW_WS || c->transport == FLOW_WSS))
		err = conn_ws_begin(c);
	if (!err)
		err = loop_watch(&c->watch, f->loop, fd, c->watched, conn_ready, c);
	if (err) {
		conn_free(c);
		return err;
	}
	c->fd = fd;
	c->last_words = cmd->spare;
	map_add(&f->by_id, &c->node, map_hash_u64(id, 0));
	list_append(&f->conns, &c->all);
	set_deadline(c);
	*cp = c;
	return 0;
}

void conn_adopt(struct flows *f, const struct flow_cmd *cmd)
{
	struct conn *c;
	int err = conn_new(&c, f, cmd->fd, cmd, atomic_fetch_add(&f->shared->last_conn, 1) + 1);

	if (err) {
		log_error(NULL, LOGID_NET, "a connection was refused (error %d)", err);
		leave_guard(f, cmd->listener, &cmd->remote);
		close(cmd->fd);
		free(cmd->spare);
		return;
	}
	if (c->st == CONN_OPEN && conn_tell_opened(c))
		conn_end(c, ENOMEM);
}

void conn_connect(struct flows *f, const struct flow_cmd *cmd)
{
	struct flow_evt evt = {.kind = FLOW_EVT_CLOSED, .thread = f->index, .conn = cmd->conn};
	struct conn *c;
	int fd = -1, unheard;

	evt.err = sock_connect(&fd, &cmd->local, &cmd->remote);
	if (!evt.err)
		evt.err = conn_new(&c, f, fd, cmd, cmd->conn);
	if (!evt.err)
		return;
	if (fd >= 0)
		close(fd);
	leave_guard(f, 0, NULL);
	unheard = flows_tell(f, &evt, cmd->spare);
	BUG(unheard); /* cannot be: a place was kept */
}
