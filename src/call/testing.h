/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PBX with telephones on a virtual clock, for the tests of call/ and service/: the real SIP stack, model, routing and calls; phones
 * that a test drives message by message; a media engine and a record sink that remember; a registrar without passwords.
 *
 * Tenant 9 "acme.example": extensions 101 … 105 (ids 1 … 5), account 10n of extension n, one phone each at 10.0.0.n.
 *
 * Thread     the test's
 */
#ifndef CALL_TESTING_H
#define CALL_TESTING_H

#include "base/bus.h"
#include "base/mem.h"
#include "bill/purse.h"
#include "call/call.h"
#include "call/leg_kept.h"
#include "model/testing.h"
#include "route/index.h"
#include "sip/testnet.h"

enum { TENANT = 9, NPHONES = 8, MAX_SESSIONS = 64, MAX_RECORDS = 256, MAX_EVENTS = 256 };

struct world;

/* ---- a phone ---- */

struct phone {
	struct world *w;
	struct flow flow;
	char user[16];	    /* of its account */
	struct sip_msg *in; /* the message looked at last */
};

/* One side of a call, as a phone sees it. */
struct ua {
	struct phone *p;
	char call_id[160], local[300], remote[400], target[300];
	uint32_t cseq;	     /* of our last request */
	char invite_via[80]; /* branch of our last INVITE */
	struct sip_msg *req; /* request to answer */
};

/* ---- the world ---- */

struct session {
	bool is_open, is_echo;
	struct media_cmd sound; /* the last of those that play, record, mix */
	oid id, joined;
	uint8_t nstreams;
	struct addr local[MEDIA_MAX_STREAMS];
	struct media_remote remote[MEDIA_MAX_STREAMS];
	unsigned nremotes;
};

struct fake_engine {
	struct media_engine engine; /* first */
	struct world *w;
	struct session session[MAX_SESSIONS];
	struct media_event event[MAX_SESSIONS * 4];
	size_t nevents;
	uint16_t next_port;
	int open_err, post_err, grow_err;
	bool is_deaf; /* answers nothing */
};

struct registrar { /* contacts only; who sends is believed */
	struct contact contact[32];
	char uri[32][64];
	size_t n;
	registrar_changed_h *fn;
	void *arg;
	struct model *model;
};

struct world {
	struct testnet net; /* first */
	struct model *model;
	struct registrar registrar;
	struct fake_engine engine;
	struct record_sink sink;
	struct bus *bus;
	struct trunks *trunks; /* NULL: none; see testing_trunk.h */
	struct route_index *index;
	struct purses *purses;
	struct config_writer writer; /* what calls would change … */
	char written[256];	     /* … the last of it */
	struct calls *calls;
	struct phone phone[NPHONES];	      /* phone[1] is of extension 101 … */
	struct call_record call[MAX_RECORDS]; /* every version written, in order */
	struct leg_record leg[MAX_RECORDS];
	struct segment_record segment[MAX_RECORDS];
	struct leg_kept kept[MAX_RECORDS];
	struct spending_record spending; /* the last */
	size_t ncalls, nlegs, nsegments, nkept;
	enum bus_kind event[MAX_EVENTS];
	size_t nevents;
	uint64_t objects_before;
};

/* ---- registrar ---- */

const struct contact *registrar_contacts(struct registrar *r, uint64_t tenant_id,
					 uint64_t account_id, size_t *pos)
{
	while (*pos < r->n) {
		const struct contact *c = &r->contact[(*pos)++];

		if (c->id && c->tenant_id == tenant_id && c->account_id == account_id)
			return c;
	}
	return NULL;
}

const struct contact *registrar_contact(struct registrar *r, oid id)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->contact[i].id == id)
			return &r->contact[i];
	return NULL;
}

const struct contact *registrar_other_flow(const struct contact *c)
{
	return NULL;
}

const struct contact *registrar_flow_failed(struct registrar *r, oid id)
{
	return NULL;
}

void registrar_way(const struct registrar *r, const struct contact *c, struct flow *flow,
		   struct buf *routes)
{
	*flow = c->flow;
	if (routes)
		buf_cstr(routes, c->routes);
}

int registrar_watch(struct registrar *r, registrar_changed_h *fn, void *arg)
{
	r->fn = fn;
	r->arg = arg;
	return 0;
}

uint64_t registrar_device(const struct contact *c)
{
	return c->id;
}

