/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests within the dialog of an INVITE: which of the two machines gets them, or our user.
 */
#include <stdio.h>
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

static void on_cancel(struct sip_strans *st, const struct sip_msg *cancel, void *arg)
{
	(void)st;
	offer_event(arg, OFFER_EV_CANCEL_IN, &(struct inv_in){.msg = cancel});
}

static void take_ack(struct sip_invite *inv, const struct sip_msg *ack)
{
	struct inv_in in = {.msg = ack};

	if (!inv->resend.bytes || ack->cseq != inv->resend.cseq)
		return;
	if (inv_event(inv, INV_EV_ACK_IN, &in))
		offer_event(inv, OFFER_EV_ACK_IN, &in);
}

static void take_bye(struct sip_invite *inv, struct sip_strans *st, const struct sip_msg *req)
{
	struct sip_strans *waiting;

	if (inv->state == INV_OVER) {
		(void)sip_reply(st, 481, NULL, NULL);
		return;
	}
	(void)sip_reply(st, 200, NULL, NULL);
	/* 15.1.2: what is still open in the dialog ends with 487 */
	if (inv->asked && (waiting = sip_strans_get(inv->sip, inv->asked)))
		(void)sip_reply(waiting, 487, NULL, NULL);
	inv_event(inv, INV_EV_BYE_IN, &(struct inv_in){.msg = req, .st = st});
}

static void retry_after(struct sip_invite *inv, struct sip_strans *st)
{
	char line[40];
	struct sip_extra extra;

	snprintf(line, sizeof(line), "Retry-After: %u\r\n",
		 (unsigned)rng_below(inv->sip->conf.env.rng, 11));
	extra = (struct sip_extra){.headers = str_of(line)};
	(void)sip_reply(st, 500, NULL, &extra);
}

/* UPDATE that offers nothing refreshes the target (RFC 3311 5.2) and needs nobody's word. */
static void refresh_by_update(struct sip_invite *inv, struct sip_dialog *d, struct sip_strans *st,
			      const struct sip_msg *req)
{
	struct buf lines = {0};
	int err;

	if (inv->state == INV_HANGING_UP || inv->state == INV_OVER) {
		(void)sip_reply(st, 481, NULL, NULL);
		return;
	}
	err = sip_dialog_refresh(d, req);
	buf_printf(&lines, "Contact: %s\r\n", d->contact);
	inv_session_note(inv, req);
	if (inv->state == INV_CONFIRMED)
		inv_session_answer(inv, req, &lines);
	if (!err)
		err = strans_reply(st, &(struct response){.status = 200, .more = buf_view(&lines)});
	buf_free(&lines);
	if (err)
		(void)sip_reply(st, 500, NULL, NULL);
}

struct inv_fork *inv_fork_of(struct sip_invite *inv, const struct sip_dialog *d)
{
	for (unsigned i = 0; i < inv->nforks; i++)
		if (inv->forks[i].d == d)
			return &inv->forks[i];
	return NULL;
}

/* Before the answer: a second offer may come once the first is answered reliably, and not as re-INVITE (RFC 3311 5.1). */
static bool is_early_refused(struct sip_invite *inv, struct sip_dialog *d, struct sip_strans *st,
			     enum offer_event ev)
{
	const struct inv_fork *f;

	if (inv->state == INV_CALLING) {
		f = inv_fork_of(inv, d);
		if (f && f->is_settled && ev == OFFER_EV_UPDATE_IN)
			return false;
		(void)sip_reply(st, 491, NULL, NULL); /* ours is open */
		return true;
	}
	if (ev == OFFER_EV_UPDATE_IN && inv->is_settled && !inv_must_wait(inv))
		return false;
	if (inv_must_wait(inv) && !inv->has_offer)
		(void)sip_reply(st, 491, NULL, NULL);
	else
		retry_after(inv, st); /* 14.2, 3311 5.2 */
	return true;
}

static bool is_offer_refused(struct sip_invite *inv, struct sip_dialog *d, struct sip_strans *st,
			     enum offer_event ev)
{
	struct inv_in none = {0};

