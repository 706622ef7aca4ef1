/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One datagram is read per readable socket and turn.  With one socket per stream there is seldom a second, and
 * reading several at once (recvmmsg) was measured slower; what is left over makes the socket readable again.
 */
#include <stdio.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "media/secure.h"
#include "media/session.h"
#include "media/sound.h"

enum { TURN_SOCKETS = 256, TURN_MESSAGES = 16, PACKET_BYTES = 65536, TICKS_LATE = 5, NAP_MS = 10 };

struct worker {
	struct worker_shared *shared;
	struct thread *thread;
	struct ring *ring;
	int epfd;
	bool is_stopping, has_more; /* messages left from this turn */
	bool is_packets_turn;	    /* the last one was for messages, and packets waited */
	struct map sessions;
	struct link all;
	uint64_t now_us, sweep_us, tick_us;
	struct sounds sounds;
	uint64_t swept_us, cpu_us; /* of the last sweep */
	_Atomic unsigned busy_permille;
	uint64_t relayed, refused;		     /* since the last sweep */
	bool is_unwoken __attribute__((aligned(8))); /* core: something was posted quietly */
	_Atomic unsigned nnew;			     /* sessions given and not yet taken in */
	uint8_t packet[PACKET_BYTES + SECURE_TRAILER_BYTES] __attribute__((aligned(8)));
};

static bool same_id(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct worker_session, node)->id == *(const oid *)key;
}

static struct worker_session *find(const struct worker *w, oid id)
{
	struct map_node *node = map_find(&w->sessions, map_hash_u64(id, 0), same_id, &id);

	return node ? CONTAINER_OF(node, struct worker_session, node) : NULL;
}

static void add(struct worker *w, struct worker_session *s)
{
	map_add(&w->sessions, &s->node, map_hash_u64(s->id, 0));
	list_append(&w->all, &s->link);
}

static void drop(struct worker *w, struct worker_session *s)
{
	map_remove(&w->sessions, &s->node);
	list_remove(&s->link);
}

/* Nobody waits for these: they need not wake the core by themselves. */
static bool can_wait(const struct worker_event *ev)
{
	return ev->type == WORKER_ANSWER &&
	       (ev->ev.type == MEDIA_CLOSED || (ev->ev.type == MEDIA_DONE && !ev->ev.err));
}

static void say(struct worker *w, const struct worker_event *ev)
{
	bool is_quiet = w->shared->is_polled && can_wait(ev);
	/* As many slots as commands may be unanswered and notices unread: there is always one. */
	int err = is_quiet ? ring_push_quietly(w->shared->events, ev)
			   : ring_push(w->shared->events, ev);

	BUG(err);
}

static void answer(struct worker *w, const struct media_cmd *cmd, enum media_event_type type,
		   int err)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = type, .seq = cmd->seq, .session = cmd->session, .err = err}};

	say(w, &ev);
}

bool worker_notice(struct worker_shared *shared, const struct media_event *ev)
{
	struct worker_event wev = {.type = WORKER_NOTICE, .ev = *ev};
	int full;

	if (atomic_fetch_add(&shared->notices, 1) >= WORKER_MAX_NOTICES) {
		atomic_fetch_sub(&shared->notices, 1);
		return false;
	}
	full = ring_push(shared->events, &wev);
	BUG(full);
	return true;
}

/* False: too many unread; the news stay for the next sweep. */
static bool notice(struct worker *w, const struct stream *st, enum media_event_type type)
{
	const struct worker_session *s = st->owner;
	struct media_event ev = {.type = type, .session = s->id, .u.stream = st->index};

	if (type == MEDIA_BROKEN)
		ev.err = st->failure;

	return worker_notice(w->shared, &ev);
}

static bool tell(void *arg, const struct media_event *ev)
{
	struct worker *w = arg;

	return worker_notice(w->shared, ev);
}

/* Answers to checks, flights of a hand-shake. */
static void send_web(struct worker *w, struct stream_end *e)
{
	struct sockaddr_storage ss;
	struct addr to;
	size_t n;

	while ((n = stream_web_take(e, w->packet, PACKET_BYTES, &to))) {
		socklen_t nto = addr_to_sockaddr(&to, &ss);

		if (!nto || sendto(e->fd, w->packet, n, 0, (struct sockaddr *)&ss, nto) < 0)
			e->tx_failed++;
	}
}