bool registrar_identify(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			struct identity *who)
{
	struct sip_addr from;
	struct sip_uri uri;

	assert_int_equal(sip_from(req, &from), 0);
	assert_int_equal(sip_uri_parse(&uri, from.uri), 0);
	who->tenant = model_tenant(r->model, TENANT);
	who->account = model_account_by_username(r->model, TENANT, uri.user);
	if (!who->account) {
		(void)sip_reply(st, 403, NULL, NULL);
		return false;
	}
	who->extension = model_extension(r->model, TENANT, who->account->extension_id);
	return true;
}

bool registrar_is_elsewhere(struct registrar *r, const struct identity *who, struct str host)
{
	return false;
}

void registrar_on_foreign(struct registrar *r, registrar_foreign_h *fn, void *arg)
{
}

bool registrar_prove_within(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
			    uint64_t tenant_id, uint64_t account_id)
{
	return true;
}

bool registrar_prove(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		     struct str realm, struct str username, struct str password)
{
	return false;
}

/* The phone registers for an account; its address may be another phone's. */
static inline oid registers(struct phone *p, uint64_t account_id)
{
	struct registrar *r = &p->w->registrar;
	struct contact *c = &r->contact[r->n];
	char ip[ADDR_STR_BYTES];

	snprintf(r->uri[r->n], sizeof(r->uri[0]), "sip:%s@%s;x=%zu", p->user,
		 addr_str(ip, &p->flow.remote), r->n);
	*c = (struct contact){.id = 1000 + r->n,
			      .tenant_id = TENANT,
			      .account_id = account_id,
			      .uri = r->uri[r->n],
			      .routes = "",
			      .flow = p->flow,
			      .user_agent = ""};
	r->n++;
	if (r->fn)
		r->fn(c, REGISTRAR_ADDED, 0, r->arg);
	return c->id;
}

static inline void unregisters(struct world *w, oid id)
{
	for (size_t i = 0; i < w->registrar.n; i++) {
		struct contact *c = &w->registrar.contact[i];

		if (c->id != id)
			continue;
		w->registrar.fn(c, REGISTRAR_REMOVED, 0, w->registrar.arg);
		c->id = 0;
	}
}

/* ---- media engine ---- */

static inline struct session *engine_find(struct fake_engine *e, oid id)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		if (e->session[i].is_open && e->session[i].id == id)
			return &e->session[i];
	return NULL;
}

static inline void engine_bind(struct fake_engine *e, struct session *s,
			       const struct media_cmd *cmd)
{
	while (s->nstreams < cmd->u.open.nstreams) {
		s->local[s->nstreams] = cmd->u.open.local;
		s->local[s->nstreams++].port = e->next_port;
		e->next_port = (uint16_t)(e->next_port + 2);
	}
}

static inline void engine_part(struct fake_engine *e, struct session *s)
{
	struct session *peer = engine_find(e, s->joined);

	if (peer)
		peer->joined = 0;
	s->joined = 0;
}

static inline void engine_open(struct fake_engine *e, const struct media_cmd *cmd,
			       struct media_event *ev)
{
	struct session *s = NULL;

	assert_null(engine_find(e, cmd->session));
	assert_int_not_equal(cmd->u.open.local.family, 0);
	for (size_t i = 0; i < MAX_SESSIONS && !s; i++)
		if (!e->session[i].is_open)
			s = &e->session[i];
	assert_non_null(s);
	ev->type = e->open_err ? MEDIA_FAILED : MEDIA_OPENED;
	ev->err = e->open_err;
	if (e->open_err)
		return;
	*s = (struct session){.is_open = true, .id = cmd->session};
	engine_bind(e, s, cmd);
	memcpy(ev->u.local, s->local, sizeof(s->local));
}

