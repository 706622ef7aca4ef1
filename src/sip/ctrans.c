/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client transactions: ctrans.def is the specification.
 *
 * DESIGN: a response names its transaction by the branch, which is ours: id and MAC, so there is no map of branches.
 * What is in the air is also found by where it went, so that a refused datagram or a closed connection fails all that
 * waits for it at once.  The last line of an action that tells the user is the call: the user may do anything in it.
 */
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/stack.h"
#include "sip/write.h"

typedef void ctrans_action_h(struct ctrans *t, const struct sip_msg *m);

/* ---- timers ---- */

static uint64_t now_ms(const struct ctrans *t)
{
	return clock_mono_ms(t->sip->conf.env.clock);
}

static uint32_t all_of(const struct ctrans *t)
{
	return 64 * t->sip->conf.t1_ms;
}

static void fired(struct timer *timer, void *arg);
static void no_stream(struct ctrans *t, int err);

/* To the next retransmission (0: none) or the deadline, whichever is first. */
static void arm(struct ctrans *t)
{
	uint64_t now = now_ms(t), wait = UINT64_MAX;

	if (t->deadline_ms != NO_DEADLINE)
		wait = t->deadline_ms > now ? t->deadline_ms - now : 0;
	if (t->interval_ms && t->interval_ms < wait)
		wait = t->interval_ms;
	if (wait == UINT64_MAX)
		timer_cancel(&t->timer);
	else
		timer_start(t->sip->conf.env.wheel, &t->timer, wait, fired, t);
}

/* The wheel may have been behind the clock when the timer was started: then it fires that much before the deadline. */
static void fired(struct timer *timer, void *arg)
{
	struct ctrans *t = arg;

	(void)timer;
	if (now_ms(t) >= t->deadline_ms && t->datagram)
		no_stream(t, ETIMEDOUT);
	else if (now_ms(t) >= t->deadline_ms)
		ctrans_event(t, CTRANS_EV_TIMEOUT, NULL); /* t may be gone */
	else if (t->interval_ms)
		ctrans_event(t, CTRANS_EV_TICK, NULL);
	else
		arm(t);
}

static void run(struct ctrans *t, uint32_t interval_ms, uint64_t lasts_ms)
{
	t->interval_ms = interval_ms;
	t->deadline_ms = now_ms(t) + lasts_ms;
	arm(t);
}

/* ---- where what is in the air went ---- */

static uint64_t peer_hash(const struct flow *f)
{
	return f->conn ? map_hash_u64(1, f->conn) : addr_hash(&f->remote);
}

static bool same_peer(const struct map_node *node, const void *arg)
{
	const struct ctrans *t = CONTAINER_OF(node, struct ctrans, by_peer);
	const struct flow *f = arg;

	if (f->conn || t->flow.conn)
		return t->flow.conn == f->conn;
	return t->flow.transport == f->transport && addr_eq(&t->flow.remote, &f->remote);
}

static void watch_peer(struct ctrans *t)
{
	map_add(&t->sip->by_peer, &t->by_peer, peer_hash(&t->flow));
	t->is_by_peer = true;
}

static void unwatch_peer(struct ctrans *t)
{
	if (t->is_by_peer)
		map_remove(&t->sip->by_peer, &t->by_peer);
	t->is_by_peer = false;
}

/* ---- actions ---- */

static int keep_text(struct ctrans *t, const struct ctrans_text *x);
static int start(struct ctrans *t);

static int send_text(struct ctrans *t)
{
	return t->text ? stack_send(t->sip, &t->flow, t->text->p, t->text->n) : 0;
}

static void repeat(struct ctrans *t, const struct sip_msg *m)
{
	int err;

	(void)m;
	arm(t);
	metric_add(METRIC_SIP_RETRANSMITTED, 1);
	err = send_text(t);
	/* a full queue or lost buffer is what retransmission is for */
	if (err && err != ENOBUFS) {
		t->err = err;
		ctrans_event(t, CTRANS_EV_BROKEN, NULL);
	}
}

