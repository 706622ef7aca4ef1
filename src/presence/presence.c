/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Life of presence, and what it hears from elsewhere.  All that a change costs where nobody watches is one look-up.
 */
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "call/lines.h"
#include "presence/inbox.h"
#include "presence/publish.h"

enum {
	DEFAULT_SUBSCRIPTIONS = 100000,
	DEFAULT_PER_ACCOUNT = 500,
	DEFAULT_TEXTS = 100000,
	DEFAULT_TENANT_TEXTS = 10000
};

const struct package *const packages[] = {
#define X(ID, symbol) &package_##symbol,
#include "presence/packages.def"
#undef X
};
const size_t npackages = ARRAY_LEN(packages);

/* ---- what happens elsewhere ---- */

static void changed(struct presence *p, const struct package *package, uint64_t tenant_id,
		    uint64_t id)
{
	struct topic *t = topic_find(p, package, tenant_id, id);

	if (t)
		topic_changed(t);
}

static void on_line(uint64_t tenant_id, uint64_t extension_id, void *arg)
{
	changed(arg, &package_dialog, tenant_id, extension_id);
	changed(arg, &package_person, tenant_id, extension_id);
}

static void on_contact(const struct contact *c, enum registrar_change what, oid was, void *arg)
{
	struct presence *p = arg;
	const struct account *a;
	uint64_t extension_id;

	if (what == REGISTRAR_CONNECTED || (what == REGISTRAR_REFRESHED && !p->ntexts))
		return;
	a = model_account(p->conf.model, c->tenant_id, c->account_id);
	extension_id = a ? a->extension_id : 0;
	if (what != REGISTRAR_REFRESHED) {
		reginfo_changed(p, c, what == REGISTRAR_ADDED);
		if (extension_id)
			changed(p, &package_person, c->tenant_id, extension_id);
	}
	if (what == REGISTRAR_ADDED)
		mailbox_registered(p, c);
	if (what != REGISTRAR_REMOVED && extension_id)
		inbox_registered(p, c->tenant_id, extension_id);
}

static void end_topics(struct presence *p, enum package_of of, uint64_t tenant_id, uint64_t id)
{
	for (size_t i = 0; i < npackages; i++) {
		struct topic *t =
			packages[i]->of == of ? topic_find(p, packages[i], tenant_id, id) : NULL;

		if (t)
			topic_gone(t);
	}
}

static void end_subscriber(struct presence *p, uint64_t tenant_id, uint64_t account_id)
{
	struct subscriber *by = subscriber_find(p, tenant_id, account_id);

	if (!by)
		return;
	LIST_EACH_SAFE (it, tmp, &by->subs)
		sub_end(CONTAINER_OF(it, struct sub, in_account), SUB_REJECTED);
}

/* Who may no longer watch, and what is no longer there to be watched. */
static void on_model(const struct model *m, const struct resource *res, uint64_t tenant_id,
		     uint64_t id, void *arg)
{
	struct presence *p = arg;

	if (res == &resource_extension) {
		const struct extension *e = model_extension(m, tenant_id, id);

		if (!e) {
			end_topics(p, OF_EXTENSION, tenant_id, id);
			published_drop(p, tenant_id, id);
			inbox_drop(p, tenant_id, id);
		}
	} else if (res == &resource_ring_group) {
		struct topic *t = topic_find(p, &package_group, tenant_id, id);

		if (t && model_ring_group(m, tenant_id, id))
			topic_changed(t);
		else if (t)
			topic_gone(t);
	} else if (res == &resource_tenant) {
		dialog_night_changed(p, id);
	} else if (res == &resource_account) {
		const struct account *a = model_account(m, tenant_id, id);

		if (!a)
			end_topics(p, OF_ACCOUNT, tenant_id, id);
		if (!a || !a->enabled)
			end_subscriber(p, tenant_id, id);
	}
}

/* ---- life ---- */

int presence_alloc(struct presence **pp, const struct presence_conf *conf)
{
	struct presence *p = mem_alloc(sizeof(*p));
	int err;

	if (!p)
		return ENOMEM;
	p->conf = *conf;
	if (!p->conf.max_subscriptions)
		p->conf.max_subscriptions = DEFAULT_SUBSCRIPTIONS;
	if (!p->conf.max_per_account)
		p->conf.max_per_account = DEFAULT_PER_ACCOUNT;
	if (!p->conf.max_texts)
		p->conf.max_texts = DEFAULT_TEXTS;
	if (!p->conf.max_tenant_texts)
		p->conf.max_tenant_texts = DEFAULT_TENANT_TEXTS;
	p->id_salt = rng_below(conf->env.rng, UINT64_C(1) << 22);
	list_init(&p->queue);
	err = map_init(&p->topics);
	if (!err)
		err = map_init(&p->subscribers);
	if (!err)
		err = map_init(&p->publishers);
	if (!err)
		err = map_init(&p->inboxes);
	if (!err)
		err = map_init(&p->holders);
	for (size_t i = 0; i < npackages; i++)
		buf_printf(&p->events, "%s%s", i ? ", " : "", packages[i]->event);
	if (!err)
		err = p->events.err;
	if (!err)
		err = sip_support(conf->sip, "eventlist");
	if (!err)
		err = model_watch(conf->model, on_model, p);
	if (!err)
		err = registrar_watch(conf->registrar, on_contact, p);
	if (err) {
		presence_free(p);
		return err;
	}
	lines_watch(conf->calls, on_line, p);
	sip_allow_events(conf->sip, p->events.p);
	sip_on_request(conf->sip, SIP_SUBSCRIBE, subscribe_request, p);
	sip_on_request(conf->sip, SIP_PUBLISH, publish_request, p);
	sip_on_request(conf->sip, SIP_MESSAGE, inbox_request, p);
	*pp = p;
	return 0;
}

static void each_sub(struct presence *p, void (*fn)(struct sub *s))
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&p->subscribers, &it))) {
		struct subscriber *by = CONTAINER_OF(node, struct subscriber, key.node);
		struct link *at = by->subs.next;

		for (size_t n = by->nsubs; n--;) { /* the last one takes the subscriber along */
			struct sub *s = CONTAINER_OF(at, struct sub, in_account);

			at = at->next;
			fn(s);
		}
	}
}

static void free_one(struct sub *s)
{
	sub_free(s);
}

static void deactivate(struct sub *s)
{
	sub_end(s, SUB_DEACTIVATED);
}

struct presence *presence_free(struct presence *p)
{
	if (!p)
		return NULL;
	lines_watch(p->conf.calls, NULL, NULL);
	sip_allow_events(p->conf.sip, NULL);
	each_sub(p, free_one);
	timer_cancel(&p->turn);
	inbox_close(p);
	published_close(p);
	map_close(&p->topics);
	map_close(&p->subscribers);
	buf_free(&p->events);
	buf_free(&p->body);
	buf_free(&p->lines);
	buf_free(&p->type);
	return mem_free(p);
}

void presence_drain(struct presence *p)
{
	ON_THREAD(THREAD_CORE);
	p->is_draining = true;
	each_sub(p, deactivate);
}

int presence_restore_message(struct presence *p, const struct message_record *rec)
{
	ON_THREAD(THREAD_CORE);
	return inbox_restore(p, rec);
}

size_t presence_count(const struct presence *p)
{
	return p->nsubs;
}
