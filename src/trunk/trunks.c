/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/bus.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/uri.h"
#include "sip/write.h"
#include "trunk/inside.h"

/* Of each trunk: its addresses, then its networks. */
enum {
	EXEMPT_IDS = LOCATE_MAX + 32,
	KEPT_LONGER_S = 60, /* than the registration: the next is under way */
};
#define EXEMPT (UINT64_C(1) << 63) /* no row of the database has such an id */

const struct trunk *peer_trunk(const struct peer *p)
{
	return model_trunk(p->of->conf.model, p->id);
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

const char *peer_name(const struct peer *p)
{
	const struct trunk *t = peer_trunk(p);

	return t ? t->name : "(gone)";
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

oid peer_keep(struct peer *p, const struct flow *flow, uint32_t seconds)
{
	struct flow_edge *edge = p->of->conf.edge;
	oid conn = flow_is_stream(flow->transport) ? flow->conn : 0;

	if (conn && edge->keep)
		edge->keep(edge, conn, seconds + KEPT_LONGER_S);
	return conn;
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
							 .tenant_id = t ? t->owner_id : 0,
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

static bool same_ip(const struct map_node *node, const void *key)
{
	return addr_ip_eq(&CONTAINER_OF(node, struct way, by_ip)->target.addr, key);
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

/* A host may have an address twice, with two ports. */
static bool is_first_there(const struct way *w)
{
	const struct way *v = w->peer->ways;

	while (v < w && !addr_ip_eq(&v->target.addr, &w->target.addr))
		v++;
	return v == w;
}

static bool fits_port(const struct peer *p, const struct addr *a)
{
	const struct trunk *t = peer_trunk(p);

	return t && (!t->verify_port || ways_have(p, a, true));
}

/* From its further networks: which port its host listens on says nothing of them but that. */
static bool fits_some_port(const struct peer *p, const struct addr *a)
{
	const struct trunk *t = peer_trunk(p);

	if (!t || !t->verify_port)
		return t != NULL;
	for (size_t i = 0; i < p->nways; i++)
		if (p->ways[i].target.addr.port == a->port)
			return true;
	return false;
}

/* A tenant's own trunk is where it says when who is there has answered as such: it shall not take the calls of others' devices. */
static bool is_proved(const struct peer *p)
{
	const struct trunk *t = peer_trunk(p);

	return t && (!t->owner_id || p->is_online);
}

static bool is_own(const struct peer *p)
{
	const struct trunk *t = peer_trunk(p);

	return t && t->owner_id;
}

/* Has somebody else a trunk there: the system, or another tenant? */
static bool is_others(const struct trunks *t, const struct peer *own, const struct addr *a)
{
	const struct trunk *mine = peer_trunk(own);

	LIST_EACH (l, &t->peers) {
		const struct peer *p = CONTAINER_OF(l, struct peer, link);
		const struct trunk *conf = peer_trunk(p);

		if (conf && conf->owner_id != mine->owner_id &&
		    (ways_have(p, a, false) || has_network(conf, a)))
			return true;
	}
	return false;
}

/* What a tenant says of networks counts where nobody else has said anything, and while its trunk is online. */
static bool may_have_networks(const struct peer *p, const struct flow *from)
{
	const struct trunk *t = peer_trunk(p);

	if (!t || !t->owner_id)
		return t != NULL;
	if (t->kind == TRUNK_KIND_TEAMS)
		return p->is_online && from->transport == FLOW_TLS;
	return p->is_online && !is_others(p->of, p, &from->remote);
}

static const struct peer *of_host(const struct trunks *t, const struct addr *a, bool own,
				  size_t nth, size_t *np)
{
	struct map_node *node = map_find(&t->by_ip, way_hash(a), same_ip, a);

	for (; node; node = map_find_next(node, same_ip, a)) {
		const struct way *w = CONTAINER_OF(node, struct way, by_ip);

		if (is_own(w->peer) == own && is_first_there(w) && is_proved(w->peer) &&
		    fits_port(w->peer, a) && (*np)++ == nth)
			return w->peer;
	}
	return NULL;
}

static const struct peer *of_networks(const struct trunks *t, const struct flow *from, bool own,
				      size_t nth, size_t *np)
{
	const struct addr *a = &from->remote;

	if (!t->nnetworks)
		return NULL;
	LIST_EACH (l, &t->peers) {
		const struct peer *p = CONTAINER_OF(l, struct peer, link);

		if (p->is_there && is_own(p) == own && !ways_have(p, a, false) &&
		    has_network(peer_trunk(p), a) && fits_some_port(p, a) &&
		    may_have_networks(p, from) && (*np)++ == nth)
			return p;
	}
	return NULL;
}

uint64_t trunks_of_source(const struct trunks *t, const struct flow *from, size_t *pos)
{
	size_t n = 0;

	/* What administrators have set up goes before what tenants say. */
	for (unsigned own = 0; own <= 1; own++) {
		const struct peer *p = of_host(t, &from->remote, own, *pos, &n);

		if (!p)
			p = of_networks(t, from, own, *pos, &n);
		if (p)
			return ++*pos, p->id;
	}
	return 0;
}

/* ---- state ---- */

enum trunk_ready trunks_ready(const struct trunks *t, uint64_t trunk_id)
{
	const struct peer *p = find(t, trunk_id);
	const struct trunk *conf = p ? peer_trunk(p) : NULL;

	if (!conf || !p->is_there || !p->is_online || ways_are_closed(p))
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

struct flow_faces peer_faces(const struct peer *p)
{
	static const uint8_t faces[] = {[OUR_ADDRESS_AUTO] = FLOW_FACE_AUTO,
					[OUR_ADDRESS_PRIVATE] = FLOW_FACE_OWN,
					[OUR_ADDRESS_PUBLIC] = FLOW_FACE_PUBLIC};
	const struct trunk *t = peer_trunk(p);
	struct flow_faces f = {.address = t ? faces[t->our_address] : FLOW_FACE_AUTO};

	f.via = t && t->via_public ? FLOW_FACE_PUBLIC : f.address;
	return f;
}

struct flow_faces trunks_faces(const struct trunks *t, uint64_t trunk_id)
{
	const struct peer *p = find(t, trunk_id);

	return p ? peer_faces(p) : (struct flow_faces){0};
}

bool trunks_flow(const struct trunks *t, uint64_t trunk_id, struct flow *flow)
{
	const struct peer *p = find(t, trunk_id);

	if (!p || (!service_flow(p, flow) && !ways_pick(p, flow)))
		return false;
	flow->faces = peer_faces(p);
	return true;
}

bool trunks_failed(struct trunks *t, uint64_t trunk_id, const struct flow *to,
		   const struct sip_msg *resp)
{
	struct peer *p = find(t, trunk_id);
	struct flow first;

	if (!p || !p->is_there || service_flow(p, &first))
		return false; /* the provider has named one, and that is it */
	return ways_failed(p, to, resp);
}

const char *peer_own_name(const struct peer *p)
{
	const struct trunk *t = peer_trunk(p);
	const struct tenant *owner = t ? model_tenant(p->of->conf.model, t->owner_id) : NULL;

	if (t && *t->contact_host)
		return t->contact_host;
	return t && t->kind == TRUNK_KIND_TEAMS && owner ? owner->domain : NULL;
}

const char *trunks_own_name(const struct trunks *t, uint64_t trunk_id)
{
	const struct peer *p = find(t, trunk_id);

	return p ? peer_own_name(p) : NULL;
}

bool trunks_is_meant(const struct trunks *t, uint64_t trunk_id, struct str uri)
{
	const struct peer *p = find(t, trunk_id);
	const struct trunk *conf = p ? peer_trunk(p) : NULL;
	const struct tenant *other;
	struct sip_uri u;

	if (!conf || (conf->kind != TRUNK_KIND_TEAMS && !conf->owner_id))
		return conf != NULL;
	if (sip_uri_parse(&u, uri))
		return false;
	if (conf->kind == TRUNK_KIND_TEAMS)
		return peer_own_name(p) && str_ieq(u.host, str_of(peer_own_name(p)));
	/* What names another tenant is of that tenant's devices, wherever a trunk of this one says that it is. */
	other = model_tenant_by_domain(t->conf.model, u.host);
	return !other || other->o.id == conf->owner_id;
}

void peer_names(const struct peer *p, const struct flow *flow, struct buf *target,
		struct buf *domain)
{
	const struct trunk *conf = peer_trunk(p);
	char host[ADDR_STR_BYTES];
	struct addr a;

	if (*p->target) {
		buf_cstr(target, p->target);
		buf_cstr(domain, conf ? conf->host : addr_host_str(host, &flow->remote));
		return;
	}
	if (!conf || !addr_parse(&a, str_of(conf->host), 0))
		buf_cstr(domain, addr_host_str(host, conf ? &a : &flow->remote));
	else
		buf_cstr(domain, conf->host);
	buf_str(target, buf_view(domain));
	if (!p->is_by_name && !(conf && *conf->outbound_proxy))
		buf_printf(target, ":%u", flow->remote.port);
	else if (conf && conf->port)
		buf_printf(target, ":%u", (unsigned)conf->port);
	buf_cstr(target, sip_transport_param(flow->transport));
}

void peer_route(const struct peer *p, struct buf *lines)
{
	const struct trunk *conf = peer_trunk(p);

	if (!conf || !*conf->outbound_proxy)
		return;
	buf_printf(lines, "Route: <sip:%s", conf->outbound_proxy);
	buf_cstr(lines, sip_transport_param(p->flow.transport));
	buf_cstr(lines, ";lr>\r\n");
}

void trunks_names(const struct trunks *t, uint64_t trunk_id, struct buf *target, struct buf *domain)
{
	const struct peer *p = find(t, trunk_id);

	if (p)
		peer_names(p, &p->flow, target, domain);
}

void trunks_routes(const struct trunks *t, uint64_t trunk_id, struct buf *lines)
{
	const struct peer *p = find(t, trunk_id);

	if (!p)
		return;
	peer_route(p, lines);
	buf_str(lines, buf_view(&p->service.lines));
}

/* Its host, or the proxy that its registrar has sent us to. */
static bool is_its_own(const struct peer *p, const struct addr *from)
{
	struct flow first;

	return ways_have(p, from, false) ||
	       (service_flow(p, &first) && addr_ip_eq(&first.remote, from));
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

	if (!conf || !*conf->password || !is_its_own(p, &resp->flow.remote))
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
	ways_part(p);
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
	list_init(&p->checks);
	t->last_exempt_id += EXEMPT_IDS;
	p->exempt_id = EXEMPT | t->last_exempt_id;
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

/* The flood guard never blocks whoever sends calls by the hundred. */
static void exempt_networks(struct peer *p, const struct trunk *t)
{
	for (size_t i = 0; i < t->networks.n && !t->owner_id; i++) {
		const struct trunk_network *n = (const struct trunk_network *)t->networks.v[i];
		struct addr_net net;

		if (!addr_net_parse(&net, str_of(n->network)) &&
		    shield_exempt(sip_shield(p->of->conf.sip), p->exempt_id + LOCATE_MAX + i, &net))
			log_warn(NULL, LOGID_TRUNK,
				 "trunk %s: its network %s can be blocked by the flood guard",
				 t->name, n->network);
	}
}

static void leave(struct peer *p)
{
	if (!p->is_there)
		return;
	registering_stop(p);
	asking_stop(p);
	accepting_stop(p);
	ways_stop(p);
	for (size_t i = LOCATE_MAX; i < EXEMPT_IDS; i++)
		shield_no_rule(sip_shield(p->of->conf.sip), p->exempt_id + i);
	p->is_there = false;
}

enum flow_transport peer_transport(const struct trunk *t)
{
	static const enum flow_transport transports[] = {[TRUNK_TRANSPORT_UDP] = FLOW_UDP,
							 [TRUNK_TRANSPORT_TCP] = FLOW_TCP,
							 [TRUNK_TRANSPORT_TLS] = FLOW_TLS,
							 [TRUNK_TRANSPORT_AUTO] = FLOW_UDP};

	return transports[t->transport];
}

struct flow peer_flow(const struct peer *p, const struct locate_target *t)
{
	return (struct flow){.transport = t->transport,
			     .remote = t->addr,
			     .whom = t->transport == FLOW_TLS ? p->whom : 0};
}

/* Teams sends calls to who asks it, and to nobody else. */
static bool is_asked(const struct trunk *t)
{
	return t->keep_alive || t->kind == TRUNK_KIND_TEAMS;
}

void peer_found(struct peer *p, bool is_first)
{
	const struct trunk *t = peer_trunk(p);

	if (!t)
		return;
	if (!is_first) {
		if (t->kind == TRUNK_KIND_REGISTER)
			registering_again(p);
		return;
	}
	if (t->kind == TRUNK_KIND_REGISTER)
		registering_start(p);
	else if (!is_asked(t))
		peer_is_online(p, true, "not asked");
	if (is_asked(t))
		asking_start(p);
}

void peer_lost(struct peer *p, const char *why)
{
	registering_stop(p);
	asking_stop(p);
	peer_is_online(p, false, why);
}

static void enter(struct peer *p, const struct trunk *t)
{
	p->is_there = true;
	if (t->kind == TRUNK_KIND_ACCEPT_REGISTER) {
		accepting_start(p);
		return;
	}
	exempt_networks(p, t);
	ways_start(p, t);
}

static void count_networks(struct trunks *t)
{
	t->nnetworks = 0;
	LIST_EACH (l, &t->peers) {
		const struct trunk *conf = peer_trunk(CONTAINER_OF(l, struct peer, link));

		t->nnetworks += conf && conf->networks.n;
	}
}

/* What is shown to providers is another certificate: connections are begun anew. */
static void certificate_changed(struct trunks *t, uint64_t tenant_id, uint64_t id)
{
	LIST_EACH (l, &t->peers) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);
		const struct trunk *conf = peer_trunk(p);

		if (!p->is_there || !conf ||
		    (tenant_id ? conf->owner_id != tenant_id : conf->certificate_id != id))
			continue;
		leave(p);
		enter(p, conf);
	}
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct trunks *t = arg;
	const struct trunk *conf;
	struct peer *p;

	if (res == &resource_network_setting)
		LIST_EACH (l, &t->peers)
			ways_refind(CONTAINER_OF(l, struct peer, link));
	if (res == &resource_certificate)
		certificate_changed(t, tenant_id, id);
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
		if (p)
			enter(p, conf);
		else
			log_error(NULL, LOGID_TRUNK, "trunk %s could not be set up", conf->name);
	} else if (p) {
		peer_is_online(p, false, conf ? "disabled" : "deleted");
	}
	if (p && !p->is_there && !p->ncalls)
		peer_free(p);
	count_networks(t);
}

static void closed(oid conn, void *arg)
{
	struct trunks *t = arg;

	LIST_EACH (l, &t->peers) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);

		if (p->conn == conn)
			registering_closed(p);
		if (p->credentials && p->flow.conn == conn)
			accepting_closed(p);
	}
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
		err = sip_on_closed(conf->sip, closed, t);
	if (err) {
		trunks_free(t);
		return err;
	}
	accepting_open(t);
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
