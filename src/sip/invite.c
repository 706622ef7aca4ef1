/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The INVITE usage: the machine of invite.def, and what all its states share.
 *
 * DESIGN: the usage is never freed inside of a call from its user or of an event to it: reaching OVER starts a timer of no
 * length, which tells SIP_INV_ENDED and frees.  So every function here may go on after it has told something.
 */
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

/* ---- telling ---- */

void inv_tell_full(struct sip_invite *inv, struct sip_inv_event *ev)
{
	if (ev->msg && ev->type != SIP_INV_REQUEST)
		ev->sdp = sip_msg_body(ev->msg, STR("application/sdp"));
	inv->fn(inv, ev, inv->arg);
}

void inv_tell(struct sip_invite *inv, enum sip_inv_event_type type, const struct sip_msg *msg,
	      unsigned status)
{
	inv_tell_full(inv, &(struct sip_inv_event){.type = type, .msg = msg, .status = status});
}

/* For an INVITE to which nobody could answer an offer in a 1xx. */
static void write_supported_plain(struct buf *b, const struct sip *s)
{
	struct str list = buf_view(&s->supported), one;
	const char *before = "Supported: ";

	while (list.p) {
		one = str_trim(str_cut(&list, ','));
		if (!one.n || str_eq(one, SIP_OPTION_100REL))
			continue;
		buf_cstr(b, before);
		buf_str(b, one);
		before = ", ";
	}
	if (*before == ',')
		buf_cstr(b, "\r\n");
}

void inv_write_lists(const struct sip_invite *inv, struct buf *b, bool has_contact)
{
	const struct sip *s = inv->sip;

	if (has_contact)
		buf_printf(b, "Contact: %s\r\n", inv->d ? inv->d->contact : inv->contact);
	buf_printf(b, "Allow: %.*s\r\n", STR_ARG(buf_view(&s->allow)));
	if (s->supported.n)
		buf_printf(b, "Supported: %.*s\r\n", STR_ARG(buf_view(&s->supported)));
}

void inv_write_lists_for(const struct sip_invite *inv, struct buf *b, bool is_plain)
{
	const struct sip *s = inv->sip;

	if (!is_plain) {
		inv_write_lists(inv, b, false);
		return;
	}
	buf_printf(b, "Allow: %.*s\r\n", STR_ARG(buf_view(&s->allow)));
	write_supported_plain(b, s);
}

/* RFC 3261 12.2.1.2; a connection that is gone and cannot be opened again is as good as silence. */
bool inv_is_dead(const struct sip_msg *resp, int err)
{
	return resp ? resp->status == 481 || resp->status == 408
		    : err == ETIMEDOUT || err == ENOTCONN;
}

/* ---- the 2xx that waits for its ACK ---- */

static void resend_fired(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_resend *r = &inv->resend;
	uint64_t now = clock_mono_ms(inv->sip->conf.env.clock);

	if (now >= r->deadline_ms) {
		inv_resend_stop(inv);
		if (inv_event(inv, INV_EV_ACK_LATE, &(struct inv_in){0}))
			offer_event(inv, OFFER_EV_ACK_LATE, &(struct inv_in){0});
		return;
	}
	(void)stack_send(inv->sip, &r->flow, r->bytes, r->nbytes);
	r->interval_ms = r->interval_ms * 2 < inv->sip->conf.t2_ms ? r->interval_ms * 2
								   : inv->sip->conf.t2_ms;
	timer_start(inv->sip->conf.env.wheel, t,
		    now + r->interval_ms < r->deadline_ms ? r->interval_ms : r->deadline_ms - now,
		    resend_fired, inv);
}

void inv_resend_start(struct sip_invite *inv, const struct flow *flow, char *bytes, size_t n,
		      uint32_t cseq, bool has_offer)
{
	struct inv_resend *r = &inv->resend;
	const struct sip_conf *c = &inv->sip->conf;

	inv_resend_stop(inv);
	*r = (struct inv_resend){
		.flow = *flow,
		.bytes = bytes,
		.nbytes = n,
		.deadline_ms = clock_mono_ms(c->env.clock) + 64 * c->t1_ms,
		.interval_ms = c->t1_ms,
		.cseq = cseq,
		.has_offer = has_offer,
	};
	timer_start(c->env.wheel, &r->timer, r->interval_ms, resend_fired, inv);
}

