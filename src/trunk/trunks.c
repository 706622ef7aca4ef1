/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/bus.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/write.h"
#include "trunk/inside.h"

const struct trunk *peer_trunk(const struct peer *p)
{
	return (const struct trunk *)model_object(p->of->conf.model, &resource_trunk, 0, p->id);
}

static const char *text_of(int err)
{
	switch (err) {
	case ETIMEDOUT:
		return "no answer";
	case EKEYREJECTED:
		return "its certificate is not trusted, or not of this name";
	case EKEYEXPIRED:
		return "its certificate has expired";
	default:
		return strerror(err);
	}
}

void peer_reason(char dst[TRUNK_REASON_BYTES], const struct sip_msg *resp, int err)
{
	if (resp)
		(void)snprintf(dst, TRUNK_REASON_BYTES, "%u %.*s", resp->status,
			       resp->reason.n > 64 ? 64 : (int)resp->reason.n,
			       resp->reason.n ? resp->reason.p : "");
	else
		(void)snprintf(dst, TRUNK_REASON_BYTES, "%s", text_of(err));
}

void peer_is_online(struct peer *p, bool is_online, const char *reason)
{
	const struct trunk *t = peer_trunk(p);
	const int64_t now = clock_wall_us(p->of->conf.env.clock);
	bool was = p->is_online;

	(void)snprintf(p->reason, sizeof(p->reason), "%s", reason);
	if (was == is_online)
		return;
	p->is_online = is_online;
	p->since_us = now;
	log_info(NULL, LOGID_TRUNK, "trunk %s is %s: %s", t ? t->name : "(gone)",
		 is_online ? "online" : "offline", p->reason);
	bus_publish(p->of->conf.bus, &(struct bus_event){.kind = is_online ? BUS_TRUNK_CONNECTED
									   : BUS_TRUNK_DISCONNECTED,
							 .number = t ? t->name : "",
							 .reason = p->reason,
							 .wall_us = now});
}

/* ---- finding ---- */

static bool same_id(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct peer, by_id)->id == *(const uint64_t *)key;
}

static struct peer *find(const struct trunks *t, uint64_t id)
{
	struct map_node *node = map_find(&t->by_id, map_hash_u64(id, 0), same_id, &id);

	return node ? CONTAINER_OF(node, struct peer, by_id) : NULL;
}

static uint64_t ip_hash(const struct addr *a)
{
	struct addr ip = *a;

	ip.port = 0;
	return addr_hash(&ip);
}

static bool same_ip(const struct map_node *node, const void *key)
{
	return addr_ip_eq(&CONTAINER_OF(node, struct peer, by_ip)->flow.remote, key);
}

static bool has_network(const struct trunk *t, const struct addr *a)
{
	for (size_t i = 0; t && i < t->networks.n; i++) {
		const struct trunk_network *n = (const struct trunk_network *)t->networks.v[i];
		struct addr_net net;

		if (!addr_net_parse(&net, str_of(n->network)) && addr_net_has(&net, a))
			return true;
	}
	return false;
}

static bool fits_port(const struct peer *p, const struct addr *a)
{
	const struct trunk *t = peer_trunk(p);

	return t && (!t->verify_port || a->port == p->flow.remote.port);
}

uint64_t trunks_of_source(const struct trunks *t, const struct flow *from, size_t *pos)
{
	struct map_node *node = map_find(&t->by_ip, ip_hash(&from->remote), same_ip, &from->remote);
	size_t n = 0;

	for (; node; node = map_find_next(node, same_ip, &from->remote)) {
		const struct peer *p = CONTAINER_OF(node, struct peer, by_ip);

		if (fits_port(p, &from->remote) && n++ == *pos)
			return ++*pos, p->id;
	}
	if (!t->nnetworks)
		return 0;
	LIST_EACH (l, &t->peers) {
		const struct peer *p = CONTAINER_OF(l, struct peer, link);

		if (p->is_there && !addr_ip_eq(&p->flow.remote, &from->remote) &&
		    has_network(peer_trunk(p), &from->remote) && fits_port(p, &from->remote) &&
		    n++ == *pos)
			return ++*pos, p->id;
	}
	return 0;
}

/* ---- state ---- */