static void repeat_doubling(struct ctrans *t, const struct sip_msg *m)
{
	uint32_t next = t->interval_ms * 2, t2 = t->sip->conf.t2_ms;

	t->interval_ms = t->method != SIP_INVITE && next > t2 ? t2 : next;
	repeat(t, m);
}

/* Whoever answers has it, whatever the way. */
static void heard(struct ctrans *t)
{
	t->datagram = mem_free(t->datagram);
}

static void pass_up(struct ctrans *t, const struct sip_msg *m)
{
	if (t->fn)
		t->fn(t->id, m, 0, t->arg);
	else if (t->state == CTRANS_I_ACCEPTED)
		dialogs_stray_2xx(t->sip, m);
}

static void send_cancel(struct ctrans *t);

static void enter_proceeding(struct ctrans *t, const struct sip_msg *m)
{
	heard(t);
	t->interval_ms = 0;
	t->deadline_ms = t->fn ? NO_DEADLINE : now_ms(t) + all_of(t);
	arm(t);
	if (t->cancel_headers)
		send_cancel(t);
	pass_up(t, m);
}

static void slow_down(struct ctrans *t, const struct sip_msg *m)
{
	if (t->datagram) {
		heard(t);
		run(t, 0, all_of(t));
	}
	if (t->interval_ms) {
		t->interval_ms = t->sip->conf.t2_ms;
		arm(t);
	}
	pass_up(t, m);
}

/* Nothing of the request is needed any more. */
static void forget_text(struct ctrans *t)
{
	heard(t);
	unwatch_peer(t);
	t->text = mem_free(t->text);
	t->cancel_headers = mem_free(t->cancel_headers);
	t->is_lingering = true;
	t->sip->nlingering++;
}

static void enter_accepted(struct ctrans *t, const struct sip_msg *m)
{
	forget_text(t);
	run(t, 0, all_of(t));
	pass_up(t, m);
}

/* Gone at once: an answer that comes again (K) then belongs to nothing, which changes as little. */
static void finish(struct ctrans *t, const struct sip_msg *m)
{
	sip_response_h *fn = t->fn;
	void *arg = t->arg;
	oid id = t->id;

	ctrans_free(t);
	if (fn)
		fn(id, m, 0, arg);
}

static struct str piece_of(const struct ctrans_text *text, struct piece piece)
{
	return (struct str){text->p + piece.off, piece.n};
}

/* RFC 3261 17.1.1.3 and 9.1: made of parts of the INVITE. */
static int write_from_invite(struct ctrans *t, struct str method, struct str to, struct str headers)
{
	struct ctrans_text *x = t->text;
	struct buf *b = &t->sip->out;

	message_head(t->sip, method, piece_of(x, x->uri));
	buf_str(b, piece_of(x, x->via));
	sip_write_header_u64(b, SIP_HDR_MAX_FORWARDS, 70);
	sip_write_header(b, SIP_HDR_FROM, piece_of(x, x->from));
	sip_write_header(b, SIP_HDR_TO, to);
	sip_write_header(b, SIP_HDR_CALL_ID, piece_of(x, x->call_id));
	sip_write_cseq(b, x->cseq, method);
	buf_str(b, piece_of(x, x->routes));
	buf_str(b, headers);
	return message_body(t->sip, NULL);
}

static void ack_again(struct ctrans *t, const struct sip_msg *m)
{
	(void)m;
	(void)send_text(t);
}

