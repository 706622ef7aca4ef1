/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Provisional responses that arrive for certain (RFC 3262): ours until their PRACK comes, the peer's answered with one.
 *
 * Ours go one at a time: what comes meanwhile waits in a queue, so that a caller never has to sort them.  A 200 waits too
 * while a description in a 1xx is not acknowledged (RFC 3262 5).
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

enum { MAX_WAITING = 8 }; /* 1xx behind the one under way */

struct waiting {
	struct link link;
	unsigned status;
	char *headers, *content_type, *body;
};

struct inv_reliable {
	struct timer timer;
	struct link queue;
	size_t nqueued;
	uint32_t rseq; /* of the last one sent */
	uint32_t cseq; /* of the INVITE */
	uint32_t interval_ms;
	uint64_t deadline_ms;
	bool is_waiting;	/* for the PRACK of the last one sent, */
	bool has_sdp;		/* which describes, */
	bool is_offer;		/* and offers */
	struct waiting *answer; /* the 200 that waits */
};

static struct waiting *waiting_free(struct waiting *w)
{
	if (!w)
		return NULL;
	mem_free(w->headers);
	mem_free(w->content_type);
	mem_free(w->body);
	return mem_free(w);
}

static struct waiting *waiting_make(unsigned status, const struct sip_extra *extra)
{
	static const struct sip_extra none;
	struct waiting *w = mem_alloc(sizeof(*w));

	if (!w)
		return NULL;
	if (!extra)
		extra = &none;
	w->status = status;
	w->headers = mem_str(extra->headers);
	w->content_type = mem_str(extra->content_type);
	w->body = mem_str(extra->body);
	if (!w->headers || !w->content_type || !w->body)
		return waiting_free(w);
	return w;
}

static struct sip_extra extra_of(const struct waiting *w)
{
	return (struct sip_extra){.headers = str_of(w->headers),
				  .content_type = str_of(w->content_type),
				  .body = str_of(w->body)};
}

void inv_reliable_free(struct sip_invite *inv)
{
	struct inv_reliable *r = inv->reliable;

	if (!r)
		return;
	timer_cancel(&r->timer);
	LIST_EACH_SAFE (it, tmp, &r->queue) {
		struct waiting *w = CONTAINER_OF(it, struct waiting, link);

		list_remove(&w->link);
		waiting_free(w);
	}
	waiting_free(r->answer);
	inv->reliable = mem_free(r);
}

/* ---- ours ---- */

void inv_note_reliability(struct sip_invite *inv, const struct sip_msg *invite)
{
	if (!stack_supports(inv->sip, SIP_OPTION_100REL))
		return;
	inv->wants_reliable = sip_msg_lists(invite, SIP_HDR_REQUIRE, SIP_OPTION_100REL);
	inv->takes_reliable =
		inv->wants_reliable || sip_msg_lists(invite, SIP_HDR_SUPPORTED, SIP_OPTION_100REL);
}

static void again(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_reliable *r = inv->reliable;
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	uint64_t now = clock_mono_ms(inv->sip->conf.env.clock);

	if (!st) /* answered: no more of it (3262 3) */
		return;
	if (now >= r->deadline_ms) {
		inv_event(inv, INV_EV_PRACK_LATE, &(struct inv_in){0});
		return;
	}
	strans_event(st, STRANS_EV_REQUEST);
	r->interval_ms *= 2;
	timer_start(inv->sip->conf.env.wheel, t,
		    now + r->interval_ms < r->deadline_ms ? r->interval_ms : r->deadline_ms - now,
		    again, inv);
}

