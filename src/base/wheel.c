/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Eleven levels of 64 slots; level L holds the timers whose due time first differs from `now` in the L-th group of
 * six bits.  All timers of a level lie before all of the next, so the earliest slot is the lowest bit of the lowest
 * level in use.  When time reaches a slot of level 1 or higher, its timers move down (each at most ten times, in practice
 * twice).  64 bits are covered: no overflow list.
 *
 * Refused: sorted list (start is O(n)), heap (O(log n), and a million entries to move in memory).
 *
 * Timers due in the same millisecond fire in the order in which they were started.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/wheel.h"

enum { SLOT_BITS = 6, SLOTS = 1 << SLOT_BITS, LEVELS = 11, FEW = 8 };

struct wheel {
	uint64_t now_ms;  /* all before this has fired */
	uint64_t base_ms; /* delays count from here; never before now_ms */
	size_t count;
	bool firing;
	uint64_t used[LEVELS]; /* bit per slot that holds a timer */
	struct link slots[LEVELS][SLOTS];
};

int wheel_alloc(struct wheel **wp, uint64_t now_ms)
{
	struct wheel *w = mem_fault() ? NULL : calloc(1, sizeof(*w));

	if (!w)
		return ENOMEM;
	w->now_ms = w->base_ms = now_ms;
	for (int level = 0; level < LEVELS; level++)
		for (int i = 0; i < SLOTS; i++)
			list_init(&w->slots[level][i]);
	*wp = w;
	return 0;
}

struct wheel *wheel_free(struct wheel *w)
{
	if (!w)
		return NULL;
	for (int level = 0; level < LEVELS; level++)
		for (int i = 0; i < SLOTS; i++)
			LIST_EACH_SAFE (l, next, &w->slots[level][i])
				list_remove(l);
	free(w);
	return NULL;
}

static void place(struct wheel *w, struct timer *t)
{
	uint64_t differs = t->due_ms ^ w->now_ms;
	int level = differs ? (63 - __builtin_clzll(differs)) / SLOT_BITS : 0;
	uint64_t i = t->due_ms >> (level * SLOT_BITS) & (SLOTS - 1);

	list_append(&w->slots[level][i], &t->link);
	w->used[level] |= UINT64_C(1) << i;
}

void timer_start(struct wheel *w, struct timer *t, uint64_t delay_ms, timer_h *fn, void *arg)
{
	timer_cancel(t);
	t->wheel = w;
	t->fn = fn;
	t->arg = arg;
	if (__builtin_add_overflow(w->base_ms, delay_ms, &t->due_ms))
		t->due_ms = UINT64_MAX;
	/* A handler that starts itself with delay 0 must not keep the millisecond from ending. */
	if (w->firing && t->due_ms <= w->now_ms)
		t->due_ms = w->now_ms + 1;
	place(w, t);
	w->count++;
}

/* The last timer of a slot is about to leave it: only its head remains, which lies in the wheel (or in the list being
 * fired, which has no bit). */
static void clear_bit_of(struct wheel *w, const struct link *head)
{
	uintptr_t at = (uintptr_t)head, first = (uintptr_t)w->slots;
	size_t i = (at - first) / sizeof(struct link);

	if (at >= first && i < LEVELS * SLOTS)
		w->used[i / SLOTS] &= ~(UINT64_C(1) << i % SLOTS);
}

void timer_cancel(struct timer *t)
{
	if (!timer_running(t))
		return;
	if (t->link.next == t->link.prev)
		clear_bit_of(t->wheel, t->link.next);
	list_remove(&t->link);
	t->wheel->count--;
}

static int lowest_level(const struct wheel *w)
{
	for (int level = 0; level < LEVELS; level++)
		if (w->used[level])
			return level;
	return -1;
}

static uint64_t slot_start_ms(const struct wheel *w, int level, uint64_t i)
{
	int above = (level + 1) * SLOT_BITS;
	uint64_t prefix = above < 64 ? w->now_ms >> above << above : 0;

	return prefix | i << (level * SLOT_BITS);
}

/* Of the timers of a slot, when they are few enough to look at; else when the slot starts. */
static uint64_t earliest_ms(const struct link *slot, uint64_t start_ms)
{
	uint64_t due_ms = UINT64_MAX;
	int n = 0;

	LIST_EACH (l, slot) {
		const struct timer *t = CONTAINER_OF(l, struct timer, link);

		if (++n > FEW)
			return start_ms;
		if (t->due_ms < due_ms)
			due_ms = t->due_ms;
	}
	return due_ms;
}

/* Nobody is woken just to move a few timers down: that is done when the first of them is due. */
uint64_t wheel_next_ms(const struct wheel *w)
{
	int level = lowest_level(w);
	uint64_t i, start_ms;

	if (level < 0)
		return UINT64_MAX;
	i = (uint64_t)__builtin_ctzll(w->used[level]);
	start_ms = slot_start_ms(w, level, i);
	return level ? earliest_ms(&w->slots[level][i], start_ms) : start_ms;
}

static void take_slot(struct wheel *w, int level, uint64_t i, struct link *out)
{
	struct link *head = &w->slots[level][i];

	list_init(out);
	w->used[level] &= ~(UINT64_C(1) << i);
	if (list_empty(head))
		return;
	*out = *head;
	out->next->prev = out->prev->next = out;
	list_init(head);
}

static void fire(struct wheel *w, struct link *due)
{
	while (!list_empty(due)) {
		struct timer *t = LIST_FIRST(due, struct timer, link);

		list_remove(&t->link);
		w->count--;
		t->fn(t, t->arg); /* may free t */
	}
}

void wheel_advance(struct wheel *w, uint64_t now_ms)
{
	BUG(w->firing); /* a handler must not drive the wheel */
	w->firing = true;
	for (;;) {
		int level = lowest_level(w);
		uint64_t i, start;
		struct link taken;

		if (level < 0)
			break;
		i = (uint64_t)__builtin_ctzll(w->used[level]);
		start = slot_start_ms(w, level, i);
		if (start > now_ms)
			break;
		w->now_ms = start;
		if (w->base_ms < start)
			w->base_ms = start;
		take_slot(w, level, i, &taken);
		if (level == 0)
			fire(w, &taken);
		else
			LIST_EACH_SAFE (l, next, &taken)
				place(w, CONTAINER_OF(l, struct timer, link));
	}
	if (w->now_ms < now_ms)
		w->now_ms = now_ms;
	if (w->base_ms < now_ms)
		w->base_ms = now_ms;
	w->firing = false;
}

void wheel_set_now(struct wheel *w, uint64_t now_ms)
{
	if (w->base_ms < now_ms)
		w->base_ms = now_ms;
}

size_t wheel_count(const struct wheel *w)
{
	return w->count;
}
