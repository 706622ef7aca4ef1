/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A connection is found by its number, or by transport and remote address, so that a request to where one leads
 * already does not open another (RFC 3261 18).  The core draws the number of those it opens before they are there, so
 * that sending is not a wait: messages queue at the flow thread until the peer has accepted.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "net/flows.h"
#include "net/frame.h"
#include "net/streams.h"
#include "net/tls_keeper.h"

enum { EVENTS = 4096, EVENTS_PER_WAKE = 256, RETRY_MS = 10, DEFAULT_CONNECTIONS = 10000 };

enum ref_state { REF_OPENING, REF_OPEN, REF_CONGESTED, REF_CLOSING };

struct ref {
	struct map_node by_id, by_remote;
	struct link unsaid; /* CLOSING, but the thread's ring was full */
	oid id;
	enum ref_state st;
	enum flow_transport transport;
	uint32_t listener;
	unsigned thread;
	uint32_t whom; /* TLS that we opened: who it has proved to be */
	uint32_t nheld;
	bool is_held; /* as its thread was told last */
	struct addr local, remote;
};

struct streams {
	struct net *net;
	struct flows_shared shared;
	struct loop_fd *watch;
	struct map by_id, by_remote;
	struct link unsaid;
	uint32_t unlistened[NET_MAX_LISTENERS], nunlistened; /* unsaid too */
	struct timer retry;
};

struct where {
	enum flow_transport transport;
	const struct addr *remote, *local;
	uint32_t whom;
};

static struct ref *of_remote(const struct map_node *node)
{
	return CONTAINER_OF((struct map_node *)(uintptr_t)node, struct ref, by_remote);
}

static bool same_id(const struct map_node *node, const void *key)
{
	return ((const struct ref *)node)->id == *(const oid *)key;
}

/* Who connected to us has proved nothing, and who has proved one name is not for that another (RFC 5922 7.3). */
static bool is_proved(const struct ref *r, uint32_t whom)
{
	return r->transport == FLOW_TCP || (!r->listener && r->whom == whom);
}

static bool leads_there(const struct map_node *node, const void *key)
{
	const struct ref *r = of_remote(node);
	const struct where *w = key;

	return r->st != REF_CLOSING && r->transport == w->transport && is_proved(r, w->whom) &&
	       addr_eq(&r->remote, w->remote) &&
	       (!w->local->family || addr_is_any(w->local) || addr_ip_eq(&r->local, w->local));
}

static uint64_t remote_hash(enum flow_transport t, const struct addr *remote)
{
	return map_hash_u64(addr_hash(remote), t);
}

static struct ref *find(const struct streams *s, oid id)
{
	return (struct ref *)map_find(&s->by_id, map_hash_u64(id, 0), same_id, &id);
}

static struct ref *find_leading_to(const struct streams *s, const struct flow *flow)
{
	const struct where w = {flow->transport, &flow->remote, &flow->local, flow->whom};
	struct map_node *node =
		map_find(&s->by_remote, remote_hash(w.transport, w.remote), leads_there, &w);

	return node ? of_remote(node) : NULL;
}

static struct ref *ref_new(struct streams *s, oid id, enum flow_transport t,
			   const struct addr *remote)
{
	struct ref *r = mem_alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->id = id;
	r->transport = t;
	r->remote = *remote;
	map_add(&s->by_id, &r->by_id, map_hash_u64(id, 0));
	map_add(&s->by_remote, &r->by_remote, remote_hash(t, remote));
	metric_set(METRIC_CONNECTIONS, s->by_id.count);
	return r;
}

static void ref_free(struct streams *s, struct ref *r)
{
	map_remove(&s->by_id, &r->by_id);
	map_remove(&s->by_remote, &r->by_remote);
	list_remove(&r->unsaid);
	mem_free(r);
	metric_set(METRIC_CONNECTIONS, s->by_id.count);
}

static struct flow flow_of(const struct ref *r)
{
	return (struct flow){.transport = r->transport,
			     .listener = r->listener,
			     .local = r->local,
			     .remote = r->remote,
			     .conn = r->id,
			     .whom = r->whom};
}

