/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Server transactions: strans.def is the specification.
 *
 * DESIGN: one timer serves retransmission and end of state; it runs to whichever comes first.  Keys hold the CSeq number
 * beyond what RFC 3261 17.2.3 asks for: phones that use one branch for everything are then still told apart, and CANCEL
 * and ACK, which have the number of their INVITE, are found as before.
 */
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/stack.h"
#include "sip/via.h"

typedef void strans_action_h(struct sip_strans *st);

/* ---- keys ---- */

static void key_field(struct buf *key, struct str s)
{
	buf_add(key, "\n", 1);
	buf_str(key, s);
}

/* RFC 2543 (no magic cookie): what stays the same in all retransmissions and in the ACK. */
int strans_key(struct sip *s, const struct sip_msg *m, enum sip_method method, uint64_t *hash)
{
	struct buf *key = &s->key;

	buf_reset(key);
	buf_u64(key, method);
	if (method == SIP_UNKNOWN_METHOD)
		key_field(key, m->method_name);
	buf_char(key, ' ');
	buf_u64(key, m->cseq);
	key_field(key, m->branch);
	key_field(key, m->sent_by);
	if (!str_starts(m->branch, STR("z9hG4bK"))) {
		key_field(key, m->call_id);
		key_field(key, m->from_tag);
		key_field(key, m->uri);
	}
	if (key->n > UINT16_MAX)
		return EMSGSIZE;
	*hash = map_hash(key->p, key->n);
	return key->err;
}

static bool same_key(const struct map_node *node, const void *arg)
{
	const struct sip_strans *st = CONTAINER_OF(node, struct sip_strans, by_key);
	const struct buf *key = arg;

	return st->nkey == key->n && !memcmp(st->key, key->p, key->n);
}

struct sip_strans *strans_find(const struct sip *s, uint64_t hash)
{
	struct map_node *node = map_find(&s->by_key, hash, same_key, &s->key);

	return node ? CONTAINER_OF(node, struct sip_strans, by_key) : NULL;
}

static uint64_t call_hash(const struct sip_msg *m, enum sip_method method)
{
	uint64_t h = map_hash2(method, m->call_id);

	h = map_hash2(h, m->from_tag);
	return map_hash_u64(h, m->cseq);
}

/* The 64 bits of a keyed hash stand for the text, which is not kept: nobody can aim at them. */
static bool same_call(const struct map_node *node, const void *arg)
{
	const struct sip_strans *st = CONTAINER_OF(node, struct sip_strans, by_call);
	const struct sip_msg *m = arg;

	return st->cseq == m->cseq && st->method == m->method;
}

bool strans_is_merged(struct sip *s, const struct sip_msg *req)
{
	uint64_t hash;

	if (req->to_tag.n || req->method == SIP_ACK || req->method == SIP_CANCEL)
		return false;
	hash = call_hash(req, req->method);
	return map_find(&s->by_call, hash, same_call, req) || linger_is_merged(s, req, hash);
}

static bool same_invite(const struct map_node *node, const void *arg)
{
	const struct sip_strans *st = CONTAINER_OF(node, struct sip_strans, by_call);
	const struct sip_msg *ack = arg;

	return st->cseq == ack->cseq && st->method == SIP_INVITE;
}

struct sip_strans *strans_of_ack(const struct sip *s, const struct sip_msg *ack, uint64_t hash)
{
	struct sip_strans *st = strans_find(s, hash);
	struct map_node *node;

	if (st)
		return st;
	node = map_find(&s->by_call, call_hash(ack, SIP_INVITE), same_invite, ack);
	return node ? CONTAINER_OF(node, struct sip_strans, by_call) : NULL;
}

/* ---- timers ---- */

static uint64_t now_ms(const struct sip_strans *st)
{
	return clock_mono_ms(st->sip->conf.env.clock);
}

static void fired(struct timer *t, void *arg);

