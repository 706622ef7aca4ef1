/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/idmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "presence/publish.h"
#include "sip/chars.h"

enum { ETAG_BYTES = 20 };

struct publisher {	      /* an extension, while something of it is published */
	struct idmap_key key; /* tenant and extension */
	struct presence *p;
	struct link publications; /* the newest first */
	size_t n;
};

struct publication {
	struct link link;
	struct publisher *by;
	struct timer expiry;
	char etag[ETAG_BYTES + 1];
	struct pidf said;
};

static struct publisher *find(const struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	return IDMAP_FIND(struct publisher, &p->publishers, tenant_id, extension_id);
}

static struct publisher *get(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct publisher *by = find(p, tenant_id, extension_id);

	if (by)
		return by;
	by = mem_alloc(sizeof(*by));
	if (!by)
		return NULL;
	by->p = p;
	list_init(&by->publications);
	idmap_add(&p->publishers, &by->key, tenant_id, extension_id);
	return by;
}

static void leave(struct publisher *by)
{
	if (by->n)
		return;
	map_remove(&by->p->publishers, &by->key.node);
	mem_free(by);
}

static void forget(struct publication *pub)
{
	struct publisher *by = pub->by;

	timer_cancel(&pub->expiry);
	list_remove(&pub->link);
	by->n--;
	mem_free(pub);
	leave(by);
}

static void changed(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct topic *t = topic_find(p, &package_person, tenant_id, extension_id);

	if (t)
		topic_changed(t);
}

static void on_expiry(struct timer *t, void *arg)
{
	struct publication *pub = arg;
	struct presence *p = pub->by->p;
	uint64_t tenant_id = pub->by->key.tenant_id, extension_id = pub->by->key.id;

	(void)t;
	forget(pub);
	changed(p, tenant_id, extension_id);
}

const struct pidf *published_next(const struct presence *p, uint64_t tenant_id,
				  uint64_t extension_id, size_t *pos)
{
	const struct publisher *by = find(p, tenant_id, extension_id);
	size_t n = 0;

	if (!by)
		return NULL;
	LIST_EACH (it, &by->publications) {
		const struct publication *pub = CONTAINER_OF(it, struct publication, link);

		if (n++ == *pos && ++*pos)
			return &pub->said;
	}
	return NULL;
}

void published_drop(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct publisher *by = find(p, tenant_id, extension_id);

	for (size_t n = by ? by->n : 0; n--;)
		forget(LIST_FIRST(&by->publications, struct publication, link));
}

void published_close(struct presence *p)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&p->publishers, &it))) {
		struct publisher *by = CONTAINER_OF(node, struct publisher, key.node);

		published_drop(p, by->key.tenant_id, by->key.id);
	}
	map_close(&p->publishers);
}

/* ---- PUBLISH ---- */

struct order {
	const struct sip_msg *req;
	const struct identity *who;
	struct str etag; /* SIP-If-Match; n 0: a new one */
	uint32_t seconds;
	struct pidf said;
	struct publication *match;
};

static struct publication *find_etag(const struct publisher *by, struct str etag)
{
	if (!by)
		return NULL;
	LIST_EACH (it, &by->publications) {
		struct publication *pub = CONTAINER_OF(it, struct publication, link);

		if (str_eq(etag, str_of(pub->etag)))
			return pub;
	}
	return NULL;
}

static unsigned judge_body(struct order *o)
{
	struct str type = sip_msg_header(o->req, SIP_HDR_CONTENT_TYPE);

	if (!o->req->body.n)
		return o->etag.n ? 0 : 400; /* RFC 3903 6: the first one says something */
	type = str_trim(str_cut(&type, ';'));
	if (!str_ieq(type, str_of(package_person.content_type)))
		return 415;
	switch (pidf_parse(&o->said, o->req->body)) {
	case 0:
		return 0;
	case E2BIG:
		return 413;
	case ENOMEM:
		return 500;
	default:
		return 400;
	}
}

