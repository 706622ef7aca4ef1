/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One subscription: sub.def carried out.
 *
 * Those to be told stand in a queue that is worked off some at a time: a thousand watchers of one extension neither hold up the
 * core nor flood a socket.  What happens while one waits in the queue is in the NOTIFY that it then gets.
 *
 * Each is told at most once a second in the long run (RFC 4235 3.10), thirty times at once: the lamp of a busy number costs a watcher
 * little, and a call's few changes come without delay.  Who asks, and the end, do not wait.
 */
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "presence/inside.h"
#include "sip/write.h"

enum { AT_A_TIME = 20, PAUSE_MS = 2, RETRY_S = 5, MAX_RETRY_S = 300, MAX_RETRIES = 5 };
enum { EVERY_MS = 1000, AT_ONCE = 30 };

/* ---- what a NOTIFY says ---- */

static const char *const end_names[] = {
	[SUB_TIMEOUT] = "timeout",
	[SUB_DEACTIVATED] = "deactivated",
	[SUB_NORESOURCE] = "noresource",
	[SUB_REJECTED] = "rejected",
};

static uint64_t now_ms(const struct sub *s)
{
	return clock_mono_ms(s->p->conf.env.clock);
}

static void write_lines(struct sub *s, struct buf *out, bool is_last)
{
	uint64_t now = now_ms(s), left = s->expires_at_ms > now ? s->expires_at_ms - now : 0;

	buf_reset(out);
	buf_printf(out, "Event: %s%s%s\r\n", s->package->event, *s->event_id ? ";id=" : "",
		   s->event_id);
	if (s->is_list)
		buf_cstr(out, "Require: eventlist\r\n");
	if (is_last)
		buf_printf(out, "Subscription-State: terminated;reason=%s\r\n", end_names[s->why]);
	else
		buf_printf(out, "Subscription-State: active;expires=%u\r\n",
			   (unsigned)((left + 999) / 1000));
}

/* Its document, and of what type that is. */
static int write_body(struct sub *s, struct sip_extra *extra)
{
	struct presence *p = s->p;
	struct topic *t = s->own.topic;
	int err = 0;

	buf_reset(&p->body);
	if (s->is_list) {
		err = list_write(s, &p->body, &p->type);
		extra->content_type = buf_view(&p->type);
	} else {
		topic_write(topic_document(t, s->wants_all ? 0 : s->own.seen), s->own.version,
			    &p->body);
		s->own.telling = t->seq;
		extra->content_type = str_of(s->package->content_type);
	}
	extra->body = buf_view(&p->body);
	return err ? err : p->body.err;
}

/* What the NOTIFY on its way says is told.  True: there was more than it could hold. */
static bool note_told(struct sub *s)
{
	s->own.seen = s->own.telling;
	s->own.version++;
	s->wants_all = false;
	return s->is_list && list_told(s);
}

/* RFC 6665 4.2.2, RFC 5057 5: what says that there is nobody any more. */
static bool is_dead(const struct sip_msg *resp)
{
	switch (resp ? resp->status : 408) {
	case 491:
	case 500:
	case 503:
	case 504:
		return false;
	default:
		return true;
	}
}

static unsigned retry_after(const struct sip_msg *resp)
{
	struct str value = sip_msg_header(resp, SIP_HDR_RETRY_AFTER);
	uint32_t s;

	value.n = strcspn(value.n ? value.p : "", " ;(\r");
	if (str_u32(value, &s))
		return RETRY_S;
	return s > MAX_RETRY_S ? MAX_RETRY_S : s ? s : 1;
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sub *s = arg;

	if (resp && resp->status < 200)
		return;
	s->notify = 0;
	if (resp && resp->status < 300)
		sub_event(s, SUB_EV_TOLD);
	else if (err || is_dead(resp))
		sub_event(s, SUB_EV_DEAD);
	else {
		s->retry_s = retry_after(resp);
		sub_event(s, SUB_EV_NOT_NOW);
	}
}