/* To the next retransmission (0: none) or the deadline, whichever is first. */
static void arm(struct sip_strans *st)
{
	uint64_t now = now_ms(st), wait = UINT64_MAX;

	if (st->deadline_ms != NO_DEADLINE)
		wait = st->deadline_ms > now ? st->deadline_ms - now : 0;
	if (st->interval_ms && st->interval_ms < wait)
		wait = st->interval_ms;
	if (wait == UINT64_MAX)
		timer_cancel(&st->timer);
	else
		timer_start(st->sip->conf.env.wheel, &st->timer, wait, fired, st);
}

static void run(struct sip_strans *st, uint32_t interval_ms, uint64_t lasts_ms)
{
	st->interval_ms = interval_ms;
	st->deadline_ms = now_ms(st) + lasts_ms;
	arm(st);
}

static void fired(struct timer *t, void *arg)
{
	struct sip_strans *st = arg;

	(void)t;
	if (now_ms(st) >= st->deadline_ms)
		strans_event(st, STRANS_EV_TIMEOUT); /* st may be gone */
	else if (st->interval_ms)
		strans_event(st, STRANS_EV_TICK);
	else
		arm(st); /* the wheel was behind the clock when the timer was started */
}

/* ---- actions ---- */

static uint32_t all_of(const struct sip_strans *st)
{
	return 64 * st->sip->conf.t1_ms;
}

/* RFC 3261 18.2.2: a closed connection is opened anew to where the Via says. */
static void send_bytes(struct sip_strans *st, const void *p, size_t n)
{
	int err = stack_send(st->sip, &st->flow, p, n);
	uint32_t standard = st->flow.transport == FLOW_TLS ? 5061 : 5060, port = standard;
	struct str host_port;
	const char *colon;

	if (err != ENOTCONN || !flow_is_stream(st->flow.transport) || !st->live)
		return;
	host_port = st->live->req->sent_by;
	colon = host_port.n ? memrchr(host_port.p, ':', host_port.n) : NULL;
	if (colon &&
	    str_u32((struct str){colon + 1, (size_t)(host_port.p + host_port.n - colon - 1)},
		    &port))
		port = standard; /* the colon of a bare IPv6 address */
	st->flow.conn = 0;
	st->flow.remote.port = (uint16_t)port;
	err = stack_send(st->sip, &st->flow, p, n);
	if (err)
		log_debug(NULL, LOGID_SIP_MESSAGE, "no way back for the answer: %s", strerror(err));
}

static void send_last(struct sip_strans *st)
{
	if (!st->last)
		return;
	metric_add(METRIC_SIP_RETRANSMITTED, 1);
	send_bytes(st, st->last, st->nlast);
}

static void send_provisional(struct sip_strans *st)
{
	if (st->method == SIP_INVITE) {
		st->interval_ms = 60000;
		st->deadline_ms = NO_DEADLINE;
	} else {
		st->interval_ms = 0;
	}
	arm(st);
	send_bytes(st, st->last, st->nlast);
}

static void send_again(struct sip_strans *st)
{
	if (st->state == STRANS_I_COMPLETED)
		st->interval_ms = st->interval_ms * 2 < st->sip->conf.t2_ms ? st->interval_ms * 2
									    : st->sip->conf.t2_ms;
	arm(st);
	send_last(st);
}

static void let_go(struct sip_strans *st)
{
	struct sip *s = st->sip;

	if (!st->live)
		return;
	sip_msg_deref(st->live->req);
	st->live = mem_free(st->live);
	ids_remove(s->servers, st->id);
	st->id = 0;
	s->nlingering++;
}

/* Freed later: whoever answers still has st in its hands. */
static void leave(struct sip_strans *st, enum linger_time lasts)
{
	st->has_left = !linger_add(st->sip, st, lasts);
	run(st, 0, st->has_left ? 0 : linger_ms(st->sip, lasts));
}

static void enter_accepted(struct sip_strans *st)
{
	st->last = mem_free(st->last);
	let_go(st);
	leave(st, LINGER_64_T1);
}

static void enter_completed(struct sip_strans *st)
{
	send_bytes(st, st->last, st->nlast);
	run(st, st->is_reliable ? 0 : st->sip->conf.t1_ms, all_of(st));
	let_go(st);
}

