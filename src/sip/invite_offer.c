/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Offers within a dialog: re-INVITE and UPDATE, both ways; before the answer UPDATE only.  offer.def is the specification.
 *
 * Two offers never cross: who meets an offer while one is open says 491, and who hears 491 tries again later, the side
 * that made the Call-ID later than the other (RFC 3261 14.1), so that they do not meet again.
 */
#include <stdio.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

typedef int offer_action_h(struct sip_invite *inv, const struct inv_in *in);

void inv_offer_free(struct sip_invite *inv)
{
	struct inv_offer *o = inv->pending;

	if (!o)
		return;
	mem_free(o->headers);
	mem_free(o->content_type);
	mem_free(o->body);
	inv->pending = mem_free(o);
}

static int keep_offer(struct sip_invite *inv, const struct sip_extra *extra)
{
	struct inv_offer *o;

	inv_offer_free(inv);
	o = inv->pending = mem_alloc(sizeof(*o));
	if (!o)
		return ENOMEM;
	if (!extra)
		return 0;
	o->headers = mem_str(extra->headers);
	o->content_type = mem_str(extra->content_type);
	o->body = mem_str(extra->body);
	if (o->headers && o->content_type && o->body)
		return 0;
	inv_offer_free(inv);
	return ENOMEM;
}

/* ---- ours ---- */

/* NULL: the early dialog is gone. */
static struct sip_dialog *dialog_of(const struct sip_invite *inv, const struct inv_offer *o)
{
	if (inv->d)
		return inv->d;
	return o->fork < inv->nforks ? inv->forks[o->fork].d : NULL;
}

/* Tried again after 491, and with the interval that a 422 asks for. */
static void not_taken(struct sip_invite *inv, const struct inv_in *in)
{
	unsigned status = in->msg ? in->msg->status : 0;
	bool is_again = inv->pending && inv->state == INV_CONFIRMED &&
			((status == 491 && inv->pending->tries < INV_MAX_TRIES) ||
			 (status == 422 && sip_min_se(in->msg) > inv->session.min_se));

	offer_event(inv, is_again ? OFFER_EV_GLARE_IN : OFFER_EV_FAILURE_IN, in);
	if (inv_is_dead(in->msg, in->err))
		inv_event(inv, INV_EV_DEAD, in);
}

static void on_reinvite_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_in in = {.msg = resp, .err = err};

	(void)trans;
	if (resp && resp->status < 200)
		return;
	if (resp && resp->status < 300 && inv->state != INV_CONFIRMED) {
		inv_other_2xx(inv,
			      &in); /* RFC 5407 3.2.3: it crossed our BYE, and is acknowledged */
		return;
	}
	if (resp && resp->status < 300) {
		/* repeated: our ACK was lost */
		if (offer_event(inv, OFFER_EV_SUCCESS_IN, &in) && inv->offer != OFFER_ACK_DUE)
			inv_other_2xx(inv, &in);
		return;
	}
	not_taken(inv, &in);
}

static void on_update_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_in in = {.msg = resp, .err = err};

	(void)trans;
	if (resp && resp->status < 200)
		return;
	if (resp && resp->status < 300)
		offer_event(inv, OFFER_EV_SUCCESS_IN, &in);
	else
		not_taken(inv, &in);
}

static int send_offer(struct sip_invite *inv, const struct inv_in *in)
{
	struct inv_offer *o = inv->pending;
	struct sip_dialog *d = dialog_of(inv, o);
	struct buf lines = {0};
	struct sip_extra extra = {.content_type = str_of(o->content_type), .body = str_of(o->body)};
	int err;

	(void)in;
	if (!d)
		return EPROTO;
	inv_write_lists(inv, &lines, false);
	if (inv->state == INV_CONFIRMED)
		inv_session_ask(inv, &lines);
	buf_cstr(&lines, o->headers ? o->headers : "");
	extra.headers = buf_view(&lines);
	o->tries++;
	sip_forget(inv->sip, inv->reinvite);
	err = lines.err ? lines.err
			: sip_dialog_send(d, o->is_update ? SIP_UPDATE : SIP_INVITE, &extra,
					  o->is_update ? on_update_response : on_reinvite_response,
					  inv, &inv->reinvite);
	buf_free(&lines);
	return err;
}

static int send_update(struct sip_invite *inv, const struct inv_in *in)
{
	return send_offer(inv, in);
}

static void retry(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;
	int err;

	(void)t;
	if (inv->state != INV_CONFIRMED || !inv->pending)
		return;
	err = offer_event(inv, inv->pending->is_update ? OFFER_EV_OFFER_UPDATE : OFFER_EV_OFFER,
			  &(struct inv_in){0});
	if (!err)
		return;
	if (err == EPROTO) { /* the peer's offer is open: after it */
		timer_start(inv->sip->conf.env.wheel, &inv->retry_timer, 200, retry, inv);
		return;
	}
	inv_offer_free(inv);
	inv_tell(inv, SIP_INV_OFFER_DONE, NULL, 503);
}

