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

void probe_init(struct peer *p, struct probe *pr)
{
	sip_make_call_id(p->of->conf.sip, pr->call_id, sizeof(pr->call_id));
	sip_make_tag(p->of->conf.sip, pr->tag, sizeof(pr->tag));
	pr->cseq = 0;
}

struct parts {
	struct buf target, domain, uri, party, from, contact, routes;
};

static int write_parts(struct parts *w, const struct peer *p, const struct probe *pr,
		       const struct flow *to, const struct addr *local,
		       const struct probe_request *r)
{
	char host[ADDR_STR_BYTES];
	const char *own = peer_own_name(p);

	peer_names(p, to, &w->target, &w->domain);
	peer_route(p, &w->routes);
	buf_printf(&w->uri, "sip:%.*s", STR_ARG(buf_view(&w->target)));
	buf_cstr(&w->party, "<sip:");
	buf_cstr(&w->contact, "<sip:");
	if (r->user.n) {
		buf_printf(&w->party, "%.*s@", STR_ARG(r->user));
		buf_printf(&w->contact, "%.*s@", STR_ARG(r->user));
	}
	buf_printf(&w->party, "%.*s>", STR_ARG(buf_view(&w->domain)));
	if (own)
		buf_printf(&w->from, "<sip:%.*s%s%s>;tag=%s", STR_ARG(r->user),
			   r->user.n ? "@" : "", own, pr->tag);
	else
		buf_printf(&w->from, "%.*s;tag=%s", STR_ARG(buf_view(&w->party)), pr->tag);
	if (own)
		buf_printf(&w->contact, "%s:%u%s>", own, local->port,
			   sip_transport_param(to->transport));
	else
		buf_printf(&w->contact, "%s%s>", addr_str(host, local),
			   sip_transport_param(to->transport));
	return w->target.err | w->domain.err | w->uri.err | w->party.err | w->from.err |
			       w->contact.err | w->routes.err
		       ? ENOMEM
		       : 0;
}

static void free_parts(struct parts *w)
{
	buf_free(&w->target);
	buf_free(&w->domain);
	buf_free(&w->uri);
	buf_free(&w->party);
	buf_free(&w->from);
	buf_free(&w->contact);
	buf_free(&w->routes);
}

int probe_send(struct peer *p, struct probe *pr, const struct flow *to,
	       const struct probe_request *r)
{
	struct flow_edge *edge = p->of->conf.edge;
	struct parts w = {.uri = {0}};
	struct flow flow = *to;
	struct addr local;
	struct sip_out out;
	int err = edge->local_for(edge, to->transport, &to->remote, &local);

	flow.faces = peer_faces(p);
	flow_show(edge, &flow, &local);
	if (!err)
		err = write_parts(&w, p, pr, to, &local, r);
	out = (struct sip_out){
		.method = r->method,
		.uri = buf_view(&w.uri),
		.flow = flow,
		.from = buf_view(&w.from),
		.to = buf_view(&w.party),
		.call_id = str_of(pr->call_id),
		.cseq = ++pr->cseq,
		.contact = r->has_contact ? buf_view(&w.contact) : STR_NONE,
		.routes = buf_view(&w.routes),
		.edit_for = p->id,
		.extra = {.headers = r->lines},
	};
	if (!err)
		err = sip_send(p->of->conf.sip, &out, r->fn, r->arg, &pr->trans);
	free_parts(&w);
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

static bool is_down(const struct trunk *t, const struct sip_msg *resp)
{
	if (!resp || resp->status == 408 || resp->status == 503)
		return true;
	return t && t->keep_alive_200_only && resp->status != 200;
}

static void heard(struct peer *p, const struct sip_msg *resp, int err)
{
	const struct trunk *t = peer_trunk(p);
	bool is_alive = !is_down(t, resp);
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

/* Its home is down: one whose registration is not there moves to another address of it. */
static bool move_home(struct peer *p, const struct sip_msg *resp)
{
	const struct trunk *t = peer_trunk(p);
	struct flow other;

	if (!ways_failed(p, &p->flow, resp) || !ways_pick(p, &other))
		return false;
	p->flow = other;
	if (t && t->kind == TRUNK_KIND_REGISTER)
		registering_again(p);
	return true;
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct peer *p = arg;

	if (resp && resp->status < 200)
		return;
	p->options.trans = 0;
	if (is_down(peer_trunk(p), resp) && move_home(p, resp))
		return ask(&p->options.timer, p);
	heard(p, resp, err);
}

static void ask(struct timer *timer, void *arg)
{
	struct peer *p = arg;
	const struct trunk *t = peer_trunk(p);
	int err;

	do {
		const struct probe_request r = {.method = SIP_OPTIONS,
						.user = t ? str_of(t->username) : STR_NONE,
						.lines = STR("Accept: application/sdp\r\n"),
						.has_contact = true,
						.fn = on_response,
						.arg = p};

		err = t ? probe_send(p, &p->options, &p->flow, &r) : ENOENT;
	} while (err && move_home(p, NULL));
	if (err)
		heard(p, NULL, err);
}

void asking_start(struct peer *p)
{
	probe_init(p, &p->options);
	timer_start(p->of->conf.env.wheel, &p->options.timer, rng_below(p->of->conf.env.rng, 50),
		    ask, p);
}

void asking_stop(struct peer *p)
{
	probe_stop(p, &p->options);
}
