/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Back-pressure: when the ring to the core is full, or too many bytes wait in it, connections are no longer read and
 * TCP slows the peers down.  What had to be told meanwhile (at most the messages of one read, and that connections
 * opened or closed) waits in a list that a short timer empties.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/flows_priv.h"

enum { COMMANDS = 4096, COMMANDS_PER_WAKE = 256, RETRY_MS = 2, MANY_ENDED = 500, QUIET_MS = 3000 };

struct blob *blob_new(const void *p, size_t n)
{
	struct blob *b = mem_fault() ? NULL : malloc(sizeof(*b) + n);

	if (!b)
		return NULL;
	b->next = NULL;
	b->n = n;
	b->off = 0;
	if (p && n)
		memcpy(b->p, p, n);
	return b;
}

struct blob *blob_new_for(enum flow_transport t, const void *p, size_t n)
{
	size_t room = t == FLOW_WS || t == FLOW_WSS ? BLOB_ROOM : 0;
	struct blob *b = blob_new(NULL, room + n);

	if (!b)
		return NULL;
	memcpy(b->p + room, p, n);
	b->off = room;
	return b;
}

struct blob *blob_free(struct blob *b)
{
	free(b);
	return NULL;
}

uint64_t flows_now_ms(const struct flows *f)
{
	return clock_mono_ms(loop_clock(f->loop));
}

bool flows_blocked(const struct flows *f)
{
	return f->told_first ||
	       atomic_load_explicit(&f->shared->inflight_bytes, memory_order_relaxed) >
		       f->shared->limits.inflight_bytes;
}

static int push_event(struct flows *f, const struct flow_evt *evt)
{
	size_t n = evt->blob ? evt->blob->n : 0;
	int err;

	/* Before the push: after it the blob is the core's, and may be gone. */
	atomic_fetch_add_explicit(&f->shared->inflight_bytes, n, memory_order_relaxed);
	err = ring_push(f->shared->events, evt);
	if (err)
		atomic_fetch_sub_explicit(&f->shared->inflight_bytes, n, memory_order_relaxed);
	return err;
}

static void retry(struct timer *t, void *arg)
{
	struct flows *f = arg;

	while (f->told_first && !push_event(f, &f->told_first->evt)) {
		struct flow_told *told = f->told_first;

		f->told_first = told->next;
		if (!f->told_first)
			f->told_end = &f->told_first;
		free(told);
	}
	while (!flows_blocked(f) && !list_empty(&f->paused))
		conn_resume(conn_of_paused(f->paused.next));
	if (f->told_first || !list_empty(&f->paused))
		timer_start(loop_wheel(f->loop), t, RETRY_MS, retry, f);
}

static void retry_soon(struct flows *f)
{
	if (!timer_running(&f->retry))
		timer_start(loop_wheel(f->loop), &f->retry, RETRY_MS, retry, f);
}

int flows_tell(struct flows *f, const struct flow_evt *evt, struct flow_told *spare)
{
	if (!f->told_first && !push_event(f, evt)) {
		free(spare);
		return 0;
	}
	if (!spare)
		spare = mem_fault() ? NULL : malloc(sizeof(*spare));
	if (!spare)
		return ENOMEM;
	spare->next = NULL;
	spare->evt = *evt;
	*f->told_end = spare;
	f->told_end = &spare->next;
	retry_soon(f);
	return 0;
}

/* DESIGN  What thousands of connections held is freed in small pieces, and the allocator keeps them for the next ones.  When an
 * office, or all of them, has gone for good the system gets the pages back.  Rarely, for it looks at all that is free. */
static void give_back(struct timer *t, void *arg)
{
	struct flows *f = arg;

	(void)t;
	f->nended = 0;
	malloc_trim(0);
}

void flows_ended_one(struct flows *f)
{
	if (++f->nended >= MANY_ENDED)
		timer_start(loop_wheel(f->loop), &f->give_back, QUIET_MS, give_back, f);
}

void flows_pause(struct flows *f, struct link *paused)
{
	list_append(&f->paused, paused);
	retry_soon(f);
}

static void command_free(struct flow_cmd *cmd)
{
	if (cmd->kind == FLOW_CMD_LISTEN || cmd->kind == FLOW_CMD_ADOPT)
		close(cmd->fd);
	blob_free(cmd->blob);
	free(cmd->spare);
}

