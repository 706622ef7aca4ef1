/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stack: bytes in, parsed, matched to a transaction or offered as new.  Read received() first.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/invite_usage.h"
#include "sip/stack.h"
#include "sip/stun_ping.h"
#include "sip/trace.h"

enum { DEFAULT_TRANSACTIONS = 400000, DEFAULT_DIALOGS = 100000 };

bool stack_is_full(const struct sip *s)
{
	return s->nclients + s->nservers >= s->conf.max_transactions;
}

void stack_gauge(const struct sip *s)
{
	metric_set(METRIC_TRANSACTIONS, s->nclients + s->nservers);
	metric_set(METRIC_DIALOGS, s->ndialogs);
}

/* ---- requests ---- */

/* RFC 3261 9.2.  Stateless: it is answered the same however often it comes, with the tag of the INVITE's answers.  Only from the address that sent the
 * INVITE: a branch is no secret to those who saw it pass. */
static void receive_cancel(struct sip *s, const struct sip_msg *m)
{
	struct sip_strans *st = NULL;
	const char *tag = NULL; /* NULL: it cancels nothing */
	struct flow flow;
	uint64_t hash;

	if (!strans_key(s, m, SIP_INVITE, &hash)) {
		st = strans_find(s, hash);
		if (!st)
			tag = linger_tag(s, hash, &m->flow.remote);
		else if (addr_ip_eq(&st->flow.remote, &m->flow.remote))
			tag = sip_strans_tag(st);
	}
	if (!tag) {
		message_answer(s, m, &(struct response){.status = 481});
		return;
	}
	if (!message_response(s, m, &(struct response){.status = 200, .tag = tag})) {
		sip_reply_flow(m, &flow);
		(void)stack_send(s, &flow, s->out.p, s->out.n);
	}
	if (!st || !st->live)
		return; /* it came too late, or once more */
	if (st->live->on_cancel)
		st->live->on_cancel(st, m, st->live->on_cancel_arg);
	else
		(void)sip_reply(st, 487, NULL, NULL);
}

static void receive_ack(struct sip *s, const struct sip_msg *m)
{
	struct sip_strans *st;
	uint64_t hash;

	if (strans_key(s, m, SIP_INVITE, &hash))
		return;
	st = strans_of_ack(s, m, hash);
	/* In the Accepted state the table does not take it: it is the dialog's (RFC 6026 7.1). */
	if (st ? !strans_event(st, STRANS_EV_ACK) : !linger_takes_ack(s, hash))
		dialogs_ack(s, m);
}

static void keep_nothing(struct sip *s, const struct sip_msg *m, int err)
{
	metric_add(METRIC_SIP_SHED, 1);
	message_answer(s, m, &(struct response){.status = err == EMSGSIZE ? 400 : 503});
}

static void dispatch(struct sip *s, struct sip_msg *m, uint64_t hash)
{
	struct sip_handler *h = &s->handlers[m->method];
	struct sip_strans *st;
	int err = strans_alloc(&st, s, m, hash);

	if (err) {
		keep_nothing(s, m, err);
		return;
	}
	/* A phone that puts a To tag into a REGISTER means no dialog by it. */
	if (m->to_tag.n && m->method != SIP_REGISTER)
		dialogs_request(s, st, m);
	else
		h->fn(st, m, h->arg);
	/* st lives: a finished transaction goes by its timer, a refused one here */
	strans_handled(st);
}

static void receive_request(struct sip *s, struct sip_msg *m)
{
	struct sip_strans *st;
	uint64_t hash;
	int err;

	if (m->method == SIP_ACK)
		return receive_ack(s, m);
	if (m->method == SIP_CANCEL)
		return receive_cancel(s, m);
	err = strans_key(s, m, m->method, &hash);
	if (err)
		return keep_nothing(s, m, err);
	st = strans_find(s, hash);
	if (st)
		strans_event(st, STRANS_EV_REQUEST);
	else if (!linger_takes(s, hash) && !gate_refuses(s, m))
		dispatch(s, m, hash);
}

/* ---- the sink ---- */

/* Lost, it is asked again. */
static bool is_stun(struct sip *s, const struct flow *from, const uint8_t *p, size_t n)
{
	uint8_t pong[STUN_PING_BYTES];
	struct flow back = *from;
	size_t npong = from->transport == FLOW_UDP ? stun_ping(pong, p, n, &from->remote) : 0;

	if (npong && s->conf.edge->send(s->conf.edge, &back, pong, npong))
		return true;
	return npong > 0;
}