static inline int engine_post(struct media_engine *engine, const struct media_cmd *cmd)
{
	struct fake_engine *e = (struct fake_engine *)engine;
	struct session *s = engine_find(e, cmd->session), *peer;
	struct media_event ev = {.type = MEDIA_DONE, .seq = cmd->seq, .session = cmd->session};

	if (e->post_err)
		return e->post_err;
	if (cmd->type != MEDIA_OPEN && cmd->type != MEDIA_CLOSE)
		assert_non_null(s);
	switch (cmd->type) {
	case MEDIA_OPEN:
		engine_open(e, cmd, &ev);
		break;
	case MEDIA_GROW:
		ev.type = e->grow_err ? MEDIA_FAILED : MEDIA_OPENED;
		ev.err = e->grow_err;
		if (!e->grow_err)
			engine_bind(e, s, cmd);
		memcpy(ev.u.local, s->local, sizeof(s->local));
		break;
	case MEDIA_REMOTE:
		assert_true(cmd->u.remote.stream < s->nstreams);
		s->remote[cmd->u.remote.stream] = cmd->u.remote.remote;
		s->nremotes++;
		break;
	case MEDIA_JOIN:
		peer = engine_find(e, cmd->u.join.peer);
		assert_non_null(peer);
		engine_part(e, s);
		engine_part(e, peer);
		s->joined = peer->id;
		peer->joined = s->id;
		break;
	case MEDIA_KEYS:
	case MEDIA_SETS:
	case MEDIA_DTLS:
		break;
	case MEDIA_PART:
		engine_part(e, s);
		break;
	case MEDIA_ECHO:
		s->is_echo = true;
		break;
	case MEDIA_PLAY:
	case MEDIA_HUSH:
	case MEDIA_PRESS:
	case MEDIA_RECORD:
	case MEDIA_RECORD_HOLD:
	case MEDIA_RECORD_END:
	case MEDIA_MIX:
		s->sound = *cmd;
		media_cmd_drop(cmd);
		break;
	case MEDIA_STATS:
		ev.type = MEDIA_STATS_ARE;
		break;
	case MEDIA_CLOSE:
		ev.type = MEDIA_CLOSED;
		ev.err = s ? 0 : ENOENT; /* whose OPEN has failed meanwhile */
		if (!s)
			break;
		engine_part(e, s);
		s->is_open = false;
		ev.u.counters =
			(struct media_counters){.rx_packets = 50, .tx_packets = 49, .rx_lost = 1};
		break;
	}
	assert_true(e->nevents < ARRAY_LEN(e->event));
	if (!e->is_deaf)
		e->event[e->nevents++] = ev;
	return 0;
}

static inline void engine_run(struct fake_engine *e)
{
	while (e->nevents) {
		struct media_event ev = e->event[0];

		memmove(e->event, e->event + 1, --e->nevents * sizeof(ev));
		calls_media_event(&ev, e->w->calls);
	}
}

static inline size_t engine_sessions(const struct fake_engine *e)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_SESSIONS; i++)
		n += e->session[i].is_open;
	return n;
}

/* The session that gave out this port (as a phone read it in an SDP). */
static inline struct session *session_at(struct world *w, unsigned port)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		for (size_t k = 0;
		     w->engine.session[i].is_open && k < w->engine.session[i].nstreams; k++)
			if (w->engine.session[i].local[k].port == port)
				return &w->engine.session[i];
	fail_msg("no session has port %u", port);
	return NULL;
}

/* ---- time ---- */

/* Everything that is due now, and what follows from it. */
static inline void run(struct world *w)
{
	for (int i = 0; i < 4; i++) {
		engine_run(&w->engine);
		tn_pass(&w->net, 1);
	}
}

static inline void pass(struct world *w, uint64_t ms)
{
	for (uint64_t step; ms; ms -= step) {
		step = ms < 100 ? ms : 100;
		tn_pass(&w->net, step);
		engine_run(&w->engine);
	}
	run(w);
}

/* ---- records and events ---- */

static inline int sink_write(struct record_sink *s, enum record_kind kind, const void *rec,
			     size_t n)
{
	struct world *w = CONTAINER_OF(s, struct world, sink);

	switch (kind) {
	case RECORD_CALL:
		assert_int_equal(n, sizeof(w->call[0]));
		memcpy(&w->call[w->ncalls++ % MAX_RECORDS], rec, n);
		break;
	case RECORD_LEG:
		assert_int_equal(n, sizeof(w->leg[0]));
		memcpy(&w->leg[w->nlegs++ % MAX_RECORDS], rec, n);
		break;
	case RECORD_SEGMENT:
		assert_int_equal(n, sizeof(w->segment[0]));
		memcpy(&w->segment[w->nsegments++ % MAX_RECORDS], rec, n);
		break;
	case RECORD_LEG_KEPT:
		assert_int_equal(n, ((const struct kept_head *)rec)->size);
		assert_in_range(n, sizeof(struct kept_head), sizeof(w->kept[0]));
		memcpy(&w->kept[w->nkept++ % MAX_RECORDS], rec, n);
		break;
	case RECORD_SPENDING:
		assert_int_equal(n, sizeof(w->spending));
		memcpy(&w->spending, rec, n);
		break;
	default:
		fail_msg("record of kind %d", kind);
	}
	return 0;
}

static inline const struct call_record *last_call(const struct world *w)
{
	assert_true(w->ncalls > 0);
	return &w->call[(w->ncalls - 1) % MAX_RECORDS];
}

