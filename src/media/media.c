/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The core's side of the media engine: which thread has a session, which ports it has, and what is still unanswered.
 *
 * Commands go to the session's thread in the order of posting.  Three things interrupt that order, and until they are
 * over, commands that name the session wait in `held`:
 *   - GROW, because a port may turn out to be used by another program and be drawn again;
 *   - a move: a JOIN of sessions on two threads first brings the peer to the session's thread.
 *
 * The number of commands unanswered is bounded, so that no ring behind this file can ever be full.  A CLOSE beyond it is
 * not refused, for the session would stay for ever: it waits in `closing` for an answer to another.
 */
#include <sched.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/dtls.h"
#include "media/opening.h"
#include "media/secure.h"
#include "media/session.h"

enum { WAKE_MS = 10, WAKE_AT_MOST_MS = 20, DROPS_A_SECOND = 256 };

struct held {
	struct link link;
	struct media_cmd cmd;
};

struct media {
	struct media_engine engine; /* first */
	struct media_conf conf;
	struct parts parts;
	struct link held, closing;
	struct worker_shared shared;
	_Atomic bool is_closing, is_handing; /* the file thread hands something over */
	unsigned nunanswered;
	uint64_t
		unwoken_ms; /* since when workers have something that they were not woken for; 0: nothing */
};

static void dispatch(struct media *m, const struct media_cmd *cmd);

static uint64_t now_ms(void)
{
	return clock_mono_ms(clock_real());
}

/* Through the ring like any other, so that no handler is called from within a post. */
static void say(struct media *m, const struct media_event *ev)
{
	struct worker_event wev = {.type = WORKER_NONE, .ev = *ev};
	int full = m->conf.is_polled ? ring_push_quietly(m->shared.events, &wev)
				     : ring_push(m->shared.events, &wev);

	BUG(full);
}

static void answer_here(struct media *m, const struct media_cmd *cmd, enum media_event_type type,
			int err)
{
	struct media_event ev = {
		.type = type, .seq = cmd->seq, .session = cmd->session, .err = err};

	say(m, &ev);
}

/* What a worker need not know this instant: packets do not come without waking it, and then it takes messages first.
 * A caller that looks in each turn (media_turn) sees that it is woken in time. */
static void post_to(struct media *m, struct worker *w, const struct worker_msg *msg)
{
	if (!m->conf.is_polled) {
		worker_post(w, msg);
		return;
	}
	worker_post_quietly(w, msg);
	if (!m->unwoken_ms)
		m->unwoken_ms = now_ms();
}

static enum media_event_type activity_of(const struct media_cmd *cmd)
{
	switch (cmd->type) {
	case MEDIA_OPEN:
	case MEDIA_GROW:
		return MEDIA_FAILED;
	case MEDIA_CLOSE:
		return MEDIA_CLOSED;
	default:
		return MEDIA_DONE;
	}
}

static void refuse(struct media *m, const struct media_cmd *cmd, int err)
{
	media_cmd_drop(cmd);
	answer_here(m, cmd, activity_of(cmd), err);
}

static void send_to(struct media *m, const struct part *p, const struct media_cmd *cmd)
{
	struct worker_msg msg = {.type = WORKER_COMMAND, .cmd = *cmd};

	for (size_t i = 0; i < p->nports; i++)
		msg.ports[i] = p->ports[i];
	post_to(m, m->parts.workers[p->worker], &msg);
}

static void bind_ports(struct media *m, struct part *p, const struct media_cmd *cmd)
{
	uint8_t n = cmd->u.open.nstreams;
	int err = n && n <= MEDIA_MAX_STREAMS ? part_take_ports(&m->parts, p, n) : EINVAL;

	if (err) {
		refuse(m, cmd, err);
		return;
	}
	p->binding = *cmd;
	p->nclashes = 0;
	p->state = PART_BINDING;
	parts_show(&m->parts);
	send_to(m, p, cmd);
}