static void received(struct flow_sink *sink, const struct flow *from, const uint8_t *p, size_t n)
{
	struct sip *s = CONTAINER_OF(sink, struct sip, sink);
	char ip[ADDR_STR_BYTES];
	struct sip_msg *m = NULL;
	unsigned status = 0;
	int err;

	ON_THREAD(THREAD_CORE);
	metric_add(METRIC_SIP_RECEIVED, 1);
	congestion_received(&s->congestion);
	if (!shield_admits(s->shield, &from->remote))
		return;
	if (is_stun(s, from, p, n))
		return;
	trace_message(false, from, p, n);
	err = sip_msg_parse(&m, from, p, n, &status);
	if (err && err != ENOMEM)
		metric_add(METRIC_SIP_MALFORMED, 1);
	if (!m)
		return;
	if (err == EPROTO) {
		log_debug(NULL, LOGID_SIP_REFUSED, "from %s: %s", addr_str(ip, &from->remote),
			  m->bad ? m->bad : "malformed");
		if (m->is_request)
			message_answer(s, m,
				       &(struct response){.status = status, .reason = m->bad});
	} else if (m->is_request) {
		log_debug(NULL, LOGID_SIP_MESSAGE, "from %s: %.*s %.*s",
			  addr_str(ip, &from->remote), STR_ARG(m->method_name), STR_ARG(m->uri));
		receive_request(s, m);
	} else {
		log_debug(NULL, LOGID_SIP_MESSAGE, "from %s: %u %.*s", addr_str(ip, &from->remote),
			  m->status, STR_ARG(m->reason));
		ctrans_response(s, m);
	}
	sip_msg_deref(m);
	stack_gauge(s);
}

static void waited(struct flow_sink *sink, uint64_t us)
{
	struct sip *s = CONTAINER_OF(sink, struct sip, sink);
	struct congestion *c = &s->congestion;
	static const char *const now[] = {"all is served", "some new requests get 503",
					  "all new requests get 503"};
	unsigned percent;

	bool is_other;

	ON_THREAD(THREAD_CORE);
	is_other = congestion_waited(c, clock_mono_ms(s->conf.env.clock), us);
	thinning_follow(s);
	if (!is_other)
		return;
	percent = (unsigned)(c->standing_us * 100 / c->tolerance_us);
	metric_set(METRIC_CONGESTION, c->level);
	log_warn(NULL, LOGID_OVERLOAD, "messages wait %u ms, %u %% of what is tolerated: %s",
		 (unsigned)(c->standing_us / 1000), percent, now[c->level]);
	if (s->congested)
		s->congested(c->level, percent, s->congested_arg);
}

static void failed(struct flow_sink *sink, const struct flow *to, int err)
{
	ON_THREAD(THREAD_CORE);
	ctrans_failed(CONTAINER_OF(sink, struct sip, sink), to, err);
}

static void closed(struct flow_sink *sink, oid conn)
{
	struct sip *s = CONTAINER_OF(sink, struct sip, sink);

	ON_THREAD(THREAD_CORE);
	ctrans_closed(s, conn);
	for (size_t i = 0; i < s->nclosed; i++)
		s->closed[i].fn(conn, s->closed[i].arg);
}

/* ---- life ---- */

static void fill_defaults(struct sip_conf *c)
{
	if (!c->max_transactions)
		c->max_transactions = DEFAULT_TRANSACTIONS;
	if (!c->max_dialogs)
		c->max_dialogs = DEFAULT_DIALOGS;
	if (!c->t1_ms)
		c->t1_ms = 500;
	if (!c->t2_ms)
		c->t2_ms = 4000;
	if (!c->t4_ms)
		c->t4_ms = 5000;
}