static void enter_answered(struct sip_strans *st)
{
	send_bytes(st, st->last, st->nlast);
	let_go(st);
	if (st->is_reliable)
		run(st, 0, 0);
	else
		leave(st, LINGER_64_T1);
}

static void enter_confirmed(struct sip_strans *st)
{
	st->last = mem_free(st->last);
	if (st->is_reliable)
		run(st, 0, 0);
	else
		leave(st, LINGER_T4);
}

static void send_trying(struct sip_strans *st)
{
	struct sip *s = st->sip;

	st->interval_ms = 0;
	arm(st);
	if (message_response(s, st->live->req, &(struct response){.status = 100}))
		return;
	mem_free(st->last);
	st->last = mem_dup(s->out.p, s->out.n);
	st->nlast = st->last ? (uint32_t)s->out.n : 0;
	send_bytes(st, s->out.p, s->out.n);
}

static void absorb(struct sip_strans *st)
{
	(void)st;
}

static void enter_refused(struct sip_strans *st)
{
	run(st, 0, 0); /* freed later: the handler that refuses still has st in its hands */
	let_go(st);
}

static void vanish(struct sip_strans *st)
{
	strans_free(st);
}

/* ---- the machine ---- */

struct edge {
	bool legal;
	enum strans_state to;
	strans_action_h *act;
};

static const struct edge edges[STRANS_NSTATES][STRANS_NEVENTS] = {
#define X(from, ev, to, act) [STRANS_##from][STRANS_EV_##ev] = {true, STRANS_##to, act},
#include "sip/strans.def"
#undef X
};

bool strans_event(struct sip_strans *st, enum strans_event ev)
{
	const struct edge *e = &edges[st->state][ev];

	if (!e->legal)
		return false;
	st->state = (uint8_t)e->to;
	e->act(st); /* st may be gone */
	return true;
}

/* ---- life ---- */

static int make_live(struct sip_strans *st, struct sip_msg *req)
{
	int err;

	st->live = mem_alloc(sizeof(*st->live));
	if (!st->live)
		return ENOMEM;
	st->live->req = sip_msg_ref(req);
	err = ids_add(st->sip->servers, st, &st->id);
	if (err) {
		sip_msg_deref(req);
		st->live = mem_free(st->live);
	}
	return err;
}

int strans_alloc(struct sip_strans **stp, struct sip *s, struct sip_msg *req, uint64_t hash)
{
	struct sip_strans *st;
	int err;

	st = mem_alloc(sizeof(*st) + s->key.n);
	if (!st)
		return ENOMEM;
	st->sip = s;
	st->nkey = (uint16_t)s->key.n;
	memcpy(st->key, s->key.p, s->key.n);
	st->method = (uint8_t)req->method;
	st->cseq = req->cseq;
	st->is_reliable = flow_is_stream(req->flow.transport);
	st->state = req->method == SIP_INVITE ? STRANS_I_PROCEEDING : STRANS_N_TRYING;
	st->deadline_ms = NO_DEADLINE;
	sip_reply_flow(req, &st->flow);
	err = make_live(st, req);
	if (err) {
		mem_free(st);
		return err;
	}
	map_add(&s->by_key, &st->by_key, hash);
	/* within a dialog for strans_of_ack() alone */
	if (!req->to_tag.n || req->method == SIP_INVITE) {
		map_add(&s->by_call, &st->by_call, call_hash(req, req->method));
		st->is_by_call = true;
	}
	s->nservers++;
	if (st->state == STRANS_N_TRYING)
		run(st, 7 * s->conf.t1_ms, all_of(st));
	*stp = st;
	return 0;
}

struct sip_strans *strans_free(struct sip_strans *st)
{
	struct sip *s;

	if (!st)
		return NULL;
	s = st->sip;
	let_go(st);
	if (!st->has_left) {
		s->nlingering--;
		s->nservers--;
	}
	timer_cancel(&st->timer);
	map_remove(&s->by_key, &st->by_key);
	if (st->is_by_call)
		map_remove(&s->by_call, &st->by_call);
	mem_free(st->last);
	return mem_free(st);
}