enum trunk_ready trunks_ready(const struct trunks *t, uint64_t trunk_id)
{
	const struct peer *p = find(t, trunk_id);
	const struct trunk *conf = p ? peer_trunk(p) : NULL;

	if (!conf || !p->is_there || !p->is_online)
		return TRUNK_OFFLINE;
	if (conf->max_calls && p->ncalls >= (size_t)conf->max_calls)
		return TRUNK_FULL;
	return TRUNK_READY;
}

static struct peer *peer_free(struct peer *p);

void trunks_hold(struct trunks *t, uint64_t trunk_id)
{
	struct peer *p = find(t, trunk_id);

	if (p)
		p->ncalls++;
}

void trunks_release(struct trunks *t, uint64_t trunk_id)
{
	struct peer *p = find(t, trunk_id);

	if (!p || !p->ncalls)
		return;
	if (!--p->ncalls && !p->is_there)
		peer_free(p);
}

bool trunks_flow(const struct trunks *t, uint64_t trunk_id, struct flow *flow)
{
	const struct peer *p = find(t, trunk_id);

	if (!p || !p->flow.remote.family)
		return false;
	*flow = p->flow;
	return true;
}

void trunks_names(const struct trunks *t, uint64_t trunk_id, struct buf *target, struct buf *domain)
{
	const struct peer *p = find(t, trunk_id);
	const struct trunk *conf = p ? peer_trunk(p) : NULL;
	char host[ADDR_STR_BYTES];

	if (p && *p->target) {
		buf_cstr(target, p->target);
		buf_cstr(domain, conf ? conf->host : addr_host_str(host, &p->flow.remote));
	} else if (p) {
		buf_printf(target, "%s%s", addr_str(host, &p->flow.remote),
			   sip_transport_param(p->flow.transport));
		buf_cstr(domain, addr_host_str(host, &p->flow.remote));
	}
}

int trunks_answer(struct trunks *t, uint64_t trunk_id, const struct sip_msg *resp, struct str uri,
		  struct buf *out)
{
	const struct peer *p = find(t, trunk_id);
	const struct trunk *conf = p ? peer_trunk(p) : NULL;
	struct sip_challenge c;
	struct sip_answer a;
	char cnonce[33];
	int err;

	if (!conf || !*conf->password || !addr_ip_eq(&resp->flow.remote, &p->flow.remote))
		return EPERM;
	err = sip_challenge_read(&c, resp, SIP_DIGEST_MD5 | SIP_DIGEST_SHA256);
	if (err)
		return err;
	rng_token(t->conf.env.rng, cnonce, sizeof(cnonce) - 1);
	a = (struct sip_answer){
		.username = str_of(*conf->auth_username ? conf->auth_username : conf->username),
		.password = str_of(conf->password),
		.method = resp->method_name,
		.uri = uri,
		.cnonce = str_of(cnonce),
		.nc = 1,
	};
	sip_digest_answer(t->digest, out, &c, &a);
	return out->err;
}

bool trunks_next(const struct trunks *t, uint64_t after, struct trunk_view *view)
{
	LIST_EACH (l, &t->peers) {
		const struct peer *p = CONTAINER_OF(l, struct peer, link);

		if (p->id <= after || !p->is_there)
			continue;
		*view = (struct trunk_view){p->id,	 p->is_online, p->reason,
					    p->since_us, p->ncalls,    p->expires_at_us};
		return true;
	}
	return false;
}

/* ---- coming and going ---- */

static struct peer *peer_free(struct peer *p)
{
	list_remove(&p->link);
	map_remove(&p->of->by_id, &p->by_id);
	return mem_free(p);
}

static struct peer *peer_alloc(struct trunks *t, uint64_t id)
{
	struct peer *p = mem_alloc(sizeof(*p));
	struct link *at = &t->peers;

	if (!p)
		return NULL;
	p->of = t;
	p->id = id;
	LIST_EACH (l, &t->peers) {
		if (CONTAINER_OF(l, struct peer, link)->id > id) {
			at = l;
			break;
		}
	}
	list_add_before(at, &p->link);
	map_add(&t->by_id, &p->by_id, map_hash_u64(id, 0));
	return p;
}

