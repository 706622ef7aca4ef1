/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  An event becomes JSON when somebody wants to read it: on most servers nobody watches most of the time, and each call
 * tells of itself five times.  For the same reason events wake this thread only while somebody watches; else they wait
 * in the ring until QUIET_EVENTS of them have come, or somebody begins to watch.  The core writes each into the file of the
 * latest before that, so that none is lost with the process.
 */
#include "api/stream.h"
#include "api/event_file.h"
#include "api/event_msg.h"
#include "api/starts.h"
#include "base/list.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEPT_EVENTS = 8192,
	RING_EVENTS = 16384,
	QUIET_EVENTS =
		1024, /* while nobody watches: few enough to leave most of the ring to those that come then */
	CHECK_MS = 4000, /* who is signed out, or may no longer, hears nothing more after so long */
	CODE_SIGNED_OUT = 4401,
	CODE_GOING = 1001,
};

struct kept {
	struct event_msg msg;
	char *text; /* JSON with its seq; NULL: nobody has wanted it yet */
};

struct stream {
	struct link link;
	struct stream_hub *hub;
	oid id;		    /* in hub->streams */
	oid socket;	    /* 0: gone, to be swept */
	uint64_t tenant_id; /* 0: all */
	uint64_t kinds;	    /* bits of enum bus_kind */
	char token_hash[HASH_HEX], key_hash[HASH_HEX];
	char domain[256];  /* of a dealer's tenant, which may be given to another; else empty */
	uint64_t asked_ms; /* when the store was asked about it; 0: it has answered */
};

_Static_assert(BUS_NKINDS <= 64, "kinds are bits of one word");

struct stream_hub {
	struct api *a;
	struct ring *events;
	_Atomic uint64_t lost; /* the ring was full */
	/* core, once it runs */
	struct event_file *file; /* NULL: there is none */
	uint64_t seq;
	uint8_t packed[EVENT_FILE_MOST];
	_Atomic unsigned nwatching;
	unsigned nquiet; /* core: pushed since the web thread was woken */
	struct link streams;
	struct ids *ids;
	uint64_t
		told; /* web: number of the last event that came, or the one that numbers began with */
	struct kept kept[KEPT_EVENTS];
	size_t first, nkept; /* of kept, oldest first */
	struct timer check;
	bool is_stopping;
};

/* ---- core ---- */

/* Takes what the message owns. */
static void push(struct stream_hub *h, struct event_msg *m)
{
	m->seq = ++h->seq;
	if (h->file)
		event_file_put(h->file, m->seq, h->packed, event_msg_pack(m, h->packed));
	if (ring_push_quietly(h->events, m)) {
		event_msg_close(m);
		atomic_fetch_add(&h->lost, 1);
		return;
	}
	/* Looked at after the push: who begins to watch counts itself first and then empties the ring. */
	if (!atomic_load(&h->nwatching) && ++h->nquiet < QUIET_EVENTS)
		return;
	h->nquiet = 0;
	ring_wake(h->events);
}

void stream_hub_event(struct stream_hub *h, const struct bus_event *ev)
{
	struct event_msg m;

	if (ev->kind == BUS_CALL_CDR) /* comes with its record */
		return;
	event_msg_set(&m, ev);
	push(h, &m);
}

void stream_hub_call(struct stream_hub *h, const struct call_record *call)
{
	struct event_msg m = {.kind = BUS_CALL_CDR,
			      .tenant_id = call->tenant_id,
			      .call_id = call->id,
			      .wall_us = call->ended_at,
			      .call = malloc(sizeof(*call))};

	if (!m.call) {
		atomic_fetch_add(&h->lost, 1);
		return;
	}
	*m.call = *call;
	push(h, &m);
}

/* Nothing: no memory. */
static struct str text_of(struct kept *k)
{
	if (!k->text)
		k->text = event_msg_json(&k->msg);
	return k->text ? str_of(k->text) : STR_NONE;
}