void inv_resend_stop(struct sip_invite *inv)
{
	timer_cancel(&inv->resend.timer);
	inv->resend.bytes = mem_free(inv->resend.bytes);
}

int inv_ack(struct sip_invite *inv, struct sip_dialog *d, uint32_t cseq, struct str sdp)
{
	struct sip_extra extra = {.content_type = STR("application/sdp"), .body = sdp};

	return sip_dialog_ack(d, cseq, sdp.n ? &extra : NULL, NULL, NULL);
}

/* ---- ending ---- */

static void on_bye_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sip_invite *inv = arg;

	(void)trans;
	(void)err;
	if (resp && resp->status < 200)
		return;
	inv->bye = 0;
	inv_event(inv, INV_EV_BYE_DONE, &(struct inv_in){0});
}

static void send_bye(struct sip_invite *inv, struct str lines)
{
	struct sip_extra extra = {.headers = lines};
	int err = sip_dialog_send(inv->d, SIP_BYE, &extra, on_bye_response, inv, &inv->bye);

	if (err)
		inv_event(inv, INV_EV_BYE_DONE, &(struct inv_in){0});
}

int inv_hang_up(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	send_bye(inv, in->text.n ? in->text : str_of(inv->end_lines));
	return 0;
}

int inv_lose(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	inv_tell(inv, SIP_INV_LOST, in->msg, in->status);
	send_bye(inv, STR_NONE);
	return 0;
}

int inv_tell_bye(struct sip_invite *inv, const struct inv_in *in)
{
	inv_resend_stop(inv);
	inv_tell(inv, SIP_INV_BYE, in->msg, 0);
	return 0;
}

int inv_absorb(struct sip_invite *inv, const struct inv_in *in)
{
	(void)inv;
	(void)in;
	return 0;
}

static void nobody(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	(void)inv;
	(void)ev;
	(void)arg;
}

static void lingered(struct timer *t, void *arg)
{
	(void)t;
	inv_free(arg);
}

static void ended(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;

	(void)t;
	inv_tell(inv, SIP_INV_ENDED, NULL, 0);
	if (inv_reliable_lingers(inv)) {
		inv->fn = nobody;
		timer_start(inv->sip->conf.env.wheel, &inv->end_timer, 64 * inv->sip->conf.t1_ms,
			    lingered, inv);
		return;
	}
	inv_free(inv);
}

/* ---- the machine ---- */

struct inv_edge {
	bool legal;
	enum inv_state to;
	inv_action_h *act;
};

static const struct inv_edge edges[INV_NSTATES][INV_NEVENTS] = {
#define X(from, ev, to, act) [INV_##from][INV_EV_##ev] = {true, INV_##to, inv_##act},
#include "sip/invite.def"
#undef X
};

static void free_requests(struct sip_invite *inv)
{
	LIST_EACH_SAFE (it, tmp, &inv->requests) {
		struct inv_request *r = CONTAINER_OF(it, struct inv_request, link);

		sip_forget(inv->sip, r->trans);
		list_remove(&r->link);
		mem_free(r);
	}
}

int inv_event(struct sip_invite *inv, enum inv_event ev, const struct inv_in *in)
{
	const struct inv_edge *e = &edges[inv->state][ev];
	enum inv_state from = inv->state;
	int err;

	if (!e->legal)
		return EPROTO;
	/* State first: what the user does inside of the event sees the new one. */
	inv->state = e->to;
	err = e->act(inv, in);
	if (err && inv->state == e->to)
		inv->state = from;
	if (inv->state == INV_OVER && inv->d)
		inv->d->is_over = true;
	if (inv->state == INV_OVER) /* who asked may be gone from now on, and hears no answer */
		free_requests(inv);
	if (inv->state == INV_OVER && !timer_running(&inv->end_timer))
		timer_start(inv->sip->conf.env.wheel, &inv->end_timer, 0, ended, inv);
	return err;
}

/* ---- life ---- */

int inv_alloc(struct sip_invite **ip, struct sip *s, sip_invite_h *fn, void *arg)
{
	struct sip_invite *inv = mem_alloc(sizeof(*inv));

	if (!inv)
		return ENOMEM;
	inv->sip = s;
	inv->fn = fn;
	inv->arg = arg;
	list_init(&inv->requests);
	list_append(&s->usages, &inv->link);
	*ip = inv;
	return 0;
}