static int command(const struct streams *s, unsigned thread, const struct flow_cmd *cmd)
{
	return flows_command(s->shared.threads[thread], cmd);
}

/* ---- to the flow threads ---- */

static void say_unlistened(struct streams *s);

static void say_closings(struct timer *t, void *arg)
{
	struct streams *s = arg;

	say_unlistened(s);
	LIST_EACH_SAFE (it, next, &s->unsaid) {
		struct ref *r = CONTAINER_OF(it, struct ref, unsaid);
		const struct flow_cmd cmd = {.kind = FLOW_CMD_CLOSE, .conn = r->id};

		if (!command(s, r->thread, &cmd))
			list_remove(it);
	}
	if (!list_empty(&s->unsaid) || s->nunlistened)
		timer_start(loop_wheel(s->net->conf.loop), t, RETRY_MS, say_closings, s);
}

void streams_end(struct streams *s, oid conn)
{
	struct ref *r = find(s, conn);

	if (!r || r->st == REF_CLOSING)
		return;
	r->st = REF_CLOSING;
	list_append(&s->unsaid, &r->unsaid);
	say_closings(&s->retry, s);
}

void streams_keep(struct streams *s, oid conn, uint32_t seconds)
{
	struct ref *r = find(s, conn);
	const struct flow_cmd cmd = {.kind = FLOW_CMD_KEEP, .conn = conn, .seconds = seconds};

	if (r && command(s, r->thread, &cmd))
		log_warn(NULL, LOGID_OVERLOAD,
			 "a flow thread does not keep up: a connection may be closed as idle");
}

void streams_hold(struct streams *s, oid conn, bool is_held)
{
	struct ref *r = find(s, conn);
	struct flow_cmd cmd = {.kind = FLOW_CMD_HOLD, .conn = conn};

	if (!r)
		return;
	BUG(!is_held && !r->nheld);
	if (is_held)
		r->nheld++;
	else
		r->nheld--;
	cmd.is_held = r->nheld > 0;
	if (cmd.is_held == r->is_held)
		return;
	if (command(s, r->thread, &cmd))
		log_warn(NULL, LOGID_OVERLOAD,
			 "a flow thread does not keep up: it does not know what goes on over a "
			 "connection");
	else
		r->is_held = cmd.is_held;
}

/* Our side, as logic wants to see it: with the port that others reach us at, not the one a connection goes out from. */
static struct addr local_seen(const struct streams *s, enum flow_transport t,
			      const struct addr *local)
{
	uint32_t listener = net_listener_at(s->net, t, local);
	struct addr seen = *local;

	if (listener)
		seen.port = net_listener(s->net, listener)->bound.port;
	return seen;
}

static int open_to(struct streams *s, const struct flow *flow, struct ref **rp)
{
	struct flow_cmd cmd = {.kind = FLOW_CMD_CONNECT,
			       .transport = flow->transport,
			       .local = flow->local,
			       .remote = flow->remote,
			       .whom = flow->whom};
	struct ref *r;
	int err;

	if (flow->transport != FLOW_TCP && flow->transport != FLOW_TLS)
		return EPROTONOSUPPORT;
	if (flow->local.family && flow->local.family != flow->remote.family)
		return EAFNOSUPPORT;
	if (guard_add(s->shared.guard)) {
		metric_add(METRIC_CONNECTIONS_REFUSED, 1);
		return ENOBUFS;
	}
	cmd.conn = atomic_fetch_add(&s->shared.last_conn, 1) + 1;
	cmd.spare = mem_fault() ? NULL : malloc(sizeof(*cmd.spare));
	r = cmd.spare ? ref_new(s, cmd.conn, cmd.transport, &cmd.remote) : NULL;
	err = r ? 0 : ENOMEM;
	if (err)
		goto out;
	r->local = flow->local;
	r->whom = flow->whom;
	r->thread = (unsigned)(cmd.conn % s->shared.nthreads);
	err = command(s, r->thread, &cmd);
out:
	if (err) {
		if (r)
			ref_free(s, r);
		free(cmd.spare);
		guard_sub(s->shared.guard);
	} else {
		*rp = r;
	}
	return err;
}

