/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  The database says what is due, and is told how each try ended; nothing is remembered here, so a crash at any moment
 * costs at most that something is told twice (X-Offhook-Delivery, or the mail's Message-ID, is the same then).
 *
 * It is asked when something was committed (at most each IDLE_MS), when a try has ended and when the time of one that waits
 * has come.  Between that the thread sleeps.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "hook/hook.h"
#include "hook/try.h"

enum { IDLE_MS = 300, SLEEP_MS = 600000, WAIT_MS = 10000 }; /* WAIT_MS: the wall clock may be set */
static const int64_t keep_us = INT64_C(7) * 24 * 3600 * 1000000;
static const int64_t prune_us = INT64_C(600) * 1000000;

struct hooks {
	struct outbox *outbox;
	struct store *store;
	CURLM *multi;
	struct try tries[OUTBOX_AT_ONCE];
	size_t busy;
	int64_t pruned_us;
	uint64_t looked_ms; /* 0: look at once */
	bool is_due;	    /* something may be */
	struct thread *thread;
	_Atomic bool is_stopping;
};

static void report(struct hooks *h, struct try *t, int64_t now_us,
		   const struct outbox_result *result)
{
	struct log_ctx ctx = {.tenant = t->item.tenant_id};
	const bool is_hook = t->item.hook != NULL;
	const enum log_id id = is_hook ? LOGID_WEBHOOK : LOGID_MAIL;

	if (*result->error)
		log_info(&ctx, id, "%s %s: %s; %s", is_hook ? "webhook to" : "mail by",
			 is_hook	  ? t->item.hook->url
			 : t->item.server ? t->item.server->host
					  : "nobody",
			 result->error, result->is_for_good ? "given up" : "tried again later");
	if (outbox_tried(h->outbox, &t->item, now_us, result))
		log_warn(&ctx, id, "the database does not take how a delivery ended");
	try_close(t, h->multi);
	h->busy--;
	h->is_due = true; /* the next of that line */
	h->looked_ms = 0;
}

static void ended(struct hooks *h, struct try *t, CURLcode code)
{
	int64_t now_us = clock_wall_us(clock_real());
	char error[TRY_ERROR_BYTES] = "";
	struct outbox_result result = {.error = error, .answer = ""};

	if (t->item.hook)
		post_judge(t, code, error, &result);
	else
		mail_judge(t, code, now_us, error, &result);
	return report(h, t, now_us, &result);
}

static void start(struct hooks *h, struct outbox_item *item)
{
	struct try *t = h->tries;
	bool ok;

	while (t->is_used)
		t++;
	h->busy++;
	t->is_used = true;
	t->item = *item;
	*item = (struct outbox_item){0};
	if (!t->item.hook && !t->item.server) {
		(void)snprintf(t->error, sizeof(t->error), "there is no mail server");
		return ended(h, t, CURLE_FAILED_INIT);
	}
	t->curl = curl_easy_init();
	ok = t->curl && (t->item.hook ? post_prepare(t) : mail_prepare(t, h->outbox));
	if (!ok || curl_multi_add_handle(h->multi, t->curl))
		return ended(h, t, CURLE_OUT_OF_MEMORY);
}

static bool is_same_line(const struct outbox_item *a, const struct outbox_item *b)
{
	return a->tenant_id == b->tenant_id && !a->hook == !b->hook &&
	       (!a->hook || a->hook->o.id == b->hook->o.id);
}

/* To one webhook, or of one tenant's mails, one at a time. */
static bool may_start(const struct hooks *h, const struct outbox_item *it)
{
	size_t n = 0;

	for (size_t i = 0; i < OUTBOX_AT_ONCE; i++) {
		const struct try *t = &h->tries[i];

		if (t->is_used && is_same_line(&t->item, it))
			return false;
		n += t->is_used && !t->item.hook == !it->hook;
	}
	return n < (it->hook ? OUTBOX_HOOKS_AT_ONCE : OUTBOX_MAILS_AT_ONCE);
}

static void start_due(struct hooks *h)
{
	struct outbox_item due[OUTBOX_AT_ONCE];
	int64_t now_us = clock_wall_us(clock_real());
	size_t n = 0;

	h->looked_ms = clock_mono_ms(clock_real());
	if (now_us - h->pruned_us > prune_us) {
		h->pruned_us = now_us;
		if (outbox_prune(h->outbox, now_us - keep_us))
			log_warn(NULL, LOGID_WEBHOOK, "old deliveries could not be removed");
	}
	if (outbox_due(h->outbox, now_us, due, &n))
		return; /* the database is away: next time */
	h->is_due = false;
	for (size_t i = 0; i < n; i++) {
		if (may_start(h, &due[i]))
			start(h, &due[i]);
		else
			outbox_item_free(&due[i]);
	}
}

/* How long nothing can become due but by what is committed. */
static int sleep_ms(struct hooks *h)
{
	const int64_t now_us = clock_wall_us(clock_real());
	int64_t next_us, wait_ms;

	if (outbox_next(h->outbox, now_us, &next_us))
		return IDLE_MS;
	if (next_us == INT64_MAX)
		return SLEEP_MS;
	wait_ms = (next_us - now_us) / 1000 + 1;
	return (int)(wait_ms < WAIT_MS ? wait_ms : WAIT_MS);
}

/* Until something is heard of those that run, or something may be due. */
static void wait(struct hooks *h)
{
	struct curl_waitfd news = {.fd = outbox_fd(h->outbox), .events = CURL_WAIT_POLLIN};
	uint64_t since_ms = clock_mono_ms(clock_real()) - h->looked_ms;
	int n = 0;

	if (h->is_due) {
		if (since_ms < IDLE_MS)
			curl_multi_poll(h->multi, NULL, 0, (int)(IDLE_MS - since_ms), NULL);
		return;
	}
	curl_multi_poll(h->multi, &news, 1, sleep_ms(h), &n);
	h->is_due = outbox_news(h->outbox) || !n;
}

static bool may_look(const struct hooks *h)
{
	return h->is_due && clock_mono_ms(clock_real()) - h->looked_ms >= IDLE_MS;
}

static void hook_main(void *arg)
{
	struct hooks *h = arg;

	while (!h->outbox && !atomic_load(&h->is_stopping))
		if (outbox_open(&h->outbox, h->store))
			usleep(IDLE_MS * 1000);
	while (!atomic_load(&h->is_stopping)) {
		int running = 0, left;
		struct try *t = NULL;
		CURLMsg *m;

		if (may_look(h))
			start_due(h);
		curl_multi_perform(h->multi, &running);
		while ((m = curl_multi_info_read(h->multi, &left))) {
			if (m->msg != CURLMSG_DONE)
				continue;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
			ended(h, t, m->data.result);
		}
		if (h->busy == (size_t)running)
			wait(h);
	}
}

int hooks_start(struct hooks **hp, struct store *s)
{
	struct hooks *h = calloc(1, sizeof(*h));
	int err = h ? 0 : ENOMEM;

	if (err)
		return err;
	h->store = s;
	h->is_due = true;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->multi = curl_multi_init()))
		err = ENOMEM;
	if (!err)
		err = thread_start(&h->thread, "hooks", THREAD_WORKER, hook_main, h);
	if (err)
		hooks_stop(h);
	else
		*hp = h;
	return err;
}

struct hooks *hooks_stop(struct hooks *h)
{
	if (!h)
		return NULL;
	atomic_store(&h->is_stopping, true);
	if (h->multi)
		curl_multi_wakeup(h->multi);
	h->thread = thread_join(h->thread);
	for (size_t i = 0; i < OUTBOX_AT_ONCE; i++)
		if (h->tries[i].is_used)
			try_close(&h->tries[i], h->multi);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	outbox_close(h->outbox);
	free(h);
	return NULL;
}