static void free_incoming(struct sip_invite *inv, oid id)
{
	struct sip_strans *st = sip_strans_get(inv->sip, id);

	if (st) { /* nobody is left who could answer */
		sip_strans_on_cancel(st, NULL, NULL);
		if (sip_reply(st, 487, NULL, NULL))
			sip_refuse(st, 500, NULL, NULL); /* no memory to keep it for a repetition */
	}
}

struct sip_invite *inv_free(struct sip_invite *inv)
{
	if (!inv)
		return NULL;
	list_remove(&inv->link);
	inv_resend_stop(inv);
	timer_cancel(&inv->end_timer);
	timer_cancel(&inv->retry_timer);
	free_requests(inv);
	free_incoming(inv, inv->incoming);
	free_incoming(inv, inv->asked);
	timer_cancel(&inv->session.timer);
	sip_forget(inv->sip, inv->invite);
	sip_forget(inv->sip, inv->reinvite);
	sip_forget(inv->sip, inv->bye);
	sip_forget(inv->sip, inv->refresh);
	inv_reliable_free(inv);
	for (unsigned i = 0; i < inv->nforks; i++)
		sip_dialog_close(inv->forks[i].d);
	mem_free(inv->forks);
	sip_dialog_close(inv->d);
	inv_offer_free(inv);
	mem_free(inv->contact);
	mem_free(inv->ack_sdp);
	mem_free(inv->end_lines);
	return mem_free(inv);
}

void sip_invite_end(struct sip_invite *inv, unsigned status, struct str reason_line)
{
	ON_THREAD(THREAD_CORE);
	if (inv->state == INV_ACCEPTED && !inv->end_lines)
		inv->end_lines = mem_str(reason_line); /* without memory: a BYE without it */
	inv_event(inv, INV_EV_END, &(struct inv_in){.status = status, .text = reason_line});
}

struct sip_dialog *sip_invite_leave_dialog(struct sip_invite *inv, sip_dialog_request_h *fn,
					   void *arg)
{
	struct sip_dialog *d = inv->d;

	ON_THREAD(THREAD_CORE);
	if (inv->state != INV_OVER || !d || !d->is_registered)
		return NULL;
	/* Nothing that may still arrive for this usage finds its dialog here any more. */
	sip_forget(inv->sip, inv->invite);
	sip_forget(inv->sip, inv->reinvite);
	sip_forget(inv->sip, inv->bye);
	free_requests(inv);
	d->fn = fn;
	d->arg = arg;
	d->is_over = false;
	inv->d = NULL;
	return d;
}

void *sip_invite_find(struct sip *s, struct str call_id, struct str local_tag,
		      struct str remote_tag, sip_invite_h *fn)
{
	return sip_invite_of(sip_dialog_find(s, call_id, local_tag, remote_tag), fn);
}

void *sip_invite_of(const struct sip_dialog *d, sip_invite_h *fn)
{
	const struct sip_invite *inv = d && d->fn == inv_on_request ? d->arg : NULL;

	return inv && inv->fn == fn ? inv->arg : NULL;
}

const struct sip_dialog *sip_invite_dialog(const struct sip_invite *inv)
{
	return inv->d ? inv->d : inv->nforks ? inv->forks[0].d : NULL;
}

void sip_invite_kept(const struct sip_invite *inv, struct sip_dialog_kept *kept)
{
	*kept = (struct sip_dialog_kept){0};
	if (inv->d && sip_dialog_keep(inv->d, kept))
		*kept = (struct sip_dialog_kept){0};
}

int sip_invite_restore(struct sip_invite **ip, struct sip *s, const struct sip_dialog_kept *kept,
		       sip_invite_h *fn, void *arg)
{
	struct sip_invite *inv = NULL;
	int err;

	ON_THREAD(THREAD_CORE);
	err = inv_alloc(&inv, s, fn, arg);
	if (!err)
		err = sip_dialog_restore(&inv->d, s, kept);
	if (!err)
		err = sip_dialog_register(inv->d, inv_on_request, inv);
	if (err) {
		inv_free(inv);
		return err;
	}
	inv->state = INV_CONFIRMED;
	*ip = inv;
	return 0;
}
