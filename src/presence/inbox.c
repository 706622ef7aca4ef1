/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "presence/device.h"
#include "presence/inbox.h"

enum {
	PATIENCE_MS = 4000, /* then the sender has its 202 */
	MAX_DEVICES = 16,
	MAX_UNKEPT = 100, /* texts of one extension that wait for their turn */
	FIRST_RETRY_S = 60,
	MAX_RETRY_S = 3600,
	SOON_MS = 20,
};

struct text {
	struct link in_inbox;
	uint64_t id, from_extension_id;
	oid asked;
	bool is_kept, is_storable, is_secure;
	int64_t sent_at_us, expires_at_us;
	const char *sender, *sender_name, *recipient, *group, *content_type, *body;
};

struct delivery {
	struct inbox *inbox;
	oid trans; /* 0: free, or over */
	oid contact;
};

struct holder {		      /* a tenant, there while an inbox of its is */
	struct idmap_key key; /* the tenant */
	size_t ntexts, ninboxes;
};

struct inbox {		      /* there while a text waits */
	struct idmap_key key; /* tenant and extension */
	struct holder *holder;
	struct presence *p;
	struct link texts; /* in order */
	size_t n, nkept;
	bool is_sending; /* the first of them is out */
	bool is_late;	 /* ... and was not taken in time */
	struct delivery deliveries[MAX_DEVICES];
	size_t nopen;
	unsigned refused; /* status of a device that will never take it */
	bool may_work;	  /* another may take it later */
	struct timer timer;
	unsigned retry_s;
};

static void try_first(struct inbox *ib);
static void next(struct inbox *ib);

/* ---- inboxes ---- */

static struct inbox *find(const struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	return IDMAP_FIND(struct inbox, &p->inboxes, tenant_id, extension_id);
}

static struct holder *get_holder(struct presence *p, uint64_t tenant_id)
{
	struct holder *h = IDMAP_FIND(struct holder, &p->holders, tenant_id, 0);

	if (h)
		return h;
	h = mem_alloc(sizeof(*h));
	if (h)
		idmap_add(&p->holders, &h->key, tenant_id, 0);
	return h;
}

static void leave_holder(struct presence *p, struct holder *h)
{
	if (--h->ninboxes)
		return;
	map_remove(&p->holders, &h->key.node);
	mem_free(h);
}

static struct inbox *get(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct inbox *ib = find(p, tenant_id, extension_id);

	if (ib)
		return ib;
	ib = mem_alloc(sizeof(*ib));
	if (!ib)
		return NULL;
	ib->holder = get_holder(p, tenant_id);
	if (!ib->holder) {
		mem_free(ib);
		return NULL;
	}
	ib->holder->ninboxes++;
	ib->p = p;
	ib->retry_s = FIRST_RETRY_S;
	list_init(&ib->texts);
	idmap_add(&p->inboxes, &ib->key, tenant_id, extension_id);
	return ib;
}

static void forget_deliveries(struct inbox *ib)
{
	for (size_t i = 0; i < MAX_DEVICES; i++) {
		if (ib->deliveries[i].trans)
			sip_forget(ib->p->conf.sip, ib->deliveries[i].trans);
		ib->deliveries[i].trans = 0;
	}
	ib->nopen = 0;
	ib->is_sending = ib->is_late = false;
}

/* Empty: it goes. */
static bool leave(struct inbox *ib)
{
	if (ib->n)
		return false;
	forget_deliveries(ib);
	timer_cancel(&ib->timer);
	map_remove(&ib->p->inboxes, &ib->key.node);
	leave_holder(ib->p, ib->holder);
	mem_free(ib);
	return true;
}

static struct text *first_of(struct inbox *ib)
{
	return LIST_FIRST(&ib->texts, struct text, in_inbox);
}

/* ---- texts ---- */

static const char *put_text(char **at, struct str s)
{
	char *start = *at;

	if (s.n)
		memcpy(start, s.p, s.n);
	start[s.n] = '\0';
	*at += s.n + 1;
	return start;
}

static struct text *make(const struct text_conf *c)
{
	size_t n = c->sender.n + c->sender_name.n + c->recipient.n + c->group.n +
		   c->content_type.n + c->body.n + 6;
	struct text *t = mem_alloc(sizeof(*t) + n);
	char *at = (char *)(t + 1);