static void forget(struct kept *k)
{
	free(k->text);
	event_msg_close(&k->msg);
}

/* ---- who watches ---- */

static bool is_for(const struct stream *s, const struct kept *k)
{
	return (s->kinds & UINT64_C(1) << k->msg.kind) &&
	       (!s->tenant_id || s->tenant_id == k->msg.tenant_id);
}

static void sweep(struct stream_hub *h)
{
	LIST_EACH_SAFE (l, next, &h->streams) {
		struct stream *s = CONTAINER_OF(l, struct stream, link);

		if (s->socket)
			continue;
		ids_remove(h->ids, s->id);
		list_remove(&s->link);
		atomic_fetch_sub(&h->nwatching, 1);
		free(s);
	}
}

static void on_socket(const struct web_socket_event *ev, void *arg)
{
	struct stream *s = arg;

	if (ev->kind == WEB_SOCKET_CLOSED) /* the list may be being walked */
		s->socket = 0;
}

static void send_kept(struct stream_hub *h, const struct stream *s, struct kept *k)
{
	struct str text = s->socket && is_for(s, k) ? text_of(k) : STR_NONE;

	if (text.p)
		(void)web_socket_send(h->a->web, s->socket, text);
}

/* Takes what the message owns. */
static void keep(struct stream_hub *h, const struct event_msg *m)
{
	size_t at = (h->first + h->nkept) % KEPT_EVENTS;
	struct kept *k = &h->kept[at];

	if (h->nkept == KEPT_EVENTS) {
		forget(k);
		h->first = (h->first + 1) % KEPT_EVENTS;
	} else {
		h->nkept++;
	}
	*k = (struct kept){.msg = *m};
	h->told = m->seq;
	LIST_EACH_SAFE (l, next, &h->streams) {
		send_kept(h, CONTAINER_OF(l, struct stream, link), k);
	}
	sweep(h);
}

static void on_event(const void *msg, void *arg)
{
	keep(arg, msg);
}

static void take_quiet(struct stream_hub *h)
{
	struct event_msg m;

	while (ring_pop(h->events, &m))
		keep(h, &m);
}

/* What came after `since`.  What is no longer kept is said to be missing. */
static void catch_up(struct stream_hub *h, const struct stream *s, uint64_t since)
{
	uint64_t oldest = h->nkept ? h->kept[h->first].msg.seq : h->told + 1;
	char text[128];

	if (since + 1 < oldest) {
		(void)snprintf(text, sizeof(text),
			       "{\"topic\":\"stream\",\"key\":\"missed\",\"from\":\"%" PRIu64
			       "\",\"to\":\"%" PRIu64 "\"}",
			       since + 1, oldest - 1);
		(void)web_socket_send(h->a->web, s->socket, str_of(text));
	}
	for (size_t i = 0; s->socket && i < h->nkept; i++) {
		struct kept *k = &h->kept[(h->first + i) % KEPT_EVENTS];

		if (k->msg.seq > since)
			send_kept(h, s, k);
	}
}

/* ---- is who watches still signed in? ---- */

static bool is_dealers(const json_t *session, const json_t *tenant, const struct stream *s)
{
	uint64_t id;

	return json_is_object(tenant) && !str_u64(ask_text(tenant, "id"), &id) &&
	       id == s->tenant_id &&
	       json_equal(json_object_get(tenant, "dealer_id"),
			  json_object_get(session, "dealer_id"));
}