/* A final NOTIFY has a body when it is the answer to who asked (a fetch, an end): RFC 6665 4.4.3.
 * *has_more: it could not say all. */
static int send_notify(struct sub *s, bool *has_more)
{
	bool is_last = s->st == SUB_LAST, has_body = !is_last || s->why == SUB_TIMEOUT;
	struct presence *p = s->p;
	struct sip_extra extra = {0};
	int err = 0;

	if (has_body)
		err = write_body(s, &extra);
	if (err)
		return err;
	write_lines(s, &p->lines, is_last);
	if (p->lines.err)
		return p->lines.err;
	extra.headers = buf_view(&p->lines);
	err = sip_dialog_send(s->d, SIP_NOTIFY, &extra, on_response, s, &s->notify);
	if (err)
		return err;
	metric_add(METRIC_NOTIFIES, 1);
	s->told_until_ms = (s->told_until_ms > now_ms(s) ? s->told_until_ms : now_ms(s)) + EVERY_MS;
	*has_more = has_body && note_told(s);
	return 0;
}

/* ---- actions ---- */

static void act_nothing(struct sub *s)
{
}

static void on_turn(struct timer *t, void *arg)
{
	struct presence *p = arg;

	for (int i = 0; i < AT_A_TIME; i++) {
		struct sub *s = LIST_FIRST(&p->queue, struct sub, in_queue);

		if (!s)
			return;
		list_remove(&s->in_queue);
		sub_event(s, SUB_EV_TURN);
	}
	if (!list_empty(&p->queue))
		timer_start(p->conf.env.wheel, t, PAUSE_MS, on_turn, p);
}

/* It has its place in the queue, now. */
static void act_hurry(struct sub *s)
{
	struct presence *p = s->p;

	timer_cancel(&s->retry);
	if (link_linked(&s->in_queue))
		return;
	list_append(&p->queue, &s->in_queue);
	if (!timer_running(&p->turn))
		timer_start(p->conf.env.wheel, &p->turn, 0, on_turn, p);
}

static void on_allowed(struct timer *t, void *arg)
{
	(void)t;
	act_hurry(arg);
}

static void act_queue(struct sub *s)
{
	uint64_t now = now_ms(s), from = s->told_until_ms;

	from = from > EVERY_MS * AT_ONCE ? from - EVERY_MS * AT_ONCE : 0;
	if (s->st != SUB_DUE || s->wants_all || from <= now)
		act_hurry(s);
	else
		timer_start(s->p->conf.env.wheel, &s->retry, from - now, on_allowed, s);
}

void sub_hurry(struct sub *s)
{
	if (s->st == SUB_DUE)
		act_hurry(s);
}

static void act_told(struct sub *s)
{
	s->nretries = 0;
}

static void act_told_queue(struct sub *s)
{
	s->nretries = 0;
	act_queue(s);
}

static void act_over(struct sub *s)
{
	sub_free(s);
}

static void act_tell(struct sub *s)
{
	bool has_more = false;
	int err = send_notify(s, &has_more);

	if (has_more)
		sub_event(s, SUB_EV_CHANGE);
	if (!err)
		return;
	s->retry_s = RETRY_S;
	sub_event(s,
		  err == ENOMEM || err == ENOBUFS || err == ENOSPC ? SUB_EV_NOT_NOW : SUB_EV_DEAD);
}

static void on_retry(struct timer *t, void *arg)
{
	(void)t;
	sub_event(arg, SUB_EV_RETRY);
}

static void act_wait(struct sub *s)
{
	s->wants_all = true; /* who knows what it has taken */
	timer_start(s->p->conf.env.wheel, &s->retry, s->retry_s * 1000, on_retry, s);
	if (++s->nretries > MAX_RETRIES)
		sub_end(s, SUB_TIMEOUT);
}

/* ---- the machine ---- */