void peer_reach(struct peer *p, const struct flow *flow)
{
	peer_unreach(p);
	p->flow = *flow;
	map_add(&p->of->by_ip, &p->by_ip, ip_hash(&p->flow.remote));
	p->is_by_ip = true;
}

void peer_unreach(struct peer *p)
{
	if (p->is_by_ip)
		map_remove(&p->of->by_ip, &p->by_ip);
	p->is_by_ip = false;
}

static void leave(struct peer *p)
{
	if (!p->is_there)
		return;
	registering_stop(p);
	asking_stop(p);
	accepting_stop(p);
	peer_unreach(p);
	p->is_there = false;
}

/* How it is reached; over TLS also whom its certificate must name, when that is not the address. */
static int flow_to(const struct peer *p, const struct trunk *t, struct flow *flow)
{
	static const enum flow_transport transports[] = {[TRUNK_TRANSPORT_UDP] = FLOW_UDP,
							 [TRUNK_TRANSPORT_TCP] = FLOW_TCP,
							 [TRUNK_TRANSPORT_TLS] = FLOW_TLS};
	struct flow_edge *edge = p->of->conf.edge;

	*flow = (struct flow){.transport = transports[t->transport]};
	if (addr_parse(&flow->remote, str_of(t->host), (uint16_t)t->port))
		return EINVAL; /* the store lets no name in */
	if (flow->transport != FLOW_TLS || !*t->tls_name)
		return 0;
	return edge->name ? edge->name(edge, str_of(t->tls_name), &flow->whom) : EPROTONOSUPPORT;
}

static bool enter(struct peer *p, const struct trunk *t)
{
	struct flow flow;

	if (t->kind == TRUNK_KIND_ACCEPT_REGISTER) {
		p->is_there = true;
		accepting_start(p);
		return true;
	}
	if (flow_to(p, t, &flow))
		return false;
	peer_reach(p, &flow);
	p->is_there = true;
	if (t->kind == TRUNK_KIND_REGISTER)
		registering_start(p);
	else if (!t->keep_alive)
		peer_is_online(p, true, "not asked");
	if (t->keep_alive)
		asking_start(p);
	return true;
}

static void count_networks(struct trunks *t)
{
	t->nnetworks = 0;
	LIST_EACH (l, &t->peers) {
		const struct trunk *conf = peer_trunk(CONTAINER_OF(l, struct peer, link));

		t->nnetworks += conf && conf->networks.n;
	}
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct trunks *t = arg;
	const struct trunk *conf;
	struct peer *p;

	if (res != &resource_trunk)
		return;
	conf = (const struct trunk *)model_object(m, res, tenant_id, id);
	p = find(t, id);
	if (p && conf && conf->enabled && accepting_holds(p, conf))
		return count_networks(t);
	if (p)
		leave(p);
	if (conf && conf->enabled) {
		if (!p)
			p = peer_alloc(t, id);
		if (!p || !enter(p, conf))
			log_error(NULL, LOGID_TRUNK, "trunk %s could not be set up", conf->name);
	} else if (p) {
		peer_is_online(p, false, conf ? "disabled" : "deleted");
	}
	if (p && !p->is_there && !p->ncalls)
		peer_free(p);
	count_networks(t);
}

int trunks_alloc(struct trunks **tp, const struct trunks_conf *conf)
{
	struct trunks *t = mem_alloc(sizeof(*t));
	int err;

	ON_THREAD(THREAD_CORE);
	if (!t)
		return ENOMEM;
	t->conf = *conf;
	list_init(&t->peers);
	err = map_init(&t->by_id);
	if (!err)
		err = map_init(&t->by_ip);
	if (!err)
		err = sip_digest_alloc(&t->digest);
	if (!err)
		err = model_watch(conf->model, changed, t);
	if (!err)
		err = accepting_open(t);
	if (err) {
		trunks_free(t);
		return err;
	}
	model_tell_all(conf->model, &resource_trunk, 0, changed, t);
	*tp = t;
	return 0;
}

struct trunks *trunks_free(struct trunks *t)
{
	if (!t)
		return NULL;
	LIST_EACH_SAFE (l, next, &t->peers) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);

		leave(p);
		peer_free(p);
	}
	map_close(&t->by_id);
	map_close(&t->by_ip);
	sip_digest_free(t->digest);
	buf_free(&t->lines);
	return mem_free(t);
}