int sip_alloc(struct sip **sp, const struct sip_conf *conf)
{
	struct sip *s = mem_alloc(sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	list_init(&s->usages);
	s->conf = *conf;
	fill_defaults(&s->conf);
	s->sink = (struct flow_sink){received, waited, failed, closed};
	congestion_init(&s->congestion);
	s->out.max = SIP_MAX_BYTES;
	conf->env.rng->fill(conf->env.rng, s->secret, sizeof(s->secret));
	/* What goes on gets room beyond the limit for what is new. */
	err = ids_alloc(&s->clients, 2 * s->conf.max_transactions);
	if (!err)
		err = ids_alloc(&s->servers, 2 * s->conf.max_transactions);
	if (!err)
		err = map_init(&s->by_peer);
	if (!err)
		err = map_init(&s->by_key);
	if (!err)
		err = map_init(&s->by_call);
	if (!err)
		err = linger_init(s);
	if (!err)
		err = map_init(&s->dialogs);
	if (!err)
		err = shield_alloc(&s->shield, &(struct shield_conf){.env = conf->env});
	metric_set(METRIC_CONGESTION_READ, 1000);
	gate_write_lists(s);
	if (!err)
		err = s->allow.err ? s->allow.err : s->allow_within.err;
	if (err)
		s = sip_free(s);
	else
		*sp = s;
	return err;
}

static void free_transactions(struct sip *s)
{
	struct map_iter it = {0};
	struct map_node *node;
	struct ctrans *t;
	size_t pos = 0;
	oid id;

	while ((node = map_next(&s->by_key, &it)))
		strans_free(CONTAINER_OF(node, struct sip_strans, by_key));
	while (s->clients && (t = ids_next(s->clients, &pos, &id)))
		ctrans_free(t);
}

/* Their users are told nothing: they have gone before. */
static void free_usages(struct sip *s)
{
	LIST_EACH_SAFE (it, tmp, &s->usages)
		inv_free(CONTAINER_OF(it, struct sip_invite, link));
}

struct sip *sip_free(struct sip *s)
{
	if (!s)
		return NULL;
	timer_cancel(&s->look);
	free_usages(s);
	free_transactions(s);
	map_close(&s->by_peer);
	map_close(&s->by_key);
	map_close(&s->by_call);
	linger_close(s);
	map_close(&s->dialogs);
	shield_free(s->shield);
	ids_free(s->clients);
	ids_free(s->servers);
	buf_free(&s->out);
	buf_free(&s->key);
	buf_free(&s->allow);
	buf_free(&s->allow_within);
	buf_free(&s->supported);
	return mem_free(s);
}

struct flow_sink *sip_sink(struct sip *s)
{
	return &s->sink;
}

struct shield *sip_shield(struct sip *s)
{
	return s->shield;
}

const struct env *sip_env(const struct sip *s)
{
	return &s->conf.env;
}

struct flow_edge *sip_edge(const struct sip *s)
{
	return s->conf.edge;
}

int sip_on_closed(struct sip *s, sip_closed_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	if (s->nclosed == ARRAY_LEN(s->closed))
		return ENOSPC;
	s->closed[s->nclosed].fn = fn;
	s->closed[s->nclosed++].arg = arg;
	return 0;
}

void sip_tolerate(struct sip *s, uint32_t ms)
{
	ON_THREAD(THREAD_CORE);
	congestion_set(&s->congestion, ms);
	thinning_follow(s);
	metric_set(METRIC_CONGESTION, s->congestion.level);
}

void sip_on_congested(struct sip *s, sip_congested_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	s->congested = fn;
	s->congested_arg = arg;
}

void sip_on_urgent(struct sip *s, sip_urgent_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	s->urgent = fn;
	s->urgent_arg = arg;
}

void sip_on_urgent_numbers(struct sip *s, sip_urgent_numbers_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	s->urgent_numbers = fn;
	s->urgent_numbers_arg = arg;
}

void sip_on_edit(struct sip *s, sip_edit_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	s->edit = fn;
	s->edit_arg = arg;
}

void sip_on_within(struct sip *s, sip_within_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	s->within = fn;
	s->within_arg = arg;
}

void sip_on_request(struct sip *s, enum sip_method method, sip_request_h *fn, void *arg)
{
	ON_THREAD(THREAD_CORE);
	BUG(method >= SIP_UNKNOWN_METHOD);
	s->handlers[method] = (struct sip_handler){fn, arg};
	gate_write_lists(s);
}

bool stack_supports(const struct sip *s, struct str option)
{
	for (size_t i = 0; i < s->noptions; i++)
		if (str_ieq(option, str_of(s->options[i])))
			return true;
	return false;
}

void sip_unsupport(struct sip *s, const char *option)
{
	size_t n = 0;

	ON_THREAD(THREAD_CORE);
	for (size_t i = 0; i < s->noptions; i++)
		if (!str_ieq(str_of(option), str_of(s->options[i])))
			s->options[n++] = s->options[i];
	s->noptions = n;
	gate_write_lists(s);
}

void sip_allow_events(struct sip *s, const char *events)
{
	ON_THREAD(THREAD_CORE);
	s->events = events;
}

int sip_support(struct sip *s, const char *option)
{
	ON_THREAD(THREAD_CORE);
	if (stack_supports(s, str_of(option)))
		return 0;
	if (s->noptions == SIP_MAX_OPTIONS)
		return ENOSPC;
	s->options[s->noptions++] = option;
	gate_write_lists(s);
	return s->supported.err;
}

void sip_counts(const struct sip *s, struct sip_counts *c)
{
	*c = (struct sip_counts){s->nclients, s->nservers, s->nlingering, s->ndialogs};
}