/* To a peer that takes no events: told, or made to sound.  Where its voice is heard as well (it is recorded), that tells. */
static void on_key(struct worker *w, struct stream *st)
{
	const struct worker_session *s = st->owner;
	struct media_event ev = {.type = MEDIA_KEY, .session = s->id, .u.key = st->key};
	struct sound *sound;

	st->news &= (uint8_t)~RELAY_KEY;
	if (!st->peer)
		return;
	/* Lost when more than a thousand notices wait, or without memory: the call goes on. */
	if (stream_keys_of(st->peer) == STREAM_TOLD)
		(void)(st->voice || worker_notice(w->shared, &ev));
	else if (!sound_get(&w->sounds, s->peer, &sound))
		(void)!sound_repeat(sound, st->key);
}

static void report(struct worker *w, struct stream *st)
{
	if (st->news & RELAY_KEY)
		on_key(w, st);
	if (st->news & RELAY_SAYS) {
		send_web(w, &st->rtp);
		send_web(w, &st->rtcp);
		st->news &= (uint8_t)~RELAY_SAYS;
	}
	if (st->news & RELAY_BROKEN && notice(w, st, MEDIA_BROKEN))
		st->news &= (uint8_t)~RELAY_BROKEN;
	if (st->news & (RELAY_SILENT | RELAY_HEARD) &&
	    notice(w, st, st->news & RELAY_SILENT ? MEDIA_SILENT : MEDIA_HEARD))
		st->news &= (uint8_t) ~(RELAY_SILENT | RELAY_HEARD);
}

static void leave(struct worker *w, struct stream_end *out, const uint8_t *p, size_t n)
{
	if (sendto(out->fd, p, n, 0, &out->to.sa, out->nto) == (ssize_t)n) {
		relay_sent(out, n);
		w->relayed++;
	} else {
		out->tx_failed++;
	}
}

/* What we say ourselves. */
static void send_own(void *arg, struct stream *st, uint8_t *p, size_t n)
{
	struct worker *w = arg;
	struct stream_end *out =
		rtp_is_rtcp(p, n) ? relay_report(st, p, &n) : relay_speak(st, p, &n, w->now_us);

	if (out)
		leave(w, out, p, n);
}

static void relay(struct worker *w, struct stream_end *in)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in6 largest;
	} from;
	socklen_t nfrom = sizeof(from);
	struct stream_end *out = NULL;
	uint64_t refused;
	struct addr src;
	ssize_t nread;
	size_t n;

	if (in->stream->peer)
		relay_expect(&in->stream->peer->rtp);
	nread = recvfrom(in->fd, w->packet, PACKET_BYTES, 0, &from.sa, &nfrom);
	if (nread < 0)
		return;
	n = (size_t)nread;
	refused = in->rx_refused;
	if (addr_from_sockaddr(&src, &from.sa))
		in->rx_refused++;
	else
		out = relay_packet(in, &src, w->packet, &n, w->now_us);
	if (out)
		leave(w, out, w->packet, n);
	w->refused += in->rx_refused - refused;
	if (__builtin_expect(in->stream->news != 0, 0))
		report(w, in->stream);
}

static uint64_t thread_cpu_us(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t)
		       ? 0
		       : (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void measure(struct worker *w)
{
	uint64_t cpu_us = thread_cpu_us(), past_us = w->now_us - w->swept_us;

	if (past_us)
		atomic_store(&w->busy_permille, (unsigned)((cpu_us - w->cpu_us) * 1000 / past_us));
	w->cpu_us = cpu_us;
	w->swept_us = w->now_us;
}

static void sweep(struct worker *w)
{
	w->sweep_us = w->now_us + RELAY_SWEEP_US;
	LIST_EACH (it, &w->all) {
		struct worker_session *s = CONTAINER_OF(it, struct worker_session, link);

		for (size_t i = 0; i < s->nstreams; i++) {
			stream_sweep(s->streams[i], s->silence_us, w->now_us);
			if (s->streams[i]->news)
				report(w, s->streams[i]);
		}
	}
	metric_add(METRIC_RTP_RELAYED, w->relayed);
	metric_add(METRIC_RTP_DROPPED, w->refused);
	w->relayed = w->refused = 0;
	measure(w);
}

static void grow(struct worker *w, const struct worker_msg *msg)
{
	const struct media_cmd *cmd = &msg->cmd;
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_OPENED, .seq = cmd->seq, .session = cmd->session}};
	struct worker_session *s = find(w, cmd->session);
	int err =
		s ? session_grow(s, w->epfd, cmd->u.open.nstreams, msg->ports, &ev.clash) : ENOENT;

	if (err == EADDRINUSE)
		ev.type = WORKER_CLASH;
	else if (err)
		ev.ev.type = MEDIA_FAILED;
	ev.ev.err = err;
	for (size_t i = 0; !err && i < s->nstreams; i++)
		ev.ev.u.local[i] = s->streams[i]->rtp.local;
	say(w, &ev);
}

