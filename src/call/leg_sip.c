/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/attest.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/diverted.h"
#include "call/leg_sip.h"
#include "call/leg_press.h"
#include "call/moved.h"
#include "call/originate.h"
#include "call/party.h"
#include "call/refer.h"
#include "call/rewrite.h"
#include "call/ringing.h"
#include "call/transfer.h"
#include "call/trunk_invite.h"
#include "sip/write.h"

static const struct leg_msg nothing;

static void write_transport(struct buf *out, enum flow_transport t)
{
	struct str transport = sip_transport_name(t);

	buf_cstr(out, ";transport=");
	for (size_t i = 0; i < transport.n; i++)
		buf_char(out, (char)(transport.p[i] | 0x20));
}

int leg_sip_contact(struct buf *out, struct calls *cs, const struct flow *flow, struct str number,
		    const char *name, bool is_secure)
{
	struct addr local = flow->local;
	char text[ADDR_STR_BYTES];
	int err;

	if (!local.family || addr_is_any(&local)) {
		err = cs->conf.edge->local_for(cs->conf.edge, flow->transport, &flow->remote,
					       &local);
		if (err)
			return err;
	}
	flow_show(cs->conf.edge, flow, &local);
	buf_cstr(out, is_secure ? "<sips:" : "<sip:");
	sip_escape_user(out, number);
	if (name)
		buf_printf(out, "@%s:%u", name, local.port);
	else
		buf_printf(out, "@%s", addr_str(text, &local));
	if (is_secure &&
	    flow->transport !=
		    FLOW_TLS) /* RFC 3261 26.2.2: what runs above TLS is named, TLS is not */
		write_transport(out, flow->transport == FLOW_WSS ? FLOW_WS : FLOW_TCP);
	else if (!is_secure && flow_is_stream(flow->transport))
		write_transport(out, flow->transport);
	buf_char(out, '>');
	return out->err;
}

/* ---- trunks ---- */

bool leg_hides_caller(const struct leg *leg)
{
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);

	return caller && caller->is_private && !leg->call->plan.is_emergency;
}

/* An offer in a 1xx must be answered before the 200 can come: by a caller who takes it, from one device at a time. */
static bool is_plain(const struct leg *leg, struct str sdp)
{
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);

	return !sdp.n && (!caller || !caller->inv || !sip_invite_takes_reliable(caller->inv) ||
			  !ringing_is_alone(leg));
}

/* again: the response that asked for credentials; NULL at first. */
static int dial_trunk(struct leg *leg, struct str sdp, const struct sip_msg *again)
{
	struct trunk_invite w;
	int err = trunk_invite_write(&w, leg, again);

	w.conf.is_plain = is_plain(leg, sdp);
	w.conf.extra.content_type = sdp.n ? STR("application/sdp") : STR_NONE;
	w.conf.extra.body = sdp;
	if (!err) {
		err = sip_invite_uac(&leg->inv, leg->cs->conf.sip, &w.conf, leg_sip_event, leg);
		leg->has_other_way =
			err && trunks_failed(leg->cs->conf.trunks, leg->trunk_id, &leg->flow, NULL);
	}
	trunk_invite_close(&w);
	return err;
}

static int dial(struct leg *leg, struct str sdp, const struct sip_msg *again);

/* A trunk's challenge, and whoever wants a longer session (RFC 4028 7.3). */
static bool can_be_answered(struct leg *leg, const struct sip_inv_event *ev)
{
	if (ev->status == 401 || ev->status == 407)
		return leg->trunk_id && !leg->is_authorized;
	return ev->status == 422 && !leg->min_se && sip_min_se(ev->msg);
}

/* What a refusal asks for is given, once.  True: the INVITE goes on under another usage. */
static bool goes_on(struct leg *leg, const struct sip_inv_event *ev)
{
	struct sip_invite *refused = leg->inv;
	int err;

	if (leg->is_caller || !ev->msg || leg_is_over(leg) || !can_be_answered(leg, ev))
		return false;
	if (ev->status == 422)
		leg->min_se = sip_min_se(ev->msg);
	leg->is_authorized = ev->status != 422; /* a longer one may be challenged again */
	leg->inv = NULL;
	err = dial(leg, leg->is_offered ? buf_view(&leg->sent) : STR_NONE, ev->msg);
	if (err)
		leg->inv = refused;
	return !err;
}

