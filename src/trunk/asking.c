/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is it there?  OPTIONS at its pace (TRK-3): no answer, 408 or 503 is offline; any other answer says that it lives.
 */
#include <stdio.h>
#include <string.h>
#include "sip/write.h"
#include "trunk/inside.h"

/* A trunk that was lost is asked more often, so that calls go over it again soon. */
enum { LOST_S = 30 };

int probe_send(struct peer *p, struct probe *pr, enum sip_method method, struct str user,
	       struct str lines, bool has_contact, sip_response_h *fn)
{
	struct buf uri = {0}, party = {0}, from = {0}, contact = {0};
	char host[ADDR_STR_BYTES];
	struct addr local;
	struct sip_out out;
	int err = p->of->conf.edge->local_for(p->of->conf.edge, p->flow.transport, &p->flow.remote,
					      &local);

	if (err)
		return err;
	buf_printf(&uri, "sip:%s", addr_str(host, &p->flow.remote));
	buf_cstr(&party, "<sip:");
	if (user.n)
		buf_printf(&party, "%.*s@", STR_ARG(user));
	buf_printf(&party, "%s>", addr_host_str(host, &p->flow.remote));
	buf_printf(&from, "%.*s;tag=%s", STR_ARG(buf_view(&party)), pr->tag);
	buf_cstr(&contact, "<sip:");
	if (user.n)
		buf_printf(&contact, "%.*s@", STR_ARG(user));
	buf_printf(&contact, "%s%s>", addr_str(host, &local),
		   sip_transport_param(p->flow.transport));
	out = (struct sip_out){
		.method = method,
		.uri = buf_view(&uri),
		.flow = p->flow,
		.from = buf_view(&from),
		.to = buf_view(&party),
		.call_id = str_of(pr->call_id),
		.cseq = ++pr->cseq,
		.contact = has_contact ? buf_view(&contact) : STR_NONE,
		.extra = {.headers = lines},
	};
	err = uri.err ? uri.err : party.err ? party.err : from.err ? from.err : contact.err;
	if (!err)
		err = sip_send(p->of->conf.sip, &out, fn, p, &pr->trans);
	buf_free(&uri);
	buf_free(&party);
	buf_free(&from);
	buf_free(&contact);
	return err;
}

void probe_stop(struct peer *p, struct probe *pr)
{
	timer_cancel(&pr->timer);
	if (pr->trans)
		sip_forget(p->of->conf.sip, pr->trans);
	pr->trans = 0;
}

static void ask(struct timer *timer, void *arg);

static void heard(struct peer *p, const struct sip_msg *resp, int err)
{
	const struct trunk *t = peer_trunk(p);
	bool is_alive = resp && resp->status != 408 && resp->status != 503;
	bool registers = t && t->kind == TRUNK_KIND_REGISTER;
	char reason[TRUNK_REASON_BYTES];
	uint64_t s = t ? (uint64_t)t->keep_alive_seconds : LOST_S;

	peer_reason(reason, resp, err);
	if (!is_alive && s > LOST_S)
		s = LOST_S;
	/* A registration that does not hold is not made good by an answer to OPTIONS. */
	if (!registers || !is_alive || p->expires_at_us)
		peer_is_online(p, is_alive, reason);
	timer_start(p->of->conf.env.wheel, &p->options.timer, s * 1000, ask, p);
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct peer *p = arg;

	if (resp && resp->status < 200)
		return;
	p->options.trans = 0;
	heard(p, resp, err);
}

static void ask(struct timer *timer, void *arg)
{
	struct peer *p = arg;
	const struct trunk *t = peer_trunk(p);
	int err = t ? probe_send(p, &p->options, SIP_OPTIONS, str_of(t->username),
				 STR("Accept: application/sdp\r\n"), true, on_response)
		    : ENOENT;

	if (err)
		heard(p, NULL, err);
}

void asking_start(struct peer *p)
{
	sip_make_call_id(p->of->conf.sip, p->options.call_id, sizeof(p->options.call_id));
	sip_make_tag(p->of->conf.sip, p->options.tag, sizeof(p->options.tag));
	p->options.cseq = 0;
	timer_start(p->of->conf.env.wheel, &p->options.timer, rng_below(p->of->conf.env.rng, 50),
		    ask, p);
}

void asking_stop(struct peer *p)
{
	probe_stop(p, &p->options);
}