static bool may_leave_spare(struct worker_shared *shared)
{
	if (atomic_fetch_add(&shared->nspares, 1) < shared->max_spares)
		return true;
	atomic_fetch_sub(&shared->nspares, 1);
	return false;
}

static void leave_spares(struct worker *w, struct worker_session *s, struct worker_event *ev)
{
	session_quiet(s);
	while (s->nstreams && may_leave_spare(w->shared)) {
		struct stream *st = session_spare(s);

		if (!st) {
			atomic_fetch_sub(&w->shared->nspares, 1);
			return;
		}
		ev->spares[ev->nspares++] = st;
	}
}

static void close_session(struct worker *w, const struct media_cmd *cmd)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_CLOSED, .seq = cmd->seq, .session = cmd->session}};
	struct worker_session *s = find(w, cmd->session);

	if (s) {
		session_count(s, &ev.ev.u.counters);
		drop(w, s);
		leave_spares(w, s, &ev);
		worker_session_free(s);
	} else {
		ev.ev.err = ENOENT;
	}
	say(w, &ev);
}

static void tell_stats(struct worker *w, const struct media_cmd *cmd,
		       const struct worker_session *s)
{
	struct worker_event ev = {
		.type = WORKER_ANSWER,
		.ev = {.type = MEDIA_STATS_ARE, .seq = cmd->seq, .session = cmd->session}};

	session_count(s, &ev.ev.u.counters);
	say(w, &ev);
}

static int begin_dtls(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	int err = session_dtls(s, w->shared->identity, cmd, w->now_us);

	if (!err)
		report(w, s->streams[cmd->u.dtls.stream]);
	return err;
}

/* Whoever is recorded together with its peer hears the peer too. */
static void tap(struct worker *w, struct worker_session *s)
{
	struct worker_session *peer = s->peer;
	struct sound *sound;

	if (!peer || peer == s)
		return;
	/* A peer without a codec that we speak is silent in the recording. */
	if (s->sound && s->sound->recording)
		(void)!sound_get(&w->sounds, peer, &sound);
	if (peer->sound && peer->sound->recording)
		(void)!sound_get(&w->sounds, s, &sound);
}

static int convert(struct worker *w, struct worker_session *s)
{
	return s->peer && s->peer != s ? sound_convert(&w->sounds, s, s->peer) : 0;
}

static int on_sound(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	struct sound *sound = NULL;
	int err = sound_get(&w->sounds, s, &sound);

	if (err)
		return err;
	switch (cmd->type) {
	case MEDIA_PLAY:
		return sound_play(sound, cmd);
	case MEDIA_PRESS:
		return sound_press(sound, cmd->u.press);
	case MEDIA_RECORD:
		err = sound_record(sound, cmd);
		tap(w, s);
		return err;
	case MEDIA_MIX:
		return sound_mix(sound, &cmd->u.mix);
	default:
		return EINVAL;
	}
}

static int on_session(struct worker *w, const struct media_cmd *cmd, struct worker_session *s)
{
	struct worker_session *peer;
	int err;

	switch (cmd->type) {
	case MEDIA_REMOTE:
		err = session_remote(s, cmd->u.remote.stream, &cmd->u.remote.remote, w->now_us);
		return err ? err : convert(w, s);
	case MEDIA_KEYS:
		return session_keys(s, cmd);
	case MEDIA_DTLS:
		return begin_dtls(w, cmd, s);
	case MEDIA_JOIN:
		peer = find(w, cmd->u.join.peer);
		err = peer ? session_join(s, peer) : ENOENT;
		if (!err)
			err = convert(w, s);
		tap(w, s);
		return err;
	case MEDIA_PART:
		session_part(s);
		return 0;
	case MEDIA_ECHO:
		return session_echo(s);
	case MEDIA_HUSH:
		if (s->sound)
			sound_hush(s->sound, ECANCELED);
		return 0;
	case MEDIA_RECORD_HOLD:
		return s->sound ? sound_record_hold(s->sound, cmd->u.hold) : ENOENT;
	case MEDIA_RECORD_END:
		return s->sound ? sound_record_end(s->sound) : ENOENT;
	default:
		return on_sound(w, cmd, s);
	}
}