/* The last version of the leg with that number, NULL: none was written. */
static inline const struct leg_record *leg_of(const struct world *w, const char *number)
{
	for (size_t i = w->nlegs; i--;)
		if (strcmp(w->leg[i].number, number) == 0)
			return &w->leg[i];
	return NULL;
}

static inline void on_event(const struct bus_event *ev, void *arg)
{
	struct world *w = arg;

	w->event[w->nevents++ % MAX_EVENTS] = ev->kind;
}

static inline unsigned heard(const struct world *w, enum bus_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->nevents; i++)
		n += w->event[i] == kind;
	return n;
}

/* ---- opening and closing ---- */

static inline void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		       const char *fmt, ...) PRINTF_LIKE(5, 6);
static inline void put(struct world *w, const struct resource *r, uint64_t tenant, uint64_t id,
		       const char *fmt, ...)
{
	char json[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(json, sizeof(json), fmt, ap);
	va_end(ap);
	testing_put(w->model, r, tenant, id, json);
}

static inline int remember(struct config_writer *cw, uint64_t tenant_id, const struct resource *res,
			   uint64_t id, const char *json)
{
	struct world *w = CONTAINER_OF(cw, struct world, writer);

	snprintf(w->written, sizeof(w->written), "%s", json);
	return 0;
}

static inline void open_model(struct world *w)
{
	assert_int_equal(model_alloc(&w->model), 0);
	put(w, &resource_tenant, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	for (unsigned i = 1; i <= 5; i++) {
		put(w, &resource_extension, TENANT, i,
		    "{'number':'10%u','first_name':'Anna','last_name':'No. %u','ring_seconds':20}",
		    i, i);
		put(w, &resource_account, TENANT, 100 + i,
		    "{'username':'10%u','extension_id':'%u'}", i, i);
	}
	put(w, &resource_account, TENANT, 900, "{'username':'nobody'}");
}

static inline void open_phones(struct world *w)
{
	for (unsigned i = 1; i < NPHONES; i++) {
		struct phone *p = &w->phone[i];
		char ip[32];

		p->w = w;
		snprintf(ip, sizeof(ip), "10.0.0.%u", i);
		p->flow = tn_flow(FLOW_UDP, ip, 5060);
		snprintf(p->user, sizeof(p->user), "10%u", i);
	}
}

static inline void open_calls(struct world *w, size_t max_calls)
{
	struct calls_conf conf = {
		.env = w->net.conf.env,
		.sip = w->net.sip,
		.edge = &w->net.edge,
		.model = w->model,
		.registrar = &w->registrar,
		.trunks = w->trunks,
		.route_index = w->index,
		.purses = w->purses,
		.media = &w->engine.engine,
		.folder = "/nowhere",
		.writer = &w->writer,
		.records = &w->sink,
		.bus = w->bus,
		.node = 1,
		.boot = 2,
		.max_calls = max_calls,
	};

	w->writer.set = remember;
	assert_int_equal(calls_alloc(&w->calls, &conf), 0);
}

static inline int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->objects_before = mem_objects();
	tn_open(&w->net);
	open_model(w);
	w->registrar.model = w->model;
	w->engine =
		(struct fake_engine){.engine = {.post = engine_post}, .w = w, .next_port = 20000};
	w->sink.write = sink_write;
	assert_int_equal(bus_alloc(&w->bus), 0);
	assert_int_equal(bus_subscribe(w->bus, on_event, w), 0);
	open_phones(w);
	open_calls(w, 0);
	for (unsigned i = 1; i <= 3; i++)
		registers(&w->phone[i], 100 + i);
	*state = w;
	return 0;
}

/* At the end of each test nothing may be left: no call, session, transaction, dialog, timer or byte. */
static inline int close_world(void **state)
{
	struct world *w = *state;
	struct sip_counts counts;

	pass(w, 200000);
	assert_int_equal(calls_count(w->calls), 0);
	assert_int_equal(engine_sessions(&w->engine), 0);
	sip_counts(w->net.sip, &counts);
	assert_int_equal(counts.dialogs, 0);
	assert_int_equal(counts.client_transactions + counts.server_transactions, 0);
	assert_int_equal(wheel_count(w->net.wheel), 0);
	for (unsigned i = 1; i < NPHONES; i++)
		sip_msg_deref(w->phone[i].in);
	w->calls = calls_free(w->calls);
	w->purses = purses_free(w->purses);
	w->trunks = trunks_free(w->trunks);
	tn_shut(&w->net);
	model_free(w->model);
	route_index_free(w->index);
	bus_free(w->bus);
	assert_int_equal(mem_objects(), w->objects_before);
	free(w);
	return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

#endif
