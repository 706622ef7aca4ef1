/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An INVITE that came to us, up to its ACK.
 *
 * The dialog exists from the start, under the tag that all our answers carry: a BYE or UPDATE may come before the answer.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

static void on_cancel(struct sip_strans *st, const struct sip_msg *cancel, void *arg)
{
	(void)st;
	inv_event(arg, INV_EV_CANCEL_IN, &(struct inv_in){.msg = cancel});
}

/* 13.3.1: nobody wants to hear the answer any more. */
static void expired(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;

	(void)t;
	if (inv->state == INV_INCOMING || inv->state == INV_ANSWERING)
		inv_event(inv, INV_EV_CANCEL_IN, &(struct inv_in){0});
}

static void note_expiry(struct sip_invite *inv, const struct sip_msg *invite)
{
	uint32_t seconds;

	if (!sip_msg_has(invite, SIP_HDR_EXPIRES) ||
	    str_u32(sip_msg_header(invite, SIP_HDR_EXPIRES), &seconds) || !seconds)
		return;
	timer_start(inv->sip->conf.env.wheel, &inv->retry_timer, (uint64_t)seconds * 1000, expired,
		    inv);
}

int sip_invite_uas(struct sip_invite **ip, struct sip_strans *st, const char *contact,
		   sip_invite_h *fn, void *arg)
{
	struct sip *s = st->sip;
	struct sip_invite *inv = NULL;
	int err;

	ON_THREAD(THREAD_CORE);
	if (!st->live || st->method != SIP_INVITE)
		return EPROTO;
	err = inv_alloc(&inv, s, fn, arg);
	if (!err)
		err = sip_dialog_from_request(&inv->d, s, st->live->req, sip_strans_tag(st),
					      contact);
	if (!err)
		err = sip_dialog_register(inv->d, inv_on_request, inv);
	if (err) {
		inv_free(inv);
		return err;
	}
	inv->state = INV_INCOMING;
	inv->incoming = st->id;
	inv->d->edit_for = st->live->edit_for;
	inv->has_offer = sip_msg_body(st->live->req, STR("application/sdp")).n;
	inv_note_reliability(inv, st->live->req);
	inv_session_note(inv, st->live->req);
	note_expiry(inv, st->live->req);
	sip_strans_on_cancel(st, on_cancel, inv);
	*ip = inv;
	return 0;
}

void sip_invite_show(struct sip_invite *inv, struct flow_faces faces)
{
	ON_THREAD(THREAD_CORE);
	inv->d->flow.faces = faces;
}

bool sip_invite_moved(struct sip_invite *inv, struct str uri, const struct flow *flow, bool is_peer)
{
	return inv->d && sip_dialog_moved(inv->d, uri, flow, is_peer);
}

bool sip_invite_is_on(const struct sip_invite *inv, oid conn)
{
	return conn && inv->d && inv->d->flow.conn == conn;
}

const struct sip_msg *sip_invite_asked(const struct sip_invite *inv)
{
	const struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);

	ON_THREAD(THREAD_CORE);
	return st ? sip_strans_request(st) : NULL;
}

int inv_send_progress(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	struct buf lines = {0};
	int err;

	if (inv->takes_reliable && (inv->wants_reliable || inv->has_offer || inv->is_settled ||
				    (in->extra && in->extra->body.n)))
		return inv_reliable_send(inv, in->status, in->extra);
	buf_printf(&lines, "Contact: %s\r\n", inv->d->contact);
	err = lines.err ? lines.err
			: strans_reply(st, &(struct response){.status = in->status,
							      .more = buf_view(&lines),
							      .extra = in->extra});
	buf_free(&lines);
	return err;
}

int inv_send_accept(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	struct sip_extra extra = in->extra ? *in->extra : (struct sip_extra){0};
	struct buf lines = {0};
	bool has_offer;
	char *bytes;
	size_t n;
	int err;

	if (!st)
		return EPROTO;
	has_offer = !inv->has_offer && !inv->is_settled;
	if (inv->is_settled) /* RFC 6337 3.1.1: all is said, and acknowledged; it would be an offer */
		extra.content_type = extra.body = STR_NONE;
	inv_write_lists(inv, &lines, true);
	inv_session_answer(inv, sip_strans_request(st), &lines);
	err = lines.err;
	if (!err)
		err = strans_accept(st,
				    &(struct response){.status = 200,
						       .more = buf_view(&lines),
						       .extra = &extra},
				    &bytes, &n);
	buf_free(&lines);
	if (err)
		return err;
	inv->incoming = 0;
	timer_cancel(&inv->retry_timer);
	inv_resend_start(inv, &st->flow, bytes, n, st->cseq, has_offer);
	return 0;
}

/* RFC 3261 13.3.1.3, 14.2. */
struct str inv_warning(unsigned status)
{
	return status == 488
		       ? STR("Warning: 399 offhook \"Session Description Not Acceptable\"\r\n")
		       : STR_NONE;
}

static void reply(struct sip_invite *inv, unsigned status, struct str lines)
{
	struct sip_strans *st = sip_strans_get(inv->sip, inv->incoming);
	struct sip_extra extra = {.headers = lines};

	inv->incoming = 0;
	timer_cancel(&inv->retry_timer);
	if (!st)
		return;
	sip_strans_on_cancel(st, NULL, NULL);
	if (strans_reply(st, &(struct response){.status = status,
						.more = inv_warning(status),
						.extra = &extra}))
		log_debug(NULL, LOGID_SIP_MESSAGE, "an INVITE could not be refused");
}

int inv_refuse(struct sip_invite *inv, const struct inv_in *in)
{
	reply(inv, in->status >= 300 ? in->status : 480, in->text);
	return 0;
}

int inv_give_487(struct sip_invite *inv, const struct inv_in *in)
{
	reply(inv, 487, STR_NONE);
	inv_tell(inv, SIP_INV_CANCELLED, in->msg, 0);
	return 0;
}

int inv_tell_acked(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	inv_tell(inv, SIP_INV_ACKED, in->msg, 0);
	return 0;
}

int sip_invite_progress(struct sip_invite *inv, unsigned status, const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	if (status <= 100 || status >= 200)
		return EPROTO;
	return inv_event(inv, INV_EV_PROGRESS, &(struct inv_in){.status = status, .extra = extra});
}

int sip_invite_accept(struct sip_invite *inv, const struct sip_extra *extra)
{
	ON_THREAD(THREAD_CORE);
	return inv_event(inv, inv_must_wait(inv) ? INV_EV_ACCEPT_LATER : INV_EV_ACCEPT,
			 &(struct inv_in){.extra = extra});
}

bool sip_invite_is_settled(const struct sip_invite *inv)
{
	return inv->is_settled;
}

bool sip_invite_takes_reliable(const struct sip_invite *inv)
{
	return inv->takes_reliable;
}