/* The INVITE was refused: its ACK is all that is kept, for answers that come again. */
static void enter_refused(struct ctrans *t, const struct sip_msg *m)
{
	struct sip *s = t->sip;
	struct ctrans_text *ack = NULL;
	int err =
		t->text ? write_from_invite(t, STR("ACK"), sip_msg_header(m, SIP_HDR_TO), STR_NONE)
			: ENOENT;

	if (!err)
		err = stack_send(s, &t->flow, s->out.p, s->out.n);
	if (!t->is_reliable && !err) {
		ack = mem_alloc(sizeof(*ack) + s->out.n);
		if (ack) {
			ack->n = (uint32_t)s->out.n;
			memcpy(ack->p, s->out.p, s->out.n);
		}
	}
	forget_text(t);
	t->text = ack;
	run(t, 0, t->is_reliable ? 0 : all_of(t));
	pass_up(t, m);
}

static void give_up(struct ctrans *t, int err)
{
	sip_response_h *fn = t->fn;
	void *arg = t->arg;
	oid id = t->id;

	ctrans_free(t);
	if (fn)
		fn(id, NULL, err, arg);
}

static void time_out(struct ctrans *t, const struct sip_msg *m)
{
	(void)m;
	give_up(t, ETIMEDOUT);
}

static void break_off(struct ctrans *t, const struct sip_msg *m)
{
	(void)m;
	give_up(t, t->err);
}

/* The same request with the Via of a datagram. */
static int write_for_datagram(struct ctrans *t)
{
	struct ctrans_text *x = t->text;
	struct buf *b = &t->sip->out;
	char branch[SIP_BRANCH_BYTES];
	struct addr seen = t->flow.local;
	size_t from = x->via.off + x->via.n;
	uint32_t grown;

	tag_branch(t->sip, t->id, branch);
	buf_reset(b);
	buf_add(b, x->p, x->via.off);
	flow_show_via(t->sip->conf.edge, &t->flow, &seen);
	sip_write_via(b, FLOW_UDP, &seen, str_of(branch));
	grown = (uint32_t)(b->n -
			   from); /* what follows moves by so much, perhaps back: modulo 2^32 */
	buf_add(b, x->p + from, x->n - from);
	if (b->err)
		return b->err;
	x->via.n += grown;
	x->from.off += grown;
	x->to.off += grown;
	x->call_id.off += grown;
	x->routes.off += grown;
	return keep_text(t, x);
}

static int turn_back(struct ctrans *t)
{
	struct ctrans_text *old = t->text;
	char to[ADDR_STR_BYTES];
	int err;

	log_debug(NULL, LOGID_SIP_MESSAGE, "no TCP with %s: a large request goes as a datagram",
		  addr_str(to, &t->flow.remote));
	large_refused(t->sip, &t->flow.remote);
	unwatch_peer(t);
	t->flow = *t->datagram;
	heard(t);
	t->is_reliable = false;
	err = write_for_datagram(t);
	if (err) {
		t->text = old;
		return err;
	}
	mem_free(old);
	return start(t);
}

static void send_by_datagram(struct ctrans *t, const struct sip_msg *m)
{
	int err = turn_back(t);

	(void)m;
	if (err) {
		t->err = err;
		ctrans_event(t, CTRANS_EV_BROKEN, NULL);
	}
}

static void vanish(struct ctrans *t, const struct sip_msg *m)
{
	(void)m;
	ctrans_free(t);
}

/* ---- the machine ---- */

struct edge {
	bool legal;
	enum ctrans_state to;
	ctrans_action_h *act;
};

static const struct edge edges[CTRANS_NSTATES][CTRANS_NEVENTS] = {
#define X(from, ev, to, act) [CTRANS_##from][CTRANS_EV_##ev] = {true, CTRANS_##to, act},
#include "sip/ctrans.def"
#undef X
};

/* t may be gone. */
static void no_stream(struct ctrans *t, int err)
{
	t->err = err;
	if (!t->datagram || !ctrans_event(t, CTRANS_EV_NO_STREAM, NULL))
		ctrans_event(t, CTRANS_EV_BROKEN, NULL);
}

bool ctrans_event(struct ctrans *t, enum ctrans_event ev, const struct sip_msg *m)
{
	const struct edge *e = &edges[t->state][ev];

	if (!e->legal)
		return false;
	t->state = (uint8_t)e->to;
	e->act(t, m); /* t may be gone */
	return true;
}