/* 0, or the status to refuse with. */
static unsigned judge(struct presence *p, struct order *o)
{
	struct str event = sip_msg_header(o->req, SIP_HDR_EVENT);
	const struct extension *e;
	struct publisher *by;
	struct sip_uri uri;
	unsigned status;

	if (!str_ieq(str_trim(str_cut(&event, ';')), str_of(package_person.event)))
		return 489;
	if (sip_uri_parse(&uri, o->req->uri) ||
	    registrar_is_elsewhere(p->conf.registrar, o->who, uri.host))
		return 404;
	e = presence_extension(p, o->who->tenant->o.id, str_cut(&uri.user, ';'));
	if (!e || e != o->who->extension)
		return e ? 403 : 404; /* each speaks for himself */
	status = subscribe_read_expires(o->req, &o->seconds);
	if (status)
		return status;
	by = find(p, e->o.tenant_id, e->o.id);
	o->etag = sip_msg_header(o->req, SIP_HDR_SIP_IF_MATCH);
	if (sip_msg_has(o->req, SIP_HDR_SIP_IF_MATCH) && !sip_is_token(o->etag))
		return 400; /* RFC 3903 6, step 3: one tag */
	o->match = o->etag.n ? find_etag(by, o->etag) : NULL;
	if (o->etag.n && !o->match)
		return 412;
	if (!o->match && by && by->n >= PUBLISH_MAX_OF_ONE)
		return 403;
	return judge_body(o);
}

/* Each answer names it anew (RFC 3903 11.3.1). */
static int answer(struct presence *p, struct sip_strans *st, const char *etag, uint32_t seconds)
{
	buf_reset(&p->lines);
	buf_printf(&p->lines, "SIP-ETag: %s\r\nExpires: %u\r\n", etag, seconds);
	if (p->lines.err)
		return p->lines.err;
	return sip_reply(st, 200, NULL, &(struct sip_extra){.headers = buf_view(&p->lines)});
}

static void renew(struct publication *pub, const struct order *o, const char *etag)
{
	struct presence *p = pub->by->p;

	str_fit(pub->etag, sizeof(pub->etag), str_of(etag));
	if (o->req->body.n)
		pub->said = o->said;
	timer_start(p->conf.env.wheel, &pub->expiry, (uint64_t)o->seconds * 1000, on_expiry, pub);
}

static int carry_out(struct presence *p, struct sip_strans *st, const struct order *o)
{
	uint64_t tenant_id = o->who->tenant->o.id, extension_id = o->who->extension->o.id;
	struct publication *pub = o->match;
	char etag[ETAG_BYTES + 1];
	struct publisher *by;

	if (!pub && o->seconds) {
		by = get(p, tenant_id, extension_id);
		pub = by ? mem_alloc(sizeof(*pub)) : NULL;
		if (!pub) {
			if (by)
				leave(by);
			return ENOMEM;
		}
		pub->by = by;
		by->n++;
		list_prepend(&by->publications, &pub->link);
	}
	rng_token(p->conf.env.rng, etag, ETAG_BYTES);
	if (o->seconds)
		renew(pub, o, etag);
	else if (pub)
		forget(pub);
	if (o->req->body.n || !o->seconds)
		changed(p, tenant_id, extension_id);
	return answer(p, st, etag, o->seconds);
}

static void refuse(struct presence *p, struct sip_strans *st, unsigned status)
{
	struct sip_extra extra = {0};

	if (status == 489)
		extra.headers = STR("Allow-Events: presence\r\n");
	else if (status == 415)
		extra.headers = STR("Accept: application/pidf+xml\r\n");
	else if (status == 423)
		extra.headers = STR(SUB_MIN_LINE);
	if (sip_reply(st, status, NULL, &extra))
		log_debug(NULL, LOGID_SUBSCRIPTION, "a PUBLISH could not be refused");
}

void publish_request(struct sip_strans *st, const struct sip_msg *req, void *presence)
{
	struct presence *p = presence;
	struct identity who;
	struct order o = {.req = req, .who = &who};
	unsigned status;

	ON_THREAD(THREAD_CORE);
	if (!registrar_identify(p->conf.registrar, st, req, &who))
		return;
	status = judge(p, &o);
	if (!status && carry_out(p, st, &o))
		status = 500;
	if (status)
		refuse(p, st, status);
}
