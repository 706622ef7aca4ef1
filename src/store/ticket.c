/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include "store/ticket.h"

int ticket_take(struct tickets *ts, struct ring *reply_to, const struct store_reply *reply,
		uint32_t nchanges, uint64_t *tokenp)
{
	for (size_t i = 0; i < TICKETS; i++) {
		size_t at = ts->next++ % TICKETS;
		struct ticket *t = &ts->v[at];

		if (atomic_load_explicit(&t->state, memory_order_acquire) != TICKET_FREE)
			continue;
		t->generation++;
		t->reply_to = reply_to;
		t->reply = *reply;
		atomic_store_explicit(&t->left, nchanges, memory_order_relaxed);
		atomic_store_explicit(&t->state, TICKET_WAITS, memory_order_release);
		*tokenp = (uint64_t)t->generation << 32 | (at + 1);
		return 0;
	}
	return ENOSPC;
}

static void send(struct tickets *ts, struct ticket *t)
{
	if (!ring_push(t->reply_to, &t->reply)) {
		atomic_store_explicit(&t->state, TICKET_FREE, memory_order_release);
		return;
	}
	atomic_store_explicit(&t->state, TICKET_LATE, memory_order_release);
	atomic_fetch_add(&ts->nlate, 1);
}

void ticket_punch(struct tickets *ts, uint64_t token)
{
	size_t at = (size_t)(token & UINT32_MAX);
	struct ticket *t;

	if (!at || at > TICKETS)
		return;
	t = &ts->v[at - 1];
	if (atomic_load_explicit(&t->state, memory_order_acquire) != TICKET_WAITS ||
	    t->generation != token >> 32)
		return;
	if (atomic_fetch_sub(&t->left, 1) == 1)
		send(ts, t);
}

void ticket_retry(struct tickets *ts)
{
	if (!atomic_load(&ts->nlate))
		return;
	for (size_t i = 0; i < TICKETS; i++) {
		struct ticket *t = &ts->v[i];

		if (atomic_load_explicit(&t->state, memory_order_acquire) != TICKET_LATE)
			continue;
		atomic_fetch_sub(&ts->nlate, 1);
		send(ts, t);
	}
}

void ticket_drop_all(struct tickets *ts)
{
	for (size_t i = 0; i < TICKETS; i++)
		if (atomic_load(&ts->v[i].state) != TICKET_FREE)
			free(ts->v[i].reply.json);
}
