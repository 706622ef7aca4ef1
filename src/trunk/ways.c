/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The addresses that a trunk's host, or its outbound proxy, has: found by its name, found anew when that answer has grown old.
 *
 * An address that did not answer, or said 503, is left out while there are others; it is asked with OPTIONS until it answers.  One
 * that said for how long (Retry-After) is left in peace for so long, even when it is the only one.
 *
 * When name servers do not answer, what they said before holds on; when they say that there is no such host, it is gone.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "trunk/inside.h"

enum {
	AGAIN_S = 30,	 /* after name servers did not answer, or found nothing */
	OLDEST_S = 3600, /* a provider that moves is found within an hour, whatever it says */
	CHECK_S = 15,
	MAX_CLOSED_S = 3600,
	SPREAD_MS = 50, /* one change of the model may bring many trunks */
};

/* One address that did not answer, or asked for peace. */
struct check {
	struct link link;
	struct peer *peer;
	struct flow flow;
	uint64_t closed_until_ms; /* it said so; 0: it said nothing, or just 503 */
	struct probe probe;
};

static uint64_t now_ms(const struct peer *p)
{
	return clock_mono_ms(p->of->conf.env.clock);
}

/* ---- those that are left out ---- */

static struct check *check_of(const struct peer *p, enum flow_transport t, const struct addr *a)
{
	LIST_EACH (it, &p->checks) {
		struct check *c = CONTAINER_OF(it, struct check, link);

		if (c->flow.transport == t && addr_eq(&c->flow.remote, a))
			return c;
	}
	return NULL;
}

static void check_free(struct check *c)
{
	probe_stop(c->peer, &c->probe);
	list_remove(&c->link);
	mem_free(c);
}

static uint32_t retry_after(const struct sip_msg *resp)
{
	struct str text = resp ? sip_msg_header(resp, SIP_HDR_RETRY_AFTER) : STR_NONE;
	uint32_t s = 0;
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++; /* "18000;duration=3600", "120 (in a meeting)" */
	if (str_u32((struct str){text.p, n}, &s))
		s = n ? MAX_CLOSED_S : 0;
	return s < MAX_CLOSED_S ? s : MAX_CLOSED_S;
}

static void check_fired(struct timer *t, void *arg);

static void check_later(struct check *c, uint32_t closed_s)
{
	c->closed_until_ms = closed_s ? now_ms(c->peer) + (uint64_t)closed_s * 1000 : 0;
	timer_start(c->peer->of->conf.env.wheel, &c->probe.timer,
		    (uint64_t)(closed_s ? closed_s : CHECK_S) * 1000, check_fired, c);
}

static void check_heard(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct check *c = arg;
	char text[ADDR_STR_BYTES];

	(void)trans;
	(void)err;
	if (resp && resp->status < 200)
		return;
	c->probe.trans = 0;
	if (!resp || resp->status == 408 || resp->status == 503)
		return check_later(c, retry_after(resp));
	log_info(NULL, LOGID_TRUNK, "trunk %s: %s answers again", peer_name(c->peer),
		 addr_str(text, &c->flow.remote));
	check_free(c);
}

static void check_fired(struct timer *t, void *arg)
{
	struct check *c = arg;
	const struct trunk *conf = peer_trunk(c->peer);
	int err;

	(void)t;
	if (c->peer->nways < 2)
		return check_free(c); /* its time is over; there is nothing to choose */
	c->closed_until_ms = 0;
	err = probe_send(c->peer, &c->probe, &c->flow,
			 &(struct probe_request){.method = SIP_OPTIONS,
						 .user = conf ? str_of(conf->username) : STR_NONE,
						 .lines = STR("Accept: application/sdp\r\n"),
						 .has_contact = true,
						 .fn = check_heard,
						 .arg = c});
	if (err)
		check_later(c, 0);
}

bool ways_failed(struct peer *p, const struct flow *to, const struct sip_msg *resp)
{
	uint32_t closed_s = retry_after(resp);
	struct check *c = check_of(p, to->transport, &to->remote);
	char text[ADDR_STR_BYTES];
	struct flow other;

	if (!p->is_by_name && !closed_s)
		return false; /* there is nothing to choose */
	if (!c) {
		c = p->nways < 2 && !closed_s ? NULL : mem_alloc(sizeof(*c));
		if (!c)
			return false;
		c->peer = p;
		c->flow = *to;
		c->flow.conn = 0;
		list_append(&p->checks, &c->link);
		probe_init(p, &c->probe);
		log_info(NULL, LOGID_TRUNK, "trunk %s: %s is left out: %s", peer_name(p),
			 addr_str(text, &to->remote), resp ? "503" : "no answer");
	}
	if (!c->probe.trans)
		check_later(c, closed_s);
	return ways_pick(p, &other) && !check_of(p, other.transport, &other.remote);
}