int leg_sip_dial(struct leg *leg, struct str sdp)
{
	leg->is_offered = sdp.n != 0;
	return dial(leg, sdp, NULL);
}

/* ACC-14.  Devices differ in what they know: a URI stands as it is, a parameter (info=…) or a word where the grammar lets it. */
static void write_alerting(struct buf *lines, const struct leg *leg)
{
	const struct account *a =
		model_account(leg->cs->conf.model, leg->rec.tenant_id, leg->account_id);
	const char *tone = a ? a->ring_tone : "";

	if (a && a->alerting == ALERTING_LIGHT)
		buf_cstr(lines, "Alert-Info: <http://127.0.0.1/silent>;info=silent\r\n");
	else if (!a || a->alerting != ALERTING_RING_TONE || !*tone)
		return;
	else if (strchr(tone, ':'))
		buf_printf(lines, "Alert-Info: <%s>\r\n", tone);
	else if (strchr(tone, '='))
		buf_printf(lines, "Alert-Info: <http://127.0.0.1>;%s\r\n", tone);
	else
		buf_printf(lines, "Alert-Info: <http://127.0.0.1/%s>\r\n", tone);
}

static int dial(struct leg *leg, struct str sdp, const struct sip_msg *again)
{
	const struct contact *to = registrar_contact(leg->cs->conf.registrar, leg->contact);
	struct call *call = leg->call;
	struct buf from = {0}, callee = {0}, contact = {0}, name = {0}, lines = {0}, routes = {0};
	struct sip_invite_conf conf;
	struct str number;
	int err;

	if (leg->trunk_id)
		return dial_trunk(leg, sdp, again);
	if (!to)
		return ENOENT; /* gone while the media session was opened */
	registrar_way(leg->cs->conf.registrar, to, &leg->flow, &routes);
	if (originate_shown(leg)) {
		number = str_of(originate_shown(leg));
	} else {
		ringing_caller_name(leg, &name);
		number = leg_hides_caller(leg) ? STR("anonymous") : str_of(call->rec.caller);
	}
	party_write_addr(&from, buf_view(&name), number,
			 leg_hides_caller(leg) ? STR("anonymous.invalid") : str_of(call->domain));
	party_write_addr(&callee, STR_NONE, str_of(leg->rec.number), str_of(call->domain));
	err = leg_sip_contact(&contact, leg->cs, &leg->flow, number, NULL, false);
	diverted_write(&lines, leg, str_of(leg->rec.number), STR_NONE, str_of(call->domain));
	if (!err)
		err = from.err ? from.err : callee.err ? callee.err : name.err;
	transfer_write_lines(call, &lines);
	attest_write(&lines, leg);
	write_alerting(&lines, leg);
	if (!err)
		err = lines.err ? lines.err : routes.err;
	if (err)
		goto out;
	conf = (struct sip_invite_conf){
		.uri = str_of(to->uri),
		.flow = leg->flow,
		.from = buf_view(&from),
		.to = buf_view(&callee),
		.contact = buf_view(&contact),
		.routes = buf_view(&routes),
		.max_forwards = call->max_forwards,
		.min_se = leg->min_se,
		.again = again,
		.is_plain = is_plain(leg, sdp),
		.extra = {.headers = buf_view(&lines),
			  .content_type = sdp.n ? STR("application/sdp") : STR_NONE,
			  .body = sdp},
	};
	err = sip_invite_uac(&leg->inv, leg->cs->conf.sip, &conf, leg_sip_event, leg);
out:
	buf_free(&from);
	buf_free(&callee);
	buf_free(&contact);
	buf_free(&name);
	buf_free(&lines);
	buf_free(&routes);
	return err;
}

void leg_sip_reasons(struct buf *out, const struct sip_msg *msg)
{
	struct sip_values v;
	struct str value;

	buf_reset(out);
	out->max = 1024;
	if (!msg)
		return;
	sip_values_init(&v, msg, SIP_HDR_REASON);
	while (sip_values_next(&v, &value))
		sip_write_header(out, SIP_HDR_REASON, value);
	if (out->err)
		buf_reset(out); /* half a list would be worse than none */
}

