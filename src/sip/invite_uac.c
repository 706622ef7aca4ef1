/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An INVITE that we sent: its early dialogs, one for each To tag that answers, and the one that is confirmed.
 *
 * The first 2xx wins.  Any other, then or later, is acknowledged and hung up at once (RFC 3261 13.2.2.4): whoever picked
 * up the second phone must not listen to silence.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/invite_usage.h"

static void close_forks(struct sip_invite *inv)
{
	for (unsigned i = 0; i < inv->nforks; i++)
		sip_dialog_close(inv->forks[i].d);
	inv->forks = mem_free(inv->forks);
	inv->nforks = 0;
}

/* The early dialog of a response, made when it is the first of its tag.  ENOSPC: too many, or no memory. */
static int fork_of(struct sip_invite *inv, const struct sip_msg *resp, unsigned *np)
{
	struct sip_dialog *d;
	int err;

	for (*np = 0; *np < inv->nforks; ++*np)
		if (str_eq(resp->to_tag, str_of(inv->forks[*np].d->remote_tag)))
			return 0;
	if (!inv->forks)
		inv->forks = mem_alloc(INV_MAX_FORKS * sizeof(inv->forks[0]));
	if (!inv->forks || inv->nforks == INV_MAX_FORKS)
		return ENOSPC;
	err = sip_dialog_from_response(&d, inv->sip, resp, str_of(inv->contact));
	if (err)
		return err;
	d->is_natted = inv->is_natted;
	d->flow.faces = inv->faces;
	d->edit_for = inv->edit_for;
	err = sip_dialog_register(d, inv_on_request, inv);
	if (err) {
		sip_dialog_close(d);
		return err;
	}
	inv->forks[inv->nforks++] = (struct inv_fork){.d = d};
	return 0;
}

int inv_tell_progress(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_inv_event ev = {
		.type = SIP_INV_PROVISIONAL, .msg = in->msg, .status = in->msg->status};

	/* 12.1.2: without a tag (RFC 2543) there is progress, but no dialog yet */
	if (in->msg->to_tag.n && fork_of(inv, in->msg, &ev.fork))
		return 0;
	inv_session_note(inv, in->msg);
	if (in->msg->to_tag.n && !inv_take_reliable(inv, &inv->forks[ev.fork], &ev))
		return 0;
	inv_tell_full(inv, &ev);
	return 0;
}

/* 13.2.2.4: the route set is taken from the 2xx anew; what was counted in the early dialog goes on. */
static int confirm(struct sip_invite *inv, const struct sip_msg *resp, unsigned *fork)
{
	int err = sip_dialog_from_response(&inv->d, inv->sip, resp, str_of(inv->contact));

	*fork = 0;
	if (err)
		return err;
	for (unsigned i = 0; i < inv->nforks; i++) {
		if (!str_eq(resp->to_tag, str_of(inv->forks[i].d->remote_tag)))
			continue;
		*fork = i;
		if (inv->forks[i].d->local_cseq > inv->d->local_cseq)
			inv->d->local_cseq = inv->forks[i].d->local_cseq;
		inv->d->remote_cseq = inv->forks[i].d->remote_cseq;
		inv->d->remote_method = inv->forks[i].d->remote_method;
	}
	close_forks(inv);
	inv->d->is_natted = inv->is_natted;
	inv->d->flow.faces = inv->faces;
	inv->d->edit_for = inv->edit_for;
	inv_session_take(inv, resp);
	inv->ack_cseq = resp->cseq;
	inv->contact = mem_free(inv->contact);
	err = sip_dialog_register(inv->d, inv_on_request, inv);
	if (err)
		inv->d = sip_dialog_close(inv->d);
	return err;
}

int inv_tell_answered(struct sip_invite *inv, const struct inv_in *in)
{
	struct sip_inv_event ev = {
		.type = SIP_INV_ANSWERED, .msg = in->msg, .status = in->msg->status};
	int err = confirm(inv, in->msg, &ev.fork);

	if (!err)
		inv_tell_full(inv, &ev);
	return err;
}

int inv_tell_rejected(struct sip_invite *inv, const struct inv_in *in)
{
	close_forks(inv);
	inv_tell(inv, SIP_INV_REJECTED, in->msg,
		 in->msg		? in->msg->status
		 : in->err == ETIMEDOUT ? 408
					: 503);
	return 0;
}

int inv_cancel(struct sip_invite *inv, const struct inv_in *in)
{
	int err = sip_cancel(inv->sip, inv->invite, in->text);

	/* without memory for it the INVITE must run out by itself */
	return err == ENOMEM ? sip_cancel(inv->sip, inv->invite, STR_NONE) : 0;
}

int inv_ack_and_hang_up(struct sip_invite *inv, const struct inv_in *in)
{
	unsigned fork;
	int err = confirm(inv, in->msg, &fork);

	return err ? err : inv_ack_late_and_hang_up(inv, in);
}

int inv_ack_late_and_hang_up(struct sip_invite *inv, const struct inv_in *in)
{
	if (inv_ack(inv, inv->d, inv->ack_cseq, STR_NONE))
		log_debug(NULL, LOGID_SIP_MESSAGE, "ACK not sent: the BYE ends it as well");
	return inv_hang_up(inv, in);
}

int inv_send_ack(struct sip_invite *inv, const struct inv_in *in)
{
	inv->ack_sdp = mem_free(inv->ack_sdp);
	if (in->text.n) {
		inv->ack_sdp = mem_str(in->text);
		if (!inv->ack_sdp)
			return ENOMEM;
	}
	return inv_ack(inv, inv->d, inv->ack_cseq, in->text);
}