int streams_send(struct streams *s, struct flow *flow, const void *p, size_t n)
{
	struct ref *r = flow->conn ? find(s, flow->conn) : find_leading_to(s, flow);
	struct flow_cmd cmd = {.kind = FLOW_CMD_SEND};
	int err;

	if (n > FRAME_MAX_BYTES)
		return EMSGSIZE;
	if (flow->conn && (!r || r->st == REF_CLOSING))
		return ENOTCONN;
	if (r && r->st == REF_CONGESTED)
		return ENOBUFS;
	cmd.blob = blob_new_for(flow->conn ? r->transport : flow->transport, p, n);
	if (!cmd.blob)
		return ENOMEM;
	err = r ? 0 : open_to(s, flow, &r);
	if (!err) {
		cmd.conn = r->id;
		err = command(s, r->thread, &cmd);
	}
	if (err)
		blob_free(cmd.blob);
	else
		flow->conn = r->id;
	return err;
}

int streams_listen(struct streams *s, enum flow_transport t, uint32_t listener, int fd)
{
	const struct flow_cmd cmd = {
		.kind = FLOW_CMD_LISTEN, .transport = t, .listener = listener, .fd = fd};

	return command(s, listener % s->shared.nthreads, &cmd);
}

/* Said again until the thread has room for it. */
static void say_unlistened(struct streams *s)
{
	while (s->nunlistened) {
		const uint32_t listener = s->unlistened[s->nunlistened - 1];
		const struct flow_cmd cmd = {.kind = FLOW_CMD_UNLISTEN, .listener = listener};

		if (command(s, listener % s->shared.nthreads, &cmd))
			break;
		s->nunlistened--;
	}
}

void streams_unlisten(struct streams *s, uint32_t listener)
{
	tls_keeper_forget(s->shared.tls, listener);
	if (s->nunlistened < ARRAY_LEN(s->unlistened))
		s->unlistened[s->nunlistened++] = listener;
	say_closings(&s->retry, s);
}

struct tls_keeper *streams_tls(struct streams *s)
{
	return s->shared.tls;
}

/* ---- from the flow threads ---- */

static void opened(struct streams *s, const struct flow_evt *evt)
{
	struct ref *r = find(s, evt->conn);

	if (!r) {
		const struct flow_cmd cmd = {.kind = FLOW_CMD_CLOSE, .conn = evt->conn};

		r = ref_new(s, evt->conn, evt->transport, &evt->remote);
		if (!r) {
			/* Unknown to us it can only be idle, and ends by that if not now. */
			(void)!command(s, evt->thread, &cmd);
			return;
		}
		r->thread = evt->thread;
		r->listener = evt->listener;
	}
	r->local = local_seen(s, evt->transport, &evt->local);
	if (r->st == REF_OPENING)
		r->st = REF_OPEN;
}

static void closed(struct streams *s, struct ref *r, int err)
{
	struct flow_sink *sink = s->net->conf.sink;
	const struct flow flow = flow_of(r);

	ref_free(s, r); /* first: what the sink sends now must not find it */
	if (err)
		sink->failed(sink, &flow, err);
	sink->closed(sink, flow.conn);
}

static void heard(struct streams *s, const struct flow_evt *evt)
{
	struct ref *r = find(s, evt->conn);

	if (evt->kind == FLOW_EVT_OPENED)
		return opened(s, evt);
	if (!r)
		return;
	switch (evt->kind) {
	case FLOW_EVT_RECEIVED:
		if (r->st != REF_CLOSING) {
			const struct flow flow = flow_of(r);

			s->net->conf.sink->received(s->net->conf.sink, &flow, evt->blob->p,
						    evt->blob->n);
		}
		break;
	case FLOW_EVT_CONGESTED:
		if (r->st == REF_OPEN || r->st == REF_OPENING)
			r->st = REF_CONGESTED;
		break;
	case FLOW_EVT_RELIEVED:
		if (r->st == REF_CONGESTED)
			r->st = REF_OPEN;
		break;
	case FLOW_EVT_DRAINING:
		streams_end(s, evt->conn); /* behind the answers to what was whole */
		break;
	default:
		closed(s, r, evt->err);
	}
}

