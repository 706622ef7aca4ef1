/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop of a thread (libuv): descriptors, one timer wheel, a stop that any thread may ask for.
 *
 * One turn: poll → ready descriptors → wheel_advance(now) → turn handler (flush what the turn gathered).
 *
 * Thread     each loop belongs to one thread; loop_stop() from any
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/env.h"

struct loop;
struct loop_fd;
typedef void loop_fd_h(int fd, unsigned events,
		       void *arg); /* LOOP_READ | LOOP_WRITE | LOOP_ERROR */
typedef void loop_turn_h(void *arg);

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };

int loop_alloc(struct loop **lp, const struct clock *clock) MUST_USE;
struct loop *loop_free(struct loop *l);
struct wheel *loop_wheel(struct loop *l);
const struct clock *loop_clock(struct loop *l);

int loop_watch(struct loop_fd **wp, struct loop *l, int fd, unsigned events, loop_fd_h *fn,
	       void *arg) MUST_USE;
int loop_watch_change(struct loop_fd *w, unsigned events) MUST_USE;
struct loop_fd *loop_unwatch(struct loop_fd *w); /* does not close fd; safe inside its handler */
/* Timers may be so late: what is due wakes the thread at most once in that time.  At first 0. */
void loop_slack(struct loop *l, uint32_t ms);
int loop_each_turn(struct loop *l, loop_turn_h *fn, void *arg) MUST_USE;

void loop_run(struct loop *l);			      /* until loop_stop() */
void loop_turn(struct loop *l, uint64_t max_wait_ms); /* one turn (tests) */
void loop_stop(struct loop *l);

#endif