static void on_checked(struct ask *k, const struct answer *ans)
{
	struct stream_hub *h = k->a->hub;
	struct stream *s = ids_get(h->ids, k->target);
	json_t *j = ans->err ? NULL : json_loadb(ans->json.p, ans->json.n, 0, NULL);
	json_t *session = json_object_get(j, "session");
	bool is_in =
		ans->err || json_is_object(session); /* a database that is away signs nobody out */

	if (s)
		s->asked_ms = 0;
	if (s && is_in && !ans->err) {
		json_t *permissions = json_object_get(session, "permissions");

		k->who.permissions = json_is_array(permissions) ? json_incref(permissions) : NULL;
		k->who.is_admin = !s->tenant_id;
		is_in = ask_may(k, k->route->what, k->route->op) &&
			(!s->domain[0] || is_dealers(session, json_object_get(j, "tenant"), s));
	}
	json_decref(j);
	if (s && s->socket && !is_in)
		web_socket_close(h->a->web, s->socket, CODE_SIGNED_OUT, "signed out");
	ask_free(k);
	sweep(h);
}

static void check(struct stream_hub *h, struct stream *s)
{
	struct api *a = h->a;
	const uint64_t now_ms = clock_mono_ms(web_env(a->web).clock);
	struct ask *k;
	json_t *args;

	if ((s->asked_ms && now_ms - s->asked_ms < 2 * STORE_DEADLINE_MS) ||
	    (!s->token_hash[0] && !s->key_hash[0]))
		return;
	k = calloc(1, sizeof(*k));
	if (!k || ids_add(a->asks, k, &k->id)) {
		free(k);
		return;
	}
	k->a = a;
	k->target = s->id;
	for (size_t i = 0; i < a->routes.n; i++)
		if (a->routes.v[i].fn == events_start)
			k->route = &a->routes.v[i];
	s->asked_ms = now_ms;
	args = json_pack("{s:s,s:s,s:s}", "token_hash", s->token_hash, "key_hash", s->key_hash,
			 "domain", s->domain);
	return ask_query(k, 0, "identity", args, on_checked);
}

static void on_check_time(struct timer *t, void *arg)
{
	struct stream_hub *h = arg;

	sweep(h);
	LIST_EACH_SAFE (l, next, &h->streams) {
		check(h, CONTAINER_OF(l, struct stream, link));
	}
	timer_start(web_env(h->a->web).wheel, &h->check, CHECK_MS, on_check_time, h);
}

/* ---- GET /api/events ---- */

/* The kinds that a list of topics and keys names; false: one is none. */
static bool read_topics(struct str list, uint64_t *kinds)
{
	*kinds = 0;
	while (list.p) {
		struct str one = str_trim(str_cut(&list, ','));
		uint64_t found = 0;

		for (unsigned i = 0; i < BUS_NKINDS; i++)
			if (str_eq(one, str_of(bus_topic((enum bus_kind)i))) ||
			    str_eq(one, str_of(bus_key((enum bus_kind)i))))
				found |= UINT64_C(1) << i;
		if (!found)
			return false;
		*kinds |= found;
	}
	return true;
}

/* False: answered. */
static bool read_query(struct ask *k, uint64_t *kinds, uint64_t *since, bool *has_since)
{
	struct params q;
	struct str bad = STR_NONE;

	*kinds = UINT64_MAX;
	*has_since = false;
	if (!ask_read_params(k, &q))
		return false;
	for (size_t i = 0; !bad.p && i < q.n; i++) {
		struct str name = q.v[i].name, value = q.v[i].value;

		if (str_eq(name, STR("topics")) && read_topics(value, kinds))
			continue;
		*has_since = str_eq(name, STR("since")) && !str_u64(value, since);
		if (!*has_since && !str_eq(name, STR("access_token")))
			bad = name;
	}
	if (bad.p)
		ask_bad_parameter(
			k, bad, "unknown_parameter",
			"topics are names of topics or keys, joined by commas; since a seq");
	params_close(&q);
	return !bad.p;
}