static void listen_on(struct flows *f, const struct flow_cmd *cmd)
{
	int err = acceptor_open(f, cmd->fd, cmd->transport, cmd->listener);

	if (err) {
		log_error(NULL, LOGID_NET,
			  "listener %u cannot be watched (error %d): it takes no connections",
			  cmd->listener, err);
		close(cmd->fd);
	}
}

static void obey(struct flows *f, const struct flow_cmd *cmd)
{
	struct conn *c = conn_find(f, cmd->conn);

	switch (cmd->kind) {
	case FLOW_CMD_LISTEN:
		return listen_on(f, cmd);
	case FLOW_CMD_UNLISTEN:
		return acceptor_close(f, cmd->listener);
	case FLOW_CMD_ADOPT:
		return conn_adopt(f, cmd);
	case FLOW_CMD_CONNECT:
		return conn_connect(f, cmd);
	case FLOW_CMD_SEND:
		if (c)
			return conn_send(c, cmd->blob);
		blob_free(cmd->blob); /* the core will hear, or has heard, that it closed */
		return;
	case FLOW_CMD_CLOSE:
		if (c)
			conn_finish(c);
		return;
	case FLOW_CMD_KEEP:
		if (c)
			conn_keep(c, cmd->seconds);
		return;
	case FLOW_CMD_HOLD:
		if (c)
			conn_hold(c, cmd->is_held);
	}
}

static void commanded(int fd, unsigned events, void *arg)
{
	struct flows *f = arg;
	struct flow_cmd cmd;

	ring_woken(f->commands);
	for (int i = 0; i < COMMANDS_PER_WAKE && ring_pop(f->commands, &cmd); i++)
		obey(f, &cmd);
}

static void thread_main(void *arg)
{
	struct flows *f = arg;
	struct flow_cmd cmd;

	loop_run(f->loop);
	/* What was sent before the stop leaves as far as the peers' windows let it. */
	acceptors_close(f);
	while (ring_pop(f->commands, &cmd)) {
		if (cmd.kind == FLOW_CMD_SEND)
			obey(f, &cmd);
		else
			command_free(&cmd);
	}
	conns_drop_all(f);
	timer_cancel(&f->retry);
	timer_cancel(&f->give_back);
}

struct flows *flows_free(struct flows *f)
{
	struct flow_cmd cmd;

	if (!f)
		return NULL;
	while (f->commands && ring_pop(f->commands, &cmd))
		command_free(&cmd);
	loop_unwatch(f->commands_watch);
	loop_free(f->loop);
	ring_free(f->commands);
	map_close(&f->by_id);
	while (f->told_first) {
		struct flow_told *next = f->told_first->next;

		blob_free(f->told_first->evt.blob);
		free(f->told_first);
		f->told_first = next;
	}
	free(f);
	return NULL;
}

int flows_start(struct flows **fp, struct flows_shared *shared, unsigned index)
{
	struct flows *f = mem_fault() ? NULL : calloc(1, sizeof(*f));
	int err;

	if (!f)
		return ENOMEM;
	f->shared = shared;
	f->index = f->next_thread = index;
	f->told_end = &f->told_first;
	list_init(&f->conns);
	list_init(&f->paused);
	list_init(&f->acceptors);
	err = map_init(&f->by_id);
	if (!err)
		err = ring_alloc(&f->commands, COMMANDS, sizeof(struct flow_cmd));
	if (!err)
		err = loop_alloc(&f->loop, clock_real());
	if (!err)
		err = loop_watch(&f->commands_watch, f->loop, ring_fd(f->commands), LOOP_READ,
				 commanded, f);
	if (!err)
		err = thread_start(&f->thread, "flow", THREAD_FLOW, thread_main, f);
	if (err)
		flows_free(f);
	else
		*fp = f;
	return err;
}

void flows_stop(struct flows *f)
{
	if (!f)
		return;
	loop_stop(f->loop);
	f->thread = thread_join(f->thread);
}

int flows_command(struct flows *f, const struct flow_cmd *cmd)
{
	return ring_push(f->commands, cmd);
}