	if (!t)
		return NULL;
	t->id = c->id;
	t->from_extension_id = c->from_extension_id;
	t->asked = c->asked;
	t->is_kept = c->is_kept;
	t->is_storable = c->is_storable;
	t->is_secure = c->is_secure;
	t->sent_at_us = c->sent_at_us;
	t->expires_at_us = c->expires_at_us;
	t->sender = put_text(&at, c->sender);
	t->sender_name = put_text(&at, c->sender_name);
	t->recipient = put_text(&at, c->recipient);
	t->group = put_text(&at, c->group);
	t->content_type = put_text(&at, c->content_type);
	t->body = put_text(&at, c->body);
	return t;
}

static void remove_text(struct inbox *ib, struct text *t)
{
	list_remove(&t->in_inbox);
	ib->n--;
	ib->nkept -= t->is_kept;
	ib->p->ntexts--;
	ib->holder->ntexts--;
	mem_free(t);
}

static int64_t wall_us(const struct inbox *ib)
{
	return clock_wall_us(ib->p->conf.env.clock);
}

static int write_record(struct inbox *ib, const struct text *t, const char *status)
{
	struct message_record rec = {.tenant_id = ib->key.tenant_id, .id = t->id};
	struct record_sink *sink = ib->p->conf.records;

	rec.from_extension_id = t->from_extension_id;
	rec.to_extension_id = ib->key.id;
	record_set_text(rec.sender, sizeof(rec.sender), str_of(t->sender));
	record_set_text(rec.sender_name, sizeof(rec.sender_name), str_of(t->sender_name));
	record_set_text(rec.recipient, sizeof(rec.recipient), str_of(t->recipient));
	record_set_text(rec.group_number, sizeof(rec.group_number), str_of(t->group));
	record_set_text(rec.content_type, sizeof(rec.content_type), str_of(t->content_type));
	str_fit(rec.body, sizeof(rec.body), str_of(t->body)); /* UTF-8 already, with its lines */
	rec.sent_at = t->sent_at_us;
	rec.expires_at = t->expires_at_us;
	rec.delivered_at = strcmp(status, "delivered") ? 0 : wall_us(ib);
	str_fit(rec.status, sizeof(rec.status), str_of(status));
	return sink ? sink->write(sink, RECORD_MESSAGE, &rec, sizeof(rec)) : 0;
}

static void answer(struct inbox *ib, struct text *t, unsigned status)
{
	struct sip_strans *st = t->asked ? sip_strans_get(ib->p->conf.sip, t->asked) : NULL;

	t->asked = 0;
	if (st && sip_reply(st, status, NULL, &(struct sip_extra){0}))
		log_debug(NULL, LOGID_MESSAGE, "the answer to a MESSAGE could not be sent");
}

/* It is no more.  What is kept, or was told, is recorded. */
static void finish(struct inbox *ib, struct text *t, const char *status, unsigned sip_status)
{
	struct log_ctx ctx = {.tenant = ib->key.tenant_id};

	if (t->is_storable && (t->is_kept || !strcmp(status, "delivered")) &&
	    write_record(ib, t, status))
		log_warn(&ctx, LOGID_MESSAGE, "that a message was %s is not on record", status);
	answer(ib, t, sip_status);
	remove_text(ib, t);
}

static size_t quota_of(const struct inbox *ib)
{
	const struct tenant *t = model_tenant(ib->p->conf.model, ib->key.tenant_id);

	return t ? (size_t)t->offline_messages : 0;
}

/* In the journal first, then the 202.  False: it is no more, and its sender was told why. */
static bool keep(struct inbox *ib, struct text *t)
{
	unsigned no = 0;

	if (t->is_kept)
		return true;
	if (!t->is_storable || ib->nkept >= quota_of(ib))
		no = 480;
	else if (write_record(ib, t, "pending"))
		no = 503;
	if (no) {
		answer(ib, t, no);
		remove_text(ib, t);
		return false;
	}
	t->is_kept = true;
	ib->nkept++;
	answer(ib, t, 202);
	return true;
}

static void keep_all(struct inbox *ib)
{
	LIST_EACH_SAFE (it, tmp, &ib->texts)
		(void)keep(ib, CONTAINER_OF(it, struct text, in_inbox));
}

/* ---- time ---- */

static void on_timer(struct timer *timer, void *arg)
{
	struct inbox *ib = arg;
	uint64_t id;

	(void)timer;
	if (!ib->is_sending) {
		try_first(ib);
		return;
	}
	id = first_of(ib)->id;
	ib->is_late = true;
	keep_all(ib);
	if (!ib->n || first_of(ib)->id != id) /* it makes no sense later */
		next(ib);
}

static void wake_in(struct inbox *ib, uint64_t ms)
{
	timer_start(ib->p->conf.env.wheel, &ib->timer, ms, on_timer, ib);
}