static void command(struct worker *w, const struct worker_msg *msg)
{
	const struct media_cmd *cmd = &msg->cmd;
	struct worker_session *s;
	int err;

	if (cmd->type == MEDIA_GROW)
		return grow(w, msg);
	if (cmd->type == MEDIA_CLOSE)
		return close_session(w, cmd);
	s = find(w, cmd->session);
	if (s && cmd->type == MEDIA_STATS)
		return tell_stats(w, cmd, s);
	err = s ? on_session(w, cmd, s) : ENOENT;
	if (err == EINPROGRESS)
		return; /* the file thread has what it carries */
	media_cmd_drop(cmd);
	answer(w, cmd, MEDIA_DONE, err);
}

static void loaded(struct worker *w, const struct files_done *done)
{
	struct media_cmd cmd = {.seq = done->seq, .session = done->session};
	struct worker_session *s = find(w, done->session);
	int err = ENOENT;

	if (s && s->sound)
		err = sound_loaded(s->sound, done);
	else
		clip_list_free(done->list);
	answer(w, &cmd, MEDIA_DONE, err);
}

static void move_out(struct worker *w, oid id)
{
	struct worker_event ev = {.type = WORKER_MOVED, .ev.session = id, .moved = find(w, id)};

	if (ev.moved) {
		session_part(ev.moved);
		session_leave(ev.moved, w->epfd);
		drop(w, ev.moved);
	}
	say(w, &ev);
}

/* One that cannot be watched is gone; the commands that name it are told so. */
static void adopt(struct worker *w, struct worker_session *s)
{
	sound_enter(&w->sounds, s->sound);
	if (session_enter(s, w->epfd))
		worker_session_free(s);
	else
		add(w, s);
}

/* True: there were some. */
static bool messages(struct worker *w)
{
	struct worker_msg msg;
	unsigned i;

	w->has_more = false;
	for (i = 0; !w->is_stopping && ring_pop(w->ring, &msg); i++) {
		switch (msg.type) {
		case WORKER_COMMAND:
			command(w, &msg);
			break;
		case WORKER_MOVE_OUT:
			move_out(w, msg.cmd.session);
			break;
		case WORKER_ADOPT:
			atomic_fetch_sub(&w->nnew, 1);
			adopt(w, msg.adopted);
			break;
		case WORKER_DROP:
			atomic_fetch_sub(&w->nnew, 1);
			session_drop_spare(msg.spare);
			break;
		case WORKER_LOADED:
			loaded(w, &msg.loaded);
			break;
		case WORKER_STOP:
			w->is_stopping = true;
			break;
		}
		if (i + 1 == TURN_MESSAGES) {
			w->has_more = true;
			return true;
		}
	}
	return i > 0;
}

static int wait_ms(const struct worker *w)
{
	uint64_t next_us = w->sweep_us;

	if (w->has_more || w->is_packets_turn)
		return 0;
	/* Without sessions one more sweep, so that what is told of this thread is true while it sleeps. */
	if (list_empty(&w->all) && !w->relayed && !w->refused && !atomic_load(&w->busy_permille))
		return -1;
	if (!sounds_idle(&w->sounds) && w->tick_us < next_us)
		next_us = w->tick_us;
	return next_us > w->now_us ? (int)((next_us - w->now_us + 999) / 1000) : 0;
}

/* Each 20 ms, counted from the first; after a time without sound, or when the thread was not run, from now. */
static void tick(struct worker *w)
{
	uint64_t step_us = 1000 * VOICE_FRAME_MS;

	sounds_tick(&w->sounds, w->now_us);
	w->tick_us += step_us;
	if (w->tick_us + TICKS_LATE * step_us < w->now_us)
		w->tick_us = w->now_us + step_us;
}

static void relay_all(struct worker *w, const struct epoll_event *ready, int n)
{
	for (int i = 0; i < n; i++) {
		const struct stream_end *next = i + 1 < n ? ready[i + 1].data.ptr : NULL;

		if (next)
			relay_expect(next);
		if (ready[i].data.ptr)
			relay(w, ready[i].data.ptr);
	}
}

/* Packets that only the tick asks for are read by the handful: to be woken for each costs more than the packet.  When they came is known
 * to NAP_MS then, and so is their jitter. */
static void nap(struct worker *w)
{
	struct pollfd ring = {.fd = ring_fd(w->ring), .events = POLLIN};
	int most_ms = sounds_can_wait(&w->sounds, w->sessions.count) ? wait_ms(w) : 0;

	if (!most_ms)
		return;
	(void)!poll(&ring, 1, most_ms < NAP_MS ? most_ms : NAP_MS);
	w->now_us = clock_mono_us(clock_real());
}