/* A device that rang and then gave up by itself is "nobody answered", whatever it calls that. */
static enum reason reject_reason(const struct leg *leg, const struct sip_inv_event *ev)
{
	if (leg->rec.ringing_at && (ev->status == 408 || ev->status == 480 || ev->status == 487))
		return REASON_NO_ANSWER;
	if (!ev->msg)
		return REASON_UNAVAILABLE;
	return reason_from_status(ev->status);
}

static void note_dialog(struct leg *leg)
{
	const struct sip_dialog *d = leg->inv ? sip_invite_dialog(leg->inv) : NULL;

	if (d && d->call_id && !leg->rec.sip_call_id[0])
		str_fit(leg->rec.sip_call_id, sizeof(leg->rec.sip_call_id), str_of(d->call_id));
}

static void note_agent(struct leg *leg, const struct sip_msg *msg)
{
	struct str agent = sip_msg_header(msg, SIP_HDR_USER_AGENT);

	if (!agent.n)
		agent = sip_msg_header(msg, SIP_HDR_SERVER);
	str_fit(leg->rec.user_agent, sizeof(leg->rec.user_agent), agent);
}

static void sip_ended(struct leg *leg)
{
	refer_lose(leg);
	leg->inv =
		NULL; /* the usage is freed when we return, and tells nobody about its requests any more */
	leg_sip_forget_requests(leg);
	if (!leg_is_over(leg))
		leg_event(leg, LEV_LOST, &(struct leg_msg){.reason = REASON_PEER_LOST});
	else
		leg_event(leg, LEV_SIP_ENDED, &nothing);
}

static void take_event(struct leg *leg, struct sip_invite *inv, const struct sip_inv_event *ev)
{
	static const enum leg_ev events[] = {
		[SIP_INV_PROVISIONAL] = LEV_PROVISIONAL,
		[SIP_INV_PRACKED] = LEV_PRACKED,
		[SIP_INV_ANSWERED] = LEV_ANSWERED,
		[SIP_INV_REJECTED] = LEV_REJECTED,
		[SIP_INV_CANCELLED] = LEV_CANCELLED,
		[SIP_INV_ACKED] = LEV_ACKED,
		[SIP_INV_OFFER] = LEV_OFFER,
		[SIP_INV_REFRESH] = LEV_REFRESH,
		[SIP_INV_OFFER_DONE] = LEV_OFFER_DONE,
		[SIP_INV_OFFER_ACKED] = LEV_OFFER_ACKED,
		[SIP_INV_REQUEST] = LEV_REQUEST,
		[SIP_INV_BYE] = LEV_BYE,
		[SIP_INV_LOST] = LEV_LOST,
	};
	struct leg_msg m = {.sip = ev, .status = ev->status};
	struct buf reasons = {0};

	if (ev->type == SIP_INV_OFFER_CANCELLED) {
		bridge_taken_back(leg->call->bridge, leg);
		return;
	}
	if (ev->type == SIP_INV_REJECTED && leg->trunk_id) {
		leg->call->trunk_status = ev->msg ? ev->status : 0;
		if (!leg->is_caller && !leg->rec.ringing_at && (!ev->msg || ev->status == 503))
			leg->has_other_way = trunks_failed(leg->cs->conf.trunks, leg->trunk_id,
							   &leg->flow, ev->msg);
	}
	if (ev->type == SIP_INV_REJECTED && leg->contact && !leg->rec.ringing_at)
		leg->has_lost_flow = !ev->msg || ev->status == 430;
	if (!leg->inv)
		leg->inv = inv; /* an event from within sip_invite_uac() */
	note_dialog(leg);
	if (ev->msg && !ev->msg->is_request && !leg->rec.user_agent[0])
		note_agent(leg, ev->msg);
	if (ev->type == SIP_INV_ANSWERED || ev->type == SIP_INV_OFFER)
		party_hear(leg, ev->msg);
	if (ev->type == SIP_INV_REJECTED) {
		m.reason = reject_reason(leg, ev);
		moved_read(leg, ev->msg);
	} else if (ev->type == SIP_INV_CANCELLED)
		m.reason = REASON_CANCELLED;
	else if (ev->type == SIP_INV_BYE)
		m.reason = leg->is_caller && (!leg->rec.answered_at || leg->call->is_originated)
				   ? REASON_CANCELLED
				   : REASON_NORMAL;
	else if (ev->type == SIP_INV_LOST)
		m.reason = REASON_PEER_LOST;
	if (ev->type == SIP_INV_CANCELLED || ev->type == SIP_INV_BYE ||
	    ev->type == SIP_INV_REJECTED)
		leg_sip_reasons(&reasons, ev->msg);
	if (ev->type == SIP_INV_BYE)
		refer_hung_up(leg);
	m.headers = buf_view(&reasons);
	leg_event(leg, events[ev->type], &m);
	buf_free(&reasons);
}