/* 14.1, in units of 10 ms: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other. */
static int retry_later(struct sip_invite *inv, const struct inv_in *in)
{
	struct rng *rng = inv->sip->conf.env.rng;
	uint64_t wait = inv->d->is_uac ? 2100 + 10 * rng_below(rng, 191) : 10 * rng_below(rng, 201);

	if (in->msg->status == 422) { /* 4028 7.3: with what it wants, at once */
		inv->session.min_se = sip_min_se(in->msg);
		wait = 0;
	}
	timer_start(inv->sip->conf.env.wheel, &inv->retry_timer, wait, retry, inv);
	return 0;
}

static int tell_done(struct sip_invite *inv, const struct inv_in *in)
{
	unsigned status = in->msg ? in->msg->status : in->err == ETIMEDOUT ? 408 : 503;
	struct sip_dialog *d = inv->pending ? dialog_of(inv, inv->pending) : inv->d;

	inv_offer_free(inv);
	if (status < 300) {
		if (in->msg->method == SIP_INVITE) /* an UPDATE is not acknowledged */
			inv->ack_cseq = in->msg->cseq;
		if (inv->state == INV_CONFIRMED)
			inv_session_take(inv, in->msg);
		if (d && sip_dialog_refresh(d, in->msg))
			log_debug(NULL, LOGID_SIP_MESSAGE,
				  "no memory for the new target: the old one stays");
	} else
		inv_session_refused(inv, in->msg);
	inv_tell(inv, SIP_INV_OFFER_DONE, in->msg, status);
	return 0;
}

static int ack_offer(struct sip_invite *inv, const struct inv_in *in)
{
	return inv_send_ack(inv, in);
}

/* ---- the peer's ---- */

static int ask(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_inv_event ev = {.type = SIP_INV_OFFER, .msg = in->msg};

	inv->asked = sip_strans_id(in->st);
	for (unsigned i = 0; i < inv->nforks; i++)
		if (str_eq(in->msg->from_tag, str_of(inv->forks[i].d->remote_tag)))
			ev.fork = i;
	inv_tell_full(inv, &ev);
	return 0;
}

static int give_491(struct sip_invite *inv, const struct inv_in *in)
{
	(void)inv;
	return sip_reply(in->st, 491, NULL, NULL);
}

static int give_500(struct sip_invite *inv, const struct inv_in *in)
{
	char line[40];
	struct sip_extra extra;

	snprintf(line, sizeof(line), "Retry-After: %u\r\n",
		 (unsigned)rng_below(inv->sip->conf.env.rng, 11));
	extra = (struct sip_extra){.headers = str_of(line)};
	return sip_reply(in->st, 500, NULL, &extra);
}

static int overtake(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	inv_tell(inv, SIP_INV_OFFER_ACKED, NULL, 0);
	if (inv->state != INV_CONFIRMED)
		return sip_reply(in->st, 481, NULL, NULL);
	return ask(inv, in);
}

static int reply_2xx(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->asked);
	struct buf lines = {0};
	struct sip_msg *req;
	char *bytes;
	size_t n;
	int err;

	if (!st)
		return EPROTO;
	req = sip_msg_ref(st->live->req);
	inv_write_lists(inv, &lines, true);
	inv_session_note(inv, req);
	inv_session_answer(inv, req, &lines);
	err = lines.err;
	if (!err)
		err = strans_accept(st,
				    &(struct response){.status = 200,
						       .more = buf_view(&lines),
						       .extra = in->extra},
				    &bytes, &n);
	if (!err) {
		inv->asked = 0;
		inv_resend_start(inv, &st->flow, bytes, n, req->cseq, false);
		if (sip_dialog_refresh(inv->d, req))
			log_debug(NULL, LOGID_SIP_MESSAGE,
				  "no memory for the new target: the old one stays");
	}
	buf_free(&lines);
	sip_msg_deref(req);
	return err;
}

/* Before the call is answered its early dialogs are several. */
static int refresh_dialog(struct sip_invite *inv, const struct sip_msg *req)
{
	for (unsigned i = 0; i < inv->nforks; i++)
		if (str_eq(req->from_tag, str_of(inv->forks[i].d->remote_tag)))
			return sip_dialog_refresh(inv->forks[i].d, req);
	return inv->d ? sip_dialog_refresh(inv->d, req) : 0;
}