static void give(struct media *m, const struct part *p, struct worker_session *s, uint32_t seq)
{
	struct media_event ev = {.type = MEDIA_OPENED, .seq = seq, .session = p->id};
	struct worker_msg msg = {.type = WORKER_ADOPT, .adopted = s};

	for (size_t i = 0; i < s->nstreams; i++)
		ev.u.local[i] = s->streams[i]->rtp.local;
	post_to(m, m->parts.workers[p->worker], &msg);
	say(m, &ev);
}

static bool is_openable(const struct media_cmd *cmd)
{
	return cmd->session && cmd->u.open.local.family && cmd->u.open.nstreams &&
	       cmd->u.open.nstreams <= MEDIA_MAX_STREAMS;
}

static void open_part(struct media *m, const struct media_cmd *cmd)
{
	struct worker_session *s = NULL;
	struct part *p;
	int err;

	if (!is_openable(cmd) || parts_find(&m->parts, cmd->session)) {
		refuse(m, cmd, is_openable(cmd) ? EEXIST : EINVAL);
		return;
	}
	p = parts_add(&m->parts, cmd->session, cmd->u.open.call);
	err = p ? opening_make(&m->parts, &m->shared, p, cmd, &s) : ENOMEM;
	if (!err) {
		p->nbound = p->nports;
		parts_show(&m->parts);
		give(m, p, s, cmd->seq);
		return;
	}
	if (p)
		parts_remove(&m->parts, p);
	refuse(m, cmd, err);
}

static void close_later(struct media *m, struct part *p, uint32_t seq)
{
	p->close_seq = seq;
	list_append(&m->closing, &p->closing);
}

static void hold(struct media *m, const struct media_cmd *cmd, struct part *p, struct part *peer)
{
	struct held *h = mem_alloc(sizeof(*h));

	if (!h && cmd->type == MEDIA_CLOSE && !link_linked(&p->closing)) {
		m->nunanswered--;
		close_later(m, p, cmd->seq);
		return;
	}
	if (!h) {
		refuse(m, cmd, ENOMEM);
		return;
	}
	h->cmd = *cmd;
	list_append(&m->held, &h->link);
	p->nheld++;
	if (peer)
		peer->nheld++;
}

/* A session is gone for all that is posted after its CLOSE. */
static bool is_there(const struct part *p)
{
	return p && p->state != PART_CLOSING;
}

static uint16_t worker_of_room(const struct media *m, oid room)
{
	return (uint16_t)(map_hash_u64(room, 0) % m->parts.nworkers);
}

static bool must_wait(const struct part *p)
{
	return p && (p->state != PART_READY || p->nheld);
}

/* A room is on the thread that its id names. */
static bool is_elsewhere(const struct media *m, const struct media_cmd *cmd, const struct part *p)
{
	return cmd->type == MEDIA_MIX && cmd->u.mix.room &&
	       p->worker != worker_of_room(m, cmd->u.mix.room);
}

static void start_move(struct media *m, struct part *p)
{
	struct worker_msg msg = {.type = WORKER_MOVE_OUT, .cmd.session = p->id};

	p->state = PART_MOVING;
	worker_post(m->parts.workers[p->worker], &msg);
}

static void dispatch(struct media *m, const struct media_cmd *cmd)
{
	struct part *p, *peer = NULL;

	if (cmd->type == MEDIA_OPEN) {
		open_part(m, cmd);
		return;
	}
	p = parts_find(&m->parts, cmd->session);
	if (cmd->type == MEDIA_JOIN)
		peer = parts_find(&m->parts, cmd->u.join.peer);
	if (!is_there(p) || (cmd->type == MEDIA_JOIN && !is_there(peer))) {
		refuse(m, cmd, ENOENT);
	} else if (must_wait(p) || must_wait(peer)) {
		hold(m, cmd, p, peer);
	} else if (peer && peer->worker != p->worker) {
		hold(m, cmd, p, peer);
		start_move(m, peer);
	} else if (is_elsewhere(m, cmd, p)) {
		hold(m, cmd, p, NULL);
		start_move(m, p);
	} else if (cmd->type == MEDIA_GROW) {
		bind_ports(m, p, cmd);
	} else {
		if (cmd->type == MEDIA_CLOSE)
			p->state = PART_CLOSING;
		send_to(m, p, cmd);
	}
}