void leg_sip_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct leg *leg = arg;
	struct sip_inv_event as_read = *ev;
	struct sip_msg *m = NULL;

	ON_THREAD(THREAD_CORE);
	if (ev->type == SIP_INV_ENDED) {
		if (!leg->inv || leg->inv == inv) /* else another goes on in its place */
			sip_ended(leg);
		return;
	}
	if (ev->type == SIP_INV_REJECTED && goes_on(leg, ev))
		return;
	/* TRK-14; without memory it is read as it came */
	if (leg->trunk_id && ev->msg &&
	    !rewrite_in(&m, leg_trunk(leg), ev->msg,
			ev->msg->is_request ? HEADER_RULES_REQUEST : HEADER_RULES_ANSWER))
		as_read.msg = m;
	take_event(leg, inv, &as_read);
	sip_msg_deref(m);
}

void leg_progress(struct leg *leg, unsigned status, struct str sdp)
{
	struct sip_extra extra = {.body = sdp};
	struct log_ctx ctx = leg_log(leg);
	int err;

	if (leg->st != LEG_READY || !leg->inv)
		return;
	if (sdp.n)
		extra.content_type = STR("application/sdp");
	err = sip_invite_progress(leg->inv, status, &extra);
	if (err) /* the final answer is what counts */
		log_debug(&ctx, LOGID_CALL, "a %u could not be sent: %s", status, strerror(err));
}

/* What came in an UPDATE, and must be answered at once, goes in one where the other side takes it (RFC 3311 5.1). */
static bool leg_offers_by_update(const struct leg *leg)
{
	const struct leg *peer = bridge_peer(leg->call->bridge, leg);

	return peer && peer->owes == LEG_OWES_RESPONSE && peer->is_by_update &&
	       sip_invite_takes_update(leg->inv);
}

static int offer(struct leg *leg, struct sip_extra *extra)
{
	struct buf lines = {0};
	int err;

	party_tell_peer(&lines, leg);
	extra->headers = buf_view(&lines);
	err = lines.err;
	if (!err)
		err = leg_offers_by_update(leg) ? sip_invite_update(leg->inv, extra)
						: sip_invite_reinvite(leg->inv, extra);
	buf_free(&lines);
	return err;
}

int leg_send_sdp(struct leg *leg, struct str sdp)
{
	struct sip_extra extra = {.content_type = STR("application/sdp"), .body = sdp};

	if (!leg->inv || leg_is_over(leg))
		return ENOENT;
	if (leg->owes != LEG_OWES_FINAL)
		leg->must_reoffer = false; /* it hears of it now */
	switch (leg->owes) {
	case LEG_OWES_FINAL:
		leg_event(leg, LEV_ACCEPT, &(struct leg_msg){.sdp = sdp});
		return 0;
	case LEG_OWES_RESPONSE:
		leg->owes = LEG_OWES_NOTHING;
		return sip_invite_respond(leg->inv, 200, &extra);
	case LEG_OWES_ACK:
		leg->owes = LEG_OWES_NOTHING;
		if (leg->st == LEG_ANSWERED) {
			leg_event(leg, LEV_ACK, &(struct leg_msg){.sdp = sdp});
			return 0;
		}
		return sip_invite_ack(leg->inv, sdp);
	case LEG_OWES_NOTHING:
		return offer(leg, &extra);
	}
	return EPROTO;
}

int leg_ask(struct leg *leg)
{
	if (!leg->inv || leg_is_over(leg) || leg->owes != LEG_OWES_NOTHING)
		return EPROTO;
	return offer(leg, &(struct sip_extra){0});
}

