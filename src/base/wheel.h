/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers: a hierarchical wheel of 1 ms; start, cancel and expiry cost the same with ten timers and with a million.
 *
 * Why not a sorted list or heap: every SIP transaction lingers 32 s, and a list collapses at 300 calls/s
 * (docs/adr/ADR on timers).
 *
 * Thread     one owner
 * Units      _ms of the clock that drives wheel_advance()
 * Ownership  struct timer lives in the object it times; an object cancels its timers before it is freed
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include "base/list.h"

struct wheel;
struct timer;
typedef void timer_h(struct timer *t, void *arg);

struct timer { /* zeroed: not running */
	struct link link;
	struct wheel *wheel;
	uint64_t due_ms;
	timer_h *fn;
	void *arg;
};

int wheel_alloc(struct wheel **wp, uint64_t now_ms) MUST_USE;
struct wheel *wheel_free(struct wheel *w); /* running timers are forgotten, not fired */

/* (Re)start: fires once, not before delay_ms have passed. */
void timer_start(struct wheel *w, struct timer *t, uint64_t delay_ms, timer_h *fn, void *arg);
void timer_cancel(struct timer *t); /* fine when not running */
static inline bool timer_running(const struct timer *t)
{
	return link_linked(&t->link);
}

/* Fire everything due up to now_ms, in order of due time.  A handler may start, cancel and free any timer. */
void wheel_advance(struct wheel *w, uint64_t now_ms);
/* What time it is for the delays of timers started from now on, without firing anything.  Who drives a wheel on a real clock
 * says so before each handler; else delays count from the time that wheel_advance() has reached. */
void wheel_set_now(struct wheel *w, uint64_t now_ms);
/* When wheel_advance() is next needed: a time not after the earliest timer; UINT64_MAX when none runs. */
uint64_t wheel_next_ms(const struct wheel *w);
size_t wheel_count(const struct wheel *w);

#endif