/* Everything held is tried again, in order; what must still wait is held again. */
static void release(struct media *m)
{
	struct link todo;
	struct part *p;

	if (list_empty(&m->held))
		return;
	list_init(&todo);
	LIST_EACH_SAFE (it, tmp, &m->held) {
		struct held *h = CONTAINER_OF(it, struct held, link);

		p = parts_find(&m->parts, h->cmd.session);
		if (p)
			p->nheld = 0;
		p = h->cmd.type == MEDIA_JOIN ? parts_find(&m->parts, h->cmd.u.join.peer) : NULL;
		if (p)
			p->nheld = 0;
		list_remove(it);
		list_append(&todo, it);
	}
	LIST_EACH_SAFE (it, tmp, &todo) {
		struct held *h = CONTAINER_OF(it, struct held, link);

		list_remove(it);
		dispatch(m, &h->cmd);
		mem_free(h);
	}
}

static void bind_failed(struct media *m, struct part *p)
{
	p->state = PART_READY;
	part_return_ports(&m->parts, p, p->nbound);
	parts_show(&m->parts);
}

static void rebind(struct media *m, const struct worker_event *wev)
{
	struct part *p = parts_find(&m->parts, wev->ev.session);
	int err = EADDRINUSE;

	BUG(!p || p->state != PART_BINDING || wev->clash >= p->nports);
	if (++p->nclashes < OPENING_MAX_CLASHES)
		err = part_change_port(&m->parts, p, wev->clash);
	if (!err) {
		send_to(m, p, &p->binding);
		return;
	}
	refuse(m, &p->binding, err);
	bind_failed(m, p);
	release(m);
}

/* Where the command that waits for the move wants it: on the thread of its peer, or of its room.  -1: it is gone meanwhile. */
static int goal_of_move(const struct media *m, oid moved)
{
	LIST_EACH (it, &m->held) {
		const struct media_cmd *cmd = &CONTAINER_OF(it, struct held, link)->cmd;
		const struct part *to;

		if (cmd->type == MEDIA_JOIN && cmd->u.join.peer == moved) {
			to = parts_find(&m->parts, cmd->session);
			return to ? to->worker : -1;
		}
		if (cmd->type == MEDIA_MIX && cmd->session == moved && cmd->u.mix.room)
			return worker_of_room(m, cmd->u.mix.room);
	}
	return -1;
}

static void finish_move(struct media *m, struct worker_event *wev)
{
	struct part *p = parts_find(&m->parts, wev->ev.session);
	struct worker_msg msg = {.type = WORKER_ADOPT, .adopted = wev->moved};
	int goal = goal_of_move(m, wev->ev.session);

	if (p)
		p->state = PART_READY;
	if (!wev->moved)
		return;
	/* A session that a thread holds has a part until it says CLOSED. */
	BUG(!p);
	if (goal >= 0)
		parts_set_worker(&m->parts, p, (uint16_t)goal);
	worker_post(m->parts.workers[p->worker], &msg);
}

/* What a worker's answer changes here. */
static void settle(struct media *m, const struct worker_event *wev)
{
	const struct media_event *ev = &wev->ev;
	struct part *p = parts_find(&m->parts, ev->session);

	if (!p)
		return;
	if (ev->type == MEDIA_OPENED) {
		p->state = PART_READY;
		p->nbound = p->nports;
	} else if (ev->type == MEDIA_FAILED) {
		bind_failed(m, p);
	} else if (ev->type == MEDIA_CLOSED) {
		for (uint8_t i = 0; i < wev->nspares; i++)
			opening_keep(&m->parts, p, wev->spares[i]);
		parts_remove(&m->parts, p);
	}
}