static void turn(struct worker *w)
{
	struct epoll_event ready[TURN_SOCKETS];
	size_t npackets = 0;
	int n;

	nap(w);
	n = epoll_wait(w->epfd, ready, TURN_SOCKETS, wait_ms(w));
	BUG(n < 0 && errno != EINTR);
	w->now_us = clock_mono_us(clock_real());
	for (int i = 0; i < n; i++) {
		if (ready[i].data.ptr)
			npackets++;
		else
			ring_woken(w->ring);
	}
	if (!w->is_packets_turn && messages(w)) {
		w->is_packets_turn = npackets > 0;
	} else {
		relay_all(w, ready, n);
		w->is_packets_turn = false;
	}
	if (!sounds_idle(&w->sounds) && w->now_us >= w->tick_us)
		tick(w);
	if (w->now_us >= w->sweep_us)
		sweep(w);
}

static void run(void *arg)
{
	struct worker *w = arg;

	while (!w->is_stopping)
		turn(w);
	LIST_EACH_SAFE (it, tmp, &w->all)
		worker_session_free(CONTAINER_OF(it, struct worker_session, link));
}

int worker_start(struct worker **wp, struct worker_shared *shared, unsigned number)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct worker *w = mem_alloc(sizeof(*w));
	struct sounds_out out = {send_own, tell, w};
	char name[16];
	int err;

	if (!w)
		return ENOMEM;
	w->shared = shared;
	list_init(&w->all);
	w->epfd = epoll_create1(EPOLL_CLOEXEC);
	err = w->epfd < 0 ? errno : map_init(&w->sessions);
	if (!err)
		err = sounds_init(&w->sounds, &out, shared->files, number);
	if (!err)
		err = ring_alloc(&w->ring, WORKER_RING_SLOTS, sizeof(struct worker_msg));
	if (!err && epoll_ctl(w->epfd, EPOLL_CTL_ADD, ring_fd(w->ring), &ev))
		err = errno;
	snprintf(name, sizeof(name), "media%u", number);
	if (!err)
		err = thread_start(&w->thread, name, THREAD_MEDIA, run, w);
	if (err)
		worker_stop(w);
	else
		*wp = w;
	return err;
}

/* What nobody will carry out any more. */
static void forget(const struct worker_msg *msg)
{
	if (msg->type == WORKER_ADOPT)
		worker_session_free(msg->adopted);
	else if (msg->type == WORKER_DROP)
		session_drop_spare(msg->spare);
	else if (msg->type == WORKER_LOADED)
		clip_list_free(msg->loaded.list);
	else if (msg->type == WORKER_COMMAND)
		media_cmd_drop(&msg->cmd);
}

struct worker *worker_stop(struct worker *w)
{
	struct worker_msg msg = {.type = WORKER_STOP};

	if (!w)
		return NULL;
	if (w->thread) {
		worker_post(w, &msg);
		thread_join(w->thread);
	}
	while (w->ring && ring_pop(w->ring, &msg))
		forget(&msg);
	sounds_close(&w->sounds);
	map_close(&w->sessions);
	ring_free(w->ring);
	if (w->epfd >= 0)
		close(w->epfd);
	return mem_free(w);
}

void worker_post_quietly(struct worker *w, const struct worker_msg *msg)
{
	int err;

	if (msg->type == WORKER_ADOPT || msg->type == WORKER_DROP)
		atomic_fetch_add(&w->nnew, 1);
	err = ring_push_quietly(w->ring, msg);
	BUG(err);
	w->is_unwoken = true;
}

void worker_deliver(struct worker *w, const struct files_done *done)
{
	struct worker_msg msg = {.type = WORKER_LOADED, .loaded = *done};
	int full = ring_push(w->ring, &msg);

	BUG(full);
}

void worker_wake(struct worker *w)
{
	if (w->is_unwoken)
		ring_wake(w->ring);
	w->is_unwoken = false;
}

void worker_post(struct worker *w, const struct worker_msg *msg)
{
	worker_post_quietly(w, msg);
	worker_wake(w);
}

bool worker_has_room(const struct worker *w)
{
	return atomic_load(&w->nnew) < WORKER_MAX_NEW;
}

unsigned worker_busy_permille(const struct worker *w)
{
	return atomic_load(&w->busy_permille);
}