static int send_now(struct sip_invite *inv, unsigned status, const struct sip_extra *extra)
{
	struct inv_reliable *r = inv->reliable;
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	const struct sip_conf *c = &inv->sip->conf;
	struct buf lines = {0};
	int err;

	if (!st)
		return EPROTO;
	inv_write_lists(inv, &lines, true);
	buf_printf(&lines, "Require: 100rel\r\nRSeq: %u\r\n", r->rseq + 1);
	err = lines.err;
	if (!err)
		err = strans_reply(st, &(struct response){.status = status,
							  .more = buf_view(&lines),
							  .extra = extra});
	buf_free(&lines);
	if (err)
		return err;
	r->rseq++;
	r->is_waiting = true;
	r->has_sdp = extra && extra->body.n;
	r->is_offer = r->has_sdp && !inv->is_settled && !inv->has_offer;
	inv->is_settled = inv->is_settled || r->has_sdp;
	r->interval_ms = c->t1_ms;
	r->deadline_ms = clock_mono_ms(c->env.clock) + 64 * c->t1_ms;
	timer_start(c->env.wheel, &r->timer, r->interval_ms, again, inv);
	return 0;
}

static int begin(struct sip_invite *inv)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	struct inv_reliable *r;

	if (inv->reliable)
		return 0;
	if (!st)
		return EPROTO;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	list_init(&r->queue);
	r->rseq = (uint32_t)rng_below(inv->sip->conf.env.rng, INT32_MAX - 1000);
	r->cseq = sip_strans_request(st)->cseq;
	inv->reliable = r;
	return 0;
}

int inv_reliable_send(struct sip_invite *inv, unsigned status, const struct sip_extra *extra)
{
	struct inv_reliable *r;
	struct waiting *w;
	int err = begin(inv);

	if (err)
		return err;
	r = inv->reliable;
	/* 3262 5: of what is reliable the first must offer, when the INVITE did not */
	if (!inv->has_offer && !inv->is_settled && !(extra && extra->body.n))
		return 0;
	if (!r->is_waiting)
		return send_now(inv, status, extra);
	if (r->nqueued == MAX_WAITING)
		return EBUSY;
	w = waiting_make(status, extra);
	if (!w)
		return ENOMEM;
	list_append(&r->queue, &w->link);
	r->nqueued++;
	return 0;
}

bool inv_must_wait(const struct sip_invite *inv)
{
	const struct inv_reliable *r = inv->reliable;

	return r && r->is_waiting && r->has_sdp;
}

int inv_keep_accept(struct sip_invite *inv, const struct inv_in *in)
{
	inv->reliable->answer = waiting_make(200, in->extra);
	return inv->reliable->answer ? 0 : ENOMEM;
}

int inv_lose_unacked(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);

	inv->incoming = 0;
	if (st) {
		sip_strans_on_cancel(st, NULL, NULL);
		(void)sip_reply(st, 504, NULL, NULL); /* 3262 3: "a 5xx" */
	}
	inv_tell(inv, SIP_INV_LOST, in->msg, 0);
	return 0;
}

/* What waited for the PRACK: the 200, or the next 1xx. */
static void go_on(struct sip_invite *inv)
{
	struct inv_reliable *r = inv->reliable;
	struct waiting *w = r->answer;
	struct sip_extra extra;
	int err;

	if (inv->state == INV_ANSWERING && w) {
		r->answer = NULL;
		extra = extra_of(w);
		err = inv_event(inv, INV_EV_ACCEPT, &(struct inv_in){.extra = &extra});
		waiting_free(w);
		if (err)
			inv_event(inv, INV_EV_PRACK_LATE, &(struct inv_in){0});
		return;
	}
	if (inv->state != INV_INCOMING || list_empty(&r->queue))
		return;
	w = CONTAINER_OF(r->queue.next, struct waiting, link);
	list_remove(&w->link);
	r->nqueued--;
	extra = extra_of(w);
	(void)send_now(inv, w->status, &extra); /* the final answer is what counts */
	waiting_free(w);
}

struct rack {
	uint32_t rseq, cseq;
	struct str method;
};

/* "RAck: 776656 1 INVITE" */
static bool read_rack(struct rack *a, const struct sip_msg *prack)
{
	struct str rest = sip_msg_header(prack, SIP_HDR_RACK), rseq = str_cut(&rest, ' '), cseq;

	rest = str_trim(rest);
	cseq = str_cut(&rest, ' ');
	a->method = str_trim(rest);
	return !str_u32(rseq, &a->rseq) && !str_u32(cseq, &a->cseq) && a->method.n;
}