/* Room for one command more: the oldest CLOSE that waits. */
static void close_next(struct media *m)
{
	struct part *p = LIST_FIRST(&m->closing, struct part, closing);
	struct media_cmd cmd = {.type = MEDIA_CLOSE};

	if (!p)
		return;
	list_remove(&p->closing);
	cmd.session = p->id;
	cmd.seq = p->close_seq;
	m->nunanswered++;
	dispatch(m, &cmd);
}

static void take_event(struct media *m, struct worker_event *wev)
{
	switch (wev->type) {
	case WORKER_CLASH:
		rebind(m, wev);
		return;
	case WORKER_MOVED:
		finish_move(m, wev);
		release(m);
		return;
	case WORKER_NOTICE:
		atomic_fetch_sub(&m->shared.notices, 1);
		/* A recording may end after its session. */
		if (wev->ev.type == MEDIA_RECORDED || parts_find(&m->parts, wev->ev.session))
			m->conf.fn(&wev->ev, m->conf.arg);
		return;
	case WORKER_ANSWER:
		settle(m, wev);
		release(m);
		/* fall through */
	case WORKER_NONE:
		m->nunanswered--;
		close_next(m);
		m->conf.fn(&wev->ev, m->conf.arg);
		return;
	}
}

static int post(struct media_engine *e, const struct media_cmd *cmd)
{
	struct media *m = CONTAINER_OF(e, struct media, engine);
	struct part *p;

	ON_THREAD(THREAD_CORE);
	if (m->nunanswered < WORKER_MAX_UNANSWERED) {
		m->nunanswered++;
		dispatch(m, cmd);
		return 0;
	}
	media_cmd_drop(cmd);
	p = cmd->type == MEDIA_CLOSE ? parts_find(&m->parts, cmd->session) : NULL;
	if (!is_there(p) || link_linked(&p->closing))
		return ENOBUFS;
	close_later(m, p, cmd->seq);
	return 0;
}

static unsigned thread_count(unsigned wanted)
{
	long n = wanted ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > PARTS_MAX_THREADS ? PARTS_MAX_THREADS : (unsigned)n;
}

static bool hand_over(struct media *m, const struct files_done *d)
{
	struct media_event ev = {
		.type = MEDIA_RECORDED, .seq = d->seq, .session = d->session, .err = d->err};

	if (atomic_load(&m->is_closing)) {
		clip_list_free(d->list);
		return true;
	}
	if (d->what == FILES_LOADED) {
		worker_deliver(m->parts.workers[d->worker], d);
		return true;
	}
	ev.u.recorded.ms = d->ms;
	ev.u.recorded.bytes = d->nbytes;
	return worker_notice(&m->shared, &ev);
}

/* On the file thread. */
static bool on_files(const struct files_done *d, void *arg)
{
	struct media *m = arg;
	bool is_done;

	atomic_store(&m->is_handing, true);
	is_done = hand_over(m, d);
	atomic_store(&m->is_handing, false);
	return is_done;
}

/* Nothing reaches a thread that is gone. */
static void stop_handing(struct media *m)
{
	atomic_store(&m->is_closing, true);
	while (atomic_load(&m->is_handing))
		sched_yield();
}