void events_start(struct ask *k)
{
	struct stream_hub *h = k->a->hub;
	uint64_t since = 0;
	bool has_since;
	struct stream *s;
	uint64_t kinds;
	int err;

	if (!read_query(k, &kinds, &since, &has_since))
		return;
	if (!k->is_upgrade)
		return ask_problem_headers(
			k, PROBLEM_UPGRADE, "Ask for a WebSocket.",
			STR("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
	if (k->is_foreign_origin)
		return ask_problem(k, PROBLEM_FORBIDDEN, "The page is of another origin.");
	s = calloc(1, sizeof(*s));
	if (!s || ids_add(h->ids, s, &s->id)) {
		free(s);
		return ask_problem(k, PROBLEM_UNAVAILABLE, "Too many are listening.");
	}
	s->hub = h;
	s->tenant_id = k->who.has_tenant ? k->who.tenant_id : 0;
	s->kinds = kinds;
	memcpy(s->token_hash, k->who.token_hash, sizeof(s->token_hash));
	memcpy(s->key_hash, k->who.key_hash, sizeof(s->key_hash));
	if (k->who.dealer_id)
		memcpy(s->domain, k->who.domain, sizeof(s->domain));
	atomic_fetch_add(&h->nwatching, 1);
	take_quiet(h);
	list_append(&h->streams, &s->link);
	err = web_upgrade(k->a->web, k->request, on_socket, s, &s->socket);
	if (!err && has_since)
		catch_up(h, s, since);
	sweep(h);
	ask_free(k);
}

/* ---- hub ---- */

struct reading {
	struct stream_hub *h;
	struct pack_names names;
};

static void take_back(uint64_t seq, const void *p, size_t n, void *arg)
{
	struct reading *r = arg;
	struct event_msg m;

	if (event_msg_unpack(&m, &r->names, p, n))
		return;
	m.seq = seq;
	keep(r->h, &m);
}

/* Without the file events are told as ever, but not over a restart. */
static void open_file(struct stream_hub *h, const char *path)
{
	struct reading r = {.h = h};
	uint64_t what;
	int err = event_msg_what(&what, &r.names);

	BUG(event_msg_bound() > EVENT_FILE_MOST);
	if (!err)
		err = event_file_open(&h->file, path, what);
	if (err)
		log_warn(NULL, LOGID_API, "events are not kept over a restart: %s: %s", path,
			 strerror(err));
	else
		event_file_each(h->file, take_back, &r);
}

int stream_hub_alloc(struct stream_hub **hp, struct api *a, const char *path)
{
	struct stream_hub *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return ENOMEM;
	h->a = a;
	list_init(&h->streams);
	if (path)
		open_file(h, path);
	/* Numbers go on growing over restarts, also without the file: no second has a million events. */
	h->seq = (uint64_t)clock_wall_us(clock_real());
	if (h->seq < h->told)
		h->seq = h->told;
	if (!h->nkept)
		h->told = h->seq;
	err = ids_alloc(&h->ids, 2048);
	if (!err)
		err = ring_alloc(&h->events, RING_EVENTS, sizeof(struct event_msg));
	if (err)
		stream_hub_free(h);
	else
		*hp = h;
	return err;
}

int stream_hub_start(struct stream_hub *h)
{
	int err = web_watch_ring(h->a->web, h->events, sizeof(struct event_msg), on_event, h);

	if (!err)
		timer_start(web_env(h->a->web).wheel, &h->check, CHECK_MS, on_check_time, h);
	return err;
}

void stream_hub_stop(struct stream_hub *h)
{
	if (h)
		timer_cancel(&h->check);
}

struct stream_hub *stream_hub_free(struct stream_hub *h)
{
	struct event_msg m;

	if (!h)
		return NULL;
	LIST_EACH (l, &h->streams)
		CONTAINER_OF(l, struct stream, link)->socket = 0;
	sweep(h);
	while (h->events && ring_pop(h->events, &m))
		event_msg_close(&m);
	h->file = event_file_close(h->file);
	h->events = ring_free(h->events);
	h->ids = ids_free(h->ids);
	for (size_t i = 0; i < h->nkept; i++)
		forget(&h->kept[(h->first + i) % KEPT_EVENTS]);
	free(h);
	return NULL;
}
