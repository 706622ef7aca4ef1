/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One datagram is read per readable socket and turn; what the tick alone asks for is read by it.  With one socket per
 * stream there is seldom a second, and reading several at once (recvmmsg) was measured slower; what is left over makes the
 * socket readable again.
 */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "media/secure.h"
#include "media/worker_impl.h"

enum { TURN_SOCKETS = 256, TURN_MESSAGES = 16, TICKS_LATE = 5, WAITED_MOST_US = 1000000 };

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

void worker_report(struct worker *w, struct stream *st)
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

union source {
	struct sockaddr sa;
	struct sockaddr_in6 largest;
};

/* A datagram that was read has come at now_us. */
static inline void pass(struct worker *w, struct stream_end *in, const union source *from, size_t n,
			uint64_t now_us)
{
	struct stream_end *out = NULL;
	uint64_t refused = in->rx_refused;
	struct addr src;

	if (addr_from_sockaddr(&src, &from->sa))
		in->rx_refused++;
	else
		out = relay_packet(in, &src, w->packet, &n, now_us);
	if (out)
		leave(w, out, w->packet, n);
	w->refused += in->rx_refused - refused;
	if (__builtin_expect(in->stream->news != 0, 0))
		worker_report(w, in->stream);
}

static void relay(struct worker *w, struct stream_end *in)
{
	union source from;
	socklen_t nfrom = sizeof(from);
	ssize_t n;

	if (in->stream->peer)
		relay_expect(&in->stream->peer->rtp);
	n = recvfrom(in->fd, w->packet, PACKET_BYTES, 0, &from.sa, &nfrom);
	if (n >= 0)
		pass(w, in, &from, (size_t)n, w->now_us);
}

static void wait_for_tick(void *arg, struct stream *st, bool waits)
{
	struct worker *w = arg;

	session_wait(st, w->epfd, waits);
}

/* When the kernel had it, on our clock. */
static uint64_t came_us(const struct worker *w, struct msghdr *m)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(m);
	struct timespec stamp;
	uint64_t wall_us;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_TIMESTAMPNS)
		return w->now_us;
	memcpy(&stamp, CMSG_DATA(head), sizeof(stamp));
	wall_us = (uint64_t)stamp.tv_sec * 1000000 + (uint64_t)stamp.tv_nsec / 1000;
	/* A wall clock that was set in between is not believed. */
	return wall_us <= w->wall_us && w->wall_us - wall_us < WAITED_MOST_US
		       ? w->now_us - (w->wall_us - wall_us)
		       : w->now_us;
}

/* Packets that only the tick asks for are read by it: to be woken for each costs more than the packet, and so does to find its
 * call in the cache three times. */
static bool read_one(void *arg, struct stream *st, uint64_t *came)
{
	struct worker *w = arg;
	struct iovec bytes = {w->packet, PACKET_BYTES};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	union source from;
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &bytes,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(st->rtp.fd, &m, 0);

	if (n < 0)
		return false;
	*came = came_us(w, &m);
	pass(w, &st->rtp, &from, (size_t)n, *came);
	return true;
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
				worker_report(w, s->streams[i]);
		}
	}
	metric_add(METRIC_RTP_RELAYED, w->relayed);
	metric_add(METRIC_RTP_DROPPED, w->refused);
	w->relayed = w->refused = 0;
	measure(w);
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
			worker_command(w, &msg);
			break;
		case WORKER_MOVE_OUT:
			worker_move_out(w, msg.cmd.session);
			break;
		case WORKER_ADOPT:
			atomic_fetch_sub(&w->nnew, 1);
			worker_adopt(w, msg.adopted);
			break;
		case WORKER_DROP:
			atomic_fetch_sub(&w->nnew, 1);
			session_drop_spare(msg.spare);
			break;
		case WORKER_LOADED:
			worker_loaded(w, &msg.loaded);
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

	w->wall_us = (uint64_t)clock_wall_us(clock_real());
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

static void turn(struct worker *w)
{
	struct epoll_event ready[TURN_SOCKETS];
	size_t npackets = 0;
	int n;

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
	struct sounds_out out = {send_own, tell, wait_for_tick, read_one, w};
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