int media_open(struct media **mp, const struct media_conf *conf)
{
	struct media *m;
	unsigned n;
	int err;

	ON_THREAD(THREAD_CORE);
	if (!conf->fn)
		return EINVAL;
	m = mem_alloc(sizeof(*m));
	if (!m)
		return ENOMEM;
	m->engine.post = post;
	err = secure_init();
	if (!err)
		err = dtls_identity_alloc(&m->shared.identity);
	if (err) {
		mem_free(m);
		return err;
	}
	dtls_identity_fingerprint(m->shared.identity, &m->engine.certificate);
	m->conf = *conf;
	list_init(&m->held);
	list_init(&m->closing);
	m->shared.is_polled = conf->is_polled;
	m->shared.max_spares = conf->nspares;
	err = parts_init(&m->parts, conf->port_min, conf->port_max, conf->fill, conf->nspares);
	if (!err)
		err = ring_alloc(&m->shared.events, WORKER_RING_SLOTS, sizeof(struct worker_event));
	if (!err)
		err = files_start(&m->shared.files, on_files, m);
	n = thread_count(conf->nthreads);
	for (unsigned i = 0; !err && i < n; i++) {
		err = worker_start(&m->parts.workers[i], &m->shared, i);
		if (!err)
			m->parts.nworkers++;
	}
	if (err)
		media_close(m);
	else
		*mp = m;
	return err;
}

/* An event that nobody hears any more. */
static void discard(const struct worker_event *wev)
{
	if (wev->type == WORKER_MOVED)
		worker_session_free(wev->moved);
	for (uint8_t i = 0; i < wev->nspares; i++)
		session_drop_spare(wev->spares[i]);
}

struct media *media_close(struct media *m)
{
	struct worker_event wev;

	ON_THREAD(THREAD_CORE);
	if (!m)
		return NULL;
	stop_handing(m);
	for (unsigned i = 0; i < m->parts.nworkers; i++)
		worker_stop(m->parts.workers[i]);
	while (m->shared.events && ring_pop(m->shared.events, &wev))
		discard(&wev);
	files_stop(m->shared.files); /* after the last recording */
	ring_free(m->shared.events);
	LIST_EACH_SAFE (it, tmp, &m->held) {
		struct held *h = CONTAINER_OF(it, struct held, link);

		media_cmd_drop(&h->cmd);
		mem_free(h);
	}
	parts_close(&m->parts);
	dtls_identity_free(m->shared.identity);
	return mem_free(m);
}

struct media_engine *media_engine(struct media *m)
{
	return &m->engine;
}

int media_fd(const struct media *m)
{
	return ring_fd(m->shared.events);
}

void media_poll(struct media *m)
{
	struct worker_event wev;

	ON_THREAD(THREAD_CORE);
	ring_woken(m->shared.events);
	while (ring_pop(m->shared.events, &wev))
		take_event(m, &wev);
}

uint32_t media_turn(struct media *m)
{
	struct worker_event wev;
	uint64_t waited_ms;

	ON_THREAD(THREAD_CORE);
	while (ring_pop(m->shared.events, &wev))
		take_event(m, &wev);
	if (!m->unwoken_ms)
		return 0;
	waited_ms = now_ms() - m->unwoken_ms;
	/* When the turn comes by itself; a timer for it would itself be a wake-up. */
	if (waited_ms < WAKE_MS)
		return (uint32_t)(WAKE_AT_MOST_MS - waited_ms);
	for (unsigned i = 0; i < m->parts.nworkers; i++)
		worker_wake(m->parts.workers[i]);
	m->unwoken_ms = 0;
	return 0;
}

bool media_owes(const struct media *m)
{
	ON_THREAD(THREAD_CORE);
	return m->nunanswered > 0;
}

size_t media_ports_in_use(const struct media *m)
{
	ON_THREAD(THREAD_CORE);
	return parts_ports_in_use(&m->parts);
}

void media_second(struct media *m)
{
	struct worker_msg msg = {.type = WORKER_DROP};
	uint16_t worker;

	ON_THREAD(THREAD_CORE);
	for (int i = 0; i < DROPS_A_SECOND; i++) {
		msg.spare = opening_stale(&m->parts, &m->shared, &worker);
		if (!msg.spare)
			return;
		post_to(m, m->parts.workers[worker], &msg);
	}
}