void ctrans_response(struct sip *s, const struct sip_msg *m)
{
	struct ctrans *t = ids_get(s->clients, tag_branch_id(s, m->branch));
	enum ctrans_event ev = m->status < 200	 ? CTRANS_EV_PROVISIONAL
			       : m->status < 300 ? CTRANS_EV_SUCCESS
						 : CTRANS_EV_FAILURE;

	if (t && t->method == SIP_INVITE && m->method == SIP_CANCEL)
		t = ids_get(s->clients, t->cancel);
	if (!t || t->method != (uint8_t)m->method) {
		if (ev == CTRANS_EV_SUCCESS && m->method == SIP_INVITE)
			dialogs_stray_2xx(s, m);
		return;
	}
	ctrans_event(t, ev, m);
}

void ctrans_failed(struct sip *s, const struct flow *to, int err)
{
	struct map_node *node;
	uint64_t hash = peer_hash(to);

	while ((node = map_find(&s->by_peer, hash, same_peer, to))) {
		struct ctrans *t = CONTAINER_OF(node, struct ctrans, by_peer);

		unwatch_peer(t);
		/* A datagram of ours may have been refused, but who has answered once is there. */
		if (t->state == CTRANS_I_PROCEEDING && !t->is_reliable)
			continue;
		no_stream(t, err);
	}
}

void ctrans_closed(struct sip *s, oid conn)
{
	struct flow gone = {.transport = FLOW_TCP, .conn = conn};

	ctrans_failed(s, &gone, ENOTCONN);
}

/* ---- life ---- */

struct ctrans *ctrans_free(struct ctrans *t)
{
	struct sip *s;

	if (!t)
		return NULL;
	s = t->sip;
	if (t->is_lingering)
		s->nlingering--;
	unwatch_peer(t);
	timer_cancel(&t->timer);
	if (t->id)
		ids_remove(s->clients, t->id);
	s->nclients--;
	mem_free(t->text);
	mem_free(t->cancel_headers);
	mem_free(t->datagram);
	return mem_free(t);
}

static int ctrans_alloc(struct ctrans **tp, struct sip *s, enum sip_method method,
			const struct flow *flow)
{
	struct ctrans *t = mem_alloc(sizeof(*t));
	int err;

	if (!t)
		return ENOMEM;
	t->sip = s;
	t->method = (uint8_t)method;
	t->flow = *flow;
	t->is_reliable = flow_is_stream(flow->transport);
	t->state = method == SIP_INVITE ? CTRANS_I_CALLING : CTRANS_N_TRYING;
	t->deadline_ms = NO_DEADLINE;
	s->nclients++;
	err = ids_add(s->clients, t, &t->id);
	if (err)
		t = ctrans_free(t);
	else
		*tp = t;
	return err;
}

static int keep_text(struct ctrans *t, const struct ctrans_text *x)
{
	struct sip *s = t->sip;

	t->text = mem_alloc(sizeof(*t->text) + s->out.n);
	if (!t->text)
		return ENOMEM;
	*t->text = *x;
	t->text->n = (uint32_t)s->out.n;
	memcpy(t->text->p, s->out.p, s->out.n);
	return 0;
}

static int start(struct ctrans *t)
{
	struct sip *s = t->sip;
	int err = stack_send(s, &t->flow, t->text->p, t->text->n);

	if (err && (err != ENOBUFS || t->is_reliable))
		return err;
	watch_peer(t);
	run(t, t->is_reliable ? 0 : s->conf.t1_ms, t->datagram ? LARGE_PATIENCE_MS : all_of(t));
	return 0;
}

/* Written anew for TCP, with the way back kept; else as it was. */
static int move_to_stream(struct ctrans *t, const struct sip_out *out, const char *branch,
			  struct ctrans_text *x)
{
	struct flow stream = t->flow;