typedef void sub_action_h(struct sub *s);

static const struct edge {
	bool is_legal;
	enum sub_state to;
	sub_action_h *act;
} edges[SUB_NSTATES][SUB_NEVENTS] = {
#define X(from, ev, to, act) [SUB_##from][SUB_EV_##ev] = {true, SUB_##to, act},
#include "presence/sub.def"
#undef X
};

bool sub_event(struct sub *s, enum sub_event ev)
{
	const struct edge *e = &edges[s->st][ev];

	if (!e->is_legal)
		return false;
	s->st = e->to; /* first: an action may come back here */
	e->act(s);
	return true;
}

void sub_end(struct sub *s, enum sub_end why)
{
	if (sub_is_ending(s))
		return;
	timer_cancel(&s->expiry);
	s->why = why;
	sub_event(s, SUB_EV_END);
}

bool sub_is_ending(const struct sub *s)
{
	return s->st == SUB_TELLING_LAST || s->st >= SUB_LAST_DUE;
}

static void on_expiry(struct timer *t, void *arg)
{
	(void)t;
	sub_end(arg, SUB_TIMEOUT);
}

void sub_lasts(struct sub *s, uint32_t seconds)
{
	uint64_t ms = (uint64_t)seconds * 1000;

	s->expires_at_ms = now_ms(s) + ms;
	timer_start(s->p->conf.env.wheel, &s->expiry, ms, on_expiry, s);
}

/* ---- life ---- */

struct subscriber *subscriber_find(const struct presence *p, uint64_t tenant_id,
				   uint64_t account_id)
{
	return IDMAP_FIND(struct subscriber, &p->subscribers, tenant_id, account_id);
}

static struct subscriber *subscriber_get(struct presence *p, uint64_t tenant_id,
					 uint64_t account_id)
{
	struct subscriber *by = subscriber_find(p, tenant_id, account_id);

	if (by)
		return by;
	by = mem_alloc(sizeof(*by));
	if (!by)
		return NULL;
	list_init(&by->subs);
	idmap_add(&p->subscribers, &by->key, tenant_id, account_id);
	return by;
}

static void subscriber_leave(struct sub *s)
{
	struct subscriber *by = s->by;

	if (!by)
		return;
	list_remove(&s->in_account);
	by->nsubs--;
	if (!list_empty(&by->subs))
		return;
	map_remove(&s->p->subscribers, &by->key.node);
	mem_free(by);
}

static int enter(struct sub *s, const struct sub_wish *wish)
{
	int err;

	s->by = subscriber_get(s->p, wish->tenant_id, wish->account_id);
	if (!s->by)
		return ENOMEM;
	list_append(&s->by->subs, &s->in_account);
	s->by->nsubs++;
	s->own.sub = s;
	err = topic_watch(s->p, s->is_list ? &package_group : s->package, wish->tenant_id, wish->id,
			  &s->own);
	if (!err && s->is_list)
		err = list_follow(s);
	return err ? err : str_copy(s->event_id, sizeof(s->event_id), wish->event_id);
}

int sub_alloc(struct sub **sp, struct presence *p, const struct sub_wish *wish)
{
	struct sub *s = mem_alloc(sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	s->p = p;
	s->package = wish->package;
	s->is_list = wish->is_list;
	p->nsubs++;
	err = enter(s, wish);
	if (err)
		s = sub_free(s);
	else
		*sp = s;
	return err;
}

struct sub *sub_free(struct sub *s)
{
	if (!s)
		return NULL;
	timer_cancel(&s->expiry);
	timer_cancel(&s->retry);
	list_remove(&s->in_queue);
	if (s->notify)
		sip_forget(s->p->conf.sip, s->notify);
	list_unwatch(s);
	topic_unwatch(&s->own);
	subscriber_leave(s);
	sip_dialog_close(s->d);
	s->p->nsubs--;
	return mem_free(s);
}