/* The first is over: the one behind it has its turn. */
static void next(struct inbox *ib)
{
	forget_deliveries(ib);
	if (!leave(ib))
		wake_in(ib, 0);
}

/* Nobody takes it now: until a device registers, a retry is due, or the first one's time is over. */
static void rest(struct inbox *ib, bool has_devices)
{
	uint64_t ms = 1, id = first_of(ib)->id;
	const struct text *t;

	keep_all(ib);
	t = first_of(ib);
	if (!t || t->id != id) {
		next(ib);
		return;
	}
	forget_deliveries(ib);
	if (t->expires_at_us > wall_us(ib))
		ms += (uint64_t)(t->expires_at_us - wall_us(ib)) / 1000;
	if (has_devices && ib->retry_s * UINT64_C(1000) < ms) {
		ms = ib->retry_s * UINT64_C(1000);
		ib->retry_s = ib->retry_s * 2 > MAX_RETRY_S ? MAX_RETRY_S : ib->retry_s * 2;
	}
	wake_in(ib, ms);
}

/* ---- delivery ---- */

/* The device has no place for messages: another may have.  It will never take this one: the sender is told. */
static void note_failure(struct inbox *ib, const struct sip_msg *resp)
{
	unsigned status = resp ? resp->status : 408;

	switch (status) {
	case 400:
	case 403:
	case 406:
	case 413:
	case 415:
	case 488:
	case 493:
	case 513:
	case 603:
	case 606:
	case 607:
	case 608:
		ib->refused = status;
		return;
	default:
		ib->may_work = true;
	}
}

static bool may_have(const struct inbox *ib, const struct text *t, const struct contact *c)
{
	struct flow flow;

	if (!t->is_secure)
		return true;
	registrar_way(ib->p->conf.registrar, c, &flow, NULL);
	return flow_is_secure(flow.transport);
}

static int send_to(struct inbox *ib, const struct text *t, struct delivery *d,
		   const struct contact *c);

/* RFC 5626 5.3: its flow is gone, and its device has another. */
static bool goes_over_other_flow(struct delivery *d, const struct sip_msg *resp)
{
	struct registrar *r = d->inbox->p->conf.registrar;
	const struct contact *other;

	if (resp && resp->status != 430)
		return false;
	other = registrar_flow_failed(r, d->contact);
	return other && may_have(d->inbox, first_of(d->inbox), other) &&
	       !send_to(d->inbox, first_of(d->inbox), d, other);
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct delivery *d = arg;
	struct inbox *ib = d->inbox;

	(void)trans;
	(void)err;
	if (resp && resp->status < 200)
		return;
	d->trans = 0;
	if (goes_over_other_flow(d, resp))
		return;
	ib->nopen--;
	if (resp && resp->status < 300) {
		ib->retry_s = FIRST_RETRY_S;
		finish(ib, first_of(ib), "delivered", 200);
		next(ib);
		return;
	}
	note_failure(ib, resp);
	if (ib->nopen)
		return;
	if (ib->may_work || !ib->refused) {
		rest(ib, true);
		return;
	}
	finish(ib, first_of(ib), "refused", ib->refused);
	next(ib);
}