static void forget(struct streams *s, struct flow_evt *evt)
{
	if (evt->blob)
		atomic_fetch_sub_explicit(&s->shared.inflight_bytes, evt->blob->n,
					  memory_order_relaxed);
	blob_free(evt->blob);
}

static void tell_wait(struct streams *s, const struct flow_evt *evt)
{
	struct flow_sink *sink = s->net->conf.sink;

	if (evt->kind == FLOW_EVT_RECEIVED && sink->waited)
		sink->waited(sink,
			     (clock_mono_ms(loop_clock(s->net->conf.loop)) - evt->blob->heard_ms) *
				     1000);
}

static void events_came(int fd, unsigned events, void *arg)
{
	struct streams *s = arg;
	struct flow_evt evt;

	ring_woken(s->shared.events);
	for (int i = 0; i < EVENTS_PER_WAKE && ring_pop(s->shared.events, &evt); i++) {
		if (!i)
			tell_wait(s, &evt);
		heard(s, &evt);
		forget(s, &evt);
	}
}

/* ---- life ---- */

static void set_limits(struct flows_limits *l, const struct net_conf *c)
{
	*l = (struct flows_limits){
		.idle_ms = (c->idle_seconds ? c->idle_seconds : 300) * 1000,
		.message_ms = c->message_ms ? c->message_ms : 10000,
		.connect_ms = 10000,
		.stuck_ms = 30000,
		.linger_ms = 2000,
		.congested_bytes = 256 << 10,
		.hopeless_bytes = 2 << 20,
		.inflight_bytes = 32 << 20,
	};
}

int streams_open(struct streams **sp, struct net *n)
{
	const struct net_conf *c = &n->conf;
	size_t max = c->max_connections ? c->max_connections : DEFAULT_CONNECTIONS;
	size_t each = c->max_per_address ? c->max_per_address : (max + 9) / 10;
	unsigned nthreads = c->flow_threads ? c->flow_threads : 1;
	struct streams *s = mem_fault() ? NULL : calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	s->net = n;
	list_init(&s->unsaid);
	set_limits(&s->shared.limits, c);
	s->shared.ws_origins = c->ws_origins ? c->ws_origins : "";
	s->shared.nthreads = nthreads < FLOWS_MAX_THREADS ? nthreads : FLOWS_MAX_THREADS;
	err = map_init(&s->by_id);
	if (!err)
		err = map_init(&s->by_remote);
	if (!err)
		err = guard_alloc(&s->shared.guard, max, each);
	if (!err)
		err = tls_keeper_alloc(&s->shared.tls);
	if (!err)
		err = ring_alloc(&s->shared.events, EVENTS, sizeof(struct flow_evt));
	if (!err)
		err = loop_watch(&s->watch, c->loop, ring_fd(s->shared.events), LOOP_READ,
				 events_came, s);
	for (unsigned i = 0; !err && i < s->shared.nthreads; i++)
		err = flows_start(&s->shared.threads[i], &s->shared, i);
	if (err)
		s = streams_close(s);
	else
		*sp = s;
	return err;
}

struct streams *streams_close(struct streams *s)
{
	struct map_iter it = {0};
	struct map_node *node;
	struct flow_evt evt;

	if (!s)
		return NULL;
	for (unsigned i = 0; i < FLOWS_MAX_THREADS; i++)
		flows_stop(s->shared.threads[i]);
	for (unsigned i = 0; i < FLOWS_MAX_THREADS; i++)
		flows_free(s->shared.threads[i]);
	loop_unwatch(s->watch);
	timer_cancel(&s->retry);
	while (s->shared.events && ring_pop(s->shared.events, &evt))
		forget(s, &evt);
	while (s->by_id.count && (node = map_next(&s->by_id, &it)) != NULL)
		ref_free(s, (struct ref *)node);
	ring_free(s->shared.events);
	guard_free(s->shared.guard);
	tls_keeper_free(s->shared.tls);
	map_close(&s->by_id);
	map_close(&s->by_remote);
	free(s);
	return NULL;
}