bool ways_are_closed(const struct peer *p)
{
	uint64_t now = list_empty(&p->checks) ? 0 : now_ms(p);

	for (size_t i = 0; i < p->nways; i++) {
		const struct check *c =
			check_of(p, p->ways[i].target.transport, &p->ways[i].target.addr);

		if (!c || c->closed_until_ms <= now)
			return false;
	}
	return p->nways > 0;
}

/* ---- choosing ---- */

static bool is_home(const struct peer *p, const struct locate_target *t)
{
	return p->flow.transport == t->transport && addr_eq(&p->flow.remote, &t->addr);
}

bool ways_pick(const struct peer *p, struct flow *flow)
{
	const struct trunk *t = peer_trunk(p);
	bool stays = t && t->kind != TRUNK_KIND_IP; /* where its registration is */
	struct located l = {0};

	if (!p->nways)
		return false;
	*flow = p->flow;
	if (p->nways == 1)
		return true;
	for (size_t i = 0; i < p->nways; i++) {
		const struct locate_target *way = &p->ways[i].target;

		if (check_of(p, way->transport, &way->addr))
			continue;
		if (stays && is_home(p, way))
			return true;
		l.target[l.n++] = *way;
	}
	if (!l.n)
		return true; /* none answers: one is as good as another */
	locate_order(&l, p->of->conf.env.rng);
	*flow = peer_flow(p, &l.target[0]);
	return true;
}

bool ways_have(const struct peer *p, const struct addr *a, bool with_port)
{
	for (size_t i = 0; i < p->nways; i++)
		if (with_port ? addr_eq(&p->ways[i].target.addr, a)
			      : addr_ip_eq(&p->ways[i].target.addr, a))
			return true;
	return false;
}

/* ---- what is found ---- */

uint64_t way_hash(const struct addr *a)
{
	struct addr ip = *a;

	ip.port = 0;
	return addr_hash(&ip);
}

static void exempt(struct peer *p, size_t i, const struct addr *a)
{
	struct addr_net net = {.addr = addr_first(a, a->family == 4 ? 32 : 128),
			       .bits = a->family == 4 ? 32 : 128};
	int err = shield_exempt(sip_shield(p->of->conf.sip), p->exempt_id + i, &net);

	if (err)
		log_warn(NULL, LOGID_TRUNK,
			 "trunk %s: an address of it can be blocked by the flood guard: %s",
			 peer_name(p), strerror(err));
}

static void take_away(struct peer *p)
{
	for (size_t i = 0; i < p->nways; i++) {
		map_remove(&p->of->by_ip, &p->ways[i].by_ip);
		shield_no_rule(sip_shield(p->of->conf.sip), p->exempt_id + i);
	}
	p->nways = 0;
}

static void put(struct peer *p, const struct locate_target *target, size_t n, bool is_exempt)
{
	take_away(p);
	for (size_t i = 0; i < n; i++) {
		struct way *w = &p->ways[p->nways++];

		w->peer = p;
		w->target = target[i];
		map_add(&p->of->by_ip, &w->by_ip, way_hash(&target[i].addr));
		if (is_exempt)
			exempt(p, i, &target[i].addr);
	}
	LIST_EACH_SAFE (it, tmp, &p->checks) {
		struct check *c = CONTAINER_OF(it, struct check, link);

		if (!ways_have(p, &c->flow.remote, true))
			check_free(c);
	}
}

void ways_set(struct peer *p, const struct flow *flow)
{
	const struct locate_target one = {.transport = flow->transport, .addr = flow->remote};

	put(p, &one, 1, false);
	p->flow = *flow;
}

static void find(struct timer *t, void *arg);

static void find_in(struct peer *p, uint64_t ms)
{
	timer_start(p->of->conf.env.wheel, &p->find_timer, ms, find, p);
}

static void take(struct peer *p, const struct located *found)
{
	const struct trunk *t = peer_trunk(p);
	bool is_first = !p->nways;
	uint32_t s = found->ttl_s < OLDEST_S ? found->ttl_s : OLDEST_S;

	put(p, found->target, found->n, t && !t->owner_id);
	if (!ways_have(p, &p->flow.remote, true)) {
		struct located drawn = *found;

		locate_order(&drawn, p->of->conf.env.rng);
		p->flow = peer_flow(p, &drawn.target[0]);
		peer_found(p, is_first);
	}
	if (p->is_by_name)
		find_in(p, ((uint64_t)s + 1) * 1000);
}

static void on_found(const struct located *found, int err, void *arg)
{
	struct peer *p = arg;
	char why[TRUNK_REASON_BYTES];

	p->finding = 0;
	if (!err)
		return take(p, found);
	find_in(p, AGAIN_S * 1000);
	if (p->nways && err != ENOENT)
		return;
	(void)snprintf(why, sizeof(why), "%s",
		       err == ENOENT   ? "no host of that name"
		       : err == EAGAIN ? "name servers do not answer"
				       : strerror(err));
	take_away(p);
	p->flow = (struct flow){0};
	peer_lost(p, why);
}