/* RFC 3428 7: when it was said, for who reads it later. */
static void write_date(struct buf *out, int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	char text[64];
	struct tm tm;

	if (gmtime_r(&s, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		buf_printf(out, "Date: %s\r\n", text);
}

static int send_to(struct inbox *ib, const struct text *t, struct delivery *d,
		   const struct contact *c)
{
	struct buf *lines = &ib->p->lines;
	struct device_request rq = {
		.method = SIP_MESSAGE,
		.to = c,
		.name = str_of(t->sender_name),
		.number = str_of(t->sender),
		.recipient = t->recipient,
	};

	buf_reset(lines);
	write_date(lines, t->sent_at_us);
	rq.extra = (struct sip_extra){.headers = buf_view(lines),
				      .content_type = str_of(t->content_type),
				      .body = str_of(t->body)};
	d->inbox = ib;
	d->contact = c->id;
	return lines->err ? lines->err : device_send(ib->p, &rq, on_response, d, &d->trans);
}

/* Whether a device is registered at all. */
static bool send_first(struct inbox *ib)
{
	const struct presence *p = ib->p;
	const struct account *a;
	const struct contact *c;
	size_t pos = 0;
	bool has_devices = false;

	while ((a = model_extension_accounts(p->conf.model, ib->key.tenant_id, ib->key.id, &pos))) {
		size_t at = 0;

		while ((c = registrar_contacts(p->conf.registrar, ib->key.tenant_id, a->o.id,
					       &at))) {
			has_devices = true;
			if (ib->nopen < MAX_DEVICES && may_have(ib, first_of(ib), c) &&
			    !send_to(ib, first_of(ib), &ib->deliveries[ib->nopen], c))
				ib->nopen++;
		}
	}
	return has_devices;
}

static void try_first(struct inbox *ib)
{
	bool has_devices;

	while (ib->n && first_of(ib)->expires_at_us <= wall_us(ib))
		finish(ib, first_of(ib), "expired", 480);
	if (leave(ib))
		return;
	forget_deliveries(ib);
	ib->refused = 0;
	ib->may_work = false;
	has_devices = send_first(ib);
	if (!ib->nopen) {
		rest(ib, has_devices);
		return;
	}
	ib->is_sending = true;
	wake_in(ib, PATIENCE_MS);
}

/* ---- in and out ---- */

static uint64_t new_id(struct presence *p)
{
	uint64_t ms =
		(uint64_t)(clock_wall_us(p->conf.env.clock) / 1000) & ((UINT64_C(1) << 41) - 1);
	uint64_t id = ms << 22 | p->id_salt;

	if (id <= p->last_text_id)
		id = p->last_text_id + 1;
	p->last_text_id = id;
	return id;
}

int inbox_put(struct presence *p, const struct text_conf *conf)
{
	bool is_first, is_there = true;
	struct inbox *ib;
	struct text *t;

	if (p->ntexts >= p->conf.max_texts)
		return ENOSPC;
	ib = get(p, conf->tenant_id, conf->to_extension_id);
	t = ib ? make(conf) : NULL;
	if (ib && (!t || ib->n - ib->nkept >= MAX_UNKEPT ||
		   ib->holder->ntexts >= p->conf.max_tenant_texts)) {
		(void)leave(ib);
		mem_free(t);
		return t ? ENOSPC : ENOMEM;
	}
	if (!ib)
		return ENOMEM;
	if (!t->id)
		t->id = new_id(p);
	list_append(&ib->texts, &t->in_inbox);
	ib->n++;
	ib->nkept += t->is_kept;
	p->ntexts++;
	ib->holder->ntexts++;
	metric_add(METRIC_MESSAGES, 1);
	is_first = ib->n == 1;
	/* Behind others that cannot be reached now this one waits, too. */
	if (!t->asked || (!is_first && (!ib->is_sending || ib->is_late)))
		is_there = keep(ib, t);
	/* A device that would take no text before may take this one: it is asked again, for all of them. */
	if (is_there && (is_first || !ib->is_sending))
		wake_in(ib, 0);
	(void)leave(ib);
	return is_there ? 0 : EALREADY;
}

void inbox_registered(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct inbox *ib = find(p, tenant_id, extension_id);

	if (!ib || (ib->is_sending && !ib->is_late))
		return;
	ib->retry_s = FIRST_RETRY_S;
	forget_deliveries(ib);
	wake_in(ib, SOON_MS); /* its 200 goes first */
}

int inbox_restore(struct presence *p, const struct message_record *rec)
{
	const struct text_conf conf = {
		.tenant_id = rec->tenant_id,
		.to_extension_id = rec->to_extension_id,
		.from_extension_id = rec->from_extension_id,
		.sender = str_of(rec->sender),
		.sender_name = str_of(rec->sender_name),
		.recipient = str_of(rec->recipient),
		.group = str_of(rec->group_number),
		.content_type = str_of(rec->content_type),
		.body = str_of(rec->body),
		.sent_at_us = rec->sent_at,
		.expires_at_us = rec->expires_at,
		.id = rec->id,
		.is_kept = true,
		.is_storable = true,
	};

	if (!model_extension(p->conf.model, rec->tenant_id, rec->to_extension_id))
		return ENOENT;
	return inbox_put(p, &conf);
}

void inbox_drop(struct presence *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct inbox *ib = find(p, tenant_id, extension_id);

	if (!ib)
		return;
	while (ib->n)
		finish(ib, first_of(ib), "refused", 404);
	(void)leave(ib);
}

void inbox_close(struct presence *p)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&p->inboxes, &it))) {
		struct inbox *ib = CONTAINER_OF(node, struct inbox, key.node);

		while (ib->n)
			remove_text(ib, first_of(ib));
		(void)leave(ib);
	}
	map_close(&p->inboxes);
	map_close(&p->holders);
}