/* ---- for its users ---- */

oid sip_strans_id(const struct sip_strans *st)
{
	return st->id;
}

struct sip_strans *sip_strans_get(struct sip *s, oid id)
{
	ON_THREAD(THREAD_CORE);
	return ids_get(s->servers, id);
}

const struct sip_msg *sip_strans_request(const struct sip_strans *st)
{
	return st->live ? st->live->req : NULL;
}

const char *sip_strans_tag(struct sip_strans *st)
{
	if (st->live && !st->tag[0])
		sip_make_tag(st->sip, st->tag, sizeof(st->tag));
	return st->tag;
}

void sip_strans_on_cancel(struct sip_strans *st, sip_cancelled_h *fn, void *arg)
{
	if (!st->live)
		return;
	st->live->on_cancel = fn;
	st->live->on_cancel_arg = arg;
}

static enum strans_event event_of(unsigned status)
{
	if (status < 200)
		return STRANS_EV_SEND_1XX;
	return status < 300 ? STRANS_EV_SEND_2XX : STRANS_EV_SEND_FINAL;
}

static int write_last(struct sip_strans *st, const struct response *r)
{
	struct response with_tag = *r;
	char *bytes;
	int err;

	if (r->status > 100)
		with_tag.tag = sip_strans_tag(st);
	if (r->status > 100)
		with_tag.edit_for = st->live->edit_for;
	err = message_response(st->sip, st->live->req, &with_tag);
	if (err)
		return err;
	bytes = mem_dup(st->sip->out.p, st->sip->out.n);
	if (!bytes)
		return ENOMEM;
	mem_free(st->last);
	st->last = bytes;
	st->nlast = (uint32_t)st->sip->out.n;
	return 0;
}

void sip_strans_edit(struct sip_strans *st, uint64_t who)
{
	ON_THREAD(THREAD_CORE);
	if (st->live)
		st->live->edit_for = who;
}

void sip_refuse(struct sip_strans *st, unsigned status, const char *reason,
		const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	if (!st->live)
		return;
	message_answer(st->sip, st->live->req,
		       &(struct response){.status = status,
					  .reason = reason,
					  .extra = extra,
					  .edit_for = st->live->edit_for});
	strans_event(st, STRANS_EV_REFUSE);
}

int strans_reply(struct sip_strans *st, const struct response *r)
{
	unsigned status = r->status;
	int err;

	if (!st || !st->live)
		return EALREADY;
	if (st->method != SIP_INVITE && status > 100 && status < 200)
		return EPROTO; /* RFC 4320 4.1 */
	if (st->method != SIP_INVITE && status == 408) {
		strans_event(st,
			     STRANS_EV_TIMEOUT); /* RFC 4320 4.2: nobody waits for it any more */
		return 0;
	}
	if (st->method == SIP_INVITE && status > 199 && status < 300)
		return EPROTO; /* its ACK and its repetition belong to sip_invite_uas() */
	err = write_last(st, r);
	if (err && status >= 200)
		sip_refuse(st, 500, NULL, NULL);
	if (err)
		return err;
	strans_event(st, event_of(status));
	return 0;
}

int sip_reply(struct sip_strans *st, unsigned status, const char *reason,
	      const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	return strans_reply(st,
			    &(struct response){.status = status, .reason = reason, .extra = extra});
}

int strans_accept(struct sip_strans *st, const struct response *r, char **bytesp, size_t *np)
{
	int err;

	if (!st || !st->live)
		return EALREADY;
	err = write_last(st, r);
	if (err)
		return err;
	send_bytes(st, st->last, st->nlast);
	*bytesp = st->last;
	*np = st->nlast;
	st->last = NULL;
	strans_event(st, STRANS_EV_SEND_2XX);
	return 0;
}

void strans_handled(struct sip_strans *st)
{
	if (st->state == STRANS_REFUSED || st->has_left)
		strans_free(st);
	else if (st->state == STRANS_I_PROCEEDING && !st->last)
		(void)sip_reply(st, 100, NULL, NULL);
}