	if (!large_goes_by_stream(t->sip, out, &stream))
		return 0;
	t->datagram = mem_alloc(sizeof(*t->datagram));
	if (!t->datagram)
		return ENOMEM;
	*t->datagram = t->flow;
	t->flow = stream;
	t->is_reliable = true;
	return message_request(t->sip, &t->flow, out, branch, x);
}

int sip_send(struct sip *s, const struct sip_out *out, sip_response_h *fn, void *arg, oid *idp)
{
	char branch[SIP_BRANCH_BYTES];
	struct ctrans_text x = {0};
	struct ctrans *t;
	int err;

	ON_THREAD(THREAD_CORE);
	err = ctrans_alloc(&t, s, out->method, &out->flow);
	if (err)
		return err;
	tag_branch(s, t->id, branch);
	err = message_request(s, &t->flow, out, branch, &x);
	if (!err && s->out.n > LARGE_BYTES)
		err = move_to_stream(t, out, branch, &x);
	if (!err)
		err = keep_text(t, &x);
	if (!err)
		err = start(t);
	if (err && t->datagram && t->text)
		err = turn_back(t);
	if (err) {
		ctrans_free(t);
		return err;
	}
	t->fn = fn;
	t->arg = arg;
	if (idp)
		*idp = t->id;
	return 0;
}

/* The transaction of a CANCEL has its INVITE's branch: it is found through it. */
static void send_cancel(struct ctrans *t)
{
	struct ctrans_text x = {0};
	struct ctrans *c;
	int err;

	t->is_cancelled = true;
	/* RFC 3261 9.1: without an answer within 64*T1 the INVITE counts as cancelled */
	t->deadline_ms = now_ms(t) + all_of(t);
	arm(t);
	err = ctrans_alloc(&c, t->sip, SIP_CANCEL, &t->flow);
	if (err)
		goto out;
	err = write_from_invite(t, STR("CANCEL"), piece_of(t->text, t->text->to),
				str_of(t->cancel_headers));
	if (!err)
		err = keep_text(c, &x);
	if (!err)
		err = start(c);
	if (err)
		ctrans_free(c);
	else
		t->cancel = c->id;
out:
	t->cancel_headers = mem_free(t->cancel_headers);
	if (err)
		log_debug(NULL, LOGID_SIP_MESSAGE, "CANCEL not sent: %s", strerror(err));
}

int sip_cancel(struct sip *s, oid trans, struct str extra_headers)
{
	struct ctrans *t = ids_get(s->clients, trans);

	ON_THREAD(THREAD_CORE);
	if (!t || t->method != SIP_INVITE)
		return ENOENT;
	if (t->is_cancelled || t->cancel_headers ||
	    (t->state != CTRANS_I_CALLING && t->state != CTRANS_I_PROCEEDING))
		return EALREADY;
	t->cancel_headers = mem_str(extra_headers);
	if (!t->cancel_headers)
		return ENOMEM;
	if (t->state == CTRANS_I_PROCEEDING)
		send_cancel(t);
	return 0;
}

void sip_forget(struct sip *s, oid trans)
{
	struct ctrans *t = ids_get(s->clients, trans);

	ON_THREAD(THREAD_CORE);
	if (!t)
		return;
	t->fn = NULL;
	if (t->state == CTRANS_I_ACCEPTED) {
		ctrans_free(t); /* an answer that comes again is dealt with all the same */
		return;
	}
	/* Nobody is left to bound how long an INVITE may ring. */
	if (t->state == CTRANS_I_PROCEEDING && t->deadline_ms == NO_DEADLINE)
		run(t, 0, all_of(t));
}

bool ctrans_asks_for(const struct sip *s, oid id, struct str uri)
{
	const struct ctrans *t = ids_get(s->clients, id);

	return t && t->text &&
	       str_eq((struct str){t->text->p + t->text->uri.off, t->text->uri.n}, uri);
}
