/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One turn is one round of libuv: prepare (how long may we sleep?) → poll and ready descriptors → check (timers, turn
 * handlers).  libuv's own timer only bounds the sleep; all timers are the wheel's.
 *
 * Delays count from the time at which the handler runs, rounded up to the millisecond, and timers fire at the time
 * rounded down: a timer never comes early.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "base/loop.h"
#include "base/mem.h"

enum { MAX_TURN_HANDLERS = 16 };

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t alarm;
	uv_async_t stop;
	const struct clock *clock;
	struct wheel *wheel;
	uint64_t max_wait_ms; /* of this turn */
	uint32_t slack_ms;
	size_t nturns;
	struct {
		loop_turn_h *fn;
		void *arg;
	} turns[MAX_TURN_HANDLERS];
};

struct loop_fd {
	uv_poll_t poll;
	struct loop *loop;
	unsigned events;
	loop_fd_h *fn; /* NULL: unwatched, waiting for libuv to let go */
	void *arg;
};

static void alarm_rang(uv_timer_t *t)
{
}

static void set_now(struct loop *l)
{
	wheel_set_now(l->wheel, (clock_mono_us(l->clock) + 999) / 1000);
}

static void before_poll(uv_prepare_t *p)
{
	struct loop *l = p->data;
	uint64_t next_ms = wheel_next_ms(l->wheel), wait_ms = UINT64_MAX;

	if (next_ms != UINT64_MAX) {
		uint64_t now_us = clock_mono_us(l->clock);
		uint64_t now_ms = now_us / 1000;

		/* Rounded up: waking early would mean to turn idly until it is due. */
		wait_ms = next_ms <= now_ms ? 0 : next_ms - now_ms;
		if (wait_ms && wait_ms < l->slack_ms)
			wait_ms = l->slack_ms;
	}
	if (wait_ms > l->max_wait_ms)
		wait_ms = l->max_wait_ms;
	if (wait_ms == UINT64_MAX) {
		uv_timer_stop(&l->alarm);
		return;
	}
	uv_update_time(&l->uv);
	uv_timer_start(&l->alarm, alarm_rang, wait_ms, 0);
}

static void after_poll(uv_check_t *c)
{
	struct loop *l = c->data;

	set_now(l);
	wheel_advance(l->wheel, clock_mono_us(l->clock) / 1000);
	for (size_t i = 0; i < l->nturns; i++)
		l->turns[i].fn(l->turns[i].arg);
}

static void stop_asked(uv_async_t *a)
{
	uv_stop(a->loop);
}

int loop_alloc(struct loop **lp, const struct clock *clock)
{
	struct loop *l = mem_fault() ? NULL : calloc(1, sizeof(*l));
	int err;

	if (!l)
		return ENOMEM;
	l->clock = clock;
	l->max_wait_ms = UINT64_MAX;
	err = wheel_alloc(&l->wheel, clock_mono_ms(clock));
	if (err)
		goto no_uv;
	err = -uv_loop_init(&l->uv);
	if (err)
		goto no_uv;
	err = -uv_async_init(&l->uv, &l->stop, stop_asked);
	if (err) {
		uv_loop_close(&l->uv);
		goto no_uv;
	}
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	uv_timer_init(&l->uv, &l->alarm);
	l->prepare.data = l->check.data = l;
	uv_prepare_start(&l->prepare, before_poll);
	uv_check_start(&l->check, after_poll);
	*lp = l;
	return 0;
no_uv:
	wheel_free(l->wheel);
	free(l);
	return err;
}

struct loop *loop_free(struct loop *l)
{
	int err;

	if (!l)
		return NULL;
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->alarm, NULL);
	uv_close((uv_handle_t *)&l->stop, NULL);
	/* Lets the last unwatched descriptors go; one still watched would keep it from ending, hence not UV_RUN_DEFAULT. */
	uv_run(&l->uv, UV_RUN_NOWAIT);
	err = uv_loop_close(&l->uv);
	BUG(err); /* a descriptor is still watched */
	wheel_free(l->wheel);
	free(l);
	return NULL;
}

struct wheel *loop_wheel(struct loop *l)
{
	return l->wheel;
}

const struct clock *loop_clock(struct loop *l)
{
	return l->clock;
}

static void ready(uv_poll_t *p, int status, int events)
{
	struct loop_fd *w = p->data;
	unsigned seen =
		(events & UV_READABLE ? LOOP_READ : 0u) | (events & UV_WRITABLE ? LOOP_WRITE : 0u);
	uv_os_fd_t fd;

	if (!w->fn || uv_fileno((uv_handle_t *)p, &fd))
		return;
	if (status < 0) {
		/* An error waits on the descriptor (ICMP, reset): libuv has stopped watching.  Whoever reads or writes will
		 * see it, so we go on. */
		seen = LOOP_ERROR | w->events;
		if (loop_watch_change(w, w->events))
			seen = LOOP_ERROR;
	}
	set_now(w->loop);
	w->fn(fd, seen, w->arg); /* may unwatch */
}

int loop_watch_change(struct loop_fd *w, unsigned events)
{
	int want = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);

	w->events = events;
	return want ? -uv_poll_start(&w->poll, want, ready) : -uv_poll_stop(&w->poll);
}

int loop_watch(struct loop_fd **wp, struct loop *l, int fd, unsigned events, loop_fd_h *fn,
	       void *arg)
{
	struct loop_fd *w = mem_fault() ? NULL : calloc(1, sizeof(*w));
	int err;

	if (!w)
		return ENOMEM;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	err = -uv_poll_init(&l->uv, &w->poll, fd);
	if (err) {
		free(w);
		return err;
	}
	w->poll.data = w;
	err = loop_watch_change(w, events);
	if (err)
		loop_unwatch(w);
	else
		*wp = w;
	return err;
}

static void let_go(uv_handle_t *h)
{
	free(h->data);
}

struct loop_fd *loop_unwatch(struct loop_fd *w)
{
	if (w && w->fn) {
		w->fn = NULL;
		uv_close((uv_handle_t *)&w->poll, let_go);
	}
	return NULL;
}

void loop_slack(struct loop *l, uint32_t ms)
{
	l->slack_ms = ms;
}

int loop_each_turn(struct loop *l, loop_turn_h *fn, void *arg)
{
	if (l->nturns == MAX_TURN_HANDLERS)
		return ENOSPC;
	l->turns[l->nturns].fn = fn;
	l->turns[l->nturns++].arg = arg;
	return 0;
}

void loop_run(struct loop *l)
{
	l->max_wait_ms = UINT64_MAX;
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_turn(struct loop *l, uint64_t max_wait_ms)
{
	l->max_wait_ms = max_wait_ms;
	uv_run(&l->uv, UV_RUN_ONCE);
}

void loop_stop(struct loop *l)
{
	uv_async_send(&l->stop);
}