int inv_other_2xx(struct sip_invite *inv, const struct inv_in *in)
{
	if (!str_eq(in->msg->to_tag, str_of(inv->d->remote_tag)))
		dialogs_stray_2xx(inv->sip, in->msg);
	else if (inv->state !=
			 INV_ANSWERED && /* else our user has yet to say what the ACK carries */
		 inv_ack(inv, inv->d, in->msg->cseq, str_of(inv->ack_sdp)))
		log_debug(NULL, LOGID_SIP_MESSAGE, "ACK not sent: the 2xx will come again");
	return 0;
}

static void take_2xx(struct sip_invite *inv, struct inv_in *in)
{
	in->err = inv_event(inv, INV_EV_SUCCESS_IN, in);
	if (!in->err)
		return;
	/* we cannot hold this call, or it is over already */
	dialogs_stray_2xx(inv->sip, in->msg);
	in->msg = NULL;
	inv_event(inv, INV_EV_FAILURE_IN, in);
}

void inv_on_invite_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_in in = {.msg = resp, .err = err};

	(void)trans;
	inv->is_heard |= resp != NULL;
	if (!resp || resp->status >= 300)
		inv_event(inv, INV_EV_FAILURE_IN, &in);
	else if (resp->status >= 200)
		take_2xx(inv, &in);
	else if (resp->status > 100)
		inv_event(inv, INV_EV_PROVISIONAL_IN, &in);
}

bool sip_invite_is_heard(const struct sip_invite *inv)
{
	return inv->is_heard;
}

/* Was its address known to be another than it says?  A host's name says nothing about that. */
static bool is_natted(const struct sip_invite_conf *conf)
{
	struct str routes = conf->routes, uri = str_cut(&routes, '\n');
	struct sip_addr a;
	struct addr named;

	if (!uri.n || sip_addr_parse(&a, str_trim((struct str){uri.p + 6, uri.n - 6})))
		a.uri = conf->uri;
	return sip_uri_address(a.uri, &named) && !addr_eq(&named, &conf->flow.remote);
}

struct composed {
	char tag[SIP_TAG_BYTES], call_id[SIP_TAG_BYTES];
	struct buf from, lines;
	struct sip_out out;
};

static int compose(struct composed *w, struct sip_invite *inv, const struct sip_invite_conf *conf)
{
	struct sip *s = inv->sip;

	sip_make_tag(s, w->tag, sizeof(w->tag));
	sip_make_call_id(s, w->call_id, sizeof(w->call_id));
	buf_printf(&w->from, "%.*s;tag=", STR_ARG(conf->from));
	buf_str(&w->from, conf->again ? conf->again->from_tag : str_of(w->tag));
	inv_write_lists_for(inv, &w->lines, conf->is_plain);
	inv->session.min_se = conf->min_se;
	inv_session_ask(inv, &w->lines);
	buf_str(&w->lines, conf->extra.headers);
	w->out = (struct sip_out){
		.method = SIP_INVITE,
		.uri = conf->uri,
		.flow = conf->flow,
		.from = buf_view(&w->from),
		.to = conf->to,
		.call_id = conf->again ? conf->again->call_id : str_of(w->call_id),
		.cseq = conf->again ? conf->again->cseq + 1 : 1,
		.contact = conf->contact,
		.routes = conf->routes,
		.max_forwards = conf->max_forwards,
		.extra = conf->extra,
	};
	w->out.extra.headers = buf_view(&w->lines);
	return w->from.err ? w->from.err : w->lines.err;
}

static void composed_close(struct composed *w)
{
	buf_free(&w->from);
	buf_free(&w->lines);
}

static int send_invite(struct sip_invite *inv, const struct sip_invite_conf *conf)
{
	struct composed w = {.from = {0}};
	int err = compose(&w, inv, conf);

	inv->ack_cseq = w.out.cseq;
	inv->has_offer = conf->extra.body.n;
	inv->is_natted = is_natted(conf);
	inv->faces = conf->flow.faces;
	inv->edit_for = conf->edit_for;
	if (!err)
		err = sip_send(inv->sip, &w.out, inv_on_invite_response, inv, &inv->invite);
	composed_close(&w);
	return err;
}

int sip_invite_uac(struct sip_invite **ip, struct sip *s, const struct sip_invite_conf *conf,
		   sip_invite_h *fn, void *arg)
{
	struct sip_invite *inv = NULL;
	int err;

	ON_THREAD(THREAD_CORE);
	err = inv_alloc(&inv, s, fn, arg);
	if (err)
		return err;
	inv->state = INV_CALLING;
	inv->contact = mem_str(conf->contact);
	err = inv->contact ? send_invite(inv, conf) : ENOMEM;
	if (err)
		inv_free(inv);
	else
		*ip = inv;
	return err;
}

int sip_invite_draft(struct sip *s, const struct sip_invite_conf *conf, struct buf *out)
{
	struct sip_invite inv = {.sip = s};
	struct composed w = {.from = {0}};
	struct ctrans_text x = {0};
	struct flow flow = conf->flow;
	int err = compose(&w, &inv, conf);

	ON_THREAD(THREAD_CORE);
	if (!err)
		err = message_request(s, &flow, &w.out, "z9hG4bK0", &x);
	if (!err)
		buf_add(out, s->out.p, s->out.n);
	composed_close(&w);
	return err ? err : out->err;
}

int sip_invite_ack(struct sip_invite *inv, struct str sdp)
{
	struct inv_in in = {.text = sdp};

	ON_THREAD(THREAD_CORE);
	if (inv->state == INV_ANSWERED)
		return inv_event(inv, INV_EV_ACK, &in);
	return offer_event(inv, OFFER_EV_ACK, &in);
}