static bool acknowledges(const struct inv_reliable *r, const struct rack *a)
{
	return a->rseq == r->rseq && a->cseq == r->cseq && str_eq(a->method, STR("INVITE"));
}

void inv_take_prack(struct sip_invite *inv, struct sip_strans *st, const struct sip_msg *req)
{
	struct inv_reliable *r = inv->reliable;
	struct rack what;
	bool was_offer;

	if (!read_rack(&what, req)) {
		(void)sip_reply(st, 400,
				sip_msg_has(req, SIP_HDR_RACK) ? "Malformed RAck" : "Missing RAck",
				NULL);
		return;
	}
	if (!r || !r->is_waiting || !acknowledges(r, &what)) {
		(void)sip_reply(st, 481, NULL, NULL);
		return;
	}
	timer_cancel(&r->timer);
	r->is_waiting = false;
	was_offer = r->is_offer;
	r->is_offer = false;
	if (!was_offer && inv->state == INV_INCOMING &&
	    sip_msg_body(req, STR("application/sdp")).n) {
		/* 3262 5: a second offer, once the first is answered */
		inv_take_offer(inv, inv->d, st, req, OFFER_EV_UPDATE_IN);
	} else {
		(void)sip_reply(st, 200, NULL, NULL);
		if (was_offer && inv->state != INV_OVER)
			inv_tell(inv, SIP_INV_PRACKED, req, 0);
	}
	go_on(inv);
}

/* After a refusal the PRACK of what was sent before it may still come (3262 3). */
bool inv_reliable_lingers(const struct sip_invite *inv)
{
	return inv->reliable && inv->reliable->is_waiting && inv->d && inv->resend.cseq == 0;
}

/* ---- the peer's ---- */

static int send_prack(struct sip_invite *inv, const struct inv_fork *f, struct str sdp)
{
	char line[64];
	struct sip_extra extra = {.content_type = sdp.n ? STR("application/sdp") : STR_NONE,
				  .body = sdp};

	snprintf(line, sizeof(line), "RAck: %u %u INVITE\r\n", f->rseq, inv->ack_cseq);
	extra.headers = str_of(line);
	/* whatever comes back: it is the INVITE's answer that decides */
	return sip_dialog_send(f->d, SIP_PRACK, &extra, NULL, NULL, NULL);
}

bool inv_take_reliable(struct sip_invite *inv, struct inv_fork *f, struct sip_inv_event *ev)
{
	struct str text = sip_msg_header(ev->msg, SIP_HDR_RSEQ);
	uint32_t rseq;

	if (!text.n || !sip_msg_lists(ev->msg, SIP_HDR_REQUIRE, SIP_OPTION_100REL) ||
	    str_u32(text, &rseq) || !rseq)
		return true;
	/* 3262 4: a repetition, or one was lost before it and will come again */
	if (f->rseq && rseq != f->rseq + 1)
		return false;
	f->rseq = rseq;
	ev->is_reliable = true;
	if (!inv->has_offer && !f->is_settled && sip_msg_body(ev->msg, STR("application/sdp")).n) {
		f->is_settled = true;
		ev->is_offer = true; /* our user answers it: sip_invite_prack() */
		return true;
	}
	f->is_settled = f->is_settled || sip_msg_body(ev->msg, STR("application/sdp")).n;
	(void)send_prack(inv, f, STR_NONE); /* without memory: it will come again */
	return true;
}

int sip_invite_prack(struct sip_invite *inv, unsigned fork, struct str sdp)
{
	ON_THREAD(THREAD_CORE);
	if (inv->state != INV_CALLING || fork >= inv->nforks || !inv->forks[fork].rseq)
		return EPROTO;
	return send_prack(inv, &inv->forks[fork], sdp);
}