struct str ways_host(const struct trunk *t, uint16_t *port)
{
	struct str rest = str_of(t->outbound_proxy), host = rest;
	uint32_t n = 0;

	*port = (uint16_t)t->port;
	if (!rest.n)
		return str_of(t->host);
	*port = 0;
	if (*rest.p == '[') {
		host = str_cut(&rest, ']');
		host = (struct str){host.p + 1, host.n - 1};
		(void)str_cut(&rest, ':');
	} else {
		host = str_cut(&rest, ':');
	}
	if (rest.n && !str_u32(rest, &n) && n <= UINT16_MAX)
		*port = (uint16_t)n;
	return host;
}

static void find(struct timer *timer, void *arg)
{
	struct peer *p = arg;
	const struct trunk *t = peer_trunk(p);
	struct locator *l = p->of->conf.locator;
	struct locate_question q;
	struct located found;
	int err;

	(void)timer;
	if (!t)
		return;
	q = (struct locate_question){.transport = peer_transport(t),
				     .is_any_transport = t->transport == TRUNK_TRANSPORT_AUTO};
	q.host = ways_host(t, &q.port);
	err = locate_literal(&q, &found) ? 0
	      : l			 ? l->find(l, &q, &found, on_found, p, &p->finding)
					 : ENOENT;
	if (err != EINPROGRESS)
		on_found(&found, err, p);
}

static void take_certificate(const struct model *m, const struct resource *res, uint64_t tenant_id,
			     uint64_t id, void *arg)
{
	const struct certificate **best = arg;

	if (!*best || (*best)->o.id < id)
		*best = (const struct certificate *)model_object(m, res, tenant_id, id);
}

/* A tenant shows its own, the newest. */
static const struct certificate *certificate_of(const struct peer *p, const struct trunk *t)
{
	const struct model *m = p->of->conf.model;
	const struct certificate *best = NULL;

	if (!t->owner_id)
		return (const struct certificate *)model_object(m, &resource_certificate, 0,
								t->certificate_id);
	model_tell_all(m, &resource_certificate, t->owner_id, take_certificate, &best);
	return best;
}

/* RFC 5922 7.1: the name that was configured, not those that name servers gave for it. */
static int name_whom(struct peer *p, const struct trunk *t, struct str host)
{
	struct flow_edge *edge = p->of->conf.edge;
	const struct certificate *c = certificate_of(p, t);
	struct flow_peer who = {.host = *t->tls_name	? str_of(t->tls_name)
					: p->is_by_name ? host
							: STR_NONE,
				.is_unproved = !t->tls_verify,
				.roots = str_of(t->tls_ca)};

	ways_part(p);
	if (c) {
		who.chain = str_of(c->chain);
		who.key = str_of(c->key);
		who.passphrase = c->passphrase;
	}
	if (t->transport != TRUNK_TRANSPORT_TLS && t->transport != TRUNK_TRANSPORT_AUTO)
		return 0;
	if (!who.host.n && !who.is_unproved && !who.roots.n && !c)
		return 0; /* the address, as it stands */
	if (edge->meet)
		return edge->meet(edge, &who, &p->whom);
	return t->transport == TRUNK_TRANSPORT_AUTO ? 0 : EPROTONOSUPPORT;
}

void ways_part(struct peer *p)
{
	if (p->whom)
		p->of->conf.edge->part(p->of->conf.edge, p->whom);
	p->whom = 0;
}

void ways_start(struct peer *p, const struct trunk *t)
{
	struct locate_question q = {.transport = peer_transport(t)};
	struct located found;
	int err;

	p->flow = (struct flow){0}; /* whatever has changed, it begins anew */
	q.host = ways_host(t, &q.port);
	p->is_by_name = !locate_literal(&q, &found);
	err = name_whom(p, t, q.host);
	if (err)
		return peer_lost(p, strerror(err));
	if (!p->is_by_name)
		return take(p, &found);
	peer_lost(p, "looking for its host");
	find_in(p, rng_below(p->of->conf.env.rng, SPREAD_MS));
}

void ways_refind(struct peer *p)
{
	if (p->is_there && p->is_by_name && !p->finding)
		find_in(p, rng_below(p->of->conf.env.rng, SPREAD_MS));
}

void ways_stop(struct peer *p)
{
	timer_cancel(&p->find_timer);
	if (p->finding)
		p->of->conf.locator->forget(p->of->conf.locator, p->finding);
	p->finding = 0;
	LIST_EACH_SAFE (it, tmp, &p->checks)
		check_free(CONTAINER_OF(it, struct check, link));
	take_away(p);
	p->is_by_name = false;
}