static int reply_update(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->asked);
	struct buf lines = {0};
	int err;

	if (!st)
		return EPROTO;
	inv_write_lists(inv, &lines, true);
	inv_session_note(inv, st->live->req);
	if (inv->state == INV_CONFIRMED && st->method == SIP_UPDATE)
		inv_session_answer(inv, st->live->req, &lines);
	err = refresh_dialog(inv, st->live->req);
	if (!err)
		err = lines.err ? lines.err
				: strans_reply(st, &(struct response){.status = 200,
								      .more = buf_view(&lines),
								      .extra = in->extra});
	buf_free(&lines);
	return err;
}

static int reply_refusal(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->asked);

	return st ? strans_reply(st, &(struct response){.status = in->status,
							.more = inv_warning(in->status),
							.extra = in->extra})
		  : EPROTO;
}

static int reply_487(struct sip_invite *inv, const struct inv_in *in)
{
	int err = reply_refusal(inv, &(struct inv_in){.status = 487});

	(void)in;
	if (!err)
		inv_tell(inv, SIP_INV_OFFER_CANCELLED, NULL, 0);
	return err;
}

static int tell_ack(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	inv_tell(inv, SIP_INV_OFFER_ACKED, in->msg, 0);
	return 0;
}

static int lose_dialog(struct sip_invite *inv, const struct inv_in *in)
{
	return inv_event(inv, INV_EV_DEAD, in);
}

/* ---- the machine ---- */

struct offer_edge {
	bool legal;
	enum offer_state to;
	offer_action_h *act;
};

static const struct offer_edge edges[OFFER_NSTATES][OFFER_NEVENTS] = {
#define X(from, ev, to, act) [OFFER_##from][OFFER_EV_##ev] = {true, OFFER_##to, act},
#include "sip/offer.def"
#undef X
};

int offer_event(struct sip_invite *inv, enum offer_event ev, const struct inv_in *in)
{
	const struct offer_edge *e = &edges[inv->offer][ev];
	enum offer_state from = inv->offer;
	int err;

	if (!e->legal)
		return EPROTO;
	inv->offer = e->to;
	err = e->act(inv, in);
	if (err && inv->offer == e->to)
		inv->offer = from;
	return err;
}

/* ---- for our user ---- */

static int offer(struct sip_invite *inv, const struct sip_extra *extra, enum offer_event ev,
		 unsigned fork)
{
	int err;

	if (inv->offer != OFFER_IDLE || inv->pending)
		return EBUSY;
	err = keep_offer(inv, extra);
	if (!err) {
		inv->pending->is_update = ev == OFFER_EV_OFFER_UPDATE;
		inv->pending->fork = fork;
		err = offer_event(inv, ev, &(struct inv_in){0});
	}
	if (err)
		inv_offer_free(inv);
	return err;
}

int sip_invite_reinvite(struct sip_invite *inv, const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	return inv->state == INV_CONFIRMED ? offer(inv, extra, OFFER_EV_OFFER, 0) : EPROTO;
}

int sip_invite_update(struct sip_invite *inv, const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	return inv->state == INV_CONFIRMED ? offer(inv, extra, OFFER_EV_OFFER_UPDATE, 0) : EPROTO;
}

int sip_invite_update_early(struct sip_invite *inv, unsigned fork, const struct sip_extra *extra)
{
	bool is_settled;

	ON_THREAD(THREAD_CORE);
	if (inv->state == INV_CALLING)
		is_settled = fork < inv->nforks && inv->forks[fork].is_settled;
	else
		is_settled = inv->state == INV_INCOMING && inv->is_settled && !inv_must_wait(inv);
	/* before the answer nothing else could carry it: whoever never said what it takes is asked, and may refuse with 405 */
	if (!is_settled || (inv->session.lists_methods && !inv->session.takes_update))
		return EPROTO;
	return offer(inv, extra, OFFER_EV_OFFER_UPDATE, fork);
}

void sip_invite_take_back(struct sip_invite *inv)
{
	ON_THREAD(THREAD_CORE);
	if (inv->offer ==
	    OFFER_SENT) /* without memory: it is answered, and what is answered holds */
		(void)sip_cancel(inv->sip, inv->reinvite, STR_NONE);
}

int sip_invite_respond(struct sip_invite *inv, unsigned status, const struct sip_extra *extra)
{
	struct inv_in in = {.status = status, .extra = extra};
	struct sip_strans *st = sip_strans_get(inv->sip, inv->asked);
	bool has_offer;

	ON_THREAD(THREAD_CORE);
	if (inv->state == INV_HANGING_UP || inv->state == INV_OVER || status < 200 || !st)
		return EPROTO;
	has_offer = sip_msg_body(sip_strans_request(st), STR("application/sdp")).n;
	return offer_event(inv,
			   status >= 300 ? OFFER_EV_REFUSE
			   : has_offer	 ? OFFER_EV_ACCEPT
					 : OFFER_EV_COUNTER,
			   &in);
}