	switch (inv->state) {
	case INV_CONFIRMED:
		return false;
	case INV_ACCEPTED:
		if (inv->resend.has_offer)
			break;
		/* RFC 5407 3.1.4: it has our 2xx, only its ACK was lost */
		inv_event(inv, INV_EV_ACK_IN, &none);
		return inv->state != INV_CONFIRMED;
	case INV_INCOMING:
	case INV_ANSWERING:
	case INV_CALLING:
		return is_early_refused(inv, d, st, ev);
	case INV_HANGING_UP:
	case INV_OVER:
		(void)sip_reply(st, 481, NULL, NULL);
		return true;
	default:
		break;
	}
	(void)sip_reply(st, 491, NULL, NULL);
	return true;
}

void inv_take_offer(struct sip_invite *inv, struct sip_dialog *d, struct sip_strans *st,
		    const struct sip_msg *req, enum offer_event ev)
{
	oid id = sip_strans_id(st);

	if (is_offer_refused(inv, d, st, ev)) {
		st = sip_strans_get(inv->sip, id);
		if (st && inv->state != INV_CONFIRMED)
			(void)sip_reply(st, 481, NULL, NULL); /* hung up inside of the event */
		return;
	}
	if (ev == OFFER_EV_REINVITE_IN)
		sip_strans_on_cancel(st, on_cancel, inv);
	if (offer_event(inv, ev, &(struct inv_in){.msg = req, .st = st}))
		(void)sip_reply(st, 500, NULL, NULL);
}

static void take_other(struct sip_invite *inv, struct sip_strans *st, const struct sip_msg *req)
{
	if (inv->state == INV_HANGING_UP || inv->state == INV_OVER) {
		(void)sip_reply(st, 481, NULL, NULL);
		return;
	}
	inv_tell_full(inv, &(struct sip_inv_event){.type = SIP_INV_REQUEST, .msg = req, .st = st});
}

void inv_on_request(struct sip_dialog *d, struct sip_strans *st, const struct sip_msg *req,
		    void *arg)
{
	struct sip_invite *inv = arg;

	switch (req->method) {
	case SIP_ACK:
		return take_ack(inv, req);
	case SIP_BYE:
		return take_bye(inv, st, req);
	case SIP_INVITE:
		return inv_take_offer(inv, d, st, req, OFFER_EV_REINVITE_IN);
	case SIP_UPDATE:
		if (!sip_msg_body(req, STR("application/sdp")).n)
			return refresh_by_update(inv, d, st, req);
		return inv_take_offer(inv, d, st, req, OFFER_EV_UPDATE_IN);
	case SIP_PRACK:
		return inv_take_prack(inv, st, req);
	default:
		return take_other(inv, st, req);
	}
}

/* ---- our user's requests ---- */

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct inv_request *r = arg;
	struct sip_invite *inv = r->inv;
	sip_response_h *fn = r->fn;
	void *fn_arg = r->arg;
	bool is_of_call =
		r->method != SIP_NOTIFY; /* RFC 5057 5.1: its refusal ends the subscription */

	if (!resp || resp->status >= 200) {
		list_remove(&r->link);
		mem_free(r);
	}
	if (fn)
		fn(trans, resp, err, fn_arg);
	if (is_of_call && inv_is_dead(resp, err))
		inv_event(inv, INV_EV_DEAD, &(struct inv_in){.msg = resp, .err = err});
}

int sip_invite_request(struct sip_invite *inv, enum sip_method m, const struct sip_extra *extra,
		       sip_response_h *fn, void *arg)
{
	struct inv_request *r;
	int err;

	ON_THREAD(THREAD_CORE);
	if (inv->state != INV_CONFIRMED || m == SIP_INVITE || m == SIP_ACK || m == SIP_BYE ||
	    m == SIP_CANCEL)
		return EPROTO;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->inv = inv;
	r->fn = fn;
	r->arg = arg;
	r->method = m;
	err = sip_dialog_send(inv->d, m, extra, on_response, r, &r->trans);
	if (err) {
		mem_free(r);
		return err;
	}
	list_append(&inv->requests, &r->link);
	return 0;
}