void leg_end_offer(struct leg *leg, unsigned status)
{
	struct sip_extra extra = {0};
	struct log_ctx ctx = leg_log(leg);
	int err;

	if (!leg->inv)
		return;
	leg->owes = LEG_OWES_NOTHING;
	if (status == 500 || status == 503)
		extra.headers = STR("Retry-After: 5\r\n");
	err = sip_invite_respond(leg->inv, status, &extra);
	if (err) /* nothing pending any more: the peer has hung up meanwhile */
		log_debug(&ctx, LOGID_CALL, "a re-INVITE could not be answered: %s", strerror(err));
}

static void ack_plain(struct leg *leg)
{
	struct log_ctx ctx = leg_log(leg);
	int err = sip_invite_ack(leg->inv, STR_NONE);

	if (err) /* the peer will repeat its 200, and then hang up */
		log_debug(&ctx, LOGID_CALL, "a 200 could not be acknowledged: %s", strerror(err));
}

void leg_ack(struct leg *leg)
{
	if (leg->owes != LEG_OWES_ACK || !leg->inv)
		return;
	leg->owes = LEG_OWES_NOTHING;
	if (leg->st == LEG_ANSWERED)
		leg_event(leg, LEV_ACK, &nothing);
	else
		ack_plain(leg);
}

/* An INFO or MESSAGE on its way through: whose transaction waits for the answer.  In the list of the leg it was sent to. */
struct relayed {
	struct link link;
	struct sip *sip;
	oid asked;
};

static void answer_relayed(struct relayed *r, unsigned status)
{
	struct sip_strans *st = sip_strans_get(r->sip, r->asked);

	if (st)
		(void)sip_reply(st, status, NULL, &(struct sip_extra){0});
	list_remove(&r->link);
	mem_free(r);
}

static void relayed_done(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	unsigned status = resp ? resp->status : 408;

	if (status >= 200) /* 408 and 481 would end the asker's dialog (RFC 5057) */
		answer_relayed(arg, status == 408 || status == 481 || status == 503 ? 500 : status);
}

static int relay_request(struct leg *leg, const struct sip_inv_event *ev)
{
	struct leg *peer = bridge_peer(leg->call->bridge, leg);
	struct sip_extra extra = {
		.content_type = sip_msg_header(ev->msg, SIP_HDR_CONTENT_TYPE),
		.body = ev->msg->body,
	};
	struct relayed *r;
	int err;

	if (!peer || peer->st != LEG_UP)
		return ENOENT;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->sip = leg->cs->conf.sip;
	r->asked = sip_strans_id(ev->st);
	err = sip_invite_request(peer->inv, ev->msg->method, &extra, relayed_done, r);
	if (err)
		mem_free(r);
	else
		list_append(&peer->relayed, &r->link);
	return err;
}

void leg_sip_forget_requests(struct leg *leg)
{
	LIST_EACH_SAFE (it, tmp, &leg->relayed)
		answer_relayed(CONTAINER_OF(it, struct relayed, link), 500);
}

static void refuse_method(struct sip *sip, struct sip_strans *st)
{
	struct buf lines = {0};

	sip_write_allow_within(sip, &lines);
	(void)sip_reply(st, 405, NULL, &(struct sip_extra){.headers = buf_view(&lines)});
	buf_free(&lines);
}

void leg_sip_request(struct leg *leg, const struct sip_inv_event *ev)
{
	static const struct sip_extra no_packages = {.headers = {"Recv-Info:\r\n", 12}};
	unsigned status;

	switch (ev->msg->method) {
	case SIP_INFO:
		/* RFC 6086 4.2.2: no package of ours */
		if (sip_msg_header_named(ev->msg, STR("Info-Package")).n) {
			(void)sip_reply(ev->st, 469, NULL, &no_packages);
			return;
		}
		if (ev->msg->body.n && !leg_press_info(leg, ev->msg) && !relay_request(leg, ev))
			return; /* answered when the other side has */
		status = 200;	/* RFC 6086 appendix A: one without a package is acknowledged */
		break;
	case SIP_REFER:
		transfer_refer(leg, ev);
		return;
	case SIP_MESSAGE:
		if (sip_msg_body_is_strange(ev->msg))
			status = 415;
		else if (ev->msg->body.n && !relay_request(leg, ev))
			return;
		else
			status = 488; /* nobody there who reads */
		break;
	case SIP_NOTIFY:
		status = 481;
		break;
	default:
		refuse_method(leg->cs->conf.sip, ev->st);
		return;
	}
	(void)sip_reply(ev->st, status, NULL, NULL);
}
